//! How amounts were invoiced, as the ledger stores it beside them.

use super::{Evidence, LedgerError, exact_json::exact_json, store::Row};
use crate::costs::Invoice;

/// The invoice of some evidence, as it is stored.
pub(super) fn to_json(evidence: &Evidence<'_>) -> Result<Option<String>, serde_json::Error> {
    evidence.invoice.map(exact_json).transpose()
}

/// How a row's amount was invoiced; none: it is what it costs.
pub(super) fn from_row(row: &Row<'_>) -> Result<Option<Invoice>, LedgerError> {
    let json = row.get::<Option<String>>("invoice")?;
    Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
}
