use serde::Serialize;

use super::MonthTotals;
use crate::{
    costs::MonthCost,
    ledger::OverheadTotals,
    units::{Energy, Money, MoneyError},
};

/// What a month cost beside its pictures, and what a picture costs by three ways of counting.
#[derive(Debug, Clone, Serialize)]
pub struct WholeMonth {
    /// Energy of the device while it waited.
    pub idle_energy_kwh: Energy,
    /// Energy of the device for warm-up pictures.
    pub warm_up_energy_kwh: Energy,
    /// Energy that the device counted while no server looked.
    pub gap_energy_kwh: Energy,
    /// Price at the plug of all three.
    pub overhead_electricity: Money,
    /// What the parts lost, charged to a picture or not.
    pub whole_depreciation: Money,
    /// What the upkeep cost, charged to a picture or not.
    pub whole_upkeep: Money,
    /// Wear that no picture was charged; negative in a month that painted more than usual.
    pub unused_depreciation: Money,
    /// The same of upkeep.
    pub unused_upkeep: Money,
    /// What parts retired in the month brought above their book values; negative for a loss.
    pub disposal_gain: Money,
    /// Everything that the month cost: pictures, failed work, overheads, unused capacity.
    pub fully_loaded_total: Money,
    /// Electricity of a picture, rounded up; null without pictures.
    pub marginal_per_image: Option<Money>,
    /// Everything over the pictures, rounded up; null without pictures.
    pub fully_loaded_per_image: Option<Money>,
    /// Pictures with which a month like this one costs as much as the compared service: what it costs whether it paints or
    /// not, over the compared price less what each picture adds (its electricity, and its wear and upkeep where those go by
    /// pictures). Null where a picture adds more than it costs there: then no number of them breaks even.
    pub break_even_images: Option<u64>,
}

impl WholeMonth {
    pub(super) fn new(
        totals: &MonthTotals,
        overheads: &OverheadTotals,
        cost: &MonthCost,
    ) -> Result<Self, MoneyError> {
        let images = u64::try_from(totals.images).ok().filter(|images| *images > 0);
        let each = |sum: Money| images.and_then(|images| sum.share_ceil(1, images).ok());
        let spent = totals.standard.plus(totals.failed_electricity)?.plus(overheads.electricity)?;
        let fully_loaded_total = spent.plus(cost.unused()?)?;
        let fixed = cost.fixed.plus(overheads.electricity)?;
        let added = cost.depreciation.plus(cost.upkeep)?.minus(cost.fixed)?.plus(totals.electricity)?;
        let saved = totals.compared.minus(added)?;
        Ok(Self {
            idle_energy_kwh: overheads.idle,
            warm_up_energy_kwh: overheads.warm_up,
            gap_energy_kwh: overheads.gaps,
            overhead_electricity: overheads.electricity,
            whole_depreciation: cost.depreciation,
            whole_upkeep: cost.upkeep,
            unused_depreciation: cost.unused_depreciation,
            unused_upkeep: cost.unused_upkeep,
            disposal_gain: cost.disposal_gain,
            fully_loaded_total,
            marginal_per_image: each(totals.electricity),
            fully_loaded_per_image: each(fully_loaded_total),
            break_even_images: images.and_then(|images| break_even(fixed, saved, images)),
        })
    }
}

/// `fixed` over what one of `images` pictures saves, rounded up, where they save `saved` together.
fn break_even(fixed: Money, saved: Money, images: u64) -> Option<u64> {
    if saved <= Money::ZERO {
        return None;
    }
    let (saved, fixed) = (u128::try_from(saved.as_nano()).ok()?, u128::try_from(fixed.as_nano()).ok()?);
    let pictures = (fixed * u128::from(images)).checked_div(saved)?;
    let exact = pictures * saved == fixed * u128::from(images);
    u64::try_from(pictures + u128::from(!exact)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::EnergyBalance;

    fn money(text: &str) -> Money {
        text.parse().expect("an amount")
    }

    #[test]
    fn three_unit_costs_stand_side_by_side_and_the_sums_close() {
        let totals = MonthTotals {
            images: 100,
            energy: EnergyBalance::from_millijoules(1),
            electricity: money("2"),
            depreciation: money("30"),
            upkeep: money("3"),
            standard: money("35"),
            compared: money("52"),
            failed_electricity: money("0.5"),
            ..MonthTotals::default()
        };
        let overheads = OverheadTotals { electricity: money("4"), ..OverheadTotals::default() };
        let cost = MonthCost {
            depreciation: money("40"),
            upkeep: money("5"),
            fixed: money("41"),
            allocated_depreciation: money("30"),
            allocated_upkeep: money("3"),
            unused_depreciation: money("10"),
            unused_upkeep: money("2"),
            disposal_gain: Money::ZERO,
        };
        let whole = WholeMonth::new(&totals, &overheads, &cost).expect("in range");
        // All that was paid: electricity of pictures, failed work and idle hours, and the month's fixed cost.
        assert_eq!(whole.fully_loaded_total, money("51.5"));
        assert_eq!(whole.marginal_per_image, Some(money("0.02")));
        assert_eq!(whole.fully_loaded_per_image, Some(money("0.515")));
        // 41 and the idle hours' 4 are fixed; a picture adds 0.04 of flat upkeep and 0.02 of electricity, and saves 0.46.
        assert_eq!(whole.break_even_images, Some(98));
        let dearer = MonthTotals { compared: money("1"), ..totals };
        let whole = WholeMonth::new(&dearer, &overheads, &cost).expect("in range");
        assert_eq!(whole.break_even_images, None, "each picture loses money");
        let empty = WholeMonth::new(&MonthTotals::default(), &overheads, &cost).expect("in range");
        assert_eq!((empty.marginal_per_image, empty.break_even_images), (None, None));
    }
}
