//! Values of flags, as people write them.

use jiff::civil::Date;

use crate::{
    domain::{TEXT_CHARS_MAX, check_label},
    units::Money,
};

/// A day, `2026-11-23`. Not the lenient reading, which passes over a time and an offset.
pub(super) fn parse_day(text: &str) -> Result<Date, String> {
    Date::strptime("%Y-%m-%d", text).map_err(|_| "not a day; write it as 2026-11-23".into())
}

/// A name, a document or a reason, which stands in the books for good: tables, pages and statements show it in one line.
pub(super) fn parse_text(text: &str) -> Result<String, String> {
    check_label(text, TEXT_CHARS_MAX).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

/// An amount of the ledger's currency that is not negative.
pub(super) fn parse_amount(text: &str) -> Result<Money, String> {
    match text.parse::<Money>() {
        Ok(amount) if amount >= Money::ZERO => Ok(amount),
        Ok(_) => Err("an amount is not negative here".into()),
        Err(error) => Err(error.to_string()),
    }
}
