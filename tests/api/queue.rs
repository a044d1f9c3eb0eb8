//! Who is generated when, together with whom, and who is sent away.

use serde_json::{Value, json};
use tintype::ledger::KeyRules;

use crate::{
    client::{IMAGES, eventually},
    server::TestServer,
};

fn slow() -> Value {
    json!({ "prompt": "slow", "size": "128x128", "steps": 100 })
}

#[test]
fn a_hundred_requests_of_one_key_do_not_hold_up_anothers_one() {
    let server = TestServer::start_with(|config| config.limits.queue_depth_max = 128);
    let other = server.make_key(1, KeyRules { scopes: IMAGES, ..KeyRules::default() }).reveal();
    std::thread::scope(|scope| {
        let flood: Vec<_> = (0..40)
            .map(|_| scope.spawn(|| server.generate(&json!({ "prompt": "x", "size": "64x64", "steps": 20 }))))
            .collect();
        eventually("the flood waits", || server.count("reserved") >= 30);
        let body = json!({ "prompt": "one" });
        let one = server.post("/v1/images/generations").bearer(&other).json(&body);
        assert_eq!(one.status, 200);
        assert!(server.count("reserved") >= 10, "most of the flood still waits");
        for answer in flood {
            assert_eq!(answer.join().expect("an answer").status, 200);
        }
    });
    assert_eq!(server.totals().images, 41);
}

#[test]
fn images_generated_together_are_the_images_generated_alone() {
    let alone = TestServer::start();
    let together = TestServer::start_with(|config| config.model.batch_max = 4.try_into().ok());
    let body = |seed: u64| json!({ "prompt": format!("image {seed}"), "seed": seed, "steps": 20 });
    let answers: Vec<_> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..24)
            .map(|seed| {
                scope.spawn({
                    let together = &together;
                    move || together.generate(&body(seed))
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("an answer")).collect()
    });
    for (seed, answer) in (0..).zip(answers) {
        let expected = alone.generate(&body(seed)).json();
        assert_eq!(answer.json()["data"][0]["b64_json"], expected["data"][0]["b64_json"], "seed {seed}");
    }
    assert_eq!(together.totals().images, 24);
    let metrics = together.get("/metrics").send("").text;
    let value = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        line.trim().parse::<f64>().expect("a number")
    };
    let mean = value("tintype_batch_images_sum") / value("tintype_batch_images_count");
    assert!(mean > 1.0, "some were generated together: {mean}");
}

#[test]
fn anothers_flood_is_not_what_an_ordinary_request_waits_for() {
    let server = TestServer::start();
    let other = server.make_key(1, KeyRules { scopes: IMAGES, ..KeyRules::default() }).reveal();
    std::thread::scope(|scope| {
        let flood: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| server.generate(&json!({ "prompt": "x", "size": "64x64", "steps": 40 }))))
            .collect();
        eventually("the flood waits", || server.count("reserved") >= 16);
        let eta = |key: &str| {
            let body = json!({ "prompt": "one", "size": "64x64", "steps": 40, "stream": true });
            let answer = server.post("/v1/images/generations").bearer(key).json(&body);
            answer.header("x-queue-eta-ms").parse::<u64>().expect("milliseconds")
        };
        let anothers = eta(&other);
        let own = eta(&server.key);
        assert!(own > 2 * anothers, "{own} ms behind its own flood, {anothers} ms beside it");
        for answer in flood {
            assert_eq!(answer.join().expect("an answer").status, 200);
        }
    });
}

#[test]
fn one_key_does_not_take_every_place() {
    let server = TestServer::start_with(|config| config.limits.queue_depth_max = 8);
    let other = server.make_key(1, KeyRules { scopes: IMAGES, ..KeyRules::default() }).reveal();
    let body = json!({ "prompt": "x", "size": "128x128", "steps": 20 });
    std::thread::scope(|scope| {
        let flood: Vec<_> = (0..12).map(|_| scope.spawn(|| server.generate(&body).status)).collect();
        eventually("the queue is as full as one key may make it", || server.count("reserved") >= 6);
        let one = server.post("/v1/images/generations").bearer(&other).json(&json!({ "prompt": "one" }));
        assert_eq!(one.status, 200, "{}", one.text);
        let statuses: Vec<u16> = flood.into_iter().map(|client| client.join().expect("an answer")).collect();
        assert!(statuses.contains(&200) && statuses.contains(&503), "{statuses:?}");
    });
}

#[test]
fn an_answer_that_would_come_too_late_is_refused_at_once_unless_it_is_a_stream() {
    let server = TestServer::start_with(|config| config.limits.answer_wait_seconds = 0);
    let body = json!({ "prompt": "x" });
    let refused = server.generate(&body);
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &json!("server_overloaded")));
    assert_eq!(refused.header("x-should-retry"), "false", "it would never fit");
    let message = refused.json()["error"]["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("about") && message.contains("stream"), "{message}");
    assert_eq!(server.totals().images, 0);
    let streamed = server.generate(&json!({ "prompt": "x", "stream": true }));
    assert_eq!(streamed.events().len(), 1);
}

#[test]
fn beyond_the_queue_a_request_is_refused_and_every_taken_one_is_generated() {
    let server = TestServer::start_with(|config| config.limits.queue_depth_max = 1);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(|| server.generate(&slow()))).collect();
        clients.into_iter().map(|client| client.join().expect("an answer")).collect()
    });
    let (generated, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert!(!generated.is_empty() && !refused.is_empty());
    for answer in refused {
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &json!("server_overloaded")));
        let wait: u64 = answer.header("retry-after").parse().expect("seconds");
        assert!((1..=120).contains(&wait), "{wait}");
    }
    assert_eq!(server.totals().images, i64::try_from(generated.len()).expect("a few"));
}
