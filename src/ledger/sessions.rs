//! The operator's sessions, the links that open one, and the password.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Row, TransactionBehavior, params};

use super::{Ledger, LedgerError, timestamp};
use crate::domain::{KeyId, SecretHash};

/// How long a session that is over stays in the table, for who looks at it.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a session was opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenedWith {
    /// A key with the admin scope.
    Key(KeyId),
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
    /// `key`, `password` or `link`.
    pub opened_with: String,
    /// The public id of the key that opened it.
    pub key: Option<String>,
    /// Browser and system in two words.
    pub agent: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Timestamp,
    /// When it was signed out or revoked.
    pub ended_at: Option<Timestamp>,
}

impl fmt::Display for OpenedWith {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "key",
            Self::Password => "password",
            Self::Link => "link",
        })
    }
}

impl Ledger {
    /// Stores a new session, and forgets those that have long been over.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn open_session(&self, new: NewSession<'_>, now: Timestamp) -> Result<(), LedgerError> {
        let key = match new.opened_with {
            OpenedWith::Key(id) => Some(id.get()),
            OpenedWith::Password | OpenedWith::Link => None,
        };
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let kept_from = now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
        transaction.execute("DELETE FROM sessions WHERE opened_at_ms < ?1", [kept_from.as_millisecond()])?;
        transaction.execute(
            "INSERT INTO sessions (id, opened_with, key_id, agent, opened_at_ms, seen_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
            params![new.id, new.opened_with.to_string(), key, new.agent, now.as_millisecond()],
        )?;
        Ok(transaction.commit()?)
    }

    /// The session `id`, ended ones included.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn session(&self, id: &str) -> Result<Option<SessionRow>, LedgerError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT sessions.*, public_id FROM sessions LEFT JOIN keys ON keys.id = key_id WHERE sessions.id = ?1",
        )?;
        Ok(statement.query_row([id], session_row).optional()?)
    }

    /// Sessions that were opened after `since` and have not ended, latest use first.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn sessions(&self, since: Timestamp) -> Result<Vec<SessionRow>, LedgerError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT sessions.*, public_id FROM sessions LEFT JOIN keys ON keys.id = key_id
             WHERE opened_at_ms > ?1 AND ended_at_ms IS NULL ORDER BY seen_at_ms DESC, sessions.id",
        )?;
        let rows = statement.query_map([since.as_millisecond()], session_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes that a session is used.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn note_session_use(&self, id: &str, now: Timestamp) -> Result<(), LedgerError> {
        let update = "UPDATE sessions SET seen_at_ms = ?2 WHERE id = ?1";
        self.writer().execute(update, params![id, now.as_millisecond()])?;
        Ok(())
    }

    /// Ends the session `id`. False where there is none that has not ended.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn end_session(&self, id: &str, now: Timestamp) -> Result<bool, LedgerError> {
        let update = "UPDATE sessions SET ended_at_ms = ?2 WHERE id = ?1 AND ended_at_ms IS NULL";
        Ok(self.writer().execute(update, params![id, now.as_millisecond()])? > 0)
    }

    /// Ends every session, and says how many there were.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn end_sessions(&self, now: Timestamp) -> Result<usize, LedgerError> {
        let update = "UPDATE sessions SET ended_at_ms = ?1 WHERE ended_at_ms IS NULL";
        Ok(self.writer().execute(update, [now.as_millisecond()])?)
    }

    /// Stores a link that signs in once, until `expires_at`, and forgets those that have expired.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn create_sign_in_link(
        &self,
        secret: SecretHash,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute("DELETE FROM sign_in_links WHERE expires_at_ms <= ?1", [now.as_millisecond()])?;
        transaction.execute(
            "INSERT INTO sign_in_links (secret_sha256, made_at_ms, expires_at_ms) VALUES (?1, ?2, ?3)",
            params![secret.as_bytes(), now.as_millisecond(), expires_at.as_millisecond()],
        )?;
        Ok(transaction.commit()?)
    }

    /// Uses a link up. False where there is none with this secret, it was used before, or it has expired.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn use_sign_in_link(&self, secret: SecretHash, now: Timestamp) -> Result<bool, LedgerError> {
        // Looked up by the hash of 256 random bits: how long that takes tells nothing of the secret.
        let update = "UPDATE sign_in_links SET used_at_ms = ?2
                      WHERE secret_sha256 = ?1 AND used_at_ms IS NULL AND expires_at_ms > ?2";
        Ok(self.writer().execute(update, params![secret.as_bytes(), now.as_millisecond()])? > 0)
    }

    /// The hash of the operator's password, where one is set.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn operator_password(&self) -> Result<Option<String>, LedgerError> {
        let reader = self.reader();
        let found = reader.query_row("SELECT hash FROM operator_password", [], |row| row.get(0));
        Ok(found.optional()?)
    }

    /// Sets the operator's password, or takes it away, and ends the sessions that the one before opened.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn set_operator_password(&self, hash: Option<&str>, now: Timestamp) -> Result<(), LedgerError> {
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute("DELETE FROM operator_password", [])?;
        if let Some(hash) = hash {
            let insert = "INSERT INTO operator_password (id, hash, set_at_ms) VALUES (1, ?1, ?2)";
            transaction.execute(insert, params![hash, now.as_millisecond()])?;
        }
        let end =
            "UPDATE sessions SET ended_at_ms = ?1 WHERE opened_with = 'password' AND ended_at_ms IS NULL";
        transaction.execute(end, [now.as_millisecond()])?;
        Ok(transaction.commit()?)
    }
}

fn session_row(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        id: row.get("id")?,
        opened_with: row.get("opened_with")?,
        key: row.get("public_id")?,
        agent: row.get("agent")?,
        opened_at: timestamp(row.get("opened_at_ms")?)?,
        seen_at: timestamp(row.get("seen_at_ms")?)?,
        ended_at: row.get::<_, Option<i64>>("ended_at_ms")?.map(timestamp).transpose()?,
    })
}
