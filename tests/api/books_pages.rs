//! The pages of the books beside the months themselves: closing, receipts, cost centres.

use serde_json::json;
use tintype::{
    costs::{CarbonRate, Term},
    domain::Calendar,
    ledger::{Evidence, Member, Month},
};

use crate::{browser::Browser, server::TestServer};

#[test]
fn books_are_closed_explained_and_charged_on_in_the_browser() {
    let server = TestServer::start();
    let begun = jiff::Timestamp::now();
    let grid = CarbonRate { grams_per_kwh: "570.3".parse().expect("an intensity"), source: "a grid".into() };
    let term = Term::Carbon(grid);
    assert!(server.ledger().record_term(&term, begun, &Evidence::COMMAND_LINE, begun).expect("recorded"));
    let answer = server.generate(&json!({ "prompt": "x" })).json();
    let receipt = &answer["data"][0]["receipt"];
    let id = receipt["request_id"].as_str().expect("an id").to_owned();
    assert!(receipt["carbon_grams"].as_f64().is_some_and(|grams| grams > 0.0), "{receipt}");
    let stored = server.get(&format!("/v1/receipts/{id}")).bearer(&server.key).send("").json();
    assert_eq!(stored["data"][0]["receipt"]["carbon_grams"], receipt["carbon_grams"], "{stored}");
    let mut browser = Browser::signed_in(&server);
    let page = browser.open(&format!("/admin/receipts/{id}"));
    assert_eq!(page.status, 200, "{}", page.text);
    for said in ["What was booked follows from these prices", "per kWh", "CO2e", "a grid", "Standard cost"] {
        assert!(page.text.contains(said), "{said} in {}", page.text);
    }
    assert!(browser.open("/admin/jobs").text.contains("href=\"/admin/receipts/"));
    assert_eq!(browser.open("/admin/receipts/req_1").status, 404);

    let (ledger, now) = (server.ledger(), jiff::Timestamp::now());
    let month = Month::of(now, &Calendar::UTC);
    let empty = browser.open("/admin/centres");
    assert!(empty.text.contains("tintype centre add"), "{}", empty.text);
    assert!(ledger.add_centre("Studio <A>", &Evidence::COMMAND_LINE, now).expect("made"));
    let key = Member::Key(ledger.keys().expect("keys")[0].public_id.clone());
    let first = month.days().first;
    ledger.assign(&key, Some("Studio <A>"), first, &Evidence::COMMAND_LINE, now).expect("assigned");
    let page = browser.open("/admin/centres");
    assert!(page.text.contains("Studio &lt;A&gt;") && page.text.contains("No cost centre"), "{}", page.text);
    let charges = server.get("/admin/centres.json").bearer(&server.key).send("").json();
    assert_eq!(
        (&charges["charges"][0]["name"], &charges["charges"][0]["images"]),
        (&json!("Studio <A>"), &json!(1))
    );
    for (kind, media_type, begins) in [
        ("pdf", "application/pdf", &b"%PDF-"[..]),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK"),
        ("csv", "text/csv; charset=utf-8", b"month,"),
    ] {
        let file = browser.open(&format!("/admin/centres/1/{month}.{kind}?lang=zh-CN"));
        assert_eq!((file.status, file.header("content-type")), (200, media_type));
        assert!(file.bytes.starts_with(begins), "{kind}");
    }
    let refused = server.get(&format!("/admin/centres/9/{month}.pdf")).bearer(&server.key).send("");
    assert_eq!(refused.status, 400);

    let last = month.previous();
    let shown = browser.open(&format!("/admin/costs?month={last}"));
    let closing = format!("/admin/costs/close?month={last}");
    assert!(shown.text.contains(&closing), "{}", shown.text);
    let page = browser.open(&closing);
    for said in ["What will be sealed", "Settled requests have the images they asked for", "holds"] {
        assert!(page.text.contains(said), "{said} in {}", page.text);
    }
    let month_field = last.to_string();
    let unsure = browser.submit("/admin/costs/close", &[("month", &month_field)]);
    assert_eq!((unsure.status, unsure.header("location")), (303, closing.as_str()));
    assert!(ledger.closings().expect("closings").is_empty(), "nothing without the box");
    let sure = browser.submit("/admin/costs/close", &[("month", &month_field), ("sure", "on")]);
    assert_eq!(sure.status, 303, "{}", sure.text);
    assert_eq!(ledger.closings().expect("closings")[0].month, last);
    assert!(browser.open(&format!("/admin/costs?month={last}")).text.contains(">Closed<"));
    let running = browser.submit("/admin/costs/close", &[("month", &month.to_string()), ("sure", "on")]);
    assert!(running.status == 400 && running.text.contains("has not ended"), "{}", running.text);
}
