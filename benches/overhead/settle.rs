//! The ledger's part alone: reserving, starting and settling a request, the last two flushed to the disk, in a ledger
//! that already holds a month of a million images.

use std::{
    fs::File,
    io::{Seek, Write},
    path::Path,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use rand::{SeedableRng, rngs::StdRng};
use rusqlite::Connection;
use tempfile::TempDir;
use tintype::{
    costs::Budgets,
    domain::{ApiKey, KeyId, Scopes, Seed},
    ledger::{KeyRules, Ledger, LedgerPlace, NewKey, SettledImage, Settlement},
    units::Currency,
};

use crate::{
    books::{receipt, spec},
    images,
    requests::request,
};

/// Names a variable with the URL of an empty database, to measure there too.
const POSTGRES: &str = "TINTYPE_BENCH_POSTGRES";
/// Entries that the ledger holds before anything is measured.
const ENTRIES: u32 = 1_000_000;
const REQUESTS: usize = 1000;
/// The first sums the month up for the key's budget.
const WARM_UP_REQUESTS: usize = 20;
/// Noon of the month's last day, on whose 29 days before it the entries lie.
const NOW: Timestamp = Timestamp::constant(1_796_040_000, 0);
const SPAN: SignedDuration = SignedDuration::from_hours(29 * 24);

/// What one request took of the ledger.
struct Sample {
    reserve: Duration,
    start: Duration,
    settle: Duration,
    /// A page in a file that does not grow, and a flush: the disk's own part of each commit.
    flush: Duration,
}

/// Measures and prints a table.
pub fn measure() {
    let place = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a data directory");
    let file = place.path().join("ledger.sqlite3");
    let ledger = Ledger::open(&file).expect("a ledger");
    let key = key(&ledger);
    let began = Instant::now();
    fill(&file);
    println!(
        "\n{REQUESTS} requests of one image, {ENTRIES} entries before them, which took {:?}\n",
        began.elapsed()
    );

    // The copy is of before the measured requests, so that both measure the same.
    let in_postgres = std::env::var(POSTGRES).ok().map(|url| {
        let target =
            Ledger::open_at(&LedgerPlace::Postgres(url.parse().expect("a URL"))).expect("an empty database");
        let (time, rows) = timed(|| ledger.copy_into(&target).expect("copied"));
        println!("{rows} rows copied into PostgreSQL in {time:?}\n");
        target
    });
    measure_on(&ledger, "SQLite", key, place.path());
    if let Some(ledger) = in_postgres {
        measure_on(&ledger, "PostgreSQL", key, place.path());
    }
}

fn measure_on(ledger: &Ledger, database: &str, key: KeyId, place: &Path) {
    let mut page = File::create(place.join("page")).expect("a file");
    let samples: Vec<Sample> =
        (0..WARM_UP_REQUESTS + REQUESTS).map(|number| sample(ledger, key, &mut page, number)).collect();
    println!("\n| {database}, each on its own | p50 ms | p99 ms |\n| --- | ---: | ---: |");
    let row = |what: &str, value: fn(&Sample) -> Duration| {
        let values = samples[WARM_UP_REQUESTS..].iter().map(|sample| value(sample).as_secs_f64() * 1000.0);
        let [p50, p99] = super::percentiles(values.collect());
        println!("| {what} | {p50:.2} | {p99:.2} |");
    };
    row("Ledger::reserve, with a budget", |sample| sample.reserve);
    row("Ledger::start", |sample| sample.start);
    row("Ledger::settle", |sample| sample.settle);
    row("the disk: 4 KiB and a flush", |sample| sample.flush);
}

/// A key with a budget that is checked and never passed.
fn key(ledger: &Ledger) -> KeyId {
    let key = ApiKey::generate(&mut StdRng::seed_from_u64(1));
    let budgets = "100000000 a month".parse().expect("budgets");
    let rules = KeyRules { scopes: Scopes::ALL, budgets, ..KeyRules::default() };
    ledger.create_key(&NewKey { key: &key, name: "bench", rules }, "first start", NOW).expect("a key");
    ledger.authenticate(&key, NOW).expect("no error").expect("known").key
}

/// Books a month up to now.
fn fill(file: &Path) {
    let mut connection = Connection::open(file).expect("the ledger");
    let transaction = connection.transaction().expect("a transaction");
    images::book(&transaction, NOW - SPAN, NOW, ENTRIES, 1);
    transaction.commit().expect("committed");
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a short log");
}

fn sample(ledger: &Ledger, key: KeyId, page: &mut File, number: usize) -> Sample {
    let budgets = Budgets::default();
    let request = request(number as u64, key, &budgets, NOW);
    let images = [SettledImage { seed: Seed::new(number as u64), receipt: receipt() }];
    let done = Settlement { images: &images, failed: &[], prompt_tokens: 18, edit: None, computation: None };
    let (reserve, reservation) =
        timed(|| ledger.reserve(&request).expect("reserved").into_new().expect("no repeat"));
    let (start, ()) = timed(|| ledger.start(reservation.id(), NOW).expect("started"));
    let spec = spec();
    let (settle, ()) =
        timed(|| ledger.settle(reservation, &spec, Currency::CNY, &done, NOW).expect("settled"));
    let (flush, ()) = timed(|| {
        page.rewind().expect("the start");
        page.write_all(&[0; 4096]).expect("written");
        page.sync_data().expect("flushed");
    });
    Sample { reserve, start, settle, flush }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let done = work();
    (began.elapsed(), done)
}
