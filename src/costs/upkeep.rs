use jiff::civil::Date;

use super::{DaySpan, depreciation::carried_by_time};
use crate::units::{Millis, Money, MoneyError};

/// Repairs, network, space: what the machine costs beside its parts and its electricity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upkeep {
    /// A flat amount for each image.
    PerImage(Money),
    /// An amount a year, spread like depreciation by time.
    PerYear {
        /// The year's amount.
        amount: Money,
        /// Of all hours, those in which the machine usually works, in percent. They carry the cost of the others.
        normal_utilisation_percent: u32,
    },
}

impl Upkeep {
    /// What one image carries of it, by a device time of `duration`; rounded up.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] past the ledger's range.
    pub fn of_image(&self, duration: Millis) -> Result<Money, MoneyError> {
        match *self {
            Self::PerImage(amount) => Ok(amount),
            Self::PerYear { amount, normal_utilisation_percent } => {
                carried_by_time(amount, 100, 1, normal_utilisation_percent, duration)
            }
        }
    }

    /// What `days` cost whether images are made or not: a year's amount spread over the calendar year's days, so that
    /// twelve months are the year.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] past the ledger's range.
    pub fn of_days(&self, days: DaySpan) -> Result<Money, MoneyError> {
        match *self {
            Self::PerImage(_) => Ok(Money::ZERO),
            Self::PerYear { .. } if days.days() == 0 => Ok(Money::ZERO),
            Self::PerYear { amount, .. } => {
                let years = u64::try_from(days.end.year() - days.first.year()).unwrap_or(0);
                let whole_years = amount.share_ceil(years, 1)?;
                whole_years
                    .plus(since_new_year(amount, days.end)?)?
                    .minus(since_new_year(amount, days.first)?)
            }
        }
    }
}

/// A year's part before `day`, rounded up.
fn since_new_year(amount: Money, day: Date) -> Result<Money, MoneyError> {
    amount.share_ceil(
        u64::from(day.day_of_year().unsigned_abs()) - 1,
        u64::from(day.days_in_year().unsigned_abs()),
    )
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const RENT: Upkeep =
        Upkeep::PerYear { amount: Money::from_nano(300_000_000_000), normal_utilisation_percent: 20 };

    #[test]
    fn a_years_amount_is_carried_by_the_hours_of_work() {
        // 300 / 8760 h · 15 s / 0.2 = 0.0007134703…
        let carried = RENT.of_image(Millis::new(15_000));
        assert_eq!(carried.map(|carried| carried.to_string()), Ok("0.000713471".into()));
    }

    #[test]
    fn twelve_months_are_the_year_to_the_nano_unit() {
        for year in [2027, 2028] {
            let month = |month: i8| {
                let first = date(year, month, 1);
                let end = first.last_of_month().tomorrow().expect("a day");
                RENT.of_days(DaySpan { first, end }).expect("in range")
            };
            assert_eq!((1..=12).map(|number| month(number).as_nano()).sum::<i64>(), 300_000_000_000);
        }
        let over_new_year = DaySpan { first: date(2026, 12, 1), end: date(2028, 1, 1) };
        let december = "25.479452054".to_owned();
        let year_more =
            RENT.of_days(over_new_year).and_then(|all| all.minus(Money::from_nano(300_000_000_000)));
        assert_eq!(year_more.map(|rest| rest.to_string()), Ok(december));
    }

    #[test]
    fn a_flat_amount_costs_nothing_by_the_day() {
        let flat = Upkeep::PerImage(Money::from_nano(30_000_000));
        let november = DaySpan { first: date(2026, 11, 1), end: date(2026, 12, 1) };
        assert_eq!(flat.of_image(Millis::new(1)), Ok(Money::from_nano(30_000_000)));
        assert_eq!(flat.of_days(november), Ok(Money::ZERO));
    }
}
