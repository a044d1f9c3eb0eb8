//! What commands print for programs, and how they name what they are about.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{complaint, out, run};

fn json_of(place: &Path, arguments: &[&str]) -> Value {
    let printed = out(&run(place, &[arguments, &["--json"]].concat()));
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{arguments:?}: {error} in {printed}"))
}

#[test]
fn a_key_is_made_found_by_its_name_and_shown_as_json() {
    let place = TempDir::new().expect("a directory");
    let place = place.path();
    let made = json_of(
        place,
        &["key", "create", "设计部", "--budget", "20", "--models", "dall-e-3", "--loras", "ink,clay"],
    );
    let (key, public_id) = (made["key"].as_str().expect("a key"), made["public_id"].as_str().expect("an id"));
    assert!(key.starts_with(&format!("tt-{public_id}-")), "{made}");

    let listed = json_of(place, &["key", "list"]);
    assert_eq!(listed[0]["name"], "设计部");
    assert_eq!(listed[0]["scopes"], json!(["images"]));
    assert_eq!((&listed[0]["models"], &listed[0]["state"]), (&json!(["dall-e-3"]), &json!("active")));
    assert_eq!(listed[0]["loras"], json!(["ink", "clay"]));
    let shown = json_of(place, &["key", "show", "设计部"]);
    assert_eq!(shown["public_id"], public_id);
    assert_eq!(shown["standing"][0]["left"], "20.00");
    assert_eq!(shown["images_by_day"].as_array().map(Vec::len), Some(14));
    for text in [out(&run(place, &["key", "show", public_id])), listed.to_string(), shown.to_string()] {
        assert!(text.contains("设计部") && !text.contains(key), "{text}");
    }

    assert_eq!(json_of(place, &["key", "disable", "设计部"])["state"], "disabled");
    assert!(complaint(&run(place, &["key", "disable", "设计部"]), 2).contains("is disabled"));
    assert_eq!(json_of(place, &["key", "enable", public_id])["state"], "active");
    let rotated = json_of(place, &["key", "rotate", "设计部"]);
    assert!(rotated["key"] != made["key"] && rotated["old_secret_until"].is_string(), "{rotated}");
    assert_eq!(json_of(place, &["key", "log", "设计部"]).as_array().map(Vec::len), Some(4));

    out(&run(place, &["key", "create", "设计部"]));
    assert!(complaint(&run(place, &["key", "show", "设计部"]), 2).contains(public_id), "two have this name");
    assert_eq!(json_of(place, &["key", "revoke", public_id])["state"], "revoked");
    assert_ne!(json_of(place, &["key", "show", "设计部"])["public_id"], public_id, "the other one is valid");
    out(&run(place, &["key", "create", "website"]));
    assert!(complaint(&run(place, &["key", "revoke", "websit"]), 2).contains("did you mean `website`?"));
}

#[test]
fn parts_lines_and_prices_are_printed_as_json() {
    let place = TempDir::new().expect("a directory");
    let place = place.path();
    let card =
        ["asset", "add", "card", "--price", "1000", "--bought", "2026-01-15", "--lifetime-images", "5000"];
    let added = json_of(place, &card);
    assert_eq!(
        (&added["id"], &added["price"], &added["state"]),
        (&json!(1), &json!(1000.0), &json!("in service"))
    );
    assert_eq!(json_of(place, &["asset", "list"])[0]["name"], "card");
    assert!(complaint(&run(place, &["asset", "retire", "cart", "--proceeds", "0"]), 2).contains("`card`"));
    let retired = json_of(place, &["asset", "retire", "card", "--proceeds", "100"]);
    assert_eq!((&retired["state"], &retired["disposal_gain"]), (&json!("retired"), &json!(-900.0)));

    let rent = ["upkeep", "add", "rent", "--per-month", "300", "--from", "2026-01-01"];
    assert_eq!(json_of(place, &rent)["name"], "rent");
    let lines = json_of(place, &["upkeep", "list"]);
    let rent = lines.as_array().expect("lines").iter().find(|line| line["name"] == "rent").expect("the line");
    let id = rent["id"].to_string();
    assert_eq!(json_of(place, &["upkeep", "end", &id, "--on", "2026-06-01"])["ends"], "2026-06-01");

    let prices = json_of(place, &["prices", "show"]);
    assert!(prices.as_array().is_some_and(|prices| prices.iter().all(|price| price["source"].is_string())));
    assert_eq!(json_of(place, &["prices", "check"])["is_sound"], true);
    assert!(json_of(place, &["admin", "sessions"]).as_array().is_some_and(Vec::is_empty));
    assert!(json_of(place, &["admin", "link"])["link"].as_str().is_some_and(|link| link.contains("?link=")));
}

#[test]
fn copies_are_printed_as_json_and_what_was_not_forgotten_is_said() {
    let place = TempDir::new().expect("a directory");
    let place = place.path();
    out(&run(place, &["key", "create", "studio"]));
    let copied = json_of(place, &["backup", "copy.sqlite3"]);
    assert_eq!(
        (&copied["file"], &copied["keys"], &copied["damage"]),
        (&json!("copy.sqlite3"), &json!(1), &Value::Null)
    );
    let restored = json_of(place, &["restore", "copy.sqlite3"]);
    assert!(restored["kept"].is_string() && restored["keys"] == 1, "{restored}");
    let id = json_of(place, &["key", "list"])[0]["public_id"].as_str().expect("an id").to_owned();
    let forgotten = json_of(place, &["forget", &id]);
    assert_eq!((&forgotten["requests"], &forgotten["images_deleted"]), (&json!(0), &json!(0)));
}

#[test]
fn a_directory_that_was_mistyped_gets_no_link_and_a_new_ledger_is_announced() {
    let place = TempDir::new().expect("a directory");
    let mistyped = run(place.path(), &["admin", "link", "--data-dir", "dta"]);
    assert!(complaint(&mistyped, 2).contains("dta/ledger.sqlite3"));
    assert!(!place.path().join("dta").exists());
    let made = run(place.path(), &["key", "create", "--data-dir", "dta"]);
    out(&made);
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(said.contains("no ledger was in dta; a new one is made"), "{said}");
}

#[test]
fn every_error_is_in_one_style() {
    let place = TempDir::new().expect("a directory");
    for arguments in
        [&["costz"][..], &["key", "create", "--nam", "x"], &["key", "list"], &["asset", "retire"]]
    {
        let said = complaint(&run(place.path(), arguments), 2);
        assert!(said.starts_with("tintype: ") && !said.contains("error:"), "{said}");
    }
    let tip = run(place.path(), &["costz"]).stderr;
    assert!(String::from_utf8_lossy(&tip).contains("'costs'"), "a similar command is named");
}
