//! Images that are bought while there is no room here.
//!
//! A purchase is written down before anybody is asked, so that none is forgotten: one that was under way when the server died is
//! booked as doubtful at the next start. Its images are rows of their own, beside the entries of what was generated here.

mod book;
mod resolve;
mod row;
pub(super) mod rows;
pub(super) mod sums;

use jiff::Timestamp;

pub use self::resolve::{PurchaseFinding, ResolveError};
pub(super) use self::{
    book::abandon,
    row::{of_request, of_requests},
};
use super::{
    BudgetPeriods, Ledger, LedgerError, NewQueued, NewRequest, NotAdmitted, Purchase, PurchaseRow,
    PurchaseState, Reservation, Reserved, Resolution, Unbooked, queue,
    store::{Conn, Flush, params},
    webhooks::{self, ImageData},
};
use crate::{
    costs::{BoughtPrice, BudgetPeriod},
    domain::{Claim, EventKind, ImageSize, RequestId},
    units::{Currency, Money},
};

/// A purchase that is about to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewPurchase<'a> {
    /// The request whose images are bought.
    pub request: RequestId,
    /// The name of the `[[overflow]]`.
    pub seller: &'a str,
    /// How many images.
    pub images: u32,
    /// Their size.
    pub size: ImageSize,
    /// The price of one.
    pub price: &'a BoughtPrice,
    /// What one more image is expected to cost here.
    pub here: Money,
    /// The ledger's currency.
    pub currency: Currency,
    /// Why it is made, in words.
    pub why: &'a str,
    /// What may be paid this seller on one day.
    pub a_day_max: Money,
}

/// Why a purchase may not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurchaseForbidden {
    /// What was paid on the day, with what is under way and this, would pass its cap.
    OverDaysCap,
    /// The same request, by its Idempotency-Key, has a purchase that is in doubt. It is not paid twice.
    InDoubt,
    /// Its key has as many requests at work as it may have.
    TooManyJobs,
}

/// A gateway of a cluster holds the request whose images it buys, as a worker does: if it dies, the request goes to a worker.
#[derive(Debug, Clone, Copy)]
pub struct HeldPurchase<'a> {
    /// The request in the queue.
    pub queued: NewQueued<'a>,
    /// By which the gateway holds it.
    pub claim: Claim,
    /// Live requests that its key may have at work.
    pub jobs_max: Option<u32>,
}

impl Ledger {
    /// Reserves what `request` is expected to cost and writes its purchase down, unless a cap or a doubt forbids it: in one
    /// transaction with the sums, so that any number of requests at once stay within the day's cap. In a cluster it is `held` by its
    /// gateway.
    ///
    /// # Errors
    /// [`NotAdmitted`]; nothing was written.
    pub fn reserve_to_buy(
        &self,
        request: &NewRequest<'_>,
        purchase: &NewPurchase<'_>,
        held: Option<&HeldPurchase<'_>>,
    ) -> Result<Reserved, NotAdmitted<PurchaseForbidden>> {
        let reserved = self.reserve_with(
            request,
            Flush::Now,
            |conn| {
                if is_in_doubt(conn, request)? {
                    return Err(NotAdmitted::Place(PurchaseForbidden::InDoubt));
                }
                let total = purchase.price.price.times(purchase.images).map_err(LedgerError::from)?;
                let day_start = request.periods.span(BudgetPeriod::Day).start;
                let paid = paid_or_open(conn, purchase.seller, day_start)?;
                if paid.plus(total).map_err(LedgerError::from)? > purchase.a_day_max {
                    return Err(NotAdmitted::Place(PurchaseForbidden::OverDaysCap));
                }
                let limit = held.and_then(|held| held.jobs_max);
                if let Some(limit) = limit
                    && queue::open_of_key(conn, request.key)? >= i64::from(limit)
                {
                    return Err(NotAdmitted::Place(PurchaseForbidden::TooManyJobs));
                }
                Ok(())
            },
            |conn, ()| {
                if let Some(held) = held {
                    queue::insert_held(conn, request, &held.queued, held.claim)?;
                }
                book::insert(conn, purchase, request.now)
            },
        )?;
        let claim = held.map(|held| held.claim);
        Ok(reserved.map(|(reservation, ())| Reservation { claim, ..reservation }))
    }

    /// The purchase of `request`; none if nothing was bought for it, or was to be.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn purchase(&self, request: RequestId) -> Result<Option<Purchase>, LedgerError> {
        self.store.read(|conn| of_request(conn, request))
    }

    /// What `seller` was paid, perhaps, on the running day, with what is under way.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses.
    pub fn paid_to(&self, seller: &str, periods: &BudgetPeriods) -> Result<Money, LedgerError> {
        let day_start = periods.span(BudgetPeriod::Day).start;
        self.store.read(|conn| paid_or_open(conn, seller, day_start))
    }

    /// Ends the purchase of `request`, whose images did not come. A doubtful one is booked.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses.
    pub fn end_purchase(
        &self,
        request: RequestId,
        is_doubtful: bool,
        outcome: &str,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let state = if is_doubtful { PurchaseState::Doubtful } else { PurchaseState::Refused };
        self.store.write(|conn| book::end(conn, request, state, outcome, now))
    }

    /// In a cluster: books what gateways bought that are gone since, as doubtful. Returns how many purchases.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses.
    pub fn reap_purchases(&self, now: Timestamp) -> Result<usize, LedgerError> {
        let is_any = |conn: &Conn<'_>| conn.query_first(book::UNHELD, params![], |_| Ok(()));
        if self.store.read(is_any)?.is_none() {
            return Ok(0);
        }
        self.store.write(|conn| book::abandon_those(conn, book::UNHELD, now))
    }

    /// Books the bought images of a request and its end: running → settled.
    ///
    /// # Errors
    /// [`Unbooked`], with the reservation; nothing was written.
    pub fn settle_bought(&self, reservation: Reservation, now: Timestamp) -> Result<(), Unbooked> {
        let request = reservation.id;
        self.end(reservation, "settled", now, |conn, now| {
            book::end(conn, request, PurchaseState::Bought, "the images came", now)?;
            let purchase = of_request(conn, request)?.ok_or(LedgerError::OutOfRange { what: "purchases" })?;
            let currency = row::currency(conn, request)?;
            let total = purchase.price.price.times(purchase.images).ok();
            let data = ImageData::completed(request, purchase.images as usize, total, currency);
            webhooks::announce_image(conn, request, EventKind::ImageCompleted, &data, now)
        })
    }
}

/// Whether an earlier request under the Idempotency-Key of `request` may have been paid for, or was as somebody found out.
fn is_in_doubt(conn: &Conn<'_>, request: &NewRequest<'_>) -> Result<bool, LedgerError> {
    let Some(idempotency_key) = request.idempotency_key else { return Ok(false) };
    let sql = "SELECT 1 FROM purchases JOIN requests ON requests.id = purchases.request_id
               LEFT JOIN purchase_resolutions ON purchase_id = purchases.id
               WHERE purchases.state = 'doubtful' AND key_id = ?1 AND idempotency_key = ?2
                 AND (paid_nano IS NULL OR paid_nano > 0) LIMIT 1";
    Ok(conn.query_first(sql, params![request.key.get(), idempotency_key], |_| Ok(()))?.is_some())
}

/// What was found out about a doubt of this day counts on it, whenever that was.
fn paid_or_open(conn: &Conn<'_>, seller: &str, day_start: Timestamp) -> Result<Money, LedgerError> {
    let sql = "SELECT CAST(coalesce((SELECT sum(price_nano) FROM bought_images
                                     WHERE seller = ?1 AND entered_at_ms >= ?2), 0)
                         + coalesce((SELECT sum(price_nano * images) FROM purchases
                                     WHERE seller = ?1 AND state = 'open'), 0)
                         + coalesce((SELECT sum(paid_nano - price_nano * images)
                                     FROM purchase_resolutions JOIN purchases ON purchases.id = purchase_id
                                     WHERE seller = ?1 AND ended_at_ms >= ?2), 0) AS BIGINT)";
    conn.query_one(sql, params![seller, day_start], |row| Ok(Money::from_nano(row.get(0)?)))
}
