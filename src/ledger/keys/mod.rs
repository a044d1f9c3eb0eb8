//! API keys: what each is held to, what it opens, and who changed it.

mod change;
mod check;
mod edit;
mod events;
pub(super) mod notes;
pub(super) mod overview;

use std::fmt;

use jiff::Timestamp;

pub(super) use self::check::KnownKeys;
use self::events::NewEvent;
pub use self::{
    change::KeyChange,
    check::{KeyRefusal, KeyUse, Recognised},
    edit::{KeyEdit, KeyEdited},
    events::{KeyEvent, KeyEventKind},
    notes::KeyNote,
    overview::{BudgetStanding, KeyStanding},
};
use crate::{
    costs::Budgets,
    domain::{ApiKey, KeyId, KeyLimits, Scopes},
    ledger::{
        Ledger, LedgerError,
        budgets::budgets_of,
        store::{Row, params},
    },
};

/// A key that is to be stored.
#[derive(Debug)]
pub struct NewKey<'a> {
    /// The key; only its public id and the hash of its secret are kept.
    pub key: &'a ApiKey,
    /// What its owner calls it.
    pub name: &'a str,
    /// What it is held to.
    pub rules: KeyRules,
}

/// What a key is held to. The default may do nothing, and is limited in nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRules {
    /// What it may do.
    pub scopes: Scopes,
    /// What it may use up in a day or a month.
    pub budgets: Budgets,
    /// From when on it opens nothing; none: never.
    pub expires_at: Option<Timestamp>,
    /// Ids of the models that it may use, at least one; none: every model.
    pub models: Option<Vec<String>>,
    /// Names of the LoRAs that it may use, at least one; none: every LoRA.
    pub loras: Option<Vec<String>>,
    /// Its own limits.
    pub limits: KeyLimits,
    /// Whether its prompts may leave the house, for images that are bought.
    pub may_overflow: bool,
}

/// A key as its owner sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Its row.
    pub id: KeyId,
    /// The part of the key that may be shown.
    pub public_id: String,
    /// What its owner calls it.
    pub name: String,
    /// What it is held to.
    pub rules: KeyRules,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Until when the secret before the last rotation opens.
    pub previous_until: Option<Timestamp>,
    /// Since when it is disabled.
    pub disabled_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Whether a key opens anything, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It does.
    Active,
    /// Not until it is enabled.
    Disabled,
    /// Not until its expiry is moved.
    Expired,
    /// Never again.
    Revoked,
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        })
    }
}

impl KeyRules {
    /// Every rule that is set, as the change that would set it. The scopes come first.
    pub fn as_changes(&self) -> Vec<KeyChange> {
        let unset = Self { scopes: self.scopes, ..Self::default() };
        std::iter::once(KeyChange::Scopes(self.scopes)).chain(self.changes_since(&unset)).collect()
    }

    /// What makes these rules of `others`.
    pub fn changes_since(&self, others: &Self) -> Vec<KeyChange> {
        let pairs = self.every_rule().into_iter().zip(others.every_rule());
        pairs.filter(|(ours, theirs)| ours != theirs).map(|(ours, _)| ours).collect()
    }

    fn every_rule(&self) -> [KeyChange; 9] {
        [
            KeyChange::Scopes(self.scopes),
            KeyChange::Budgets(self.budgets.clone()),
            KeyChange::Expiry(self.expires_at),
            KeyChange::Models(self.models.clone()),
            KeyChange::Loras(self.loras.clone()),
            KeyChange::RequestsPerMinute(self.limits.requests_per_minute),
            KeyChange::ImagesPerMinute(self.limits.images_per_minute),
            KeyChange::ConcurrentJobs(self.limits.concurrent_jobs),
            KeyChange::MayOverflow(self.may_overflow),
        ]
    }
}

impl KeyRow {
    /// Its state at `now`. What is revoked is nothing else; what is disabled is not called expired.
    pub fn state(&self, now: Timestamp) -> KeyState {
        match (self.revoked_at, self.disabled_at, self.rules.expires_at) {
            (Some(_), _, _) => KeyState::Revoked,
            (None, Some(_), _) => KeyState::Disabled,
            (None, None, Some(at)) if at <= now => KeyState::Expired,
            _ => KeyState::Active,
        }
    }
}

impl Ledger {
    /// Stores a new key: its public id, the hash of its secret and its rules.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn create_key(&self, new: &NewKey<'_>, actor: &str, now: Timestamp) -> Result<(), LedgerError> {
        let mut settings = vec![KeyChange::Name(new.name.to_owned())];
        settings.extend(new.rules.as_changes());
        let notes = settings.iter().cloned().map(KeyNote::Set).collect();
        let event = NewEvent { kind: KeyEventKind::Created, actor, notes, now };
        self.store.write(|conn| {
            let id = conn.query_one(
                "INSERT INTO keys (public_id, name, secret_sha256, scope_images, scope_costs, scope_admin, created_at_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id",
                params![
                    new.key.public_id(),
                    new.name,
                    new.key.secret_hash().as_bytes(),
                    new.rules.scopes.images,
                    new.rules.scopes.costs,
                    new.rules.scopes.admin,
                    now,
                ],
                |row| Ok(KeyId::new(row.get(0)?)),
            )?;
            for setting in &settings {
                setting.write(conn, id)?;
            }
            event.write(conn, id)
        })
    }

    /// All keys, oldest first, revoked ones included.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn keys(&self) -> Result<Vec<KeyRow>, LedgerError> {
        self.store.read(|conn| {
            let mut keys = conn.query("SELECT * FROM keys ORDER BY id", params![], key_row)?;
            for key in &mut keys {
                key.rules.budgets = budgets_of(conn, key.id)?;
            }
            Ok(keys)
        })
    }
}

impl Ledger {
    /// The key with `public_id`, revoked ones included; none if there is no such key.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn key(&self, public_id: &str) -> Result<Option<KeyRow>, LedgerError> {
        self.store.read(|conn| {
            let Some(mut key) = conn.query_first(BY_PUBLIC_ID, params![public_id], key_row)? else {
                return Ok(None);
            };
            key.rules.budgets = budgets_of(conn, key.id)?;
            Ok(Some(key))
        })
    }
}

/// A key, and what its secrets are compared with.
pub(super) const BY_PUBLIC_ID: &str = "SELECT * FROM keys WHERE public_id = ?1";

/// A row of the table, without its secrets and its budgets, which have a table of their own.
fn key_row(row: &Row<'_>) -> Result<KeyRow, LedgerError> {
    let rules = KeyRules {
        scopes: Scopes {
            images: row.get("scope_images")?,
            costs: row.get("scope_costs")?,
            admin: row.get("scope_admin")?,
        },
        budgets: Budgets::default(),
        expires_at: row.get("expires_at_ms")?,
        models: name_list(row, "models")?,
        loras: name_list(row, "loras")?,
        limits: KeyLimits {
            requests_per_minute: row.get("requests_per_minute")?,
            images_per_minute: row.get("images_per_minute")?,
            concurrent_jobs: row.get("concurrent_jobs")?,
        },
        may_overflow: row.get("may_overflow")?,
    };
    Ok(KeyRow {
        id: KeyId::new(row.get("id")?),
        public_id: row.get("public_id")?,
        name: row.get("name")?,
        rules,
        created_at: row.get("created_at_ms")?,
        last_used_at: row.get("last_used_at_ms")?,
        previous_until: row.get("previous_until_ms")?,
        disabled_at: row.get("disabled_at_ms")?,
        revoked_at: row.get("revoked_at_ms")?,
    })
}

/// The names in a column; none for NULL.
fn name_list(row: &Row<'_>, column: &'static str) -> Result<Option<Vec<String>>, LedgerError> {
    let names = row.get::<Option<String>>(column)?.map(|json| serde_json::from_str(&json)).transpose();
    names.map_err(|_| LedgerError::OutOfRange { what: column })
}

#[cfg(test)]
mod tests;
