//! The price book: what services charge for an image.

mod entry;
mod error;
mod list_price;
mod spans;
mod succession;
mod table;
mod unit;
mod warnings;

use figment::{Figment, value::Value};
use jiff::civil::Date;
use serde::Deserialize;

pub(super) use self::warnings::DAYS_AHEAD;
pub use self::{
    entry::PriceEntry,
    error::{EntryFault, PriceError},
    list_price::ListPrice,
    table::{PriceTable, TableRow},
    unit::PriceUnit,
    warnings::PriceWarning,
};
use self::{
    entry::{WrittenEntry, name},
    spans::Span,
};
use crate::{
    domain::{Operation, Product},
    toml_text::TomlText,
    units::Money,
};

/// What services charge for an image, by stock-keeping unit and day. Append-only: a price change is a new entry, so
/// last month keeps last month's price.
#[derive(Debug, Clone)]
pub struct PriceBook {
    /// As they stand in the file.
    entries: Vec<PriceEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceFile {
    price: Vec<Value>,
}

impl PriceBook {
    /// The file that [`PriceBook::built_in`] reads.
    pub const BUILT_IN: &str = include_str!("../../../config/prices.toml");

    /// The price book that comes with Tintype, config/prices.toml.
    ///
    /// # Errors
    /// As [`PriceBook::parse`]; a test holds the file to it.
    pub fn built_in() -> Result<Self, PriceError> {
        Self::parse(Self::BUILT_IN)
    }

    /// Reads a price book and checks it.
    ///
    /// # Errors
    /// The first of [`PriceBook::problems`].
    pub fn parse(toml: &str) -> Result<Self, PriceError> {
        let (book, problems) = Self::read(toml);
        match problems.into_iter().next() {
            None => Ok(book),
            Some(problem) => Err(problem),
        }
    }

    /// Everything that is wrong with a price book: a file that is none, entries with faults, days with two prices, and
    /// days without one between two entries of a sku.
    pub fn problems(toml: &str) -> Vec<PriceError> {
        Self::read(toml).1
    }

    /// The sound entries, and what is wrong with the others.
    fn read(toml: &str) -> (Self, Vec<PriceError>) {
        let (mut entries, mut problems, mut spans) = (Vec::new(), Vec::new(), Vec::new());
        let written = match Figment::from(TomlText::string(toml)).extract::<PriceFile>() {
            Ok(file) => file.price,
            Err(error) => {
                problems.push(PriceError::Malformed(in_one_line(&error.to_string())));
                Vec::new()
            }
        };
        for (index, value) in written.iter().enumerate() {
            match value.deserialize::<WrittenEntry>() {
                Err(error) => {
                    let field: String = error.path.iter().map(|key| format!("{key}: ")).collect();
                    let fault = in_one_line(&error.kind.to_string());
                    problems.push(PriceError::Malformed(format!("price {}: {field}{fault}", index + 1)));
                }
                Ok(entry) => {
                    spans.push(Span::of(&entry));
                    match entry.check() {
                        Ok(entry) => entries.push(entry),
                        Err(faults) => problems.extend(faults),
                    }
                }
            }
        }
        problems.extend(spans::problems(spans));
        (Self { entries }, problems)
    }

    /// All entries, as they stand in the file.
    pub fn entries(&self) -> &[PriceEntry] {
        &self.entries
    }

    /// Every sku once, as they stand in the file.
    pub fn skus(&self) -> Vec<&str> {
        let mut skus = Vec::new();
        for entry in &self.entries {
            if !skus.contains(&entry.sku.as_str()) {
                skus.push(entry.sku.as_str());
            }
        }
        skus
    }

    /// Whether `sku` has an entry, on whatever day.
    ///
    /// # Errors
    /// [`PriceError::UnknownSku`], with the known one that is written most like it.
    pub fn check_sku(&self, sku: &str) -> Result<(), PriceError> {
        const LIKENESS_MIN: f64 = 0.85;
        let skus = self.skus();
        if skus.contains(&sku) {
            return Ok(());
        }
        let likeness = |known: &&str| strsim::jaro_winkler(sku, known);
        let alike = skus.into_iter().filter(|known| likeness(known) >= LIKENESS_MIN);
        let suggestion = alike.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).map(str::to_owned);
        Err(PriceError::UnknownSku { sku: sku.to_owned(), suggestion })
    }

    /// The entry for `operation` of `sku` on `day`.
    ///
    /// # Errors
    /// [`PriceError::Unpriced`].
    pub fn entry(&self, sku: &str, operation: Operation, day: Date) -> Result<&PriceEntry, PriceError> {
        self.entries
            .iter()
            .find(|entry| entry.sku == sku && entry.operation == operation && entry.holds_on(day))
            .ok_or_else(|| PriceError::Unpriced { sku: name(sku, operation), day })
    }

    /// The list price of one image at `sku` on `day`, in the entry's currency, rounded down; never 0.
    ///
    /// # Errors
    /// [`PriceError::Unpriced`] if there is none, [`PriceError::RoundsToZero`] if it is less than a nano-unit,
    /// and [`PriceError::Range`] past the ledger's range.
    pub fn price(&self, sku: &str, product: Product, day: Date) -> Result<Money, PriceError> {
        self.entry(sku, product.operation, day)?.price_of(product)
    }
}

fn in_one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
