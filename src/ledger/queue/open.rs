//! Requests in the queue and how they ended, for the gateways whose clients wait.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use jiff::Timestamp;

use super::{bought_cost, request_id};
use crate::{
    domain::{Claim, FailureReason, RequestId},
    ledger::{
        Ledger, LedgerError,
        ends::fail_unworked,
        store::{Conn, Row, params},
        unsigned,
    },
};

/// How a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestStand {
    /// It waits.
    Waiting,
    /// A worker holds it.
    Held,
    /// It is over.
    Ended(RequestEnd),
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestEnd {
    /// It is settled.
    Settled,
    /// It gave no image, for this reason.
    Failed(FailureReason),
    /// Nobody ended it: its queue was lost.
    Abandoned,
}

/// A request in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedRequest {
    /// Its id.
    pub id: RequestId,
    /// The public id of its key.
    pub key: String,
    /// What it is filed under.
    pub tag: Option<String>,
    /// Images asked for.
    pub images: u32,
    /// What is asked for, sealed.
    pub spec: Vec<u8>,
    /// Whether a worker holds it.
    pub is_held: bool,
    /// Whether its gateway buys its images.
    pub is_bought: bool,
    /// Whether it is to stop.
    pub is_stopping: bool,
    /// Denoising steps done, of all its images.
    pub steps_done: u32,
    /// Pixel-steps of all its images.
    pub cost: u64,
}

impl Ledger {
    /// How the requests `ids` stand. One that the ledger does not have is in the answer as abandoned.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn stands(&self, ids: &[RequestId]) -> Result<HashMap<RequestId, RequestStand>, LedgerError> {
        let mut stands: HashMap<_, _> =
            ids.iter().map(|id| (*id, RequestStand::Ended(RequestEnd::Abandoned))).collect();
        self.store.read(|conn| {
            let sql = "SELECT requests.id AS id, requests.state AS state, reason, queue.state AS held
                       FROM requests LEFT JOIN request_failures ON request_failures.request_id = requests.id
                       LEFT JOIN queue ON queue.request_id = requests.id WHERE requests.id IN ({ids})";
            conn.for_each_of(sql, ids, |row| -> Result<(), LedgerError> {
                stands.insert(request_id(row, "id")?, stand(row)?);
                Ok(())
            })?;
            Ok(stands)
        })
    }

    /// Asks for the end of request `id` for `reason`. One that waits ends here; the worker of one that is held learns of it with its
    /// next renewal. False if it is not open.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses.
    pub fn stop_queued(
        &self,
        id: RequestId,
        reason: FailureReason,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.store.write(|conn| {
            let update = "UPDATE queue SET stop = coalesce(stop, ?2) WHERE request_id = ?1 RETURNING state";
            let state: Option<i64> =
                conn.query_first(update, params![id.to_text(), reason.as_str()], |row| row.get(0))?;
            if state == Some(0) {
                end_stopped(conn, now)?;
            }
            Ok(state.is_some())
        })
    }

    /// The claims whose files count, of those of `ids` that were settled by workers of a cluster.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn claims_of(&self, ids: &[RequestId]) -> Result<BTreeMap<RequestId, Claim>, LedgerError> {
        let mut claims = BTreeMap::new();
        self.store.read(|conn| {
            let sql = "SELECT request_id, claim FROM objects WHERE request_id IN ({ids})";
            conn.for_each_of(sql, ids, |row| -> Result<(), LedgerError> {
                let claim = Claim::new(unsigned(row.get("claim")?, "objects.claim")?);
                claims.insert(request_id(row, "request_id")?, claim);
                Ok(())
            })?;
            Ok(claims)
        })
    }

    /// Live requests that wait, and pixel-steps of all live ones that are in the queue but for those whose images are bought.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn queue_size(&self) -> Result<(usize, u64), LedgerError> {
        self.store.read(|conn| {
            conn.query_one(&SIZE, params![], |row| {
                let waiting = usize::try_from(row.get::<i64>(0)?);
                let waiting = waiting.map_err(|_| LedgerError::OutOfRange { what: "a count" })?;
                Ok((waiting, unsigned(row.get(1)?, "queue.cost")?))
            })
        })
    }

    /// Everything in the queue: what is held, then what waits, in the order of its turns.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn queued(&self) -> Result<Vec<QueuedRequest>, LedgerError> {
        let sql =
            "SELECT request_id, keys.public_id AS key, requests.tag AS tag, queue.images AS images, spec,
                          queue.state AS held, stop IS NOT NULL AS stopping, steps_done, cost,
                          EXISTS (SELECT 1 FROM purchases WHERE purchases.request_id = queue.request_id
                                  AND purchases.state = 'open') AS bought
                   FROM queue JOIN requests ON requests.id = request_id JOIN keys ON keys.id = queue.key_id
                   ORDER BY queue.state DESC, is_live DESC, start_tag, queue.key_id, request_id";
        self.store.read(|conn| {
            conn.query(sql, params![], |row| {
                Ok(QueuedRequest {
                    id: request_id(row, "request_id")?,
                    key: row.get("key")?,
                    tag: row.get("tag")?,
                    images: row.get("images")?,
                    spec: row.get("spec")?,
                    is_held: row.get("held")?,
                    is_bought: row.get("bought")?,
                    is_stopping: row.get("stopping")?,
                    steps_done: row.get("steps_done")?,
                    cost: unsigned(row.get("cost")?, "queue.cost")?,
                })
            })
        })
    }
}

static SIZE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT count(*) FILTER (WHERE state = 0), CAST(coalesce(sum(cost), 0) - {} AS BIGINT)
         FROM queue WHERE is_live = 1",
        bought_cost("1")
    )
});

fn stand(row: &Row<'_>) -> Result<RequestStand, LedgerError> {
    Ok(match row.get::<String>("state")?.as_str() {
        "settled" => RequestStand::Ended(RequestEnd::Settled),
        "failed" => {
            let reason = row.get::<Option<String>>("reason")?.and_then(|reason| reason.parse().ok());
            RequestStand::Ended(RequestEnd::Failed(reason.unwrap_or(FailureReason::GenerationFailed)))
        }
        "abandoned" => RequestStand::Ended(RequestEnd::Abandoned),
        _ if row.get::<Option<i64>>("held")? == Some(1) => RequestStand::Held,
        _ => RequestStand::Waiting,
    })
}

/// Ends what waits and is to stop. Returns how many that were.
pub(super) fn end_stopped(conn: &Conn<'_>, now: Timestamp) -> Result<usize, LedgerError> {
    let sql = "DELETE FROM queue WHERE state = 0 AND stop IS NOT NULL RETURNING request_id, stop";
    let stopped = conn.query(sql, params![], |row| {
        let reason = row.get::<String>("stop")?.parse().unwrap_or(FailureReason::ClientGone);
        Ok((request_id(row, "request_id")?, reason))
    })?;
    for (id, reason) in &stopped {
        fail_unworked(conn, *id, *reason, now)?;
    }
    Ok(stopped.len())
}
