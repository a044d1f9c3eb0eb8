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

/// What the specification asks of a resource's columns together. Returns whether the row has one.
fn check_resource(cell: impl Fn(&str) -> String) -> bool {
    let [id, name, kind] = ["ResourceId", "ResourceName", "ResourceType"].map(cell);
    assert_eq!(id.is_empty(), kind.is_empty(), "ResourceType is null where ResourceId is, and nowhere else");
    assert!(name.is_empty() || !id.is_empty(), "ResourceName is null where ResourceId is");
    assert!(name.is_empty() || name != id, "ResourceName does not repeat a ResourceId that a system gave");
    !id.is_empty()
}

#[test]
fn a_month_in_focus_fits_the_specification() {
    let place = TempDir::new().expect("a directory");
    let books = Books::open(place.path());
    let card = Some("GPU-8f1e6b0c-6f3a-0d5e-9a51-2f6a6e0d9c11");
    books.paint_on(card, "2020-01-10T09:00:00.250Z", Some("spring \"collection\", 2020"));
    books.fail("2020-01-11T09:00:00Z");
    books.paint("2020-02-10T09:00:00Z", None);
    let now = "2020-02-11T00:00:00Z".parse().expect("a time");
    let nothing = tintype::ledger::CorrectedAmounts::default();
    books.ledger.reverse(1, "a wrong tariff", Some(&nothing), now).expect("reversed");

    let specification = specification();
    let (mut rows, mut with_resource) = (0, 0);
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
            let place = |name: &str| head.iter().position(|column| column == name).expect("a column");
            with_resource += usize::from(check_resource(|name| record[place(name)].to_owned()));
            rows += 1;
        }
    }
    assert_eq!((rows, with_resource), (5, 3), "the metered picture, its reversal and its correction");
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
