//! What goes into the ledger and comes out of it, as data.

mod budget;
mod entry;
mod evidence;
mod month;
mod purchase;
mod request;

pub use self::{
    budget::{BudgetHolder, BudgetPeriods, Need, OverBudget},
    entry::{FailedWork, SettledImage},
    evidence::Evidence,
    month::{Month, MonthError, Year, YearError},
    purchase::{Purchase, PurchaseRecord, PurchaseRow, PurchaseState, Resolution},
    request::{NewRequest, Reservation, ReserveError, Reserved, SettledRequest, Settlement, Unbooked},
};
