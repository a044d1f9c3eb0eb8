use std::{fmt, num::NonZeroU32};

use jiff::Timestamp;
use rusqlite::{OptionalExtension, ToSql, Transaction, TransactionBehavior, params};

use super::events::{KeyEventKind, NewEvent};
use crate::{
    costs::Budgets,
    domain::{ApiKey, KeyId, Scopes},
    ledger::{Ledger, LedgerError, budgets::write_budgets},
};

/// One thing about a key that can be set. None takes a limit away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// What its owner calls it.
    Name(String),
    /// What it may do.
    Scopes(Scopes),
    /// What it may use up in a day or a month, in the place of all that it had.
    Budgets(Budgets),
    /// From when on it opens nothing.
    Expiry(Option<Timestamp>),
    /// Ids of the models that it may use, at least one.
    Models(Option<Vec<String>>),
    /// Requests a minute.
    RequestsPerMinute(Option<NonZeroU32>),
    /// Pictures a minute.
    ImagesPerMinute(Option<NonZeroU32>),
    /// Jobs at one time.
    ConcurrentJobs(Option<NonZeroU32>),
}

/// `budgets 12.50 a month`, as in the log; what is taken away is `none`.
impl fmt::Display for KeyChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn or_none(value: &Option<impl ToString>) -> String {
            value.as_ref().map_or_else(|| "none".into(), ToString::to_string)
        }
        match self {
            Self::Name(name) => write!(f, "name {name}"),
            Self::Scopes(scopes) => write!(f, "scopes {scopes}"),
            Self::Budgets(budgets) => write!(f, "budgets {budgets}"),
            Self::Expiry(at) => write!(f, "expires {}", or_none(&at.map(|at| format!("{at:.0}")))),
            Self::Models(models) => {
                write!(f, "models {}", or_none(&models.as_ref().map(|models| models.join(","))))
            }
            Self::RequestsPerMinute(limit) => write!(f, "requests a minute {}", or_none(limit)),
            Self::ImagesPerMinute(limit) => write!(f, "images a minute {}", or_none(limit)),
            Self::ConcurrentJobs(limit) => write!(f, "concurrent jobs {}", or_none(limit)),
        }
    }
}

/// `budgets 12.50 a month; models none`
pub(super) fn in_words(changes: &[KeyChange]) -> String {
    changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl KeyChange {
    pub(super) fn write(&self, transaction: &Transaction<'_>, key: KeyId) -> rusqlite::Result<()> {
        let set = |column: &str, value: &dyn ToSql| {
            let sql = format!("UPDATE keys SET {column} = ?2 WHERE id = ?1");
            transaction.execute(&sql, params![key.get(), value]).map(|_| ())
        };
        match self {
            Self::Name(name) => set("name", name),
            Self::Scopes(scopes) => {
                set("scope_images", &scopes.images)?;
                set("scope_admin", &scopes.admin)
            }
            Self::Budgets(budgets) => write_budgets(transaction, key, budgets),
            Self::Expiry(at) => set("expires_at_ms", &at.map(Timestamp::as_millisecond)),
            Self::Models(models) => set("models", &models.as_deref().map(model_json)),
            Self::RequestsPerMinute(limit) => set("requests_per_minute", &limit.map(NonZeroU32::get)),
            Self::ImagesPerMinute(limit) => set("images_per_minute", &limit.map(NonZeroU32::get)),
            Self::ConcurrentJobs(limit) => set("concurrent_jobs", &limit.map(NonZeroU32::get)),
        }
    }
}

fn model_json(models: &[String]) -> String {
    serde_json::Value::from(models).to_string()
}

/// Each change stands with its audit row in one transaction, and is false, with nothing written, where there is no such
/// key or it is revoked. `actor` is `command line`, `first start` or an admin key's public id; an address is refused.
impl Ledger {
    /// Changes a key's name or rules; what is not named stays.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn change_key(
        &self,
        public_id: &str,
        changes: &[KeyChange],
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let event = NewEvent { kind: KeyEventKind::Changed, actor, detail: &in_words(changes), now };
        self.alter_key(public_id, &event, |transaction, key| {
            for change in changes {
                change.write(transaction, key)?;
            }
            Ok(changes.len())
        })
    }

    /// Disables a key until it is enabled. False, too, where it is disabled already.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn disable_key(&self, public_id: &str, actor: &str, now: Timestamp) -> Result<bool, LedgerError> {
        let event = NewEvent { kind: KeyEventKind::Disabled, actor, detail: "", now };
        self.alter_key(public_id, &event, |transaction, key| {
            transaction.execute(
                "UPDATE keys SET disabled_at_ms = ?2 WHERE id = ?1 AND disabled_at_ms IS NULL",
                params![key.get(), now.as_millisecond()],
            )
        })
    }

    /// Enables a key again. False, too, where it is not disabled.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn enable_key(&self, public_id: &str, actor: &str, now: Timestamp) -> Result<bool, LedgerError> {
        let event = NewEvent { kind: KeyEventKind::Enabled, actor, detail: "", now };
        self.alter_key(public_id, &event, |transaction, key| {
            transaction.execute(
                "UPDATE keys SET disabled_at_ms = NULL WHERE id = ?1 AND disabled_at_ms IS NOT NULL",
                [key.get()],
            )
        })
    }

    /// Revokes a key, for good.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn revoke_key(&self, public_id: &str, actor: &str, now: Timestamp) -> Result<bool, LedgerError> {
        let event = NewEvent { kind: KeyEventKind::Revoked, actor, detail: "", now };
        self.alter_key(public_id, &event, |transaction, key| {
            transaction.execute(
                "UPDATE keys SET revoked_at_ms = ?2 WHERE id = ?1",
                params![key.get(), now.as_millisecond()],
            )
        })
    }

    /// Gives the key with `new`'s public id the secret of `new`; budget and history go on. The present secret opens
    /// until `previous_until`, the one before it no longer.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn rotate_key(
        &self,
        new: &ApiKey,
        previous_until: Timestamp,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let detail = format!("old secret until {previous_until:.0}");
        let event = NewEvent { kind: KeyEventKind::Rotated, actor, detail: &detail, now };
        self.alter_key(new.public_id(), &event, |transaction, key| {
            transaction.execute(
                "UPDATE keys SET secret_sha256 = ?2, previous_secret_sha256 = secret_sha256, previous_until_ms = ?3
                 WHERE id = ?1",
                params![key.get(), new.secret_hash().as_bytes(), previous_until.as_millisecond()],
            )
        })
    }

    /// Writes `event` beside `change`, which says how much it changed; nothing stays where that is nothing.
    fn alter_key(
        &self,
        public_id: &str,
        event: &NewEvent<'_>,
        change: impl FnOnce(&Transaction<'_>, KeyId) -> rusqlite::Result<usize>,
    ) -> Result<bool, LedgerError> {
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let key: Option<i64> = transaction
            .query_row(
                "SELECT id FROM keys WHERE public_id = ?1 AND revoked_at_ms IS NULL",
                [public_id],
                |row| row.get(0),
            )
            .optional()?;
        let Some(key) = key.map(KeyId::new) else { return Ok(false) };
        if change(&transaction, key)? == 0 {
            return Ok(false);
        }
        event.write(&transaction, key)?;
        transaction.commit()?;
        Ok(true)
    }
}
