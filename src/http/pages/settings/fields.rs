use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;

use crate::{domain::has_moments, units::Money};

/// What a person wrote, by the names of the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct FormFields(BTreeMap<String, String>);

/// Why a form is refused: the field, the key of the words for it, and what those name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldProblem {
    pub(super) field: &'static str,
    pub(super) words: &'static str,
    pub(super) detail: String,
}

impl FieldProblem {
    pub(super) fn new(field: &'static str, words: &'static str) -> Self {
        Self { field, words, detail: String::new() }
    }

    pub(super) fn with(field: &'static str, words: &'static str, detail: impl Into<String>) -> Self {
        Self { field, words, detail: detail.into() }
    }
}

impl FormFields {
    /// FormFields that a page begins with.
    pub(super) fn of(values: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self(values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A field's text without spaces around it; empty if it was left out.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }

    /// The same, or `otherwise` if the field was not sent.
    pub(super) fn text_or<'a>(&'a self, name: &str, otherwise: &'a str) -> &'a str {
        self.0.get(name).map_or(otherwise, |text| text.trim())
    }

    /// An amount of at least 0. A decimal comma is a point.
    pub(super) fn amount(&self, name: &'static str) -> Result<Money, FieldProblem> {
        let amount = self.signed_amount(name)?;
        if amount < Money::ZERO {
            Err(FieldProblem::new(name, "settings-problem-amount"))
        } else {
            Ok(amount)
        }
    }

    /// An amount that may be below 0, as a price of electricity may.
    pub(super) fn signed_amount(&self, name: &'static str) -> Result<Money, FieldProblem> {
        let refused = || FieldProblem::new(name, "settings-problem-amount");
        // Without the marks of thousands that the pages write themselves.
        let text = self.text(name);
        let text = match (text.contains('.'), text.matches(',').count()) {
            (false, 1) if !has_thousands(text) => text.replace(',', "."),
            _ => text.replace(',', ""),
        };
        text.parse().map_err(|_| refused())
    }

    /// The same; none if the field is empty.
    pub(super) fn optional_amount(&self, name: &'static str) -> Result<Option<Money>, FieldProblem> {
        if self.text(name).is_empty() { Ok(None) } else { self.signed_amount(name).map(Some) }
    }

    /// A whole number.
    pub(super) fn whole<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, FieldProblem> {
        self.text(name)
            .replace(',', "")
            .parse()
            .map_err(|_| FieldProblem::new(name, "settings-problem-whole"))
    }

    /// A day; none if the field is empty.
    pub(super) fn day(&self, name: &'static str) -> Result<Option<Date>, FieldProblem> {
        match self.text(name) {
            "" => Ok(None),
            text => {
                let day = text.parse().ok().filter(|day| has_moments(*day));
                day.map(Some).ok_or(FieldProblem::new(name, "settings-problem-day"))
            }
        }
    }

    /// The row that a button names.
    pub(super) fn id(&self) -> Result<i64, FieldProblem> {
        self.text("id").parse().map_err(|_| FieldProblem::new("id", "settings-problem-id"))
    }
}

/// Whether the one comma of `text` is a mark of thousands: three digits follow it.
fn has_thousands(text: &str) -> bool {
    text.split_once(',')
        .is_some_and(|(before, after)| after.len() == 3 && before.trim_start_matches('-') != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Option<String> {
        let fields = FormFields::of([("price", text.to_owned())]);
        fields.signed_amount("price").ok().map(|amount| amount.to_string())
    }

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, read) in [
            ("17300", "17300.00"),
            ("17,300", "17300.00"),
            ("17,300.50", "17300.50"),
            ("1,234,567", "1234567.00"),
            (" 0,28 ", "0.28"),
            ("0,285", "0.285"),
            ("-0.05", "-0.05"),
        ] {
            assert_eq!(amount(text).as_deref(), Some(read), "{text}");
        }
        for text in ["", "dear", "1.2.3", "¥5"] {
            assert_eq!(amount(text), None, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_is_named_by_its_field() {
        let fields = FormFields::of([
            ("price", "-1".into()),
            ("bought", "2026-13-01".into()),
            ("years", "3.5".into()),
        ]);
        assert_eq!(fields.amount("price"), Err(FieldProblem::new("price", "settings-problem-amount")));
        assert_eq!(fields.day("bought"), Err(FieldProblem::new("bought", "settings-problem-day")));
        assert_eq!(fields.whole::<u32>("years"), Err(FieldProblem::new("years", "settings-problem-whole")));
        assert_eq!((fields.day("from"), fields.optional_amount("add")), (Ok(None), Ok(None)));
        assert_eq!((fields.text_or("per", "month"), fields.text_or("years", "3")), ("month", "3.5"));
    }
}
