use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil::Date};

use crate::{
    costs::DaySpan,
    domain::Calendar,
    units::{deserialize_from_str, serialize_as_text},
};

/// A calendar month, `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    first: Date,
}

/// A calendar year, `2026`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Year {
    first: Date,
}

deserialize_from_str!(Month);
serialize_as_text!(Month, Year);

/// A text that is not a year.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a year; write YYYY, such as 2026")]
pub struct YearError(String);

/// A text that is not a month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a month; write YYYY-MM, such as 2026-11")]
pub struct MonthError(String);

impl Month {
    /// The month of `now`.
    pub fn of(now: Timestamp, calendar: &Calendar) -> Self {
        Self { first: calendar.to_datetime(now).date().first_of_month() }
    }

    /// The month before.
    pub fn previous(self) -> Self {
        Self { first: self.first.yesterday().unwrap_or(self.first).first_of_month() }
    }

    /// The month after.
    pub fn next(self) -> Self {
        Self { first: self.first.last_of_month().tomorrow().unwrap_or(self.first) }
    }

    /// Its days.
    pub fn days(self) -> DaySpan {
        DaySpan { first: self.first, end: self.next().first }
    }

    /// The months from this one to `last`, in order; none if that is earlier.
    pub(in crate::ledger) fn until(self, last: Self) -> impl Iterator<Item = Self> {
        // Of the last month of all, the next is itself.
        let next = |month: &Self| Some(month.next()).filter(|next| next > month);
        std::iter::successors(Some(self), next).take_while(move |month| *month <= last)
    }

    /// Its last day.
    pub fn last_day(self) -> Date {
        self.first.last_of_month()
    }

    /// The month that `day` is in.
    pub fn containing(day: Date) -> Self {
        Self { first: day.first_of_month() }
    }

    /// The month's first moment.
    pub fn start(self, calendar: &Calendar) -> Timestamp {
        calendar.start_of(self.first)
    }

    /// The first moment after the month.
    pub fn end(self, calendar: &Calendar) -> Timestamp {
        self.next().start(calendar)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), self.first.month())
    }
}

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let error = || MonthError(text.to_owned());
        let (year, month) = text.split_once('-').ok_or_else(error)?;
        let digits = |part: &str, len: usize| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return Err(error());
        }
        let (year, month) = (year.parse().map_err(|_| error())?, month.parse().map_err(|_| error())?);
        let first = Date::new(year, month, 1).map_err(|_| error())?;
        // No month comes after the last of all, so that it has no end.
        Some(Self { first }).filter(|_| year < Date::MAX.year()).ok_or_else(error)
    }
}

impl Year {
    /// Its months, in order.
    pub fn months(self) -> impl Iterator<Item = Month> {
        self.first_month().until(self.last_month())
    }

    /// January.
    pub(in crate::ledger) fn first_month(self) -> Month {
        Month { first: self.first }
    }

    /// December.
    pub(in crate::ledger) fn last_month(self) -> Month {
        Month { first: self.first.last_of_year().first_of_month() }
    }

    /// Its days.
    pub fn days(self) -> DaySpan {
        let end = self.first.last_of_year().tomorrow().unwrap_or(Date::MAX);
        DaySpan { first: self.first, end }
    }
}

impl fmt::Display for Year {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.first.year())
    }
}

impl FromStr for Year {
    type Err = YearError;

    fn from_str(text: &str) -> Result<Self, YearError> {
        let january = Month::from_str(&format!("{text}-01")).map_err(|_| YearError(text.to_owned()))?;
        Ok(Self { first: january.first })
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn a_month_is_a_half_open_span_in_its_zone() {
        let month: Month = "2026-12".parse().expect("a month");
        assert_eq!(month.start(&Calendar::UTC).to_string(), "2026-12-01T00:00:00Z");
        assert_eq!(month.end(&Calendar::UTC).to_string(), "2027-01-01T00:00:00Z");
        let shanghai = Calendar::from(TimeZone::fixed(jiff::tz::offset(8)));
        assert_eq!(month.start(&shanghai).to_string(), "2026-11-30T16:00:00Z");
        assert_eq!(Month::of("2026-11-30T16:00:00Z".parse().expect("a time"), &shanghai), month);
        assert_eq!(
            (month.previous().to_string(), month.next().to_string()),
            ("2026-11".into(), "2027-01".into())
        );
    }

    #[test]
    fn a_year_begins_in_january_and_ends_in_december() {
        let year: Year = "2026".parse().expect("a year");
        let ends = [year.first_month(), year.last_month()].map(|month| month.to_string());
        assert_eq!(ends, ["2026-01", "2026-12"]);
        assert_eq!((year.days().days(), year.to_string()), (365, "2026".into()));
        for text in ["", "26", "2026-01", "-026", "year", "9999"] {
            assert!(text.parse::<Year>().is_err(), "{text}");
        }
    }

    #[test]
    fn months_come_to_an_end() {
        assert!("9999-12".parse::<Month>().is_err() && "9998-12".parse::<Month>().is_ok());
        let last = Month::containing(Date::MAX);
        assert_eq!(last.previous().until(last).count(), 2);
    }
}
