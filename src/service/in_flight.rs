use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::request::Outcome;
use crate::domain::KeyId;

type Name = (KeyId, String);
type Sender = watch::Sender<Option<Outcome>>;

/// Requests in work that carry an idempotency key, so that a second one joins the first instead of being generated.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    requests: Arc<Mutex<HashMap<Name, InWork>>>,
}

#[derive(Debug)]
struct InWork {
    body_sha256: [u8; 32],
    outcome: Sender,
    begun: watch::Sender<bool>,
}

/// What to do with a request.
pub(super) enum Admission {
    /// It is the first; its place is kept until the guard is dropped.
    First(InWorkGuard),
    /// The same request is in work: wait for its outcome. `begun` turns true once it cannot be refused any more.
    Join {
        /// What becomes of it.
        outcome: watch::Receiver<Option<Outcome>>,
        /// Whether it has been taken on.
        begun: watch::Receiver<bool>,
    },
    /// Another body under the same idempotency key is in work.
    OtherBody,
}

/// Keeps a request's place. Dropped after its outcome was sent.
#[derive(Debug)]
pub(super) struct InWorkGuard {
    name: Name,
    requests: Arc<Mutex<HashMap<Name, InWork>>>,
}

impl InFlight {
    /// The place of a request whose outcome would be sent to `outcome`, and its acceptance to `begun`.
    pub(super) fn enter(
        &self,
        key: KeyId,
        idempotency_key: &str,
        body_sha256: [u8; 32],
        outcome: &Sender,
        begun: &watch::Sender<bool>,
    ) -> Admission {
        let name = (key, idempotency_key.to_owned());
        match self.requests.lock().entry(name.clone()) {
            Entry::Occupied(first) if first.get().body_sha256 != body_sha256 => Admission::OtherBody,
            Entry::Occupied(first) => {
                let first = first.get();
                Admission::Join { outcome: first.outcome.subscribe(), begun: first.begun.subscribe() }
            }
            Entry::Vacant(place) => {
                place.insert(InWork { body_sha256, outcome: outcome.clone(), begun: begun.clone() });
                Admission::First(InWorkGuard { name, requests: Arc::clone(&self.requests) })
            }
        }
    }
}

impl Drop for InWorkGuard {
    fn drop(&mut self) {
        self.requests.lock().remove(&self.name);
    }
}
