use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CostError, PriceEntry, PriceError};
use crate::{
    domain::Product,
    units::{Money, RangeError},
};

/// A list price elsewhere, for the same size on the same day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The service, a sku of the price book.
    pub sku: String,
    /// Its list price in the ledger's currency, rounded down.
    pub price: Money,
    /// What one unit of the list's currency cost in the ledger's, on that day.
    pub exchange_rate: Money,
    /// The price book's entry that it is by; none if it was read back.
    pub rate: Option<Arc<ListRate>>,
}

/// An entry of the price book, at an exchange rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRate {
    /// The entry.
    #[serde(flatten)]
    pub entry: PriceEntry,
    /// What one unit of its currency costs in the ledger's.
    pub exchange_rate: Money,
    /// What the service takes off its list price, in percent.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub discount_percent: u32,
}

impl Comparison {
    /// The price of `images` images; none past the ledger's range.
    pub(super) fn times(&self, images: u32) -> Option<Self> {
        let price = self.price.times(i64::from(images)).ok()?;
        Some(Self { price, ..self.clone() })
    }
}

impl ListRate {
    /// The price of `product` in the ledger's currency, rounded down; never 0.
    ///
    /// # Errors
    /// [`CostError`] if it rounds to 0 or is past the ledger's range.
    pub fn price_of(&self, product: Product) -> Result<Money, CostError> {
        let left = 100_u32.saturating_sub(self.discount_percent);
        match price_of_image(&self.entry, self.exchange_rate, product)?.share_floor(left.into(), 100)? {
            Money::ZERO => {
                Err(PriceError::RoundsToZero { sku: self.entry.name(), size: product.size }.into())
            }
            price => Ok(price),
        }
    }
}

const fn is_nothing(percent: &u32) -> bool {
    *percent == 0
}

/// `entry`'s price of an image at `exchange_rate`, rounded down; never 0.
pub(super) fn price_of_image(
    entry: &PriceEntry,
    exchange_rate: Money,
    product: Product,
) -> Result<Money, CostError> {
    match in_ledgers_currency(entry.price_of(product)?, exchange_rate)? {
        Money::ZERO => Err(PriceError::RoundsToZero { sku: entry.name(), size: product.size }.into()),
        price => Ok(price),
    }
}

/// `amount` at `exchange_rate`, rounded down.
pub(super) fn in_ledgers_currency(amount: Money, exchange_rate: Money) -> Result<Money, RangeError> {
    amount.share_floor(exchange_rate.as_nano().unsigned_abs(), 1_000_000_000)
}
