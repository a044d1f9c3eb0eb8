use serde::Serialize;

use super::{EnergySources, Figures, MonthReport, Payback, WholeMonth, month::as_text};
use crate::{
    costs::ServiceComparison,
    ledger::{BoughtReport, Year},
    units::Currency,
};

/// A year as it is shown: twelve months, and the same figures for all of them.
#[derive(Debug, Clone, Serialize)]
pub struct YearReport {
    /// `2026`.
    #[serde(serialize_with = "as_text")]
    pub year: Year,
    /// Currency of every amount.
    #[serde(serialize_with = "as_text")]
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
    /// What the year cost beside its images. Its break-even is in images a year.
    #[serde(flatten)]
    pub whole: WholeMonth,
    /// The images at each compared service, the like-for-like one first.
    pub services: Vec<ServiceComparison>,
    /// What was bought elsewhere, beside all of the above; none if nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overflow: Option<BoughtReport>,
    /// How far the hardware has paid for itself by the end of the year, or by now; null before the first part was
    /// bought.
    pub payback: Option<Payback>,
    /// January to December. Months to come are empty.
    pub months: Vec<MonthReport>,
}
