//! The canonical form of a month, and the hash over it.

use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::hash::Sha256Hash;
use crate::ledger::{
    LedgerError, Month,
    store::{Conn, Row, Value, params},
};

/// Version of the canonical row format. Bump it when a column is added; closed months keep the version they were sealed with.
pub(super) const FORMAT: i64 = 2;
/// Up to this version the text of a tag is hashed, since then what the text stands in.
pub(super) const TEXTS_UNTIL: i64 = 1;

/// What is written of an entry, and of the request and the key it belongs to: everything that a report or an export
/// depends on and that never changes.
const COLUMNS: &str = "
    entries.id, request_id, kind, image_index, reverses, corrects, entries.images, entered_at_ms, duration_ms, energy_mj,
    wall_energy_mj, energy_source, currency, electricity_nano, depreciation_nano, upkeep_nano, compared_sku, compared_nano,
    exchange_rate_nano, width, height, steps, seed, epoch, reason, keys.public_id, model, quality, {tag}, requests.created_at_ms";

/// What a request is filed under, so that the text can be forgotten: its label, as long as it says what the label says.
const LABEL: &str = "CASE WHEN tag IS NOT DISTINCT FROM labels.text THEN tag_id ELSE -1 END";

/// What a closing says of itself, before its hash is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) month: Month,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) closed_at: Timestamp,
    pub(super) previous: Option<Sha256Hash>,
    pub(super) format: i64,
}

impl Head {
    /// The head of a second seal over the same month, which continues upon the first.
    pub(super) fn again(self, first: Sha256Hash, format: i64) -> Self {
        Self { previous: Some(first), format, ..self }
    }
}

/// The hashes of a month's entries and of the whole.
pub(super) struct Seal {
    pub(super) rows: Vec<(i64, Sha256Hash)>,
    pub(super) sha256: Sha256Hash,
}

impl Seal {
    /// The seal of a month, from its entries as they are now.
    pub(super) fn of(conn: &Conn<'_>, head: &Head) -> Result<Self, LedgerError> {
        let columns = COLUMNS.replace("{tag}", if head.format <= TEXTS_UNTIL { "tag" } else { LABEL });
        let sql = format!(
            "SELECT {columns} FROM entries
             LEFT JOIN requests ON requests.id = request_id LEFT JOIN keys ON keys.id = key_id
             LEFT JOIN labels ON labels.id = tag_id
             WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2 ORDER BY entries.id"
        );
        let (mut whole, mut rows) = (Sha256::new(), Vec::new());
        whole.update(first_line(head));
        conn.for_each(&sql, params![head.start, head.end], |entry| -> Result<(), LedgerError> {
            let line = line(entry)?;
            whole.update(&line);
            rows.push((entry.get(0)?, Sha256Hash::new(Sha256::digest(&line).into())));
            Ok(())
        })?;
        Ok(Self { rows, sha256: Sha256Hash::new(whole.finalize().into()) })
    }
}

/// The first line: a JSON array of the head.
fn first_line(head: &Head) -> String {
    let previous = head.previous.map(|hash| hash.to_string());
    let [start, end, closed_at] = [head.start, head.end, head.closed_at].map(Timestamp::as_millisecond);
    json!(["tintype month", head.format, head.month.to_string(), start, end, closed_at, previous]).to_string()
        + "\n"
}

/// An entry's line: a JSON array of its columns, numbers as decimal integers.
fn line(row: &Row<'_>) -> Result<String, LedgerError> {
    let value = |column: usize| -> Result<serde_json::Value, LedgerError> {
        Ok(match row.value(column)? {
            Value::Null => serde_json::Value::Null,
            Value::Integer(number) => number.into(),
            Value::Text(text) => String::from_utf8_lossy(text).into(),
            // No column holds one, but whoever tampers may.
            other @ (Value::Real(_) | Value::Blob(_)) => format!("{other:?}").into(),
        })
    };
    let values = (0..row.columns()).map(value).collect::<Result<Vec<_>, _>>()?;
    Ok(serde_json::Value::Array(values).to_string() + "\n")
}
