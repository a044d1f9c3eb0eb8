//! The queue of a cluster, in the ledger's own database: a request is reserved and queued in one commit, and settled and taken
//! out in one commit, so that no state lies between them. Only PostgreSQL has it.
//!
//! Architecture invariant: whoever ends a request that was claimed shows its claim, in the commit that books it. A worker that
//! comes back late has another one, and is fenced.

mod admit;
mod claim;
mod duties;
mod hints;
mod keeping;
mod nodes;
mod open;
mod rates;
mod reap;

pub use self::{
    admit::{NewQueued, NotAdmitted, QueuePlace},
    claim::Claimed,
    duties::Duty,
    hints::{Hints, Topic},
    keeping::Keeping,
    nodes::{Agreement, JoinError, NewNode, NodeFigures, NodeRole, NodeRow, Renewal},
    open::{QueuedRequest, RequestEnd, RequestStand},
    rates::{RateKind, RateTaken},
    reap::Reaped,
};
pub(super) use self::{
    admit::{insert_held, open_of_key},
    claim::{Release, release},
    duties::check_duty,
    nodes::has_living_node,
};

use super::{LedgerError, store::Row};
use crate::domain::{NodeId, RequestId};

/// Lets the transaction that selects it end without waiting for the disk: what it writes is written again, or not missed.
const WITHOUT_FLUSH: &str = "set_config('synchronous_commit', 'off', TRUE)";
/// The database's clock, in microseconds.
const CLOCK: &str = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";
/// Attempts at a request that its workers may fail at. Of a live one whose workers die, the deadline is the bound.
pub(super) const ATTEMPTS_MAX: u32 = 3;
/// How often workers, or the only server, may die of a request of a batch: it has no deadline, and may be what kills them, each time it is
/// tried. Machines also die for other reasons, so it is many.
pub const DEATHS_MAX: u32 = 10;

/// Pixel-steps of the requests, live or not from `least` up, whose images are bought. Their gateways hold them, and no worker does them.
fn bought_cost(least: &str) -> String {
    format!(
        "(SELECT coalesce(sum(cost), 0) FROM purchases JOIN queue ON queue.request_id = purchases.request_id
          WHERE purchases.state = 'open' AND queue.state = 1 AND is_live >= {least})"
    )
}

fn request_id(row: &Row<'_>, column: &'static str) -> Result<RequestId, LedgerError> {
    RequestId::from_digits(&row.get::<String>(column)?).ok_or(LedgerError::OutOfRange { what: column })
}

fn node_id(text: &str) -> Result<NodeId, LedgerError> {
    text.parse().map_err(|_| LedgerError::OutOfRange { what: "a node's id" })
}
