use serde::{Deserialize, Serialize};

use crate::units::{Money, RangeError};

/// What work costs, by what it is for. Together they are the standard cost.
///
/// ```
/// use tintype::{costs::Breakdown, units::Money};
///
/// let image = Breakdown {
///     electricity: Money::from_nano(2_250_000),
///     depreciation: Money::from_nano(343_333_334),
///     upkeep: Money::from_nano(30_000_000),
/// };
/// assert_eq!(image.total().unwrap().to_string(), "0.375583334");
/// assert_eq!(image.times(3).unwrap().upkeep.to_string(), "0.09");
/// assert_eq!(image.plus(&image).unwrap(), image.times(2).unwrap());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breakdown {
    /// Price of the energy at the plug.
    pub electricity: Money,
    /// Share of what the hardware loses.
    pub depreciation: Money,
    /// Share of everything else: repairs, network, space.
    pub upkeep: Money,
}

impl Breakdown {
    /// All three: the standard cost.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn total(&self) -> Result<Money, RangeError> {
        self.electricity.plus(self.depreciation)?.plus(self.upkeep)
    }

    /// The sums of both.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn plus(&self, other: &Self) -> Result<Self, RangeError> {
        Ok(Self {
            electricity: self.electricity.plus(other.electricity)?,
            depreciation: self.depreciation.plus(other.depreciation)?,
            upkeep: self.upkeep.plus(other.upkeep)?,
        })
    }

    /// The same, `count` times.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn times(&self, count: u32) -> Result<Self, RangeError> {
        let count = i64::from(count);
        Ok(Self {
            electricity: self.electricity.times(count)?,
            depreciation: self.depreciation.times(count)?,
            upkeep: self.upkeep.times(count)?,
        })
    }
}
