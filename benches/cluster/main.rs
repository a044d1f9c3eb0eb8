//! What a cluster's queue takes of PostgreSQL: `cargo bench --bench cluster`, on a server of its own if PostgreSQL is installed, or on
//! the empty database whose URL TINTYPE_BENCH_POSTGRES is (without TLS). Cycles of admit, claim and settle at 1, 8 and 32 clients; a
//! request's bookings beside SQLite's; the time from a hint to the claim; claims with 10,000 requests waiting, while a transaction is
//! held open; and a thousand workers for TINTYPE_BENCH_SECONDS.

#![expect(clippy::print_stdout, reason = "a table for whoever runs it")]

#[expect(dead_code, reason = "its past is not used")]
#[path = "../../tests/support/books.rs"]
mod books;
#[expect(dead_code, reason = "nothing is killed here")]
#[path = "../../tests/support/postgres.rs"]
mod postgres;
#[path = "../support/requests.rs"]
mod requests;
mod simulation;

use std::{
    convert::Infallible,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rand::{SeedableRng, rngs::StdRng};
use tempfile::TempDir;
use tintype::{
    costs::Budgets,
    domain::{ApiKey, Claim, KeyId, NodeId, Scopes, Seed},
    ledger::{
        Agreement, KeyRules, Ledger, LedgerPlace, NewKey, NewNode, NewQueued, NodeRole, Reservation,
        Reserved, SettledImage, Settlement, Topic,
    },
    units::Currency,
};
use tokio::runtime::{Builder, Runtime};

use crate::{
    books::{receipt, spec},
    postgres::Postgres,
    requests::{MODEL, request},
};

/// Names a variable with the URL of an empty database.
const POSTGRES: &str = "TINTYPE_BENCH_POSTGRES";
const NOW: Timestamp = Timestamp::constant(1_796_040_000, 0);
const KEYS: u64 = 50;
/// Between two looks for nodes that are gone.
const LOOK: Duration = Duration::from_secs(3);
const SPAN: Duration = Duration::from_secs(10);
const WAITING: u64 = 10_000;
const HINTS: usize = 300;
/// Requests that are booked one after the other in each database.
const BOOKINGS: u64 = 500;
/// Of a node that only has to be there.
const LEASE_OF_DAYS: Duration = Duration::from_secs(864_000);

/// A cluster's books, with keys and nodes.
struct Bench {
    ledger: Ledger,
    keys: Vec<KeyId>,
    gateway: NodeId,
    worker: NodeId,
    requests: AtomicU64,
    claims: AtomicU64,
}

/// A key in `ledger`, made of `seed`.
fn create_key(ledger: &Ledger, seed: u64) -> KeyId {
    let key = ApiKey::generate(&mut StdRng::seed_from_u64(seed));
    let rules = KeyRules { scopes: Scopes::ALL, ..KeyRules::default() };
    ledger.create_key(&NewKey { key: &key, name: "bench", rules }, "bench", NOW).expect("a key");
    ledger.authenticate(&key, NOW).expect("no error").expect("known").key
}

/// A node in `ledger`, of which there is one with this number.
fn join(ledger: &Ledger, number: u64, role: NodeRole, lease: Duration) -> NodeId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    let id = NodeId::new(NOW, random);
    let agreement = Agreement { secret_check: [1; 32], images: "these", model: MODEL, computation: None };
    let node =
        NewNode { id, role, machine: "bench", version: "1", agreement, lease, before: None, keeping: None };
    ledger.join(&node, NOW).expect("it joins");
    id
}

fn open(url: &str) -> Ledger {
    let place = LedgerPlace::Postgres(url.parse().expect("a URL"));
    Ledger::open_at(&place).expect("an empty database")
}

/// Whether it was not another worker's by now.
fn settle(ledger: &Ledger, reservation: Reservation) -> bool {
    let images = [SettledImage { seed: Seed::new(1), receipt: receipt() }];
    let done = Settlement { images: &images, failed: &[], prompt_tokens: 18, edit: None, computation: None };
    ledger.settle(reservation, &spec(), Currency::CNY, &done, NOW).is_ok()
}

impl Bench {
    fn open(url: &str) -> Self {
        let ledger = open(url);
        let keys = (0..KEYS).map(|seed| create_key(&ledger, seed)).collect();
        let gateway = join(&ledger, 1, NodeRole::Gateway, LEASE_OF_DAYS);
        let worker = join(&ledger, 2, NodeRole::Worker, LEASE_OF_DAYS);
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

    /// The next request, for `worker`.
    fn claim(&self, worker: NodeId) -> Option<Reservation> {
        let claim = Claim::new(self.claims.fetch_add(1, Ordering::Relaxed));
        let mut claimed = self.ledger.claim(MODEL, worker, 1, claim).expect("asked");
        claimed.pop().map(|claimed| claimed.reservation)
    }

    /// Whether one waited.
    fn claim_and_settle(&self) -> bool {
        let claimed = self.claim(self.worker);
        let is_one = claimed.is_some();
        assert!(claimed.into_iter().all(|reservation| settle(&self.ledger, reservation)), "settled");
        is_one
    }
}

fn percentiles(mut values: Vec<Duration>) -> [f64; 2] {
    assert!(!values.is_empty(), "something was measured");
    values.sort();
    [50, 99].map(|percent| values[(values.len() * percent).div_ceil(100) - 1].as_secs_f64() * 1000.0)
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let done = work();
    (began.elapsed(), done)
}

/// Does `work` while a node looks after the cluster, as one of them always does.
fn beside_looks(ledger: &Ledger, work: impl FnOnce()) {
    thread::scope(|scope| {
        let (end, ended) = mpsc::channel::<()>();
        scope.spawn(move || {
            while ended.recv_timeout(LOOK) == Err(mpsc::RecvTimeoutError::Timeout) {
                if ledger.take_look(LOOK).expect("asked") {
                    ledger.reap(NOW).expect("asked");
                }
            }
        });
        work();
        drop(end);
    });
}

/// Clients that each admit a request and do the next one, over and over.
fn cycles(bench: &Bench) {
    println!("| clients | cycles a second | p50 ms | p99 ms |\n| ---: | ---: | ---: | ---: |");
    for clients in [1, 8, 32] {
        let end = Instant::now() + SPAN;
        let cycles: Vec<Duration> = thread::scope(|scope| {
            let cycle = || {
                let mut cycles = Vec::new();
                while Instant::now() < end {
                    let (time, ()) = timed(|| {
                        bench.admit();
                        while !bench.claim_and_settle() {}
                    });
                    cycles.push(time);
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
}

/// What a request's bookings take, alone: in SQLite, in PostgreSQL, and by way of the queue.
fn bookings(bench: &Bench) {
    let place = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory on a disk");
    let file = Ledger::open(&place.path().join("ledger.sqlite3")).expect("a ledger");
    let budgets = Budgets::default();
    let booked_in = |ledger: &Ledger, key: KeyId, first: u64| -> Vec<Duration> {
        let book = |number: u64| {
            let request = request(first + number, key, &budgets, NOW);
            let reservation = ledger.reserve(&request).expect("reserved").into_new().expect("no repeat");
            ledger.start(reservation.id(), NOW).expect("started");
            assert!(settle(ledger, reservation), "settled");
        };
        (0..BOOKINGS).map(|number| timed(|| book(number)).0).collect()
    };
    let first = bench.requests.fetch_add(BOOKINGS, Ordering::Relaxed);
    println!("\n| a request's bookings, one after the other | p50 ms | p99 ms |\n| --- | ---: | ---: |");
    let queued = (0..BOOKINGS).map(|_| {
        timed(|| {
            bench.admit();
            assert!(bench.claim_and_settle(), "it waits");
        })
        .0
    });
    for (what, times) in [
        ("reserve, start, settle in SQLite", booked_in(&file, create_key(&file, 1), 0)),
        ("reserve, start, settle in PostgreSQL", booked_in(&bench.ledger, bench.keys[0], first)),
        ("admit, claim, settle in PostgreSQL", queued.collect()),
    ] {
        let [p50, p99] = percentiles(times);
        println!("| {what} | {p50:.2} | {p99:.2} |");
    }
}

/// From a hint to the claim that it wakes.
fn wake_ups(bench: &Bench) {
    let (heard, claimed) = mpsc::channel();
    let mut hints = bench.ledger.hints().expect("a connection");
    let times: Vec<Duration> = thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..HINTS {
                let hint = futures_executor::block_on(hints.next());
                assert_eq!(hint, Some(Topic::Work));
                let claimed = bench.claim(bench.worker).expect("one waits");
                heard.send((Instant::now(), claimed)).expect("somebody counts");
            }
        });
        let wake = |_| {
            bench.admit();
            let began = Instant::now();
            bench.ledger.hint(Topic::Work).expect("sent");
            let (at, reservation) = claimed.recv().expect("it is claimed");
            assert!(settle(&bench.ledger, reservation), "settled");
            at.duration_since(began)
        };
        (0..HINTS).map(wake).collect()
    });
    let [p50, p99] = percentiles(times);
    println!("\nfrom a hint to the claim: p50 {p50:.2} ms, p99 {p99:.2} ms");
}

/// Claims while so many wait, at first and after a while, in which a transaction that is held open keeps what was done from being
/// cleared away.
fn claims_beside_a_snapshot(bench: &Bench, url: &str, runtime: &Runtime) {
    while bench.ledger.queue_size().expect("asked").0 < usize::try_from(WAITING).expect("small") {
        bench.admit();
    }
    let claim_for = |span: Duration| -> Vec<Duration> {
        let end = Instant::now() + span;
        let mut claims = Vec::new();
        while Instant::now() < end {
            let (time, claimed) = timed(|| bench.claim(bench.worker).expect("one waits"));
            claims.push(time);
            assert!(settle(&bench.ledger, claimed), "settled");
            bench.admit();
        }
        claims
    };
    let print = |what: &str, claims: Vec<Duration>| {
        let (count, [p50, p99]) = (claims.len(), percentiles(claims));
        println!("| {what} | {count} | {p50:.2} | {p99:.2} |");
    };
    println!("\n| claims with {WAITING} waiting | claims | p50 ms | p99 ms |\n| --- | ---: | ---: | ---: |");
    print("nobody else reads", claim_for(SPAN));
    let (reader, connection) =
        runtime.block_on(tokio_postgres::connect(url, tokio_postgres::NoTls)).expect("a connection");
    let connection = runtime.spawn(connection);
    let snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM queue";
    runtime.block_on(reader.batch_execute(snapshot)).expect("a snapshot");
    for seconds in [10, 20, 30] {
        print(&format!("a transaction is open, up to {seconds} s"), claim_for(SPAN));
    }
    drop(reader);
    runtime.block_on(connection).expect("no panic").expect("closed");
}

fn main() {
    let own = std::env::var(POSTGRES).err().map(|_| Postgres::start());
    let url = match &own {
        None => std::env::var(POSTGRES).expect("it is set"),
        Some(Some(server)) => server.url(),
        Some(None) => {
            return println!("{POSTGRES} names no database, and there is none: nothing is measured");
        }
    };
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let bench = Bench::open(&url);
    beside_looks(&bench.ledger, || {
        cycles(&bench);
        bookings(&bench);
        wake_ups(&bench);
        claims_beside_a_snapshot(&bench, &url, &runtime);
    });
    simulation::run(bench, &url, &runtime);
}
