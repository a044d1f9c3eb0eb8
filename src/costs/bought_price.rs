use jiff::civil::Date;

use super::{CostError, CostModel};
use crate::{
    domain::Product,
    units::{Currency, Money},
};

/// What an image costs that is bought from a service, by the price book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoughtPrice {
    /// The price book's entry.
    pub sku: String,
    /// Its list price, in the service's currency.
    pub list: Money,
    /// The service's currency.
    pub list_currency: Currency,
    /// What one unit of that currency costs in the ledger's, on that day.
    pub exchange_rate: Money,
    /// The price in the ledger's currency, rounded up: it is a cost.
    pub price: Money,
}

impl CostModel {
    /// The price of a `product` of `sku` that is bought on `day`.
    ///
    /// # Errors
    /// [`CostError`] if a price or a rate is missing on that day, or an amount is out of range.
    pub fn bought_price(&self, sku: &str, product: Product, day: Date) -> Result<BoughtPrice, CostError> {
        let (entry, exchange_rate) = self.price_on(sku, product.operation, day)?;
        let list = entry.price_of(product)?;
        let price = list.share_ceil(exchange_rate.as_nano().unsigned_abs(), 1_000_000_000)?;
        Ok(BoughtPrice { sku: sku.to_owned(), list, list_currency: entry.currency, exchange_rate, price })
    }
}

impl BoughtPrice {
    /// The price of `images` images, in the ledger's currency.
    ///
    /// # Errors
    /// [`CostError::Range`] past the ledger's range.
    pub fn of(&self, images: u32) -> Result<Money, CostError> {
        Ok(self.price.times(images)?)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::{
        costs::{CostSettings, ExchangeRate, PriceBook},
        domain::{ImageSize, Quality},
    };

    #[test]
    fn a_price_is_rounded_up_and_says_by_which_rate() {
        let day = date(2026, 11, 23);
        let dollars = ExchangeRate {
            from: Currency::USD,
            to: Currency::CNY,
            rate: "7.0000001".parse().expect("a rate"),
            effective_from: date(2026, 1, 1),
        };
        let prices = PriceBook::built_in().expect("a price book");
        let model = CostModel::new(CostSettings::default(), prices, vec![dollars]).expect("a model");
        let product = Product::generated(ImageSize::square(1024), Quality::Medium);
        let price = model.bought_price("openai/gpt-image-2", product, day).expect("a price");
        assert_eq!(
            (price.list.to_string(), price.list_currency, price.exchange_rate.to_string()),
            ("0.053".into(), Currency::USD, "7.0000001".into())
        );
        assert_eq!(price.price.to_string(), "0.371000006", "0.3710000053 rounded up");
        assert_eq!(price.of(3).map(|sum| sum.to_string()), Ok("1.113000018".into()));
        assert!(model.bought_price("openai/gpt-image-2", product, date(2020, 1, 1)).is_err());
    }
}
