//! Endpoints of webhooks, and the outbox: what they are still to get.
//!
//! Architecture invariant: an event is written in the transaction of what it is about, or not at all, and stays until it has arrived or
//! is given up.

mod endpoints;
mod events;
mod outbox;

pub(super) use self::{
    endpoints::forget,
    events::{
        EndedBatch, ImageData, announce_abandoned, announce_batch, announce_budgets, announce_closing,
        announce_image,
    },
};
pub use self::{
    endpoints::{EndpointStanding, WebhookEndpoint},
    outbox::{DeviceLoss, DueDelivery, UndeliveredEvent},
};
