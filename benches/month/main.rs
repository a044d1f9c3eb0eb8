//! How long the report of a month of one million images takes: `cargo bench --bench month`, or `-- 100000` for another
//! number of images.
//!
//! The ledger is a file with the program's own schema, its triggers at work, and a request for every image, which is
//! the dearest case: reports read both. Images are spread over the month, five keys, four tags, four sizes and three
//! qualities; idle hours are booked by the minute. Each report is made by the library, from the file, as `tintype
//! costs` and /admin/costs make it, five times; nothing is kept between two reports but SQLite's own pages.
//!
//! Last, the real program serves the ledger, and a client lists models while another key's export streams.

#![expect(clippy::print_stdout, reason = "a table for whoever runs it")]

mod beside;
#[path = "../support/images.rs"]
mod images;
#[path = "../../tests/support/program.rs"]
mod program;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use jiff::{ToSpan, civil::date};
use rand::{SeedableRng, rngs::StdRng};
use rusqlite::{Connection, params};
use tempfile::TempDir;
use tintype::{
    config::Config,
    costs::{Asset, CostModel, Life},
    domain::{ApiKey, Calendar, Scopes},
    ledger::{BudgetPeriods, Evidence, GroupBy, KeyRules, Ledger, Month, NewKey, RequestFilter},
    units::Money,
};

const IMAGES: u32 = 1_000_000;
const KEYS: u32 = 5;
const REPEATS: usize = 5;
const ZONE: Calendar = Calendar::UTC;

/// An idle minute in each minute from ?1 to ?2.
const IDLE_MINUTES: &str = "
    WITH RECURSIVE minute (ms) AS (SELECT ?1 UNION ALL SELECT ms + 60000 FROM minute WHERE ms + 60000 < ?2)
    INSERT INTO overheads (kind, entered_at_ms, duration_ms, energy_mj, wall_energy_mj, energy_source, currency,
                           electricity_nano)
    SELECT 'idle', ms, 60000, 1200000, 1320000, 'metered', 'CNY', 440000 FROM minute";

fn main() {
    let images = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(IMAGES).max(1);
    // In memory nothing would be read from a disk.
    let place = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let file = place.path().join("ledger.sqlite3");
    let month: Month = "2026-11".parse().expect("a month");
    let costs = Config::default().cost_model(date(2026, 11, 23)).expect("a cost model");
    let ledger = ledger(&file, &costs, month);
    let began = Instant::now();
    fill(&file, month, images);
    let size = std::fs::metadata(&file).expect("the file").len() / 1_000_000;
    println!("{images} images in {size} MB, made in {:.0} s\n", began.elapsed().as_secs_f64());

    println!("| report | median s | best s |\n| --- | ---: | ---: |");
    let report = |kinds: &[GroupBy]| time_report(&ledger, &costs, month, kinds, images);
    row("a month: three unit costs, services, days, payback", || report(&[]));
    for by in GroupBy::ALL {
        row(&format!("the same, by {by}"), || report(&[by]));
    }
    row("the same, in all six kinds of groups", || report(&GroupBy::ALL));
    row("the month as FOCUS rows", || {
        let export = ledger.focus_export(&costs, month, &ZONE, "Studio", month.end(&ZONE));
        let mut export = export.expect("an export");
        let parts = std::iter::from_fn(|| ledger.focus_rows(&mut export).expect("FOCUS"));
        let rows: usize = parts.map(|part| part.lines().count()).sum();
        assert!(rows > images as usize, "a head, a row for each, and what the month cost beside them");
    });
    let recent = ledger.recent_requests(&RequestFilter::default(), 1).expect("requests")[0].clone();
    let keys = ledger.keys().expect("keys");
    let of_recent = keys.iter().find(|key| key.public_id == recent.key).expect("its key").id;
    row("a receipt", || {
        assert!(ledger.stored_request(recent.id, of_recent).expect("a receipt").is_some());
    });
    row("a page of fifty jobs", || {
        assert_eq!(
            ledger
                .recent_requests(&RequestFilter { before: Some(recent.id), ..RequestFilter::default() }, 50)
                .expect("jobs")
                .len(),
            50.min(images as usize - 1)
        );
    });
    let last = month.end(&ZONE) - 1.second();
    let periods = BudgetPeriods::of(last, &ZONE);
    row("a key's page, its sums known", || {
        let standing = ledger.key_standing(&recent.key, &periods, 14, &ZONE, last).expect("a standing");
        assert!(standing.is_some_and(|standing| standing.images_by_day.iter().sum::<u32>() > 0));
    });
    let key = ApiKey::generate(&mut StdRng::seed_from_u64(0));
    row("who holds a key", || {
        assert!(ledger.recognise(&key, last).expect("an answer").is_ok());
    });
    row("a year with this one month in it", || {
        let year = "2026".parse().expect("a year");
        let year = ledger.year_report(&costs, year, &ZONE, month.end(&ZONE)).expect("a report");
        assert_eq!(year.figures.images, i64::from(images));
    });
    drop(ledger);
    beside::measure(place.path(), month, images);
}

fn time_report(ledger: &Ledger, costs: &CostModel, month: Month, kinds: &[GroupBy], images: u32) {
    let last = month.end(&ZONE) - 1.second();
    let report = ledger.month_report(costs, month, kinds, &ZONE, last).expect("a report");
    assert_eq!((report.figures.images, report.groups.len()), (i64::from(images), kinds.len()));
    let priced: Vec<_> = report.services.iter().map(|service| service.images).collect();
    assert_eq!(priced, [report.figures.images; 5], "the headline and four more");
    assert!(report.payback.is_some() && report.days.is_some_and(|days| days.len() == 30));
}

fn row(name: &str, mut report: impl FnMut()) {
    let mut times: Vec<Duration> = (0..REPEATS)
        .map(|_| {
            let began = Instant::now();
            report();
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("| {name} | {:.5} | {:.5} |", times[REPEATS / 2].as_secs_f64(), times[0].as_secs_f64());
}

/// A new ledger with keys and two parts.
fn ledger(file: &Path, costs: &CostModel, month: Month) -> Ledger {
    let ledger = Ledger::open(file).expect("a ledger");
    let start = month.start(&ZONE);
    for seed in 0..KEYS {
        let key = ApiKey::generate(&mut StdRng::seed_from_u64(seed.into()));
        let rules = KeyRules { scopes: Scopes::ALL, ..KeyRules::default() };
        let name = format!("studio {seed}");
        ledger.create_key(&NewKey { key: &key, name: &name, rules }, "first start", start).expect("a key");
    }
    let card = Asset {
        name: "card".into(),
        price: Money::from_nano(13_000_000_000_000),
        residual: Money::from_nano(5_000_000_000_000),
        share_percent: 100,
        purchased_on: month.days().first,
        life: Life::Time { years: 3, normal_utilisation_percent: 20 },
        retirement: None,
    };
    let rest =
        Asset { name: "rest".into(), life: Life::Units { lifetime_images: 2_000_000, years: None }, ..card };
    for part in [card, rest] {
        ledger.add_asset(&part, costs, &Evidence::COMMAND_LINE, start).expect("a part");
    }
    ledger
}

/// Books `images` images and the idle minutes of `month`.
fn fill(file: &Path, month: Month, images: u32) {
    let mut connection = Connection::open(file).expect("the ledger");
    let transaction = connection.transaction().expect("a transaction");
    let (start, end) = (month.start(&ZONE), month.end(&ZONE));
    images::book(&transaction, start, end, images, KEYS);
    let span = params![start.as_millisecond(), end.as_millisecond()];
    transaction.execute(IDLE_MINUTES, span).expect("idle minutes");
    transaction.commit().expect("committed");
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a short log");
}
