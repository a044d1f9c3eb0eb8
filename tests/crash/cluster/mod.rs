//! Gateways and workers on one ledger in PostgreSQL and one directory of images, real processes all: killed and frozen at random
//! under load, cut off from their database in the middle of a settlement, with a database that is killed or fails over, with clocks
//! that are off. TINTYPE_CLUSTER_KILLS says how many nodes are killed, and lengthens the other tests alike.

mod batches;
mod bucket;
mod commits;
mod database;
mod edits;
mod kills;
mod later;
mod months;
mod nodes;
mod orders;
mod overflow;
mod partitions;
mod rolling;
mod streams;
mod turns;

/// Nodes that are killed or frozen. TINTYPE_CLUSTER_KILLS says how many.
const KILLS: usize = 16;

fn kills() -> usize {
    let asked = std::env::var("TINTYPE_CLUSTER_KILLS");
    asked.map_or(KILLS, |kills| kills.parse().expect("TINTYPE_CLUSTER_KILLS is a number"))
}

/// Rounds of what takes as long as the death of sixteen nodes.
fn rounds() -> usize {
    kills().div_ceil(KILLS)
}
