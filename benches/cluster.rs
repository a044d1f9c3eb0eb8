//! What a cluster's queue takes of PostgreSQL: `TINTYPE_BENCH_POSTGRES=postgres://… cargo bench --bench cluster`, with the URL of an
//! empty database. Cycles of admit, claim and settle at 1, 8 and 32 clients, and the time of a claim with 10,000 requests waiting.

#![expect(clippy::print_stdout, reason = "a table for whoever runs it")]

#[expect(dead_code, reason = "its past is not used")]
#[path = "../tests/support/books.rs"]
mod books;
#[path = "support/requests.rs"]
mod requests;

use std::{
    convert::Infallible,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rand::{SeedableRng, rngs::StdRng};
use tintype::{
    costs::Budgets,
    domain::{ApiKey, Claim, KeyId, NodeId, Scopes, Seed},
    ledger::{
        Agreement, KeyRules, Ledger, LedgerPlace, NewKey, NewNode, NewQueued, NodeRole, Reserved,
        SettledImage, Settlement,
    },
    units::Currency,
};

use crate::{
    books::{receipt, spec},
    requests::{MODEL, request},
};

/// Names a variable with the URL of an empty database.
const POSTGRES: &str = "TINTYPE_BENCH_POSTGRES";
const NOW: Timestamp = Timestamp::constant(1_796_040_000, 0);
const KEYS: u64 = 50;
const SPAN: Duration = Duration::from_secs(10);
const WAITING: u64 = 10_000;
const CLAIMS: u64 = 300;

/// A cluster's books, with keys and nodes.
struct Bench {
    ledger: Ledger,
    keys: Vec<KeyId>,
    gateway: NodeId,
    worker: NodeId,
    requests: AtomicU64,
    claims: AtomicU64,
}

impl Bench {
    fn open(url: &str) -> Self {
        let place = LedgerPlace::Postgres(url.parse().expect("a URL"));
        let ledger = Ledger::open_at(&place).expect("an empty database");
        let keys = (0..KEYS).map(|seed| {
            let key = ApiKey::generate(&mut StdRng::seed_from_u64(seed));
            let rules = KeyRules { scopes: Scopes::ALL, ..KeyRules::default() };
            ledger.create_key(&NewKey { key: &key, name: "bench", rules }, "bench", NOW).expect("a key");
            ledger.authenticate(&key, NOW).expect("no error").expect("known").key
        });
        let keys = keys.collect();
        let join = |number: u8, role: NodeRole| {
            let id = NodeId::new(NOW, [number; 10]);
            let agreement = Agreement { secret_check: [1; 32], model: MODEL, computation: None };
            let lease = Duration::from_secs(86_400);
            let node = NewNode { id, role, machine: "bench", version: "1", agreement, lease };
            ledger.join(&node, NOW).expect("it joins");
            id
        };
        let (gateway, worker) = (join(1, NodeRole::Gateway), join(2, NodeRole::Worker));
        Self { ledger, keys, gateway, worker, requests: AtomicU64::new(0), claims: AtomicU64::new(1) }
    }

    fn admit(&self) {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let key = self.keys[usize::try_from(number % KEYS).expect("small")];
        let budgets = Budgets::default();
        let request = request(number, key, &budgets, NOW);
        let queued = NewQueued {
            gateway: self.gateway,
            shape: "1024x1024/8/0/64/-//",
            cost: 8 << 20,
            is_live: true,
            finishes_alone: true,
            deadline: None,
            spec: &[7; 600],
        };
        let admitted = self.ledger.admit(&request, &queued, |_| Ok::<_, Infallible>(()));
        assert!(matches!(admitted, Ok(Reserved::New(_))), "it is new");
    }

    /// Whether one waited.
    fn claim_and_settle(&self) -> bool {
        let draw = || Claim::new(self.claims.fetch_add(1, Ordering::Relaxed));
        let claimed = self.ledger.claim(MODEL, self.worker, 1, draw).expect("asked");
        let is_one = !claimed.is_empty();
        for held in claimed {
            let images = [SettledImage { seed: Seed::new(1), receipt: receipt() }];
            let done =
                Settlement { images: &images, failed: &[], prompt_tokens: 18, edit: None, computation: None };
            self.ledger.settle(held.reservation, &spec(), Currency::CNY, &done, NOW).expect("settled");
        }
        is_one
    }
}

fn percentiles(mut values: Vec<Duration>) -> [f64; 2] {
    values.sort();
    [50, 99].map(|percent| values[(values.len() * percent).div_ceil(100) - 1].as_secs_f64() * 1000.0)
}

fn main() {
    let Ok(url) = std::env::var(POSTGRES) else {
        return println!("{POSTGRES} names no database: nothing is measured");
    };
    let bench = Bench::open(&url);
    println!("| clients | cycles a second | p50 ms | p99 ms |\n| ---: | ---: | ---: | ---: |");
    for clients in [1, 8, 32] {
        let end = Instant::now() + SPAN;
        let cycles: Vec<Duration> = thread::scope(|scope| {
            let cycle = || {
                let mut cycles = Vec::new();
                while Instant::now() < end {
                    let began = Instant::now();
                    bench.admit();
                    while !bench.claim_and_settle() {}
                    cycles.push(began.elapsed());
                }
                cycles
            };
            let clients: Vec<_> = (0..clients).map(|_| scope.spawn(cycle)).collect();
            clients.into_iter().flat_map(|client| client.join().expect("no panic")).collect()
        });
        let rate = cycles.len() as u64 / SPAN.as_secs();
        let [p50, p99] = percentiles(cycles);
        println!("| {clients} | {rate} | {p50:.2} | {p99:.2} |");
    }
    for _ in 0..WAITING {
        bench.admit();
    }
    let claims = (0..CLAIMS).map(|_| {
        let began = Instant::now();
        let draw = || Claim::new(bench.claims.fetch_add(1, Ordering::Relaxed));
        assert_eq!(bench.ledger.claim(MODEL, bench.worker, 1, draw).expect("asked").len(), 1);
        began.elapsed()
    });
    let [p50, p99] = percentiles(claims.collect());
    println!("\na claim with {WAITING} requests waiting: p50 {p50:.2} ms, p99 {p99:.2} ms");
}
