//! The FOCUS export of a month against the specification's own list of columns (tests/focus).

use std::{path::Path, process::Command};

use jiff::{Timestamp, civil::date};
use serde::Deserialize;
use tempfile::TempDir;
use tintype::{
    costs::{Asset, Life, Retirement},
    ledger::Evidence,
    units::Money,
};

use crate::{
    books::{Books, example_costs},
    out, run,
    script::{self, python_programs},
    skip::skip_or_fail,
};

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

/// What the specification asks of prices: a usage has a price's id and a quantity, and its product with the unit price
/// is the cost; what is no usage has neither.
fn check_price(cell: impl Fn(&str) -> String) {
    let amount = |name: &str| cell(name).parse::<Money>().expect(name);
    assert_eq!((cell("ListCost"), cell("ContractedCost")), (cell("BilledCost"), cell("BilledCost")));
    let of_sku =
        ["SkuId", "SkuMeter", "SkuPriceId", "ListUnitPrice", "ContractedUnitPrice", "PricingQuantity"];
    let has_price = of_sku.map(|name| !cell(name).is_empty());
    assert_eq!(has_price, [cell("ChargeCategory") == "Usage"; 6]);
    assert_eq!(cell("ConsumedQuantity").is_empty(), cell("ChargeCategory") != "Usage");
    if has_price[0] {
        let quantity = cell("PricingQuantity").strip_suffix(".0").map(str::parse::<i64>);
        let product = amount("ListUnitPrice").times(quantity.expect("a decimal").expect("a number"));
        assert_eq!(product, Ok(amount("ListCost")));
        assert!(amount("ListUnitPrice") >= Money::ZERO);
        assert!(cell("SkuPriceId").starts_with(&(cell("SkuId") + "@")));
    }
}

/// What the specification asks of a resource's columns together. Returns whether the row has one.
fn check_resource(cell: impl Fn(&str) -> String) -> bool {
    let [id, name, kind] = ["ResourceId", "ResourceName", "ResourceType"].map(cell);
    assert_eq!(id.is_empty(), kind.is_empty(), "ResourceType is null where ResourceId is, and nowhere else");
    assert!(name.is_empty() || !id.is_empty(), "ResourceName is null where ResourceId is");
    assert!(name.is_empty() || name != id, "ResourceName does not repeat a ResourceId that a system gave");
    !id.is_empty()
}

/// The months of [`books`], which have rows of every category.
const MONTHS: [&str; 3] = ["2020-01", "2020-02", "2020-03"];

/// A ledger with images, one of them corrected, failed work, and a part that was sold at a loss.
fn books(place: &Path) {
    let books = Books::open(place);
    let card = Some("GPU-8f1e6b0c-6f3a-0d5e-9a51-2f6a6e0d9c11");
    books.generate_on(card, "2020-01-10T09:00:00.250Z", Some("spring \"collection\", 2020"));
    books.fail("2020-01-11T09:00:00Z");
    books.generate("2020-02-10T09:00:00Z", None);
    let now = "2020-02-11T00:00:00Z".parse().expect("a time");
    let nothing = tintype::ledger::CorrectedAmounts::default();
    books.ledger.reverse(1, "a wrong tariff", Some(&nothing), "command line", now).expect("reversed");
    let part = Asset {
        name: "a card".into(),
        price: Money::from_nano(1_000_000_000_000),
        residual: Money::ZERO,
        share_percent: 100,
        purchased_on: date(2020, 1, 5),
        life: Life::Time { years: 3, normal_utilisation_percent: 20 },
        retirement: None,
    };
    let costs = example_costs();
    let id = books.ledger.add_asset(&part, &costs, &Evidence::COMMAND_LINE, now).expect("added");
    let sold = Retirement { on: date(2020, 2, 5), proceeds: Money::from_nano(500_000_000_000) };
    assert!(books.ledger.retire_asset(id, sold, &costs, &Evidence::COMMAND_LINE, now).expect("retired"));
}

#[test]
fn a_month_in_focus_fits_the_specification() {
    let place = TempDir::new().expect("a directory");
    books(place.path());
    let specification = specification();
    let (mut rows, mut with_resource) = (0, 0);
    for month in MONTHS {
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
            check_price(|name| record[place(name)].to_owned());
            with_resource += usize::from(check_resource(|name| record[place(name)].to_owned()));
            rows += 1;
        }
    }
    // Depreciation that nothing was charged, of January and of February, is a row of its own.
    assert_eq!((rows, with_resource), (8, 3), "the metered image, its reversal and its correction");
}

/// Pinned in tests/focus/requirements.txt: it has rules for FOCUS 1.4, which the official validator lacks.
#[test]
fn the_focus_data_toolkit_finds_nothing_wrong_with_a_month() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/focus");
    let programs = match python_programs("focus-venv", &here) {
        Ok(programs) => programs,
        Err(reason) => return skip_or_fail("focus-data-toolkit", &reason),
    };
    let place = TempDir::new().expect("a directory");
    books(place.path());
    let file = place.path().join("month.csv");
    let validate = || {
        let mut toolkit = Command::new(programs.join("focus-toolkit"));
        toolkit.args(["validate", "--dataset", "cost-and-usage", "--supports", "SupportsUnitPricing"]);
        script::run(toolkit.arg(&file))
    };
    for month in &MONTHS[..2] {
        let csv = out(&run(place.path(), &["costs", "--month", month, "--format", "focus"]));
        std::fs::write(&file, &csv).expect("a file");
        if let Err(report) = validate() {
            panic!("{month}: {report}");
        }
        // It would see a price that the cost does not follow from.
        std::fs::write(&file, csv.replace(",1.0,Images,", ",,Images,")).expect("a file");
        assert!(validate().is_err(), "{month}");
    }
}

#[test]
fn the_metadata_names_every_column_with_its_type() {
    let place = TempDir::new().expect("a directory");
    let text = out(&run(place.path(), &["costs", "--format", "focus-metadata"]));
    let schema = serde_json::from_str::<serde_json::Value>(&text).expect("JSON")["Schema"].clone();
    assert_eq!(schema["FocusVersion"], "1.4");
    Books::open(place.path());
    let csv = out(&run(place.path(), &["costs", "--month", "2020-01", "--format", "focus"]));
    let head: Vec<_> = csv.lines().next().expect("a head").split(',').collect();
    let columns = schema["ColumnDefinition"].as_array().expect("columns");
    let names: Vec<_> = columns.iter().map(|column| column["ColumnName"].as_str().expect("a name")).collect();
    assert_eq!(names, head);
    for column in specification() {
        let Some(ours) = columns.iter().find(|ours| ours["ColumnName"] == column.column) else { continue };
        let expected = match column.data_type.as_str() {
            "Date/Time" => "DATETIME".to_owned(),
            other => other.to_uppercase(),
        };
        assert_eq!(ours["DataType"], expected, "{}", column.column);
    }
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
