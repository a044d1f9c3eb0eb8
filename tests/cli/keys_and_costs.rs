use tempfile::TempDir;

use crate::{complaint, out, program::tintype, run};

#[test]
fn keys_are_made_listed_and_revoked_without_their_secrets() {
    let place = TempDir::new().expect("a directory");
    let made = out(&run(place.path(), &["key", "create", "studio", "--budget", "12.50"]));
    let key = made.trim();
    let [prefix, public_id, secret] = key.split('-').collect::<Vec<_>>()[..] else { panic!("{key}") };
    assert_eq!(prefix, "tt");
    let listed = out(&run(place.path(), &["key", "list"]));
    assert!(listed.contains(public_id) && listed.contains("studio") && listed.contains("12.50"), "{listed}");
    assert!(!listed.contains(secret), "{listed}");
    out(&run(place.path(), &["key", "revoke", public_id]));
    assert!(out(&run(place.path(), &["key", "list"])).contains("revoked"));
    assert!(complaint(&run(place.path(), &["key", "revoke", public_id]), 2).contains(public_id));
    let file = std::fs::read(place.path().join("data/ledger.sqlite3")).expect("the ledger");
    assert!(!file.windows(secret.len()).any(|window| window == secret.as_bytes()), "the secret is nowhere");
}

#[test]
fn an_empty_month_is_printed_as_text_and_as_json() {
    let place = TempDir::new().expect("a directory");
    let nothing = complaint(&run(place.path(), &["costs"]), 2);
    assert!(nothing.contains("no such ledger") && !place.path().join("data").exists(), "{nothing}");
    out(&run(place.path(), &["key", "create"]));
    let text = out(&run(place.path(), &["costs", "--month", "2026-11"]));
    assert!(text.contains("2026-11") && text.contains("pictures"), "{text}");
    let json = out(&run(place.path(), &["costs", "--month", "2026-11", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["month"], &json["images"]), (&"2026-11".into(), &0.into()));
    assert_eq!(run(place.path(), &["costs", "--month", "november"]).status.code(), Some(2));
}

#[test]
fn a_wrong_configuration_is_named() {
    let place = TempDir::new().expect("a directory");
    out(&run(place.path(), &["key", "create"]));
    let ask = |toml: &str| {
        std::fs::write(place.path().join("tintype.toml"), toml).expect("written");
        complaint(&run(place.path(), &["costs"]), 2)
    };
    assert!(ask("[costs]\nprice_per_kwh = \"cheap\"").contains("price_per_kwh"));
    assert!(ask("[costs]\ncompare_with = \"nobody/nothing\"").contains("nobody/nothing"));
    assert!(ask("colour = 1").contains("colour"));
    assert!(ask("[costs]\ncurrency = \"EUR\"").contains("yuan"));
    assert!(ask("price_book = \"nowhere.toml\"").contains("nowhere.toml"));
    std::fs::remove_file(place.path().join("tintype.toml")).expect("there");
    let missing = run(place.path(), &["costs", "--config", "absent.toml"]);
    assert!(complaint(&missing, 2).contains("absent.toml"));
}

#[test]
fn a_variable_comes_before_the_file() {
    let place = TempDir::new().expect("a directory");
    out(&run(place.path(), &["key", "create"]));
    std::fs::write(place.path().join("tintype.toml"), "[costs]\ncompare_with = \"nobody/nothing\"")
        .expect("written");
    let ask = |name: &str, value: &str| {
        tintype().current_dir(place.path()).arg("costs").env(name, value).output().expect("the program runs")
    };
    let text = out(&ask("TINTYPE_COSTS__COMPARE_WITH", "venice/z-image-turbo"));
    assert!(text.contains("venice/z-image-turbo"), "{text}");
    std::fs::remove_file(place.path().join("tintype.toml")).expect("there");
    out(&ask("TINTYPE_COSTS__PRICE_PER_KWH", "0.35"));
    assert!(complaint(&ask("TINTYPE_COSTS__PRICE_PER_KWH", "-1"), 2).contains("price_per_kwh"));
}
