//! Rows of files: whose they are, what they are for, and until when. Their bytes lie elsewhere.

use jiff::Timestamp;

use super::{
    Ledger, LedgerError, signed,
    store::{Conn, Param, Row, params},
    unsigned,
};
use crate::domain::{FileId, FilePurpose, KeyId};

const COLUMNS: &str = "id, purpose, filename, bytes, sha256, created_at_ms, expires_at_ms";
/// Of `?1`, at `?2`.
const OPEN: &str = "key_id = ?1 AND deleted_at_ms IS NULL AND coalesce(expires_at_ms > ?2, TRUE)";

/// A file as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Its id.
    pub id: FileId,
    /// What it is for.
    pub purpose: FilePurpose,
    /// What its client called it.
    pub filename: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// When it was there in full.
    pub created_at: Timestamp,
    /// From when on it is gone; none: it stays.
    pub expires_at: Option<Timestamp>,
}

/// Which rows of a list are wanted. Ids sort by time, and so do the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<Id> {
    /// Only those behind this one.
    pub after: Option<Id>,
    /// At most so many.
    pub limit: u32,
    /// Whether the oldest comes first.
    pub is_ascending: bool,
}

/// Why a file was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddFileError {
    /// The key would have more than it may.
    #[error("the key's files would have {bytes} bytes; at most {max} are allowed")]
    OverQuota {
        /// What they would have together.
        bytes: u64,
        /// What they may have.
        max: u64,
    },
    /// The database failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl<Id: ToString> Page<Id> {
    /// What stands behind the conditions of a query whose rows are chosen by `id`; `after` is its parameter number.
    pub(super) fn tail(&self, after: u32) -> String {
        let (relation, order) = if self.is_ascending { (">", "ASC") } else { ("<", "DESC") };
        format!(
            "AND (CAST(?{after} AS TEXT) IS NULL OR id {relation} ?{after}) ORDER BY id {order} LIMIT {}",
            self.limit
        )
    }
}

/// What asynchronous requests write is asked for by their ids.
const NOT_ASYNC: &str = "NOT EXISTS (SELECT 1 FROM batches WHERE is_async = 1 AND output_file_id = files.id)
                     AND NOT EXISTS (SELECT 1 FROM batches WHERE is_async = 1 AND error_file_id = files.id)";

impl Ledger {
    /// Adds an uploaded file of `key`, whose files then have at most `max` bytes together: two uploads cannot both take the last
    /// of them.
    ///
    /// # Errors
    /// [`AddFileError`]; nothing was written.
    pub fn add_upload(&self, key: KeyId, file: &FileRow, max: u64) -> Result<(), AddFileError> {
        self.store.write(|conn| {
            check_quota(conn, key, file.bytes, max, file.created_at)?;
            Ok(insert(conn, key, file)?)
        })
    }

    /// Whether `key` may upload `bytes` more at `now`.
    ///
    /// # Errors
    /// [`AddFileError`] if it may not.
    pub fn check_upload(&self, key: KeyId, bytes: u64, max: u64, now: Timestamp) -> Result<(), AddFileError> {
        self.store.read(|conn| check_quota(conn, key, bytes, max, now))
    }

    /// The file `id` of `key`; none if the key has none of this id at `now`.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn file(&self, key: KeyId, id: FileId, now: Timestamp) -> Result<Option<FileRow>, LedgerError> {
        let sql = format!("SELECT {COLUMNS} FROM files WHERE {OPEN} AND id = ?3");
        self.store.read(|conn| conn.query_first(&sql, params![key.get(), now, id.to_string()], file_row))
    }

    /// Those of `ids` that can be read at `now`, whosever they are.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn files_among(&self, ids: &[FileId], now: Timestamp) -> Result<Vec<FileRow>, LedgerError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
        let places: Vec<_> = (2..ids.len() + 2).map(|place| format!("?{place}")).collect();
        let sql = format!(
            "SELECT {COLUMNS} FROM files
             WHERE deleted_at_ms IS NULL AND coalesce(expires_at_ms > ?1, TRUE) AND id IN ({})",
            places.join(", ")
        );
        let texts = ids.iter().map(|id| Param::Text(id));
        let params: Vec<_> = std::iter::once(Param::Integer(now.as_millisecond())).chain(texts).collect();
        self.store.read(|conn| conn.query(&sql, &params, file_row))
    }

    /// Files of `key` at `now`, of one purpose or of all.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn files(
        &self,
        key: KeyId,
        purpose: Option<FilePurpose>,
        page: Page<FileId>,
        now: Timestamp,
    ) -> Result<Vec<FileRow>, LedgerError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM files WHERE {OPEN} AND (CAST(?3 AS TEXT) IS NULL OR purpose = ?3) AND {NOT_ASYNC} {}",
            page.tail(4)
        );
        let (purpose, after) = (purpose.map(FilePurpose::as_str), page.after.map(|id| id.to_string()));
        self.store.read(|conn| conn.query(&sql, params![key.get(), now, purpose, after], file_row))
    }

    /// Notes at `now` that the file `id` of `key` is deleted; false if the key has none of this id.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn delete_file(&self, key: KeyId, id: FileId, now: Timestamp) -> Result<bool, LedgerError> {
        let sql = format!("UPDATE files SET deleted_at_ms = ?2 WHERE {OPEN} AND id = ?3");
        let deleted = self.store.write(|conn| conn.execute(&sql, params![key.get(), now, id.to_string()]))?;
        Ok(deleted > 0)
    }

    /// Of `ids`, those whose bytes nobody can ask for at `now` any more, and no open batch reads or writes.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn files_without_use(&self, ids: Vec<FileId>, now: Timestamp) -> Result<Vec<FileId>, LedgerError> {
        let sql = "SELECT (SELECT count(*) FROM files
                           WHERE id = ?1 AND deleted_at_ms IS NULL AND coalesce(expires_at_ms > ?2, TRUE))
                        + (SELECT count(*) FROM batches
                           WHERE status IN ('validating', 'in_progress', 'finalizing', 'cancelling')
                             AND ?1 IN (input_file_id, output_file_id, error_file_id))";
        self.store.read(|conn| {
            let mut without = Vec::new();
            for id in ids {
                let uses: i64 = conn.query_one(sql, params![id.to_string(), now], |row| row.get(0))?;
                without.extend((uses == 0).then_some(id));
            }
            Ok(without)
        })
    }
}

fn check_quota(
    conn: &Conn<'_>,
    key: KeyId,
    bytes: u64,
    max: u64,
    now: Timestamp,
) -> Result<(), AddFileError> {
    let sql = format!(
        "SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM files WHERE {OPEN} AND purpose = 'batch'"
    );
    let held = conn.query_one(&sql, params![key.get(), now], |row| unsigned(row.get(0)?, "files.bytes"))?;
    let bytes = held.saturating_add(bytes);
    if bytes > max { Err(AddFileError::OverQuota { bytes, max }) } else { Ok(()) }
}

/// Adds the row of a file, whatever its key has already.
pub(super) fn insert(conn: &Conn<'_>, key: KeyId, file: &FileRow) -> Result<(), LedgerError> {
    conn.execute(
        "INSERT INTO files (id, key_id, purpose, filename, bytes, sha256, created_at_ms, expires_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            file.id.to_string(),
            key.get(),
            file.purpose.as_str(),
            file.filename,
            signed(file.bytes, "files.bytes")?,
            file.sha256,
            file.created_at,
            file.expires_at,
        ],
    )?;
    Ok(())
}

/// Deletes every file of `key`, and its client's name for it. Returns those whose bytes may be there.
pub(super) fn forget(conn: &Conn<'_>, key: KeyId, now: Timestamp) -> Result<Vec<FileId>, LedgerError> {
    let update = "UPDATE files SET filename = 'forgotten', deleted_at_ms = coalesce(deleted_at_ms, ?2)
                  WHERE key_id = ?1 RETURNING id";
    conn.query(update, params![key.get(), now], |row| file_id(&row.get::<String>("id")?))
}

/// Deletes the file `id`, if it has a row, and its client's name for it. Returns the id: its bytes may be there.
pub(super) fn forget_one(conn: &Conn<'_>, id: &str, now: Timestamp) -> Result<FileId, LedgerError> {
    let update =
        "UPDATE files SET filename = 'forgotten', deleted_at_ms = coalesce(deleted_at_ms, ?2) WHERE id = ?1";
    conn.execute(update, params![id, now])?;
    file_id(id)
}

fn file_id(text: &str) -> Result<FileId, LedgerError> {
    text.parse().map_err(|_| LedgerError::OutOfRange { what: "files.id" })
}

fn file_row(row: &Row<'_>) -> Result<FileRow, LedgerError> {
    Ok(FileRow {
        id: file_id(&row.get::<String>("id")?)?,
        purpose: row
            .get::<String>("purpose")?
            .parse()
            .map_err(|_| LedgerError::OutOfRange { what: "files.purpose" })?,
        filename: row.get("filename")?,
        bytes: unsigned(row.get("bytes")?, "files.bytes")?,
        sha256: row.get("sha256")?,
        created_at: row.get("created_at_ms")?,
        expires_at: row.get("expires_at_ms")?,
    })
}
