//! "Never lost, never twice", asked of a ledger: what must hold of it whatever happened to its server.

use std::{collections::BTreeMap, path::Path};

use jiff::Timestamp;
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};
use tempfile::TempDir;
use tintype::{
    config::Config,
    costs::DaySpan,
    domain::Calendar,
    ledger::{Ledger, Month, MonthReport},
    units::{Energy, Money},
};

use crate::image_client::Answered;

/// Counts of what an audit found in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audit {
    pub settled: i64,
    pub failed: i64,
    pub abandoned: i64,
    /// Reserved or running: 0 in the ledger of a server that has just started.
    pub open: i64,
    /// Images that were booked.
    pub images: i64,
}

/// Audits the ledger in `file` as it is at one moment, of which clients were answered `answered`. Days are UTC's. A
/// server may write to it meanwhile, such as what its warm-up took.
pub fn audit(file: &Path, answered: &Answered) -> Audit {
    let place = TempDir::new().expect("a directory");
    let copy = place.path().join("ledger.sqlite3");
    let mut ledger = Connection::open(&copy).expect("a copy");
    let source = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the ledger");
    let copied = Backup::new(&source, &mut ledger).and_then(|backup| backup.step(-1));
    assert_eq!(copied, Ok(StepResult::Done));
    is_sound(&ledger);
    is_append_only(&ledger);
    books_each_request_once(&ledger);
    holds_what_was_answered(&ledger, answered);
    budgets_hold(&ledger);
    sums_close(&copy, &ledger);
    let count =
        |state: &str| one(&ledger, &format!("SELECT count(*) FROM requests WHERE state IN ({state})"));
    Audit {
        settled: count("'settled'"),
        failed: count("'failed'"),
        abandoned: count("'abandoned'"),
        open: count("'reserved', 'running'"),
        images: one(&ledger, "SELECT coalesce(sum(images), 0) FROM entries"),
    }
}

fn one(ledger: &Connection, sql: &str) -> i64 {
    ledger.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{error}: {sql}"))
}

fn is_sound(ledger: &Connection) {
    let text = |sql: &str| ledger.query_row(sql, [], |row| row.get::<_, String>(0)).expect(sql);
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    assert_eq!(one(ledger, "SELECT count(*) FROM pragma_foreign_key_check"), 0, "rows refer to rows");
    let lax = "SELECT count(*) FROM pragma_table_list
               WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' AND NOT strict";
    assert_eq!(one(ledger, lax), 0, "every table is STRICT");
}

/// The database itself refuses to rewrite or delete what was booked.
fn is_append_only(ledger: &Connection) {
    if one(ledger, "SELECT count(*) FROM entries") == 0 {
        return;
    }
    for sql in ["UPDATE entries SET electricity_nano = 0", "DELETE FROM entries", "DELETE FROM requests"] {
        let refused = ledger.execute(sql, []).expect_err(sql).to_string();
        assert!(refused.contains("append-only") || refused.contains("never deleted"), "{sql}: {refused}");
    }
}

/// Settled: all its images, each once. Anything else: none. And one answer to one Idempotency-Key.
fn books_each_request_once(ledger: &Connection) {
    let uneven = "SELECT count(*) FROM requests
        LEFT JOIN (SELECT request_id, count(*) AS rows, count(DISTINCT image_index) AS places, min(image_index) AS first,
                          max(image_index) AS last
                   FROM entries WHERE kind = 'image' AND reverses IS NULL AND corrects IS NULL GROUP BY request_id)
            ON request_id = id
        WHERE CASE state WHEN 'settled' THEN rows IS NOT images OR places <> images OR first <> 0 OR last <> images - 1
                         ELSE rows IS NOT NULL END";
    assert_eq!(one(ledger, uneven), 0, "all images of a settled request, each once, and none of any other");
    let stray = "SELECT count(*) FROM entries JOIN requests ON requests.id = request_id
                 WHERE kind = 'failed' AND state <> 'failed'";
    assert_eq!(one(ledger, stray), 0, "failed work belongs to a request that failed");
    let twice = "SELECT count(*) FROM (SELECT 1 FROM requests
                 WHERE idempotency_key IS NOT NULL AND state NOT IN ('failed', 'abandoned')
                 GROUP BY key_id, idempotency_key HAVING count(*) > 1)";
    assert_eq!(one(ledger, twice), 0, "one request for one Idempotency-Key");
}

/// What was answered is settled, at what the receipts said.
fn holds_what_was_answered(ledger: &Connection, answered: &Answered) {
    let booked = booked(ledger);
    for (id, totals) in answered {
        assert_eq!(booked.get(id), Some(totals), "request {id} was answered");
    }
}

/// Settled requests, oldest first by their ids, with what each image cost.
pub fn booked(ledger: &Connection) -> Answered {
    let sql = "SELECT request_id, standard_nano FROM entries JOIN requests ON requests.id = request_id
               WHERE kind = 'image' AND state = 'settled' AND reverses IS NULL AND corrects IS NULL
               ORDER BY request_id, image_index";
    let mut statement = ledger.prepare(sql).expect("SQL");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, Money::from_nano(row.get(1)?)))).expect("rows");
    let mut booked = BTreeMap::<String, Vec<Money>>::new();
    for row in rows {
        let (id, cost) = row.expect("a row");
        booked.entry(id).or_default().push(cost);
    }
    booked
}

/// What a key has used up, and what open requests hold of it, is within its hard budgets of a month. An image's
/// electricity and time are known once it is generated, so a budget in money leaves room for those in a test.
fn budgets_hold(ledger: &Connection) {
    let over = |unit: &str, used: &str, held: &str| {
        let sql = format!(
            "SELECT count(*) FROM key_budgets WHERE period = 'month' AND unit = '{unit}' AND hard AND amount <
                 coalesce((SELECT sum({used}) FROM entries JOIN requests ON requests.id = request_id
                           WHERE key_id = key_budgets.key_id), 0)
               + coalesce((SELECT sum({held}) FROM requests
                           WHERE key_id = key_budgets.key_id AND state IN ('reserved', 'running')), 0)"
        );
        one(ledger, &sql)
    };
    assert_eq!(over("money", "standard_nano", "reserved_nano"), 0, "no budget in money is overspent");
    assert_eq!(over("images", "entries.images", "images"), 0, "no budget in images is overspent");
}

/// The two sums of a month, over this one and the one before: a test may run over midnight of the first.
fn sums_close(file: &Path, ledger: &Connection) {
    let zone = Calendar::UTC;
    let now = Timestamp::now();
    let today = zone.to_datetime(now).date();
    let books = Ledger::open(file).expect("the ledger");
    let costs = Config::default().cost_model(today).expect("a cost model");
    let month = Month::of(now, &zone);
    let reports = [month.previous(), month]
        .map(|month| books.month_report(&costs, month, &[], &zone, now).expect("a report"));
    let sum = |part: fn(&MonthReport) -> Money| {
        reports.iter().map(part).fold(Money::ZERO, |sum, amount| sum.plus(amount).expect("in range"))
    };

    // Images, failed work and overheads are all the energy that was booked; of each run of a meter, too.
    let span = (month.previous().start(&zone), month.end(&zone));
    let (totals, overheads) =
        (books.totals(span.0, span.1).expect("totals"), books.overheads(span.0, span.1).expect("sums"));
    let reported = totals.wall_energy.as_millijoules() + totals.failed_energy.as_millijoules();
    let reported = reported + i64::try_from(overheads.wall_energy.as_millijoules()).expect("in range");
    let rows = "SELECT coalesce((SELECT sum(wall_energy_mj) FROM entries), 0)
                     + coalesce((SELECT sum(wall_energy_mj) FROM overheads), 0)";
    assert_eq!(reported, one(ledger, rows), "the first sum closes");
    let epochs = "SELECT id, coalesce((SELECT sum(energy_mj) FROM entries WHERE epoch = meter_epochs.id), 0)
                           + coalesce((SELECT sum(energy_mj) FROM overheads WHERE epoch = meter_epochs.id), 0)
                  FROM meter_epochs";
    let mut statement = ledger.prepare(epochs).expect("SQL");
    let rows = statement.query_map([], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)?)));
    for row in rows.expect("rows") {
        let (epoch, millijoules) = row.expect("a row");
        let energy = Energy::from_millijoules(millijoules.unsigned_abs());
        assert_eq!(books.booked_in_epoch(epoch).expect("a sum"), energy);
    }

    // What images were charged and what they were not is what the parts lost, by their own arithmetic.
    let unused = |report: &MonthReport| report.whole.as_ref().expect("a whole month").unused_depreciation;
    let charged = sum(|report| report.figures.cost.depreciation).plus(sum(unused)).expect("in range");
    let first_key = one(ledger, "SELECT coalesce(min(created_at_ms), 0) FROM keys");
    let first_day = Timestamp::from_millisecond(first_key).map(|first| zone.to_datetime(first).date());
    let days = DaySpan { first: first_day.expect("a time"), end: today.tomorrow().expect("a day") };
    let images = u64::try_from(totals.images).expect("images");
    let costs = books.with_assets(&costs).expect("assets");
    let lost = costs.parts().map(|(part, service)| {
        // A part of before the first image has generated none.
        let generated = if service.and(days).days() > 0 { images } else { 0 };
        part.lost_on(days, 0, generated).expect("in range")
    });
    let lost = lost.fold(Money::ZERO, |sum, amount| sum.plus(amount).expect("in range"));
    assert_eq!(charged, lost, "the second sum closes");
    let charged = "SELECT coalesce(sum(depreciation_nano), 0) FROM entries";
    assert_eq!(sum(|report| report.figures.cost.depreciation).as_nano(), one(ledger, charged));
}
