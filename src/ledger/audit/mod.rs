//! Controls that can fail: each compares two figures of the books that come about in different ways.

mod controls;
mod reconciliations;

pub use self::{
    controls::{AuditBasis, Control, ControlKind},
    reconciliations::{EnergyUse, Reconciliation},
};
