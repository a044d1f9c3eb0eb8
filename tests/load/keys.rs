//! The clients' keys, made beside the running server as `tintype key create` makes them.

use std::{num::NonZeroU32, path::Path};

use jiff::Timestamp;
use rand::{SeedableRng, rngs::StdRng};
use tintype::{
    app::LEDGER_FILE,
    domain::{ApiKey, KeyLimits, Scopes},
    ledger::{KeyRules, Ledger, NewKey},
};

/// The name of the key with which clients hang up.
pub const LEAVERS: &str = "leavers";

const ACTOR: &str = "command line";
const CLIENTS: usize = 4;

pub struct Keys {
    /// Without limits; the first one made at the start.
    clients: Vec<String>,
    /// Held to requests a minute, and to jobs at one time.
    limited: [String; 2],
    /// Of requests whose client hangs up: what they get may have been sent to nobody.
    pub leavers: String,
    /// Without money.
    pub poor: String,
    /// Of a form that is right, and none that open.
    pub invalid: [String; 2],
}

impl Keys {
    pub fn make(data: &Path, first: String) -> Self {
        let ledger = Ledger::open(&data.join(LEDGER_FILE)).expect("the ledger");
        let (mut random, now) = (StdRng::seed_from_u64(1), Timestamp::now());
        let mut make = |name: &str, limits: KeyLimits, budgets: &str| {
            let key = ApiKey::generate(&mut random);
            let rules = KeyRules {
                scopes: Scopes::ALL,
                budgets: budgets.parse().expect("budgets"),
                limits,
                ..KeyRules::default()
            };
            ledger.create_key(&NewKey { key: &key, name, rules }, ACTOR, now).expect("a key");
            key
        };
        let free = KeyLimits::default();
        let clients = (1..CLIENTS).map(|number| make(&format!("client {number}"), free, "none").reveal());
        let clients = std::iter::once(first).chain(clients.collect::<Vec<_>>()).collect();
        let paced = KeyLimits { requests_per_minute: NonZeroU32::new(6), ..free };
        let narrow = KeyLimits { concurrent_jobs: NonZeroU32::new(1), ..free };
        let revoked = make("revoked", free, "none");
        assert!(ledger.revoke_key(revoked.public_id(), ACTOR, now).expect("revoked"));
        Self {
            clients,
            limited: [make("paced", paced, "none"), make("narrow", narrow, "none")].map(|key| key.reveal()),
            leavers: make(LEAVERS, free, "none").reveal(),
            poor: make("poor", free, "0").reveal(),
            invalid: [revoked, ApiKey::generate(&mut StdRng::seed_from_u64(2))].map(|key| key.reveal()),
        }
    }

    /// The key of a client that is held to nothing.
    pub fn of_client(&self, client: usize) -> &str {
        &self.clients[client % self.clients.len()]
    }

    /// A key with a limit.
    pub fn limited(&self, number: usize) -> &str {
        &self.limited[number % self.limited.len()]
    }
}
