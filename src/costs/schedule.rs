//! What a part is worth at the ends of its years.

use jiff::civil::{Date, date};
use serde::Serialize;

use super::{Asset, DaySpan, Life};
use crate::units::{Money, RangeError};

/// A part in a calendar year. Amounts are of its share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssetYear {
    /// The year.
    pub year: i16,
    /// Whether the year has not ended: what it loses until then is planned, by time, or so far, by units.
    pub is_open: bool,
    /// What it is worth when the year begins.
    pub opening_value: Money,
    /// What was paid for it in the year.
    pub additions: Money,
    /// What it loses in the year.
    pub depreciation: Money,
    /// What it is worth on the day of its retirement, if that is in the year.
    pub disposals: Money,
    /// What it is worth when the year ends.
    pub closing_value: Money,
    /// What it was sold for, if that is in the year.
    pub proceeds: Option<Money>,
    /// What the sale brought above the value; below 0 for a loss.
    pub disposal_gain: Option<Money>,
}

impl Asset {
    /// Its years: until those of its life are over, or else until today; at most until its retirement. `images_on` counts
    /// the images of some days.
    ///
    /// # Errors
    /// What `images_on` says, and [`RangeError`] past the ledger's range.
    pub fn schedule<E: From<RangeError>>(
        &self,
        today: Date,
        images_on: impl Fn(DaySpan) -> Result<u64, E>,
    ) -> Result<Vec<AssetYear>, E> {
        let last_day = match self.life.years() {
            Some(_) => self.service().end.yesterday().unwrap_or(Date::MAX),
            None => today,
        };
        let sold = self.retirement.map(|retirement| retirement.on);
        let last = sold.unwrap_or(last_day).year().max(self.purchased_on.year());
        let mut years = Vec::new();
        for year in self.purchased_on.year()..=last {
            let (first, end) = (date(year, 1, 1), date(year, 12, 31).tomorrow().unwrap_or(Date::MAX));
            let lost_before = |day: Date| -> Result<Money, E> {
                let images = match self.life {
                    Life::Time { .. } => 0,
                    Life::Units { .. } => images_on(self.service().before(day))?,
                };
                Ok(self.lost_before(day, images)?)
            };
            let depreciation = lost_before(end)?.minus(lost_before(first)?)?;
            let is_first = year == self.purchased_on.year();
            let price = self.shared_price()?;
            let additions = if is_first { price } else { Money::ZERO };
            let opening_value = if is_first { Money::ZERO } else { price.minus(lost_before(first)?)? };
            let kept = opening_value.plus(additions)?.minus(depreciation)?;
            let sale = self.retirement.filter(|retirement| retirement.on.year() == year);
            let proceeds = sale.map(|sale| self.shared(sale.proceeds)).transpose()?;
            let disposals = if sale.is_some() { kept } else { Money::ZERO };
            years.push(AssetYear {
                year,
                is_open: today < end,
                opening_value,
                additions,
                depreciation,
                disposals,
                closing_value: kept.minus(disposals)?,
                proceeds,
                disposal_gain: proceeds.map(|proceeds| proceeds.minus(disposals)).transpose()?,
            });
        }
        Ok(years)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::costs::Retirement;

    fn card(life: Life) -> Asset {
        Asset {
            name: "card".into(),
            price: "13000".parse().expect("an amount"),
            residual: "5000".parse().expect("an amount"),
            share_percent: 100,
            purchased_on: date(2026, 11, 1),
            life,
            retirement: None,
        }
    }

    fn schedule(part: &Asset, today: Date, images: u64) -> Vec<AssetYear> {
        part.schedule::<RangeError>(today, |days| Ok(if days.days() == 0 { 0 } else { images }))
            .expect("in range")
    }

    #[test]
    fn the_years_of_a_part_by_time_go_from_its_price_to_its_residual() {
        let by_time = Life::Time { years: 3, normal_utilisation_percent: 20 };
        let years = schedule(&card(by_time), date(2027, 3, 1), 0);
        assert_eq!(years.iter().map(|year| year.year).collect::<Vec<_>>(), [2026, 2027, 2028, 2029]);
        assert_eq!(years.iter().map(|year| year.is_open).collect::<Vec<_>>(), [false, true, true, true]);
        // 8,000 · 61 days / (3 · 365).
        assert_eq!(years[0].depreciation.to_string(), "445.662100457");
        assert_eq!((years[0].opening_value, years[0].additions), (Money::ZERO, card(by_time).price));
        for pair in years.windows(2) {
            assert_eq!(pair[0].closing_value, pair[1].opening_value);
        }
        assert_eq!(years[3].closing_value, card(by_time).residual, "the 1,095th day is 30 October 2029");
    }

    #[test]
    fn a_sale_takes_the_value_out_of_the_books() {
        let by_time = Life::Time { years: 3, normal_utilisation_percent: 20 };
        let proceeds = "9000".parse().expect("an amount");
        let retirement = Some(Retirement { on: date(2027, 11, 1), proceeds });
        let years = schedule(&Asset { retirement, ..card(by_time) }, date(2028, 1, 5), 0);
        let last = years.last().expect("a year");
        assert_eq!((last.year, last.is_open, last.closing_value), (2027, false, Money::ZERO));
        assert_eq!(last.disposals.to_string(), "10333.333333333");
        assert_eq!(last.disposal_gain.expect("sold").to_string(), "-1333.333333333");
    }

    #[test]
    fn a_part_by_units_has_the_years_so_far() {
        let by_units = Life::Units { lifetime_images: 30_000, years: None };
        let years = schedule(&card(by_units), date(2027, 2, 1), 300);
        assert_eq!(years.len(), 2);
        assert_eq!(years[0].depreciation.to_string(), "80.0000001", "300 images at 0.266666667");
        assert_eq!(years[1].depreciation, Money::ZERO);
    }
}
