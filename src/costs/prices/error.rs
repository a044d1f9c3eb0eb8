use jiff::civil::Date;

use super::PriceUnit;
use crate::{
    domain::ImageSize,
    units::{CurrencyError, RangeError},
};

/// What is wrong with a price book, or with a question to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// The file, or an entry, is none.
    #[error("price book: {0}")]
    Malformed(String),
    /// An entry says what cannot be.
    #[error("{sku} from {from}: {fault}")]
    Entry {
        /// The entry.
        sku: String,
        /// Its first day.
        from: Date,
        /// What is wrong with it.
        fault: EntryFault,
    },
    /// Two prices on one day.
    #[error("{sku} has two prices on {day}; end the earlier entry with effective_to")]
    Overlap {
        /// The sku.
        sku: String,
        /// The first day with two prices.
        day: Date,
    },
    /// Days without a price between two entries.
    #[error(
        "{sku} has no price from {first} to {last}; move effective_to or effective_from, or add an entry"
    )]
    Gap {
        /// The sku.
        sku: String,
        /// First day without a price.
        first: Date,
        /// Last day without a price.
        last: Date,
    },
    /// A newer book has not this entry as it was.
    #[error("{sku} from {from} is missing or another; keep it, but for effective_to, and add the next entry")]
    Rewritten {
        /// The sku.
        sku: String,
        /// The entry's first day.
        from: Date,
    },
    /// The sku is unknown, or has no price on the day.
    #[error("the price book has no price for {sku} on {day}; add an entry or compare with another sku")]
    Unpriced {
        /// The sku.
        sku: String,
        /// The day.
        day: Date,
    },
    /// No entry, on whatever day.
    #[error(
        "the price book has no sku {sku}{}; `tintype prices check` lists all",
        suggestion.as_ref().map_or_else(String::new, |known| format!("; did you mean {known}?"))
    )]
    UnknownSku {
        /// The sku.
        sku: String,
        /// The known sku that is written most like it.
        suggestion: Option<String>,
    },
    /// A free image is a mistake.
    #[error("an image of {size} at {sku} costs less than a billionth; compare with another sku")]
    RoundsToZero {
        /// The sku.
        sku: String,
        /// The image's size.
        size: ImageSize,
    },
    /// An amount passed the ledger's range.
    #[error(transparent)]
    Range(#[from] RangeError),
}

/// What is wrong with one entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// The unit needs a field that is not there.
    #[error("{field} is missing; unit \"{unit}\" needs it")]
    Missing {
        /// The field.
        field: &'static str,
        /// The entry's unit.
        unit: PriceUnit,
    },
    /// The unit has no use for a field.
    #[error("{field} means nothing for unit \"{unit}\"; leave it out")]
    Surplus {
        /// The field.
        field: &'static str,
        /// The entry's unit.
        unit: PriceUnit,
    },
    /// A free image is a mistake.
    #[error("{field} must be above 0; a retired price keeps its amount and gets an effective_to")]
    NotPositive {
        /// The field.
        field: &'static str,
    },
    /// Two rows of a table for the same image.
    #[error("rows {row} and {again} are for the same size and quality; keep one")]
    DuplicateRow {
        /// The first of them, counted from 1.
        row: usize,
        /// The second of them.
        again: usize,
    },
    /// Some rows of a table are for a size or a quality, and others for all.
    #[error("some rows name a {field} and others do not; name it in all or in none")]
    MixedRows {
        /// `size` or `quality`.
        field: &'static str,
    },
    /// Not money of today.
    #[error("currency: {0}")]
    UnknownCurrency(CurrencyError),
    /// Nobody could check the price.
    #[error("source is empty; say where the price was read")]
    NoSource,
    /// The last day comes before the first.
    #[error("effective_to {0} is before effective_from; exchange them")]
    EndsBeforeItBegins(Date),
    /// A price is in the book when it was seen in force, not when it was announced.
    #[error("read_on {0} is before effective_from; write the day on which the price was seen in force")]
    ReadTooEarly(Date),
}
