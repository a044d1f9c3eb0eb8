//! Whether closed months are still as they were closed.

use std::collections::BTreeMap;

use super::{
    close::{Closing, closings, reseal_of},
    hash::Sha256Hash,
    seal::Seal,
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
    /// How it was closed; none where its closing is gone.
    pub closing: Option<Closing>,
    /// The first thing that is not as it was closed; none where all is.
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
    /// The closing itself was changed, or the hashes of its entries were.
    #[error("its closing was changed")]
    Closing,
    /// The closing is not there any more.
    #[error("its closing is gone")]
    NoClosing,
    /// The closing does not continue the one before it.
    #[error("its closing does not follow upon the one before; that one was changed or is gone")]
    Chain,
}

impl Ledger {
    /// Recomputes every closed month, or only `only`, from the entries as they are now. Empty where nothing was closed.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn verify_months(&self, only: Option<Month>) -> Result<Vec<VerifiedMonth>, LedgerError> {
        self.store.read(|conn| {
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
        })
    }
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
    let seal = Seal::of(conn, &head)?;
    if let Some(finding) = first_difference(conn, closing.month, &seal, rows)? {
        return Ok(Some(finding));
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

/// Months whose entries were sealed, but whose closing is not there.
fn months_without_closing(conn: &Conn<'_>) -> Result<Vec<Month>, LedgerError> {
    let sql = "SELECT DISTINCT month FROM month_closing_rows
               WHERE month NOT IN (SELECT month FROM month_closings) ORDER BY month";
    conn.query(sql, params![], |row| {
        let month = row.get::<String>(0)?.parse();
        month.map_err(|_| LedgerError::OutOfRange { what: "month_closing_rows.month" })
    })
}
