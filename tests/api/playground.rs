//! The playground: open to everybody, with nothing of anybody's key in it.

use std::num::NonZeroU32;

use rusqlite::Connection;
use serde_json::{Value, json};
use tintype::{
    domain::{KeyLimits, Scopes},
    ledger::KeyRules,
};

use crate::{browser::Browser, client::Response, server::TestServer};

/// What the page's script goes by.
fn data(page: &Response) -> Value {
    let (_, rest) = page.text.split_once("id=\"playground-data\">").expect("the data");
    serde_json::from_str(rest.split("</script>").next().expect("its end")).expect("JSON")
}

#[test]
fn anybody_may_open_the_playground_and_it_offers_what_the_api_takes() {
    let server = TestServer::start();
    let page = Browser::new(&server).open("/playground");
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.header("content-security-policy").contains("connect-src 'self'"));
    assert!(!page.text.contains(&server.key));
    let terms = &data(&page)["terms"];
    assert_eq!(terms["base_url"], server.url);
    for preset in terms["presets"].as_array().expect("presets") {
        let body =
            json!({ "prompt": "x", "dry_run": true, "width": preset["width"], "height": preset["height"] });
        assert_eq!(server.generate(&body).status, 200, "{preset}");
    }
    for (quality, steps) in terms["steps"].as_object().expect("steps") {
        let quote = server.generate(&json!({ "prompt": "x", "dry_run": true, "quality": quality })).json();
        assert_eq!(&quote["steps"], steps, "{quality}");
    }
    let limits = [
        ("n", "images_max"),
        ("steps", "steps_max"),
        ("guidance_scale", "guidance_max"),
        ("seed", "seed_max"),
    ];
    for (field, limit) in limits {
        let ask = |value: &Value| server.generate(&json!({ "prompt": "x", "dry_run": true, field: value }));
        assert_eq!(ask(&terms[limit]).status, 200, "{limit}");
    }
}

#[test]
fn the_files_of_the_playground_are_served_and_import_each_other() {
    let server = TestServer::start();
    let page = Browser::new(&server).open("/playground").text;
    let (_, rest) = page.split_once("<script type=\"module\" src=\"").expect("a script");
    let entry = rest.split('"').next().expect("an address");
    let folder = entry.strip_suffix("playground.js").expect("its name");
    let mut names = vec!["playground.css".to_owned(), "playground.js".to_owned()];
    let mut at = 0;
    while let Some(name) = names.get(at) {
        let file = server.get(&format!("{folder}{name}")).send("");
        assert_eq!(file.status, 200, "{name}");
        assert_eq!(file.header("x-content-type-options"), "nosniff");
        let imports = file.text.split("from \"./").skip(1).filter_map(|rest| rest.split('"').next());
        let new: Vec<_> = imports.filter(|import| !names.iter().any(|name| name == import)).collect();
        let new: Vec<_> = new.into_iter().map(str::to_owned).collect();
        names.extend(new);
        at += 1;
    }
    assert!(names.len() > 4, "{names:?}");
}

#[test]
fn scripts_read_what_the_playground_offers_as_json() {
    let server = TestServer::start();
    let answer = server.get("/playground").header("accept", "application/json").send("");
    assert_eq!((answer.status, &answer.json()["model"]), (200, &json!("base")));
    assert_eq!(answer.json()["default_size"], "32x32");
    let refused = server.post("/playground").send("");
    assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD"));
}

#[test]
fn the_playground_speaks_chinese_and_keeps_the_way_out_of_whoever_signed_in() {
    let server = TestServer::start();
    let page =
        server.get("/playground").header("accept", "text/html").header("accept-language", "zh-CN").send("");
    assert!(page.text.contains("<html lang=\"zh-CN\"") && page.text.contains("提示词"), "{}", page.text);
    assert!(!page.text.contains("/admin/sign-out"), "nobody has signed in");
    let page = Browser::signed_in(&server).open("/playground");
    assert!(page.text.contains("/admin/sign-out"), "{}", page.text);
}

#[test]
fn the_page_names_its_model_and_of_the_demo_model_what_it_knows() {
    let server = TestServer::start();
    let page = Browser::new(&server).open("/playground").text;
    assert!(page.contains("Model: base") && !page.contains("id=\"demo\""), "{page}");
    let demo = TestServer::start_with(|config| config.model.path = None);
    let page = Browser::new(&demo).open("/playground").text;
    assert!(page.contains("Model: z-image-embedded") && page.contains("794 things"), "{page}");
    assert_eq!(page.matches("data-idea").count(), 12, "{page}");
}

/// Asks as the page's script does, by the browser's session, in the name of the key `id`.
fn ask(
    server: &TestServer,
    browser: &Browser<'_>,
    token: &str,
    id: &str,
    site: &str,
    body: &Value,
) -> Response {
    let cookie = browser.cookie("tintype_session").expect("a session");
    let request = server.post("/playground/v1/images/generations").header("content-type", "application/json");
    let request = request.header("cookie", &format!("tintype_session={cookie}"));
    let request = request.header("x-tintype-key", id).header("x-tintype-form-token", token);
    request.header("sec-fetch-site", site).send(body.to_string())
}

fn form_token(page: &Response) -> String {
    let (_, rest) = page.text.split_once("data-form-token=\"").expect("keys to choose from");
    rest.split('"').next().expect("a value").to_owned()
}

#[test]
fn an_operators_session_asks_in_the_name_of_a_key_and_no_other_site_does() {
    let server = TestServer::start();
    let limits = KeyLimits { requests_per_minute: NonZeroU32::new(1), ..KeyLimits::default() };
    let studio = server.make_key(2, KeyRules { scopes: Scopes::IMAGES, limits, ..KeyRules::default() });
    let id = studio.public_id();
    assert!(!Browser::new(&server).open("/playground").text.contains("own-key"), "nobody has signed in");
    let mut browser = Browser::signed_in(&server);
    let page = browser.open("/playground");
    assert!(page.text.contains(id) && !page.text.contains(&studio.reveal()), "its id, and not its secret");
    let token = form_token(&page);
    let (body, price) = (json!({ "prompt": "x" }), json!({ "prompt": "x", "dry_run": true }));
    for _ in 0..5 {
        assert_eq!(
            ask(&server, &browser, &token, id, "same-origin", &price).status,
            200,
            "a price counts as none"
        );
    }
    for (token, site) in [("", "same-origin"), (token.as_str(), "cross-site"), (token.as_str(), "same-site")]
    {
        let refused = ask(&server, &browser, token, id, site, &body);
        assert_eq!(
            (refused.status, &refused.json()["error"]["code"]),
            (403, &json!("form_forged")),
            "{site}"
        );
    }
    assert_eq!(ask(&server, &browser, &token, "nobodys", "same-origin", &body).status, 400);
    let made = ask(&server, &browser, &token, id, "same-origin", &body);
    assert_eq!(made.status, 200, "{}", made.text);
    let query = "SELECT public_id FROM requests JOIN keys ON keys.id = key_id";
    let ledger = Connection::open(server.ledger_file()).expect("the ledger");
    let charged: String = ledger.query_row(query, [], |row| row.get(0)).expect("one request");
    assert_eq!(charged, id, "its own books");
    assert_eq!(ask(&server, &browser, &token, id, "same-origin", &body).status, 429, "its own rate");
}

#[test]
fn a_pages_quotes_have_a_limit_of_their_own() {
    let server =
        TestServer::start_with(|config| config.limits.playground_quotes_per_minute = NonZeroU32::MIN);
    let limits = KeyLimits { requests_per_minute: NonZeroU32::new(2), ..KeyLimits::default() };
    let make = |key| server.make_key(key, KeyRules { scopes: Scopes::IMAGES, limits, ..KeyRules::default() });
    let (studio, other) = (make(2), make(3));
    let mut browser = Browser::signed_in(&server);
    let token = form_token(&browser.open("/playground"));
    let (body, price) = (json!({ "prompt": "x" }), json!({ "prompt": "x", "dry_run": true }));
    let quote = |id: &str| ask(&server, &browser, &token, id, "same-origin", &price);
    let standing = |answer: &Response, of: &str| {
        ["limit", "remaining", "reset"]
            .map(|what| answer.header(&format!("x-ratelimit-{what}-{of}")).to_owned())
    };
    let id = studio.public_id();
    let first = quote(id);
    assert_eq!((first.status, standing(&first, "quotes")), (200, ["1", "0", "1m0s"].map(str::to_owned)));
    assert_eq!(standing(&first, "requests"), ["2", "2", "0s"].map(str::to_owned), "no request was counted");
    let second = quote(id);
    assert_eq!((second.status, &second.json()["error"]["code"]), (429, &json!("rate_limit_exceeded")));
    let message = second.json()["error"]["message"].as_str().expect("a message").to_owned();
    assert!(
        message.starts_with("The key's limit is 1 quotes in the playground a minute; try again in "),
        "{message}"
    );
    let wait: u32 = second.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(standing(&second, "quotes")[..2], ["1", "0"].map(str::to_owned));
    assert_eq!(standing(&second, "requests")[1], "2", "no request was counted for the refused one");
    assert_eq!(quote(other.public_id()).status, 200, "each key has its own");
    // By a bearer key too; a client's own quotes are requests, as everywhere.
    let by_key = |path: &str| server.post(path).bearer(&studio.reveal()).json(&price);
    assert_eq!(by_key("/playground/v1/images/generations").status, 429);
    let client = by_key("/v1/images/generations");
    assert_eq!((client.status, client.header("x-ratelimit-remaining-requests")), (200, "1"));
    assert_eq!(client.header("x-ratelimit-limit-quotes"), "");
    let made = ask(&server, &browser, &token, id, "same-origin", &body);
    assert_eq!(made.status, 200, "images are generated as before: {}", made.text);
}

#[test]
fn a_key_without_administration_charges_itself_alone() {
    let server = TestServer::start();
    let studio = server.make_key(2, KeyRules { scopes: Scopes::IMAGES, ..KeyRules::default() });
    let mut browser = Browser::new(&server);
    assert_eq!(browser.sign_in(&studio.reveal()).status, 303);
    let page = browser.open("/playground");
    let first = server.key.split('-').nth(1).expect("a public id");
    let own = studio.public_id();
    assert!(page.text.contains(own) && !page.text.contains(first), "{}", page.text);
    let token = form_token(&page);
    let body = json!({ "prompt": "x" });
    assert_eq!(ask(&server, &browser, &token, first, "same-origin", &body).status, 403);
    assert_eq!(ask(&server, &browser, &token, own, "same-origin", &body).status, 200);
}
