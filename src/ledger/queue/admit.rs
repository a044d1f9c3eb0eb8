use jiff::Timestamp;

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
    /// Live requests that wait.
    pub waiting: usize,
    /// Those of its key.
    pub waiting_of_key: usize,
    /// Live requests of its key, waiting or held by a worker.
    pub open_of_key: usize,
    /// Pixel-steps that are done before its first image, if nothing else comes.
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
    let next = format!("SELECT {}", next_turn(queued.is_live));
    let start_tag = conn.query_one(&next, params![request.key.get(), queued.is_live], |row| row.get(0))?;
    insert(conn, request, queued, start_tag)?;
    let hold = "UPDATE queue SET state = 1, claim = ?2, worker = gateway WHERE request_id = ?1";
    conn.execute(hold, params![request.id.to_text(), signed(claim.get(), "queue.claim")?])?;
    Ok(())
}

/// The column that says how far a key's work has come. What can wait has turns of its own.
const fn tag_column(is_live: bool) -> &'static str {
    if is_live { "finish_tag" } else { "later_tag" }
}

/// Where the work of key ?1 goes on, ?2 whether it is live: behind its own, and not before what waits. In an empty queue the past is
/// forgotten.
fn next_turn(is_live: bool) -> String {
    let tag = tag_column(is_live);
    format!(
        "greatest(
            coalesce((SELECT {tag} FROM turns WHERE key_id = ?1), 0),
            coalesce((SELECT min(start_tag) FROM queue WHERE state = 0 AND is_live = ?2),
                     (SELECT max({tag}) FROM turns), 0))"
    )
}

/// What a request of `key` finds before it, and its tag.
fn place(conn: &Conn<'_>, key: KeyId, is_live: bool) -> Result<(QueuePlace, i64), LedgerError> {
    let sql = format!(
        "WITH next AS (SELECT {} AS tag)
         SELECT count(*) FILTER (WHERE is_live = 1 AND state = 0),
                count(*) FILTER (WHERE is_live = 1 AND state = 0 AND key_id = ?1),
                count(*) FILTER (WHERE is_live = 1 AND key_id = ?1),
                CAST(coalesce(sum(cost) FILTER (WHERE state = 1 OR is_live > ?2
                     OR is_live = ?2 AND start_tag < (SELECT tag FROM next)), 0) AS BIGINT),
                (SELECT tag FROM next)
         FROM queue WHERE is_live >= ?2",
        next_turn(is_live)
    );
    conn.query_one(&sql, params![key.get(), is_live], |row| {
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
    let tag = tag_column(queued.is_live);
    conn.send(
        &format!(
            "INSERT INTO turns (key_id, finish_tag, later_tag) VALUES (?1, ?2, ?3)
             ON CONFLICT (key_id) DO UPDATE SET {tag} = excluded.{tag}"
        ),
        params![request.key.get(), live, later],
    )
}
