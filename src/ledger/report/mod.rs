//! Reports: one pass over the entries of a span, and what is made from it.

mod all_in;
mod audit;
mod bought;
mod charges;
mod compared;
mod csv;
mod days;
mod energy_sources;
mod energy_totals;
pub(super) mod entry_sums;
pub(super) mod focus;
mod group_by;
mod groups;
mod month;
mod payback;
mod range;
mod read;
mod span;
mod state;
mod statement;
mod sums;
mod totals;
mod year;

pub use self::{
    all_in::WholeMonth,
    charges::{Charge, ChargeLine, Charges},
    compared::Compared,
    days::DayReport,
    energy_sources::EnergySources,
    energy_totals::PlugTotals,
    focus::{FocusExport, focus_metadata},
    group_by::{GroupBy, GroupByError},
    month::{Figures, GroupReport, Groups, MonthReport},
    payback::{Payback, PaybackAgainst, SavedPoint, Step},
    range::{Only, RangeReport},
    sums::MonthSums,
    totals::MonthTotals,
    year::{MonthSpan, YearReport},
};
pub(super) use self::{
    audit::{depreciation_of_all_months, stated_and_counted},
    csv::{TextCell, write_rows},
    groups::GroupTotals,
    state::state,
};
