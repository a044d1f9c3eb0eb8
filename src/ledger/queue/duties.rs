use crate::{
    domain::{NodeId, words},
    ledger::{
        Ledger, LedgerError,
        store::{Conn, params},
    },
};

/// What one node does for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// It looks after batches.
    Batches,
}

words!(Duty, "a duty": Batches = "batches");

impl Ledger {
    /// Whether `duty` is `node`'s now. It takes one that nobody has, or that a node has which was fenced or is drained; and it keeps
    /// it until it is fenced or drained itself.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn take_duty(&self, duty: Duty, node: NodeId) -> Result<bool, LedgerError> {
        let node = node.to_string();
        // Most questions change nothing.
        let holder = "SELECT nodes.id FROM duties JOIN nodes ON nodes.id = duties.node
                      WHERE duty = ?1 AND fenced = 0 AND draining = 0";
        let holder = self.store.ask_beside(holder, params![duty.as_str()], |row| row.get::<String>(0))?;
        if let Some(holder) = holder.first() {
            return Ok(*holder == node);
        }
        let take = "INSERT INTO duties (duty, node)
                    SELECT CAST(?1 AS TEXT), id FROM nodes WHERE id = ?2 AND fenced = 0 AND draining = 0
                    ON CONFLICT (duty) DO UPDATE SET node = excluded.node WHERE NOT EXISTS (
                        SELECT 1 FROM nodes WHERE nodes.id = duties.node AND fenced = 0 AND draining = 0)
                    RETURNING node";
        Ok(!self.store.ask_beside(take, params![duty.as_str(), node], |_| Ok(()))?.is_empty())
    }
}

/// Refuses what `node` does for all once another does it. None is the one server that there is.
pub(in crate::ledger) fn check_duty(
    conn: &Conn<'_>,
    duty: Duty,
    node: Option<NodeId>,
) -> Result<(), LedgerError> {
    let Some(node) = node else { return Ok(()) };
    let holds = "SELECT 1 FROM duties WHERE duty = ?1 AND node = ?2";
    let found = conn.query_first(holds, params![duty.as_str(), node.to_string()], |_| Ok(()))?;
    found.ok_or(LedgerError::OffDuty)
}
