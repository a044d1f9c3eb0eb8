use jiff::Timestamp;

use super::notes::{self, KeyNote};
use crate::{
    domain::KeyId,
    ledger::{
        Ledger, LedgerError,
        store::{Conn, FromValue, Value, params},
    },
};

/// What can happen to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyEventKind {
    /// It was made.
    Created,
    /// Its name or its rules were changed.
    Changed,
    /// It was disabled.
    Disabled,
    /// It was enabled again.
    Enabled,
    /// It was given another secret.
    Rotated,
    /// It was revoked.
    Revoked,
}

/// A change to a key. It knows who made it, not from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEvent {
    /// The key.
    pub public_id: String,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: KeyEventKind,
    /// `command line`, `first start`, or the public id of an admin's key.
    pub actor: String,
    /// What was set, or nothing.
    pub notes: Vec<KeyNote>,
}

impl KeyEvent {
    /// The notes in words: `name studio; budgets 20.00 a month`.
    pub fn detail(&self) -> String {
        self.notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }
}

/// An event that is to be written beside its change.
pub(super) struct NewEvent<'a> {
    pub(super) kind: KeyEventKind,
    pub(super) actor: &'a str,
    pub(super) notes: Vec<KeyNote>,
    pub(super) now: Timestamp,
}

crate::domain::words!(
    KeyEventKind, "an event of a key":
    Created = "created", Changed = "changed", Disabled = "disabled", Enabled = "enabled", Rotated = "rotated",
    Revoked = "revoked"
);

impl FromValue for KeyEventKind {
    fn from_value(value: Value<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

impl NewEvent<'_> {
    pub(super) fn write(&self, conn: &Conn<'_>, key: KeyId) -> Result<(), LedgerError> {
        conn.execute(
            "INSERT INTO key_events (key_id, at_ms, event, actor, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![key.get(), self.now, self.kind.as_str(), self.actor, notes::to_text(&self.notes)],
        )?;
        Ok(())
    }
}

impl Ledger {
    /// What happened to the key with `public_id`, or to every key, oldest first.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn key_events(&self, public_id: Option<&str>) -> Result<Vec<KeyEvent>, LedgerError> {
        let sql = "SELECT public_id, at_ms, event, actor, detail
                   FROM key_events JOIN keys ON keys.id = key_id
                   WHERE CAST(?1 AS TEXT) IS NULL OR public_id = ?1 ORDER BY key_events.id";
        self.store.read(|conn| {
            conn.query(sql, params![public_id], |row| {
                Ok(KeyEvent {
                    public_id: row.get(0)?,
                    at: row.get(1)?,
                    kind: row.get(2)?,
                    actor: row.get(3)?,
                    notes: notes::of_text(&row.get::<String>(4)?),
                })
            })
        })
    }
}
