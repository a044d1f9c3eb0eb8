//! What goes into the ledger and comes out of it, as data.

mod budget;
mod entry;
mod evidence;
mod month;
mod purchase;
mod request;

pub(crate) use self::request::new_or_return;
pub use self::{
    budget::{BudgetHolder, BudgetPeriods, Need, OverBudget},
    entry::{FailedWork, SettledImage},
    evidence::Evidence,
    month::{Month, MonthError, Year, YearError},
    purchase::{Purchase, PurchaseRecord, PurchaseRow, PurchaseStanding, PurchaseState, Resolution},
    request::{NewRequest, Reservation, ReserveError, Reserved, SettledRequest, Settlement, Unbooked},
};
