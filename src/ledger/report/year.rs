use std::fmt;

use serde::Serialize;

use super::{EnergySources, Figures, MonthReport, Payback, WholeMonth};
use crate::{
    costs::{DaySpan, ServiceComparison},
    ledger::{BoughtReport, Month, Year},
    units::Currency,
};

/// Months of one report at most.
const MONTHS_MAX: usize = 120;

/// Months that are reported together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum MonthSpan {
    /// A calendar year.
    Year {
        /// `2026`.
        year: Year,
    },
    /// Any months one after the other.
    Months {
        /// The first.
        from: Month,
        /// The last.
        to: Month,
    },
}

impl MonthSpan {
    /// The months from `from` to `to`; none if there is none, or there are more than 120.
    pub fn of(from: Month, to: Month) -> Option<Self> {
        let span = Self::Months { from, to };
        let count = span.months().take(MONTHS_MAX + 1).count();
        (1..=MONTHS_MAX).contains(&count).then_some(span)
    }

    /// Its months, in order.
    pub fn months(self) -> impl Iterator<Item = Month> {
        let (from, to) = match self {
            Self::Year { year } => (year.first_month(), year.last_month()),
            Self::Months { from, to } => (from, to),
        };
        from.until(to)
    }

    /// Its days.
    pub fn days(self) -> DaySpan {
        match self {
            Self::Year { year } => year.days(),
            Self::Months { from, to } => DaySpan { first: from.days().first, end: to.days().end },
        }
    }
}

/// `2026`, or `2026-09 to 2026-11`.
impl fmt::Display for MonthSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Year { year } => year.fmt(f),
            Self::Months { from, to } => write!(f, "{from} to {to}"),
        }
    }
}

/// A year, or other months, as they are shown: month by month, and the same figures for all of them.
#[derive(Debug, Clone, Serialize)]
pub struct YearReport {
    /// Which months: in JSON `year`, or `from` and `to`.
    #[serde(flatten)]
    pub span: MonthSpan,
    /// Currency of every amount.
    pub currency: Currency,
    /// What its images came to.
    #[serde(flatten)]
    pub figures: Figures,
    /// How the energy of its images became known.
    pub energy_sources: EnergySources,
    /// The service that is compared with now.
    pub compared_with: String,
    /// Whether wear is that of the built-in example, because no hardware was configured.
    pub example_hardware: bool,
    /// What the year cost beside its images. Its break-even is in images a year.
    #[serde(flatten)]
    pub whole: WholeMonth,
    /// The images at each compared service, the like-for-like one first.
    pub services: Vec<ServiceComparison>,
    /// What was bought elsewhere, beside all of the above; none if nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overflow: Option<BoughtReport>,
    /// How far the hardware has paid for itself by the end of the year, or by now; null before the first part was
    /// bought.
    pub payback: Option<Payback>,
    /// Each of them, in order. Months to come are empty.
    pub months: Vec<MonthReport>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        text.parse().expect("a month")
    }

    #[test]
    fn a_span_has_every_month_from_its_first_to_its_last() {
        let span = MonthSpan::of(month("2026-11"), month("2027-02")).expect("a span");
        let months: Vec<_> = span.months().map(|month| month.to_string()).collect();
        assert_eq!(months, ["2026-11", "2026-12", "2027-01", "2027-02"]);
        assert_eq!((span.days().days(), span.to_string()), (120, "2026-11 to 2027-02".into()));
        let year = MonthSpan::Year { year: "2026".parse().expect("a year") };
        assert_eq!((year.months().count(), year.days().days(), year.to_string()), (12, 365, "2026".into()));
        assert_eq!(MonthSpan::of(month("2026-11"), month("2026-10")), None);
        assert_eq!(MonthSpan::of(month("1990-01"), month("2026-10")), None, "more than ten years");
    }
}
