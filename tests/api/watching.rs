//! What an operator and a browser see: metrics, readiness, limits in the headers, CORS, long prompts.

use serde_json::json;
use tintype::{domain::KeyLimits, ledger::KeyRules, service::OverlongPrompt};

use crate::{
    client::{IMAGES, eventually},
    server::TestServer,
};

#[test]
fn metrics_count_what_happened() {
    let server = TestServer::start();
    server.generate(&json!({ "prompt": "x", "n": 2 }));
    server.generate(&json!({ "prompt": "x", "size": "17x17" }));
    let answer = server.get("/metrics").send("");
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    for line in [
        "tintype_images_total 2",
        "tintype_ready 1",
        "tintype_queue_depth 0",
        "tintype_refusals_total{reason=\"invalid_value\"} 1",
        "tintype_http_request_seconds_count{route=\"/v1/images/generations\",status=\"200\"} 1",
        "tintype_queue_wait_seconds_count 1",
    ] {
        assert!(answer.text.lines().any(|it| it == line), "{line} is not in\n{}", answer.text);
    }
    assert!(answer.text.contains("tintype_device_energy_joules_total{work=\"image\",source=\""));
    assert!(answer.text.ends_with("# EOF\n"));
}

#[test]
fn the_server_is_ready_once_it_has_generated() {
    let server = TestServer::start();
    eventually("it becomes ready", || server.get("/readyz").send("").status == 200);
    assert_eq!(server.get("/readyz").send("").json()["status"], "ready");
    let slow = TestServer::start_with(|config| {
        config.model.default_size = Some("256x256".parse().expect("a size"));
        config.model.guidance_scale = Some(4.0);
    });
    // It may be ready by now; if not, it says so in the envelope.
    let answer = slow.get("/readyz").send("");
    if answer.status != 200 {
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &json!("not_ready")));
    }
    eventually("it becomes ready", || slow.get("/readyz").send("").status == 200);
}

#[test]
fn a_key_sees_its_limits_in_every_answer() {
    let server = TestServer::start_with(|config| config.limits.requests_per_minute = 100.try_into().ok());
    let limits =
        KeyLimits { requests_per_minute: None, images_per_minute: 4.try_into().ok(), concurrent_jobs: None };
    let key = server.make_key(5, KeyRules { scopes: IMAGES, limits, ..KeyRules::default() }).reveal();
    let generate =
        |n: u32| server.post("/v1/images/generations").bearer(&key).json(&json!({ "prompt": "x", "n": n }));
    let first = generate(3);
    assert_eq!(first.status, 200);
    let shown = ["limit", "remaining", "reset"]
        .map(|name| first.header(&format!("x-ratelimit-{name}-images")).to_owned());
    assert_eq!(shown, ["4", "1", "45s"]);
    assert_eq!(first.header("x-ratelimit-limit-requests"), "100");
    let over = generate(2);
    assert_eq!((over.status, &over.json()["error"]["code"]), (429, &json!("rate_limit_exceeded")));
    assert_eq!(over.header("x-ratelimit-remaining-images"), "1");
    assert!((1..=15).contains(&over.header("retry-after").parse::<u64>().expect("seconds")));
    let never = generate(5);
    assert_eq!((never.status, never.header("x-should-retry")), (429, "false"), "more than a minute's worth");
    assert_eq!(
        server.generate(&json!({ "prompt": "x", "n": 5 })).status,
        200,
        "another key has no such limit"
    );
}

#[test]
fn a_key_with_as_many_jobs_as_it_may_have_waits_its_turn() {
    let server = TestServer::start_with(|config| config.limits.concurrent_jobs = 1.try_into().ok());
    std::thread::scope(|scope| {
        let slow =
            scope.spawn(|| server.generate(&json!({ "prompt": "x", "size": "128x128", "steps": 100 })));
        eventually("it is generated", || server.count("running") == 1);
        let refused = server.generate(&json!({ "prompt": "x" }));
        assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
        assert_eq!(slow.join().expect("an answer").status, 200);
    });
    for _ in 0..20 {
        assert_eq!(
            server.generate(&json!({ "prompt": "x" })).status,
            200,
            "one after the other is one at a time"
        );
    }
}

#[test]
fn a_key_generates_with_the_models_it_may_use() {
    let server = TestServer::start_with(|config| config.model.id = Some("z-image".into()));
    let generate = |models: &str, model: &str| {
        let server = TestServer::start_with(|config| config.model.id = Some("z-image".into()));
        let rules = KeyRules { scopes: IMAGES, models: Some(vec![models.into()]), ..KeyRules::default() };
        let key = server.make_key(5, rules).reveal();
        let body = json!({ "prompt": "x", "model": model });
        server.post("/v1/images/generations").bearer(&key).json(&body).status
    };
    assert_eq!((generate("z-image", "z-image"), generate("z-image", "dall-e-3")), (200, 200));
    assert_eq!((generate("dall-e-3", "dall-e-3"), generate("dall-e-3", "z-image")), (200, 403));
    assert_eq!(server.generate(&json!({ "prompt": "x" })).status, 200);
}

#[test]
fn pages_from_elsewhere_may_ask_the_api_and_nothing_else() {
    let server = TestServer::start();
    let preflight = |path: &str| {
        let request = server.request("OPTIONS", path).header("origin", "https://studio.example");
        let request = request.header("access-control-request-method", "POST");
        request
            .header("access-control-request-headers", "authorization,content-type,x-stainless-lang")
            .send("")
    };
    let allowed = preflight("/v1/images/generations");
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (200, "*"));
    let headers = allowed.header("access-control-allow-headers").to_lowercase();
    for name in ["authorization", "content-type", "x-stainless-lang"] {
        assert!(headers.contains(name), "{headers}");
    }
    assert_eq!(allowed.header("access-control-allow-credentials"), "");
    let error = server.post("/v1/images/generations").header("origin", "https://studio.example").send("{");
    assert_eq!((error.status, error.header("access-control-allow-origin")), (401, "*"));
    assert!(error.header("access-control-expose-headers").contains("x-request-id"));
    let unknown = server.get("/v1/nothing").header("origin", "https://studio.example").send("");
    assert_eq!((unknown.status, unknown.header("access-control-allow-origin")), (404, "*"));
    assert_eq!(preflight("/admin/costs").header("access-control-allow-origin"), "");
}

#[test]
fn a_prompt_longer_than_the_model_reads_is_refused_or_cut() {
    let long = "a lighthouse at dawn, ".repeat(200);
    let refusing = TestServer::start();
    let refused = refusing.generate(&json!({ "prompt": long }));
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["error"]["param"], "prompt");
    assert!(
        refused.json()["error"]["message"].as_str().is_some_and(|text| text.contains("512")),
        "{}",
        refused.text
    );
    let negative = refusing.generate(&json!({ "prompt": "x", "negative_prompt": long, "guidance_scale": 4 }));
    assert_eq!((negative.status, &negative.json()["error"]["param"]), (400, &json!("negative_prompt")));
    let unread = refusing.generate(&json!({ "prompt": "x", "negative_prompt": long }));
    assert_eq!(unread.status, 200, "without guidance it is not read");
    assert!(unread.header("x-tintype-warning").starts_with("negative_prompt has no effect"));
    let guided = refusing.generate(&json!({ "prompt": "x", "guidance_scale": 2, "dry_run": true }));
    assert!(guided.header("x-tintype-warning").starts_with("guidance doubles the time"), "{}", guided.text);
    let cutting = TestServer::start_with(|config| config.limits.overlong_prompt = OverlongPrompt::Cut);
    let cut = cutting.generate(&json!({ "prompt": long }));
    assert_eq!((cut.status, &cut.json()["usage"]["input_tokens"]), (200, &json!(512)));
    assert!(cut.header("x-tintype-warning").starts_with("prompt cut from "));
}
