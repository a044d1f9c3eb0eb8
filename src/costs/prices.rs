use std::collections::BTreeMap;

use figment::{
    Figment,
    providers::{Format, Toml},
};
use jiff::civil::Date;
use serde::Deserialize;

use crate::{
    domain::ImageSize,
    units::{Currency, Money, MoneyError},
};

/// What services charge for a picture, by stock-keeping unit and day. Append-only: a price change is a new entry, so last
/// month keeps last month's price.
#[derive(Debug, Clone)]
pub struct PriceBook {
    /// Entries of each sku, by the day from which they hold.
    entries: BTreeMap<String, Vec<PriceEntry>>,
}

/// One price over one span of days.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceEntry {
    /// Service and model, for example `fal/z-image-turbo`.
    pub sku: String,
    /// What the amount is for.
    pub unit: PriceUnit,
    /// The list price.
    pub amount: Money,
    /// Its currency.
    pub currency: Currency,
    /// First day of the price.
    pub effective_from: Date,
    /// Last day of the price; none while it holds.
    pub effective_to: Option<Date>,
    /// Where the price was read.
    pub source: String,
    /// When it was read.
    pub read_on: Date,
}

/// What a list price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PriceUnit {
    /// One picture of any size.
    Image,
    /// A million pixels, charged by the pixel.
    Megapixel,
}

/// What is wrong with a price book, or with a question to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// The file is not a price book.
    #[error("{0}")]
    Malformed(String),
    /// A free picture is a mistake.
    #[error(
        "{sku} from {from}: the amount must be above 0; a retired price keeps its amount and gets an effective_to"
    )]
    NotPositive {
        /// The entry.
        sku: String,
        /// Its first day.
        from: Date,
    },
    /// Two prices on one day.
    #[error("{sku} has two prices on {day}; end the earlier entry with effective_to")]
    Overlap {
        /// The entry.
        sku: String,
        /// The first day with two prices.
        day: Date,
    },
    /// The sku is unknown, or has no price on the day.
    #[error("the price book has no price for {sku} on {day}; add an entry or compare with another sku")]
    Unpriced {
        /// The entry.
        sku: String,
        /// The day.
        day: Date,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceFile {
    price: Vec<PriceEntry>,
}

impl PriceBook {
    /// The price book that comes with Tintype, config/prices.toml.
    ///
    /// # Errors
    /// As [`PriceBook::parse`]; a test holds the file to it.
    pub fn built_in() -> Result<Self, PriceError> {
        Self::parse(include_str!("../../config/prices.toml"))
    }

    /// Reads a price book and checks it.
    ///
    /// # Errors
    /// [`PriceError`] for a file that is no price book, an amount of 0, or two prices on one day.
    pub fn parse(toml: &str) -> Result<Self, PriceError> {
        let file: PriceFile = Figment::from(Toml::string(toml))
            .extract()
            .map_err(|error| PriceError::Malformed(format!("price book: {error}")))?;
        let mut entries: BTreeMap<String, Vec<PriceEntry>> = BTreeMap::new();
        for entry in file.price {
            if entry.amount <= Money::ZERO {
                return Err(PriceError::NotPositive { sku: entry.sku, from: entry.effective_from });
            }
            entries.entry(entry.sku.clone()).or_default().push(entry);
        }
        for (sku, prices) in &mut entries {
            prices.sort_by_key(|price| price.effective_from);
            if let Some(pair) = prices.windows(2).find(|pair| pair[0].holds_on(pair[1].effective_from)) {
                return Err(PriceError::Overlap { sku: sku.clone(), day: pair[1].effective_from });
            }
        }
        Ok(Self { entries })
    }

    /// The price of `sku` on `day`.
    ///
    /// # Errors
    /// [`PriceError::Unpriced`]; never a free picture.
    pub fn price(&self, sku: &str, day: Date) -> Result<&PriceEntry, PriceError> {
        let prices = self.entries.get(sku).map_or(&[][..], Vec::as_slice);
        prices
            .iter()
            .find(|price| price.holds_on(day))
            .ok_or_else(|| PriceError::Unpriced { sku: sku.to_owned(), day })
    }
}

impl PriceEntry {
    fn holds_on(&self, day: Date) -> bool {
        self.effective_from <= day && self.effective_to.is_none_or(|last| day <= last)
    }

    /// The list price of one picture of `size`, rounded down.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] past the ledger's range.
    pub fn of_picture(&self, size: ImageSize) -> Result<Money, MoneyError> {
        match self.unit {
            PriceUnit::Image => Ok(self.amount),
            PriceUnit::Megapixel => self.amount.share_floor(size.pixels(), 1_000_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn entry(amount: &str, from: &str, to: &str) -> String {
        format!(
            "[[price]]\nsku = \"a/b\"\nunit = \"image\"\namount = \"{amount}\"\ncurrency = \"USD\"\n\
             effective_from = \"{from}\"\n{to}\nsource = \"test\"\nread_on = \"2026-11-01\"\n"
        )
    }

    #[test]
    fn the_built_in_book_is_sound_and_prices_the_same_weights() {
        let book = PriceBook::built_in().expect("config/prices.toml");
        let fal = book.price("fal/z-image-turbo", date(2026, 11, 23)).expect("priced");
        let megapixel = fal.of_picture(ImageSize::square(1000)).expect("in range");
        assert_eq!(megapixel.to_string(), "0.005");
    }

    #[test]
    fn last_month_keeps_last_months_price() {
        let book =
            entry("0.04", "2026-01-01", "effective_to = \"2026-10-31\"") + &entry("0.03", "2026-11-01", "");
        let book = PriceBook::parse(&book).expect("a book");
        let on = |day| book.price("a/b", day).map(|price| price.amount.to_string());
        assert_eq!(on(date(2026, 10, 31)), Ok("0.04".into()));
        assert_eq!(on(date(2026, 11, 1)), Ok("0.03".into()));
        assert!(matches!(on(date(2025, 12, 31)), Err(PriceError::Unpriced { .. })));
    }

    #[test]
    fn a_free_picture_and_two_prices_on_one_day_are_mistakes() {
        let free = PriceBook::parse(&entry("0.0", "2026-01-01", ""));
        assert!(matches!(free, Err(PriceError::NotPositive { .. })));
        let twice = entry("1", "2026-01-01", "") + &entry("2", "2026-02-01", "");
        assert!(matches!(PriceBook::parse(&twice), Err(PriceError::Overlap { .. })));
    }

    #[test]
    fn a_malformed_book_names_the_field() {
        let book = entry("cheap", "2026-01-01", "");
        let error = PriceBook::parse(&book).expect_err("not an amount").to_string();
        assert!(error.contains("amount") && error.contains("cheap"), "{error}");
    }
}
