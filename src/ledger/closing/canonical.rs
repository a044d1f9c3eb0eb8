//! What a closing says of itself and of a row, in the one form that is hashed.

use jiff::Timestamp;
use serde_json::json;

use super::hash::Sha256Hash;
use crate::ledger::{
    LedgerError, Month,
    store::{Row, Value},
};

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

/// The first line: a JSON array of the head.
pub(super) fn first_line(head: &Head) -> String {
    let previous = head.previous.map(|hash| hash.to_string());
    let [start, end, closed_at] = [head.start, head.end, head.closed_at].map(Timestamp::as_millisecond);
    json!(["tintype month", head.format, head.month.to_string(), start, end, closed_at, previous]).to_string()
        + "\n"
}

/// An entry's line: a JSON array of its columns, numbers as decimal integers.
pub(super) fn line(row: &Row<'_>) -> Result<String, LedgerError> {
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
