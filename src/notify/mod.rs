//! News for other servers and for people: how it is signed or written, where it may go, and when it is tried again. What is to be
//! sent is in the ledger.

mod letter;
mod mail;
mod retry;
mod secret;
mod sender;

pub use self::{
    mail::{MailError, MailServer, Mailer},
    retry::pause_after,
    secret::{SecretError, WebhookSecret},
    sender::{DeliveryError, EndpointError, Message, NewsSender},
};
