use serde::{Deserialize, Serialize};

use super::MonthTotals;
use crate::{
    costs::MonthCost,
    ledger::{LedgerError, OverheadTotals},
    units::Money,
};

/// What a month's figures are made from, so that months add up to a year.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthSums {
    /// Of its entries.
    pub totals: MonthTotals,
    /// Of its parts and lines of cost.
    pub cost: MonthCost,
    /// Of what went into no request.
    pub overheads: OverheadTotals,
    /// What came to light in it of days that were closed.
    pub adjustments: Money,
}

impl MonthSums {
    /// Both months together.
    ///
    /// # Errors
    /// [`LedgerError::OutOfRange`] if a sum is.
    pub fn plus(&self, other: &Self) -> Result<Self, LedgerError> {
        Ok(Self {
            totals: self.totals.plus(&other.totals)?,
            cost: self.cost.plus(&other.cost)?,
            overheads: self.overheads.plus(&other.overheads)?,
            adjustments: self.adjustments.plus(other.adjustments)?,
        })
    }
}
