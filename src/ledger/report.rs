use serde::Serialize;

use super::{Month, MonthTotals};
use crate::{
    costs::CostModel,
    units::{Currency, Energy, Money},
};

/// A month as it is shown: the same figures for the command line, the page and JSON.
#[derive(Debug, Clone, Serialize)]
pub struct MonthReport {
    /// `2026-11`.
    #[serde(serialize_with = "as_text")]
    pub month: Month,
    /// Currency of every amount.
    #[serde(serialize_with = "as_text")]
    pub currency: Currency,
    /// Pictures.
    pub images: u64,
    /// Of them, painted for a client that had gone.
    pub undelivered_images: u64,
    /// Energy of the device.
    pub energy_kwh: Energy,
    /// Energy at the plug.
    pub wall_energy_kwh: Energy,
    /// Price of the energy at the plug.
    pub electricity: Money,
    /// Wear of the hardware.
    pub depreciation: Money,
    /// Everything else.
    pub upkeep: Money,
    /// Electricity, depreciation and upkeep: the standard cost.
    pub total: Money,
    /// The total over the pictures, rounded up; null in a month without pictures.
    pub cost_per_image: Option<Money>,
    /// The service that is compared with now.
    pub compared_with: String,
    /// What the pictures would have cost there, at each day's price.
    pub compared_price: Money,
    /// The compared price less the total; negative for a loss.
    pub saving: Money,
    /// Energy at the plug of work that gave no picture.
    pub failed_energy_kwh: Energy,
    /// Its price, not in the total.
    pub failed_electricity: Money,
    /// Whether wear is that of the built-in example, because no hardware was configured.
    pub example_hardware: bool,
}

impl MonthReport {
    /// The report of `month`, whose sums are `totals`.
    pub fn new(month: Month, totals: &MonthTotals, costs: &CostModel) -> Self {
        Self {
            month,
            currency: costs.currency(),
            images: totals.images,
            undelivered_images: totals.undelivered,
            energy_kwh: totals.energy,
            wall_energy_kwh: totals.wall_energy,
            electricity: totals.electricity,
            depreciation: totals.depreciation,
            upkeep: totals.upkeep,
            total: totals.standard,
            cost_per_image: totals.standard.share_ceil(1, totals.images).ok(),
            compared_with: costs.settings().compare_with.clone(),
            compared_price: totals.compared,
            saving: totals.saving,
            failed_energy_kwh: totals.failed_energy,
            failed_electricity: totals.failed_electricity,
            example_hardware: costs.uses_example_hardware(),
        }
    }
}

impl MonthReport {
    /// Decimals in which the month's amounts are shown to people: four while they are small.
    pub fn decimals(&self) -> u32 {
        const SMALL: Money = Money::from_nano(100_000_000_000);
        if self.total.abs().max(self.compared_price.abs()) < SMALL { 4 } else { 2 }
    }
}

fn as_text<T: std::fmt::Display, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::units::Millis;

    #[test]
    fn figures_go_out_as_exact_numbers() {
        let costs = crate::config::Config::default().cost_model(date(2026, 11, 23)).expect("a cost model");
        let totals = MonthTotals {
            images: 3,
            duration: Millis::new(45_000),
            energy: Energy::from_millijoules(20_250_000),
            electricity: Money::from_nano(6_750_000),
            standard: Money::from_nano(1_126_750_002),
            saving: Money::from_nano(-1_021_750_002),
            ..MonthTotals::default()
        };
        let report = MonthReport::new("2026-11".parse().expect("a month"), &totals, &costs);
        let json = serde_json::to_string(&report).expect("JSON");
        for part in [
            r#""month":"2026-11""#,
            r#""currency":"CNY""#,
            r#""images":3,"#,
            r#""energy_kwh":0.005625"#,
            r#""electricity":0.00675"#,
            r#""cost_per_image":0.375583334"#,
            r#""saving":-1.021750002"#,
            r#""example_hardware":true"#,
        ] {
            assert!(json.contains(part), "{part} in {json}");
        }
        let empty = MonthReport::new("2026-12".parse().expect("a month"), &MonthTotals::default(), &costs);
        assert_eq!(empty.cost_per_image, None);
    }
}
