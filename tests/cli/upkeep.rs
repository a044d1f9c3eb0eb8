//! Dated lines of cost: `tintype upkeep`.

use tempfile::TempDir;
use tintype::units::Money;

use crate::{complaint, out, run};

/// Upkeep of a month, as `tintype costs --json` says.
fn upkeep(place: &TempDir, month: &str) -> Money {
    let report = out(&run(place.path(), &["costs", "--json", "--month", month]));
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    report["whole_upkeep"].to_string().parse().expect("an amount")
}

#[test]
fn a_rent_that_rises_is_two_lines_and_leaves_the_past_as_it_was() {
    let place = TempDir::new().expect("a directory");
    crate::books::Books::open(place.path());
    let rent = |amount: &str, from: &str| {
        let line = ["upkeep", "add", "rent", "--per-month", amount, "--from", from, "--document", "lease 7"];
        out(&run(place.path(), &line))
    };
    // Line 1 is what the configuration says, by the image.
    let said = rent("300", "2020-01-16");
    assert_eq!(said, "line 2 is recorded: rent, CNY 300.00 a month at 20 %, from 2020-01-16\n");
    let months = || ["2020-01", "2020-02", "2020-03"].map(|month| upkeep(&place, month).to_string());
    assert_eq!(months(), ["154.838709677", "300.00", "300.00"]);
    let ended = out(&run(place.path(), &["upkeep", "end", "rent", "--on", "2020-03-01"]));
    assert_eq!(ended, "line 2 ends: 2020-03-01 is its first day without it\n");
    rent("400", "2020-03-01");
    assert_eq!(months(), ["154.838709677", "300.00", "400.00"]);
    let listed = out(&run(place.path(), &["upkeep", "list"]));
    for said in ["0.03 an image", "configuration", "300.00 a month at 20 %", "2020-03-01", "lease 7"] {
        assert!(listed.contains(said), "{said} in {listed}");
    }
}

#[test]
fn a_line_that_cannot_be_is_refused_and_named() {
    let place = TempDir::new().expect("a directory");
    crate::books::Books::open(place.path());
    let refused = |arguments: &[&str]| {
        let output = run(place.path(), &[&["upkeep"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let add = ["add", "rent", "--from", "2020-01-16"];
    assert!(refused(&add).contains("--per-month"));
    assert!(
        refused(&[&add[..], &["--per-month", "1", "--per-year", "2"]].concat()).contains("cannot be used")
    );
    assert!(refused(&[&add[..], &["--per-month=-1"]].concat()).contains("not negative"));
    let utilisation = ["--per-month", "1", "--normal-utilisation", "0"];
    assert!(refused(&[&add[..], &utilisation].concat()).contains("--normal-utilisation"));
    let nameless = refused(&["add", "", "--from", "2020-01-16", "--per-year", "1"]);
    assert!(nameless.contains("'<NAME>': 1 to 500 characters are allowed"), "{nameless}");
    let line = [&add[..], &["--per-year", "365"]].concat();
    out(&run(place.path(), &[&["upkeep"], &line[..]].concat()));
    assert!(refused(&["end", "2", "--on", "2020-01-15"]).contains("2020-01-16 or a later day"));
    assert!(refused(&["end", "9"]).contains("no line `9`"));
    out(&run(place.path(), &["upkeep", "end", "2", "--on", "2020-01-16"]));
    let again = run(place.path(), &["upkeep", "end", "2", "--on", "2020-02-16"]);
    assert!(complaint(&again, 2).contains("no line `2`"));
}
