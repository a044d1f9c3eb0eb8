//! The cost page, for scripts and for browsers.

use serde_json::json;

use crate::{client::Response, server::TestServer};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn sign_in(server: &TestServer, key: &str) -> Response {
    server
        .post("/admin/sign-in")
        .header("content-type", "application/x-www-form-urlencoded")
        .send(format!("key={key}"))
}

#[test]
fn a_script_reads_the_month_as_exact_json() {
    let server = TestServer::start();
    assert_eq!(server.generate(&json!({ "prompt": "x", "n": 2 })).status, 200);
    for accept in ["application/json", "*/*", ""] {
        let answer = server.get("/admin/costs").bearer(&server.key).header("accept", accept).send("");
        assert_eq!(answer.status, 200);
        let month = answer.json();
        assert_eq!(month["images"], 2);
        for field in
            ["energy_kwh", "electricity", "depreciation", "upkeep", "total", "compared_price", "saving"]
        {
            assert!(month[field].is_number(), "{field} in {month}");
        }
        let totals = server.totals();
        assert!(answer.text.contains(&format!("\"total\":{}", totals.standard)), "{}", answer.text);
        assert!(answer.text.contains(&format!("\"energy_kwh\":{}", totals.energy.to_kwh_string())));
    }
}

#[test]
fn any_month_can_be_asked_for_and_nonsense_is_refused() {
    let server = TestServer::start();
    let ask = |month: &str| server.get(&format!("/admin/costs?month={month}")).bearer(&server.key).send("");
    let empty = ask("2020-02");
    assert_eq!(
        (empty.status, &empty.json()["images"], &empty.json()["month"]),
        (200, &json!(0), &json!("2020-02"))
    );
    assert_eq!(empty.json()["cost_per_image"], json!(null));
    let nonsense = ask("february");
    assert_eq!((nonsense.status, &nonsense.json()["error"]["param"]), (400, &json!("month")));
}

#[test]
fn a_browser_signs_in_reads_the_page_and_signs_out() {
    let server = TestServer::start();
    assert_eq!(server.generate(&json!({ "prompt": "x" })).status, 200);
    let page =
        |cookie: &str| server.get("/admin/costs").header("accept", BROWSER).header("cookie", cookie).send("");
    let turned_away = page("");
    assert_eq!((turned_away.status, turned_away.header("location")), (303, "/admin/sign-in"));

    let wrong = sign_in(&server, "tt-wrong-key");
    assert!(wrong.status == 200 && wrong.text.contains("not valid") && wrong.header("set-cookie").is_empty());
    let signed_in = sign_in(&server, &server.key);
    assert_eq!((signed_in.status, signed_in.header("location")), (303, "/admin/costs"));
    let cookie = signed_in.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().expect("a cookie");

    let costs = page(cookie);
    assert_eq!(costs.status, 200);
    assert!(costs.header("content-type").starts_with("text/html"));
    assert!(costs.header("content-security-policy").contains("default-src 'none'"));
    assert!(
        costs.text.contains("Standard cost") && costs.text.contains("fal/z-image-turbo"),
        "{}",
        costs.text
    );
    assert!(!costs.text.contains(&server.key));
    assert_eq!(page(&cookie.replace("eyJ", "eyK")).status, 303, "a forged session");

    let signed_out = server.post("/admin/sign-out").header("cookie", cookie).send("");
    assert!(signed_out.header("set-cookie").contains("Max-Age=0"), "{}", signed_out.header("set-cookie"));
}

#[test]
fn a_revoked_key_ends_its_sessions() {
    let server = TestServer::start();
    let signed_in = sign_in(&server, &server.key);
    let cookie = signed_in.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    let costs = || server.get("/admin/costs").header("cookie", &cookie).send("").status;
    assert_eq!(costs(), 200);
    let public_id = server.key.split('-').nth(1).expect("a public id");
    server.ledger().revoke_key(public_id, "command line", jiff::Timestamp::now()).expect("revoked");
    assert_eq!(costs(), 401);
}
