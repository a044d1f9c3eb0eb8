use jiff::Timestamp;

use super::{DEATHS_MAX, open::end_stopped};
use crate::{
    domain::FailureReason,
    ledger::{
        Ledger, LedgerError,
        ends::abandon_lost,
        store::{Conn, params},
    },
};

/// What was taken from nodes that are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reaped {
    /// Nodes whose lease was over.
    pub nodes: usize,
    /// Requests that were put back into the queue.
    pub put_back: usize,
    /// Requests that ended: nobody waits for them, or their time was up.
    pub ended: usize,
}

/// What a reaper looks for, in one question.
const IS_NEEDED: &str = "SELECT
    EXISTS (SELECT 1 FROM nodes WHERE fenced = 0 AND lease_until < clock_timestamp())
    OR EXISTS (SELECT 1 FROM queue WHERE state = 1 AND NOT EXISTS (
               SELECT 1 FROM nodes WHERE nodes.id = worker AND fenced = 0))
    OR EXISTS (SELECT 1 FROM queue WHERE stop IS NULL AND (deadline_ms < ?1 OR finishes_alone = 0 AND NOT EXISTS (
               SELECT 1 FROM nodes WHERE nodes.id = gateway AND fenced = 0)))
    OR EXISTS (SELECT 1 FROM queue WHERE state = 0 AND stop IS NOT NULL)
    OR EXISTS (SELECT 1 FROM requests WHERE state IN ('reserved', 'running') AND NOT EXISTS (
               SELECT 1 FROM queue WHERE request_id = requests.id))";

impl Ledger {
    /// Fences the nodes whose lease is over, puts what fenced workers hold back, and ends what nobody waits for. Whoever
    /// calls it has been in touch with the database for a lease: after an outage every lease is over, and nobody is dead.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses.
    pub fn reap(&self, now: Timestamp) -> Result<Reaped, LedgerError> {
        let is_needed: bool =
            self.store.read(|conn| conn.query_one(IS_NEEDED, params![now], |row| row.get(0)))?;
        if !is_needed {
            return Ok(Reaped::default());
        }
        self.store.write(|conn| {
            let fence = "UPDATE nodes SET fenced = 1 WHERE fenced = 0 AND lease_until < clock_timestamp()";
            let nodes = conn.execute(fence, params![])?;
            let put_back = put_back_of_fenced(conn)?;
            let gone = "UPDATE queue SET stop = ?1 WHERE stop IS NULL AND finishes_alone = 0
                        AND NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.id = gateway AND fenced = 0)";
            conn.execute(gone, params![FailureReason::ClientGone.as_str()])?;
            let late = "UPDATE queue SET stop = ?1 WHERE stop IS NULL AND deadline_ms < ?2";
            conn.execute(late, params![FailureReason::DeadlinePassed.as_str(), now])?;
            let ended = end_stopped(conn, now)? + abandon_lost(conn, now)?;
            // Long enough for whoever asks what became of a node.
            let forget =
                "DELETE FROM nodes WHERE fenced = 1 AND lease_until < clock_timestamp() - interval '1 day'";
            conn.execute(forget, params![])?;
            Ok(Reaped { nodes, put_back, ended })
        })
    }
}

/// Its tag stays, so that it is next in its line. What too many workers died of is to end, if nothing else ends it.
pub(super) fn put_back_of_fenced(conn: &Conn<'_>) -> Result<usize, LedgerError> {
    conn.execute(
        "UPDATE queue SET state = 0, claim = NULL, worker = NULL, steps_done = 0,
                          stop = coalesce(stop, CASE WHEN attempt >= ?1 AND is_live = 0 THEN ?2 END)
         WHERE state = 1 AND NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.id = worker AND fenced = 0)",
        params![DEATHS_MAX, FailureReason::GenerationFailed.as_str()],
    )
}
