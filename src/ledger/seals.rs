//! The canonical form of a closed month, and whether a month still has the form in which it was closed.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params, types::ValueRef};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Ledger, LedgerError, Month,
    closings::{Closing, Sha256Hash, closings},
};

/// The form below. Closed months keep the form that they were closed in: one that says more gets the next number.
pub(super) const FORMAT: i64 = 1;

/// What is written of an entry, and of the request and the key it belongs to: everything that a report or an export
/// depends on and that never changes.
const COLUMNS: &str = "
    entries.id, request_id, kind, image_index, reverses, corrects, entries.images, entered_at_ms, duration_ms, energy_mj,
    wall_energy_mj, energy_source, currency, electricity_nano, depreciation_nano, upkeep_nano, compared_sku, compared_nano,
    exchange_rate_nano, width, height, steps, seed, epoch, reason, keys.public_id, model, quality, tag, requests.created_at_ms";

/// The hashes of a month's entries and of the whole.
pub(super) struct Seal {
    pub(super) rows: Vec<(i64, Sha256Hash)>,
    pub(super) sha256: Sha256Hash,
}

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

impl Seal {
    /// The seal of `closing`'s month, from its entries as they are now. `closing.rows` and its own hash are passed over.
    pub(super) fn of(connection: &Connection, closing: &Closing) -> Result<Self, LedgerError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM entries
             LEFT JOIN requests ON requests.id = request_id LEFT JOIN keys ON keys.id = key_id
             WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2 ORDER BY entries.id"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let columns = statement.column_count();
        let mut entries =
            statement.query(params![closing.start.as_millisecond(), closing.end.as_millisecond()])?;
        let (mut whole, mut rows) = (Sha256::new(), Vec::new());
        whole.update(head(closing));
        while let Some(entry) = entries.next()? {
            let line = line(entry, columns)?;
            whole.update(&line);
            rows.push((entry.get(0)?, Sha256Hash::new(Sha256::digest(&line).into())));
        }
        Ok(Self { rows, sha256: Sha256Hash::new(whole.finalize().into()) })
    }
}

/// The first line: a JSON array of what the closing says of itself.
fn head(closing: &Closing) -> String {
    let previous = closing.previous.map(|hash| hash.to_string());
    let [start, end, closed_at] =
        [closing.start, closing.end, closing.closed_at].map(|moment| moment.as_millisecond());
    let month = closing.month.to_string();
    json!(["tintype month", closing.format, month, start, end, closed_at, previous]).to_string() + "\n"
}

/// An entry's line: a JSON array of its columns, numbers as decimal integers.
fn line(row: &Row<'_>, columns: usize) -> rusqlite::Result<String> {
    let value = |column: usize| -> rusqlite::Result<Value> {
        Ok(match row.get_ref(column)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
            // No column holds one, but whoever tampers may.
            other @ (ValueRef::Real(_) | ValueRef::Blob(_)) => format!("{other:?}").into(),
        })
    };
    let values = (0..columns).map(value).collect::<Result<Vec<_>, _>>()?;
    Ok(Value::Array(values).to_string() + "\n")
}

impl Ledger {
    /// Recomputes every closed month, or only `only`, from the entries as they are now. Empty where nothing was closed.
    ///
    /// # Errors
    /// [`LedgerError`] where SQLite refuses or a row holds what none should.
    pub fn verify_months(&self, only: Option<Month>) -> Result<Vec<VerifiedMonth>, LedgerError> {
        let mut reader = self.reader();
        let view = reader.transaction()?;
        let mut verified = Vec::new();
        let mut previous = None;
        for closing in closings(&view)? {
            let (month, sha256) = (closing.month, closing.sha256);
            if only.is_none_or(|only| only == month) {
                let finding = finding(&view, &closing, previous)?;
                verified.push(VerifiedMonth { month, closing: Some(closing), finding });
            }
            previous = Some(sha256);
        }
        for month in months_without_closing(&view)? {
            if only.is_none_or(|only| only == month) {
                verified.push(VerifiedMonth { month, closing: None, finding: Some(Finding::NoClosing) });
            }
        }
        Ok(verified)
    }
}

fn finding(
    connection: &Connection,
    closing: &Closing,
    previous: Option<Sha256Hash>,
) -> Result<Option<Finding>, LedgerError> {
    let seal = Seal::of(connection, closing)?;
    if let Some(finding) = first_difference(connection, closing.month, &seal)? {
        return Ok(Some(finding));
    }
    Ok(match () {
        () if closing.previous != previous => Some(Finding::Chain),
        () if closing.sha256 != seal.sha256 || closing.rows != seal.rows.len() as u64 => {
            Some(Finding::Closing)
        }
        () => None,
    })
}

/// The first entry, by id, whose hash is not the one that was kept.
fn first_difference(
    connection: &Connection,
    month: Month,
    seal: &Seal,
) -> Result<Option<Finding>, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT entry_id, sha256 FROM month_closing_rows WHERE month = ?1")?;
    let kept = statement.query_map([month.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut kept = kept.collect::<Result<BTreeMap<i64, [u8; 32]>, _>>()?;
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
fn months_without_closing(connection: &Connection) -> Result<Vec<Month>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT month FROM month_closing_rows
         WHERE month NOT IN (SELECT month FROM month_closings) ORDER BY month",
    )?;
    let months = statement.query_map([], |row| row.get::<_, String>(0))?;
    let parsed = |month: rusqlite::Result<String>| {
        month?.parse().map_err(|_| LedgerError::OutOfRange { what: "month_closing_rows.month" })
    };
    months.map(parsed).collect()
}
