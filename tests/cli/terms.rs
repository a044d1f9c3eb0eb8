//! What holds from when: `tintype terms`, and a value that changes in the configuration.

use tempfile::TempDir;

use crate::{complaint, out, run};

fn listed(place: &TempDir) -> Vec<serde_json::Value> {
    let terms = out(&run(place.path(), &["terms", "list", "--json"]));
    serde_json::from_str(&terms).expect("JSON")
}

fn configure(place: &TempDir, toml: &str) {
    std::fs::write(place.path().join("tintype.toml"), toml).expect("written");
}

/// A command that writes.
fn write(place: &TempDir, name: &str) {
    let line = ["upkeep", "add", name, "--per-year", "1", "--from", "2026-01-01"];
    out(&run(place.path(), &line));
}

#[test]
fn a_price_that_changes_in_the_configuration_is_a_row_of_its_own() {
    let place = TempDir::new().expect("a directory");
    write(&place, "before");
    assert_eq!(listed(&place), Vec::<serde_json::Value>::new(), "a command records no defaults");
    configure(&place, "[costs]\nprice_per_kwh = \"0.80\"\n");
    write(&place, "first");
    configure(&place, "[costs]\nprice_per_kwh = \"0.90\"\nhost_watts = 60\n");
    write(&place, "second");
    write(&place, "third");
    let rows = listed(&place);
    let shown = |row: &serde_json::Value| {
        format!(
            "{} {} {}",
            row["name"],
            row["by"],
            if row["from"].is_null() { "always" } else { "from then on" }
        )
    };
    let expected = [
        "\"electricity\" \"configuration\" always",
        "\"electricity\" \"configuration\" from then on",
        "\"host_watts\" \"configuration\" always",
    ];
    assert_eq!(rows.iter().map(shown).collect::<Vec<_>>(), expected);
    std::fs::remove_file(place.path().join("tintype.toml")).expect("removed");
    write(&place, "without the configuration");
    assert_eq!(listed(&place), rows, "it changes no price");
    let table = out(&run(place.path(), &["terms", "list"]));
    for said in ["0.80 a kWh", "0.90 a kWh", "60 W", "always", "configuration"] {
        assert!(table.contains(said), "{said} in {table}");
    }
}

#[test]
fn a_negative_number_is_a_value_and_no_flag() {
    let place = TempDir::new().expect("a directory");
    write(&place, "before");
    let said = out(&run(place.path(), &["terms", "set", "price_per_kwh", "-0.05", "--from", "2100-01-01"]));
    assert!(said.contains("-0.05 a kWh"), "{said}");
    let never = run(place.path(), &["terms", "set", "price_per_kwh", "1", "--from", "9999-12-31"]);
    assert!(complaint(&never, 2).contains("not a day"));
    let part = ["asset", "add", "card", "--price", "-1", "--bought", "2026-11-01", "--years", "3"];
    assert!(complaint(&run(place.path(), &part), 2).contains("an amount is not negative here"));
}

#[test]
fn a_value_is_set_with_its_day_and_its_document_where_the_configuration_has_none() {
    let place = TempDir::new().expect("a directory");
    let set = |arguments: &[&str]| run(place.path(), &[&["terms", "set"], arguments].concat());
    let said = out(&set(&["price_per_kwh", "0.55", "--from", "2100-01-01", "--document", "contract 7"]));
    assert_eq!(said, "electricity: 0.55 a kWh, from 2100-01-01 on\n");
    out(&set(&["exchange_rate.GBP", "9.1"]));
    let rows = listed(&place);
    assert_eq!(
        (rows[0]["by"].as_str(), rows[0]["document"].as_str()),
        (Some("command line"), Some("contract 7"))
    );
    assert_eq!(rows[1]["name"], "exchange_rate.GBP-CNY");
    for (arguments, said) in [
        (["host_watts", "50", "--from", "2020-01-01"], "--from is in the past"),
        (["host_watts", "much", "--from", "2100-01-01"], "write a whole number"),
        (["wall_factor_percent", "90", "--from", "2100-01-01"], "from 100 on"),
        (["exchange_rate.CNY", "1", "--from", "2100-01-01"], "kept in that currency"),
        (["exchange_rate.RMB", "1", "--from", "2100-01-01"], "CNY"),
        (["time_zone", "UTC", "--from", "2100-01-01"], "cannot be set; write price_per_kwh"),
    ] {
        let line = complaint(&set(&arguments), 2);
        assert!(line.contains(said), "{line}");
    }
    configure(&place, "[costs]\nprice_per_kwh = \"0.80\"\n");
    assert!(
        complaint(&set(&["price_per_kwh", "0.9"]), 2)
            .contains("costs.price_per_kwh is set in the configuration")
    );
    out(&set(&["host_watts", "50"]));
}

#[test]
fn prices_by_the_hour_are_taken_from_a_file_and_hours_that_have_passed_are_not() {
    let place = TempDir::new().expect("a directory");
    let import = |lines: &str, flags: &[&str]| {
        std::fs::write(place.path().join("spot.csv"), lines).expect("written");
        run(place.path(), &[&["terms", "import-prices", "spot.csv"], flags].concat())
    };
    let coming = "time;EUR/MWh\n2100-01-01T00:00Z;100,5\n2100-01-01T01:00Z;-20\n";
    let flags = ["--per", "mwh", "--add", "0.1", "--currency", "EUR", "--exchange-rate", "8"];
    let said = out(&import(coming, &flags));
    assert!(said.starts_with("2 prices of electricity from "), "{said}");
    let row = listed(&place).into_iter().find(|row| row["name"] == "spot").expect("a row");
    let prices = row["value"]["prices"].as_array().expect("prices");
    // (0.1005 + 0.1) · 8, and (-0.02 + 0.1) · 8.
    assert_eq!([&prices[0]["price_per_kwh"], &prices[1]["price_per_kwh"]], [1.604, 0.64]);
    assert!(out(&run(place.path(), &["terms", "list"])).contains("from 0.64 to 1.604 a kWh"));
    let past = import("time,price\n2020-01-01T00:00Z,1\n2020-01-01T01:00Z,1\n", &[]);
    assert!(complaint(&past, 2).contains("all hours have passed"));
    assert!(
        complaint(&import("time,price\nsoon,1\n", &[]), 2).contains("spot.csv: line 2: `soon` is no time")
    );
}

#[test]
fn a_carbon_factor_names_its_source() {
    let place = TempDir::new().expect("a directory");
    let set = |arguments: &[&str]| {
        run(place.path(), &[&["terms", "set", "carbon_grams_per_kwh"], arguments].concat())
    };
    assert!(complaint(&set(&["570.3"]), 2).contains("--document is missing"));
    assert!(complaint(&set(&["570.33", "--document", "x"]), 2).contains("no carbon intensity"));
    let said = out(&set(&["570.3", "--document", "grid 2024", "--from", "2100-01-01"]));
    assert_eq!(said, "carbon: 570.3 g CO2e a kWh, by grid 2024, from 2100-01-01 on\n");
}

#[test]
fn a_text_that_would_look_like_more_than_one_line_is_not_taken_into_the_books() {
    let place = TempDir::new().expect("a directory");
    let place = place.path();
    let long = "x".repeat(501);
    for text in ["a\nb", "a\u{1b}[31m", "a\u{202e}b", "", long.as_str()] {
        let bought = ["--price", "1", "--bought", "2026-11-01", "--lifetime-images", "1"];
        for line in [
            [&["asset", "add", text], bought.as_slice()].concat(),
            [&["asset", "add", "card", "--document", text], bought.as_slice()].concat(),
            [&["asset", "add", "card", "--machine", text], bought.as_slice()].concat(),
            vec!["asset", "retire", "1", "--proceeds", "0", "--document", text],
            vec!["upkeep", "add", text, "--per-year", "1", "--from", "2026-01-01"],
            vec!["upkeep", "add", "rent", "--per-year", "1", "--from", "2026-01-01", "--document", text],
            vec!["upkeep", "end", "1", "--document", text],
            vec!["terms", "set", "host_watts", "5", "--document", text],
            vec!["terms", "import-prices", "prices.csv", "--document", text],
            vec!["centre", "add", text],
            vec!["centre", "add", "a", "--document", text],
            vec!["centre", "assign", "a", "--tag", "x", "--document", text],
            vec!["month", "reconcile", "2026-10", "--kwh", "1", "--document", text],
            vec!["month", "reverse", "1", "--reason", text],
        ] {
            complaint(&run(place, &line), 2);
        }
    }
    assert!(!place.join("data").exists(), "nothing was written");
}
