use std::sync::LazyLock;

use jiff::Timestamp;

use super::bought_cost;
use crate::{
    domain::{Claim, KeyId, NodeId},
    ledger::{
        Ledger, LedgerError, NewRequest, Reservation, ReserveError, Reserved, signed,
        store::{Conn, Flush, params},
        unsigned,
    },
};

/// How a request stands in the queue, beside what is reserved for it.
#[derive(Debug, Clone, Copy)]
pub struct NewQueued<'a> {
    /// The gateway whose client waits.
    pub gateway: NodeId,
    /// What requests must have in common to share a batch.
    pub shape: &'a str,
    /// Pixel-steps of all its images.
    pub cost: u64,
    /// Whether somebody waits for it.
    pub is_live: bool,
    /// Whether it goes on if the gateway, or its client, is gone.
    pub finishes_alone: bool,
    /// When its time is up.
    pub deadline: Option<Timestamp>,
    /// What is asked for, sealed.
    pub spec: &'a [u8],
}

/// What a request finds before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuePlace {
    /// Requests that wait: live ones, and if it can wait itself, those that can wait too.
    pub waiting: usize,
    /// Live requests of its key that wait.
    pub waiting_of_key: usize,
    /// Live requests of its key, waiting or held by a worker.
    pub open_of_key: usize,
    /// Pixel-steps that workers do before its first image, if nothing else comes.
    pub work_ahead: u64,
}

/// Why a request was not taken on. Nothing was written.
#[derive(Debug)]
pub enum NotAdmitted<E> {
    /// The ledger refused.
    Reserve(ReserveError),
    /// Its place was refused.
    Place(E),
}

impl<E> From<ReserveError> for NotAdmitted<E> {
    fn from(error: ReserveError) -> Self {
        Self::Reserve(error)
    }
}

impl<E> From<LedgerError> for NotAdmitted<E> {
    fn from(error: LedgerError) -> Self {
        Self::Reserve(error.into())
    }
}

impl Ledger {
    /// Reserves the estimate and puts the request into the queue, in one transaction, if `judge` takes its place. A repeat is
    /// found first.
    ///
    /// # Errors
    /// [`NotAdmitted`]; nothing was written.
    pub fn admit<E>(
        &self,
        request: &NewRequest<'_>,
        queued: &NewQueued<'_>,
        judge: impl FnOnce(&QueuePlace) -> Result<(), E>,
    ) -> Result<Reserved<(Reservation, QueuePlace)>, NotAdmitted<E>> {
        self.reserve_with(
            request,
            Flush::Now,
            |conn| {
                let (place, start_tag) = place(conn, request.key, queued.is_live)?;
                judge(&place).map_err(NotAdmitted::Place)?;
                Ok((place, start_tag))
            },
            |conn, (place, start_tag)| {
                insert(conn, request, queued, start_tag)?;
                Ok(place)
            },
        )
    }

    /// What a request of `key` would find before it now.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn queue_place(&self, key: KeyId, is_live: bool) -> Result<QueuePlace, LedgerError> {
        self.store.read(|conn| Ok(place(conn, key, is_live)?.0))
    }
}

/// Live requests of `key`, waiting or held.
pub(in crate::ledger) fn open_of_key(conn: &Conn<'_>, key: KeyId) -> Result<i64, LedgerError> {
    let sql = "SELECT count(*) FROM queue WHERE is_live = 1 AND key_id = ?1";
    conn.query_one(sql, params![key.get()], |row| row.get(0))
}

/// Puts a request into the queue that its gateway holds by `claim`.
pub(in crate::ledger) fn insert_held(
    conn: &Conn<'_>,
    request: &NewRequest<'_>,
    queued: &NewQueued<'_>,
    claim: Claim,
) -> Result<(), LedgerError> {
    let start_tag =
        conn.query_one(&NEXT_TURN, params![request.key.get(), queued.is_live], |row| row.get(0))?;
    insert(conn, request, queued, start_tag)?;
    let hold = "UPDATE queue SET state = 1, claim = ?2, worker = gateway WHERE request_id = ?1";
    conn.execute(hold, params![request.id.to_text(), signed(claim.get(), "queue.claim")?])?;
    Ok(())
}

/// How far a key's work has come, ?2 whether it is live. What can wait has turns of its own.
const TAG: &str = "CASE ?2 WHEN 1 THEN finish_tag ELSE later_tag END";

/// Where the work of key ?1 goes on, ?2 whether it is live: behind its own, and not before what waits. In an empty queue the past is
/// forgotten.
static NEXT_TURN: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT greatest(
            coalesce((SELECT {TAG} FROM turns WHERE key_id = ?1), 0),
            coalesce((SELECT min(start_tag) FROM queue WHERE state = 0 AND is_live = ?2),
                     (SELECT max({TAG}) FROM turns), 0))"
    )
});

/// What a request of key ?1 finds before it, ?2 whether it is live, and its tag. The index `queue_place` has all that is read, so that
/// what was asked for is not read of each request that waits.
static PLACE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH next (tag) AS ({})
         SELECT count(*) FILTER (WHERE state = 0),
                count(*) FILTER (WHERE is_live = 1 AND state = 0 AND key_id = ?1),
                count(*) FILTER (WHERE is_live = 1 AND key_id = ?1),
                CAST(coalesce(sum(cost) FILTER (WHERE state = 1 OR is_live > ?2
                     OR (start_tag, key_id) < ((SELECT tag FROM next), ?1)), 0) - {} AS BIGINT),
                (SELECT tag FROM next)
         FROM queue WHERE is_live >= ?2",
        *NEXT_TURN,
        bought_cost("?2")
    )
});

/// What a request of `key` finds before it, and its tag.
fn place(conn: &Conn<'_>, key: KeyId, is_live: bool) -> Result<(QueuePlace, i64), LedgerError> {
    conn.query_one(&PLACE, params![key.get(), is_live], |row| {
        let count = |column: usize| {
            usize::try_from(row.get::<i64>(column)?).map_err(|_| LedgerError::OutOfRange { what: "a count" })
        };
        let place = QueuePlace {
            waiting: count(0)?,
            waiting_of_key: count(1)?,
            open_of_key: count(2)?,
            work_ahead: unsigned(row.get(3)?, "queue.cost")?,
        };
        Ok((place, row.get(4)?))
    })
}

fn insert(
    conn: &Conn<'_>,
    request: &NewRequest<'_>,
    queued: &NewQueued<'_>,
    start_tag: i64,
) -> Result<(), LedgerError> {
    let cost = signed(queued.cost, "queue.cost")?;
    conn.send(
        "INSERT INTO queue (request_id, key_id, model, shape, images, cost, start_tag, is_live, gateway,
                            finishes_alone, deadline_ms, spec)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            request.id.to_text(),
            request.key.get(),
            request.model,
            queued.shape,
            request.images,
            cost,
            start_tag,
            queued.is_live,
            queued.gateway.to_string(),
            queued.finishes_alone,
            queued.deadline,
            queued.spec,
        ],
    )?;
    let finish_tag =
        start_tag.checked_add(cost).ok_or(LedgerError::OutOfRange { what: "turns.finish_tag" })?;
    let (live, later) = if queued.is_live { (finish_tag, 0) } else { (0, finish_tag) };
    conn.send(
        "INSERT INTO turns (key_id, finish_tag, later_tag) VALUES (?1, ?2, ?3)
         ON CONFLICT (key_id) DO UPDATE SET finish_tag = greatest(turns.finish_tag, excluded.finish_tag),
                                            later_tag = greatest(turns.later_tag, excluded.later_tag)",
        params![request.key.get(), live, later],
    )
}
