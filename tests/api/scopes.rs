//! What each scope opens, and what stays closed without it.

use serde_json::json;
use tintype::{
    domain::{ApiKey, Scopes},
    ledger::KeyRules,
};

use crate::{browser::Browser, server::TestServer};

const NONE: Scopes = Scopes { images: false, costs: false, admin: false };

fn key(server: &TestServer, scopes: Scopes) -> ApiKey {
    server.make_key(rand::random(), KeyRules { scopes, ..KeyRules::default() })
}

/// Every set of one scope, and the set without any.
fn sets() -> [Scopes; 4] {
    [Scopes::IMAGES, Scopes::COSTS, Scopes { admin: true, ..NONE }, NONE]
}

/// Asserts that `method` on `path` is refused as 403 to exactly those keys whose scopes do not `open` it.
fn check(server: &TestServer, method: &'static str, path: &str, body: &str, open: fn(Scopes) -> bool) {
    for scopes in sets() {
        let key = key(server, scopes);
        let request = server.request(method, path).bearer(&key.reveal());
        let kind =
            if path.starts_with("/v1") { "application/json" } else { "application/x-www-form-urlencoded" };
        let answer = request.header("content-type", kind).send(body.to_owned());
        let what = format!("{method} {path} with scopes `{scopes}`: {} {}", answer.status, answer.text);
        assert_eq!(answer.status != 403, open(scopes), "{what}");
        if answer.status == 403 && method != "HEAD" {
            assert_eq!(answer.json()["error"]["code"], json!("insufficient_permissions"), "{what}");
        }
        assert_ne!(answer.status, 500, "{what}");
    }
}

#[test]
fn the_api_needs_the_images_scope() {
    let server = TestServer::start();
    for (method, path, body) in [
        ("GET", "/v1/models", ""),
        ("GET", "/v1/models/none", ""),
        ("GET", "/v1/receipts/img_none", ""),
        ("POST", "/v1/images/generations", "{\"prompt\":\"x\",\"size\":\"16x16\"}"),
    ] {
        check(&server, method, path, body, |scopes| scopes.images);
    }
}

#[test]
fn reading_needs_the_costs_scope() {
    let server = TestServer::start();
    let one = format!("/admin/keys/{}", server.key.split('-').nth(1).expect("a public id"));
    for path in [
        "/admin/costs",
        "/admin/costs.json",
        "/admin/costs.csv",
        "/admin/costs.csv?format=focus",
        "/admin/roi",
        "/admin/jobs",
        "/admin/jobs.json",
        "/admin/batches",
        "/admin/batches.json",
        "/admin/webhooks",
        "/admin/keys",
        &one,
        "/admin/sessions",
    ] {
        check(&server, "GET", path, "", |scopes| scopes.costs);
        check(&server, "HEAD", path, "", |scopes| scopes.costs);
    }
}

#[test]
fn images_of_others_need_the_admin_scope() {
    let server = TestServer::start();
    let name = format!("{}_0.png", "0".repeat(32));
    for path in [
        format!("/admin/jobs/{}/preview", "0".repeat(32)),
        format!("/admin/pictures/{name}"),
        format!("/admin/pictures/{name}/small"),
    ] {
        check(&server, "GET", &path, "", |scopes| scopes.admin);
    }
}

#[test]
fn every_write_needs_the_admin_scope() {
    let server = TestServer::start();
    let other = key(&server, Scopes::IMAGES);
    let one = format!("/admin/keys/{}", other.public_id());
    for (path, body) in [
        ("/admin/keys".to_owned(), "name=pwn&images=on&admin=on"),
        (one.clone(), "name=pwn&images=on&admin=on"),
        (format!("{one}/rotate"), "grace_hours=24"),
        (format!("{one}/disable"), ""),
        (format!("{one}/enable"), ""),
        (format!("{one}/revoke"), ""),
        (format!("/admin/jobs/{}/cancel", "0".repeat(32)), ""),
        ("/admin/sessions/end".into(), "id=none"),
        ("/admin/sessions/end-all".into(), ""),
    ] {
        check(&server, "POST", &path, body, |scopes| scopes.admin);
    }
}

#[test]
fn a_bookkeeper_reads_in_a_browser_and_is_offered_nothing_else() {
    let server = TestServer::start();
    assert_eq!(server.generate(&json!({ "prompt": "x", "response_format": "url" })).status, 200);
    let bookkeeper = key(&server, Scopes::COSTS);
    let mut browser = Browser::new(&server);
    assert_eq!(browser.sign_in(&bookkeeper.reveal()).status, 303);
    for path in ["/admin/costs", "/admin/jobs", "/admin/keys", "/admin/sessions"] {
        let page = browser.open(path);
        assert_eq!(page.status, 200, "{path}");
        for offer in ["/cancel", "/rotate", "/revoke", "action=\"/admin/keys\"", "end-all", "/small\""] {
            assert!(!page.text.contains(offer), "{offer} in {}", page.text);
        }
    }
    let jobs = server.get("/admin/jobs.json").bearer(&bookkeeper.reveal()).send("").json();
    assert_eq!(jobs["recent"][0]["pictures"], json!([]), "{jobs}");
    let refused = browser.submit("/admin/keys", &[("name", "pwn"), ("images", "on"), ("admin", "on")]);
    assert!(refused.status == 403 && refused.text.contains("admin"), "{}", refused.text);
    assert_eq!(browser.submit("/admin/sign-out", &[]).status, 303, "and may leave");
    assert_eq!(browser.open("/admin/costs").status, 303);
}

#[test]
fn a_key_for_images_alone_signs_in_to_its_own_gallery_and_a_key_for_nothing_does_not() {
    let server = TestServer::start();
    let image_key = key(&server, Scopes::IMAGES);
    let mut browser = Browser::new(&server);
    let signed_in = browser.sign_in(&image_key.reveal());
    assert_eq!((signed_in.status, signed_in.header("location")), (303, "/gallery"));
    let page = browser.open("/gallery");
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(!page.text.contains("href=\"/admin/costs\"") && page.text.contains("/admin/sign-out"));
    for path in
        ["/admin/costs", "/admin/jobs", "/admin/keys", "/admin/gallery", "/admin/sessions", "/admin/settings"]
    {
        assert_eq!(browser.open(path).status, 403, "{path}");
    }
    assert_eq!(Browser::new(&server).sign_in(&key(&server, NONE).reveal()).status, 422);
}
