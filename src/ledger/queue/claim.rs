use super::{ATTEMPTS_MAX, request_id};
use crate::{
    domain::{Claim, FailureReason, KeyId, NodeId, RequestId},
    ledger::{
        Ledger, LedgerError, Reservation, signed,
        store::{Conn, params},
    },
};

/// A request that a worker holds.
#[derive(Debug)]
pub struct Claimed {
    /// Its money, and the claim that ends it.
    pub reservation: Reservation,
    /// Whose request it is.
    pub key: KeyId,
    /// What is asked for, sealed.
    pub spec: Vec<u8>,
    /// Which attempt at it this is, from 1.
    pub attempt: u32,
}

/// A request that waits, as far as a claim looks at it.
struct NextUp {
    id: RequestId,
    shape: String,
    images: u32,
}

/// Of ?1's model, those that node ?2 may take. A node that failed at one may try again if no other is left.
const WAITING: &str = "state = 0 AND stop IS NULL AND model = ?1
    AND (failed_on IS DISTINCT FROM ?2 OR NOT EXISTS (
         SELECT 1 FROM nodes WHERE nodes.id <> ?2 AND role <> 'gateway' AND fenced = 0 AND draining = 0
         AND lease_until > clock_timestamp()))";
const ORDER: &str = "ORDER BY is_live DESC, start_tag, key_id, request_id";

impl Ledger {
    /// Hands `worker` the next request of `model` and others of its shape, with at most `images_max` images in all, but one request
    /// in any case. What waits is shared with other workers that are idle. Empty if nothing waits, or the node may take nothing.
    /// `draw` draws claims.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn claim(
        &self,
        model: &str,
        worker: NodeId,
        images_max: u32,
        mut draw: impl FnMut() -> Claim,
    ) -> Result<Vec<Claimed>, LedgerError> {
        let worker = worker.to_string();
        // Most questions find nothing, and keep nobody from writing.
        let waits = format!("SELECT 1 FROM queue WHERE {WAITING} LIMIT 1");
        let found = |conn: &Conn<'_>| conn.query_first(&waits, params![model, worker], |_| Ok(()));
        if self.store.read(found)?.is_none() {
            return Ok(Vec::new());
        }
        self.store.write(|conn| {
            let may = "SELECT 1 FROM nodes WHERE id = ?1 AND fenced = 0 AND draining = 0";
            if conn.query_first(may, params![worker], |_| Ok(()))?.is_none() {
                return Ok(Vec::new());
            }
            batch(conn, model, &worker, images_max)?
                .into_iter()
                .map(|head| take(conn, head.id, &worker, draw()))
                .collect()
        })
    }

    /// Puts a request back that its worker could not do, for another one; false if it has been tried often enough, or must stop.
    /// Then its worker ends it.
    ///
    /// # Errors
    /// [`LedgerError::Fenced`] if it is another worker's by now.
    pub fn put_back(&self, held: &Reservation, reason: FailureReason) -> Result<bool, LedgerError> {
        let claim = held.claim.ok_or(LedgerError::Fenced { id: held.id })?;
        let params = (held.id.to_text(), signed(claim.get(), "queue.claim")?);
        self.store.write(|conn| {
            let sql = "SELECT attempt, stop IS NOT NULL FROM queue WHERE request_id = ?1 AND claim = ?2";
            let found = conn.query_first(sql, params![params.0, params.1], |row| {
                Ok((row.get::<u32>(0)?, row.get::<bool>(1)?))
            })?;
            let (attempt, must_stop) = found.ok_or(LedgerError::Fenced { id: held.id })?;
            // A worker that stops has not failed at it.
            let is_last = attempt >= ATTEMPTS_MAX && reason != FailureReason::ServerStopping;
            if must_stop || is_last {
                return Ok(false);
            }
            conn.execute(
                "UPDATE queue SET state = 0, failed_on = worker, claim = NULL, worker = NULL, steps_done = 0
                 WHERE request_id = ?1 AND claim = ?2",
                params![params.0, params.1],
            )?;
            Ok(true)
        })
    }
}

/// The next request, and those after it that can share its batch.
fn batch(conn: &Conn<'_>, model: &str, worker: &str, images_max: u32) -> Result<Vec<NextUp>, LedgerError> {
    let sql = format!("SELECT request_id, shape, images FROM queue WHERE {WAITING} {ORDER} LIMIT 1");
    let Some(head) = conn.query_first(&sql, params![model, worker], head_of)? else { return Ok(Vec::new()) };
    // Of what waits, each worker that could begin now has its share.
    let share = "SELECT (SELECT count(*) FROM queue WHERE state = 0 AND model = ?1)
                        / greatest(1, (SELECT count(*) FROM nodes
                                       WHERE role <> 'gateway' AND fenced = 0 AND draining = 0
                                       AND lease_until > clock_timestamp()
                                       AND NOT EXISTS (SELECT 1 FROM queue WHERE worker = nodes.id)))";
    let share = conn.query_one(share, params![model], |row| row.get::<i64>(0))?.max(1);
    let mut left = images_max.saturating_sub(head.images);
    let mut batch = Vec::new();
    if left > 0 && share > 1 {
        let sql = format!(
            "SELECT request_id, shape, images FROM queue WHERE {WAITING} AND shape = ?3 AND request_id <> ?4
             {ORDER} LIMIT ?5"
        );
        let most = i64::from(left).min(share - 1);
        let id = head.id.to_text();
        batch = conn.query(&sql, params![model, worker, head.shape, id, most], head_of)?;
        batch.retain(|next| match left.checked_sub(next.images) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        });
    }
    batch.insert(0, head);
    Ok(batch)
}

fn head_of(row: &crate::ledger::store::Row<'_>) -> Result<NextUp, LedgerError> {
    Ok(NextUp { id: request_id(row, "request_id")?, shape: row.get(1)?, images: row.get(2)? })
}

/// waits → held, and reserved → running.
fn take(conn: &Conn<'_>, id: RequestId, worker: &str, claim: Claim) -> Result<Claimed, LedgerError> {
    let claim_number = signed(claim.get(), "queue.claim")?;
    let sql = "UPDATE queue SET state = 1, attempt = attempt + 1, claim = ?2, worker = ?3
               WHERE request_id = ?1 AND state = 0 RETURNING key_id, attempt, spec";
    let claimed = conn.query_one(sql, params![id.to_text(), claim_number, worker], |row| {
        Ok(Claimed {
            reservation: Reservation { id, passed_budgets: Box::default(), claim: Some(claim) },
            key: KeyId::new(row.get("key_id")?),
            spec: row.get("spec")?,
            attempt: row.get("attempt")?,
        })
    })?;
    conn.execute(
        "UPDATE requests SET state = 'running' WHERE id = ?1 AND state = 'reserved'",
        params![id.to_text()],
    )?;
    Ok(claimed)
}

/// How a request left the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ledger) enum Release {
    /// With the commit that this is part of.
    Now,
    /// It was settled by this claim before: the answer to that commit was lost.
    Before,
}

/// Takes a request out of the queue with its end, if it is still `claim`'s. Of a settled one, the files of that claim count.
pub(in crate::ledger) fn release(
    conn: &Conn<'_>,
    id: RequestId,
    claim: Claim,
    is_settled: bool,
) -> Result<Release, LedgerError> {
    let (id_text, claim) = (id.to_text(), signed(claim.get(), "queue.claim")?);
    let held =
        conn.execute("DELETE FROM queue WHERE request_id = ?1 AND claim = ?2", params![id_text, claim])?;
    if held != 1 {
        let settled = "SELECT 1 FROM objects WHERE request_id = ?1 AND claim = ?2";
        let is_done = is_settled && conn.query_first(settled, params![id_text, claim], |_| Ok(()))?.is_some();
        return if is_done { Ok(Release::Before) } else { Err(LedgerError::Fenced { id }) };
    }
    if is_settled {
        conn.execute("INSERT INTO objects (request_id, claim) VALUES (?1, ?2)", params![id_text, claim])?;
    }
    Ok(Release::Now)
}
