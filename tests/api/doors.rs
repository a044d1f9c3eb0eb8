//! Keys, limits, budgets, and the queue's edge.

use std::num::NonZeroU32;

use serde_json::json;
use tintype::{domain::Scopes, ledger::KeyRules};

use crate::{client::IMAGES, server::TestServer};

/// Rules of a key with `scopes` and `budget`.
fn rules(scopes: Scopes, budget: Option<&str>) -> KeyRules {
    let budgets = budget.unwrap_or("none").parse().expect("budgets");
    KeyRules { scopes, budgets, ..KeyRules::default() }
}

#[test]
fn without_a_valid_key_nothing_is_read_or_generated() {
    let server = TestServer::start();
    let ask = |authorization: &str| {
        let mut request = server.post("/v1/images/generations");
        if !authorization.is_empty() {
            request = request.header("authorization", authorization);
        }
        // The body is broken, and that is not noticed: the key is looked at first.
        request.header("content-type", "application/json").send("{")
    };
    for (authorization, code) in [
        ("", json!(null)),
        ("Basic dXNlcjpwYXNz", json!(null)),
        ("Bearer", json!(null)),
        ("Bearer sk-123", json!("invalid_api_key")),
        ("Bearer tt-unknown-secret", json!("invalid_api_key")),
        (&format!("Bearer {}x", server.key), json!("invalid_api_key")),
    ] {
        let answer = ask(authorization);
        assert_eq!(answer.status, 401, "{authorization}");
        assert_eq!(answer.json()["error"]["code"], code, "{authorization}");
        assert!(!answer.text.contains("secret"));
    }
    assert_eq!(ask(&format!("bearer {}", server.key)).status, 400);
    assert_eq!(server.get("/v1/models").send("").status, 401);
    assert_eq!(server.get("/healthz").send("").status, 200);
}

#[test]
fn a_key_is_revoked_while_the_server_runs() {
    let server = TestServer::start();
    let key = server.make_key(1, rules(IMAGES, None));
    let models = || server.get("/v1/models").bearer(&key.reveal()).send("").status;
    assert_eq!(models(), 200);
    let now = jiff::Timestamp::now();
    assert!(server.ledger().revoke_key(key.public_id(), "command line", now).expect("revoked"));
    assert_eq!(models(), 401);
}

#[test]
fn a_scope_is_not_exceeded() {
    let server = TestServer::start();
    let image_key = server.make_key(1, rules(IMAGES, None)).reveal();
    let bookkeeper = server.make_key(2, rules(Scopes::COSTS, None)).reveal();
    let costs = |key: &str| server.get("/admin/costs").bearer(key).send("").status;
    let generate =
        |key: &str| server.post("/v1/images/generations").bearer(key).json(&json!({ "prompt": "x" })).status;
    assert_eq!((costs(&image_key), generate(&image_key)), (403, 200));
    assert_eq!((costs(&bookkeeper), generate(&bookkeeper)), (200, 403));
}

#[test]
fn a_budget_is_kept_and_the_refusal_says_so() {
    let server = TestServer::start();
    // An image costs 0.373… yuan by the example's figures: one fits, two do not.
    let key = server.make_key(1, rules(IMAGES, Some("0.50"))).reveal();
    let generate = |n: u64| {
        let body = json!({ "prompt": "x", "n": n, "size": "16x16" });
        server.post("/v1/images/generations").bearer(&key).json(&body)
    };
    let refused = generate(2);
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["error"]["code"], "insufficient_quota");
    assert_eq!(refused.header("x-should-retry"), "false");
    let message = refused.json()["error"]["message"].as_str().expect("a message").to_owned();
    for said in ["The key's budget, 0.50 a month, has 0.50 left", "needs about 0.7", "resets at 20"] {
        assert!(message.contains(said), "{message}");
    }
    assert_eq!(generate(1).status, 200);
    assert_eq!(generate(1).status, 429);
    assert_eq!(server.totals().images, 1);
}

#[test]
fn the_last_image_of_a_budget_goes_to_one_of_many() {
    for budget in ["0.50", "1 image a day"] {
        // One key may not take every place, and all clients should come as far as the budget.
        let server = TestServer::start_with(|config| config.limits.queue_depth_max = 128);
        let key = server.make_key(1, rules(IMAGES, Some(budget))).reveal();
        let statuses = generate_at_once(&server, |_| key.clone());
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
        assert_eq!(server.totals().images, 1);
    }
}

#[test]
fn the_last_image_of_all_keys_goes_to_one_of_many() {
    let server = TestServer::start_with(|config| {
        config.budgets = "3 images a month".parse().expect("budgets");
        config.limits.queue_depth_max = 128;
    });
    let keys: Vec<_> = (1..=8).map(|seed| server.make_key(seed, rules(IMAGES, None)).reveal()).collect();
    let statuses = generate_at_once(&server, |client| keys[client % keys.len()].clone());
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 3, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
    assert_eq!(server.totals().images, 3);
}

/// The statuses of 64 clients that ask for an image at once, each with its key.
fn generate_at_once(server: &TestServer, key: impl Fn(usize) -> String) -> Vec<u16> {
    let generate = |key: String| {
        let body = json!({ "prompt": "x", "size": "16x16" });
        server.post("/v1/images/generations").bearer(&key).json(&body).status
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..64).map(|client| (key(client), generate)).collect();
        let clients: Vec<_> =
            clients.into_iter().map(|(key, generate)| scope.spawn(move || generate(key))).collect();
        clients.into_iter().map(|client| client.join().expect("an answer")).collect()
    })
}

#[test]
fn a_soft_budget_is_told_with_the_image() {
    let server = TestServer::start();
    let key = server.make_key(1, rules(IMAGES, Some("soft 1 image a day"))).reveal();
    let generate = || {
        let body = json!({ "prompt": "x", "size": "16x16" });
        server.post("/v1/images/generations").bearer(&key).json(&body)
    };
    let (within, beyond) = (generate(), generate());
    assert_eq!((within.status, beyond.status), (200, 200));
    assert_eq!(within.header("x-tintype-warning"), "");
    let said = beyond.header("x-tintype-warning");
    assert!(said.contains("soft 1 image a day, has 0 images left"), "{said}");
}

#[test]
fn too_many_requests_a_minute_are_told_when_to_come_back() {
    let server = TestServer::start_with(|config| config.limits.requests_per_minute = NonZeroU32::new(2));
    let models = || server.get("/v1/models").bearer(&server.key).send("");
    assert_eq!((models().status, models().status), (200, 200));
    let refused = models();
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["error"]["code"], "rate_limit_exceeded");
    let wait: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=30).contains(&wait), "{wait}");
}
