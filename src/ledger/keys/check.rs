use std::{collections::HashMap, fmt, ops::Range};

use jiff::{SignedDuration, Timestamp};

use super::{BY_PUBLIC_ID, KeyRow, KeyRules, KeyState, key_row};
use crate::{
    domain::{ApiKey, Caller, KeyId, RequestId, SecretHash},
    ledger::{
        Ledger, LedgerError,
        store::{Row, params},
    },
};

/// A use this long after the last one that was noted is not: a request should not cost a write to the disk.
const USE_IS_RECENT: Range<SignedDuration> = SignedDuration::ZERO..SignedDuration::from_mins(1);

/// A caller, and whether the use of the key is still to be noted.
#[derive(Debug)]
pub struct Recognised {
    /// Who holds the key.
    pub caller: Caller,
    /// What [`Ledger::note_use`] is to be given; none if the last note is recent.
    pub use_to_note: Option<KeyUse>,
}

/// A use of a key, and the last one that was noted before it.
#[derive(Debug, Clone, Copy)]
pub struct KeyUse {
    last_used_at: Option<Timestamp>,
    now: Timestamp,
}

/// Why a key is refused. For the log; a client never learns which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRefusal {
    /// No key has its public id.
    Unknown,
    /// Its secret is not the key's, and never was.
    WrongSecret,
    /// It is revoked.
    Revoked,
    /// It is disabled.
    Disabled,
    /// It has expired.
    Expired,
    /// Its secret was the key's until the last rotation's grace ended.
    Rotated,
}

impl fmt::Display for KeyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::WrongSecret => "wrong secret",
            Self::Revoked => "revoked",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Rotated => "rotated out",
        })
    }
}

/// How often anything about any key has changed.
const KEY_CHANGES: &str = "SELECT changes FROM change_counters WHERE name = 'keys'";

/// A key with what its secrets are compared with.
#[derive(Clone)]
struct StoredKey {
    id: KeyId,
    row: KeyRow,
    secret: SecretHash,
    previous_secret: Option<SecretHash>,
}

impl StoredKey {
    /// Whether `secret` is the key's at `now`: its present one, or the one before it during the grace.
    fn opens_with(&self, secret: &SecretHash, now: Timestamp) -> bool {
        let in_grace = self.row.previous_until.is_some_and(|until| now < until);
        let previous = self.previous_secret.filter(|_| in_grace);
        self.secret.matches(secret) || previous.is_some_and(|previous| previous.matches(secret))
    }

    /// Who holds it, if it opens anything at `now`.
    fn caller(self, now: Timestamp) -> Result<Caller, KeyRefusal> {
        match self.row.state(now) {
            KeyState::Active => {
                let KeyRow { public_id, rules, .. } = self.row;
                let KeyRules { scopes, models, loras, limits, may_overflow, .. } = rules;
                Ok(Caller { key: self.id, public_id, scopes, models, loras, limits, may_overflow })
            }
            KeyState::Disabled => Err(KeyRefusal::Disabled),
            KeyState::Expired => Err(KeyRefusal::Expired),
            KeyState::Revoked => Err(KeyRefusal::Revoked),
        }
    }
}

impl Ledger {
    /// The caller behind `key`, if its secret is right and it opens anything at `now`. Answers from memory, in
    /// microseconds; only a key that nobody has used since the last change to any key is read from the disk.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn recognise(
        &self,
        key: &ApiKey,
        now: Timestamp,
    ) -> Result<Result<Recognised, KeyRefusal>, LedgerError> {
        let found = self.stored_key(key.public_id())?;
        // An unknown id is compared too, and both secrets each time, so that every answer takes as long.
        let (none, given) = (SecretHash::from_bytes([0; 32]), key.secret_hash());
        let current = found.as_ref().map_or(none, |stored| stored.secret).matches(&given);
        let previous =
            found.as_ref().and_then(|stored| stored.previous_secret).unwrap_or(none).matches(&given);
        let Some(stored) = found else { return Ok(Err(KeyRefusal::Unknown)) };
        if !current && !previous {
            return Ok(Err(KeyRefusal::WrongSecret));
        }
        if !current && stored.row.previous_until.is_none_or(|until| until <= now) {
            return Ok(Err(KeyRefusal::Rotated));
        }
        Ok(self.opened(stored, now))
    }

    /// The caller whose key has `public_id`, if it opens anything at `now`, whatever its secret. For whoever has proved otherwise
    /// that they may ask in its name.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn recognise_named(
        &self,
        public_id: &str,
        now: Timestamp,
    ) -> Result<Result<Recognised, KeyRefusal>, LedgerError> {
        let found = self.stored_key(public_id)?;
        Ok(found.map_or(Err(KeyRefusal::Unknown), |stored| self.opened(stored, now)))
    }

    /// Who holds the key, and whether this use of it is to be noted.
    fn opened(&self, stored: StoredKey, now: Timestamp) -> Result<Recognised, KeyRefusal> {
        let last_used_at = stored.row.last_used_at;
        let caller = stored.caller(now)?;
        let noted_at = last_used_at.filter(|at| USE_IS_RECENT.contains(&now.duration_since(*at)));
        let use_to_note = noted_at.is_none().then_some(KeyUse { last_used_at, now });
        if let (Some(_), Some(known)) = (use_to_note, self.known_keys.lock().keys.get_mut(&caller.public_id))
        {
            // Of many requests at once, one notes it.
            known.row.last_used_at = Some(now);
        }
        Ok(Recognised { caller, use_to_note })
    }

    /// The caller behind `key`, if its secret is right and it opens anything at `now`. Its use is noted, to the minute.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn authenticate(
        &self,
        key: &ApiKey,
        now: Timestamp,
    ) -> Result<Result<Caller, KeyRefusal>, LedgerError> {
        Ok(self.recognise(key, now)?.map(|Recognised { caller, use_to_note }| {
            if let Some(of_key) = use_to_note {
                self.note_use(&caller, of_key);
            }
            caller
        }))
    }

    /// The caller whose key has `public_id`, if `secret` would still open it at `now`. For sessions: each ends with the
    /// secret that opened it.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn caller(
        &self,
        public_id: &str,
        secret: Option<SecretHash>,
        now: Timestamp,
    ) -> Result<Result<Caller, KeyRefusal>, LedgerError> {
        let Some(stored) = self.stored_key(public_id)? else { return Ok(Err(KeyRefusal::Unknown)) };
        let opens = secret.is_some_and(|secret| stored.opens_with(&secret, now));
        Ok(if opens { stored.caller(now) } else { Err(KeyRefusal::Rotated) })
    }

    /// The caller whose key is in row `key`, if it opens anything at `now`. For batches, which go on when their client has gone.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn caller_of(&self, key: KeyId, now: Timestamp) -> Result<Result<Caller, KeyRefusal>, LedgerError> {
        let sql = "SELECT * FROM keys WHERE id = ?1";
        let stored = self.store.read(|conn| conn.query_first(sql, params![key.get()], stored_key))?;
        Ok(stored.map_or(Err(KeyRefusal::Unknown), |stored| stored.caller(now)))
    }

    /// The state at `now` of the key that sent the request `id`; none if there is no such request.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn key_state_of_request(
        &self,
        id: RequestId,
        now: Timestamp,
    ) -> Result<Option<KeyState>, LedgerError> {
        let sql = "SELECT keys.* FROM requests JOIN keys ON keys.id = key_id WHERE requests.id = ?1";
        self.store
            .read(|conn| conn.query_first(sql, params![id.to_text()], |row| Ok(key_row(row)?.state(now))))
    }

    /// Notes the use of a key, which waits for the disk. A use that cannot be noted does not stop its caller.
    pub fn note_use(&self, caller: &Caller, KeyUse { last_used_at, now }: KeyUse) {
        // Of several processes, one notes it.
        let update = "UPDATE keys SET last_used_at_ms = ?2
                      WHERE id = ?1 AND last_used_at_ms IS NOT DISTINCT FROM ?3";
        let noted: Result<_, LedgerError> =
            self.store.write(|conn| conn.execute(update, params![caller.key.get(), now, last_used_at]));
        if let Err(error) = noted {
            tracing::warn!(key = caller.public_id, "the use of a key could not be noted: {error}");
        }
    }

    /// Nobody holds the keys while a database is asked: it may be slow, and each would wait for all before it.
    fn stored_key(&self, public_id: &str) -> Result<Option<StoredKey>, LedgerError> {
        let version = self.store.version()?;
        if self.known_keys.lock().version != Some(version) {
            // Something was written after the version before. Read after this one, so never older.
            let changes =
                self.store.read(|conn| conn.query_first(KEY_CHANGES, params![], |row| row.get(0)))?;
            self.known_keys.lock().note(version, changes);
        }
        let known = self.known_keys.lock().at(version).and_then(|keys| keys.get(public_id).cloned());
        if known.is_some() {
            return Ok(known);
        }
        let found = self.store.read(|conn| conn.query_first(BY_PUBLIC_ID, params![public_id], stored_key))?;
        // A guess at an id is not kept: whoever guesses would fill the memory.
        if let (Some(key), Some(keys)) = (&found, self.known_keys.lock().at(version)) {
            keys.insert(public_id.to_owned(), key.clone());
        }
        Ok(found)
    }
}

/// Keys as the ledger has them, in memory, so that a request is let in without waiting for a disk, and without a write
/// to it: a revocation counts from the moment it is committed, by this process or another.
#[derive(Default)]
pub(in crate::ledger) struct KnownKeys {
    /// The store's version when the keys were last found unchanged.
    version: Option<i64>,
    /// Changes to keys until then.
    changes: Option<i64>,
    keys: HashMap<String, StoredKey>,
}

impl KnownKeys {
    /// Notes how often keys had changed at `version`, or later.
    fn note(&mut self, version: i64, changes: Option<i64>) {
        if changes != self.changes {
            self.keys.clear();
            self.changes = changes;
        }
        self.version = Some(version);
    }

    /// The keys as they were at `version`; none if another one was noted meanwhile: what was read before it may be older than that.
    fn at(&mut self, version: i64) -> Option<&mut HashMap<String, StoredKey>> {
        (self.version == Some(version)).then_some(&mut self.keys)
    }
}

fn stored_key(row: &Row<'_>) -> Result<StoredKey, LedgerError> {
    let previous: Option<[u8; 32]> = row.get("previous_secret_sha256")?;
    Ok(StoredKey {
        id: KeyId::new(row.get("id")?),
        row: key_row(row)?,
        secret: SecretHash::from_bytes(row.get("secret_sha256")?),
        previous_secret: previous.map(SecretHash::from_bytes),
    })
}
