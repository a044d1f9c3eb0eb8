//! Images on their way, as server-sent events.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};
use tintype::{
    clock::ManualClock,
    config::Config,
    units::{Millis, Money},
};

use crate::{
    client::{Response, eventually},
    server::TestServer,
};

fn file(event: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(event["b64_json"].as_str().expect("base64")).expect("base64")
}

#[test]
fn an_image_is_shown_on_its_way_and_then_finished() {
    let server = TestServer::start();
    let body =
        json!({ "prompt": "a lighthouse", "seed": 7, "steps": 8, "stream": true, "partial_images": 3 });
    let answer = server.generate(&body);
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/event-stream"));
    assert_eq!(answer.header("x-queue-position"), "0");
    assert!(answer.header("x-queue-eta-ms").parse::<u64>().is_ok());
    let events = answer.events();
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    let partial = "image_generation.partial_image";
    assert_eq!(names, [partial, partial, partial, "image_generation.completed"]);
    let mut files = Vec::new();
    for (i, (name, event)) in events.iter().enumerate() {
        assert_eq!(event["type"], name.as_str());
        assert!(event["created_at"].is_i64());
        let done = ["size", "quality", "background", "output_format"].map(|key| event[key].clone());
        assert_eq!(done, ["32x32", "medium", "opaque", "png"]);
        assert_eq!(event.get("partial_image_index"), (i < 3).then_some(&json!(i)));
        assert_eq!(event.get("usage").is_some(), i == 3);
        let image = image::load_from_memory(&file(event)).expect("an image");
        assert_eq!((image.width(), image.height()), (32, 32));
        assert!(!files.contains(&file(event)), "each look is another image");
        files.push(file(event));
    }
    assert!(events[3].1["receipt"]["total"].as_f64() > Some(0.0));
    let plain = server.generate(&json!({ "prompt": "a lighthouse", "seed": 7, "steps": 8 })).json();
    assert_eq!(file(&plain["data"][0]), files[3]);
    assert_eq!(server.totals().images, 2);
    eventually("both are noted as delivered", || server.totals().undelivered == 0);
}

#[test]
fn without_partial_images_a_stream_is_one_event() {
    let server = TestServer::start();
    let body = json!({ "prompt": "x", "stream": true, "output_format": "webp", "output_compression": 80 });
    let events = server.generate(&body).events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].1["output_format"], "webp");
    assert!(file(&events[0].1).starts_with(b"RIFF"));
}

#[test]
fn what_is_refused_before_work_is_no_stream() {
    let server = TestServer::start();
    let answer = server.generate(&json!({ "prompt": "x", "stream": true, "size": "17x17" }));
    assert_eq!((answer.status, answer.header("content-type")), (400, "application/json"));
}

#[test]
fn a_job_that_fails_midway_ends_its_stream_with_an_error() {
    let clock = Arc::new(ManualClock::at(Timestamp::now()));
    let server = TestServer::start_at(Arc::<ManualClock>::clone(&clock), |_| {});
    let body = json!({ "prompt": "x", "size": "256x256", "steps": 100 });
    let mut streamed = body.clone();
    (streamed["stream"], streamed["partial_images"]) = (json!(true), json!(1));
    let answer = past_its_deadline(&server, &clock, || server.generate(&streamed));
    assert_eq!(answer.status, 200, "the head was sent before");
    let (name, event) = answer.events().pop().expect("a last event");
    assert_eq!(name, "error");
    assert_eq!(
        (&event["error"]["code"], &event["error"]["type"]),
        (&json!("timeout"), &json!("server_error"))
    );
    let plain = past_its_deadline(&server, &clock, || server.generate(&body));
    assert_eq!((plain.status, plain.header("x-should-retry")), (504, "false"));
    eventually("both are booked", || server.count("failed") == 2);
    assert_eq!(server.totals().images, 0);
    assert!(server.totals().failed_electricity > Money::ZERO);
}

/// The answer to `ask`, whose deadline passes once a step of its job is done.
pub fn past_its_deadline(
    server: &TestServer,
    clock: &ManualClock,
    ask: impl FnOnce() -> Response + Send,
) -> Response {
    let open = || server.get("/admin/jobs.json").bearer(&server.key).send("").json()["open"].clone();
    eventually("no earlier job is open", || open() == json!([]));
    std::thread::scope(|scope| {
        let client = scope.spawn(ask);
        eventually("a step is done", || open()[0]["steps_done"].as_u64() > Some(0));
        clock.advance(Millis::new(1000 * u64::from(Config::default().limits.deadline_seconds)));
        client.join().expect("an answer")
    })
}
