use serde::{Deserialize, Serialize};

use super::{Asset, DaySpan, UpkeepCost};
use crate::units::{Money, RangeError};

/// A part, and the images that were generated in its service. They matter only if it wears out by units.
#[derive(Debug, Clone, Copy)]
pub struct AssetUse<'a> {
    /// The part.
    pub asset: &'a Asset,
    /// Images before the month.
    pub images_before: u64,
    /// Images until its end: fewer, if the month took more back than it made.
    pub images_after: u64,
}

/// What the images of a month were charged, as sums over the ledger's entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allocated {
    /// Their depreciation.
    pub depreciation: Money,
    /// Their upkeep.
    pub upkeep: Money,
}

/// A month's depreciation and upkeep beside what its images were charged. What they were not charged is unused
/// capacity: the sum of the two is the month's, to the nano-unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthCost {
    /// What the parts lost in the month.
    pub depreciation: Money,
    /// What the upkeep of the month cost.
    pub upkeep: Money,
    /// Of both, what it would have cost without a single image: wear by time, and upkeep by the year.
    pub fixed: Money,
    /// Depreciation that its images were charged.
    pub allocated_depreciation: Money,
    /// Upkeep that its images were charged.
    pub allocated_upkeep: Money,
    /// Depreciation that no image was charged; negative in a month that generated more than usual.
    pub unused_depreciation: Money,
    /// Upkeep that no image was charged; negative in a month that generated more than usual.
    pub unused_upkeep: Money,
    /// What parts retired in the month brought above their book values; negative for a loss.
    pub disposal_gain: Money,
}

impl MonthCost {
    /// Unused capacity: depreciation and upkeep that no image was charged.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn unused(&self) -> Result<Money, RangeError> {
        self.unused_depreciation.plus(self.unused_upkeep)
    }

    /// Both months together.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn plus(&self, other: &Self) -> Result<Self, RangeError> {
        Ok(Self {
            depreciation: self.depreciation.plus(other.depreciation)?,
            upkeep: self.upkeep.plus(other.upkeep)?,
            fixed: self.fixed.plus(other.fixed)?,
            allocated_depreciation: self.allocated_depreciation.plus(other.allocated_depreciation)?,
            allocated_upkeep: self.allocated_upkeep.plus(other.allocated_upkeep)?,
            unused_depreciation: self.unused_depreciation.plus(other.unused_depreciation)?,
            unused_upkeep: self.unused_upkeep.plus(other.unused_upkeep)?,
            disposal_gain: self.disposal_gain.plus(other.disposal_gain)?,
        })
    }
}

/// What the parts and the upkeep cost on `days`, a month or what has passed of it.
///
/// # Errors
/// [`RangeError`] past the ledger's range.
pub fn month_cost(
    uses: &[AssetUse<'_>],
    upkeep: UpkeepCost,
    days: DaySpan,
    allocated: Allocated,
) -> Result<MonthCost, RangeError> {
    let (mut depreciation, mut fixed, mut disposal_gain) = (Money::ZERO, Money::ZERO, Money::ZERO);
    for AssetUse { asset, images_before, images_after } in uses {
        let lost = asset.lost_on(days, *images_before, *images_after)?;
        depreciation = depreciation.plus(lost)?;
        // What it had lost without an image of these days.
        fixed = fixed.plus(asset.lost_on(days, *images_before, *images_before)?)?;
        if asset.retirement.is_some_and(|retirement| days.contains(retirement.on)) {
            let gain = asset.disposal_gain(*images_after)?;
            disposal_gain = disposal_gain.plus(gain.unwrap_or_default())?;
        }
    }
    Ok(MonthCost {
        depreciation,
        upkeep: upkeep.amount,
        fixed: fixed.plus(upkeep.fixed)?,
        allocated_depreciation: allocated.depreciation,
        allocated_upkeep: allocated.upkeep,
        unused_depreciation: depreciation.minus(allocated.depreciation)?,
        unused_upkeep: upkeep.amount.minus(allocated.upkeep)?,
        disposal_gain,
    })
}
