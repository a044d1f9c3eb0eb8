use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{CostError, DaySpan, asset::DAYS_A_YEAR, depreciation::carried_by_time};
use crate::units::{Millis, Money, RangeError};

/// Repairs, network, space: what the machine costs beside its parts and its electricity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upkeep {
    /// A flat amount for each image.
    PerImage(Money),
    /// An amount for each calendar month, spread over its days.
    PerMonth {
        /// The month's amount.
        amount: Money,
        /// Of all hours, those in which the machine usually works, in percent. They carry the cost of the others.
        normal_utilisation_percent: u32,
    },
    /// An amount a year, spread like depreciation by time.
    PerYear {
        /// The year's amount.
        amount: Money,
        /// Of all hours, those in which the machine usually works, in percent. They carry the cost of the others.
        normal_utilisation_percent: u32,
    },
    /// A rent for each hour of some hours a day.
    PerHour {
        /// The hour's amount.
        amount: Money,
        /// Hours of each day for which it is paid.
        hours_a_day: u32,
        /// Hours of each calendar month that are paid at least.
        minimum_hours: u32,
        /// Of all hours, those in which the machine usually works, in percent. They carry the cost of the others.
        normal_utilisation_percent: u32,
    },
    /// A single payment, such as a repair: of its first day, and of no image.
    Once(Money),
}

/// Hours of a day.
const DAY_HOURS: u32 = 24;
/// Hours of the longest month.
const MONTH_HOURS_MAX: u32 = 31 * DAY_HOURS;

impl Upkeep {
    /// What it is paid for, `image`, `hour`, `month`, `year` or `once`; the amount of one; and the normal utilisation of an
    /// amount by time, in percent.
    pub const fn terms(&self) -> (&'static str, Money, Option<u32>) {
        match *self {
            Self::PerImage(amount) => ("image", amount, None),
            Self::Once(amount) => ("once", amount, None),
            Self::PerHour { amount, normal_utilisation_percent, .. } => {
                ("hour", amount, Some(normal_utilisation_percent))
            }
            Self::PerMonth { amount, normal_utilisation_percent } => {
                ("month", amount, Some(normal_utilisation_percent))
            }
            Self::PerYear { amount, normal_utilisation_percent } => {
                ("year", amount, Some(normal_utilisation_percent))
            }
        }
    }

    /// Hours of each day, and the least of a month, for which a rent is paid.
    pub const fn hours(&self) -> (Option<u32>, Option<u32>) {
        match *self {
            Self::PerHour { hours_a_day, minimum_hours, .. } => (Some(hours_a_day), Some(minimum_hours)),
            _ => (None, None),
        }
    }

    /// Whether it is paid for images, and so by nobody without one.
    pub(crate) const fn is_by_image(&self) -> bool {
        matches!(self, Self::PerImage(_))
    }

    /// Whether such a line can be.
    ///
    /// # Errors
    /// [`CostError::Setting`], which names the field.
    pub fn check(&self) -> Result<(), CostError> {
        match *self {
            Self::PerHour { hours_a_day, .. } if !(1..=DAY_HOURS).contains(&hours_a_day) => {
                Err(CostError::Setting { field: "hours_a_day", reason: "must be from 1 to 24" })
            }
            Self::PerHour { minimum_hours, .. } if minimum_hours > MONTH_HOURS_MAX => {
                Err(CostError::Setting { field: "minimum_hours", reason: "must be at most 744" })
            }
            _ => Ok(()),
        }
    }

    /// What one image carries of it, by a device time of `duration`; rounded up.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn of_image(&self, duration: Millis) -> Result<Money, RangeError> {
        match *self {
            Self::PerImage(amount) => Ok(amount),
            Self::Once(_) => Ok(Money::ZERO),
            Self::PerHour { amount, hours_a_day, minimum_hours, normal_utilisation_percent } => {
                let hours = (hours_a_day * DAYS_A_YEAR).max(minimum_hours * 12);
                carried_by_time(amount.times(hours)?, 100, 1, normal_utilisation_percent, duration)
            }
            Self::PerMonth { amount, normal_utilisation_percent } => {
                carried_by_time(amount.times(12)?, 100, 1, normal_utilisation_percent, duration)
            }
            Self::PerYear { amount, normal_utilisation_percent } => {
                carried_by_time(amount, 100, 1, normal_utilisation_percent, duration)
            }
        }
    }

    /// What `days` cost whether images are made or not: a month's amount spread over its days, or a year's over the days of the
    /// calendar year, so that twelve months are the year. A rent is a month's amount by the hours of that month.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn of_days(&self, days: DaySpan) -> Result<Money, RangeError> {
        match *self {
            Self::PerImage(_) => Ok(Money::ZERO),
            _ if days.days() == 0 => Ok(Money::ZERO),
            Self::Once(amount) => Ok(amount),
            Self::PerHour { amount, hours_a_day, minimum_hours, .. } => {
                let hours = |month: Date| {
                    let in_month = hours_a_day * u32::from(month.days_in_month().unsigned_abs());
                    amount.times(in_month.max(minimum_hours))
                };
                let mut whole_months = Money::ZERO;
                let mut month = days.first.first_of_month();
                while month < days.end.first_of_month() {
                    whole_months = whole_months.plus(hours(month)?)?;
                    month = month.last_of_month().tomorrow().map_err(|_| RangeError::Money)?;
                }
                whole_months
                    .plus(since_the_first(hours(days.end)?, days.end)?)?
                    .minus(since_the_first(hours(days.first)?, days.first)?)
            }
            Self::PerMonth { amount, .. } => {
                let month = |day: Date| i64::from(day.year()) * 12 + i64::from(day.month());
                let whole_months = amount.times(month(days.end) - month(days.first))?;
                whole_months
                    .plus(since_the_first(amount, days.end)?)?
                    .minus(since_the_first(amount, days.first)?)
            }
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

/// A month's part before `day`, rounded up.
fn since_the_first(amount: Money, day: Date) -> Result<Money, RangeError> {
    amount.share_ceil(u64::from(day.day().unsigned_abs()) - 1, u64::from(day.days_in_month().unsigned_abs()))
}

/// A year's part before `day`, rounded up.
fn since_new_year(amount: Money, day: Date) -> Result<Money, RangeError> {
    amount.share_ceil(
        u64::from(day.day_of_year().unsigned_abs()) - 1,
        u64::from(day.days_in_year().unsigned_abs()),
    )
}

#[cfg(test)]
mod tests {
    use jiff::{ToSpan, civil::date};

    use super::*;
    use crate::costs::CostLine;

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
    fn every_month_costs_its_amount_and_its_days_add_up_to_it() {
        let amount = Money::from_nano(100_000_000_000);
        let network = Upkeep::PerMonth { amount, normal_utilisation_percent: 20 };
        // 12 · 100 / 8760 h · 15 s / 0.2 = 0.002853881…
        assert_eq!(network.of_image(Millis::new(15_000)).map(|m| m.to_string()), Ok("0.002853882".into()));
        let of = |first, end| network.of_days(DaySpan { first, end }).expect("in range");
        for month in 1..=12 {
            let first = date(2028, month, 1);
            let end = first.last_of_month().tomorrow().expect("a day");
            assert_eq!(of(first, end), amount);
            let days = first.series(1.day()).take_while(|day| *day < end);
            let sum = days.map(|day| of(day, day.tomorrow().expect("a day")).as_nano()).sum::<i64>();
            assert_eq!(Money::from_nano(sum), amount, "{first}");
        }
        assert_eq!(of(date(2026, 11, 16), date(2026, 12, 1)).to_string(), "50.00");
        assert_eq!(of(date(2026, 11, 16), date(2027, 2, 1)).to_string(), "250.00", "over the new year");
        assert_eq!(of(date(2026, 11, 16), date(2026, 11, 16)), Money::ZERO);
    }

    #[test]
    fn a_rent_by_the_hour_is_paid_for_its_hours_and_at_least_for_those_agreed() {
        let rent = |hours_a_day, minimum_hours| Upkeep::PerHour {
            amount: Money::from_nano(1_240_000_000),
            hours_a_day,
            minimum_hours,
            normal_utilisation_percent: 20,
        };
        let of =
            |rent: Upkeep, first, end| rent.of_days(DaySpan { first, end }).expect("in range").to_string();
        let (november, december) = (date(2026, 11, 1), date(2026, 12, 1));
        assert_eq!(of(rent(24, 0), november, december), "892.80", "720 h");
        assert_eq!(of(rent(8, 0), november, december), "297.60", "240 h");
        assert_eq!(of(rent(8, 300), november, december), "372.00", "300 h at least");
        assert_eq!(of(rent(8, 300), november, date(2027, 1, 1)), "744.00", "of each month");
        assert_eq!(of(rent(24, 0), date(2026, 11, 21), date(2026, 12, 11)), "595.20", "20 days");
        let days = november.series(1.day()).take(61);
        let sum = days.map(|day| {
            let day = DaySpan { first: day, end: day.tomorrow().expect("a day") };
            rent(7, 219).of_days(day).expect("in range").as_nano()
        });
        let both = DaySpan { first: november, end: date(2027, 1, 1) };
        assert_eq!(Ok(Money::from_nano(sum.sum())), rent(7, 219).of_days(both));
        // 1.24 · 8760 h / 8760 h / 20 % · 15 s.
        let carried = rent(24, 0).of_image(Millis::new(15_000));
        assert_eq!(carried.map(|carried| carried.to_string()), Ok("0.025833334".into()));
        assert!(
            rent(0, 0).check().is_err() && rent(25, 0).check().is_err() && rent(24, 745).check().is_err()
        );
        assert_eq!(rent(24, 744).check(), Ok(()));
    }

    #[test]
    fn a_single_payment_is_of_its_day_and_of_no_image() {
        let repair = CostLine {
            name: "fan".into(),
            upkeep: Upkeep::Once(Money::from_nano(250_000_000_000)),
            days: DaySpan { first: date(2026, 11, 16), end: date(2026, 11, 17) },
        };
        let on = |first, end| repair.cost_on(DaySpan { first, end }, 7).expect("in range").amount.to_string();
        assert_eq!(on(date(2026, 11, 1), date(2026, 12, 1)), "250.00");
        assert_eq!(on(date(2026, 11, 16), date(2026, 11, 17)), "250.00");
        assert_eq!(on(date(2026, 11, 17), date(2026, 12, 1)), "0.00");
        assert_eq!(repair.upkeep.of_image(Millis::new(15_000)), Ok(Money::ZERO));
    }

    #[test]
    fn a_flat_amount_costs_nothing_by_the_day() {
        let flat = Upkeep::PerImage(Money::from_nano(30_000_000));
        let november = DaySpan { first: date(2026, 11, 1), end: date(2026, 12, 1) };
        assert_eq!(flat.of_image(Millis::new(1)), Ok(Money::from_nano(30_000_000)));
        assert_eq!(flat.of_days(november), Ok(Money::ZERO));
    }
}
