use std::collections::BTreeSet;

use jiff::civil::Date;

use super::dates::{self, MONTH};
use crate::costs::DaySpan;

/// The days of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Days {
    /// One date, and nothing that says how long it stands for.
    One(Date),
    /// From a first to a last day.
    Span(DaySpan),
}

/// The days of all lines.
#[derive(Debug, Default)]
pub(super) struct Periods {
    dates: BTreeSet<Date>,
    spans: Option<DaySpan>,
}

/// The days that a file is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli::roi) struct Period {
    /// Its days.
    pub(in crate::cli::roi) days: DaySpan,
    parts: u64,
}

impl Periods {
    pub(super) fn add(&mut self, days: Days) {
        match days {
            Days::One(date) => {
                self.dates.insert(date);
            }
            Days::Span(span) => {
                let all = self.spans.unwrap_or(span);
                self.spans = Some(DaySpan { first: all.first.min(span.first), end: all.end.max(span.end) });
            }
        }
    }

    /// All days from the first to the last; whole months if the dates are those of monthly bills. None without a line.
    pub(super) fn finish(self) -> Option<Period> {
        let dates = self.dates.first().zip(self.dates.last()).map(|(first, last)| {
            if self.is_monthly() {
                DaySpan { first: dates::month_around(*first).first, end: dates::month_around(*last).end }
            } else {
                dates::days(*first, *last)
            }
        });
        let days = match (dates, self.spans) {
            (Some(one), Some(other)) => {
                DaySpan { first: one.first.min(other.first), end: one.end.max(other.end) }
            }
            (one, other) => one.or(other)?,
        };
        // Less than a month counts as a month: three days do not make a pace.
        Some(Period { days, parts: dates::month_parts(days).max(MONTH) })
    }

    /// One date, or the same day of several months, as bills have it: each stands for its month.
    fn is_monthly(&self) -> bool {
        let day = self.dates.first().map(|date| date.day());
        self.dates.iter().all(|date| Some(date.day()) == day)
            || self.dates.iter().all(|date| date.day() == date.days_in_month())
    }
}

impl Period {
    /// What `images` in all are a month, rounded down.
    pub(in crate::cli::roi) fn a_month(&self, images: u64) -> u64 {
        let images = u128::from(images) * u128::from(MONTH) / u128::from(self.parts);
        u64::try_from(images).unwrap_or(u64::MAX)
    }

    /// What `images` a month are in all, rounded down.
    pub(in crate::cli::roi) fn in_all(&self, images: u64) -> u64 {
        let images = u128::from(images) * u128::from(self.parts) / u128::from(MONTH);
        u64::try_from(images).unwrap_or(u64::MAX)
    }

    /// Its first day.
    pub(in crate::cli::roi) fn first(&self) -> Date {
        self.days.first
    }

    /// Its last day.
    pub(in crate::cli::roi) fn last(&self) -> Date {
        self.days.end.yesterday().unwrap_or(self.days.first)
    }

    /// Calendar months from the first day to the last, both counted.
    pub(in crate::cli::roi) fn calendar_months(&self) -> u64 {
        let number = |day: Date| i32::from(day.year()) * 12 + i32::from(day.month());
        u64::from(number(self.last()).abs_diff(number(self.first()))) + 1
    }

    /// Hundredths of months, rounded.
    pub(in crate::cli::roi) fn month_hundredths(&self) -> u64 {
        (self.parts * 100 + MONTH / 2) / MONTH
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn a_month(images: u64, days: &[Days]) -> u64 {
        let mut periods = Periods::default();
        days.iter().for_each(|days| periods.add(*days));
        periods.finish().expect("a period").a_month(images)
    }

    #[test]
    fn images_are_spread_over_the_days_that_they_were_made_in() {
        let one = |month, day| Days::One(date(2026, month, day));
        let span = |first, last| Days::Span(dates::days(first, last));
        assert_eq!(a_month(150, &[one(10, 17), one(11, 2), one(11, 15)]), 150, "30 days are a month");
        assert_eq!(a_month(600, &[span(date(2026, 1, 1), date(2026, 12, 31))]), 50, "a year's invoice");
        assert_eq!(a_month(1_500, &[one(8, 1), one(9, 1), one(10, 1)]), 500, "monthly bills");
        assert_eq!(a_month(1_500, &[one(8, 31), one(9, 30), one(10, 31)]), 500, "by the last day");
        assert_eq!(a_month(1_000, &[one(10, 5), one(10, 31)]), 1_000, "less than a month is a month");
        assert_eq!(a_month(200, &[span(date(2026, 10, 1), date(2026, 10, 1)), one(11, 30)]), 100);
    }
}
