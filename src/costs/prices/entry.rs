use std::num::NonZeroU32;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{EntryFault, ListPrice, PriceError, PriceTable, PriceUnit, TableRow};
use crate::{
    domain::{Operation, Product},
    units::{Currency, Money},
};

/// One price over one span of days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceEntry {
    /// Service and model, for example `fal/z-image-turbo`.
    pub sku: String,
    /// What it is the price of.
    pub operation: Operation,
    /// The list price.
    pub price: ListPrice,
    /// Its currency.
    pub currency: Currency,
    /// First day of the price.
    pub effective_from: Date,
    /// Last day of the price; none while no end is known.
    pub effective_to: Option<Date>,
    /// Where the price was read, and what it was checked against.
    pub source: String,
    /// When it was read.
    pub read_on: Date,
}

/// An entry of `sku` as messages name it.
pub(super) fn name(sku: &str, operation: Operation) -> String {
    match operation {
        Operation::Generate => sku.to_owned(),
        Operation::Edit => format!("{sku} (edit)"),
    }
}

impl PriceEntry {
    /// The sku, and that the price is one of edits if it is.
    pub fn name(&self) -> String {
        name(&self.sku, self.operation)
    }

    /// The list price of one image, whatever was done for it, in the entry's currency, rounded down; never 0.
    ///
    /// # Errors
    /// [`PriceError::RoundsToZero`] if it is less than a nano-unit, [`PriceError::Range`] past the ledger's range.
    pub fn price_of(&self, Product { size, quality, .. }: Product) -> Result<Money, PriceError> {
        match self.price.of_image(size, quality)? {
            Money::ZERO => Err(PriceError::RoundsToZero { sku: self.name(), size }),
            price => Ok(price),
        }
    }

    /// Whether it is the price of `day`.
    pub fn holds_on(&self, day: Date) -> bool {
        self.effective_from <= day && self.effective_to.is_none_or(|last| day <= last)
    }
}

/// An entry as it is written: whether its fields fit its unit is not known yet.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenEntry {
    pub(super) sku: String,
    #[serde(default)]
    pub(super) operation: Operation,
    unit: PriceUnit,
    amount: Option<Money>,
    included_images: Option<u32>,
    rows: Option<Vec<TableRow>>,
    /// As it is written: an entry with a wrong one is looked at for its other faults too.
    currency: String,
    pub(super) effective_from: Date,
    pub(super) effective_to: Option<Date>,
    #[serde(default)]
    source: String,
    read_on: Date,
}

impl WrittenEntry {
    /// The entry, or everything that is wrong with it.
    pub(super) fn check(self) -> Result<PriceEntry, Vec<PriceError>> {
        let mut faults = self.faults();
        let currency = self.currency.parse().map_err(EntryFault::UnknownCurrency);
        let (currency, price) = match (currency, self.price()) {
            (Ok(currency), Ok(price)) if faults.is_empty() => (currency, price),
            (currency, price) => {
                faults.splice(..0, currency.err());
                faults.extend(price.err());
                return Err(self.named(faults));
            }
        };
        Ok(PriceEntry {
            sku: self.sku,
            operation: self.operation,
            price,
            currency,
            effective_from: self.effective_from,
            effective_to: self.effective_to,
            source: self.source,
            read_on: self.read_on,
        })
    }

    fn named(&self, faults: Vec<EntryFault>) -> Vec<PriceError> {
        let sku = name(&self.sku, self.operation);
        let named = |fault| PriceError::Entry { sku: sku.clone(), from: self.effective_from, fault };
        faults.into_iter().map(named).collect()
    }

    /// What is wrong beside the price.
    fn faults(&self) -> Vec<EntryFault> {
        let mut faults = Vec::new();
        if self.source.trim().is_empty() {
            faults.push(EntryFault::NoSource);
        }
        if let Some(last) = self.effective_to.filter(|last| *last < self.effective_from) {
            faults.push(EntryFault::EndsBeforeItBegins(last));
        }
        if self.read_on < self.effective_from {
            faults.push(EntryFault::ReadTooEarly(self.read_on));
        }
        faults
    }

    fn price(&self) -> Result<ListPrice, EntryFault> {
        let unit = self.unit;
        let is_given = [
            ("amount", self.amount.is_some(), unit != PriceUnit::Table),
            ("included_images", self.included_images.is_some(), unit == PriceUnit::Plan),
            ("rows", self.rows.is_some(), unit == PriceUnit::Table),
        ];
        if let Some((field, ..)) = is_given.into_iter().find(|(_, given, wanted)| *given && !wanted) {
            return Err(EntryFault::Surplus { field, unit });
        }
        match unit {
            PriceUnit::Image => Ok(ListPrice::Image(self.amount()?)),
            PriceUnit::Megapixel => Ok(ListPrice::Megapixel(self.amount()?)),
            PriceUnit::Plan => {
                let field = "included_images";
                let images = self.included_images.ok_or(EntryFault::Missing { field, unit })?;
                let included_images = NonZeroU32::new(images).ok_or(EntryFault::NotPositive { field })?;
                Ok(ListPrice::Plan { a_month: self.amount()?, included_images })
            }
            PriceUnit::Table => {
                let table = PriceTable::new(self.rows.as_deref().unwrap_or_default())?;
                table.map(ListPrice::Table).ok_or(EntryFault::Missing { field: "rows", unit })
            }
        }
    }

    fn amount(&self) -> Result<Money, EntryFault> {
        let field = "amount";
        match self.amount {
            None => Err(EntryFault::Missing { field, unit: self.unit }),
            Some(amount) if amount <= Money::ZERO => Err(EntryFault::NotPositive { field }),
            Some(amount) => Ok(amount),
        }
    }
}
