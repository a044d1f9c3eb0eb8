//! The cost page, for scripts and for browsers.

use serde_json::json;

use crate::{browser::Browser, server::TestServer};

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
    let mut browser = Browser::new(&server);
    let turned_away = browser.open("/admin/costs");
    assert_eq!((turned_away.status, turned_away.header("location")), (303, "/admin/sign-in"));
    assert_eq!(browser.open("/admin").header("location"), "/admin/costs");

    let wrong = browser.sign_in("tt-wrong-key");
    assert!(wrong.status == 422 && wrong.text.contains("not valid"), "{}", wrong.text);
    assert_eq!(browser.cookie("tintype_session"), None);
    let signed_in = browser.sign_in(&server.key);
    assert_eq!((signed_in.status, signed_in.header("location")), (303, "/admin/costs"));

    let costs = browser.open("/admin/costs");
    assert_eq!(costs.status, 200);
    assert!(costs.header("content-type").starts_with("text/html"));
    assert_eq!(costs.header("cache-control"), "no-store");
    assert!(
        costs.text.contains("Standard cost") && costs.text.contains("fal/z-image-turbo"),
        "{}",
        costs.text
    );
    assert!(!costs.text.contains(&server.key));

    let old = browser.cookie("tintype_session").expect("a session").clone();
    assert_eq!(browser.submit("/admin/sign-out", &[]).header("location"), "/admin/sign-in");
    assert_eq!(browser.cookie("tintype_session"), None);
    browser.set_cookie("tintype_session", &old);
    assert_eq!(browser.open("/admin/costs").status, 303, "the session is over, whoever kept its cookie");
}

#[test]
fn a_page_runs_nothing_of_its_own_and_asks_nothing_elsewhere() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    let page = browser.open("/admin/costs");
    let policy = page.header("content-security-policy");
    for rule in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(rule), "{rule} in {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for inline in ["<script>", "<style", "style=", "onclick=", "javascript:", "https://"] {
        assert!(!page.text.contains(inline), "{inline} in {}", page.text);
    }
    let (_, rest) = page.text.split_once("rel=\"stylesheet\" href=\"").expect("a style sheet");
    let path = rest.split('"').next().expect("an address");
    let sheet = server.get(path).send("");
    assert_eq!(sheet.status, 200);
    assert!(
        sheet.header("cache-control").contains("immutable") && sheet.header("content-type").contains("css")
    );
    let other = path.replacen("/assets/", "/assets/0", 1);
    assert_eq!(server.get(&other).send("").status, 404, "another version's file is not guessed");
}

#[test]
fn the_first_page_says_where_to_go() {
    let server = TestServer::start();
    let mut browser = Browser::new(&server);
    let page = browser.open("/");
    assert_eq!(page.status, 200);
    for said in ["href=\"/playground\"", "href=\"/openapi.json\"", &format!("{}/v1", server.url), "Sign in"] {
        assert!(page.text.contains(said), "{said} in {}", page.text);
    }
    for hidden in ["href=\"/admin/keys\"", "href=\"/admin/jobs\""] {
        assert!(!page.text.contains(hidden), "{hidden} is for those who have signed in: {}", page.text);
    }
    assert_eq!(browser.sign_in(&server.key).status, 303);
    assert!(browser.open("/").text.contains("href=\"/admin/keys\""));
    assert_eq!(browser.open("/admin/").header("location"), "/admin/costs");
    let script = server.get("/").send("").json();
    assert_eq!(script["base_url"], json!(format!("{}/v1", server.url)));
}

#[test]
fn every_page_answers_head_as_it_answers_get() {
    let server = TestServer::start();
    let key = server.key.split('-').nth(1).expect("a public id");
    let one = format!("/admin/keys/{key}");
    let pages = [
        "",
        "/costs",
        "/costs.json",
        "/costs.csv",
        "/roi",
        "/jobs",
        "/jobs.json",
        "/batches",
        "/batches.json",
        "/webhooks",
        "/keys",
        "/sessions",
    ];
    let pages = pages.iter().map(|page| format!("/admin{page}"));
    for path in pages.chain([one, "/admin/sign-in".into(), "/playground".into()]) {
        let ask = |method| server.request(method, &path).bearer(&server.key).send("");
        let (head, get) = (ask("HEAD"), ask("GET"));
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
    let posted = server.post("/admin/costs").bearer(&server.key).send("");
    assert_eq!((posted.status, posted.header("allow")), (405, "GET, HEAD"));
}

#[test]
fn the_pages_speak_the_readers_language() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    assert!(browser.open("/admin/costs").text.contains("<html lang=\"en\""));
    let chosen = browser.submit("/admin/preferences", &[("language", "zh-CN")]);
    assert_eq!((chosen.status, chosen.header("location")), (303, "/admin/costs"));
    let page = browser.open("/admin/costs");
    assert!(page.text.contains("<html lang=\"zh-CN\"") && page.text.contains("出图成本"), "{}", page.text);
    let themed = browser.submit("/admin/preferences", &[("theme", "dark")]);
    assert_eq!(themed.status, 303);
    assert!(browser.open("/admin/costs").text.contains("data-theme=\"dark\""));
    let elsewhere =
        server.get("/admin/sign-in").header("accept-language", "zh-TW,zh;q=0.9,en;q=0.8").send("");
    assert!(elsewhere.text.contains("登录") && elsewhere.header("content-language") == "zh-CN");
}

#[test]
fn an_error_is_told_to_a_browser_as_a_page_and_to_a_script_as_json() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    let page = browser.open("/admin/costs?month=february");
    assert_eq!(page.status, 400);
    assert!(
        page.text.contains("<h1>That did not work</h1>") && page.text.contains("2026-11"),
        "{}",
        page.text
    );
    browser.set_cookie("tintype_language", "zh-CN");
    let chinese = browser.open("/admin/costs?month=february").text;
    assert!(chinese.contains("月份的写法如 2026-11") && !chinese.contains("is not a month"), "{chinese}");
    browser.set_cookie("tintype_language", "en");
    let unknown = browser.open("/admin/nothing-here");
    assert!(unknown.status == 404 && unknown.text.contains("Not found"), "{}", unknown.text);
    assert!(unknown.text.contains("/admin/sign-out"), "whoever has signed in still is: {}", unknown.text);
    let script = server.get("/admin/nothing-here").bearer(&server.key).send("");
    assert_eq!((script.status, &script.json()["error"]["code"]), (404, &json!("unknown_url")));
    // Below a page's own places, too.
    let statement = server.get("/admin/centres/first/2026-11.pdf").bearer(&server.key).send("");
    let switch = server.post("/admin/keys/abc/forget").bearer(&server.key).send("");
    for answer in [statement, switch] {
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!("unknown_url")));
    }
}

#[test]
fn a_script_hears_in_json_what_is_wrong_with_a_form() {
    let server = TestServer::start();
    let public_id = server.key.split('-').nth(1).expect("a public id");
    let changed = format!("/admin/keys/{public_id}");
    let long = format!("name={}&images=on", "x".repeat(65));
    for (path, form, field, remedy) in [
        ("/admin/keys", long.as_str(), "name", "1 to 64 characters"),
        (changed.as_str(), "name=mine", "images", "at least one scope"),
        ("/admin/settings", "part=rate&currency=USD&rate=seven", "rate", "Write an amount such as"),
        ("/admin/costs/close", "month=2999-01&sure=on", "month", "has not ended"),
    ] {
        let request = server.post(path).bearer(&server.key);
        let refused = request.header("content-type", "application/x-www-form-urlencoded").send(form);
        let error = &refused.json()["error"];
        assert_eq!((refused.status, &error["param"]), (400, &json!(field)), "{}", refused.text);
        assert!(error["message"].as_str().is_some_and(|said| said.contains(remedy)), "{error}");
    }
}

#[test]
fn a_month_tells_its_days_its_services_and_how_far_the_hardware_has_paid() {
    let server = TestServer::start();
    assert_eq!(server.generate(&json!({ "prompt": "x", "n": 2, "quality": "high" })).status, 200);
    let month = server.get("/admin/costs.json").bearer(&server.key).send("").json();
    let services = month["services"].as_array().expect("services");
    let skus: Vec<_> = services.iter().map(|service| service["sku"].as_str().expect("a sku")).collect();
    let expected = [
        "fal/z-image-turbo",
        "openai/gpt-image-2",
        "google/gemini-3-pro-image",
        "bfl/flux-2-pro",
        "midjourney/standard",
    ];
    assert_eq!(skus, expected);
    assert_eq!(services[0]["compared_price"], month["compared_price"], "as it was booked");
    for service in services {
        assert_eq!((&service["images"], &service["unpriced"]), (&json!(2), &json!(null)), "{service}");
        assert!(service["prices"][0]["read_on"].is_string() && service["prices"][0]["source"].is_string());
    }
    assert_eq!(services[4]["plans"]["plans"], json!(1));
    let today = month["days"].as_array().expect("days").last().expect("today").clone();
    assert_eq!((&today["images"], &today["total"]), (&json!(2), &month["total"]));
    let against = &month["payback"]["against"];
    assert_eq!(against[0]["outlook"], json!("too_early"), "after one day");
    assert!(against[1]["saved"].is_number() && against[1]["points"][0]["saved_in_all"].is_number());
}

#[test]
fn a_year_is_twelve_months_and_is_asked_for_alone() {
    let server = TestServer::start();
    assert_eq!(server.generate(&json!({ "prompt": "x" })).status, 200);
    let ask = |path: &str| server.get(path).bearer(&server.key).send("");
    let month = ask("/admin/costs.json").json();
    let name = month["month"].as_str().expect("a month").to_owned();
    let year = ask(&format!("/admin/costs.json?year={}", &name[..4])).json();
    let months = year["months"].as_array().expect("months");
    let same = months.iter().find(|of_year| of_year["month"] == month["month"]).expect("this month");
    assert_eq!((months.len(), &same["total"], &year["total"]), (12, &month["total"], &month["total"]));
    let file = ask(&format!("/admin/costs.csv?year={}", &name[..4]));
    assert_eq!((file.status, file.text.lines().count()), (200, 13));
    assert!(file.header("content-disposition").contains(&format!("tintype-{}.csv", &name[..4])));
    for wrong in ["year=26", "year=2026&month=2026-11", "year=2026&by=tag"] {
        let refused = ask(&format!("/admin/costs.json?{wrong}"));
        assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!("year")), "{wrong}");
    }
}
