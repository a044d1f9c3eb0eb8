use super::{DaySpan, Upkeep};
use crate::units::{Money, RangeError};

/// A dated line of cost: what is paid beside electricity and the loss of the parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostLine {
    /// What its owner calls it: rent, network, insurance.
    pub name: String,
    /// What it costs, and by what.
    pub upkeep: Upkeep,
    /// The days on which it is paid.
    pub days: DaySpan,
}

/// What the lines cost on some days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UpkeepCost {
    /// All of it.
    pub amount: Money,
    /// Of it, what goes by time, and so is paid without a single image too.
    pub fixed: Money,
}

impl CostLine {
    /// What the configured line is called.
    pub const CONFIGURED: &'static str = "upkeep";

    /// The upkeep of a configuration, which always held.
    pub fn configured(upkeep: Upkeep) -> Self {
        Self { name: Self::CONFIGURED.into(), upkeep, days: DaySpan::ALWAYS }
    }

    /// What its days among `days` cost, if `images` were made on them: of what goes by images, as much as these.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn cost_on(&self, days: DaySpan, images: i64) -> Result<UpkeepCost, RangeError> {
        let days = self.days.and(days);
        match self.upkeep {
            Upkeep::PerImage(amount) => Ok(UpkeepCost { amount: amount.times(images)?, fixed: Money::ZERO }),
            by_time => {
                let amount = by_time.of_days(days)?;
                Ok(UpkeepCost { amount, fixed: amount })
            }
        }
    }
}

impl UpkeepCost {
    /// Both together.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn plus(&self, other: &Self) -> Result<Self, RangeError> {
        Ok(Self { amount: self.amount.plus(other.amount)?, fixed: self.fixed.plus(other.fixed)? })
    }
}
