//! Purchases in doubt: which there are, and what somebody found out about one. The purchase stays as it was booked; the finding
//! is a row of its own, in the month in which it is recorded.

use jiff::Timestamp;

use super::row;
use crate::{
    domain::RequestId,
    ledger::{
        Ledger, LedgerError, PurchaseRow, PurchaseState,
        closed_days::bookable_at,
        store::{Conn, params},
    },
    units::Money,
};

/// Most characters of a note.
const NOTE_CHARS_MAX: usize = 500;

/// What somebody found out about a purchase in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurchaseFinding {
    /// The seller was paid so much for all its images, in its own currency.
    Paid(Money),
    /// Nothing was paid.
    NotPaid,
}

/// Why a doubt was not resolved. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// There is none.
    #[error("nothing was bought for {0}; tintype purchases list --doubtful names what is in doubt")]
    Unknown(RequestId),
    /// It is not in doubt.
    #[error("the purchase of {id} is {}; only one in doubt is resolved", .state.as_str())]
    NotDoubtful {
        /// Its request.
        id: RequestId,
        /// What came of it.
        state: PurchaseState,
    },
    /// It was resolved before.
    #[error("the purchase of {0} is resolved already, and a finding is never rewritten")]
    Before(RequestId),
    /// The amount is not above 0.
    #[error("--paid is above 0; write --not-paid if nothing was paid")]
    Amount,
    /// The note is too long.
    #[error("--note is at most {NOTE_CHARS_MAX} characters, none of them a control character")]
    Note,
    /// The database failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Ledger {
    /// The newest purchases, or only those that are in doubt.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn purchases(&self, only_doubtful: bool, limit: u32) -> Result<Vec<PurchaseRow>, LedgerError> {
        let which = if only_doubtful { "WHERE state = 'doubtful' AND recorded_at_ms IS NULL" } else { "" };
        let sql = format!("{} {which} ORDER BY purchases.id DESC LIMIT {limit}", row::ALL);
        self.store.read(|conn| conn.query(&sql, params![], row::whole))
    }

    /// How many purchases are in doubt.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn purchases_in_doubt(&self) -> Result<i64, LedgerError> {
        let sql =
            "SELECT count(*) FROM purchases LEFT JOIN purchase_resolutions ON purchase_id = purchases.id
                   WHERE state = 'doubtful' AND recorded_at_ms IS NULL";
        self.store.read(|conn| conn.query_one(sql, params![], |row| row.get(0)))
    }

    /// The purchase of `request`, with what was found out about it; none if nothing was bought for it.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn purchase_row(&self, request: RequestId) -> Result<Option<PurchaseRow>, LedgerError> {
        self.store.read(|conn| Ok(find_row(conn, request)?.map(|(_, row)| row)))
    }

    /// Records at `now` what `actor` found out about the purchase of `request`: budgets and the day's cap follow, the doubt is taken
    /// out of the running month's sums, and what was paid comes in its place.
    ///
    /// # Errors
    /// [`ResolveError`]; nothing was written.
    pub fn resolve_purchase(
        &self,
        request: RequestId,
        finding: PurchaseFinding,
        (note, actor): (&str, &str),
        now: Timestamp,
    ) -> Result<PurchaseRow, ResolveError> {
        let note = note.trim();
        if note.chars().count() > NOTE_CHARS_MAX || note.chars().any(char::is_control) {
            return Err(ResolveError::Note);
        }
        self.store.write(|conn| {
            let (id, known) = find(conn, request)?;
            let list = match finding {
                PurchaseFinding::NotPaid => Money::ZERO,
                PurchaseFinding::Paid(amount) if amount > Money::ZERO => amount,
                PurchaseFinding::Paid(_) => return Err(ResolveError::Amount),
            };
            let rate = known.purchase.price.exchange_rate.as_nano().unsigned_abs();
            let paid = list.share_ceil(rate, 1_000_000_000).map_err(LedgerError::from)?;
            let insert = "INSERT INTO purchase_resolutions (purchase_id, recorded_at_ms, list_nano, paid_nano, note, actor)
                          VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let now = bookable_at(conn, now)?;
            conn.execute(insert, params![id, now, list.as_nano(), paid.as_nano(), note, actor])?;
            let resolved = find_row(conn, request)?.ok_or(LedgerError::OutOfRange { what: "purchases" })?;
            Ok(resolved.1)
        })
    }
}

/// The purchase of `request`, if it can be resolved.
fn find(conn: &Conn<'_>, request: RequestId) -> Result<(i64, PurchaseRow), ResolveError> {
    let (id, known) = find_row(conn, request)?.ok_or(ResolveError::Unknown(request))?;
    match known.purchase.state {
        PurchaseState::Doubtful if known.purchase.resolution.is_some() => Err(ResolveError::Before(request)),
        PurchaseState::Doubtful => Ok((id, known)),
        state => Err(ResolveError::NotDoubtful { id: request, state }),
    }
}

fn find_row(conn: &Conn<'_>, request: RequestId) -> Result<Option<(i64, PurchaseRow)>, LedgerError> {
    let sql = format!("{} WHERE request_id = ?1", row::ALL);
    conn.query_first(&sql, params![request.to_text()], |row| Ok((row.get("id")?, row::whole(row)?)))
}
