use jiff::{SignedDuration, Timestamp};

use crate::{
    domain::{BatchEndpoint, BatchId, BatchStatus, FileId, KeyId},
    ledger::{LedgerError, store::Row, unsigned},
};

/// A batch as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRow {
    /// Its id.
    pub id: BatchId,
    /// Whose it is.
    pub key: KeyId,
    /// What was asked for.
    pub terms: BatchTerms,
    /// Where it is.
    pub status: BatchStatus,
    /// Why it failed or was cancelled, as JSON.
    pub errors: Option<String>,
    /// How much it is; 0 until it is validated.
    pub size: BatchSize,
    /// How much of it is done.
    pub counts: BatchCounts,
    /// What it writes.
    pub files: BatchFiles,
    /// When what happened to it.
    pub times: BatchTimes,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchTerms {
    /// What its requests ask for.
    pub endpoint: BatchEndpoint,
    /// The file that has them.
    pub input: FileId,
    /// Hours in which it should be done.
    pub window_hours: u32,
    /// When it is to begin, at the earliest; none: in the cheapest hours of its window.
    pub starts_at: Option<Timestamp>,
    /// What its requests are filed under.
    pub tag: Option<String>,
    /// What its client noted of it: a JSON object of texts.
    pub metadata: Option<String>,
    /// What links begin with.
    pub base_url: String,
    /// Seconds for which its files are kept; none: the server's time.
    pub output_seconds: Option<u32>,
    /// Whether it is an asynchronous request: one line, which is listed with no batches.
    pub is_async: bool,
}

/// How much a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchSize {
    /// Lines.
    pub total: u32,
    /// Images.
    pub images: u64,
    /// Work of all images, in pixel-steps.
    pub work: u64,
}

/// How many lines of a batch are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchCounts {
    /// Answered.
    pub completed: u32,
    /// Ended with an error.
    pub failed: u32,
}

/// The files that a batch writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchFiles {
    /// For answers.
    pub output: FileId,
    /// For errors.
    pub error: FileId,
    /// Whether there are answers, and it has ended.
    pub has_output: bool,
    /// Whether there are errors, and it has ended.
    pub has_errors: bool,
}

/// When what happened to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchTimes {
    /// It was created.
    pub created: Timestamp,
    /// Its time is over.
    pub expires: Timestamp,
    /// It was validated.
    pub in_progress: Option<Timestamp>,
    /// Its last line was done.
    pub finalizing: Option<Timestamp>,
    /// It was completed.
    pub completed: Option<Timestamp>,
    /// It failed.
    pub failed: Option<Timestamp>,
    /// It expired.
    pub expired: Option<Timestamp>,
    /// It was not wanted any more.
    pub cancelling: Option<Timestamp>,
    /// It was cancelled.
    pub cancelled: Option<Timestamp>,
}

impl BatchCounts {
    /// Lines that are done.
    pub const fn done(self) -> u32 {
        self.completed.saturating_add(self.failed)
    }
}

impl BatchRow {
    /// A batch of `key` that is nowhere: what it would be if it were created at `now`.
    pub fn imagined(key: KeyId, terms: BatchTerms, size: BatchSize, now: Timestamp) -> Self {
        let [output, error] = [1, 2].map(|which| FileId::new(now, [which; 10]));
        let window = SignedDuration::from_hours(terms.window_hours.into());
        let times = BatchTimes {
            created: now,
            expires: now.checked_add(window).unwrap_or(Timestamp::MAX),
            in_progress: None,
            finalizing: None,
            completed: None,
            failed: None,
            expired: None,
            cancelling: None,
            cancelled: None,
        };
        Self {
            // After every other of its millisecond.
            id: BatchId::new(now, [u8::MAX; 10]),
            key,
            terms,
            status: BatchStatus::InProgress,
            errors: None,
            size,
            counts: BatchCounts::default(),
            files: BatchFiles { output, error, has_output: false, has_errors: false },
            times,
        }
    }

    /// Work of the lines that are not done, in pixel-steps, as if all lines were alike.
    pub fn work_left(&self) -> u64 {
        let (total, left) = (self.size.total, self.size.total.saturating_sub(self.counts.done()));
        let left = u128::from(self.size.work) * u128::from(left) / u128::from(total.max(1));
        u64::try_from(left).unwrap_or(u64::MAX)
    }
}

/// Batches that `condition` holds for.
pub(super) fn query(condition: &str) -> String {
    format!(
        "SELECT batches.*,
                (SELECT count(*) FROM batch_lines WHERE batch_id = batches.id AND is_error = 0) AS lines_completed,
                (SELECT count(*) FROM batch_lines WHERE batch_id = batches.id AND is_error = 1) AS lines_failed,
                (SELECT count(*) FROM files WHERE files.id = output_file_id) AS has_output,
                (SELECT count(*) FROM files WHERE files.id = error_file_id) AS has_errors
         FROM batches WHERE {condition}"
    )
}

pub(super) fn read(row: &Row<'_>) -> Result<BatchRow, LedgerError> {
    Ok(BatchRow {
        id: word(row, "id")?,
        key: KeyId::new(row.get("key_id")?),
        terms: BatchTerms {
            endpoint: word(row, "endpoint")?,
            input: word(row, "input_file_id")?,
            window_hours: row.get("window_hours")?,
            starts_at: row.get("starts_at_ms")?,
            tag: row.get("tag")?,
            metadata: row.get("metadata")?,
            base_url: row.get("base_url")?,
            output_seconds: row.get("output_seconds")?,
            is_async: row.get("is_async")?,
        },
        status: word(row, "status")?,
        errors: row.get("errors")?,
        size: BatchSize {
            total: row.get("total")?,
            images: unsigned(row.get("images")?, "batches.images")?,
            work: unsigned(row.get("work")?, "batches.work")?,
        },
        counts: BatchCounts { completed: row.get("lines_completed")?, failed: row.get("lines_failed")? },
        files: BatchFiles {
            output: word(row, "output_file_id")?,
            error: word(row, "error_file_id")?,
            has_output: row.get("has_output")?,
            has_errors: row.get("has_errors")?,
        },
        times: BatchTimes {
            created: row.get("created_at_ms")?,
            expires: row.get("expires_at_ms")?,
            in_progress: row.get("in_progress_at_ms")?,
            finalizing: row.get("finalizing_at_ms")?,
            completed: row.get("completed_at_ms")?,
            failed: row.get("failed_at_ms")?,
            expired: row.get("expired_at_ms")?,
            cancelling: row.get("cancelling_at_ms")?,
            cancelled: row.get("cancelled_at_ms")?,
        },
    })
}

/// A column whose text stands for something.
fn word<T: std::str::FromStr>(row: &Row<'_>, column: &'static str) -> Result<T, LedgerError> {
    row.get::<String>(column)?.parse().map_err(|_| LedgerError::OutOfRange { what: column })
}
