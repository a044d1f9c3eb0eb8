use jiff::{
    ToSpan,
    civil::{Date, DateTime},
};

use super::{CostModel, rates::HOURS_A_WEEK};
use crate::{
    costs::{Breakdown, Comparison, CostError, DaySpan, Upkeep},
    domain::{Product, Usage},
    units::{Money, RangeError},
};

/// Days of the month.
const DAYS: i32 = 30;

/// What a machine generates in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthlyUse {
    /// Images.
    pub images: u32,
    /// What one of them takes.
    pub usage: Usage,
    /// What one of them is, for services that charge by it.
    pub product: Product,
}

/// Thirty days of even use, worked out from prices and parts alone: what a change of them comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleMonth {
    /// Images.
    pub images: u32,
    /// The standard cost of one of them.
    pub each: Breakdown,
    /// Electricity of all of them, what the parts lose, and what everything else costs, used or not. Without idle hours.
    pub month: Breakdown,
    /// All of the month.
    pub total: Money,
    /// All of the month divided by its images, rounded up.
    pub all_in: Money,
    /// What one of them costs elsewhere; none if that is not known.
    pub elsewhere: Option<Comparison>,
}

impl ExampleMonth {
    /// The list price elsewhere less the all-in cost of an image; none if there is no such price.
    pub fn saving(&self) -> Option<Money> {
        self.elsewhere.as_ref()?.price.minus(self.all_in).ok()
    }
}

impl CostModel {
    /// The month from `at` on, by the clock on the wall, with `monthly` use.
    ///
    /// # Errors
    /// [`CostError`] if an amount is out of range.
    pub fn example_month(&self, monthly: &MonthlyUse, at: DateTime) -> Result<ExampleMonth, CostError> {
        let images = monthly.images.max(1);
        let each = self.mean_cost(monthly.usage, at)?;
        let first = at.date();
        let days = DaySpan { first, end: first.checked_add(DAYS.days()).unwrap_or(Date::MAX) };
        let month = Breakdown {
            electricity: each.electricity.times(images)?,
            depreciation: self.lost_by_parts(days, images)?,
            upkeep: self.upkeep_of(days, images)?,
        };
        let total = month.total()?;
        Ok(ExampleMonth {
            images,
            each,
            month,
            total,
            all_in: total.share_ceil(1, images.into())?,
            elsewhere: self.compare(monthly.product, first),
        })
    }

    /// The standard cost of an image, over all hours of the week from `at` on.
    fn mean_cost(&self, usage: Usage, at: DateTime) -> Result<Breakdown, CostError> {
        let mut electricity = Money::ZERO;
        for hour in 0..HOURS_A_WEEK {
            let moment = at.checked_add(i64::from(hour).hours()).unwrap_or(at);
            electricity = electricity.plus(self.receipt(usage, None, moment)?.cost.electricity)?;
        }
        let now = self.receipt(usage, None, at)?.cost;
        Ok(Breakdown { electricity: electricity.share_ceil(1, HOURS_A_WEEK.into())?, ..now })
    }

    fn lost_by_parts(&self, days: DaySpan, images: u32) -> Result<Money, RangeError> {
        let made = self.images_made.iter().copied().chain(std::iter::repeat(0));
        self.parts().zip(made).try_fold(Money::ZERO, |sum, ((part, service), made)| {
            let after = if service.contains(days.first) { made.saturating_add(images.into()) } else { made };
            sum.plus(part.lost_on(days, made, after)?)
        })
    }

    /// Without single payments: they are of one day, and no month is like that.
    fn upkeep_of(&self, days: DaySpan, images: u32) -> Result<Money, RangeError> {
        let lines = self.lines().iter().filter(|line| !matches!(line.upkeep, Upkeep::Once(_)));
        lines.into_iter().try_fold(Money::ZERO, |sum, line| {
            let days = line.days.and(days);
            let images = if days.days() > 0 { images.into() } else { 0 };
            sum.plus(line.cost_on(days, images)?.amount)
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::{
        costs::{Asset, CostLine, CostSettings, DatedTerm, Life, PriceBook, PriceSheet, Term},
        domain::{EnergySource, ImageSize, Quality},
        units::{Energy, Millis},
    };

    const AT: DateTime = date(2026, 11, 23).at(12, 0, 0, 0);

    fn money(text: &str) -> Money {
        text.parse().expect("an amount")
    }

    /// 500 images of 15 s at 450 W: 0.001875 kWh each.
    fn monthly() -> MonthlyUse {
        let usage = Usage {
            duration: Millis::new(15_000),
            energy: Energy::from_millijoules(6_750_000),
            source: EnergySource::Estimated,
            epoch: None,
        };
        let product = Product::generated(ImageSize::square(1024), Quality::Medium);
        MonthlyUse { images: 500, usage, product }
    }

    fn model() -> CostModel {
        let prices = PriceBook::built_in().expect("a price book");
        CostModel::new(CostSettings::default(), prices, Vec::new()).expect("a cost model")
    }

    #[test]
    fn the_example_wears_by_its_images() {
        let month = model().example_month(&monthly(), AT).expect("in range");
        // 1.20 · 0.001875; (17,300 − 7,000) / 30,000; 0.03.
        assert_eq!(month.each.electricity.to_string(), "0.00225");
        assert_eq!(month.each.depreciation.to_string(), "0.343333334");
        assert_eq!(month.month.electricity.to_string(), "1.125");
        assert_eq!(month.month.upkeep.to_string(), "15.00");
        let total = month.month.total().expect("in range");
        assert_eq!((month.total, month.all_in), (total, total.share_ceil(1, 500).expect("in range")));
        assert_eq!(month.elsewhere, None, "dollars without an exchange rate");
    }

    #[test]
    fn a_part_by_time_and_a_rent_cost_the_same_whatever_is_generated() {
        let workstation = Asset {
            name: "workstation".into(),
            price: money("10950"),
            residual: money("0"),
            share_percent: 100,
            purchased_on: date(2026, 11, 1),
            life: Life::Time { years: 3, normal_utilisation_percent: 20 },
            retirement: None,
        };
        let days = DaySpan { first: date(2026, 1, 1), end: Date::MAX };
        let rent = Upkeep::PerYear { amount: money("3650"), normal_utilisation_percent: 20 };
        let once = Upkeep::Once(money("1000"));
        let lines = [("rent", rent), ("a repair", once)];
        let lines = lines.map(|(name, upkeep)| CostLine { name: name.into(), upkeep, days }).to_vec();
        let model = model().with_assets(vec![workstation]).with_lines(lines);
        for images in [1, 5000] {
            let month = model.example_month(&MonthlyUse { images, ..monthly() }, AT).expect("in range").month;
            assert_eq!(month.depreciation.to_string(), "300.00", "10 a day");
            let upkeep = month.upkeep.to_rounded_string(2);
            assert_eq!(upkeep, "300.00", "10 a day, and no single payment");
        }
    }

    #[test]
    fn a_tariff_by_the_hour_counts_in_the_mean_of_a_week() {
        let rows = r#"[{"effective_from": "2026-01-01", "price_per_kwh": "1.20"},
                       {"effective_from": "2026-01-01", "price_per_kwh": "0.60", "hours": "22:00-06:00"}]"#;
        let sheet: PriceSheet = serde_json::from_str(rows).expect("a sheet");
        let tariff = DatedTerm::from_day(date(2026, 1, 1), Term::Electricity(sheet));
        let month = model().with_terms(&[tariff]).example_month(&monthly(), AT).expect("in range");
        // (16 · 1.20 + 8 · 0.60) / 24 = 1.00
        assert_eq!(month.each.electricity.to_string(), "0.001875");
    }

    #[test]
    fn the_recorded_service_is_compared_with_unless_the_configuration_states_one() {
        let recorded = DatedTerm::from_day(date(2026, 1, 1), Term::CompareWith("openai/gpt-image-2".into()));
        let unknown = DatedTerm::from_day(date(2026, 2, 1), Term::CompareWith("nobody/nothing".into()));
        let with = |is_stated, terms: &[DatedTerm]| {
            let model = model().with_stated_comparison(is_stated).with_terms(terms);
            model.compare_with().to_owned()
        };
        assert_eq!(with(false, std::slice::from_ref(&recorded)), "openai/gpt-image-2");
        assert_eq!(with(true, std::slice::from_ref(&recorded)), "fal/z-image-turbo");
        assert_eq!(with(false, &[recorded, unknown]), "fal/z-image-turbo", "not in the price book");
    }
}
