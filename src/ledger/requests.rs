use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{FailedWork, Ledger, LedgerError, SettledImage, entries::Entries};
use crate::{
    domain::{KeyId, RenderSpec, RequestId},
    units::{Currency, Money},
};

/// A request that asks for money before work.
#[derive(Debug, Clone)]
pub struct NewRequest<'a> {
    /// Its id.
    pub id: RequestId,
    /// Who asks.
    pub key: KeyId,
    /// The client's Idempotency-Key header.
    pub idempotency_key: Option<&'a str>,
    /// SHA-256 of the body, which tells a retry from another request under the same idempotency key.
    pub body_sha256: [u8; 32],
    /// The model that will paint.
    pub model: &'a str,
    /// Pictures asked for.
    pub images: u32,
    /// What they are expected to cost.
    pub estimate: Money,
    /// When it came.
    pub now: Timestamp,
    /// Start of the calendar month, from which a budget counts.
    pub month_start: Timestamp,
}

/// Why no money was reserved. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    /// The key's budget does not cover the request.
    #[error("the key's monthly budget is used up")]
    OverBudget {
        /// What the key may spend a month.
        budget: Money,
        /// What it has spent and reserved this month.
        spent: Money,
        /// What this request was expected to cost.
        estimate: Money,
    },
    /// The idempotency key was used before.
    #[error("the idempotency key was used before")]
    IdempotencyKeyUsed {
        /// Whether the body was the same.
        same_body: bool,
    },
    /// The database failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<rusqlite::Error> for ReserveError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Ledger(error.into())
    }
}

/// Money set aside for a request. Used up by [`Ledger::settle`] or [`Ledger::fail`]; a crash leaves it to
/// [`Ledger::abandon_open`].
#[derive(Debug)]
#[must_use = "a reservation that is dropped holds its money until the next start"]
pub struct Reservation {
    pub(super) id: RequestId,
}

/// A request that could not be ended, and is still open.
#[derive(Debug, thiserror::Error)]
#[error("request {} could not be booked: {error}", reservation.id)]
pub struct Unbooked {
    /// Its money, still set aside.
    pub reservation: Reservation,
    /// Why.
    pub error: LedgerError,
}

impl Reservation {
    /// The request.
    pub fn id(&self) -> RequestId {
        self.id
    }
}

impl Ledger {
    /// Reserves the estimate, in one transaction with the budget's check: two requests cannot both take the last money.
    ///
    /// # Errors
    /// [`ReserveError`]; nothing was written.
    pub fn reserve(&self, request: &NewRequest<'_>) -> Result<Reservation, ReserveError> {
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(key) = request.idempotency_key {
            check_idempotency(&transaction, request, key)?;
        }
        check_budget(&transaction, request)?;
        transaction.execute(
            "INSERT INTO requests
                 (id, key_id, idempotency_key, body_sha256, state, model, images, reserved_nano, created_at_ms)
             VALUES (?1, ?2, ?3, ?4, 'reserved', ?5, ?6, ?7, ?8)",
            params![
                request.id.to_text(),
                request.key.get(),
                request.idempotency_key,
                request.body_sha256,
                request.model,
                request.images,
                request.estimate.as_nano(),
                request.now.as_millisecond(),
            ],
        )?;
        transaction.commit()?;
        Ok(Reservation { id: request.id })
    }

    /// Notes that the device has begun: reserved → running.
    ///
    /// # Errors
    /// [`LedgerError::State`] where the request is not reserved.
    pub fn start(&self, id: RequestId) -> Result<(), LedgerError> {
        expect_one(begin(&self.writer(), id)?, id, "reserved")
    }

    /// Books every picture of a request: running → settled, with an entry for each, all or none.
    ///
    /// # Errors
    /// [`Unbooked`], with the reservation; nothing was written.
    pub fn settle(
        &self,
        reservation: Reservation,
        spec: &RenderSpec,
        currency: Currency,
        images: &[SettledImage],
        now: Timestamp,
    ) -> Result<(), Unbooked> {
        let entries = Entries { request: reservation.id, spec, currency, now };
        self.end(reservation, "settled", now, |transaction| {
            for (index, image) in (0..).zip(images) {
                entries.insert_image(transaction, index, image)?;
            }
            Ok(())
        })
    }

    /// Ends a request that gave no picture, and books the energy it took, if any: reserved or running → failed.
    ///
    /// # Errors
    /// [`Unbooked`], with the reservation; nothing was written.
    pub fn fail(
        &self,
        reservation: Reservation,
        spec: &RenderSpec,
        currency: Currency,
        work: Option<&FailedWork>,
        now: Timestamp,
    ) -> Result<(), Unbooked> {
        let entries = Entries { request: reservation.id, spec, currency, now };
        self.end(reservation, "failed", now, |transaction| match work {
            Some(work) => entries.insert_failure(transaction, work),
            None => Ok(()),
        })
    }

    /// Writes a request's entries and its end in one transaction.
    fn end(
        &self,
        reservation: Reservation,
        state: &str,
        now: Timestamp,
        write: impl FnOnce(&Transaction<'_>) -> Result<(), LedgerError>,
    ) -> Result<(), Unbooked> {
        let id = reservation.id;
        let mut writer = self.writer();
        let booked = || -> Result<(), LedgerError> {
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            // Where the start could not be noted, it is noted now.
            begin(&transaction, id)?;
            write(&transaction)?;
            let ended = transaction.execute(
                "UPDATE requests SET state = ?2, ended_at_ms = ?3, delivered = CASE ?2 WHEN 'settled' THEN 0 END
                 WHERE id = ?1 AND state = 'running'",
                params![id.to_text(), state, now.as_millisecond()],
            )?;
            expect_one(ended, id, "open")?;
            Ok(transaction.commit()?)
        };
        booked().map_err(|error| Unbooked { reservation, error })
    }

    /// Notes that a settled request's answer was handed over. Until then its pictures count as undelivered.
    ///
    /// # Errors
    /// [`LedgerError::State`] where the request is not settled.
    pub fn note_delivery(&self, id: RequestId) -> Result<(), LedgerError> {
        let noted = self.writer().execute(
            "UPDATE requests SET delivered = 1 WHERE id = ?1 AND state = 'settled'",
            [id.to_text()],
        )?;
        expect_one(noted, id, "settled")
    }

    /// At a start: whatever a dead process left open is abandoned, and its reservations are free again. Returns how many.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn abandon_open(&self, now: Timestamp) -> Result<usize, LedgerError> {
        Ok(self.writer().execute(
            "UPDATE requests SET state = 'abandoned', ended_at_ms = ?1 WHERE state IN ('reserved', 'running')",
            params![now.as_millisecond()],
        )?)
    }
}

fn check_idempotency(
    transaction: &Transaction<'_>,
    request: &NewRequest<'_>,
    idempotency_key: &str,
) -> Result<(), ReserveError> {
    let body: Option<[u8; 32]> = transaction
        .query_row(
            "SELECT body_sha256 FROM requests
             WHERE key_id = ?1 AND idempotency_key = ?2 AND state NOT IN ('failed', 'abandoned')",
            params![request.key.get(), idempotency_key],
            |row| row.get(0),
        )
        .optional()?;
    match body {
        None => Ok(()),
        Some(body) => Err(ReserveError::IdempotencyKeyUsed { same_body: body == request.body_sha256 }),
    }
}

/// Spent this month, plus what open requests hold, plus this request, against the key's budget.
fn check_budget(transaction: &Transaction<'_>, request: &NewRequest<'_>) -> Result<(), ReserveError> {
    let budget: Option<i64> = transaction.query_row(
        "SELECT budget_month_nano FROM keys WHERE id = ?1",
        [request.key.get()],
        |row| row.get(0),
    )?;
    let Some(budget) = budget else { return Ok(()) };
    let spent: i64 = transaction.query_row(
        "SELECT coalesce((SELECT sum(standard_nano) FROM entries JOIN requests ON requests.id = request_id
                          WHERE key_id = ?1 AND entered_at_ms >= ?2), 0)
              + coalesce((SELECT sum(reserved_nano) FROM requests
                          WHERE key_id = ?1 AND state IN ('reserved', 'running')), 0)",
        params![request.key.get(), request.month_start.as_millisecond()],
        |row| row.get(0),
    )?;
    match spent.saturating_add(request.estimate.as_nano()) <= budget {
        true => Ok(()),
        false => Err(ReserveError::OverBudget {
            budget: Money::from_nano(budget),
            spent: Money::from_nano(spent),
            estimate: request.estimate,
        }),
    }
}

/// reserved → running. Returns how many rows went that way.
fn begin(connection: &Connection, id: RequestId) -> rusqlite::Result<usize> {
    connection
        .execute("UPDATE requests SET state = 'running' WHERE id = ?1 AND state = 'reserved'", [id.to_text()])
}

fn expect_one(rows: usize, id: RequestId, expected: &'static str) -> Result<(), LedgerError> {
    match rows {
        1 => Ok(()),
        _ => Err(LedgerError::State { id, expected }),
    }
}
