use serde::Serialize;

use super::{GroupBy, GroupTotals, Month, MonthTotals, WholeMonth};
use crate::{
    costs::CostModel,
    units::{Currency, EnergyBalance, Money},
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
    /// Pictures, less those of earlier months that were taken back.
    pub images: i64,
    /// Of them, painted for a client that had gone.
    pub undelivered_images: i64,
    /// Energy of the device.
    pub energy_kwh: EnergyBalance,
    /// Energy at the plug.
    pub wall_energy_kwh: EnergyBalance,
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
    pub failed_energy_kwh: EnergyBalance,
    /// Its price, not in the total.
    pub failed_electricity: Money,
    /// Whether wear is that of the built-in example, because no hardware was configured.
    pub example_hardware: bool,
    /// What the month cost beside its pictures.
    #[serde(flatten)]
    pub whole: Option<WholeMonth>,
    /// The same in groups, where they were asked for.
    #[serde(flatten)]
    pub groups: Option<Groups>,
    #[serde(skip)]
    totals: MonthTotals,
}

/// A month in groups, which add up to it.
#[derive(Debug, Clone, Serialize)]
pub struct Groups {
    /// What the pictures of a group have in common.
    #[serde(rename = "grouped_by", serialize_with = "as_text")]
    pub by: GroupBy,
    /// Its groups.
    pub groups: Vec<GroupReport>,
}

/// One group of a month. Its figures are the month's of the same names.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "they are named and told in MonthReport")]
pub struct GroupReport {
    /// What its pictures have in common; null: nothing was noted.
    pub group: Option<String>,
    /// What the owner calls the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub images: i64,
    pub undelivered_images: i64,
    pub energy_kwh: EnergyBalance,
    pub wall_energy_kwh: EnergyBalance,
    pub electricity: Money,
    pub depreciation: Money,
    pub upkeep: Money,
    pub total: Money,
    pub cost_per_image: Option<Money>,
    pub compared_price: Money,
    pub saving: Money,
    pub failed_energy_kwh: EnergyBalance,
    pub failed_electricity: Money,
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
            cost_per_image: cost_per_image(totals),
            compared_with: costs.settings().compare_with.clone(),
            compared_price: totals.compared,
            saving: totals.saving,
            failed_energy_kwh: totals.failed_energy,
            failed_electricity: totals.failed_electricity,
            example_hardware: costs.uses_example_hardware(),
            whole: None,
            groups: None,
            totals: *totals,
        }
    }

    /// The month's own figures, as those of a group that is all of it.
    pub(super) fn as_group(&self) -> GroupReport {
        GroupReport::new(GroupTotals { group: None, title: None, totals: self.totals })
    }

    /// The report with its groups.
    #[must_use]
    pub fn grouped(self, by: GroupBy, groups: Vec<GroupTotals>) -> Self {
        let groups = groups.into_iter().map(GroupReport::new).collect();
        Self { groups: Some(Groups { by, groups }), ..self }
    }

    /// Whether nothing was booked at all.
    pub fn is_empty(&self) -> bool {
        self.images == 0 && self.total == Money::ZERO && self.compared_price == Money::ZERO
    }

    /// Decimals in which the month's amounts are shown to people: four while they are small.
    pub fn decimals(&self) -> u32 {
        const SMALL: Money = Money::from_nano(100_000_000_000);
        if self.total.abs().max(self.compared_price.abs()) < SMALL { 4 } else { 2 }
    }
}

impl GroupReport {
    fn new(group: GroupTotals) -> Self {
        let GroupTotals { group, title, totals } = group;
        Self {
            group,
            title,
            images: totals.images,
            undelivered_images: totals.undelivered,
            energy_kwh: totals.energy,
            wall_energy_kwh: totals.wall_energy,
            electricity: totals.electricity,
            depreciation: totals.depreciation,
            upkeep: totals.upkeep,
            total: totals.standard,
            cost_per_image: cost_per_image(&totals),
            compared_price: totals.compared,
            saving: totals.saving,
            failed_energy_kwh: totals.failed_energy,
            failed_electricity: totals.failed_electricity,
        }
    }
}

/// None where no picture remains.
fn cost_per_image(totals: &MonthTotals) -> Option<Money> {
    let images = u64::try_from(totals.images).ok()?;
    totals.standard.share_ceil(1, images).ok()
}

fn as_text<T: std::fmt::Display, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn figures_go_out_as_exact_numbers() {
        let costs = crate::config::Config::default().cost_model(date(2026, 11, 23)).expect("a cost model");
        let totals = MonthTotals {
            images: 3,
            energy: EnergyBalance::from_millijoules(20_250_000),
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
        assert!(empty.is_empty() && !json.contains("group"));
    }

    #[test]
    fn a_month_that_takes_more_back_than_it_paints_is_told_in_negative_figures() {
        let costs = crate::config::Config::default().cost_model(date(2026, 11, 23)).expect("a cost model");
        let totals = MonthTotals {
            images: -1,
            energy: EnergyBalance::from_millijoules(-6_750_000),
            standard: Money::from_nano(-375_583_334),
            ..MonthTotals::default()
        };
        let group = GroupTotals { group: None, title: None, totals };
        let report = MonthReport::new("2026-11".parse().expect("a month"), &totals, &costs);
        let report = report.grouped(GroupBy::Tag, vec![group]);
        assert_eq!((report.cost_per_image, report.is_empty()), (None, false));
        let json = serde_json::to_string(&report).expect("JSON");
        for part in [
            r#""images":-1,"#,
            r#""energy_kwh":-0.001875"#,
            r#""total":-0.375583334"#,
            r#""grouped_by":"tag","groups":[{"group":null,"images":-1,"#,
        ] {
            assert!(json.contains(part), "{part} in {json}");
        }
    }
}
