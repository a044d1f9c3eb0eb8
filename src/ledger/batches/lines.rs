use std::collections::HashSet;

use crate::{
    domain::{BatchId, FailureReason, KeyId, NodeId, RequestId},
    ledger::{
        DEATHS_MAX, Duty, Ledger, LedgerError, batches::keys_of_lines, queue::check_duty, signed,
        store::params, unsigned,
    },
};

/// What came of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineResult {
    /// Its number, from 1.
    pub line: u32,
    /// The request that it became; none if it was refused before.
    pub request: Option<RequestId>,
    /// Whether it is in the file of errors.
    pub is_error: bool,
    /// Bytes of that file, or of the file of answers, up to and with it.
    pub file_bytes: u64,
}

/// The lines of a batch that are done, and what they left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DoneLines {
    /// Their numbers.
    pub lines: HashSet<u32>,
    /// Bytes of the file of answers.
    pub output_bytes: u64,
    /// Bytes of the file of errors.
    pub error_bytes: u64,
}

impl Ledger {
    /// Notes what came of a line, once it is on the disk. `driver` is the node of a cluster that looks after batches.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses, as it does a line that was noted before; [`LedgerError::OffDuty`] if
    /// another node looks after batches by now.
    pub fn note_line(
        &self,
        id: BatchId,
        result: LineResult,
        driver: Option<NodeId>,
    ) -> Result<(), LedgerError> {
        let insert = "INSERT INTO batch_lines (batch_id, line, request_id, is_error, file_bytes)
                      VALUES (?1, ?2, ?3, ?4, ?5)";
        let LineResult { line, request, is_error, file_bytes } = result;
        let (request, bytes) =
            (request.map(RequestId::to_text), signed(file_bytes, "batch_lines.file_bytes")?);
        self.store.write(|conn| {
            check_duty(conn, Duty::Batches, driver)?;
            conn.execute(insert, params![id.to_string(), line, request, is_error, bytes])?;
            Ok(())
        })
    }

    /// Forgets what came of the lines of a batch, whose files are lost.
    ///
    /// # Errors
    /// As [`Ledger::note_line`].
    pub fn forget_lines(&self, id: BatchId, driver: Option<NodeId>) -> Result<(), LedgerError> {
        let delete = "DELETE FROM batch_lines WHERE batch_id = ?1";
        self.store.write(|conn| {
            check_duty(conn, Duty::Batches, driver)?;
            conn.execute(delete, params![id.to_string()])?;
            Ok(())
        })
    }

    /// The lines of a batch that are done.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn done_lines(&self, id: BatchId) -> Result<DoneLines, LedgerError> {
        let sql = "SELECT line, is_error, file_bytes FROM batch_lines WHERE batch_id = ?1";
        let mut done = DoneLines::default();
        self.store.read(|conn| {
            conn.for_each(sql, params![id.to_string()], |row| -> Result<(), LedgerError> {
                done.lines.insert(row.get(0)?);
                let bytes = unsigned(row.get(2)?, "batch_lines.file_bytes")?;
                let file = if row.get(1)? { &mut done.error_bytes } else { &mut done.output_bytes };
                *file = bytes.max(*file);
                Ok(())
            })
        })?;
        Ok(done)
    }

    /// The `custom_id`s of lines of the batch `id` of `key` whose requests ended [`DEATHS_MAX`] times or more, after a device had
    /// begun, with their process or with its last device.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn deadly_lines(&self, key: KeyId, id: BatchId) -> Result<HashSet<String>, LedgerError> {
        let sql = "SELECT idempotency_key FROM requests
                   LEFT JOIN request_failures ON request_id = requests.id
                   WHERE key_id = ?1 AND idempotency_key > ?2 AND idempotency_key < ?3
                   AND started_at_ms IS NOT NULL AND (state = 'abandoned' OR reason = ?4)
                   GROUP BY idempotency_key HAVING count(*) >= ?5";
        let [first, end] = keys_of_lines(id);
        let no_device = FailureReason::NoDevice.as_str();
        let keys = self.store.read(|conn| {
            conn.query(sql, params![key.get(), first, end, no_device, DEATHS_MAX], |row| row.get::<String>(0))
        })?;
        Ok(keys.iter().filter_map(|key| Some(key.split_once('/')?.1.to_owned())).collect())
    }
}
