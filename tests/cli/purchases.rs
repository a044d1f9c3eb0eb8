//! Parts and lines of cost as they were invoiced, what is rented, and the register for an auditor.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::{books::Books, complaint, out, run};

fn json_of(place: &TempDir, arguments: &[&str]) -> Value {
    serde_json::from_str(&out(&run(place.path(), arguments))).expect("JSON")
}

#[test]
fn what_is_invoiced_abroad_or_with_a_tax_counts_as_what_it_costs() {
    let place = TempDir::new().expect("a directory");
    let run = |arguments: &[&str]| run(place.path(), arguments);
    out(&run(&["terms", "set", "exchange_rate.EUR", "8"]));
    let card = ["asset", "add", "card", "--bought", "2100-01-15", "--lifetime-images", "30000"];
    let abroad = ["--price", "1190", "--residual", "595", "--currency", "EUR", "--vat", "19"];
    let said = out(&run(&[&card[..], &abroad, &["--vat-deducted", "--document", "R-7"]].concat()));
    assert_eq!(said, "asset 1 is recorded: card at 8000.00 CNY, 30000 images\n");
    let listed = json_of(&place, &["asset", "list", "--json"]);
    assert_eq!((&listed[0]["price"], &listed[0]["residual"]), (&json!(8000.0), &json!(4000.0)));
    let vat = json!({ "rate": "19", "is_included": true, "is_deducted": true });
    assert_eq!((&listed[0]["invoice"]["currency"], &listed[0]["invoice"]["vat"]), (&json!("EUR"), &vat));
    let rent = ["upkeep", "add", "cloud", "--per-hour", "1", "--hours-a-day", "8", "--minimum-hours", "300"];
    let said = out(&run(&[&rent[..], &["--from", "2026-10-01", "--vat", "6", "--net"]].concat()));
    assert!(said.contains("1.06 an hour, 8 a day, at least 300 a month"), "{said}");
    out(&run(&["upkeep", "add", "fan", "--once", "250", "--from", "2026-10-16"]));
    let lines = json_of(&place, &["upkeep", "list", "--json"]);
    let fan = lines.as_array().and_then(|lines| lines.last()).expect("a line");
    assert_eq!((&fan["amount"], &fan["ends"]), (&json!("250.00 once"), &json!("2026-10-17")));
    let dearer = ["terms", "set", "price_per_kwh", "1.00", "--from", "2100-01-01", "--vat", "13", "--net"];
    assert_eq!(out(&run(&dearer)), "electricity: 1.13 a kWh, from 2100-01-01 on\n");
    for (arguments, said) in [
        (&["--currency", "GBP"][..], "no exchange rate from GBP to CNY"),
        (&["--currency", "CNY", "--exchange-rate", "2", "--vat", "1"], "leave --exchange-rate out"),
        (&["--currency", "EUR", "--exchange-rate", "0"], "--exchange-rate must be above 0"),
        (&["--vat", "19 %"], "write a percentage"),
        (&["--net"], "required arguments were not provided"),
    ] {
        let output = run(&[&card[..], &["--price", "1"], arguments].concat());
        assert!(complaint(&output, 2).contains(said), "{said}: {output:?}");
    }
    let wrong = ["upkeep", "add", "x", "--per-hour", "1", "--hours-a-day", "25", "--from", "2026-10-01"];
    assert!(complaint(&run(&wrong), 2).contains("hours_a_day: must be from 1 to 24"));
    assert!(complaint(&run(&["terms", "set", "host_watts", "1", "--vat", "9"]), 2).contains("no invoice"));
}

#[test]
fn the_register_lists_every_part_with_the_values_of_its_years() {
    let place = TempDir::new().expect("a directory");
    let card = ["asset", "add", "=card", "--price", "13000", "--residual", "5000", "--bought", "2020-11-01"];
    let life = ["--years", "3", "--normal-utilisation", "20", "--document", "R-1"];
    out(&run(place.path(), &[&card[..], &life].concat()));
    out(&run(place.path(), &["asset", "retire", "1", "--proceeds", "9000", "--on", "2021-11-01"]));
    let register = json_of(&place, &["asset", "register", "--format", "json"]);
    let years = register[0]["years"].as_array().expect("years");
    assert_eq!(years.len(), 2);
    assert_eq!(years[0]["closing_value"], years[1]["opening_value"]);
    assert_eq!(years[1]["disposals"], json!(10_333.333_333_333));
    let csv = out(&run(place.path(), &["asset", "register", "--format", "csv"]));
    let rows: Vec<_> = csv.lines().collect();
    assert_eq!(rows.len(), 3);
    assert!(rows[1].starts_with("1,'=card,2020-11-01,R-1,command line,"), "{}", rows[1]);
    assert!(rows[2].ends_with("2021-11-01,9000.00,-1333.333333333,"), "no machine: {}", rows[2]);
    let rest =
        ["asset", "add", "rest", "--price", "900", "--bought", "2020-01-01", "--lifetime-images", "9000"];
    out(&run(place.path(), &[&rest[..], &["--at-most-years", "3"]].concat()));
    let listed = json_of(&place, &["asset", "list", "--json"]);
    assert_eq!(listed[1]["life"], "9000 images, at most 3 years");
    assert_eq!(listed[1]["book_value"], json!(0.0), "its years are over, without an image");
    let register = json_of(&place, &["asset", "register", "--format", "json"]);
    let lost =
        register[1]["years"].as_array().expect("years").iter().map(|year| year["depreciation"].as_f64());
    assert_eq!(lost.flatten().sum::<f64>().round(), 900.0);
    let table = out(&run(place.path(), &["asset", "register"]));
    assert!(table.contains("10333.33") && table.contains("R-1"), "{table}");
}

#[test]
fn a_closed_month_is_written_out_as_it_was_hashed() {
    let place = TempDir::new().expect("a directory");
    let books = Books::open(place.path());
    books.generate("2020-01-10T09:00:00Z", Some("spring"));
    let export = |month: &str| run(place.path(), &["month", "export", month, "--out", "audit"]);
    assert!(complaint(&export("2020-01"), 2).contains("2020-01 is not closed"));
    let rent = ["upkeep", "add", "cloud", "--per-hour", "1.24", "--from", "2020-01-01", "--vat", "6"];
    out(&run(place.path(), &rent));
    let closed = out(&run(place.path(), &["month", "close", "2020-01"]));
    let seal = closed.trim().rsplit(' ').next().expect("a hash");
    let files = out(&export("2020-01"));
    assert_eq!(files.lines().count(), 3, "{files}");
    let read = |name: &str| {
        std::fs::read_to_string(place.path().join("audit").join(format!("2020-01.{name}"))).expect("a file")
    };
    let hash = |text: &str| Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let sealed = read("sealed.jsonl");
    assert_eq!(hash(&sealed), seal);
    let lines: Vec<_> = sealed.split_inclusive('\n').collect();
    let hashes = read("hashes.csv");
    let rows: Vec<_> = hashes.lines().skip(1).collect();
    assert_eq!(rows.len(), lines.len() - 2, "all but the first and the last");
    // Of a key's name the hash itself stands in its line.
    for (row, line) in rows.iter().zip(&lines[1..]).filter(|(row, _)| !row.starts_with("name of key")) {
        assert!(row.ends_with(&hash(line)), "{row} {line}");
    }
    for kind in ["\"rent of line of cost\"", "\"invoice of line of cost\""] {
        assert!(sealed.contains(kind), "{kind} in {sealed}");
    }
    let statement: Value = serde_json::from_str(&read("statement.json")).expect("JSON");
    assert!(statement.is_object());
    assert!(lines[lines.len() - 1].contains(&hash(&read("statement.json"))));
    crate::months::tamper(&place, "UPDATE cost_lines SET minimum_hours = 7 WHERE kind = 'rental'");
    assert!(complaint(&export("2020-01"), 1).contains("rent of line of cost 2 was changed"));
}
