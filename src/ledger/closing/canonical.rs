//! What a closing says of itself and of a row, in the one form that is hashed.

use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

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

/// The canonical form as it is written, line by line: hashed, and kept if somebody wants to read it.
pub(super) struct Form {
    sha256: Sha256,
    text: Option<String>,
}

impl Form {
    /// An empty form, whose text is kept where `is_kept`.
    pub(super) fn new(is_kept: bool) -> Self {
        Self { sha256: Sha256::new(), text: is_kept.then(String::new) }
    }

    /// Adds a line, and returns the hash of it alone.
    pub(super) fn line(&mut self, line: &str) -> Sha256Hash {
        self.sha256.update(line);
        if let Some(text) = &mut self.text {
            text.push_str(line);
        }
        Sha256Hash::new(Sha256::digest(line).into())
    }

    /// The hash of the whole, and its text if that was kept.
    pub(super) fn end(self) -> (Sha256Hash, Option<String>) {
        (Sha256Hash::new(self.sha256.finalize().into()), self.text)
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
