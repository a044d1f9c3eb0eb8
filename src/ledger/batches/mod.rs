//! Batches: their rows, their way through their statuses, and what came of their lines.

pub(super) mod costs;
mod lines;
mod row;

use jiff::Timestamp;

pub use self::{
    costs::BatchCost,
    lines::{DoneLines, LineResult},
    row::{BatchCounts, BatchFiles, BatchRow, BatchSize, BatchTerms, BatchTimes},
};
use super::{
    Duty, FileRow, Ledger, LedgerError, Page, ReserveError, files,
    queue::check_duty,
    signed,
    store::{Conn, params},
    webhooks,
};
use crate::domain::{BatchId, BatchStatus, FileId, KeyId, NodeId};

/// A batch that is to be added.
#[derive(Debug)]
pub struct NewBatch {
    /// Its id.
    pub id: BatchId,
    /// Whose it is.
    pub key: KeyId,
    /// What was asked for.
    pub terms: BatchTerms,
    /// The files that it will write.
    pub files: [FileId; 2],
    /// When it was created.
    pub now: Timestamp,
    /// When its time is over.
    pub expires_at: Timestamp,
}

/// An asynchronous request beside its batch.
#[derive(Debug)]
pub struct NewAsync {
    /// The file of its one line.
    pub file: FileRow,
    /// The client's Idempotency-Key header.
    pub idempotency_key: Option<String>,
}

/// Between which the idempotency keys of the lines of the batch `id` lie, both left out: `batch_…/` and what follows the slash.
fn keys_of_lines(id: BatchId) -> [String; 2] {
    [format!("{id}/"), format!("{id}0")]
}

impl Ledger {
    /// Adds a batch, to be validated, and returns it as it is before anybody looks at it.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn add_batch(&self, batch: &NewBatch) -> Result<BatchRow, LedgerError> {
        self.store.write(|conn| {
            insert(conn, batch, None)?;
            conn.query_one(&row::query("batches.id = ?1"), params![batch.id.to_string()], row::read)
        })
    }

    /// Adds an asynchronous request, to be validated, or returns the one of the same Idempotency-Key and body. Its input file is nobody's
    /// to see: it is deleted as soon as the batch has ended.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses. The inner error is the client's: the Idempotency-Key was used with another body.
    pub fn add_async(
        &self,
        batch: &NewBatch,
        asked: &NewAsync,
    ) -> Result<Result<BatchRow, ReserveError>, LedgerError> {
        let (key, id) = (batch.key.get(), batch.id.to_string());
        self.store.write(|conn| {
            let before = "SELECT batches.id, sha256 FROM batches JOIN files ON files.id = input_file_id
                          WHERE batches.key_id = ?1 AND idempotency_key = ?2";
            let before = conn.query_first(before, params![key, asked.idempotency_key], |row| {
                Ok((row.get::<String>(0)?, row.get::<[u8; 32]>(1)?))
            })?;
            let id = match before {
                Some((_, sha256)) if sha256 != asked.file.sha256 => {
                    return Ok(Err(ReserveError::IdempotencyKeyReused));
                }
                Some((before, _)) => before,
                None => {
                    files::insert(conn, batch.key, &asked.file)?;
                    let delete = "UPDATE files SET deleted_at_ms = ?2 WHERE id = ?1";
                    conn.execute(delete, params![asked.file.id.to_string(), batch.now])?;
                    insert(conn, batch, asked.idempotency_key.as_deref())?;
                    id
                }
            };
            Ok(Ok(conn.query_one(&row::query("batches.id = ?1"), params![id], row::read)?))
        })
    }

    /// The batch `id` of `key`; none if the key has none of this id.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn batch(&self, key: KeyId, id: BatchId) -> Result<Option<BatchRow>, LedgerError> {
        let sql = row::query("key_id = ?1 AND batches.id = ?2");
        self.store.read(|conn| conn.query_first(&sql, params![key.get(), id.to_string()], row::read))
    }

    /// Batches of `key`.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn batches(&self, key: KeyId, page: Page<BatchId>) -> Result<Vec<BatchRow>, LedgerError> {
        let sql = row::query(&format!("key_id = ?1 AND is_async = 0 {}", page.tail(2)));
        let after = page.after.map(|id| id.to_string());
        self.store.read(|conn| conn.query(&sql, params![key.get(), after], row::read))
    }

    /// The batch `id`, whosever it is; none if there is none of this id.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn batch_of_any_key(&self, id: BatchId) -> Result<Option<BatchRow>, LedgerError> {
        let sql = row::query("batches.id = ?1");
        self.store.read(|conn| conn.query_first(&sql, params![id.to_string()], row::read))
    }

    /// Batches of all keys that have ended.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn ended_batches(&self, page: Page<BatchId>) -> Result<Vec<BatchRow>, LedgerError> {
        let ended = "is_async = 0 AND status IN ('completed', 'failed', 'expired', 'cancelled')";
        let sql = row::query(&format!("{ended} {}", page.tail(1)));
        let after = page.after.map(|id| id.to_string());
        self.store.read(|conn| conn.query(&sql, params![after], row::read))
    }

    /// Every batch that has something left to do, the oldest first.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn open_batches(&self) -> Result<Vec<BatchRow>, LedgerError> {
        let sql = row::query(
            "status IN ('validating', 'in_progress', 'finalizing', 'cancelling') ORDER BY batches.id",
        );
        self.store.read(|conn| conn.query(&sql, params![], row::read))
    }

    /// Notes that the file of a batch can be worked on: validating → in_progress. Nothing happens to one that is cancelled.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn begin_batch(&self, id: BatchId, size: BatchSize, now: Timestamp) -> Result<(), LedgerError> {
        let update = "UPDATE batches SET status = 'in_progress', in_progress_at_ms = ?2, total = ?3, images = ?4, work = ?5
                      WHERE id = ?1 AND status = 'validating'";
        let (images, work) = (signed(size.images, "batches.images")?, signed(size.work, "batches.work")?);
        self.store.write(|conn| {
            conn.execute(update, params![id.to_string(), now, size.total, images, work])?;
            Ok(())
        })
    }

    /// Notes that the file of a batch cannot be worked on, and why, as JSON: validating → failed.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn fail_batch(&self, id: BatchId, errors: &str, now: Timestamp) -> Result<(), LedgerError> {
        let update = "UPDATE batches SET status = 'failed', failed_at_ms = ?2, errors = ?3
                      WHERE id = ?1 AND status = 'validating'";
        self.store.write(|conn| {
            if conn.execute(update, params![id.to_string(), now, errors])? > 0 {
                announce(conn, id, now)?;
            }
            Ok(())
        })
    }

    /// Notes that a batch is not wanted any more, and why, if the server says so: validating or in_progress → cancelling.
    /// Nothing happens to one that is further.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn cancel_batch(&self, id: BatchId, errors: Option<&str>, now: Timestamp) -> Result<(), LedgerError> {
        self.store.write(|conn| cancel(conn, &id.to_string(), errors, now))
    }

    /// Notes that no further line of a batch is worked on: in_progress → finalizing. Nothing happens to one that is cancelled.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn finalize_batch(&self, id: BatchId, now: Timestamp) -> Result<(), LedgerError> {
        let update = "UPDATE batches SET status = 'finalizing', finalizing_at_ms = ?2
                      WHERE id = ?1 AND status = 'in_progress'";
        self.store.write(|conn| {
            conn.execute(update, params![id.to_string(), now])?;
            Ok(())
        })
    }

    /// Ends a batch as `end`, with the files that it wrote. `driver` is the node of a cluster that looks after batches.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses, [`LedgerError::OffDuty`] if another node looks after batches by now;
    /// nothing was written.
    pub fn end_batch(
        &self,
        (id, key): (BatchId, KeyId),
        end: BatchStatus,
        written: &[FileRow],
        (driver, now): (Option<NodeId>, Timestamp),
    ) -> Result<(), LedgerError> {
        let update = match end {
            BatchStatus::Completed => "UPDATE batches SET status = ?2, completed_at_ms = ?3 WHERE id = ?1",
            BatchStatus::Expired => "UPDATE batches SET status = ?2, expired_at_ms = ?3 WHERE id = ?1",
            _ => "UPDATE batches SET status = ?2, cancelled_at_ms = ?3 WHERE id = ?1",
        };
        self.store.write(|conn| {
            check_duty(conn, Duty::Batches, driver)?;
            for file in written {
                files::insert(conn, key, file)?;
            }
            conn.execute(update, params![id.to_string(), end.as_str(), now])?;
            announce(conn, id, now)
        })
    }
}

/// Validating or in_progress → cancelling, with what the server says of it.
fn cancel(conn: &Conn<'_>, id: &str, errors: Option<&str>, now: Timestamp) -> Result<(), LedgerError> {
    let update = "UPDATE batches SET status = 'cancelling', cancelling_at_ms = ?2, errors = ?3
                  WHERE id = ?1 AND status IN ('validating', 'in_progress')";
    conn.execute(update, params![id, now, errors])?;
    Ok(())
}

fn insert(conn: &Conn<'_>, batch: &NewBatch, idempotency_key: Option<&str>) -> Result<(), LedgerError> {
    let NewBatch { id, key, terms, files: [output, error], now, expires_at } = batch;
    conn.execute(
        "INSERT INTO batches
             (id, key_id, endpoint, input_file_id, window_hours, tag, metadata, base_url, output_seconds,
              output_file_id, error_file_id, status, created_at_ms, expires_at_ms, starts_at_ms, is_async, idempotency_key)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'validating', ?12, ?13, ?14, ?15, ?16)",
        params![
            id.to_string(),
            key.get(),
            terms.endpoint.as_str(),
            terms.input.to_string(),
            terms.window_hours,
            terms.tag,
            terms.metadata,
            terms.base_url,
            terms.output_seconds,
            output.to_string(),
            error.to_string(),
            *now,
            *expires_at,
            terms.starts_at,
            terms.is_async,
            idempotency_key,
        ],
    )?;
    Ok(())
}

/// Announces the end of a batch, which its row has.
fn announce(conn: &Conn<'_>, id: BatchId, now: Timestamp) -> Result<(), LedgerError> {
    let batch = conn.query_one(&row::query("batches.id = ?1"), params![id.to_string()], row::read)?;
    let ended = webhooks::EndedBatch {
        id,
        key: batch.key,
        status: batch.status,
        is_async: batch.terms.is_async,
        total: batch.size.total,
        images: batch.size.images,
        completed: batch.counts.completed,
        failed: batch.counts.failed,
    };
    webhooks::announce_batch(conn, &ended, now)
}

/// Cancels every open batch of `key`, and takes what its client wrote out of all its batches. Returns the files that they write.
pub(super) fn forget(conn: &Conn<'_>, key: KeyId, now: Timestamp) -> Result<Vec<FileId>, LedgerError> {
    let ids: Vec<String> =
        conn.query("SELECT id FROM batches WHERE key_id = ?1", params![key.get()], |row| row.get(0))?;
    forget_each(conn, &ids, now)
}

/// Puts `pseudonym` in the place of a tag of batches, and forgets every batch with a request under the label `label`: its files
/// hold that request's prompt and images. Returns those files.
pub(super) fn forget_tag(
    conn: &Conn<'_>,
    (tag, pseudonym): (&str, &str),
    label: i64,
    now: Timestamp,
) -> Result<Vec<FileId>, LedgerError> {
    let sql = "SELECT DISTINCT batches.id FROM batches
               LEFT JOIN batch_lines ON batch_id = batches.id LEFT JOIN requests ON requests.id = request_id
               WHERE batches.tag = ?1 OR tag_id = ?2";
    let ids: Vec<String> = conn.query(sql, params![tag, label], |row| row.get(0))?;
    conn.execute("UPDATE batches SET tag = ?2 WHERE tag = ?1", params![tag, pseudonym])?;
    forget_each(conn, &ids, now)
}

fn forget_each(conn: &Conn<'_>, ids: &[String], now: Timestamp) -> Result<Vec<FileId>, LedgerError> {
    // What an open one still writes is gone a second after its end.
    let update = "UPDATE batches SET metadata = NULL, errors = NULL, output_seconds = 1 WHERE id = ?1
                  RETURNING input_file_id, output_file_id, error_file_id";
    let mut deleted = Vec::new();
    for id in ids {
        let files =
            conn.query_one(update, params![id], |row| Ok([row.get::<String>(0)?, row.get(1)?, row.get(2)?]))?;
        cancel(conn, id, None, now)?;
        for file in files {
            deleted.push(files::forget_one(conn, &file, now)?);
        }
    }
    Ok(deleted)
}
