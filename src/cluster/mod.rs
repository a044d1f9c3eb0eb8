//! Several machines behind one API: what a gateway knows of the workers, what a node says and hears with its lease, and what
//! travels through the queue, sealed.
//!
//! Architecture invariant: nothing here decides about money. The ledger admits, claims and ends requests, each in one commit; this
//! room reads the figures, and keeps the secrets.

mod clock;
mod gate;
mod lease;
mod news;
mod paths;
mod queued_edit;
mod queued_job;
mod secret;

pub use self::{
    clock::SharedClock,
    gate::{Gate, GateView, Workforce},
    lease::{Lease, LeaseSettings},
    news::News,
    paths::{PARTIALS, SOURCES, look_of, partial, request_of},
    queued_edit::{QueuedEdit, QueuedEditError, put_sources, remove_sources},
    queued_job::{QueuedJob, QueuedJobError},
    secret::{ClusterSecret, SecretUse},
};
