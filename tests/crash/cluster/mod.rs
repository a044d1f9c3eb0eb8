//! Two gateways and three workers on one ledger in PostgreSQL and one directory of images, real processes all, killed and frozen
//! at random under load. TINTYPE_CLUSTER_KILLS says how many are.

mod batches;
mod bucket;
mod edits;
mod kills;
mod later;
mod nodes;
mod orders;
mod overflow;
mod streams;
