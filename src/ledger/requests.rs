use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{
    BudgetPeriods, FailedWork, Ledger, LedgerError, Need, OverBudget, SettledImage,
    entries::{self, Entries},
    signed, timestamp,
};
use crate::{
    costs::{Budgets, Spending},
    domain::{CostTag, ImageSize, KeyId, Quality, RenderSpec, RequestId},
    units::{Currency, Energy, Money},
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
    /// The quality asked for.
    pub quality: Quality,
    /// What it is filed under.
    pub tag: Option<&'a CostTag>,
    /// Pictures asked for.
    pub images: u32,
    /// What they are expected to cost.
    pub estimate: Money,
    /// What they are expected to draw at the plug.
    pub wall_energy: Energy,
    /// Budgets of all keys together.
    pub budgets: &'a Budgets,
    /// When it came.
    pub now: Timestamp,
    /// The day and the month from whose beginnings budgets count.
    pub periods: BudgetPeriods,
}

impl NewRequest<'_> {
    /// What its budgets must cover.
    fn need(&self) -> Need<'_> {
        let spending = Spending { money: self.estimate, images: self.images, energy: self.wall_energy };
        Need { key: self.key, spending, budgets: self.budgets, periods: &self.periods }
    }
}

/// What a request came to.
#[derive(Debug, Clone, Copy)]
pub struct Settlement<'a> {
    /// Its pictures, in order.
    pub images: &'a [SettledImage],
    /// Work on them that gave none, at most once for each picture.
    pub failed: &'a [FailedWork],
    /// Tokens of its prompt.
    pub prompt_tokens: usize,
}

/// A settled request, as it was booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledRequest {
    /// When it was settled.
    pub settled_at: Timestamp,
    /// Tokens of its prompt.
    pub prompt_tokens: usize,
    /// The pictures' size.
    pub size: ImageSize,
    /// Its pictures, in order.
    pub images: Vec<SettledImage>,
}

/// Why no money was reserved. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    /// A hard budget does not cover the request.
    #[error("a budget is used up")]
    OverBudget(Box<OverBudget>),
    /// The idempotency key was used before, with another body.
    #[error("the idempotency key was used with another body")]
    IdempotencyKeyReused,
    /// The idempotency key was used before with this body, and the request is settled: its answer can be given again.
    #[error("the request was settled before")]
    SettledBefore(RequestId),
    /// The idempotency key was used before with this body, and the request is still open.
    #[error("the request is being worked on")]
    StillOpen,
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
    pub(super) passed_budgets: Box<[OverBudget]>,
}

/// A request that could not be ended, and is still open.
#[derive(Debug, thiserror::Error)]
#[error("request {} could not be booked: {error}", reservation.id)]
pub struct Unbooked {
    /// Its money, still set aside.
    pub reservation: Reservation,
    /// Why.
    pub error: Box<LedgerError>,
}

impl Reservation {
    /// The request.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// The soft budgets that it passes.
    pub fn passed_budgets(&self) -> &[OverBudget] {
        &self.passed_budgets
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
            check_idempotency(&transaction, request.key, key, request.body_sha256)?;
        }
        let passed_budgets = self.running_sums().passed(&transaction, &request.need())?;
        if let Some(over) = OverBudget::refusing(&passed_budgets) {
            return Err(ReserveError::OverBudget(Box::new(over.clone())));
        }
        transaction.execute(
            "INSERT INTO requests
                 (id, key_id, idempotency_key, body_sha256, state, model, images, reserved_nano, created_at_ms,
                  quality, tag, reserved_mj)
             VALUES (?1, ?2, ?3, ?4, 'reserved', ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                request.id.to_text(),
                request.key.get(),
                request.idempotency_key,
                request.body_sha256,
                request.model,
                request.images,
                request.estimate.as_nano(),
                request.now.as_millisecond(),
                request.quality.as_str(),
                request.tag.map(CostTag::as_str),
                signed(request.wall_energy.as_millijoules(), "reserved_mj")?,
            ],
        )?;
        transaction.commit()?;
        Ok(Reservation { id: request.id, passed_budgets: passed_budgets.into() })
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
        done: &Settlement<'_>,
        now: Timestamp,
    ) -> Result<(), Unbooked> {
        let entries = Entries { request: reservation.id, spec, currency, now };
        self.end(reservation, "settled", now, |transaction| {
            for (index, image) in (0..).zip(done.images) {
                entries.insert_image(transaction, index, image)?;
            }
            for work in done.failed {
                entries.insert_failure(transaction, work)?;
            }
            transaction.execute(
                "UPDATE requests SET prompt_tokens = ?2 WHERE id = ?1",
                params![entries.request.to_text(), signed(done.prompt_tokens as u64, "prompt_tokens")?],
            )?;
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
        work: &[FailedWork],
        now: Timestamp,
    ) -> Result<(), Unbooked> {
        let entries = Entries { request: reservation.id, spec, currency, now };
        self.end(reservation, "failed", now, |transaction| {
            work.iter().try_for_each(|work| entries.insert_failure(transaction, work))
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
        booked().map_err(|error| Unbooked { reservation, error: Box::new(error) })
    }

    /// Whether `idempotency_key` of `key` is free for a request with this body.
    ///
    /// # Errors
    /// [`ReserveError::SettledBefore`], [`ReserveError::StillOpen`] or [`ReserveError::IdempotencyKeyReused`] where it is
    /// not; [`ReserveError::Ledger`] where SQLite refuses.
    pub fn check_idempotency(
        &self,
        key: KeyId,
        idempotency_key: &str,
        body_sha256: [u8; 32],
    ) -> Result<(), ReserveError> {
        check_idempotency(&self.reader(), key, idempotency_key, body_sha256)
    }

    /// What a settled request was answered with, pictures apart; none where there is no such request.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn settled(&self, id: RequestId) -> Result<Option<SettledRequest>, LedgerError> {
        let reader = self.reader();
        let head = reader
            .query_row(
                "SELECT ended_at_ms, coalesce(prompt_tokens, 0) FROM requests WHERE id = ?1 AND state = 'settled'",
                [id.to_text()],
                |row| Ok((timestamp(row.get(0)?)?, row.get::<_, i64>(1)?)),
            )
            .optional()?;
        let Some((settled_at, tokens)) = head else { return Ok(None) };
        let prompt_tokens =
            usize::try_from(tokens).map_err(|_| LedgerError::OutOfRange { what: "prompt_tokens" })?;
        let (size, images) = entries::images_of(&reader, id)?;
        Ok(Some(SettledRequest { settled_at, prompt_tokens, size, images }))
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
    connection: &Connection,
    key: KeyId,
    idempotency_key: &str,
    body_sha256: [u8; 32],
) -> Result<(), ReserveError> {
    let before = connection
        .query_row(
            "SELECT body_sha256, state, id FROM requests
             WHERE key_id = ?1 AND idempotency_key = ?2 AND state NOT IN ('failed', 'abandoned')",
            params![key.get(), idempotency_key],
            |row| Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)),
        )
        .optional()?;
    match before {
        None => Ok(()),
        Some((body, ..)) if body != body_sha256 => Err(ReserveError::IdempotencyKeyReused),
        Some((_, state, id)) if state == "settled" => {
            let id = RequestId::from_digits(&id).ok_or(LedgerError::OutOfRange { what: "id" })?;
            Err(ReserveError::SettledBefore(id))
        }
        Some(_) => Err(ReserveError::StillOpen),
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
