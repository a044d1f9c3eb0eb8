//! When the hardware has been paid for, counted in money: what was paid for it, against the bills that it spares.

use jiff::{Span, ToSpan, civil::Date};

use super::{Asset, Life};
use crate::units::{Money, RangeError};

/// What the last days came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// What the images would have cost elsewhere, less what was paid to run the machine.
    pub saved: Money,
    /// Images.
    pub images: u64,
    /// In so many days, above 0.
    pub days: u64,
}

/// When what was saved has paid for the hardware, at the present pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// It has.
    PaidBack,
    /// On this day.
    On(Date),
    /// It would on this day, but is worn out before.
    AfterItsLife(Date),
    /// In more than ten years, which nobody can foresee.
    NotInTenYears,
    /// Nothing is saved.
    Never,
    /// The pace is of too few days to say.
    TooEarly,
}

/// Days that a pace must have for a forecast.
const FORECAST_DAYS_MIN: u64 = 14;
/// Years that are foreseen.
pub(super) const FORECAST_YEARS_MAX: u32 = 10;

impl Outlook {
    /// What follows from `saved` of `investment` by the end of `today`, for hardware that is worn out on `worn_out_on`;
    /// none: it never is, at this pace.
    pub fn new(investment: Money, saved: Money, pace: Pace, today: Date, worn_out_on: Option<Date>) -> Self {
        let missing = i128::from(investment.as_nano()) - i128::from(saved.as_nano());
        if missing <= 0 {
            return Self::PaidBack;
        }
        if pace.days < FORECAST_DAYS_MIN {
            return Self::TooEarly;
        }
        if pace.saved <= Money::ZERO {
            return Self::Never;
        }
        let horizon = today.saturating_add(i64::from(FORECAST_YEARS_MAX).years());
        let day = day_after(today, missing * i128::from(pace.days), i128::from(pace.saved.as_nano()));
        match day.filter(|day| *day <= horizon) {
            None => Self::NotInTenYears,
            Some(day) if worn_out_on.is_some_and(|end| end < day) => Self::AfterItsLife(day),
            Some(day) => Self::On(day),
        }
    }
}

impl Asset {
    /// What was paid for its share by the end of `day`, less what its sale brought.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn paid_by(&self, day: Date) -> Result<Money, RangeError> {
        if day < self.purchased_on {
            return Ok(Money::ZERO);
        }
        let proceeds = self.retirement.filter(|retirement| retirement.on <= day);
        let proceeds = proceeds.map_or(Money::ZERO, |retirement| retirement.proceeds);
        self.price.minus(proceeds)?.share_ceil(u64::from(self.share_percent), 100)
    }

    /// The day on which it has lost all that it can, after `images` in its service, at `pace` from `today` on; none
    /// where that is never.
    pub fn worn_out_on(&self, images: u64, pace: Pace, today: Date) -> Option<Date> {
        let by_years = self.life.years().map(|_| self.service().end);
        let by_images = match self.life {
            Life::Time { .. } => None,
            Life::Units { lifetime_images, .. } if lifetime_images <= images => Some(today),
            Life::Units { lifetime_images, .. } => {
                let left = i128::from(lifetime_images.saturating_sub(images));
                day_after(today, left * i128::from(pace.days), i128::from(pace.images))
            }
        };
        by_years.into_iter().chain(by_images).min()
    }
}

/// `today` and `numerator / denominator` days, neither below 0, rounded up; none past the calendar.
fn day_after(today: Date, numerator: i128, denominator: i128) -> Option<Date> {
    let days = numerator.checked_add(denominator - 1)?.checked_div(denominator)?;
    let span = Span::new().try_days(i64::try_from(days).ok()?).ok()?;
    today.checked_add(span).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::costs::{
        Retirement,
        simulation::{Payback, Scenario},
    };

    const TODAY: Date = date(2026, 1, 30);

    fn yuan(amount: i64) -> Money {
        Money::from_nano(amount * 1_000_000_000)
    }

    fn pace(saved: Money) -> Pace {
        Pace { saved, images: 493, days: 30 }
    }

    fn machine() -> Asset {
        Asset {
            name: "workstation".into(),
            price: yuan(17_300),
            residual: yuan(7_000),
            share_percent: 100,
            purchased_on: date(2026, 1, 1),
            life: Life::Units { lifetime_images: 30_000, years: None },
            retirement: None,
        }
    }

    /// The article: 500 images a month at ¥3.0, ¥300 of bills a year. 11.7 months, by either way of counting.
    #[test]
    fn a_ledger_at_the_scenarios_pace_pays_back_when_the_scenario_does() {
        let mut scenario = Scenario::shipped().expect("the shipped scenario");
        scenario.compared.iter_mut().for_each(|compared| compared.price = yuan(3));
        let simulated = scenario.outcome().expect("an outcome").against[0].payback;
        assert_eq!(simulated, Payback::After { months_tenths: 117 });
        let year = yuan(3 * 6_000 - 300);
        let saved = year.share_floor(30, 365).expect("in range");
        let worn_out = machine().worn_out_on(493, pace(saved), TODAY);
        let Outlook::On(day) = Outlook::new(yuan(17_300), saved, pace(saved), TODAY, worn_out) else {
            panic!("it pays back");
        };
        let days = date(2026, 1, 1).until(day).expect("a span").get_days() + 1;
        assert_eq!((days, days * 120 / 365), (357, 117), "in tenths of a month");
        let slow = Asset { life: Life::Units { lifetime_images: 4_000, years: None }, ..machine() };
        let worn_out = slow.worn_out_on(493, pace(saved), TODAY);
        assert_eq!(worn_out, Some(date(2026, 9, 1)));
        let outlook = Outlook::new(yuan(17_300), saved, pace(saved), TODAY, worn_out);
        assert_eq!(outlook, Outlook::AfterItsLife(day), "4,000 images are eight months");
        scenario.lifetime_images = Some(4_000);
        let simulated = scenario.outcome().expect("an outcome").against[0].payback;
        assert!(matches!(simulated, Payback::AfterItsLife { .. }), "{simulated:?}");
    }

    #[test]
    fn what_is_saved_pays_and_what_is_lost_never_does() {
        let outlook =
            |saved, pace_saved| Outlook::new(yuan(100), yuan(saved), pace(yuan(pace_saved)), TODAY, None);
        assert_eq!(outlook(100, -5), Outlook::PaidBack);
        assert_eq!(outlook(99, 0), Outlook::Never);
        assert_eq!(outlook(-50, -1), Outlook::Never);
        assert_eq!(outlook(99, 30), Outlook::On(date(2026, 1, 31)), "the next day");
        assert_eq!(outlook(-50, 30), Outlook::On(date(2026, 6, 29)), "150 days");
        let crawling = Pace { saved: Money::from_nano(1), ..pace(yuan(0)) };
        assert_eq!(Outlook::new(yuan(100), yuan(0), crawling, TODAY, None), Outlook::NotInTenYears);
    }

    #[test]
    fn a_forecast_needs_fourteen_days_and_ends_after_ten_years() {
        let outlook = |saved, days, pace| {
            Outlook::new(yuan(100), yuan(saved), Pace { saved: yuan(pace), images: 9, days }, TODAY, None)
        };
        assert_eq!(outlook(0, 13, 13), Outlook::TooEarly);
        assert_eq!(outlook(0, 13, -13), Outlook::TooEarly);
        assert_eq!(outlook(100, 1, 100), Outlook::PaidBack, "what has happened is no forecast");
        assert_eq!(outlook(0, 14, 14), Outlook::On(date(2026, 5, 10)), "100 days");
        // Ten years are 3,652 days, three leap days among them.
        let slowly = |days: i64| {
            let pace = Pace { saved: yuan(30), images: 9, days: 30 };
            Outlook::new(yuan(days), yuan(0), pace, TODAY, None)
        };
        assert_eq!(slowly(3652), Outlook::On(date(2036, 1, 30)));
        assert_eq!(slowly(3653), Outlook::NotInTenYears);
    }

    #[test]
    fn what_was_paid_is_the_share_less_what_a_sale_brought() {
        let retirement = Some(Retirement { on: date(2026, 2, 1), proceeds: yuan(9_000) });
        let sold = Asset { share_percent: 50, retirement, ..machine() };
        let paid = |day| sold.paid_by(day).expect("in range");
        assert_eq!(paid(date(2025, 12, 31)), Money::ZERO);
        assert_eq!(paid(date(2026, 1, 31)), yuan(8_650));
        assert_eq!(paid(date(2026, 2, 1)), yuan(4_150));
    }

    #[test]
    fn a_part_by_time_is_worn_out_after_its_years_and_one_by_units_after_its_images() {
        let life = Life::Time { years: 3, normal_utilisation_percent: 20 };
        let by_time = Asset { life, ..machine() };
        assert_eq!(by_time.worn_out_on(0, pace(yuan(0)), TODAY), Some(date(2028, 12, 31)));
        let idle = Pace { images: 0, ..pace(yuan(0)) };
        assert_eq!(machine().worn_out_on(10, idle, TODAY), None);
        assert_eq!(machine().worn_out_on(30_000, idle, TODAY), Some(TODAY));
    }
}
