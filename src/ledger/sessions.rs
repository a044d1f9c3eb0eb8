//! The operator's sessions, the links that open one, and the password.

use jiff::{SignedDuration, Timestamp};

use super::{
    Ledger, LedgerError,
    store::{FromValue, Row, Value, params},
};
use crate::domain::{KeyId, SecretHash};

/// How long a session that is over stays in the table, for who looks at it.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a session was opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenedWith {
    /// A key: its row, and the secret of it that was given.
    Key(KeyId, SecretHash),
    /// The operator's password.
    Password,
    /// A link that signs in once.
    Link,
}

/// A session that is to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    /// Its id, random.
    pub id: &'a str,
    /// What opened it.
    pub opened_with: OpenedWith,
    /// Browser and system in two words.
    pub agent: &'a str,
}

/// A session as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Its id.
    pub id: String,
    /// What it was opened with.
    pub opened_with: Credential,
    /// The public id of the key that opened it.
    pub key: Option<String>,
    /// The secret of that key that opened it; none if an earlier version did not note it.
    pub key_secret: Option<SecretHash>,
    /// Browser and system in two words.
    pub agent: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Timestamp,
    /// When it was signed out or revoked.
    pub ended_at: Option<Timestamp>,
}

/// What kind of thing opens a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// A key.
    Key,
    /// The operator's password.
    Password,
    /// A link that signs in once.
    Link,
}

impl OpenedWith {
    /// What kind of thing it is.
    pub const fn credential(&self) -> Credential {
        match self {
            Self::Key(..) => Credential::Key,
            Self::Password => Credential::Password,
            Self::Link => Credential::Link,
        }
    }
}

crate::domain::words!(Credential, "a credential": Key = "key", Password = "password", Link = "link");

impl FromValue for Credential {
    fn from_value(value: Value<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

impl Ledger {
    /// Stores a new session, and forgets those that have long been over.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn open_session(&self, new: NewSession<'_>, now: Timestamp) -> Result<(), LedgerError> {
        let (key, secret) = match new.opened_with {
            OpenedWith::Key(id, secret) => (Some(id.get()), Some(secret)),
            OpenedWith::Password | OpenedWith::Link => (None, None),
        };
        let secret = secret.as_ref().map(SecretHash::as_bytes);
        let kept_from = now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
        self.store.write(|conn| {
            conn.execute("DELETE FROM sessions WHERE opened_at_ms < ?1", params![kept_from])?;
            conn.execute(
                "INSERT INTO sessions (id, opened_with, key_id, agent, opened_at_ms, seen_at_ms, key_secret_sha256)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)",
                params![new.id, new.opened_with.credential().as_str(), key, new.agent, now, secret],
            )?;
            Ok(())
        })
    }

    /// The session `id`, ended ones included.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn session(&self, id: &str) -> Result<Option<SessionRow>, LedgerError> {
        let sql = "SELECT sessions.*, public_id FROM sessions LEFT JOIN keys ON keys.id = key_id
                   WHERE sessions.id = ?1";
        self.store.read(|conn| conn.query_first(sql, params![id], session_row))
    }

    /// Sessions that were opened after `since` and have not ended, latest use first.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn sessions(&self, since: Timestamp) -> Result<Vec<SessionRow>, LedgerError> {
        let sql = "SELECT sessions.*, public_id FROM sessions LEFT JOIN keys ON keys.id = key_id
                   WHERE opened_at_ms > ?1 AND ended_at_ms IS NULL ORDER BY seen_at_ms DESC, sessions.id";
        self.store.read(|conn| conn.query(sql, params![since], session_row))
    }

    /// Notes that a session is used.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn note_session_use(&self, id: &str, now: Timestamp) -> Result<(), LedgerError> {
        let update = "UPDATE sessions SET seen_at_ms = ?2 WHERE id = ?1";
        self.store.write(|conn| conn.execute(update, params![id, now]))?;
        Ok(())
    }

    /// Ends the session `id`. False if there is none that has not ended.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn end_session(&self, id: &str, now: Timestamp) -> Result<bool, LedgerError> {
        let update = "UPDATE sessions SET ended_at_ms = ?2 WHERE id = ?1 AND ended_at_ms IS NULL";
        self.store.write(|conn| Ok(conn.execute(update, params![id, now])? > 0))
    }

    /// Ends every session, and says how many there were.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn end_sessions(&self, now: Timestamp) -> Result<usize, LedgerError> {
        let update = "UPDATE sessions SET ended_at_ms = ?1 WHERE ended_at_ms IS NULL";
        self.store.write(|conn| conn.execute(update, params![now]))
    }

    /// Stores a link that signs in once, until `expires_at`, and forgets those that have expired.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn create_sign_in_link(
        &self,
        secret: SecretHash,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.store.write(|conn| {
            conn.execute("DELETE FROM sign_in_links WHERE expires_at_ms <= ?1", params![now])?;
            conn.execute(
                "INSERT INTO sign_in_links (secret_sha256, made_at_ms, expires_at_ms) VALUES (?1, ?2, ?3)",
                params![secret.as_bytes(), now, expires_at],
            )?;
            Ok(())
        })
    }

    /// Uses a link up. False if there is none with this secret, it was used before, or it has expired.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn use_sign_in_link(&self, secret: SecretHash, now: Timestamp) -> Result<bool, LedgerError> {
        // Looked up by the hash of 256 random bits: how long that takes reveals nothing about the secret.
        let update = "UPDATE sign_in_links SET used_at_ms = ?2
                      WHERE secret_sha256 = ?1 AND used_at_ms IS NULL AND expires_at_ms > ?2";
        self.store.write(|conn| Ok(conn.execute(update, params![secret.as_bytes(), now])? > 0))
    }

    /// The hash of the operator's password, if one is set.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn operator_password(&self) -> Result<Option<String>, LedgerError> {
        let sql = "SELECT hash FROM operator_password";
        self.store.read(|conn| conn.query_first(sql, params![], |row| row.get(0)))
    }

    /// Sets the operator's password, or takes it away, and ends the sessions that the one before opened.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn set_operator_password(&self, hash: Option<&str>, now: Timestamp) -> Result<(), LedgerError> {
        self.store.write(|conn| {
            conn.execute("DELETE FROM operator_password", params![])?;
            if let Some(hash) = hash {
                let insert = "INSERT INTO operator_password (id, hash, set_at_ms) VALUES (1, ?1, ?2)";
                conn.execute(insert, params![hash, now])?;
            }
            let end =
                "UPDATE sessions SET ended_at_ms = ?1 WHERE opened_with = 'password' AND ended_at_ms IS NULL";
            conn.execute(end, params![now])?;
            Ok(())
        })
    }
}

fn session_row(row: &Row<'_>) -> Result<SessionRow, LedgerError> {
    Ok(SessionRow {
        id: row.get("id")?,
        opened_with: row.get("opened_with")?,
        key: row.get("public_id")?,
        key_secret: row.get::<Option<[u8; 32]>>("key_secret_sha256")?.map(SecretHash::from_bytes),
        agent: row.get("agent")?,
        opened_at: row.get("opened_at_ms")?,
        seen_at: row.get("seen_at_ms")?,
        ended_at: row.get("ended_at_ms")?,
    })
}
