use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use super::{Ledger, LedgerError, timestamp};
use crate::{
    domain::{ApiKey, Caller, KeyId, Scopes, SecretHash},
    units::Money,
};

/// A key as its owner sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// The part of the key that may be shown.
    pub public_id: String,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// What its pictures may cost a calendar month.
    pub budget_month: Option<Money>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Ledger {
    /// Stores a new key: its public id and the hash of its secret.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn create_key(
        &self,
        key: &ApiKey,
        name: &str,
        scopes: Scopes,
        budget_month: Option<Money>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.writer().execute(
            "INSERT INTO keys (public_id, name, secret_sha256, scope_images, scope_admin, budget_month_nano, created_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                key.public_id(),
                name,
                key.secret_hash().as_bytes(),
                scopes.images,
                scopes.admin,
                budget_month.map(Money::as_nano),
                now.as_millisecond(),
            ],
        )?;
        Ok(())
    }

    /// All keys, oldest first, revoked ones included.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn keys(&self) -> Result<Vec<KeyRow>, LedgerError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT public_id, name, scope_images, scope_admin, budget_month_nano, created_at_ms, revoked_at_ms
             FROM keys ORDER BY id",
        )?;
        let rows = statement.query_map([], key_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Revokes the key with `public_id`. False where there is none, or it was revoked before.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn revoke_key(&self, public_id: &str, now: Timestamp) -> Result<bool, LedgerError> {
        let revoked = self.writer().execute(
            "UPDATE keys SET revoked_at_ms = ?2 WHERE public_id = ?1 AND revoked_at_ms IS NULL",
            params![public_id, now.as_millisecond()],
        )?;
        Ok(revoked == 1)
    }

    /// The caller behind `key`, where it is known, its secret is right and it is not revoked.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn authenticate(&self, key: &ApiKey) -> Result<Option<Caller>, LedgerError> {
        let found = self.active_key(key.public_id())?;
        // An unknown id is compared too, so that both take as long.
        let stored = found.as_ref().map_or(SecretHash::from_bytes([0; 32]), |(_, hash)| *hash);
        let right = stored.matches(&key.secret_hash());
        Ok(found.filter(|_| right).map(|(caller, _)| caller))
    }

    /// The caller whose key has `public_id`, where it is not revoked. For sessions, which were opened with the secret.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn caller(&self, public_id: &str) -> Result<Option<Caller>, LedgerError> {
        Ok(self.active_key(public_id)?.map(|(caller, _)| caller))
    }

    fn active_key(&self, public_id: &str) -> Result<Option<(Caller, SecretHash)>, LedgerError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT id, public_id, scope_images, scope_admin, secret_sha256
             FROM keys WHERE public_id = ?1 AND revoked_at_ms IS NULL",
        )?;
        let found = statement
            .query_row([public_id], |row| {
                let caller = Caller {
                    key: KeyId::new(row.get(0)?),
                    public_id: row.get(1)?,
                    scopes: Scopes { images: row.get(2)?, admin: row.get(3)? },
                };
                Ok((caller, SecretHash::from_bytes(row.get(4)?)))
            })
            .optional()?;
        Ok(found)
    }
}

fn key_row(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    Ok(KeyRow {
        public_id: row.get(0)?,
        name: row.get(1)?,
        scopes: Scopes { images: row.get(2)?, admin: row.get(3)? },
        budget_month: row.get::<_, Option<i64>>(4)?.map(Money::from_nano),
        created_at: timestamp(row.get(5)?)?,
        revoked_at: row.get::<_, Option<i64>>(6)?.map(timestamp).transpose()?,
    })
}
