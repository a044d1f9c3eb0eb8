//! /admin/keys: keys made, changed and closed by forms.

use serde_json::json;

use crate::{browser::Browser, client::Response, server::TestServer};

/// What the page shows as a new secret.
fn secret(page: &str) -> String {
    let (_, rest) = page.split_once("value=\"tt-").expect("a secret");
    format!("tt-{}", rest.split('"').next().expect("a value"))
}

/// Sends a form that gives a key a secret, and follows to the page that shows it.
fn submit_for_secret(browser: &mut Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Response {
    let sent = browser.submit(path, fields);
    assert_eq!(sent.status, 303, "{}", sent.text);
    let page = sent.header("location").to_owned();
    let shown = browser.open(&page);
    assert_eq!(shown.status, 200);
    let again = browser.open(&page);
    assert_eq!(again.status, 303, "it is shown once");
    shown
}

fn public_id(key: &str) -> &str {
    key.split('-').nth(1).expect("a public id")
}

fn generate(server: &TestServer, key: &str) -> u16 {
    let body = json!({ "prompt": "x", "size": "16x16" });
    server.post("/v1/images/generations").bearer(key).json(&body).status
}

/// An operator on the page of a key just made: the browser, the key, and the page's path.
fn on_a_new_keys_page(server: &TestServer) -> (Browser<'_>, String, String) {
    let mut browser = Browser::signed_in(server);
    browser.open("/admin/keys");
    let key =
        secret(&submit_for_secret(&mut browser, "/admin/keys", &[("name", "one"), ("images", "on")]).text);
    let one = format!("/admin/keys/{}", public_id(&key));
    browser.open(&one);
    (browser, key, one)
}

#[test]
fn a_key_is_made_shown_once_used_and_revoked() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    browser.open("/admin/keys");
    let fields = [("name", "studio 7"), ("images", "on"), ("budgets", "1 image a day")];
    let made = submit_for_secret(&mut browser, "/admin/keys", &fields);
    assert_eq!(made.header("cache-control"), "no-store");
    let key = secret(&made.text);
    let variables = format!("OPENAI_BASE_URL={}/v1\nOPENAI_API_KEY={key}", server.url);
    assert!(made.text.contains(&variables), "{}", made.text);
    let named =
        |name: &str| server.ledger().keys().expect("keys").iter().filter(|key| key.name == name).count();
    assert_eq!(named("studio 7"), 1, "loading the page again creates nothing");
    assert_eq!(generate(&server, &key), 200);
    assert_eq!(generate(&server, &key), 429, "its budget is one image");
    let listed = browser.open("/admin/keys").text;
    assert!(listed.contains("studio 7") && listed.contains("0 images left"), "{listed}");
    assert!(!listed.contains(&key), "never again");

    let one = format!("/admin/keys/{}", public_id(&key));
    assert!(browser.open(&one).text.contains("created"));
    assert_eq!(browser.submit(&format!("{one}/revoke"), &[]).status, 303);
    assert_eq!(generate(&server, &key), 429, "not without the box");
    let script = server.post(&format!("{one}/revoke")).bearer(&server.key).send("");
    assert_eq!((script.status, &script.json()["error"]["param"]), (400, &json!("sure")), "no success");
    assert_eq!(browser.submit(&format!("{one}/revoke"), &[("sure", "on")]).status, 303);
    assert_eq!(generate(&server, &key), 401);
    assert!(browser.open(&one).text.contains("revoked"));
}

#[test]
fn a_change_is_logged_with_who_made_it_and_only_with_what_differs() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    browser.open("/admin/keys");
    let key = secret(
        &submit_for_secret(
            &mut browser,
            "/admin/keys",
            &[("name", "one"), ("images", "on"), ("concurrent_jobs", "2")],
        )
        .text,
    );
    let one = format!("/admin/keys/{}", public_id(&key));
    browser.open(&one);
    let form = [("name", "two"), ("images", "on"), ("concurrent_jobs", "2"), ("budgets", "20")];
    assert_eq!(browser.submit(&one, &form).status, 303);
    assert_eq!(browser.submit(&one, &form).status, 303, "nothing differs");
    let events = server.ledger().key_events(Some(public_id(&key))).expect("a log");
    let said: Vec<_> = events.iter().map(|event| (event.actor.as_str(), event.detail())).collect();
    let admin = public_id(&server.key);
    assert_eq!(
        said,
        [
            (admin, "name one; scopes images; concurrent jobs 2".to_owned()),
            (admin, "name two; budgets 20.00 a month".to_owned()),
        ]
    );
}

#[test]
fn a_wrong_field_is_named_and_what_was_typed_stays() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    browser.open("/admin/keys");
    let before = server.ledger().keys().expect("keys").len();
    let refused =
        browser.submit("/admin/keys", &[("name", "studio"), ("images", "on"), ("budgets", "20 a week")]);
    assert_eq!(refused.status, 422);
    assert!(
        refused.text.contains("Write an amount such as 20") && refused.text.contains("20 a week"),
        "{}",
        refused.text
    );
    assert_eq!(server.ledger().keys().expect("keys").len(), before);
}

#[test]
fn a_key_gets_another_secret_and_is_closed_for_a_while() {
    let server = TestServer::start();
    let (mut browser, old, one) = on_a_new_keys_page(&server);
    let new =
        secret(&submit_for_secret(&mut browser, &format!("{one}/rotate"), &[("grace_hours", "0")]).text);
    assert_eq!((generate(&server, &old), generate(&server, &new)), (401, 200));
    assert_eq!(browser.submit(&format!("{one}/disable"), &[]).status, 303);
    assert_eq!(generate(&server, &new), 401);
    assert_eq!(browser.submit(&format!("{one}/enable"), &[]).status, 303);
    assert_eq!(generate(&server, &new), 200);
}

#[test]
fn a_revoked_key_is_given_no_secret_that_opens_nothing() {
    let server = TestServer::start();
    let (mut browser, key, one) = on_a_new_keys_page(&server);
    assert_eq!(browser.submit(&format!("{one}/revoke"), &[("sure", "on")]).status, 303);
    let events = || server.ledger().key_events(Some(public_id(&key))).expect("a log").len();
    let before = events();
    let refused = browser.submit(&format!("{one}/rotate"), &[("grace_hours", "24")]);
    assert!(refused.status == 409 && refused.text.contains("This key is revoked"), "{}", refused.text);
    assert!(!refused.text.contains("value=\"tt-"), "{}", refused.text);
    browser.set_cookie("tintype_language", "zh-CN");
    let renamed = browser.submit(&one, &[("name", "two"), ("images", "on")]);
    assert!(renamed.status == 409 && renamed.text.contains("已永久吊销"), "{}", renamed.text);
    assert_eq!(events(), before, "nothing is logged that did not happen");
}

#[test]
fn a_key_that_is_switched_twice_says_what_it_is_already() {
    let server = TestServer::start();
    let (mut browser, _, one) = on_a_new_keys_page(&server);
    let mut switch = |to: &str| browser.submit(&format!("{one}/{to}"), &[]);
    let enabled = switch("enable");
    assert!(enabled.status == 409 && enabled.text.contains("already enabled"), "{}", enabled.text);
    assert_eq!(switch("disable").status, 303);
    let disabled = switch("disable");
    assert!(disabled.status == 409 && disabled.text.contains("already disabled"), "{}", disabled.text);
    assert_eq!(switch("destroy").status, 404);
    let disable = server.post(&format!("{one}/disable")).bearer(&server.key).send("");
    assert_eq!((disable.status, &disable.json()["error"]["code"]), (409, &json!("key_disabled")));
}

#[test]
fn the_last_admin_stays_one() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    let one = format!("/admin/keys/{}", public_id(&server.key));
    browser.open(&one);
    let demoted = [("name", "first key"), ("images", "on"), ("costs", "on")];
    for (path, fields) in [
        (one.clone(), &demoted[..]),
        (format!("{one}/disable"), &[]),
        (format!("{one}/revoke"), &[("sure", "on")]),
    ] {
        let refused = browser.submit(&path, fields);
        assert!(refused.status == 409 && refused.text.contains("last active key"), "{}", refused.text);
    }
    let script = server.post(&format!("{one}/disable")).bearer(&server.key).send("");
    assert_eq!((script.status, &script.json()["error"]["code"]), (409, &json!("last_admin_key")));
    let fields = [("name", "second"), ("costs", "on"), ("admin", "on")];
    submit_for_secret(&mut browser, "/admin/keys", &fields);
    assert_eq!(browser.submit(&one, &demoted).status, 303);
    assert_eq!(browser.submit(&format!("{one}/enable"), &[]).status, 403, "its session may only read now");
}

#[test]
fn a_key_that_was_never_made_cannot_be_changed() {
    let server = TestServer::start();
    for (action, form) in [("", "name=x&images=on"), ("/rotate", "grace_hours=0"), ("/disable", "")] {
        let answer = server.post(&format!("/admin/keys/nobodys{action}")).bearer(&server.key).send(form);
        let code = &answer.json()["error"]["code"];
        assert_eq!((answer.status, code), (404, &json!("key_not_found")), "{action}");
    }
    let page = Browser::signed_in(&server).open("/admin/keys/nobodys");
    assert!(page.status == 404 && page.text.contains("There is no key with this id."), "{}", page.text);
}

#[test]
fn without_the_forms_token_nothing_is_changed() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    browser.open("/admin/keys");
    let before = server.ledger().keys().expect("keys").len();
    assert_eq!(browser.submit_only("/admin/keys", &[("name", "x"), ("images", "on")]).status, 403);
    assert_eq!(server.ledger().keys().expect("keys").len(), before);
}

#[test]
fn scripts_read_keys_with_their_standing() {
    let server = TestServer::start();
    let listed = server.get("/admin/keys").bearer(&server.key).send("").json();
    assert_eq!(listed[0]["public_id"], public_id(&server.key));
    assert_eq!(listed[0]["images_by_day"].as_array().expect("days").len(), 30);
    assert!(listed[0].get("secret").is_none());
}
