use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::MonthTotals;
use crate::{costs::Breakdown, ledger::LedgerError, units::Money};

/// A day of a month. Days add up to the month of the same names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayReport {
    /// The day.
    pub day: Date,
    /// Images, less those that were taken back.
    pub images: i64,
    /// What its images cost.
    #[serde(flatten)]
    pub cost: Breakdown,
    /// Electricity, depreciation and upkeep: the standard cost.
    pub total: Money,
    /// Electricity of failed work, not in the total.
    pub failed_electricity: Money,
    /// Electricity of idle hours, warm-up images and gaps, not in the total.
    pub overhead_electricity: Money,
    /// Images that have a price at the service that each was compared with.
    pub compared_images: i64,
    /// What they would have cost there; null if none has a price.
    pub compared_price: Option<Money>,
    /// That less what the same images cost here; negative for a loss.
    pub saving: Option<Money>,
    /// The savings of the month up to this day.
    pub saving_so_far: Money,
}

/// The report of each of `days`, which come in order with their sums and the electricity of their overheads.
pub(super) fn reports(
    days: impl IntoIterator<Item = (Date, MonthTotals, Money)>,
) -> Result<Vec<DayReport>, LedgerError> {
    let mut saving_so_far = Money::ZERO;
    let report = |(day, totals, overhead_electricity): (Date, MonthTotals, Money)| {
        saving_so_far = saving_so_far.plus(totals.saving().unwrap_or_default())?;
        Ok(DayReport {
            day,
            images: totals.images,
            cost: totals.cost,
            total: totals.standard,
            failed_electricity: totals.failed_electricity,
            overhead_electricity,
            compared_images: totals.compared.images,
            compared_price: totals.compared_price(),
            saving: totals.saving(),
            saving_so_far,
        })
    };
    days.into_iter().map(report).collect()
}
