//! The FOCUS export of a month against the specification's own list of columns (tests/focus).

use jiff::Timestamp;
use serde::Deserialize;
use tempfile::TempDir;

use crate::{books::Books, out, run};

/// A column of the specification.
#[derive(Debug, Deserialize)]
struct Column {
    column: String,
    feature_level: String,
    allows_nulls: bool,
    data_type: String,
    allowed_values: String,
}

fn specification() -> Vec<Column> {
    let list = include_str!("../focus/cost_and_usage_1.4.csv");
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(list.as_bytes());
    let columns: Vec<Column> = reader.deserialize().collect::<Result<_, _>>().expect("the list");
    assert_eq!(columns.len(), 65);
    columns
}

/// A decimal in FOCUS's numeric format: no plus, no exponent, no comma.
fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    digits(whole.strip_prefix('-').unwrap_or(whole)) && digits(fraction)
}

/// `2026-11-23T05:43:04Z`
fn is_utc(text: &str) -> bool {
    text.len() == 20 && text.ends_with('Z') && text.parse::<Timestamp>().is_ok()
}

fn check(column: &Column, cell: &str) {
    let Column { column: name, allows_nulls, data_type, allowed_values, .. } = column;
    if cell.is_empty() {
        assert!(allows_nulls, "{name} is null");
        return;
    }
    let is_of_type = match data_type.as_str() {
        "Decimal" => is_decimal(cell),
        "Date/Time" => is_utc(cell),
        "JSON" => serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(cell).is_ok(),
        _ => true,
    };
    assert!(is_of_type, "{name} is no {data_type}: {cell}");
    let is_allowed = allowed_values.is_empty() || allowed_values.split('|').any(|value| value == cell);
    assert!(is_allowed, "{name}: {cell}");
}

#[test]
fn a_month_in_focus_fits_the_specification() {
    let place = TempDir::new().expect("a directory");
    let books = Books::open(place.path());
    books.paint("2020-01-10T09:00:00.250Z", Some("spring \"collection\", 2020"));
    books.fail("2020-01-11T09:00:00Z");
    books.paint("2020-02-10T09:00:00Z", None);
    let now = "2020-02-11T00:00:00Z".parse().expect("a time");
    let nothing = tintype::ledger::CorrectedAmounts::default();
    books.ledger.reverse(1, "a wrong tariff", Some(&nothing), now).expect("reversed");

    let specification = specification();
    let mut rows = 0;
    for month in ["2020-01", "2020-02", "2020-03"] {
        let csv = out(&run(place.path(), &["costs", "--month", month, "--format", "focus"]));
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let head: Vec<_> = reader.headers().expect("a head").iter().map(str::to_owned).collect();
        let (ours, theirs): (Vec<_>, Vec<_>) = head.iter().partition(|name| name.starts_with("x_"));
        let known: Vec<_> = specification.iter().filter(|column| theirs.contains(&&column.column)).collect();
        let order: Vec<_> = known.iter().map(|column| &column.column).collect();
        assert_eq!(theirs, order, "FOCUS's columns, in its order");
        assert_eq!(head, [theirs, ours].concat().into_iter().cloned().collect::<Vec<_>>(), "ours come last");
        for column in &specification {
            let is_mandatory = column.feature_level == "Mandatory";
            assert!(!is_mandatory || head.contains(&column.column), "{} is missing", column.column);
        }
        for record in reader.records() {
            let record = record.expect("a row");
            known.iter().zip(record.iter()).for_each(|(column, cell)| check(column, cell));
            rows += 1;
        }
    }
    assert_eq!(rows, 5);
}

#[test]
fn the_check_of_a_month_in_focus_sees_what_is_wrong() {
    for (text, is_right) in
        [("1", true), ("-0.5", true), ("+1", false), ("1e3", false), ("1,0", false), ("", false)]
    {
        assert_eq!(is_decimal(text), is_right, "{text}");
    }
    assert!(is_utc("2026-11-23T05:43:04Z"));
    assert!(!is_utc("2026-11-23T05:43:04.5Z") && !is_utc("2026-11-23T05:43:04+00:00"));
}
