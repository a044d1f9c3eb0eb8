//! The same request twice, under one Idempotency-Key.

use std::{
    io::{Read, Write},
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::json;
use tintype::clock::ManualClock;

use crate::{
    client::{Response, eventually},
    server::TestServer,
    streaming::past_its_deadline,
};

fn generate(server: &TestServer, key: &str, body: &serde_json::Value) -> Response {
    let request = server.post("/v1/images/generations").bearer(&server.key);
    request.header("idempotency-key", key).json(body)
}

#[test]
fn a_repeat_gets_the_same_answer_and_costs_nothing() {
    let server = TestServer::start();
    let body = json!({ "prompt": "a cat", "n": 2 });
    let first = generate(&server, "order-1", &body);
    let again = generate(&server, "order-1", &body);
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(again.json(), first.json(), "receipts and drawn seeds included");
    assert_eq!(server.totals().images, 2);
    let other = generate(&server, "order-1", &json!({ "prompt": "a dog" }));
    assert_eq!((other.status, &other.json()["error"]["code"]), (422, &json!("idempotency_key_reused")));
    assert_eq!(generate(&server, "order-2", &body).status, 200);
    assert_eq!(server.totals().images, 4);
}

#[test]
fn repeats_that_come_while_the_first_is_generated_wait_for_its_answer() {
    let server = TestServer::start();
    let body = json!({ "prompt": "a cat", "size": "128x128", "steps": 30 });
    let answers: Vec<_> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..6).map(|_| scope.spawn(|| generate(&server, "order-1", &body))).collect();
        clients.into_iter().map(|client| client.join().expect("an answer")).collect()
    });
    for answer in &answers {
        assert_eq!((answer.status, answer.json()), (200, answers[0].json()));
    }
    assert_eq!(server.totals().images, 1);
}

#[test]
fn a_stream_and_links_are_repeated_too() {
    let server = TestServer::start();
    let stream = json!({ "prompt": "x", "stream": true, "partial_images": 1, "steps": 4 });
    let (first, again) = (generate(&server, "s", &stream), generate(&server, "s", &stream));
    assert_eq!((first.events().len(), again.events().len()), (2, 1));
    assert_eq!(first.events().pop(), again.events().pop());
    let links = json!({ "prompt": "x", "response_format": "url" });
    let (first, again) = (generate(&server, "l", &links).json(), generate(&server, "l", &links).json());
    let name = |answer: &serde_json::Value| {
        let url = answer["data"][0]["url"].as_str().expect("a link");
        url.split('?').next().map(str::to_owned)
    };
    assert_eq!(name(&first), name(&again), "the same image, by a fresh link");
    assert_eq!(server.totals().images, 2);
}

#[test]
fn a_repeat_whose_images_are_not_kept_any_more_is_told_so_and_not_generated() {
    let server = TestServer::start();
    let body = json!({ "prompt": "x" });
    assert_eq!(generate(&server, "a", &body).status, 200);
    std::fs::remove_dir_all(server.data.path().join("pictures")).expect("swept");
    let again = generate(&server, "a", &body);
    assert_eq!((again.status, again.header("x-should-retry")), (409, "false"));
    assert_eq!(server.totals().images, 1);
}

#[test]
fn a_repeat_needs_no_place_and_no_leave() {
    let server = TestServer::start_with(|config| {
        config.limits.queue_depth_max = 1;
        config.limits.images_per_minute = 3.try_into().ok();
        config.limits.concurrent_jobs = 3.try_into().ok();
    });
    let body = json!({ "prompt": "a cat" });
    let first = generate(&server, "a", &body).json();
    let slow = json!({ "prompt": "x", "size": "128x128", "steps": 60 });
    std::thread::scope(|scope| {
        let in_hand = scope.spawn(|| server.generate(&slow).status);
        eventually("the device is busy", || server.count("running") == 1);
        let waiting = scope.spawn(|| server.generate(&slow).status);
        eventually("the queue is full", || server.count("reserved") == 1);
        for _ in 0..4 {
            let again = generate(&server, "a", &body);
            assert_eq!((again.status, again.json()), (200, first.clone()));
        }
        for client in [in_hand, waiting] {
            assert_eq!(client.join().expect("an answer"), 200);
        }
    });
}

#[test]
fn a_repeat_is_what_it_was_whatever_is_configured_now() {
    let mut server = TestServer::start();
    let first = generate(&server, "a", &json!({ "prompt": "a cat" })).json();
    server.end();
    let (data, key) = (server.data.path().to_owned(), server.key.clone());
    let again = TestServer::start_with(|config| {
        config.data_dir = data;
        config.model.default_size = Some("64x64".parse().expect("a size"));
    });
    let request = again.post("/v1/images/generations").bearer(&key).header("idempotency-key", "a");
    assert_eq!(request.json(&json!({ "prompt": "a cat" })).json(), first);
}

#[test]
fn what_failed_may_be_tried_again_under_its_key() {
    let clock = Arc::new(ManualClock::at(Timestamp::now()));
    let server = TestServer::start_at(Arc::<ManualClock>::clone(&clock), |_| {});
    let body = json!({ "prompt": "x", "size": "256x256", "steps": 100 });
    let once = || past_its_deadline(&server, &clock, || generate(&server, "a", &body)).status;
    assert_eq!(once(), 504);
    assert_eq!(once(), 504, "tried again, not joined or refused");
    assert_eq!(server.count("failed"), 2);
}

#[test]
fn a_repeat_counts_as_a_job_of_its_key_until_its_answer_is_read() {
    // The embedded model makes images whose answer fits into no socket's buffer.
    let server = TestServer::start_with(|config| {
        config.model.path = None;
        config.limits.concurrent_jobs = std::num::NonZeroU32::new(1);
    });
    let body = json!({ "prompt": "x", "size": "2048x2048", "n": 8, "steps": 1 });
    let repeat = || generate(&server, "large", &body);
    assert_eq!(repeat().status, 200);
    // Some 7 MB, of which this client reads a few bytes.
    let mut unread =
        std::net::TcpStream::connect(server.url.trim_start_matches("http://")).expect("connected");
    let text = body.to_string();
    write!(
        unread,
        "POST /v1/images/generations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nidempotency-key: large\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
        server.key,
        text.len()
    )
    .expect("sent");
    let mut status = [0; 12];
    unread.read_exact(&mut status).expect("an answer");
    assert_eq!(&status, b"HTTP/1.1 200");
    let refused = repeat();
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (429, &json!("rate_limit_exceeded")));
    drop(unread);
    eventually("its place is free again", || repeat().status == 200);
}
