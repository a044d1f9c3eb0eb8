use serde::{Deserialize, Serialize};

use super::MonthSums;
use crate::{
    costs::part_of_all_in,
    units::{Carbon, Energy, Grams, Money, RangeError},
};

/// What a month cost beside its images, and what an image costs by three ways of counting.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WholeMonth {
    /// Energy of the device while it waited.
    pub idle_energy_kwh: Energy,
    /// Energy of the device for warm-up images.
    pub warm_up_energy_kwh: Energy,
    /// Energy that the device counted while no server looked.
    pub gap_energy_kwh: Energy,
    /// Price at the plug of all three.
    pub overhead_electricity: Money,
    /// What the parts lost, whether charged to an image or not.
    pub whole_depreciation: Money,
    /// What the upkeep cost, whether charged to an image or not.
    pub whole_upkeep: Money,
    /// Wear that no image was charged; negative in a month that generated more than usual.
    pub unused_depreciation: Money,
    /// The same of upkeep.
    pub unused_upkeep: Money,
    /// What parts retired in the month brought above their book values; negative for a loss.
    pub disposal_gain: Money,
    /// What came to light in the month of days that were closed: parts and lines of cost that were recorded late.
    #[serde(default)]
    pub adjustments_total: Money,
    /// Everything that the month cost: images, failed work and images that were taken back, overheads, unused capacity,
    /// what was lost on parts that were sold, or less what was gained, and adjustments of closed days.
    pub fully_loaded_total: Money,
    /// What all energy of the month emitted, in grams of CO₂ equivalent: of images, failed work, idle hours, warm-up images and
    /// gaps; null if no factor was recorded.
    #[serde(default)]
    pub carbon_grams_total: Option<Grams>,
    /// Electricity of an image, rounded up; null without images.
    pub marginal_per_image: Option<Money>,
    /// Everything over the images, rounded up; null without images.
    pub fully_loaded_per_image: Option<Money>,
    /// What the images with a price elsewhere would have cost there, less their part of everything: the headline.
    /// Negative for a loss; null if no image has a price there.
    pub saving_all_in: Option<Money>,
    /// The same in tenths of a percent of the compared price, rounded down.
    pub saving_all_in_percent_tenths: Option<i64>,
    /// Images with which a whole month, or year, at today's pace costs as much as the compared service: what it costs
    /// whether it makes images or not, over the compared price less what each image adds (its electricity and that of
    /// failed work, and its wear and upkeep if those go by images). Null if an image adds more than it costs there:
    /// then no number of them breaks even.
    pub break_even_images: Option<u64>,
    /// Images of the whole month, or year, at the pace of the days so far.
    pub images_at_pace: Option<u64>,
    /// Days that count: those that have passed, today included, since the ledger's first.
    pub days_counted: u64,
    /// Days of the month, or of the year.
    pub days_in_period: u64,
}

/// How many days of a month or a year have counted so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) days: u64,
    pub(super) of: u64,
}

impl WholeMonth {
    pub(super) fn new(sums: &MonthSums, counted: Counted) -> Result<Self, RangeError> {
        let MonthSums { totals, overheads, cost, adjustments } = sums;
        let images = u64::try_from(totals.images).ok().filter(|images| *images > 0);
        let each = |sum: Money| images.and_then(|images| sum.share_ceil(1, images).ok());
        let spent = totals.standard.plus(totals.failed_electricity)?.plus(overheads.electricity)?;
        let fully_loaded_total = spent.plus(cost.unused()?)?.minus(cost.disposal_gain)?.plus(*adjustments)?;
        let fixed = cost.fixed.plus(overheads.electricity)?;
        let added = cost.depreciation.plus(cost.upkeep)?.minus(cost.fixed)?;
        let added = added.plus(totals.cost.electricity)?.plus(totals.failed_electricity)?;
        let there = totals.compared_price();
        // If some images have no price elsewhere, the others stand for them.
        let of_all = there.zip(images).and_then(|(price, images)| {
            let compared = u64::try_from(totals.compared.images).ok()?;
            price.share_floor(images, compared).ok()
        });
        let saved = of_all.and_then(|there| there.minus(added).ok());
        let all_in = part_of_all_in(fully_loaded_total, totals.compared.images, totals.images);
        let saving_all_in = there.zip(all_in).and_then(|(there, all_in)| there.minus(all_in).ok());
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
            adjustments_total: *adjustments,
            fully_loaded_total,
            carbon_grams_total: Carbon::sum([totals.carbon, totals.failed_carbon, overheads.carbon])?
                .map(Grams),
            marginal_per_image: each(totals.cost.electricity),
            fully_loaded_per_image: each(fully_loaded_total),
            saving_all_in,
            saving_all_in_percent_tenths: saving_all_in
                .and_then(|saving| saving.percent_tenths_of(there.unwrap_or_default())),
            break_even_images: images
                .zip(saved)
                .and_then(|(images, saved)| break_even(fixed, saved, images, counted)),
            images_at_pace: images
                .and_then(|images| images.checked_mul(counted.of)?.checked_div(counted.days)),
            days_counted: counted.days,
            days_in_period: counted.of,
        })
    }
}

/// `fixed` of all days over what one of `images` saves, rounded up, if they save `saved` together; both are of the days so
/// far.
fn break_even(fixed: Money, saved: Money, images: u64, counted: Counted) -> Option<u64> {
    if saved <= Money::ZERO {
        return None;
    }
    let (saved, fixed) = (u128::try_from(saved.as_nano()).ok()?, u128::try_from(fixed.as_nano()).ok()?);
    let fixed_of_all = fixed.checked_mul(u128::from(images))?.checked_mul(u128::from(counted.of))?;
    let saved_so_far = saved.checked_mul(u128::from(counted.days))?;
    let images = fixed_of_all.checked_div(saved_so_far)? + u128::from(fixed_of_all % saved_so_far > 0);
    u64::try_from(images).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        costs::{Breakdown, MonthCost},
        ledger::{Compared, MonthTotals, OverheadTotals},
        units::EnergyBalance,
    };

    fn sums(totals: MonthTotals, overheads: OverheadTotals, cost: MonthCost) -> MonthSums {
        MonthSums { totals, cost, overheads, adjustments: Money::ZERO }
    }

    const WHOLE: Counted = Counted { days: 30, of: 30 };

    fn money(text: &str) -> Money {
        text.parse().expect("an amount")
    }

    #[test]
    fn three_unit_costs_stand_side_by_side_and_the_sums_close() {
        let totals = MonthTotals {
            images: 100,
            energy: EnergyBalance::from_millijoules(1),
            cost: Breakdown { electricity: money("2"), depreciation: money("30"), upkeep: money("3") },
            standard: money("35"),
            compared: Compared::new(100, money("35"), money("52")),
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
        let whole = WholeMonth::new(&sums(totals, overheads, cost), WHOLE).expect("in range");
        // All that was paid: electricity of images, failed work and idle hours, and the month's fixed cost.
        assert_eq!(whole.fully_loaded_total, money("51.5"));
        assert_eq!(whole.marginal_per_image, Some(money("0.02")));
        assert_eq!(whole.fully_loaded_per_image, Some(money("0.515")));
        assert_eq!(whole.saving_all_in, Some(money("0.5")), "52 elsewhere");
        // 41 and the idle hours' 4 are fixed; an image adds 0.04 of flat upkeep, 0.02 of electricity and 0.005 of
        // failed work, and saves 0.455.
        assert_eq!(whole.break_even_images, Some(99));
        let third = Counted { days: 10, of: 30 };
        let whole = WholeMonth::new(&sums(totals, overheads, cost), third).expect("in range");
        assert_eq!(
            (whole.break_even_images, whole.images_at_pace),
            (Some(297), Some(300)),
            "of a whole month"
        );
        let sold = MonthCost { disposal_gain: money("-40"), ..cost };
        let whole = WholeMonth::new(&sums(totals, overheads, sold), WHOLE).expect("in range");
        assert_eq!((whole.fully_loaded_total, whole.saving_all_in), (money("91.5"), Some(money("-39.5"))));
        let late = MonthSums { adjustments: money("3"), ..sums(totals, overheads, cost) };
        let whole = WholeMonth::new(&late, WHOLE).expect("in range");
        assert_eq!((whole.fully_loaded_total, whole.break_even_images), (money("54.5"), Some(99)));
        let dearer = MonthTotals { compared: Compared::new(100, money("35"), money("1")), ..totals };
        let whole = WholeMonth::new(&sums(dearer, overheads, cost), WHOLE).expect("in range");
        assert_eq!(whole.break_even_images, None, "each image loses money");
        let empty = WholeMonth::new(&sums(MonthTotals::default(), overheads, cost), WHOLE).expect("in range");
        assert_eq!((empty.marginal_per_image, empty.break_even_images), (None, None));
    }
}
