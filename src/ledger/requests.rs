use std::convert::Infallible;

use jiff::Timestamp;

use super::{
    FailedWork, Ledger, LedgerError, NewRequest, OverBudget, Reservation, ReserveError, Reserved,
    SettledImage, SettledRequest, Settlement, Unbooked, computations, edits,
    ends::{begin, end, note_failure},
    entries::{self, Entries},
    loras, new_or_return, purchases,
    queue::{self, NotAdmitted, Release},
    signed,
    store::{Conn, Flush, params},
    webhooks::{self, ImageData},
};
use crate::{
    domain::{CostTag, EventKind, FailureReason, KeyId, RenderSpec, RequestId},
    units::{Currency, Money},
};

impl Ledger {
    /// Reserves the estimate, in one transaction with the budget's check: two requests cannot both take the last money. The note that
    /// the device began takes it along to the disk: until then there is nothing that a power cut could make untrue.
    ///
    /// # Errors
    /// [`ReserveError`]; nothing was written.
    pub fn reserve(&self, request: &NewRequest<'_>) -> Result<Reserved, ReserveError> {
        let reserved = self.reserve_with(request, Flush::WithTheNext, |_| Ok(()), |_, ()| Ok(()));
        let reserved = reserved.map_err(|error: NotAdmitted<Infallible>| match error {
            NotAdmitted::Reserve(error) => error,
            NotAdmitted::Place(never) => match never {},
        })?;
        Ok(reserved.map(|(reservation, ())| reservation))
    }

    /// The same with `look` before the budgets are asked, and `also` beside the request's row: all in one transaction.
    pub(in crate::ledger) fn reserve_with<L, T, E>(
        &self,
        request: &NewRequest<'_>,
        flush: Flush,
        look: impl FnOnce(&Conn<'_>) -> Result<L, NotAdmitted<E>>,
        also: impl FnOnce(&Conn<'_>, L) -> Result<T, LedgerError>,
    ) -> Result<Reserved<(Reservation, T)>, NotAdmitted<E>> {
        let reserved = self.store.write_with(flush, |conn| {
            tracing::trace!("reservation begun");
            if let Some(key) = request.idempotency_key {
                new_or_return!(find_repeat(conn, request.key, key, request.body_sha256)?);
            }
            let looked = look(conn)?;
            let passed_budgets = self.running_sums.lock().passed(conn, &request.need())?;
            if let Some(over) = OverBudget::refusing(&passed_budgets) {
                return Err(ReserveError::OverBudget(Box::new(over.clone())).into());
            }
            insert(conn, request)?;
            let also = also(conn, looked)?;
            // Once in a period: the event's id is the budget's.
            webhooks::announce_budgets(conn, request, passed_budgets.iter(), EventKind::BudgetPassed)?;
            let passed_budgets = passed_budgets.into();
            tracing::trace!("reservation written");
            Ok(Reserved::New((Reservation { id: request.id, passed_budgets, claim: None }, also)))
        });
        tracing::trace!("reservation committed");
        if let Err(NotAdmitted::Reserve(ReserveError::OverBudget(over))) = &reserved {
            let refusing = std::iter::once(&**over);
            self.store.write(|conn| {
                webhooks::announce_budgets(conn, request, refusing, EventKind::BudgetRefused)
            })?;
        }
        reserved
    }

    /// Notes that the device began at `now`: reserved → running.
    ///
    /// # Errors
    /// [`LedgerError::State`] if the request is not reserved.
    pub fn start(&self, id: RequestId, now: Timestamp) -> Result<(), LedgerError> {
        self.store.write(|conn| begin(conn, id, now))
    }

    /// Books every image of a request: running → settled, with an entry for each, all or none.
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
        let request = reservation.id;
        self.end(reservation, "settled", now, |conn, now| {
            let entries = Entries { request, spec, currency, now };
            for (index, image) in (0..).zip(done.images) {
                entries.insert_image(conn, index, image)?;
            }
            for work in done.failed {
                entries.insert_failure(conn, work)?;
            }
            let tokens = signed(done.prompt_tokens as u64, "prompt_tokens")?;
            conn.send(
                "UPDATE requests SET prompt_tokens = ?2 WHERE id = ?1",
                params![request.to_text(), tokens],
            )?;
            done.computation
                .iter()
                .try_for_each(|computation| computations::note(conn, request, computation))?;
            done.edit.iter().try_for_each(|edit| edits::note(conn, request, edit))?;
            let data = ImageData::completed(request, done.images.len(), total(done), currency);
            webhooks::announce_image(conn, request, EventKind::ImageCompleted, &data, now)
        })
    }

    /// Ends a request that gave no image for `reason`, and books the energy it took, if any: reserved or running → failed.
    ///
    /// # Errors
    /// [`Unbooked`], with the reservation; nothing was written.
    pub fn fail(
        &self,
        reservation: Reservation,
        reason: FailureReason,
        spec: &RenderSpec,
        currency: Currency,
        work: &[FailedWork],
        now: Timestamp,
    ) -> Result<(), Unbooked> {
        let request = reservation.id;
        self.end(reservation, "failed", now, |conn, now| {
            let entries = Entries { request, spec, currency, now };
            work.iter().try_for_each(|work| entries.insert_failure(conn, work))?;
            note_failure(conn, request, reason, now)
        })
    }

    /// Writes a request's entries and its end in one transaction.
    pub(in crate::ledger) fn end(
        &self,
        reservation: Reservation,
        state: &str,
        now: Timestamp,
        write: impl FnOnce(&Conn<'_>, Timestamp) -> Result<(), LedgerError>,
    ) -> Result<(), Unbooked> {
        let id = reservation.id;
        let booked = self.store.write(|conn| {
            tracing::trace!("settlement begun");
            if let Some(claim) = reservation.claim
                && queue::release(conn, id, claim, state == "settled")? == Release::Before
            {
                return Ok(());
            }
            end(conn, id, state, now, write)?;
            tracing::trace!("settlement written");
            Ok(())
        });
        tracing::trace!("settlement committed");
        booked.map_err(|error| Unbooked { reservation, error: Box::new(error) })
    }

    /// What a request with this body meets under `idempotency_key` of `key`.
    ///
    /// # Errors
    /// [`ReserveError::IdempotencyKeyReused`] if the key was used with another body; [`ReserveError::Ledger`] if the
    /// database refuses.
    pub fn find_repeat(
        &self,
        key: KeyId,
        idempotency_key: &str,
        body_sha256: [u8; 32],
    ) -> Result<Reserved<()>, ReserveError> {
        self.store.read(|conn| find_repeat(conn, key, idempotency_key, body_sha256))
    }

    /// What a settled request was answered with, images apart; none if there is no such request.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn settled(&self, id: RequestId) -> Result<Option<SettledRequest>, LedgerError> {
        self.store.read(|conn| {
            let columns = edits::COLUMNS;
            let sql = format!(
                "SELECT ended_at_ms, coalesce(prompt_tokens, 0), loras, computations.computation AS computation, {columns}
                 FROM requests LEFT JOIN computations ON computations.id = requests.computation
                 WHERE requests.id = ?1 AND state = 'settled'"
            );
            let head = conn.query_first(&sql, params![id.to_text()], |row| {
                let tokens = usize::try_from(row.get::<i64>(1)?);
                let prompt_tokens = tokens.map_err(|_| LedgerError::OutOfRange { what: "prompt_tokens" })?;
                let how = (edits::of_row(row)?, loras::from_row(row)?, computations::from_row(row)?);
                Ok::<_, LedgerError>((row.get::<Timestamp>(0)?, prompt_tokens, how))
            })?;
            let Some((settled_at, prompt_tokens, (edit, loras, computation))) = head else { return Ok(None) };
            let purchase = purchases::of_request(conn, id)?;
            let (size, images) = match purchase.as_ref().filter(|purchase| purchase.is_bought()) {
                Some(bought) => (bought.size, SettledImage::bought(bought.images)),
                None => entries::images_of(conn, id)?,
            };
            let settled = SettledRequest {
                settled_at,
                prompt_tokens,
                edit,
                loras,
                computation,
                size,
                images,
                purchase,
            };
            Ok(Some(settled))
        })
    }

    /// At a start: whatever a dead process left open is abandoned, and its reservations are free again. Returns how
    /// many.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn abandon_open(&self, now: Timestamp) -> Result<usize, LedgerError> {
        let update = "UPDATE requests SET state = 'abandoned', ended_at_ms = ?1 WHERE state IN ('reserved', 'running')";
        self.store.write(|conn| {
            webhooks::announce_abandoned(conn, now)?;
            if self.store.has_queue() {
                // Of a cluster that was here before: nobody takes from it any more.
                conn.execute("DELETE FROM queue", params![])?;
            }
            purchases::abandon(conn, now)?;
            conn.execute(update, params![now])
        })
    }
}

/// What the images of a settlement cost together; none if that is out of range.
fn total(done: &Settlement<'_>) -> Option<Money> {
    done.images.iter().try_fold(Money::ZERO, |sum, image| sum.plus(image.receipt.standard().ok()?).ok())
}

fn insert(conn: &Conn<'_>, request: &NewRequest<'_>) -> Result<(), LedgerError> {
    conn.send(
        "INSERT INTO requests
             (id, key_id, idempotency_key, body_sha256, state, model, images, reserved_nano, created_at_ms,
              quality, tag, reserved_mj, loras)
         VALUES (?1, ?2, ?3, ?4, 'reserved', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            request.id.to_text(),
            request.key.get(),
            request.idempotency_key,
            request.body_sha256,
            request.model,
            request.images,
            request.estimate.as_nano(),
            request.now,
            request.quality.as_str(),
            request.tag.map(CostTag::as_str),
            signed(request.wall_energy.as_millijoules(), "reserved_mj")?,
            loras::to_json(request.loras)?,
        ],
    )
}

fn find_repeat(
    conn: &Conn<'_>,
    key: KeyId,
    idempotency_key: &str,
    body_sha256: [u8; 32],
) -> Result<Reserved<()>, ReserveError> {
    let before = conn.query_first(
        "SELECT body_sha256, state, id FROM requests
         WHERE key_id = ?1 AND idempotency_key = ?2 AND state NOT IN ('failed', 'abandoned')",
        params![key.get(), idempotency_key],
        |row| Ok((row.get::<[u8; 32]>(0)?, row.get::<String>(1)?, row.get::<String>(2)?)),
    )?;
    let Some((body, state, id)) = before else { return Ok(Reserved::New(())) };
    if body != body_sha256 {
        return Err(ReserveError::IdempotencyKeyReused);
    }
    let id = RequestId::from_digits(&id).ok_or(LedgerError::OutOfRange { what: "id" })?;
    Ok(if state == "settled" { Reserved::Settled(id) } else { Reserved::Open(id) })
}
