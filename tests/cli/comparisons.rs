//! Books are read whatever has become of the prices they were compared with.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{books::Books, complaint, out, run};

/// A book whose only price of each sku is of `days`.
fn price(sku: &str, days: &str) -> String {
    format!(
        "[[price]]\nsku = \"{sku}\"\nunit = \"image\"\namount = \"0.005\"\ncurrency = \"USD\"\n{days}\n\
         source = \"a page\"\nread_on = \"2026-11-01\"\n"
    )
}

const ENDED: &str = "effective_from = \"2019-01-01\"\neffective_to = \"2020-01-31\"";
const RATE: &str =
    "[[exchange_rate]]\nfrom = \"USD\"\nto = \"CNY\"\nrate = \"7\"\neffective_from = \"2019-01-01\"\n";

#[test]
fn books_are_read_after_a_compared_price_has_ended() {
    let place = TempDir::new().expect("a directory");
    let books = Books::open(place.path());
    books.generate("2020-01-10T09:00:00Z", None);
    books.generate_uncompared("2020-02-10T09:00:00Z");
    let book = price("a/ended", ENDED) + &price("a/later", "effective_from = \"2026-01-01\"");
    std::fs::write(place.path().join("book.toml"), book).expect("written");
    let config = format!(
        "price_book = \"book.toml\"\n[costs]\ncompare_with = \"a/ended\"\nalso_compare_with = [\"a/later\"]\n{RATE}"
    );
    std::fs::write(place.path().join("tintype.toml"), config).expect("written");
    for arguments in [
        &["costs", "--month", "2020-02"][..],
        &["costs", "--month", "2020-01", "--by", "day"],
        &["costs", "--year", "2020"],
        &["costs", "--year", "2020", "--format", "csv"],
        &["costs", "--month", "2020-02", "--format", "csv"],
        &["costs", "--month", "2020-02", "--format", "focus"],
        &["roi"],
        &["prices", "show"],
        &["asset", "list"],
        &["month", "verify"],
    ] {
        out(&run(place.path(), arguments));
    }
    let february = out(&run(place.path(), &["costs", "--month", "2020-02"]));
    assert!(february.contains("a/ended: no price since 2020-02-01"), "{february}");
    assert!(february.contains("1 of 1 had no price"), "{february}");
    let json: Value =
        serde_json::from_str(&out(&run(place.path(), &["costs", "--month", "2020-02", "--json"])))
            .expect("JSON");
    let figures = ["compared_images", "compared_price", "saving"].map(|field| &json[field]);
    assert_eq!(figures, [&json!(0), &Value::Null, &Value::Null]);
    out(&run(place.path(), &["month", "close", "2020-01"]));
    let reverse =
        |correct| run(place.path(), &["month", "reverse", "2", "--reason", "a test", "--correct", correct]);
    assert!(complaint(&reverse("compared=0.1"), 2).contains("leave compared out"));
    out(&reverse("upkeep=0.02"));
}

#[test]
fn a_slip_of_the_pen_is_refused_with_the_name_that_was_meant() {
    let place = TempDir::new().expect("a directory");
    Books::open(place.path());
    for setting in ["compare_with = \"openai/gpt-imgae-2\"", "also_compare_with = [\"openai/gpt-imgae-2\"]"] {
        std::fs::write(place.path().join("tintype.toml"), format!("[costs]\n{setting}\n")).expect("written");
        let refused = complaint(&run(place.path(), &["costs"]), 2);
        assert!(refused.contains("did you mean openai/gpt-image-2?"), "{refused}");
    }
}
