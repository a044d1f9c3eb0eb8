use jiff::Timestamp;

use super::{
    KeyChange, KeyNote,
    events::{KeyEventKind, NewEvent},
};
use crate::{
    domain::{ApiKey, KeyId},
    ledger::{
        Ledger, LedgerError,
        store::{Conn, params},
    },
};

/// What is done to a key that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyEdit<'a> {
    /// Its name or rules are changed; what is not named stays.
    Change(&'a [KeyChange]),
    /// It is disabled until it is enabled.
    Disable,
    /// It is enabled again.
    Enable,
    /// It is revoked, for good.
    Revoke,
}

/// What became of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyEdited {
    /// It was made.
    Done,
    /// There is no such key, it is revoked, or it was so already.
    Unchanged,
    /// It would have left no active key with the admin scope.
    LastAdmin,
}

impl KeyEdit<'_> {
    /// Whether a key with the admin scope may no longer use it afterwards.
    fn takes_admin(self) -> bool {
        match self {
            Self::Change(changes) => {
                changes.iter().any(|change| matches!(change, KeyChange::Scopes(scopes) if !scopes.admin))
            }
            Self::Disable | Self::Revoke => true,
            Self::Enable => false,
        }
    }

    fn make(
        self,
        conn: &Conn<'_>,
        public_id: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let kind = match self {
            Self::Change(_) => KeyEventKind::Changed,
            Self::Disable => KeyEventKind::Disabled,
            Self::Enable => KeyEventKind::Enabled,
            Self::Revoke => KeyEventKind::Revoked,
        };
        let changes = if let Self::Change(changes) = self { changes } else { &[] };
        let notes = changes.iter().cloned().map(KeyNote::Set).collect();
        let event = NewEvent { kind, actor, notes, now };
        alter(conn, public_id, &event, |key| match self {
            Self::Change(changes) => {
                for change in changes {
                    change.write(conn, key)?;
                }
                Ok(changes.len())
            }
            Self::Disable => conn.execute(
                "UPDATE keys SET disabled_at_ms = ?2 WHERE id = ?1 AND disabled_at_ms IS NULL",
                params![key.get(), now],
            ),
            Self::Enable => conn.execute(
                "UPDATE keys SET disabled_at_ms = NULL WHERE id = ?1 AND disabled_at_ms IS NOT NULL",
                params![key.get()],
            ),
            Self::Revoke => {
                conn.execute("UPDATE keys SET revoked_at_ms = ?2 WHERE id = ?1", params![key.get(), now])
            }
        })
    }
}

/// Each change stands with its audit row in one transaction, and is false, with nothing written, if there is no such
/// key or it is revoked. `actor` is `command line`, `first start` or an admin key's public id; an address is refused.
impl Ledger {
    /// Makes an edit of a page, which never takes the last active key with the admin scope away.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn edit_key(
        &self,
        public_id: &str,
        edit: KeyEdit<'_>,
        actor: &str,
        now: Timestamp,
    ) -> Result<KeyEdited, LedgerError> {
        self.store.write(|conn| {
            if edit.takes_admin() && is_last_admin(conn, public_id, now)? {
                return Ok(KeyEdited::LastAdmin);
            }
            let is_done = edit.make(conn, public_id, actor, now)?;
            Ok(if is_done { KeyEdited::Done } else { KeyEdited::Unchanged })
        })
    }

    /// Changes a key's name or rules; what is not named stays.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn change_key(
        &self,
        public_id: &str,
        changes: &[KeyChange],
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.store.write(|conn| KeyEdit::Change(changes).make(conn, public_id, actor, now))
    }

    /// Disables a key until it is enabled. False, too, if it is disabled already.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn disable_key(&self, public_id: &str, actor: &str, now: Timestamp) -> Result<bool, LedgerError> {
        self.store.write(|conn| KeyEdit::Disable.make(conn, public_id, actor, now))
    }

    /// Enables a key again. False, too, if it is not disabled.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn enable_key(&self, public_id: &str, actor: &str, now: Timestamp) -> Result<bool, LedgerError> {
        self.store.write(|conn| KeyEdit::Enable.make(conn, public_id, actor, now))
    }

    /// Revokes a key, for good.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn revoke_key(&self, public_id: &str, actor: &str, now: Timestamp) -> Result<bool, LedgerError> {
        self.store.write(|conn| KeyEdit::Revoke.make(conn, public_id, actor, now))
    }

    /// Gives the key with `new`'s public id the secret of `new`; budget and history go on. The present secret opens
    /// until `previous_until`, the one before it no longer.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn rotate_key(
        &self,
        new: &ApiKey,
        previous_until: Timestamp,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let notes = vec![KeyNote::OldSecretUntil(previous_until)];
        let event = NewEvent { kind: KeyEventKind::Rotated, actor, notes, now };
        self.store.write(|conn| {
            alter(conn, new.public_id(), &event, |key| {
                conn.execute(
                    "UPDATE keys SET secret_sha256 = ?2, previous_secret_sha256 = secret_sha256, previous_until_ms = ?3
                     WHERE id = ?1",
                    params![key.get(), new.secret_hash().as_bytes(), previous_until],
                )
            })
        })
    }
}

/// Writes `event` beside `change`, which returns how much it changed; nothing stays if that is nothing.
fn alter(
    conn: &Conn<'_>,
    public_id: &str,
    event: &NewEvent<'_>,
    change: impl FnOnce(KeyId) -> Result<usize, LedgerError>,
) -> Result<bool, LedgerError> {
    let sql = "SELECT id FROM keys WHERE public_id = ?1 AND revoked_at_ms IS NULL";
    let key = conn.query_first(sql, params![public_id], |row| Ok(KeyId::new(row.get(0)?)))?;
    let Some(key) = key else { return Ok(false) };
    if change(key)? == 0 {
        return Ok(false);
    }
    event.write(conn, key)?;
    Ok(true)
}

/// Whether `public_id` is an active key with the admin scope, and no other key is.
fn is_last_admin(conn: &Conn<'_>, public_id: &str, now: Timestamp) -> Result<bool, LedgerError> {
    let sql = "SELECT public_id FROM keys
               WHERE scope_admin = 1 AND revoked_at_ms IS NULL AND disabled_at_ms IS NULL
                 AND (expires_at_ms IS NULL OR expires_at_ms > ?1)
               ORDER BY id LIMIT 2";
    let admins: Vec<String> = conn.query(sql, params![now], |row| row.get(0))?;
    Ok(admins == [public_id])
}
