//! A closed month as files, for whoever audits it without this program.

use super::{
    close::{Closing, closings, reseal_of},
    hash::Sha256Hash,
    lines::LineId,
    seal::Seal,
    verify::{beside, finding_of},
};
use crate::ledger::{Finding, Ledger, LedgerError, Month};

/// What a closing was hashed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedMonth {
    /// The seal: the SHA-256 of `text`.
    pub sha256: Sha256Hash,
    /// The canonical form, a line of JSON for each row.
    pub text: String,
    /// What each line is of, with its row's number and its SHA-256, but for the first and the last line.
    pub lines: Vec<(&'static str, i64, Sha256Hash)>,
    /// The statement, whose SHA-256 is in the last line; none in a month that was closed without one.
    pub statement: Option<String>,
}

/// Why a closed month is not exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It is open.
    #[error("{0} is not closed; tintype month close {0} closes it")]
    Open(Month),
    /// It is not as it was closed.
    #[error("{month} is not as it was closed: {finding}")]
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

impl Ledger {
    /// What the closing of `month` was hashed over, as it is now.
    ///
    /// # Errors
    /// [`ExportError`] if it is open, or is not as it was closed.
    pub fn sealed_month(&self, month: Month) -> Result<SealedMonth, ExportError> {
        self.store.read(|conn| {
            let mut previous = None;
            let mut found: Option<Closing> = None;
            for closing in closings(conn)? {
                if closing.month == month {
                    found = Some(closing);
                    break;
                }
                previous = Some(closing.sha256);
            }
            let closing = found.ok_or(ExportError::Open(month))?;
            if let Some(finding) = finding_of(conn, &closing, previous)? {
                return Err(ExportError::Altered { month, finding });
            }
            let head = match reseal_of(conn, &closing)? {
                Some((_, format)) => closing.head().again(closing.sha256, format),
                None => closing.head(),
            };
            let beside = beside(conn, &closing)?;
            let Seal { rows, lines, sha256, text } = Seal::with_text(conn, &head, &beside)?;
            let rows = rows.into_iter().map(|(row, sha256)| ("entry", row, sha256));
            let other = lines.into_iter().chain(beside.names);
            let other = other.map(|(LineId { kind, row }, sha256)| (kind, row, sha256));
            let statement = Some(beside.statement).filter(|statement| !statement.is_empty());
            let text = text.unwrap_or_default();
            Ok(SealedMonth { sha256, text, lines: rows.chain(other).collect(), statement })
        })
    }
}
