//! Months in groups, closed, verified, and corrected, from the command line.

use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;
use tintype::{domain::Calendar, ledger::Month};

use crate::{books::Books, complaint, out, run};

/// Two images in 2020-01, one of them for a project, and one in 2020-02.
fn past(place: &TempDir) -> Books {
    let books = Books::open(place.path());
    books.generate("2020-01-10T09:00:00Z", Some("spring"));
    books.generate("2020-01-31T23:59:59Z", None);
    books.generate("2020-02-01T00:00:00Z", None);
    books
}

fn this_month() -> String {
    Month::of(Timestamp::now(), &Calendar::UTC).to_string()
}

/// Runs `sql` on the ledger as somebody with sqlite3 would who has taken the triggers away.
pub fn tamper(place: &TempDir, sql: &str) {
    let ledger = rusqlite::Connection::open(place.path().join("data/ledger.sqlite3")).expect("the ledger");
    let mut statement = ledger.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").expect("SQL");
    let names = statement.query_map([], |row| row.get::<_, String>(0)).expect("triggers");
    for name in names.collect::<Result<Vec<_>, _>>().expect("names") {
        ledger.execute_batch(&format!("DROP TRIGGER {name}")).expect("dropped");
    }
    assert_eq!(ledger.execute(sql, []).expect("tampered"), 1);
}

#[test]
fn a_month_is_printed_in_groups_in_every_format() {
    let place = TempDir::new().expect("a directory");
    past(&place);
    let costs = |extra: &[&str]| {
        out(&run(place.path(), &[&["costs", "--month", "2020-01", "--by", "tag"], extra].concat()))
    };
    let table = costs(&[]);
    let lines: Vec<_> = table.lines().rev().take(3).collect();
    assert!(lines[2].starts_with("TAG ") && lines[2].ends_with("SAVED"), "{table}");
    assert!(lines[1].starts_with("-  ") && lines[0].starts_with("spring"), "{table}");
    assert!(lines[0].contains("0.3756"), "{table}");

    let month: serde_json::Value = serde_json::from_str(&costs(&["--format", "json"])).expect("JSON");
    assert_eq!((&month["images"], &month["grouped_by"]), (&json!(2), &json!("tag")));
    assert_eq!(month["groups"][0]["group"], json!(null));
    assert_eq!(month["groups"][1]["group"], json!("spring"));
    assert_eq!(month["groups"][1]["total"].to_string(), "0.375583334");
    assert_eq!(costs(&["--json"]), costs(&["--format", "json"]));

    let csv = costs(&["--format", "csv"]);
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(csv.lines().nth(2).expect("a row").starts_with("2020-01,CNY,tag,spring,,1,1,0.001875,"), "{csv}");
    let whole = out(&run(place.path(), &["costs", "--month", "2020-01", "--format", "csv"]));
    assert!(whole.lines().nth(1).expect("a row").starts_with("2020-01,CNY,,,,2,2,0.00375,"), "{whole}");

    assert_eq!(run(place.path(), &["costs", "--by", "colour"]).status.code(), Some(2));
    let focus = run(place.path(), &["costs", "--by", "tag", "--format", "focus"]);
    assert!(complaint(&focus, 2).contains("leave --by out"));
}

#[test]
fn a_month_is_closed_and_verified() {
    let place = TempDir::new().expect("a directory");
    past(&place);
    let month = |arguments: &[&str]| run(place.path(), &[&["month"], arguments].concat());
    assert_eq!(out(&month(&["verify"])), "no month is closed\n");
    assert!(complaint(&month(&["verify", "2020-01"]), 2).contains("not closed"));
    assert!(complaint(&month(&["close", &this_month()]), 2).contains("has not ended"));
    assert!(complaint(&month(&["close", "2020-02"]), 2).contains("2020-01 has entries"));
    let closed = out(&month(&["close", "2020-01"]));
    assert!(closed.starts_with("2020-01 is closed: 2 entries, sha256 "), "{closed}");
    let hash = closed.trim().rsplit(' ').next().expect("a hash");
    assert_eq!(hash.len(), 64);
    assert!(complaint(&month(&["close", "2020-01"]), 2).contains("closed already"));
    let audited = out(&run(place.path(), &["audit"]));
    assert!(
        audited.contains("closed months are as they were closed") && !audited.contains("BROKEN"),
        "{audited}"
    );
    let reconciled = out(&month(&["reconcile", "2020-01", "--kwh", "0.004", "--amount", "0.005"]));
    for said in ["images", "0.003750", "0.00375", "measured", "6.2 % of what was measured is not booked"] {
        assert!(reconciled.contains(said), "{said}: {reconciled}");
    }
    let not_begun = month(&["reconcile", "9998-01", "--kwh", "1"]);
    assert!(complaint(&not_begun, 2).contains("9998-01 has not begun"));
    let broken = run(place.path(), &["audit"]);
    assert!(complaint(&broken, 1).contains("1 of 9 controls"));
    assert!(String::from_utf8_lossy(&broken.stdout).contains("2020-01: 6.2 % of what was measured"));
    out(&run(place.path(), &["audit", "--tolerance", "7"]));
    out(&month(&["close", "2020-02"]));
    let verified = out(&month(&["verify"]));
    let lines: Vec<_> = verified.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains(hash) && lines.iter().all(|line| line.ends_with("unchanged")), "{verified}");
    assert_eq!(out(&month(&["verify", "2020-02"])), format!("{}\n", lines[1]));
}

#[test]
fn a_month_with_an_open_request_is_not_closed() {
    let place = TempDir::new().expect("a directory");
    let books = past(&place);
    let open = books.open_request("2020-01-31T23:00:00Z".parse().expect("a time"), None);
    let refused = run(place.path(), &["month", "close", "2020-01"]);
    assert!(complaint(&refused, 2).contains("open: 1"), "{open:?}");
}

#[test]
fn a_month_that_was_changed_by_hand_is_named_with_its_entry() {
    let place = TempDir::new().expect("a directory");
    past(&place);
    let month = |arguments: &[&str]| run(place.path(), &[&["month"], arguments].concat());
    out(&month(&["close", "2020-01"]));
    out(&month(&["close", "2020-02"]));
    tamper(&place, "UPDATE entries SET depreciation_nano = 0 WHERE id = 2");
    let found = month(&["verify"]);
    assert_eq!(complaint(&found, 1), "tintype: 2020-01 is not as it was closed: entry 2 was changed");
    let lines = String::from_utf8(found.stdout).expect("UTF-8");
    assert!(lines.lines().nth(1).expect("a line").ends_with("unchanged"), "the other month is: {lines}");
    out(&month(&["verify", "2020-02"]));
}

#[test]
fn an_entry_of_a_closed_month_is_corrected_in_this_one() {
    let place = TempDir::new().expect("a directory");
    past(&place);
    let month = |arguments: &[&str]| run(place.path(), &[&["month"], arguments].concat());
    out(&month(&["close", "2020-01"]));
    let costs = |text: &str| {
        let json = out(&run(place.path(), &["costs", "--month", text, "--json"]));
        serde_json::from_str::<serde_json::Value>(&json).expect("JSON")
    };
    let january = costs("2020-01");
    let correct = ["--reason", "the meter was wrong", "--correct", "electricity=0.001,upkeep=0"];
    let said = out(&month(&[&["reverse", "1"][..], &correct].concat()));
    assert_eq!(said, "entry 1 is taken back by entry 4; entry 5 stands in its place\n");
    let said = out(&month(&["reverse", "2", "--reason", "made for a test"]));
    assert_eq!(said, "entry 2 is taken back by entry 6\n");
    assert_eq!(costs("2020-01"), january);
    let now = costs(&this_month());
    // 0.001 + 0.343333334 less twice 0.375583334.
    assert_eq!((&now["images"], now["total"].to_string()), (&json!(-1), "-0.406833334".to_owned()));
    assert_eq!(now["cost_per_image"], json!(null));
    let table = out(&run(place.path(), &["costs", "--month", &this_month(), "--by", "day"]));
    assert!(table.contains("-0.4068 CNY") && table.contains("taken back"), "{table}");
    out(&month(&["verify"]));

    assert!(complaint(&month(&["reverse", "99", "--reason", "x"]), 2).contains("no entry 99"));
    assert!(complaint(&month(&["reverse", "1", "--reason", "x"]), 2).contains("already, by entry 4"));
    assert!(complaint(&month(&["reverse", "3", "--reason", ""]), 2).contains("--reason"));
    for nonsense in ["electricity", "colour=1", "upkeep=x", "upkeep=1,upkeep=2", "upkeep=-1"] {
        let refused = month(&["reverse", "3", "--reason", "x", "--correct", nonsense]);
        assert_eq!(refused.status.code(), Some(2), "{nonsense}");
    }
}

#[test]
fn a_month_is_compared_with_each_service_and_told_how_far_it_has_paid() {
    let place = TempDir::new().expect("a directory");
    past(&place);
    let costs = |extra: &[&str]| out(&run(place.path(), &[&["costs", "--month", "2020-01"], extra].concat()));
    let month: serde_json::Value = serde_json::from_str(&costs(&["--json"])).expect("JSON");
    let same = &month["services"][0];
    assert_eq!((&same["sku"], &same["headline"]), (&json!("fal/z-image-turbo"), &json!(true)));
    assert_eq!((&same["compared_price"], &same["saving"]), (&month["compared_price"], &month["saving"]));
    // The price book begins in 2026.
    let premium = &month["services"][1];
    assert_eq!((&premium["compared_price"], &premium["unpriced"]["images"]), (&json!(null), &json!(2)));
    assert_eq!(month["days"].as_array().expect("days").len(), 31);
    assert_eq!(month["days"][9]["images"], json!(1));
    let payback = &month["payback"];
    assert_eq!((&payback["investment"], &payback["since"]), (&json!(17300.0), &json!("1970-01-01")));
    assert_eq!(
        (&payback["against"][0]["outlook"], &payback["against"][1]["outlook"]),
        (&json!("not_in_ten_years"), &json!(null))
    );

    let table = costs(&[]);
    let line = |start: &str| {
        table.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start} in {table}"))
    };
    assert!(line("SERVICE").ends_with("PRICE READ"), "{table}");
    assert!(line("fal/z-image-turbo").contains("-0.6778"), "{table}");
    assert!(
        line("  openai/gpt-image-2: 2 images of 2 days from 2020-01-10 to 2020-01-31 are left out")
            .contains("no price")
    );
    assert!(
        line("Payback since 1970-01-01: 17300.00 CNY for the hardware").ends_with("0.06 CNY for upkeep"),
        "{table}"
    );
    let outlook = line("  fal/z-image-turbo");
    assert!(outlook.ends_with("0.0 %  not paid back within ten years, at the pace of 30 days"), "{outlook}");
    let empty = out(&run(place.path(), &["costs", "--month", "2020-03"]));
    assert!(!empty.contains("SERVICE") && empty.contains("Payback"), "{empty}");
}

#[test]
fn a_year_is_printed_month_by_month_in_every_format() {
    let place = TempDir::new().expect("a directory");
    past(&place);
    let costs = |extra: &[&str]| out(&run(place.path(), &[&["costs", "--year", "2020"], extra].concat()));
    let year: serde_json::Value = serde_json::from_str(&costs(&["--json"])).expect("JSON");
    assert_eq!((&year["year"], &year["images"]), (&json!("2020"), &json!(3)));
    let months = year["months"].as_array().expect("months");
    assert_eq!((months.len(), &months[0]["images"], &months[1]["images"]), (12, &json!(2), &json!(1)));
    let january = out(&run(place.path(), &["costs", "--month", "2020-01", "--json"]));
    let january: serde_json::Value = serde_json::from_str(&january).expect("JSON");
    for field in ["total", "saving", "fully_loaded_total", "services"] {
        assert_eq!(january[field], months[0][field], "{field}");
    }
    let table = costs(&[]);
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[1].starts_with("MONTH") && lines[2].starts_with("2020-01"), "{table}");
    assert!(lines[14].starts_with("2020 ") && lines[14].contains(" 3 "), "{table}");
    let csv = costs(&["--format", "csv"]);
    assert_eq!(
        (csv.lines().count(), csv.lines().nth(2).expect("a row").starts_with("2020-02,CNY,,,,1,")),
        (13, true)
    );

    for wrong in [&["--month", "2020-01"][..], &["--by", "tag"], &["--format", "focus"]] {
        let refused = run(place.path(), &[&["costs", "--year", "2020"], wrong].concat());
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(run(place.path(), &["costs", "--year", "20"]).status.code(), Some(2));
}
