//! Whether closed months are still as they were closed.

use std::collections::BTreeMap;

use super::{
    close::{Closing, closings, reseal_of},
    hash::Sha256Hash,
    lines::{self, LineId, NAME},
    seal::{Beside, STATEMENT_SINCE, Seal},
};
use crate::ledger::{
    Ledger, LedgerError, Month,
    store::{Conn, params},
};

/// A closed month, looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedMonth {
    /// The month.
    pub month: Month,
    /// How it was closed; none if its closing is gone.
    pub closing: Option<Closing>,
    /// The first thing that is not as it was closed; none if all is.
    pub finding: Option<Finding>,
}

/// What is not as it was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// An entry, its request or its key's id was changed.
    #[error("entry {0} was changed")]
    Changed(i64),
    /// An entry is not there any more.
    #[error("entry {0} is gone")]
    Missing(i64),
    /// An entry was added.
    #[error("entry {0} was added")]
    Added(i64),
    /// Something else that the closing covers was changed.
    #[error("{0} {1} was changed")]
    LineChanged(&'static str, i64),
    /// Something else that the closing covers is not there any more.
    #[error("{0} {1} is gone")]
    LineMissing(&'static str, i64),
    /// Something was added to what the closing covers.
    #[error("{0} {1} was added")]
    LineAdded(&'static str, i64),
    /// The statement that was closed is not there any more.
    #[error("its statement is gone")]
    NoStatement,
    /// The closing itself or its statement was changed, or the hashes of its rows were.
    #[error("its closing or its statement was changed")]
    Closing,
    /// The closing is not there any more.
    #[error("its closing is gone")]
    NoClosing,
    /// The closing does not continue the one before it.
    #[error("its closing does not follow upon the one before; that one was changed or is gone")]
    Chain,
}

impl Ledger {
    /// Recomputes every closed month, or only `only`, from the entries as they are now. Empty if nothing was closed.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn verify_months(&self, only: Option<Month>) -> Result<Vec<VerifiedMonth>, LedgerError> {
        self.store.read(|conn| verify(conn, only))
    }
}

/// Every closed month, or only `only`, recomputed.
pub(in crate::ledger) fn verify(
    conn: &Conn<'_>,
    only: Option<Month>,
) -> Result<Vec<VerifiedMonth>, LedgerError> {
    let mut verified = Vec::new();
    let mut previous = None;
    for closing in closings(conn)? {
        let (month, sha256) = (closing.month, closing.sha256);
        if only.is_none_or(|only| only == month) {
            let finding = finding_of(conn, &closing, previous)?;
            verified.push(VerifiedMonth { month, closing: Some(closing), finding });
        }
        previous = Some(sha256);
    }
    for month in months_without_closing(conn)? {
        if only.is_none_or(|only| only == month) {
            verified.push(VerifiedMonth { month, closing: None, finding: Some(Finding::NoClosing) });
        }
    }
    Ok(verified)
}

/// The first thing that is not as `closing`, or the month's second seal, says.
pub(super) fn finding_of(
    conn: &Conn<'_>,
    closing: &Closing,
    previous: Option<Sha256Hash>,
) -> Result<Option<Finding>, LedgerError> {
    let (head, sha256, rows) = match reseal_of(conn, closing)? {
        Some((sha256, format)) => (closing.head().again(closing.sha256, format), sha256, "month_reseal_rows"),
        None => (closing.head(), closing.sha256, "month_closing_rows"),
    };
    let beside = beside(conn, closing)?;
    let seal = Seal::of(conn, &head, &beside)?;
    if let Some(finding) = first_difference(conn, closing.month, &seal, rows)? {
        return Ok(Some(finding));
    }
    if head.format >= STATEMENT_SINCE {
        if beside.statement.is_empty() {
            return Ok(Some(Finding::NoStatement));
        }
        if let Some(finding) = first_line_that_differs(conn, closing, &seal)? {
            return Ok(Some(finding));
        }
    }
    let is_changed = sha256 != seal.sha256 || closing.rows != seal.rows.len() as u64;
    Ok(if closing.previous != previous {
        Some(Finding::Chain)
    } else {
        is_changed.then_some(Finding::Closing)
    })
}

/// The first entry, by id, whose hash is not the one that was kept.
fn first_difference(
    conn: &Conn<'_>,
    month: Month,
    seal: &Seal,
    rows: &str,
) -> Result<Option<Finding>, LedgerError> {
    let mut kept = BTreeMap::<i64, [u8; 32]>::new();
    let sql = format!("SELECT entry_id, sha256 FROM {rows} WHERE month = ?1");
    conn.for_each(&sql, params![month.to_string()], |row| -> Result<(), LedgerError> {
        kept.insert(row.get(0)?, row.get(1)?);
        Ok(())
    })?;
    let mut findings = Vec::new();
    for (entry, sha256) in &seal.rows {
        match kept.remove(entry) {
            Some(before) if before == *sha256.as_bytes() => {}
            Some(_) => findings.push((*entry, Finding::Changed(*entry))),
            None => findings.push((*entry, Finding::Added(*entry))),
        }
    }
    findings.extend(kept.into_keys().map(|entry| (entry, Finding::Missing(entry))));
    Ok(findings.into_iter().min_by_key(|(entry, _)| *entry).map(|(_, finding)| finding))
}

/// The statement and the hashes of keys' names as they are kept.
pub(super) fn beside(conn: &Conn<'_>, closing: &Closing) -> Result<Beside, LedgerError> {
    let month = closing.month.to_string();
    let sql = "SELECT statement FROM month_statements WHERE month = ?1";
    let statement = conn.query_first(sql, params![month], |row| row.get(0))?;
    let sql = "SELECT row_id, sha256 FROM month_seal_rows WHERE month = ?1 AND kind = ?2 ORDER BY row_id";
    let names = conn.query(sql, params![month, NAME], |row| {
        Ok((LineId { kind: NAME, row: row.get(0)? }, Sha256Hash::new(row.get(1)?)))
    })?;
    let sql = "SELECT actor FROM month_closings WHERE month = ?1";
    let actor = conn.query_one(sql, params![month], |row| row.get(0))?;
    Ok(Beside { actor, statement: statement.unwrap_or_default(), names })
}

/// The first line beside entries whose hash is not the one that was kept.
fn first_line_that_differs(
    conn: &Conn<'_>,
    closing: &Closing,
    seal: &Seal,
) -> Result<Option<Finding>, LedgerError> {
    let mut kept = BTreeMap::<LineId, [u8; 32]>::new();
    let sql = "SELECT kind, row_id, sha256 FROM month_seal_rows WHERE month = ?1";
    conn.for_each(sql, params![closing.month.to_string()], |row| -> Result<(), LedgerError> {
        let kind = lines::kind_named(&row.get::<String>(0)?);
        let kind = kind.ok_or(LedgerError::OutOfRange { what: "month_seal_rows.kind" })?;
        kept.insert(LineId { kind, row: row.get(1)? }, row.get(2)?);
        Ok(())
    })?;
    let now = lines::names(conn, &closing.head())?;
    for (id, sha256) in seal.lines.iter().chain(&now) {
        match kept.remove(id) {
            Some(before) if before == *sha256.as_bytes() => {}
            Some(_) if id.kind == NAME && was_renamed(conn, id.row, closing)? => {}
            Some(_) => return Ok(Some(Finding::LineChanged(id.kind, id.row))),
            None => return Ok(Some(Finding::LineAdded(id.kind, id.row))),
        }
    }
    Ok(kept.into_keys().next().map(|id| Finding::LineMissing(id.kind, id.row)))
}

/// Whether a key's history has another name for it since the closing.
fn was_renamed(conn: &Conn<'_>, key: i64, closing: &Closing) -> Result<bool, LedgerError> {
    let sql = "SELECT 1 FROM key_events
               WHERE key_id = ?1 AND at_ms >= ?2 AND event = 'changed' AND detail LIKE '%name%' LIMIT 1";
    let found = conn.query_first(sql, params![key, closing.closed_at], |row| row.get::<i64>(0))?;
    Ok(found.is_some())
}

/// Months whose entries were sealed, but whose closing is not there.
fn months_without_closing(conn: &Conn<'_>) -> Result<Vec<Month>, LedgerError> {
    let sql =
        "SELECT month FROM (SELECT month FROM month_closing_rows UNION SELECT month FROM month_seal_rows
                                 UNION SELECT month FROM month_statements) AS sealed
               WHERE month NOT IN (SELECT month FROM month_closings) ORDER BY month";
    conn.query(sql, params![], |row| {
        let month = row.get::<String>(0)?.parse();
        month.map_err(|_| LedgerError::OutOfRange { what: "month_closing_rows.month" })
    })
}
