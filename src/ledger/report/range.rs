use jiff::civil::Date;
use serde::{Serialize, Serializer};

use super::{DayReport, EnergySources, Figures, GroupBy, Groups, WholeMonth, month::first_kind};
use crate::{
    costs::ServiceComparison,
    ledger::{Adjustment, BoughtReport},
    units::Currency,
};

/// Images that have one thing in common, and no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Only {
    /// What they have in common.
    pub by: GroupBy,
    /// Its name; none: those of which nothing was noted.
    pub group: Option<String>,
}

impl Serialize for Only {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.by.as_str(), &self.group).serialize(serializer)
    }
}

/// Any days one after the other, as they are shown. Of whole months it has the sums of their reports; with `only`, the figures of
/// those images and nothing of what else was spent.
#[derive(Debug, Clone, Serialize)]
pub struct RangeReport {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// Which images are counted, as pairs of a kind of group and its name; empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<Only>,
    /// Currency of every amount.
    pub currency: Currency,
    /// What the images came to.
    #[serde(flatten)]
    pub figures: Figures,
    /// How the energy of the images became known.
    pub energy_sources: EnergySources,
    /// The service that is compared with now.
    pub compared_with: String,
    /// Whether wear is that of the built-in example, because no hardware was configured.
    pub example_hardware: bool,
    /// What the days cost beside the images; none with `only`.
    #[serde(flatten)]
    pub whole: Option<WholeMonth>,
    /// The images at each compared service, the like-for-like one first.
    pub services: Vec<ServiceComparison>,
    /// What came to light on these days of days that were closed.
    pub adjustments: Vec<Adjustment>,
    /// What was bought elsewhere, beside all of the above; none if nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overflow: Option<BoughtReport>,
    /// Day by day, those to come left out.
    pub days: Vec<DayReport>,
    /// The same in groups, of each kind that was asked for. JSON has room for one kind.
    #[serde(flatten, serialize_with = "first_kind")]
    pub groups: Vec<Groups>,
}
