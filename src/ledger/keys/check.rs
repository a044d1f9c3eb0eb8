use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::{KeyRow, KeyState, key_row};
use crate::{
    domain::{ApiKey, Caller, KeyId, RequestId, SecretHash},
    ledger::{Ledger, LedgerError, store::params},
};

/// How often the use of a key is noted: a request should not cost a write to the disk.
const USE_NOTED_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Why a key opens nothing. For the log; a client is never told which.
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

/// A key with what its secrets are compared with.
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

    /// Who holds it, where it opens anything at `now`.
    fn caller(self, now: Timestamp) -> Result<Caller, KeyRefusal> {
        match self.row.state(now) {
            KeyState::Active => {
                let KeyRow { public_id, rules, .. } = self.row;
                let (scopes, models, limits) = (rules.scopes, rules.models, rules.limits);
                Ok(Caller { key: self.id, public_id, scopes, models, limits })
            }
            KeyState::Disabled => Err(KeyRefusal::Disabled),
            KeyState::Expired => Err(KeyRefusal::Expired),
            KeyState::Revoked => Err(KeyRefusal::Revoked),
        }
    }
}

impl Ledger {
    /// The caller behind `key`, where its secret is right and it opens anything at `now`. Its use is noted, to the minute.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn authenticate(
        &self,
        key: &ApiKey,
        now: Timestamp,
    ) -> Result<Result<Caller, KeyRefusal>, LedgerError> {
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
        let last_used_at = stored.row.last_used_at;
        let caller = stored.caller(now);
        if let Ok(caller) = &caller {
            self.note_use(caller, last_used_at, now);
        }
        Ok(caller)
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

    /// A use that cannot be noted is no reason to turn its caller away.
    fn note_use(&self, caller: &Caller, last_used_at: Option<Timestamp>, now: Timestamp) {
        let recent = SignedDuration::ZERO..USE_NOTED_EVERY;
        if last_used_at.is_some_and(|at| recent.contains(&now.duration_since(at))) {
            return;
        }
        // Of many requests at once, one notes it.
        let update = "UPDATE keys SET last_used_at_ms = ?2
                      WHERE id = ?1 AND last_used_at_ms IS NOT DISTINCT FROM ?3";
        let noted: Result<_, LedgerError> =
            self.store.write(|conn| conn.execute(update, params![caller.key.get(), now, last_used_at]));
        if let Err(error) = noted {
            tracing::warn!(key = caller.public_id, "the use of a key could not be noted: {error}");
        }
    }

    fn stored_key(&self, public_id: &str) -> Result<Option<StoredKey>, LedgerError> {
        let sql = "SELECT * FROM keys WHERE public_id = ?1";
        self.store.read(|conn| {
            conn.query_first(sql, params![public_id], |row| {
                let previous: Option<[u8; 32]> = row.get("previous_secret_sha256")?;
                Ok(StoredKey {
                    id: KeyId::new(row.get("id")?),
                    row: key_row(row)?,
                    secret: SecretHash::from_bytes(row.get("secret_sha256")?),
                    previous_secret: previous.map(SecretHash::from_bytes),
                })
            })
        })
    }
}
