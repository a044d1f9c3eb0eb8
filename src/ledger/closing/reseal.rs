//! Months that were sealed while seals hashed the texts of tags, sealed again over what the texts stand in.

use jiff::Timestamp;

use super::{
    close::{Closing, closings, reseal_of},
    hash::Sha256Hash,
    seal::{Beside, RESEALED, Seal, TEXTS_UNTIL},
    verify::finding_of,
};
use crate::ledger::{
    Finding, LedgerError, Month,
    store::{Conn, params},
};

/// Why no month was sealed again.
#[derive(Debug, thiserror::Error)]
pub(in crate::ledger) enum ResealError {
    /// A closed month was changed after it was closed.
    #[error("{month} is not as it was closed ({finding})")]
    Altered {
        /// The month.
        month: Month,
        /// What was found first.
        finding: Finding,
    },
    /// The database failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Seals every closed month again that hashes the text of `label`. Each is verified first: a seal must not vouch for what
/// somebody changed.
pub(in crate::ledger) fn reseal_months_with(
    conn: &Conn<'_>,
    label: i64,
    now: Timestamp,
) -> Result<Vec<(Month, Sha256Hash)>, ResealError> {
    let mut resealed = Vec::new();
    let mut previous = None;
    for closing in closings(conn)? {
        if closing.format() <= TEXTS_UNTIL
            && reseal_of(conn, &closing)?.is_none()
            && has(conn, &closing, label)?
        {
            if let Some(finding) = finding_of(conn, &closing, previous)? {
                return Err(ResealError::Altered { month: closing.month, finding });
            }
            resealed.push((closing.month, reseal(conn, &closing, now)?));
        }
        previous = Some(closing.sha256);
    }
    Ok(resealed)
}

fn has(conn: &Conn<'_>, closing: &Closing, label: i64) -> Result<bool, LedgerError> {
    let sql = "SELECT 1 FROM requests JOIN entries ON request_id = requests.id
               WHERE tag_id = ?1 AND entered_at_ms >= ?2 AND entered_at_ms < ?3 LIMIT 1";
    let found = conn.query_first(sql, params![label, closing.start, closing.end], |row| row.get::<i64>(0))?;
    Ok(found.is_some())
}

/// The second seal continues upon the first one of its month, which stays in the chain.
fn reseal(conn: &Conn<'_>, closing: &Closing, now: Timestamp) -> Result<Sha256Hash, LedgerError> {
    let seal = Seal::of(conn, &closing.head().again(closing.sha256, RESEALED), &Beside::default())?;
    let month = closing.month.to_string();
    conn.execute(
        "INSERT INTO month_reseals (month, resealed_at_ms, format, sha256) VALUES (?1, ?2, ?3, ?4)",
        params![month, now, RESEALED, seal.sha256.as_bytes()],
    )?;
    for (entry, sha256) in &seal.rows {
        let sql = "INSERT INTO month_reseal_rows (entry_id, month, sha256) VALUES (?1, ?2, ?3)";
        conn.execute(sql, params![entry, month, sha256.as_bytes()])?;
    }
    Ok(seal.sha256)
}
