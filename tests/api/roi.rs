//! Whether hardware is worth it, for scripts and for browsers.

use serde_json::json;

use crate::{client::Response, server::TestServer};

fn ask(server: &TestServer, query: &str, accept: &str) -> Response {
    server.get(&format!("/admin/roi{query}")).bearer(&server.key).header("accept", accept).send("")
}

#[test]
fn a_script_reads_the_outcome_as_exact_json() {
    let server = TestServer::start();
    let answer = ask(&server, "", "application/json");
    assert_eq!(answer.status, 200);
    assert!(answer.text.contains("\"standard\":0.375583334"), "{}", answer.text);
    let against = &answer.json()["against"];
    assert_eq!(against[0]["payback"], json!({ "kind": "after", "months_tenths": 117 }));
    assert_eq!(
        (&against[3]["name"], &against[3]["like_for_like"]),
        (&json!("fal/z-image-turbo"), &json!(true))
    );
    let answer =
        ask(&server, "?watts=900&compared_price=2.5&running_costs_per_year=", "application/json").json();
    assert_eq!(answer["image"]["electricity"], json!(0.0045));
    assert_eq!((&answer["against"][0]["price"], &answer["year"]["other"]), (&json!(2.5), &json!(0.0)));
    for (query, param) in [("?watts=much", "watts"), ("?years=0", "years"), ("?colour=1", "query")] {
        let refused = ask(&server, query, "application/json");
        assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!(param)));
    }
}

#[test]
fn a_browser_fills_the_form_and_reads_the_page() {
    let server = TestServer::start();
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    let turned_away = server.get("/admin/roi").header("accept", browser).send("");
    assert_eq!((turned_away.status, turned_away.header("location")), (303, "/admin/sign-in?next=/admin/roi"));
    assert_eq!(server.get("/admin/roi").send("").status, 401);

    let page = ask(&server, "", browser);
    assert_eq!(page.status, 200);
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    for said in ["name=\"price_per_kwh\" value=\"1.20\"", "Pays back in 11.7 months", "same weights, hosted"]
    {
        assert!(page.text.contains(said), "{said} in {}", page.text);
    }
    assert!(!page.text.contains("<script>") && !page.text.contains("style="), "{}", page.text);
    let wrong = ask(&server, "?watts=%3Cb%3E", browser);
    assert_eq!(wrong.status, 400);
    assert!(wrong.text.contains("role=\"alert\"") && wrong.text.contains("&lt;b&gt;"), "{}", wrong.text);
    assert!(ask(&server, "", browser).text.contains("/admin/costs"));
    let costs = server.get("/admin/costs").bearer(&server.key).header("accept", browser).send("");
    assert!(costs.text.contains("href=\"/admin/roi\""));
}

#[test]
fn configured_hardware_comes_before_the_shipped_scenario() {
    let server = TestServer::start_with(|config| {
        config.costs.hardware.name = "our card".into();
        config.costs.hardware.price = "9000".parse().expect("an amount");
        config.energy.device_watts = Some(tintype::units::Power::from_watts(300));
    });
    let answer = ask(&server, "", "application/json").json();
    assert_eq!((&answer["scenario"], &answer["price"]), (&json!("our card"), &json!(9000.0)));
    // 300 W · 15 s · 1.2
    assert_eq!(answer["image"]["electricity"], json!(0.0015));
    assert_eq!(answer["against"].as_array().map(Vec::len), Some(1));
}
