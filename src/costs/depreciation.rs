use jiff::civil::Date;

use super::{Asset, DaySpan, Life, asset::DAYS_A_YEAR};
use crate::units::{Millis, Money, RangeError};

/// Milliseconds in the 8760 hours of a year.
const MILLIS_A_YEAR: u64 = DAYS_A_YEAR as u64 * 24 * 3_600_000;

/// `amount · share · t / (years · 8760 h) / normal utilisation`, rounded up: what `duration` of the device carries of an
/// amount that is spread over years.
pub(super) fn carried_by_time(
    amount: Money,
    share_percent: u32,
    years: u32,
    normal_utilisation_percent: u32,
    duration: Millis,
) -> Result<Money, RangeError> {
    // Both percentages are of a hundred, which cancels.
    let time = duration.get().checked_mul(u64::from(share_percent)).ok_or(RangeError::Money)?;
    let life = u64::from(years) * MILLIS_A_YEAR;
    let life = life.checked_mul(u64::from(normal_utilisation_percent)).ok_or(RangeError::Money)?;
    amount.share_ceil(time, life)
}

/// All amounts are of the part's share that works for Tintype.
///
/// Three roundings, all up: of an image's charge, of what has worn off by a day, of the share itself.
impl Asset {
    /// What one image of a device time of `duration` wears off. By units, it is the same for every image.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub(crate) fn depreciation_of_image(&self, duration: Millis) -> Result<Money, RangeError> {
        let worn = self.price.minus(self.residual)?;
        match self.life {
            Life::Units { lifetime_images, .. } => {
                worn.share_ceil(u64::from(self.share_percent), lifetime_images.saturating_mul(100))
            }
            Life::Time { years, normal_utilisation_percent } => {
                carried_by_time(worn, self.share_percent, years, normal_utilisation_percent, duration)
            }
        }
    }

    /// What the image after `images_before` is charged of it: by units nothing more once it has lost all it can.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub(crate) fn charge_of_image(&self, duration: Millis, images_before: u64) -> Result<Money, RangeError> {
        let charge = self.depreciation_of_image(duration)?;
        match self.life {
            Life::Time { .. } => Ok(charge),
            Life::Units { .. } => {
                let left = self.depreciable()?.minus(self.lost_by_images(images_before)?)?;
                Ok(charge.min(left))
            }
        }
    }

    /// (price − residual) · share: all that it can lose.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn depreciable(&self) -> Result<Money, RangeError> {
        self.shared(self.price.minus(self.residual)?)
    }

    /// What it has lost before `day`: by time a straight line over its days in service, by units what the `images`
    /// generated in its service until then took, or that line if its years took more. Never more than it can lose.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn lost_before(&self, day: Date, images: u64) -> Result<Money, RangeError> {
        match self.life {
            Life::Units { years: None, .. } => self.lost_by_images(images),
            Life::Units { years: Some(years), .. } => {
                Ok(self.lost_by_images(images)?.max(self.lost_by_time(day, years)?))
            }
            Life::Time { years, .. } => self.lost_by_time(day, years),
        }
    }

    fn lost_by_images(&self, images: u64) -> Result<Money, RangeError> {
        let all = self.depreciable()?;
        let taken = self.depreciation_of_image(Millis::ZERO)?.share_ceil(images, 1);
        Ok(taken.map_or(all, |taken| taken.min(all)))
    }

    fn lost_by_time(&self, day: Date, years: u32) -> Result<Money, RangeError> {
        let days = self.service().before(day).days().saturating_mul(u64::from(self.share_percent));
        let life = u64::from(years) * u64::from(DAYS_A_YEAR) * 100;
        self.price.minus(self.residual)?.share_ceil(days, life)
    }

    /// What it loses on `days`, if `images_before` were made in its service before them, and `images_after` until their
    /// end. Below 0 if more images were taken back than made: their wear comes back.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn lost_on(&self, days: DaySpan, images_before: u64, images_after: u64) -> Result<Money, RangeError> {
        self.lost_before(days.end, images_after)?.minus(self.lost_before(days.first, images_before)?)
    }

    /// Its price less what it has lost before `day`; 0 before its purchase.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn book_value(&self, day: Date, images: u64) -> Result<Money, RangeError> {
        if day < self.purchased_on {
            Ok(Money::ZERO)
        } else {
            self.shared(self.price)?.minus(self.lost_before(day, images)?)
        }
    }

    /// What its sale brought less its book value, negative for a loss; none while it serves. `images` were generated in
    /// its service.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn disposal_gain(&self, images: u64) -> Result<Option<Money>, RangeError> {
        let gain = |proceeds, on| self.shared(proceeds)?.minus(self.book_value(on, images)?);
        self.retirement.map(|retirement| gain(retirement.proceeds, retirement.on)).transpose()
    }

    /// Its price, as far as it works for Tintype.
    pub(super) fn shared_price(&self) -> Result<Money, RangeError> {
        self.shared(self.price)
    }

    /// The share of `amount` that works for Tintype, rounded up.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn shared(&self, amount: Money) -> Result<Money, RangeError> {
        amount.share_ceil(u64::from(self.share_percent), 100)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::costs::Retirement;

    const BOUGHT: Date = date(2026, 1, 1);
    const IMAGE_TIME: Millis = Millis::new(15_000);

    fn yuan(amount: i64) -> Money {
        Money::from_nano(amount * 1_000_000_000)
    }

    /// The machine of the article of January 2026.
    fn by_units(residual: i64) -> Asset {
        Asset {
            name: "workstation".into(),
            price: yuan(17_300),
            residual: yuan(residual),
            share_percent: 100,
            purchased_on: BOUGHT,
            life: Life::Units { lifetime_images: 30_000, years: None },
            retirement: None,
        }
    }

    fn by_time(years: u32, normal_utilisation_percent: u32) -> Asset {
        Asset { life: Life::Time { years, normal_utilisation_percent }, ..by_units(7_000) }
    }

    fn text(amount: Result<Money, RangeError>) -> String {
        amount.expect("in range").to_string()
    }

    #[test]
    fn the_articles_image_takes_0_5767_or_0_3433_of_its_machine() {
        assert_eq!(text(by_units(0).depreciation_of_image(IMAGE_TIME)), "0.576666667");
        assert_eq!(text(by_units(7_000).depreciation_of_image(IMAGE_TIME)), "0.343333334");
    }

    #[test]
    fn the_articles_0_12_needs_144_000_images_or_a_share_of_21_percent() {
        let life = Life::Units { lifetime_images: 144_000, years: None };
        assert_eq!(text(Asset { life, ..by_units(0) }.depreciation_of_image(IMAGE_TIME)), "0.120138889");
        let shared = Asset { share_percent: 21, ..by_units(0) };
        assert_eq!(text(shared.depreciation_of_image(IMAGE_TIME)), "0.1211");
    }

    #[test]
    fn by_time_an_image_takes_its_seconds_and_those_in_which_nobody_generates() {
        // 10,300 / (3 · 8760 h) · 15 s = 0.001633054…
        assert_eq!(text(by_time(3, 100).depreciation_of_image(IMAGE_TIME)), "0.001633055");
        // Generating a fifth of the time, each second carries five: 0.008165271…
        assert_eq!(text(by_time(3, 20).depreciation_of_image(IMAGE_TIME)), "0.008165272");
        let half = Asset { share_percent: 50, ..by_time(3, 20) };
        assert_eq!(text(half.depreciation_of_image(IMAGE_TIME)), "0.004082636");
        assert!(by_time(3, 20).depreciation_of_image(Millis::new(u64::MAX)).is_err());
    }

    #[test]
    fn by_time_a_month_takes_its_days_in_service() {
        let asset = by_time(3, 20);
        let month = |from, to| text(asset.lost_on(DaySpan { first: from, end: to }, 0, 0));
        // 10,300 · 31 / 1095
        assert_eq!(month(date(2026, 1, 1), date(2026, 2, 1)), "291.598173516");
        assert_eq!(month(date(2025, 12, 1), date(2026, 1, 1)), "0.00", "not bought yet");
        assert_eq!(month(date(2029, 1, 1), date(2029, 2, 1)), "0.00", "its years are over");
        let retirement = Some(Retirement { on: date(2026, 1, 11), proceeds: yuan(9_000) });
        let sold = Asset { retirement, ..by_time(3, 20) };
        let january = DaySpan { first: date(2026, 1, 1), end: date(2026, 2, 1) };
        // 10,300 · 10 / 1095
        assert_eq!(text(sold.lost_on(january, 0, 0)), "94.063926941");
    }

    #[test]
    fn by_units_a_month_takes_what_its_images_took_until_the_part_is_worn_out() {
        let january = DaySpan { first: date(2026, 1, 1), end: date(2026, 2, 1) };
        let asset = by_units(7_000);
        assert_eq!(text(asset.lost_on(january, 0, 500)), "171.666667");
        assert_eq!(
            text(asset.lost_on(january, 29_999, 30_499)),
            "0.343313334",
            "the last one, less what was rounded up"
        );
        assert_eq!(text(asset.lost_on(january, 30_000, 30_500)), "0.00");
        assert_eq!(text(asset.lost_on(january, 500, 200)), "-103.0000002", "300 are taken back");
    }

    #[test]
    fn by_units_images_are_charged_until_the_residual_and_no_more() {
        let life = Life::Units { lifetime_images: 3, years: None };
        let ssd = Asset { price: yuan(100), residual: Money::ZERO, life, ..by_units(0) };
        let charges: Vec<_> = (0..5).map(|before| text(ssd.charge_of_image(IMAGE_TIME, before))).collect();
        assert_eq!(charges, ["33.333333334", "33.333333334", "33.333333332", "0.00", "0.00"]);
        assert_eq!(text(by_time(3, 20).charge_of_image(IMAGE_TIME, u64::MAX)), "0.008165272");
    }

    #[test]
    fn a_book_value_falls_from_the_price_to_the_residual() {
        let asset = by_time(3, 20);
        let on = |day| text(asset.book_value(day, 0));
        assert_eq!(on(date(2025, 12, 31)), "0.00", "not bought yet");
        assert_eq!(on(BOUGHT), "17300.00");
        // A third of 10,300 after one of three years.
        assert_eq!(on(date(2027, 1, 1)), "13866.666666666");
        assert_eq!(on(date(2035, 1, 1)), "7000.00");
        assert_eq!(text(by_units(7_000).book_value(BOUGHT, 15_000)), "12149.99999");
        let half = Asset { share_percent: 50, ..by_time(3, 20) };
        assert_eq!(text(half.book_value(date(2035, 1, 1), 0)), "3500.00");
    }

    #[test]
    fn a_sale_brings_a_gain_or_a_loss_on_the_book_value() {
        let sold_for = |proceeds, day| {
            let retirement = Some(Retirement { on: day, proceeds: yuan(proceeds) });
            let sold = Asset { retirement, ..by_time(3, 20) };
            text(sold.disposal_gain(0).map(Option::unwrap_or_default))
        };
        assert_eq!(sold_for(14_000, date(2027, 1, 1)), "133.333333334");
        assert_eq!(sold_for(13_000, date(2027, 1, 1)), "-866.666666666");
        assert_eq!(sold_for(17_300, BOUGHT), "0.00", "a mistake is taken back");
        assert_eq!(by_time(3, 20).disposal_gain(0), Ok(None));
    }

    #[test]
    fn a_part_by_units_with_years_loses_at_least_their_line() {
        let life = Life::Units { lifetime_images: 30_000, years: Some(3) };
        let part = Asset { life, ..by_units(7_000) };
        let lost = |days: i64, images| {
            let day = part.purchased_on.checked_add(jiff::Span::new().days(days)).expect("a day");
            part.lost_before(day, images).expect("in range")
        };
        let all = part.depreciable().expect("in range");
        assert_eq!(lost(0, 0), Money::ZERO);
        assert_eq!(lost(365, 0), all.share_ceil(1, 3).expect("in range"), "a year without an image");
        let of_images = part.depreciation_of_image(Millis::ZERO).and_then(|charge| charge.times(20_000));
        assert_eq!(Ok(lost(365, 20_000)), of_images, "two thirds of its images");
        assert_eq!(lost(5 * 365, 0), all, "its years are over");
        let end = part.purchased_on.checked_add(jiff::Span::new().days(3 * 365)).expect("a day");
        assert_eq!(part.service().end, end);
        let charge = part.charge_of_image(Millis::ZERO, 7).expect("in range");
        assert_eq!(
            charge,
            part.depreciation_of_image(Millis::ZERO).expect("in range"),
            "of an image as before"
        );
    }
}
