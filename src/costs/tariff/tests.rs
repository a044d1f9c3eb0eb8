use figment::Figment;
use jiff::{Timestamp, civil::datetime, tz::TimeZone};

use super::*;
use crate::toml_text::TomlText;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    tariff: Vec<TariffRow>,
}

/// A tariff of rows such as `"2026-01-01" 0.30 hours = "22:00-06:00"`.
fn tariff(rows: &[(&str, &str, &str)]) -> Result<Vec<(Date, PriceSheet)>, String> {
    let toml: String = rows
        .iter()
        .map(|(from, price, conditions)| {
            format!("[[tariff]]\neffective_from = \"{from}\"\nprice_per_kwh = \"{price}\"\n{conditions}\n")
        })
        .collect();
    let file: File = Figment::from(TomlText::string(&toml)).extract().map_err(|error| error.to_string())?;
    PriceSheet::of_rows(&file.tariff).map_err(|error| error.to_string())
}

fn price(sheets: &[(Date, PriceSheet)], at: DateTime) -> String {
    let sheet = sheets.iter().rfind(|(from, _)| *from <= at.date());
    sheet.map_or("1.20".to_owned(), |(_, sheet)| sheet.row_at(at).expect("sound").price_per_kwh.to_string())
}

#[test]
fn without_rows_the_flat_price_holds_always() {
    let flat = tariff(&[]).expect("a tariff");
    assert_eq!(price(&flat, datetime(2026, 11, 23, 3, 0, 0, 0)), "1.20");
}

#[test]
fn hours_go_on_over_midnight() {
    let night = [("2026-01-01", "0.60", ""), ("2026-01-01", "0.30", "hours = \"22:00-06:00\"")];
    let night = tariff(&night).expect("a tariff");
    let at = |hour, minute| price(&night, date(2026, 11, 23).at(hour, minute, 59, 0));
    assert_eq!([at(21, 59), at(22, 0), at(23, 59)], ["0.60", "0.30", "0.30"]);
    assert_eq!([at(0, 0), at(5, 59), at(6, 0)], ["0.30", "0.30", "0.60"]);
}

#[test]
fn months_and_weekdays_are_those_of_the_moment_itself() {
    let rows = [
        ("2026-01-01", "0.60", ""),
        ("2026-01-01", "0.30", "hours = \"22:00-06:00\"\nweekdays = [\"sat\", \"sun\"]"),
        ("2026-01-01", "0.90", "months = [11, 12, 1, 2, 3]"),
    ];
    let weekend = tariff(&rows).expect("a tariff");
    let july = |day, hour| price(&weekend, date(2026, 7, day).at(hour, 0, 0, 0));
    // 4 July 2026 is a Saturday. The night from Sunday ends with Sunday.
    assert_eq!([july(3, 23), july(4, 1), july(5, 23), july(6, 1)], ["0.60", "0.30", "0.30", "0.60"]);
    let november = |hour| price(&weekend, date(2026, 11, 1).at(hour, 0, 0, 0));
    assert_eq!([november(1), november(12)], ["0.30", "0.90"], "more conditions come first");
}

#[test]
fn a_sheet_holds_from_its_day_until_the_next_and_old_days_keep_their_price() {
    let rows = [
        ("2026-07-01", "0.70", ""),
        ("2026-03-01", "0.60", ""),
        ("2026-03-01", "0.30", "hours = \"22:00-06:00\""),
    ];
    let sheets = tariff(&rows).expect("a tariff");
    let at = |day| price(&sheets, Date::at(day, 23, 0, 0, 0));
    assert_eq!(at(date(2026, 2, 28)), "1.20");
    assert_eq!(at(date(2026, 3, 1)), "0.30");
    assert_eq!(at(date(2026, 6, 30)), "0.30");
    assert_eq!(at(date(2026, 7, 1)), "0.70", "a sheet is replaced as a whole");
}

#[test]
fn the_clock_on_the_wall_counts_when_it_is_put_back_or_forward() {
    let rows = [("2026-01-01", "0.60", ""), ("2026-01-01", "0.30", "hours = \"02:00-03:00\"")];
    let early = tariff(&rows).expect("a tariff");
    let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
    let at = |time: &str| price(&early, berlin.to_datetime(time.parse::<Timestamp>().expect("a time")));
    // Put back on 25 October at 01:00 UTC: 02:30 comes twice, and both are cheap.
    assert_eq!(at("2026-10-24T23:59:00Z"), "0.60");
    assert_eq!([at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z")], ["0.30", "0.30"]);
    assert_eq!(at("2026-10-25T02:00:00Z"), "0.60");
    // Put forward on 29 March at 01:00 UTC: 02:00 does not come.
    assert_eq!([at("2026-03-29T00:59:00Z"), at("2026-03-29T01:00:00Z")], ["0.60", "0.60"]);
}

#[test]
fn an_hour_may_cost_less_than_nothing() {
    let rows = [("2026-01-01", "0.30", ""), ("2026-01-01", "-0.02", "hours = \"12:00-15:00\"")];
    let sunny = tariff(&rows).expect("a tariff");
    assert_eq!(price(&sunny, datetime(2026, 7, 5, 13, 0, 0, 0)), "-0.02");
}

#[test]
fn two_prices_at_one_time_are_named() {
    let rows = [
        ("2026-01-01", "0.60", ""),
        ("2026-01-01", "0.30", "hours = \"22:00-06:00\""),
        ("2026-01-01", "0.90", "months = [11, 12]"),
    ];
    let error = tariff(&rows).expect_err("two prices");
    assert!(error.contains("rows 2 and 3") && error.contains("Monday in November at 00:00"), "{error}");
    let both = ("2026-01-01", "0.40", "hours = \"22:00-06:00\"\nmonths = [11, 12]");
    assert!(tariff(&[rows[0], rows[1], rows[2], both]).is_ok(), "a row with both conditions decides");
    assert!(tariff(&[rows[0], rows[0]]).expect_err("twice").contains("rows 1 and 2"));
    let later = ("2026-02-01", "0.70", "");
    assert!(tariff(&[rows[0], later]).is_ok(), "they are two sheets");
}

#[test]
fn a_time_without_a_price_is_named() {
    let day = ("2026-01-01", "0.60", "hours = \"06:00-22:00\"");
    let error = tariff(&[day]).expect_err("no nights");
    assert!(error.contains("2026-01-01") && error.contains("Monday in January at 00:00"), "{error}");
    let evening = tariff(&[("2026-01-01", "0.30", "hours = \"00:00-22:00\"")]).expect_err("no evenings");
    assert!(evening.contains("at 22:00"), "{evening}");
    assert!(tariff(&[day, ("2026-01-01", "0.30", "hours = \"22:00-06:00\"")]).is_ok());
    assert!(tariff(&[("2026-01-01", "0.60", "hours = \"00:00-24:00\"")]).is_ok());
}

#[test]
fn a_row_that_cannot_be_is_named() {
    for (price, conditions, said) in [
        ("0.60", "months = [0]", "row 1: months"),
        ("0.60", "weekdays = []", "row 1: an empty list"),
        ("0.60", "weekdays = [\"monday\"]", "monday"),
        ("0.60", "hours = \"25:00-26:00\"", "25:00-26:00"),
        ("0.60", "hours = \"6-22\"", "6-22"),
        ("0.60", "hours = \"06:00-06:00\"", "06:00-06:00"),
        ("0.60", "hour = \"06:00-22:00\"", "hour"),
    ] {
        let error = tariff(&[("2026-01-01", price, conditions)]).expect_err("refused");
        assert!(error.contains(said), "{error}");
    }
}
