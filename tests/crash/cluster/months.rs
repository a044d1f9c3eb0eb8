//! A month is closed while requests are settled, by workers whose clocks are ten minutes behind and ahead: each entry is under the
//! seal or after the month, and none is refused or lost.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, RwLock},
    thread,
};

use jiff::{SignedDuration, Timestamp};
use tintype::{domain::Calendar, ledger::Month};

use super::{
    nodes::{Cluster, Variables},
    orders::Orders,
};
use crate::{eventually::eventually, postgres::skip_for_want_of};

/// Clients that order at one time.
const CLIENTS: usize = 4;
/// Answers before the month is closed, and after it.
const ANSWERS: usize = 6;
/// From the start of the test until the month ends.
const LEFT_OF_MONTH: SignedDuration = SignedDuration::from_secs(15);
/// Longer than a month waits after its end to be closed.
const WAIT: SignedDuration = SignedDuration::from_mins(6);
/// By how much a worker's clock is off.
const OFF: SignedDuration = SignedDuration::from_mins(10);

/// Debian's package libfaketime, which sets a program's clock.
fn library() -> Option<PathBuf> {
    let places = fs::read_dir("/usr/lib").into_iter().flatten().filter_map(Result::ok);
    places.map(|place| place.path().join("faketime/libfaketime.so.1")).find(|library| library.is_file())
}

/// A clock that is `ahead` of the machine's. How time passes stays as it is.
fn clock(library: &Path, ahead: SignedDuration) -> Variables {
    let variables = [
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME", format!("{:+}", ahead.as_secs())),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("NO_FAKE_STAT", "1".to_owned()),
        // The database's user could not open what root shares.
        ("FAKETIME_DISABLE_SHM", "1".to_owned()),
    ];
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[test]
fn a_month_that_is_closed_under_load_by_clocks_that_are_off_has_every_entry_of_its_own() {
    let Some(library) = library() else {
        return skip_for_want_of("libfaketime is not in /usr/lib/*/faketime");
    };
    let now = Timestamp::now();
    let month = Month::of(now, &Calendar::UTC).previous();
    let end = month.end(&Calendar::UTC);
    // The database, the gateway and the command line have the cluster's time.
    let ahead = (end - LEFT_OF_MONTH).duration_since(now);
    let Some(cluster) = Cluster::with("4", clock(&library, ahead)) else { return };
    let gateways = RwLock::new(vec![cluster.gateway()]);
    let workers = [-OFF, OFF].map(|off| cluster.worker_with(&clock(&library, ahead + off)));
    let orders = Orders::default();
    let has_ended =
        format!("SELECT (extract(epoch FROM clock_timestamp()) * 1000 > {})::int", end.as_millisecond());
    let goes_on = || {
        let before = orders.answered();
        eventually("clients are answered", || orders.answered() >= before + ANSWERS);
    };
    let too_early = Mutex::new(String::new());
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| orders.order_on(&cluster, &gateways));
        }
        eventually("the month has ended", || cluster.count(&has_ended) == 1);
        goes_on();
        // Not in the minutes after its end, which are over at once by a clock that is fast; and not as long as a request of the month
        // is open.
        let close = ["month", "close", &month.to_string(), "--yes"];
        *too_early.lock().expect("no panic") =
            String::from_utf8_lossy(&cluster.run(&close).stderr).into_owned();
        let later = clock(&library, ahead + WAIT);
        eventually("the month is closed", || cluster.run_with(&close, &later).status.success());
        goes_on();
        orders.end();
    });
    cluster.settles();
    let too_early = too_early.into_inner().expect("no panic");
    assert!(too_early.contains("has just ended"), "{too_early}");
    let of_month = format!("SELECT count(*) FROM entries WHERE entered_at_ms < {}", end.as_millisecond());
    let sealed = "SELECT count(*) FROM month_closing_rows";
    assert_eq!(cluster.count(&of_month), cluster.count(sealed), "every entry of the month is under its seal");
    let after = format!("SELECT count(*) FROM entries WHERE entered_at_ms >= {}", end.as_millisecond());
    assert_ne!(cluster.count(&after), 0, "others are after it");
    cluster.succeeds(&["month", "verify"]);
    cluster.succeeds(&["ledger", "check"]);
    let answered = orders.answers();
    let settled = cluster.count("SELECT count(*) FROM requests WHERE state = 'settled'");
    assert_eq!(
        settled,
        i64::try_from(answered.len()).expect("a count"),
        "all that was answered, and nothing else"
    );
    assert_eq!(cluster.count("SELECT count(*) FROM requests WHERE state <> 'settled'"), 0, "nothing failed");
    for worker in &workers {
        let said = worker.said();
        assert!(!said.contains("panicked") && !said.contains("could not be settled"), "{said}");
    }
}
