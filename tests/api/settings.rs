//! /admin/settings: what costs are counted with, changed on a page.

use tintype::{
    costs::{Life, Term},
    domain::Scopes,
    ledger::KeyRules,
    units::Currency,
};

use crate::{browser::Browser, client::Response, server::TestServer};

const HERE: &str = "/admin/settings";
const MACHINE: [(&str, &str); 9] = [
    ("part", "machine"),
    ("name", "workstation <1>"),
    ("price", "10,950"),
    ("residual", "0"),
    ("share", "100"),
    ("life", "years"),
    ("years", "3"),
    ("utilisation", "20"),
    ("document", "R-7"),
];

fn change(browser: &mut Browser<'_>, fields: &[(&str, &str)]) -> Response {
    browser.open(HERE);
    browser.submit(HERE, fields)
}

fn refused(browser: &mut Browser<'_>, fields: &[(&str, &str)], said: &str) {
    let page = change(browser, fields);
    assert!(page.status == 400 && page.text.contains(said), "{said} in {}", page.text);
    assert!(page.text.contains("aria-invalid=\"true\""), "the field is marked: {fields:?}");
}

#[test]
fn a_machine_and_a_tariff_of_ones_own_take_the_place_of_the_examples() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    let costs = browser.open("/admin/costs").text;
    assert!(costs.contains("Example figures") && costs.contains("/admin/settings#machine"), "{costs}");
    let page = browser.open(&format!("{HERE}?preset=rtx-4090-workstation")).text;
    for said in ["name=\"price\" type=\"text\" value=\"17300.00\"", "450 W", "rtx4090-2026.toml"] {
        assert!(page.contains(said), "{said} in {page}");
    }
    assert!(!page.contains("Example figures"), "the page itself is where they are entered");
    assert!(!page.contains("<script>") && !page.contains("style="), "{page}");

    // What a form would change is shown before it is sent.
    let effect = browser.submit("/admin/settings/effect", &MACHINE);
    assert_eq!(effect.status, 200);
    for said in ["With this change", "CN¥300.00", "CN¥171.67"] {
        assert!(effect.text.contains(said), "{said} in {}", effect.text);
    }
    assert!(server.ledger().assets().expect("parts").is_empty(), "and nothing is written");

    for _ in 0..2 {
        browser.open(HERE);
        let saved = browser.submit(HERE, &MACHINE);
        assert_eq!((saved.status, saved.header("location")), (303, "/admin/settings?saved=machine#machine"));
    }
    let parts = server.ledger().assets().expect("parts");
    assert_eq!(parts.len(), 1, "a double click buys nothing twice");
    assert_eq!(
        (parts[0].asset.price.to_string(), parts[0].document.as_deref()),
        ("10950.00".into(), Some("R-7"))
    );
    assert_eq!(parts[0].asset.life, Life::Time { years: 3, normal_utilisation_percent: 20 });
    let page = browser.open(&format!("{HERE}?saved=machine")).text;
    assert!(page.contains("workstation &lt;1&gt;") && page.contains(">Saved<"), "{page}");
    let costs = browser.open("/admin/costs").text;
    assert!(costs.contains("an example’s price of electricity"), "{costs}");

    let tariff = [
        ("part", "electricity"),
        ("per_kwh", "0.90"),
        ("hours1", "22:00-06:00"),
        ("price1", "0.45"),
        ("document", "contract"),
    ];
    assert_eq!(change(&mut browser, &tariff).status, 303);
    let terms = server.ledger().terms().expect("terms");
    let row = terms.iter().rfind(|row| row.term.name() == "electricity").expect("a price");
    let Term::Electricity(sheet) = &row.term else { panic!("{row:?}") };
    assert_eq!(sheet.rows().len(), 2);
    assert_eq!(row.document.as_deref(), Some("contract"));
    assert!(!browser.open("/admin/costs").text.contains("Example figures"));
    // "Worth it?" counts with the same: (16 · 0.90 + 8 · 0.45) / 24.
    let roi =
        server.get("/admin/roi").bearer(&server.key).header("accept", "application/json").send("").json();
    assert_eq!(roi["year"]["depreciation"], serde_json::json!(3650.0));
    let form = browser.open("/admin/roi").text;
    assert!(form.contains("name=\"price_per_kwh\" value=\"0.75\""), "{form}");

    let id = parts[0].id.get().to_string();
    assert_eq!(change(&mut browser, &[("part", "undo"), ("id", &id)]).status, 303);
    let undone = &server.ledger().assets().expect("parts")[0].asset;
    assert_eq!(
        undone.retirement.map(|end| (end.on, end.proceeds)),
        Some((undone.purchased_on, undone.price))
    );
}

#[test]
fn power_rates_lines_and_the_compared_service_are_changed_and_what_cannot_be_is_refused_by_its_field() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    assert_eq!(change(&mut browser, &[("part", "compare"), ("sku", "openai/gpt-image-2")]).status, 303);
    let costs = browser.open("/admin/costs").text;
    server.generate(&serde_json::json!({ "prompt": "x" }));
    let month = server.get("/admin/costs.json").bearer(&server.key).send("").json();
    assert_eq!(month["compared_with"], "openai/gpt-image-2", "{costs}");
    assert_eq!(month["services"][0]["headline"], true);
    assert_eq!(
        change(&mut browser, &[("part", "power"), ("host_watts", "60"), ("wall_factor_percent", "110")])
            .status,
        303
    );
    assert_eq!(change(&mut browser, &[("part", "rate"), ("currency", "gbp"), ("rate", "9.1")]).status, 303);
    let rent = [("part", "line"), ("line_name", "rent"), ("amount", "300"), ("per", "month")];
    assert_eq!(change(&mut browser, &rent).status, 303);
    let csv = "time,price\n2100-01-01T00:00Z,281.5\n2100-01-01T01:00Z,-5\n";
    assert_eq!(
        change(&mut browser, &[("part", "prices"), ("csv", csv), ("per", "mwh"), ("add", "0.1")]).status,
        303
    );
    let ledger = server.ledger();
    let names: Vec<_> = ledger
        .terms()
        .expect("terms")
        .iter()
        .filter(|row| !row.is_configured())
        .map(|row| row.term.name())
        .collect();
    for name in ["compare_with", "host_watts", "wall_factor_percent", "exchange_rate.GBP-CNY", "spot"] {
        assert!(names.iter().any(|one| one == name), "{name} in {names:?}");
    }
    let lines = ledger.cost_lines().expect("lines");
    let configured = lines.iter().find(|row| row.is_configured()).expect("the example's upkeep");
    assert_eq!(change(&mut browser, &[("part", "end-line"), ("id", &configured.id.to_string())]).status, 303);
    assert!(!browser.open(HERE).text.contains("Upkeep: "), "it is ended");

    refused(&mut browser, &[("part", "line"), ("line_name", ""), ("amount", "1")], "Write a name.");
    refused(
        &mut browser,
        &[("part", "line"), ("line_name", "<b>"), ("amount", "much")],
        "value=\"&lt;b&gt;\"",
    );
    refused(
        &mut browser,
        &[("part", "electricity"), ("per_kwh", "1"), ("from", "2020-01-01")],
        "This day has passed",
    );
    refused(
        &mut browser,
        &[("part", "electricity"), ("per_kwh", "1"), ("hours1", "late"), ("price1", "1")],
        "22:00-06:00",
    );
    refused(&mut browser, &[("part", "prices"), ("csv", "a,b\n1,2\n")], "no column of times");
    refused(&mut browser, &[("part", "rate"), ("currency", "CNY"), ("rate", "1")], "another currency");
    refused(&mut browser, &[("part", "compare"), ("sku", "nobody/nothing")], "no such service");
    let mut dear = MACHINE;
    dear[3] = ("residual", "99999");
    refused(&mut browser, &dear, "at most the price");
}

#[test]
fn a_year_of_prices_by_the_quarter_of_an_hour_is_taken() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    let first: jiff::Timestamp = "2100-01-01T00:00:00Z".parse().expect("a moment");
    let price = |quarter: i64| format!("{},98.5\n", first + jiff::SignedDuration::from_mins(15 * quarter));
    let csv = format!("time,price\n{}", (0..4 * 24 * 365).map(price).collect::<String>());
    let taken = change(&mut browser, &[("part", "prices"), ("csv", &csv), ("per", "mwh"), ("add", "0")]);
    assert_eq!(taken.status, 303, "{}", taken.text);
    let too_large = "x".repeat(5 << 20);
    let refused = server.post(HERE).bearer(&server.key).send(format!("part=prices&csv={too_large}"));
    assert_eq!(
        (refused.status, &refused.json()["error"]["code"]),
        (413, &serde_json::json!("request_too_large"))
    );
    refused_day(&mut browser);
}

/// The last year that dates have: not all its days are moments.
fn refused_day(browser: &mut Browser<'_>) {
    let rate = [("part", "rate"), ("currency", "usd"), ("rate", "7"), ("from", "9999-12-31")];
    assert_eq!(change(browser, &rate).status, 400);
}

#[test]
fn a_bookkeeper_reads_the_settings_and_changes_none() {
    let server = TestServer::start();
    let bookkeeper = server.make_key(3, KeyRules { scopes: Scopes::COSTS, ..KeyRules::default() });
    let mut browser = Browser::new(&server);
    assert_eq!(browser.sign_in(&bookkeeper.reveal()).status, 303);
    let page = browser.open(HERE);
    assert!(page.status == 200 && page.text.contains("An example month"), "{}", page.text);
    assert!(!page.text.contains("data-effect"), "no form that would be refused");
    assert_eq!(browser.submit(HERE, &MACHINE).status, 403);
    let json = server.get(HERE).bearer(&bookkeeper.reveal()).send("").json();
    assert_eq!(json["images"], 500);
    assert_eq!(server.get(HERE).send("").status, 401);
}

#[test]
fn a_common_card_gives_its_name_and_its_price_only_in_a_ledger_of_the_prices_currency() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    let page = browser.open(&format!("{HERE}?preset=rtx-3090")).text;
    for said in [
        "value=\"NVIDIA GeForce RTX 3090\"",
        "350 W",
        "https://huggingface.co/hardware/rtx-3090",
        "launched at $1,499.00",
        "30 Nov 2026",
    ] {
        assert!(page.contains(said), "{said} in {page}");
    }
    assert!(
        page.contains("name=\"price\" type=\"text\" value=\"\""),
        "the price is the owner's to say: {page}"
    );
    assert_eq!(browser.open(&format!("{HERE}?preset=none")).status, 200);

    let dollars = TestServer::start_with(|config| {
        let amount = |text: &str| text.parse().expect("an amount");
        config.costs.currency = Currency::USD;
        config.costs.price_per_kwh = amount("0.15");
        config.costs.upkeep_per_image = amount("0.004");
        config.costs.hardware.price = amount("2000");
        config.costs.hardware.residual = amount("800");
    });
    let mut browser = Browser::signed_in(&dollars);
    for (card, price) in [("rtx-3090", "1499.00"), ("rtx-4090", "1599.00"), ("l40s", "")] {
        let page = browser.open(&format!("{HERE}?preset={card}")).text;
        let field = format!("name=\"price\" type=\"text\" value=\"{price}\"");
        assert!(page.contains(&field), "{field} in {page}");
    }
}
