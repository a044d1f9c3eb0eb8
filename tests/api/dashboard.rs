//! The cost page and the simulator as people look at them.

use serde_json::json;
use tintype::{
    costs::{CostModel, CostSettings, PriceBook},
    domain::Calendar,
    ledger::{Closer, Evidence, Month},
};

use crate::{browser::Browser, client::Response, server::TestServer};

fn ask(server: &TestServer, path: &str) -> Response {
    server.get(path).bearer(&server.key).send("")
}

#[test]
fn a_month_is_drawn_and_every_chart_has_its_table_and_every_figure_its_note() {
    let server = TestServer::start_with(|config| config.user_is_tag = true);
    assert_eq!(server.generate(&json!({ "prompt": "x", "n": 2, "user": "spring" })).status, 200);
    let mut browser = Browser::signed_in(&server);
    let page = browser.open("/admin/costs");
    assert_eq!(page.status, 200);
    for id in
        ["top-line", "by-step", "savings", "whole", "by-key", "by-tag", "by-size", "services", "energy-table"]
    {
        assert!(page.text.contains(&format!("id=\"{id}\"")), "{id} in {}", page.text);
    }
    assert!(page.text.contains("role=\"img\"") && page.text.contains("spring"), "{}", page.text);
    assert!(!page.text.contains("style="), "{}", page.text);
    assert!(page.text.contains("popovertarget=\"how-total\"") && page.text.contains("id=\"how-total\""));
    // The test servers have a counter; work between two of its ticks is estimated.
    let marks = [">measured<", "% measured<", ">estimated<"];
    assert!(marks.iter().any(|mark| page.text.contains(mark)), "energy says how it is known: {}", page.text);
    for sheet in
        page.text.split("rel=\"stylesheet\" href=\"").skip(1).filter_map(|rest| rest.split('"').next())
    {
        assert_eq!(server.get(sheet).send("").status, 200, "{sheet}");
    }
}

#[test]
fn a_year_is_a_page_and_json_and_goes_with_no_month() {
    let server = TestServer::start();
    assert_eq!(server.generate(&json!({ "prompt": "x" })).status, 200);
    let year = Month::of(jiff::Timestamp::now(), &Calendar::UTC).days().first.year();
    let mut browser = Browser::signed_in(&server);
    let page = browser.open(&format!("/admin/costs?year={year}"));
    assert!(page.status == 200 && page.text.contains("Cost by month"), "{}", page.text);
    assert!(page.text.contains(&format!("href=\"?month={year}-")), "a month leads to its page");
    let json = ask(&server, &format!("/admin/costs?year={year}")).json();
    assert_eq!(json["months"].as_array().map(Vec::len), Some(12));
    let both = ask(&server, &format!("/admin/costs?year={year}&month={year}-01"));
    assert_eq!((both.status, &both.json()["error"]["param"]), (400, &json!("year")));
}

#[test]
fn every_entry_of_a_month_is_downloaded_as_focus() {
    let server = TestServer::start();
    assert_eq!(server.generate(&json!({ "prompt": "x", "n": 2 })).status, 200);
    let focus = ask(&server, "/admin/costs.csv?format=focus");
    assert_eq!(focus.status, 200);
    assert!(
        focus.header("content-disposition").contains("tintype-focus-"),
        "{}",
        focus.header("content-disposition")
    );
    let images = focus.text.lines().filter(|line| line.ends_with(",image,")).count();
    assert!(focus.text.starts_with("BilledCost,") && images == 2, "{}", focus.text);
    for (query, param) in
        [("format=xlsx", "format"), ("format=focus&year=2026", "format"), ("format=focus&by=key", "format")]
    {
        let refused = ask(&server, &format!("/admin/costs.csv?{query}"));
        assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!(param)), "{query}");
    }
}

#[test]
fn months_are_reported_together_from_one_to_another() {
    let server = TestServer::start();
    server.generate(&json!({ "prompt": "x" }));
    let now = Month::of(jiff::Timestamp::now(), &Calendar::UTC);
    let from = now.previous().previous();
    let span = ask(&server, &format!("/admin/costs.json?from={from}&to={now}")).json();
    assert_eq!((&span["from"], &span["to"]), (&json!(from.to_string()), &json!(now.to_string())));
    assert_eq!((span["months"].as_array().map(Vec::len), &span["images"]), (Some(3), &json!(1)));
    let month = ask(&server, "/admin/costs.json").json();
    assert_eq!(span["total"], month["total"], "the sum of its months");
    let file = ask(&server, &format!("/admin/costs.csv?from={from}&to={now}"));
    let name = format!("tintype-{from}-to-{now}.csv");
    assert!(file.header("content-disposition").contains(&name), "{}", file.header("content-disposition"));
    assert_eq!(file.text.lines().count(), 4, "{}", file.text);
    for (query, param) in [
        (format!("from={now}&to={from}"), "from"),
        (format!("from={from}&by=key"), "from"),
        ("year=2026&to=2026-11".into(), "year"),
        ("to=soon".into(), "to"),
    ] {
        let refused = ask(&server, &format!("/admin/costs.json?{query}"));
        assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!(param)), "{query}");
    }
    let mut browser = Browser::signed_in(&server);
    let page = browser.open(&format!("/admin/costs?from={from}&to={now}"));
    assert!(page.status == 200 && page.text.contains("name=\"to\""), "{}", page.text);
    let one = browser.open(&format!("/admin/costs?from={now}&to={now}"));
    assert_eq!((one.status, one.header("location")), (303, format!("/admin/costs?month={now}").as_str()));
}

#[test]
fn days_are_reported_from_one_to_another_and_add_up_to_their_month() {
    let server = TestServer::start();
    let generate = |tag: &str, n: u32| {
        let body = json!({ "prompt": "x", "n": n });
        let made =
            server.post("/v1/images/generations").bearer(&server.key).header("x-cost-tag", tag).json(&body);
        assert_eq!(made.status, 200, "{}", made.text);
    };
    generate("spring", 2);
    generate("autumn", 1);
    let month = Month::of(jiff::Timestamp::now(), &Calendar::UTC);
    let (first, last) = (month.days().first, month.last_day());
    let whole = ask(&server, &format!("/admin/costs.json?month={month}")).json();
    let range = ask(&server, &format!("/admin/costs.json?from={first}&to={last}&by=tag")).json();
    for field in
        ["images", "total", "electricity", "fully_loaded_total", "unused_depreciation", "wall_energy_kwh"]
    {
        assert_eq!(range[field], whole[field], "{field}");
    }
    assert_eq!((&range["from"], &range["to"]), (&json!(first.to_string()), &json!(last.to_string())));
    assert_eq!((&range["grouped_by"], range["groups"].as_array().map(Vec::len)), (&json!("tag"), Some(2)));
    let only = |tag: &str| ask(&server, &format!("/admin/costs.json?month={month}&tag={tag}")).json();
    assert_eq!((&only("spring")["images"], &only("autumn")["images"]), (&json!(2), &json!(1)));
    assert_eq!((&only("")["images"], only("spring").get("fully_loaded_total")), (&json!(0), None));

    let file = ask(&server, &format!("/admin/costs.csv?from={first}&to={last}&by=tag"));
    let name = format!("tintype-{first}-to-{last}.csv");
    assert!(file.header("content-disposition").contains(&name), "{}", file.header("content-disposition"));
    assert!(file.text.contains(",tag,spring,") && file.text.lines().count() == 3, "{}", file.text);
    let days = ask(&server, &format!("/admin/costs.csv?from={first}&to={last}&by=day&tag=spring"));
    let images: Vec<_> = days.text.lines().skip(1).filter_map(|row| row.split(',').nth(5)).collect();
    assert_eq!(images, ["2"], "{}", days.text);

    // Days are called days, a month a month.
    let mut browser = Browser::signed_in(&server);
    let headline = |page: String| (page.contains("of these days"), page.contains("All-in cost of the month"));
    let day = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let of_day = browser.open(&format!("/admin/costs?from={day}&to={day}")).text;
    assert_eq!(headline(of_day), (true, false));
    let of_month = browser.open(&format!("/admin/costs?month={month}")).text;
    assert_eq!(headline(of_month), (false, true));

    for (query, param) in [
        (format!("from={last}&to={first}"), "from"),
        (format!("from={first}&to={month}"), "to"),
        ("from=2001-01-01".into(), "from"),
        (format!("from={first}&month={month}"), "from"),
        (format!("from={first}&by=colour"), "by"),
    ] {
        let refused = ask(&server, &format!("/admin/costs.json?{query}"));
        assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!(param)), "{query}");
    }
}

#[test]
fn bars_and_rows_lead_into_their_days_and_groups() {
    let server = TestServer::start();
    let body = json!({ "prompt": "x" });
    server.post("/v1/images/generations").bearer(&server.key).header("x-cost-tag", "spring").json(&body);
    let month = Month::of(jiff::Timestamp::now(), &Calendar::UTC);
    let mut browser = Browser::signed_in(&server);
    let page = browser.open(&format!("/admin/costs?month={month}")).text;
    let first_of = |text: &str, begin: &str| {
        let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{begin} in {text}"));
        rest.split('"').next().expect("an address").replace("&amp;", "&")
    };
    let day = first_of(&page, "<a href=\"/admin/costs?from=");
    let one_day = browser.open(&format!("/admin/costs?from={day}"));
    assert!(one_day.status == 200 && one_day.text.contains("Jobs of this day"), "{}", one_day.text);
    let spring = browser.open(&format!("/admin/costs?month={month}&tag=spring")).text;
    assert!(page.contains(&format!("/admin/costs?month={month}&amp;tag=spring")), "{page}");
    assert!(spring.contains("id=\"only\"") && spring.contains("By tag: spring"), "{spring}");
    assert!(!spring.contains("id=\"headline\""), "no part of what is no image's");
    assert!(spring.contains("costs.csv?from=") && spring.contains("&amp;tag=spring"), "{spring}");
    let (first, last) = (month.days().first, month.last_day());
    let whole = browser.open(&format!("/admin/costs?from={first}&to={last}"));
    assert_eq!(
        (whole.status, whole.header("location")),
        (303, format!("/admin/costs?month={month}").as_str())
    );
    let chinese = server
        .get(&format!("/admin/costs?month={month}&tag=spring"))
        .bearer(&server.key)
        .header("accept", "text/html")
        .header("accept-language", "zh-CN")
        .send("");
    assert!(chinese.text.contains("仅统计"), "{}", chinese.text);
}

#[test]
fn a_closed_month_shows_its_seal_and_the_running_one_that_it_runs() {
    let server = TestServer::start();
    let now = jiff::Timestamp::now();
    let last = Month::of(now, &Calendar::UTC).previous();
    let costs = example_costs();
    let closer =
        Closer { costs: &costs, calendar: &Calendar::UTC, operator: "Tintype", actor: "command line" };
    let closing = server.ledger().close_month(last, &closer, now).expect("closed");
    let mut browser = Browser::signed_in(&server);
    let page = browser.open(&format!("/admin/costs?month={last}"));
    assert!(
        page.text.contains(&closing.sha256.to_string()) && page.text.contains(">Closed<"),
        "{}",
        page.text
    );
    assert!(page.text.contains("No images were generated"), "{}", page.text);
    assert!(browser.open("/admin/costs").text.contains(">Running<"));
    let open = browser.open(&format!("/admin/costs?month={}", last.previous()));
    assert!(open.text.contains(">Not closed yet<"), "{}", open.text);
}

#[test]
fn the_simulator_begins_with_the_article_where_it_is_asked_to() {
    let server = TestServer::start_with(|config| {
        config.costs.hardware.name = "our card".into();
        config.costs.hardware.price = "9000".parse().expect("an amount");
    });
    let article = ask(&server, "/admin/roi?preset=article").json();
    assert_eq!(article["against"][0]["payback"], json!({ "kind": "after", "months_tenths": 117 }));
    assert_eq!(ask(&server, "/admin/roi").json()["scenario"], json!("our card"));
    let curve = article["curve"].as_array().expect("a curve");
    assert!(curve.len() > 100 && curve[0]["cost_per_image"].is_number(), "{curve:?}");
    let unknown = ask(&server, "/admin/roi?preset=other");
    assert_eq!((unknown.status, &unknown.json()["error"]["param"]), (400, &json!("preset")));

    let mut browser = Browser::signed_in(&server);
    let page = browser.open("/admin/roi?preset=article&images_per_month=900").text;
    assert!(page.contains("name=\"preset\" value=\"article\""), "{page}");
    assert!(
        page.contains("name=\"images_per_month\" value=\"900\"") && page.contains("id=\"chart-curve-"),
        "{page}"
    );
}

#[test]
fn recorded_parts_are_what_the_simulator_begins_with() {
    let server = TestServer::start();
    let part = |name: &str, price: &str| tintype::costs::Asset {
        name: name.into(),
        price: price.parse().expect("an amount"),
        residual: tintype::units::Money::ZERO,
        share_percent: 50,
        purchased_on: jiff::civil::date(2026, 1, 1),
        life: tintype::costs::Life::Time { years: 4, normal_utilisation_percent: 20 },
        retirement: None,
    };
    let (ledger, now) = (server.ledger(), jiff::Timestamp::now());
    let (costs, evidence) = (example_costs(), Evidence::COMMAND_LINE);
    ledger.add_asset(&part("a card", "8000"), &costs, &evidence, now).expect("a part");
    ledger.add_asset(&part("a box", "2000"), &costs, &evidence, now).expect("a part");
    let answer = ask(&server, "/admin/roi").json();
    assert_eq!((&answer["scenario"], &answer["price"]), (&json!("a card"), &json!(5000.0)), "{answer}");
}

/// The example's costs.
fn example_costs() -> CostModel {
    let prices = PriceBook::built_in().expect("a price book");
    CostModel::new(CostSettings::default(), prices, Vec::new()).expect("a cost model")
}
