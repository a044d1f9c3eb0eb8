use serde::{Deserialize, Serialize};

use super::{DayReport, EnergySources, GroupBy, GroupTotals, MonthTotals, Payback, WholeMonth};
use crate::{
    costs::{Breakdown, CostModel, ServiceComparison},
    ledger::{Adjustment, BoughtReport, Month},
    units::{Currency, EnergyBalance, Grams, Money},
};

/// A month as it is shown: the same figures for the command line, the page and JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MonthReport {
    /// `2026-11`.
    pub month: Month,
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
    /// What the month cost beside its images.
    #[serde(flatten)]
    pub whole: Option<WholeMonth>,
    /// The images at each compared service, the like-for-like one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceComparison>,
    /// What came to light in the month of days that were closed.
    #[serde(default)]
    pub adjustments: Vec<Adjustment>,
    /// What was bought elsewhere, beside all of the above; none if nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overflow: Option<BoughtReport>,
    /// Day by day, those to come left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<Vec<DayReport>>,
    /// How far the hardware has paid for itself by the end of the month, or by now; null before the first part was
    /// bought.
    pub payback: Option<Payback>,
    /// The same in groups, of each kind that was asked for. JSON has room for one kind.
    #[serde(flatten, serialize_with = "first_kind", skip_deserializing)]
    pub groups: Vec<Groups>,
}

/// What the images of a month, or of a part of it, came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Images, less those of earlier months that were taken back.
    pub images: i64,
    /// Those of them that were generated for a client that had gone.
    pub undelivered_images: i64,
    /// Energy of the device.
    pub energy_kwh: EnergyBalance,
    /// Energy at the plug.
    pub wall_energy_kwh: EnergyBalance,
    /// Price of the energy at the plug, depreciation, and upkeep.
    #[serde(flatten)]
    pub cost: Breakdown,
    /// Electricity, depreciation and upkeep: the standard cost.
    pub total: Money,
    /// The total over the images, rounded up; null without images.
    pub cost_per_image: Option<Money>,
    /// Images that have a price at the service that each was compared with.
    pub compared_images: i64,
    /// Their standard cost.
    pub compared_total: Money,
    /// What they would have cost there, at each day's price; null if none has a price.
    pub compared_price: Option<Money>,
    /// The compared price less what the same images cost here; negative for a loss.
    pub saving: Option<Money>,
    /// Energy at the plug of work that gave no image.
    pub failed_energy_kwh: EnergyBalance,
    /// Its price, not in the total.
    pub failed_electricity: Money,
    /// What the energy of the images emitted, in grams of CO₂ equivalent; null if no factor was recorded.
    #[serde(default)]
    pub carbon_grams: Option<Grams>,
}

/// A month in groups, which add up to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Groups {
    /// What the images of a group have in common.
    #[serde(rename = "grouped_by")]
    pub by: GroupBy,
    /// Its groups.
    pub groups: Vec<GroupReport>,
}

/// One group of a month.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GroupReport {
    /// What its images have in common; null: nothing was noted.
    pub group: Option<String>,
    /// What the owner calls the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What they came to.
    #[serde(flatten)]
    pub figures: Figures,
    /// What was bought elsewhere for it, beside all of the above; none if nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overflow: Option<BoughtReport>,
}

impl MonthReport {
    /// The report of `month`, whose sums are `totals`, and nothing else of it.
    pub fn new(month: Month, totals: &MonthTotals, costs: &CostModel) -> Self {
        Self {
            month,
            currency: costs.currency(),
            figures: Figures::new(totals),
            energy_sources: EnergySources::default(),
            compared_with: costs.compare_with().to_owned(),
            example_hardware: costs.uses_example_hardware(),
            whole: None,
            services: Vec::new(),
            adjustments: Vec::new(),
            overflow: None,
            days: None,
            payback: None,
            groups: Vec::new(),
        }
    }

    /// Whether nothing was booked at all.
    pub fn is_empty(&self) -> bool {
        self.figures.is_empty() && self.overflow.is_none()
    }

    /// Decimals in which the month's amounts are shown to people.
    pub fn decimals(&self) -> u32 {
        self.figures.decimals()
    }
}

impl Figures {
    /// The figures of `totals`.
    pub fn new(totals: &MonthTotals) -> Self {
        Self {
            images: totals.images,
            undelivered_images: totals.undelivered,
            energy_kwh: totals.energy,
            wall_energy_kwh: totals.wall_energy,
            cost: totals.cost,
            total: totals.standard,
            cost_per_image: cost_per_image(totals),
            compared_images: totals.compared.images,
            compared_total: totals.compared.standard,
            compared_price: totals.compared_price(),
            saving: totals.saving(),
            failed_energy_kwh: totals.failed_energy,
            carbon_grams: totals.carbon.map(Grams),
            failed_electricity: totals.failed_electricity,
        }
    }

    /// Whether nothing was booked at all.
    pub fn is_empty(&self) -> bool {
        self.images == 0 && self.total == Money::ZERO && self.compared_images == 0
    }

    /// Decimals in which amounts are shown to people: four while they are small.
    pub fn decimals(&self) -> u32 {
        const SMALL: Money = Money::from_nano(100_000_000_000);
        if self.total.abs().max(self.compared_price.unwrap_or_default().abs()) < SMALL { 4 } else { 2 }
    }
}

impl Groups {
    pub(super) fn new(by: GroupBy, groups: Vec<GroupTotals>) -> Self {
        Self { by, groups: groups.into_iter().map(GroupReport::new).collect() }
    }
}

impl GroupReport {
    fn new(group: GroupTotals) -> Self {
        let figures = Figures::new(&group.totals);
        Self { group: group.group, title: group.title, figures, overflow: None }
    }
}

/// None if no image remains.
fn cost_per_image(totals: &MonthTotals) -> Option<Money> {
    let images = u64::try_from(totals.images).ok()?;
    totals.standard.share_ceil(1, images).ok()
}

pub(super) fn first_kind<S: serde::Serializer>(groups: &[Groups], serializer: S) -> Result<S::Ok, S::Error> {
    groups.first().serialize(serializer)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::{
        costs::{CostSettings, ExchangeRate, PriceBook},
        ledger::Compared,
        units::Currency,
    };

    fn costs() -> CostModel {
        let (day, rate) = (date(2026, 11, 23), Money::from_nano(7_000_000_000));
        let dollars = ExchangeRate { from: Currency::USD, to: Currency::CNY, rate, effective_from: day };
        let prices = PriceBook::built_in().expect("a price book");
        CostModel::new(CostSettings::default(), prices, vec![dollars]).expect("a cost model")
    }

    #[test]
    fn figures_go_out_as_exact_numbers() {
        let costs = costs();
        let totals = MonthTotals {
            images: 3,
            energy: EnergyBalance::from_millijoules(20_250_000),
            cost: Breakdown { electricity: Money::from_nano(6_750_000), ..Breakdown::default() },
            standard: Money::from_nano(1_126_750_002),
            compared: Compared::new(3, Money::from_nano(1_126_750_002), Money::from_nano(105_000_000)),
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
        assert_eq!(empty.figures.cost_per_image, None);
        assert!(empty.is_empty() && !json.contains("group"));
    }

    #[test]
    fn a_month_that_takes_more_back_than_it_generates_has_negative_figures() {
        let costs = costs();
        let totals = MonthTotals {
            images: -1,
            energy: EnergyBalance::from_millijoules(-6_750_000),
            standard: Money::from_nano(-375_583_334),
            ..MonthTotals::default()
        };
        let group = GroupTotals { group: None, title: None, totals };
        let mut report = MonthReport::new("2026-11".parse().expect("a month"), &totals, &costs);
        report.groups = vec![Groups::new(GroupBy::Tag, vec![group])];
        assert_eq!((report.figures.cost_per_image, report.is_empty()), (None, false));
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
