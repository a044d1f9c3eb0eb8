//! Forgetting people: a text that names somebody goes, and every sum and seal stays.

use jiff::Timestamp;

use super::{
    Finding, KeyChange, KeyNote, Ledger, LedgerError, Month, Sha256Hash, batches,
    closing::{self, ResealError},
    files, kept_prompts,
    keys::notes,
    store::{Conn, params},
    webhooks,
};
use crate::domain::{FileId, KeyId, RequestId};

/// What was forgotten, and what is left to do outside of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// What stands in the text's place.
    pub pseudonym: String,
    /// Settled requests of whoever was forgotten, and how many images each has. What is kept of them is to be deleted.
    pub requests: Vec<(RequestId, u32)>,
    /// Files of whoever was forgotten. They are marked as deleted; their bytes are to be.
    pub files: Vec<FileId>,
    /// Months whose old seal was over the text, and their new hashes.
    pub resealed: Vec<(Month, Sha256Hash)>,
}

/// Why nothing was forgotten. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// Neither is there.
    #[error(
        "nothing is filed under `{0}`, and no key has this public id; tintype costs --by tag and tintype key list show them"
    )]
    Unknown(String),
    /// A closed month that has the text was changed after it was closed.
    #[error(
        "{month} is not as it was closed ({finding}); see tintype month verify before you forget anything in it"
    )]
    Altered {
        /// The month.
        month: Month,
        /// What was found first.
        finding: Finding,
    },
    /// The database failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<ResealError> for ForgetError {
    fn from(error: ResealError) -> Self {
        match error {
            ResealError::Altered { month, finding } => Self::Altered { month, finding },
            ResealError::Ledger(error) => Self::Ledger(error),
        }
    }
}

impl Ledger {
    /// Puts a pseudonym in the place of a tag, in every request that is filed under it. Closed months that hash the text
    /// itself are verified and sealed again over what they point to.
    ///
    /// # Errors
    /// [`ForgetError`]; nothing was written.
    pub fn forget_tag(&self, tag: &str, now: Timestamp) -> Result<Forgotten, ForgetError> {
        let forgotten = self.store.write(|conn| -> Result<Forgotten, ForgetError> {
            let sql = "SELECT id FROM labels WHERE text = ?1 AND forgotten_at_ms IS NULL";
            let label: Option<i64> = conn.query_first(sql, params![tag], |row| row.get(0))?;
            let label = label.ok_or_else(|| ForgetError::Unknown(tag.to_owned()))?;
            let resealed = closing::reseal_months_with(conn, label, now)?;
            let pseudonym = format!("forgotten-{label}");
            let update = "UPDATE labels SET text = ?2, forgotten_at_ms = ?3 WHERE id = ?1";
            conn.execute(update, params![label, pseudonym, now])?;
            conn.execute("UPDATE requests SET tag = ?2 WHERE tag_id = ?1", params![label, pseudonym])?;
            let sql = "SELECT id, images FROM requests WHERE tag_id = ?1 AND state = 'settled' ORDER BY id";
            kept_prompts::forget_tag(conn, label)?;
            let files = batches::forget_tag(conn, (tag, &pseudonym), label, now)?;
            Ok(Forgotten { pseudonym, requests: requests(conn, sql, label)?, files, resealed })
        })?;
        self.store.drop_old_contents()?;
        Ok(forgotten)
    }

    /// Puts a pseudonym in the place of a key's name, in its history too. The key itself goes on.
    ///
    /// # Errors
    /// [`ForgetError`]; nothing was written.
    pub fn forget_key(&self, public_id: &str, actor: &str, now: Timestamp) -> Result<Forgotten, ForgetError> {
        let forgotten = self.store.write(|conn| -> Result<Forgotten, ForgetError> {
            let sql = "SELECT id FROM keys WHERE public_id = ?1";
            let key = conn.query_first(sql, params![public_id], |row| Ok(KeyId::new(row.get(0)?)))?;
            let key = key.ok_or_else(|| ForgetError::Unknown(public_id.to_owned()))?;
            let pseudonym = format!("forgotten-{public_id}");
            let update = "UPDATE keys SET name = ?2, forgotten_at_ms = ?3 WHERE id = ?1";
            conn.execute(update, params![key.get(), pseudonym, now])?;
            redact_history(conn, key, &pseudonym)?;
            let insert = "INSERT INTO key_events (key_id, at_ms, event, actor, detail)
                          VALUES (?1, ?2, 'changed', ?3, ?4)";
            let notes = [KeyNote::Set(KeyChange::Name(pseudonym.clone()))];
            conn.execute(insert, params![key.get(), now, actor, notes::to_text(&notes)])?;
            let sql = "SELECT id, images FROM requests WHERE key_id = ?1 AND state = 'settled' ORDER BY id";
            let requests = requests(conn, sql, key.get())?;
            kept_prompts::forget_key(conn, key)?;
            webhooks::forget(conn, key, now)?;
            let mut files = batches::forget(conn, key, now)?;
            files.extend(files::forget(conn, key, now)?);
            files.sort_unstable();
            files.dedup();
            Ok(Forgotten { requests, files, pseudonym, resealed: Vec::new() })
        })?;
        self.store.drop_old_contents()?;
        Ok(forgotten)
    }

    /// Whether a key has this public id.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn is_key(&self, public_id: &str) -> Result<bool, LedgerError> {
        Ok(self.key(public_id)?.is_some())
    }
}

fn requests(conn: &Conn<'_>, sql: &str, of: i64) -> Result<Vec<(RequestId, u32)>, LedgerError> {
    conn.query(sql, params![of], |row| {
        let id = RequestId::from_digits(&row.get::<String>(0)?);
        Ok((id.ok_or(LedgerError::OutOfRange { what: "requests.id" })?, row.get(1)?))
    })
}

/// Takes the names out of a key's history, and words that may be part of one.
fn redact_history(conn: &Conn<'_>, key: KeyId, pseudonym: &str) -> Result<(), LedgerError> {
    let sql = "SELECT id, detail FROM key_events WHERE key_id = ?1";
    let events =
        conn.query(sql, params![key.get()], |row| Ok((row.get::<i64>(0)?, row.get::<String>(1)?)))?;
    let named = |note: &KeyNote| matches!(note, KeyNote::Set(KeyChange::Name(_)) | KeyNote::Words(_));
    for (id, detail) in events {
        let mut notes = notes::of_text(&detail);
        if !notes.iter().any(named) {
            continue;
        }
        notes.retain(|note| !named(note));
        notes.insert(0, KeyNote::Set(KeyChange::Name(pseudonym.to_owned())));
        let update = "UPDATE key_events SET detail = ?2 WHERE id = ?1";
        conn.execute(update, params![id, notes::to_text(&notes)])?;
    }
    Ok(())
}
