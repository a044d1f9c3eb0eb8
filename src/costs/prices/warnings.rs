//! What is worth a look in a sound price book.

use std::fmt;

use jiff::{Span, civil::Date};

use super::{PriceBook, PriceEntry};

/// How many days ahead the end of a price is announced.
pub(in crate::costs) const DAYS_AHEAD: i32 = 30;
/// After how many days a price should be read again.
const DAYS_FRESH: i32 = 90;

/// Entries of today that share a weakness, with the day that shows how serious it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceWarning {
    /// Their sku has no price after this day.
    Ends(Vec<(String, Date)>),
    /// They were last read on this day.
    Stale(Vec<(String, Date)>),
    /// They were read in one place only.
    SingleSource(Vec<String>),
}

impl PriceBook {
    /// What is worth a look on `today`: prices that end soon, that were read long ago, and that nobody confirmed.
    pub fn warnings(&self, today: Date) -> Vec<PriceWarning> {
        let soon = today.checked_add(Span::new().days(DAYS_AHEAD)).unwrap_or(Date::MAX);
        let fresh = today.checked_sub(Span::new().days(DAYS_FRESH)).unwrap_or(Date::MIN);
        let current = || self.entries.iter().filter(|entry| entry.holds_on(today));
        let is_last = |entry: &PriceEntry| {
            !self
                .entries
                .iter()
                .any(|next| next.name() == entry.name() && next.effective_from > entry.effective_from)
        };
        let dated = |of: &dyn Fn(&PriceEntry) -> Option<Date>| -> Vec<_> {
            current().filter_map(|entry| Some((entry.name(), of(entry)?))).collect()
        };
        let ends = dated(&|entry| entry.effective_to.filter(|last| *last <= soon && is_last(entry)));
        let stale = dated(&|entry| Some(entry.read_on).filter(|day| *day < fresh));
        let single = current().filter(|entry| !entry.is_confirmed()).map(PriceEntry::name).collect();
        let all = [PriceWarning::Ends(ends), PriceWarning::Stale(stale), PriceWarning::SingleSource(single)];
        all.into_iter().filter(|warning| !warning.is_empty()).collect()
    }
}

impl PriceEntry {
    /// Whether its source says what it was checked against.
    fn is_confirmed(&self) -> bool {
        self.source.contains("; checked: ")
    }
}

impl PriceWarning {
    fn is_empty(&self) -> bool {
        match self {
            Self::Ends(entries) | Self::Stale(entries) => entries.is_empty(),
            Self::SingleSource(entries) => entries.is_empty(),
        }
    }
}

impl fmt::Display for PriceWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dated = |entries: &[(String, Date)]| -> Vec<_> {
            entries.iter().map(|(sku, day)| format!("{sku} ({day})")).collect()
        };
        match self {
            Self::Ends(entries) => {
                write!(f, "no price after the day given; add the next entry: {}", dated(entries).join(", "))
            }
            Self::Stale(entries) => {
                write!(f, "read more than {DAYS_FRESH} days ago; read again: {}", dated(entries).join(", "))
            }
            Self::SingleSource(skus) => {
                write!(f, "no second source; check against one: {}", skus.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn entry(sku: &str, days: &str, source: &str) -> String {
        format!(
            "[[price]]\nsku = \"{sku}\"\nunit = \"image\"\namount = \"0.5\"\ncurrency = \"USD\"\n{days}\n\
             source = \"{source}\"\nread_on = \"2026-11-01\"\n"
        )
    }

    #[test]
    fn ends_to_come_old_readings_and_single_sources_are_named() {
        let from = |day: &str| format!("effective_from = \"{day}\"");
        let until = |day: &str| format!("{}\neffective_to = \"{day}\"", from("2026-01-01"));
        let toml = entry("a/ends", &until("2026-12-01"), "a page; checked: another")
            + &entry("b/ended", &until("2026-10-31"), "a page")
            + &entry("c/changes", &until("2026-10-31"), "a page; checked: another")
            + &entry("c/changes", &from("2026-11-01"), "a page; no second source");
        let book = PriceBook::parse(&toml).expect("a price book");
        let single = PriceWarning::SingleSource(vec!["c/changes".into()]);
        let ends = PriceWarning::Ends(vec![("a/ends".into(), date(2026, 12, 1))]);
        assert_eq!(book.warnings(date(2026, 11, 20)), [ends, single.clone()]);
        let stale = PriceWarning::Stale(vec![("c/changes".into(), date(2026, 11, 1))]);
        assert_eq!(book.warnings(date(2029, 1, 1)), [stale, single]);
    }
}
