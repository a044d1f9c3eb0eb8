//! A comparison is decoration: what it costs elsewhere may end, or not be known, and nothing stops.

use std::sync::Arc;

use jiff::{Timestamp, civil::date};
use serde_json::{Value, json};
use tintype::{
    clock::ManualClock,
    config::Config,
    costs::ExchangeRate,
    units::{Currency, Millis},
};

use crate::{browser::Browser, server::TestServer};

/// Ends on 2026-12-01 in the built-in price book.
const ENDING: &str = "openai/gpt-image-1.5";

fn clock_at(moment: &str) -> Arc<ManualClock> {
    let moment: Timestamp = moment.parse().expect("a moment");
    Arc::new(ManualClock::at(moment))
}

fn on_the_last_day(change: impl FnOnce(&mut Config)) -> (TestServer, Arc<ManualClock>) {
    let clock = clock_at("2026-12-01T23:59:50Z");
    let server = TestServer::start_at(Arc::<ManualClock>::clone(&clock), |config| {
        config.costs.compare_with = ENDING.into();
        config.costs.also_compare_with = vec!["fal/z-image-turbo".into()];
        change(config);
    });
    (server, clock)
}

fn get(server: &TestServer, path: &str) -> Value {
    let answer = server.get(path).bearer(&server.key).send("");
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

fn compared(receipt: &Value) -> [&Value; 3] {
    ["compared_with", "compared_price", "saving"].map(|field| &receipt[field])
}

#[test]
fn the_end_of_the_headlines_price_stops_nothing() {
    let (server, clock) = on_the_last_day(|_| {});
    let body = json!({ "prompt": "x" });
    let before = server.generate(&body);
    assert_eq!(before.status, 200, "{}", before.text);
    let receipt = &before.json()["data"][0]["receipt"];
    assert!(receipt["compared_with"] == ENDING && receipt["saving"].is_number(), "{receipt}");

    clock.advance(Millis::new(20_000));
    let after = server.generate(&json!({ "prompt": "x", "n": 2 }));
    assert_eq!(after.status, 200, "{}", after.text);
    for image in after.json()["data"].as_array().expect("images") {
        assert_eq!(compared(&image["receipt"]), [&Value::Null; 3]);
        assert!(image["receipt"]["total"].is_number(), "{image}");
    }
    let quote = server.generate(&json!({ "prompt": "x", "n": 2, "dry_run": true }));
    assert_eq!(quote.status, 200, "{}", quote.text);
    for part in ["per_image", "all_images"] {
        assert_eq!(compared(&quote.json()[part]), [&Value::Null; 3], "{part}");
    }
    let request = after.json()["data"][0]["receipt"]["request_id"].as_str().expect("an id").to_owned();
    let receipts = get(&server, &format!("/v1/receipts/{request}"));
    assert_eq!(compared(&receipts["data"][1]["receipt"]), [&Value::Null; 3]);

    let month = get(&server, "/admin/costs?month=2026-12");
    assert_eq!((&month["images"], &month["compared_images"]), (&json!(3), &json!(1)));
    assert_eq!(month["compared_price"], receipt["compared_price"], "of the one that has a price");
    assert_eq!(month["saving"], receipt["saving"]);
    let headline = &month["services"][0];
    assert_eq!((&headline["images"], &headline["unpriced"]["images"]), (&json!(1), &json!(2)));
    let ended = json!({ "sku": ENDING, "matter": "ended", "since": "2026-12-02" });
    assert_eq!(headline["notice"], ended);
    assert_eq!(month["services"][1]["images"], json!(3), "the other service has a price");
    assert_eq!(month["days"][1]["compared_price"], Value::Null);
    get(&server, "/admin/costs?year=2026");
    get(&server, "/admin/roi");
    let csv = server.get("/admin/costs.csv?by=day").bearer(&server.key).send("");
    let lines: Vec<_> = csv.text.lines().map(|line| line.split(',').collect::<Vec<_>>()).collect();
    let column = |name| lines[0].iter().position(|head| *head == name).expect("a column");
    let cells = |line: usize| ["images", "compared_price", "saving"].map(|name| lines[line][column(name)]);
    assert_eq!(cells(2), ["2", "", ""], "{}", csv.text);
    let focus = server.get("/admin/costs.csv?format=focus").bearer(&server.key).send("");
    let images = focus.text.lines().filter(|line| line.ends_with(",image,")).count();
    assert!(focus.status == 200 && images == 3, "{}", focus.text);

    let mut browser = Browser::signed_in(&server);
    for page in ["/admin/costs?month=2026-12", "/admin/costs?year=2026"] {
        let page = browser.open(page);
        assert!(page.status == 200 && page.text.contains("No price since"), "{}", page.text);
    }
    assert_eq!(browser.open("/admin/roi").status, 200);
}

#[test]
fn a_server_starts_and_reads_its_books_after_the_end() {
    let clock = clock_at("2027-03-01T12:00:00Z");
    let server = TestServer::start_at(clock, |config| {
        config.costs.compare_with = "fal/z-image-turbo".into();
        config.costs.also_compare_with = vec![ENDING.into(), "midjourney/standard".into()];
    });
    assert_eq!(server.generate(&json!({ "prompt": "x" })).status, 200);
    let month = get(&server, "/admin/costs?month=2027-03");
    assert_eq!(
        (&month["compared_images"], &month["services"][1]["compared_price"]),
        (&json!(1), &Value::Null)
    );
}

#[test]
fn an_exchange_rate_that_is_missing_or_has_not_begun_stops_nothing() {
    let dollars = |from: jiff::civil::Date, rate: &str| ExchangeRate {
        from: Currency::USD,
        to: Currency::CNY,
        rate: rate.parse().expect("a rate"),
        effective_from: from,
    };
    let rates = [
        vec![],
        vec![dollars(date(2030, 1, 1), "7")],
        vec![dollars(date(2026, 1, 1), "0.000000001")],
        vec![dollars(date(2026, 1, 1), "9000000000")],
    ];
    for exchange_rate in rates {
        let clock = clock_at("2026-11-20T12:00:00Z");
        let case = format!("{exchange_rate:?}");
        let server = TestServer::start_at(clock, |config| {
            config.costs.also_compare_with = vec!["midjourney/standard".into()];
            config.exchange_rate = exchange_rate;
        });
        assert_eq!(server.generate(&json!({ "prompt": "x", "n": 2 })).status, 200, "{case}");
        assert_eq!(server.generate(&json!({ "prompt": "x", "n": 2, "dry_run": true })).status, 200, "{case}");
        let month = get(&server, "/admin/costs?month=2026-11");
        assert!(month["total"].is_number() && month["services"].is_array(), "{case}: {month}");
        get(&server, "/admin/costs?year=2026");
        get(&server, "/admin/roi");
        assert_eq!(Browser::signed_in(&server).open("/admin/costs?month=2026-11").status, 200);
    }
}
