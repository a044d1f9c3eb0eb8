//! News for other servers: how it is signed, where it may go, and when it is tried again. What is to be sent is in the ledger.

mod retry;
mod secret;
mod sender;

pub use self::{
    retry::pause_after,
    secret::{SecretError, WebhookSecret},
    sender::{DeliveryError, EndpointError, Message, WebhookSender},
};
