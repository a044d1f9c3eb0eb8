use jiff::civil::DateTime;

use super::{HardwarePart, Scenario, ScenarioError, scenario::YEARS_MAX};
use crate::{
    costs::{Asset, CostModel, DaySpan, Upkeep},
    units::{Millis, Money, Power, RangeError},
};

/// What was measured of a machine's use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeasuredUse {
    /// Images of a month; none if they say nothing of a month yet.
    pub images_per_month: Option<u64>,
    /// Mean time of the device for an image.
    pub time_per_image: Millis,
    /// Mean power of the device while it generates.
    pub power: Power,
}

impl Scenario {
    /// The machine of `costs` as it is at `at`, by the clock on the wall: its parts in service, its tariff and its upkeep, on a
    /// device of `watts`, used as was measured. What was not measured is as in this scenario.
    ///
    /// # Errors
    /// [`ScenarioError`] for settings that cannot be.
    pub fn of_machine(
        self,
        costs: &CostModel,
        at: DateTime,
        watts: Power,
        measured: Option<MeasuredUse>,
    ) -> Result<Self, ScenarioError> {
        let settings = costs.settings_at(at);
        let mut scenario = self.with_costs(&settings, measured.map_or(watts, |measured| measured.power))?;
        scenario.add_lines(costs, at)?;
        if let Some(measured) = measured {
            scenario.seconds_per_image = measured.time_per_image;
        }
        if let Some(images) = measured.and_then(|measured| measured.images_per_month) {
            scenario.images_per_month = images.clamp(1, scenario.capacity_per_month().max(1));
        }
        let parts: Vec<_> = costs.recorded_parts().iter().filter(|part| part.retirement.is_none()).collect();
        let scenario = scenario.with_parts(&parts)?;
        scenario.check()?;
        Ok(scenario)
    }

    /// What holds at `at` beside parts and electricity: amounts for an image, and amounts by time as those of a year.
    fn add_lines(&mut self, costs: &CostModel, at: DateTime) -> Result<(), ScenarioError> {
        let (mut per_image, mut per_year) = (Money::ZERO, Money::ZERO);
        let first = at.date();
        let year = DaySpan { first, end: first.checked_add(jiff::Span::new().years(1)).unwrap_or(first) };
        for line in costs.lines().iter().filter(|line| line.days.contains(first)) {
            match line.upkeep {
                Upkeep::PerImage(amount) => per_image = per_image.plus(amount)?,
                Upkeep::Once(_) => {}
                by_time => per_year = per_year.plus(by_time.of_days(year)?)?,
            }
        }
        (self.upkeep_per_image, self.fixed_costs_per_year) = (per_image, per_year);
        Ok(())
    }

    /// The same with the recorded `parts`, if there are any. Parts that wear out differently are taken to last as long as the
    /// dearest of them.
    fn with_parts(self, parts: &[&Asset]) -> Result<Self, ScenarioError> {
        let Some(dearest) = parts.iter().max_by_key(|part| part.price) else { return Ok(self) };
        let shared = |part: &&Asset| -> Result<HardwarePart, RangeError> {
            let share = |amount: Money| amount.share_ceil(u64::from(part.share_percent), 100);
            Ok(HardwarePart {
                name: part.name.clone(),
                price: share(part.price)?,
                residual: share(part.residual)?,
            })
        };
        let (lifetime_images, life_years, normal_utilisation_percent) = dearest.life.terms();
        // A life in images ends after the scenario's years at the latest.
        let lifetime_years = life_years.filter(|_| lifetime_images.is_none());
        let years = life_years.filter(|_| lifetime_images.is_some()).unwrap_or(self.years);
        Ok(Self {
            name: dearest.name.clone(),
            parts: parts.iter().map(shared).collect::<Result<_, _>>()?,
            share_percent: 100,
            lifetime_images,
            lifetime_years,
            normal_utilisation_percent,
            years: years.min(YEARS_MAX),
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Date, date};

    use super::*;
    use crate::costs::{CostLine, CostSettings, Life, PriceBook};

    const AT: DateTime = date(2026, 11, 23).at(12, 0, 0, 0);

    fn money(text: &str) -> Money {
        text.parse().expect("an amount")
    }

    #[test]
    fn a_machine_is_judged_by_its_parts_its_rent_and_its_measured_use() {
        let prices = PriceBook::built_in().expect("a price book");
        let model = CostModel::new(CostSettings::default(), prices, Vec::new()).expect("a cost model");
        let part = Asset {
            name: "workstation".into(),
            price: money("3000"),
            residual: money("0"),
            share_percent: 50,
            purchased_on: date(2026, 11, 1),
            life: Life::Time { years: 3, normal_utilisation_percent: 20 },
            retirement: None,
        };
        let days = DaySpan { first: date(2026, 1, 1), end: Date::MAX };
        let line = |name: &str, upkeep| CostLine { name: name.into(), upkeep, days };
        let rent = Upkeep::PerMonth { amount: money("100"), normal_utilisation_percent: 20 };
        let lines = vec![line("upkeep", Upkeep::PerImage(money("0.03"))), line("rent", rent)];
        let model = model.with_assets(vec![part]).with_lines(lines);
        let measured = MeasuredUse {
            images_per_month: Some(900),
            time_per_image: Millis::new(4_000),
            power: Power::from_watts(300),
        };
        let own = |measured| {
            let shipped = Scenario::shipped().expect("the shipped scenario");
            shipped.of_machine(&model, AT, Power::from_watts(65), measured).expect("sound")
        };
        let scenario = own(Some(measured));
        assert_eq!((scenario.images_per_month, scenario.seconds_per_image), (900, Millis::new(4_000)));
        assert_eq!(scenario.watts, Power::from_watts(300));
        let year = scenario.outcome().expect("an outcome").year;
        assert_eq!(year.depreciation.to_string(), "500.00", "half of a third");
        assert_eq!((year.upkeep.to_string(), year.other.to_string()), ("324.00".into(), "1200.00".into()));
        let too_few_days = own(Some(MeasuredUse { images_per_month: None, ..measured }));
        assert_eq!((too_few_days.images_per_month, too_few_days.seconds_per_image.get()), (500, 4_000));
        assert_eq!(own(None).watts, Power::from_watts(65));
    }
}
