//! Webhooks: what is sent, to whom, and again until it arrives.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tintype::{clock::ManualClock, domain::Scopes, ledger::KeyRules, notify::WebhookSecret, units::Millis};

use crate::{browser::Browser, client::eventually, receiver::WebhookReceiver, server::TestServer};

const FORM: &str = "application/x-www-form-urlencoded";

/// A server that may reach `receiver`.
fn server(receiver: &WebhookReceiver) -> TestServer {
    let host = receiver.address.to_string().parse().expect("a host");
    TestServer::start_with(|config| config.webhooks.private_hosts = vec![host])
}

/// Adds an endpoint at `receiver`: its id and its secret.
fn add(server: &TestServer, receiver: &WebhookReceiver, key: &str, events: &str) -> (String, WebhookSecret) {
    let url = receiver.url().replace('?', "%3F").replace('=', "%3D");
    let form = format!("url={url}&key={key}&events={events}");
    let added = server.post("/admin/webhooks").bearer(&server.key).header("content-type", FORM).send(form);
    assert_eq!(added.status, 200, "{}", added.text);
    let body = added.json();
    let secret = body["secret"].as_str().expect("a secret").parse().expect("a secret");
    (body["id"].as_str().expect("an id").to_owned(), secret)
}

fn public_id(key: &str) -> String {
    key.split('-').nth(1).expect("a public id").to_owned()
}

fn act(server: &TestServer, id: &str, act: &str) -> u16 {
    server.post(&format!("/admin/webhooks/{id}/{act}")).bearer(&server.key).send("").status
}

#[test]
fn each_endpoint_gets_the_events_of_its_key_and_kinds_signed() {
    let receivers = [WebhookReceiver::start(), WebhookReceiver::start()];
    let hosts = receivers.each_ref().map(|one| one.address.to_string().parse().expect("a host")).to_vec();
    let server = TestServer::start_with(|config| config.webhooks.private_hosts = hosts);
    let budgets = "soft 1 image a day".parse().expect("budgets");
    let studio = server.make_key(2, KeyRules { scopes: Scopes::IMAGES, budgets, ..KeyRules::default() });
    let [all, own] = &receivers;
    let (tested, secret) = add(&server, all, "", "");
    add(&server, own, &public_id(&studio.reveal()), "image.completed%20budget.passed");

    server.generate(&json!({ "prompt": "a red apple", "n": 2 }));
    for _ in 0..2 {
        let made = server
            .post("/v1/images/generations")
            .bearer(&studio.reveal())
            .json(&json!({ "prompt": "a cup" }));
        assert_eq!(made.status, 200, "{}", made.text);
    }
    assert_eq!(act(&server, &tested, "test"), 200);
    eventually("all has arrived", || {
        all.of_kind("image.completed").len() == 3
            && all.of_kind("webhook.test").len() == 1
            && own.of_kind("image.completed").len() == 2
            && own.of_kind("budget.passed").len() == 1
    });
    assert_eq!(own.received().len(), 3, "nothing of other keys, no test of other endpoints");
    for message in all.received() {
        let (id, at) = (message.header("webhook-id"), message.header("webhook-timestamp"));
        let signature = secret.sign(id, at.parse().expect("seconds"), &message.body);
        assert_eq!(message.header("webhook-signature"), signature);
        assert_eq!((message.header("content-type"), &message.json()["id"]), ("application/json", &json!(id)));
        assert_eq!(message.json()["object"], "event");
        assert!(!message.body.contains("apple"), "no prompt leaves: {}", message.body);
    }
    let mut images: Vec<_> =
        all.of_kind("image.completed").iter().map(|one| one.json()["data"]["images"].clone()).collect();
    images.sort_by_key(Value::as_u64);
    assert_eq!(images, [1, 1, 2]);
    let total = all.of_kind("image.completed")[0].json()["data"]["total"].as_f64();
    assert!(total > Some(0.0), "{total:?}");
    let passed = own.of_kind("budget.passed")[0].json();
    assert_eq!(passed["data"]["budget"], "soft 1 image a day");
    assert_eq!(passed["data"]["key"], json!(public_id(&studio.reveal())));

    // A batch is announced once, and not each of its lines.
    let lines = ["a", "b"].map(|id| {
        json!({ "custom_id": id, "method": "POST", "url": "/v1/images/generations", "body": { "prompt": id } }).to_string()
    });
    let batch = server.batch(&lines);
    eventually("the batch is announced", || all.of_kind("batch.completed").len() == 1);
    let data = all.of_kind("batch.completed")[0].json()["data"].clone();
    assert_eq!(data, json!({ "id": batch, "total": 2, "completed": 2, "failed": 0 }));
    assert_eq!(all.of_kind("image.completed").len(), 3);
    assert_eq!(act(&server, &tested, "remove"), 200);
    assert_eq!(act(&server, &tested, "test"), 404);
}

#[test]
fn a_message_is_sent_again_until_it_is_accepted_and_its_receiver_sees_it_is_the_same() {
    let receiver = WebhookReceiver::start();
    let host = receiver.address.to_string().parse().expect("a host");
    let clock = Arc::new(ManualClock::at(Timestamp::constant(1_795_000_000, 0)));
    let server = TestServer::start_at(clock.clone(), |config| config.webhooks.private_hosts = vec![host]);
    receiver.will_answer(&[500, 302]);
    let (id, _) = add(&server, &receiver, "", "batch.completed");
    assert_eq!(act(&server, &id, "test"), 200);
    let standing =
        || server.get("/admin/webhooks").bearer(&server.key).send("").json()["endpoints"][0].clone();
    // The task that sends looks each second of the server's clock, which stands until it is moved.
    let wait_for = |attempts: usize, error: &str| {
        eventually("an attempt", || {
            clock.advance(Millis::new(1_000));
            receiver.received().len() == attempts && (error.is_empty() || standing()["error"] == error)
        });
    };
    let host = receiver.address;
    wait_for(1, &format!("{host} answered with status 500"));
    wait_for(2, &format!("{host} answered with status 302"));
    wait_for(3, "");
    let received = receiver.received();
    let [first, second, third] = [0, 1, 2].map(|attempt| &received[attempt]);
    assert_eq!((first.header("webhook-id"), &first.body), (third.header("webhook-id"), &third.body));
    let at = |message: &crate::receiver::Received| {
        message.header("webhook-timestamp").parse::<i64>().expect("seconds")
    };
    assert!(at(second) - at(first) >= 30 && at(third) - at(second) >= 60, "{received:?}");
    eventually("it is noted", || standing()["waiting"] == 0);
    assert!(standing()["delivered_at"].as_i64() >= Some(at(third)));
}

#[test]
fn a_message_that_is_given_up_is_a_dead_letter_on_the_page_until_it_is_sent_again() {
    let receiver = WebhookReceiver::start();
    let host = receiver.address.to_string().parse().expect("a host");
    let clock = Arc::new(ManualClock::at(Timestamp::constant(1_795_000_000, 0)));
    let server = TestServer::start_at(clock.clone(), |config| config.webhooks.private_hosts = vec![host]);
    receiver.will_answer(&[500]);
    let (id, _) = add(&server, &receiver, "", "batch.completed");
    assert_eq!(act(&server, &id, "test"), 200);
    let listed = || server.get("/admin/webhooks").bearer(&server.key).send("").json();
    eventually("an attempt is noted", || {
        if receiver.received().is_empty() {
            clock.advance(Millis::new(1_000));
        }
        !listed()["endpoints"][0]["error"].is_null()
    });
    // As after the last attempt of three days.
    let event = receiver.received()[0].header("webhook-id").to_owned();
    let endpoint = id.parse().expect("an id");
    let now = Timestamp::constant(1_795_000_000, 0);
    server
        .ledger()
        .note_webhook_failed(&event, endpoint, "answered with status 500", (now, None))
        .expect("noted");
    assert_eq!(listed()["dead_letters"][0]["id"], json!(event));
    let page = Browser::signed_in(&server).open("/admin/webhooks").text;
    let dead = page.split("id=\"dead\"").nth(1).expect("a list");
    assert!(dead.contains("webhook.test") && dead.contains("answered with status 500"), "{dead}");
    eventually("it is counted", || {
        clock.advance(Millis::new(10_000));
        server.get("/metrics").send("").text.contains("tintype_webhook_dead_letters 1\n")
    });
    assert_eq!(act(&server, &id, "retry"), 200);
    eventually("it arrives", || {
        clock.advance(Millis::new(1_000));
        receiver.received().len() == 2 && listed()["dead_letters"] == json!([])
    });
    eventually("both attempts are counted", || {
        let text = server.get("/metrics").send("").text;
        let line = |outcome: &str| format!("tintype_webhook_messages_total{{outcome=\"{outcome}\"}} 1\n");
        ["delivered", "retried"].iter().all(|outcome| text.contains(&line(outcome)))
    });
}

#[test]
fn an_administrator_adds_tries_and_removes_an_endpoint_on_its_page() {
    let receiver = WebhookReceiver::start();
    let server = server(&receiver);
    let mut browser = Browser::signed_in(&server);
    assert!(browser.open("/admin/webhooks").text.contains("There is no endpoint yet."));
    for url in ["http://127.0.0.1:1/", "http://169.254.169.254/latest", "ftp://a.test"] {
        let refused = browser.submit("/admin/webhooks", &[("url", url), ("key", ""), ("events", "")]);
        assert_eq!(refused.status, 400);
        assert!(
            refused.text.contains("cannot be an endpoint") && refused.text.contains(url),
            "{}",
            refused.text
        );
        browser.open("/admin/webhooks");
    }
    let unknown =
        browser.submit("/admin/webhooks", &[("url", "https://a.test"), ("events", "image.painted")]);
    assert!(unknown.status == 400 && unknown.text.contains("no such event"), "{}", unknown.text);
    browser.open("/admin/webhooks");
    let added = browser.submit("/admin/webhooks", &[("url", &receiver.url()), ("key", ""), ("events", "")]);
    assert_eq!(added.status, 303, "{}", added.text);
    let id = added.header("location").rsplit('#').next().expect("an id").to_owned();
    let page = browser.open("/admin/webhooks");
    assert!(page.text.contains(&id) && page.text.contains("whsec_"), "{}", page.text);
    assert_eq!(
        browser.submit_only(&format!("/admin/webhooks/{id}/test"), &[]).status,
        403,
        "no form of ours"
    );
    assert_eq!(browser.submit(&format!("/admin/webhooks/{id}/test"), &[]).status, 303);
    eventually("it works", || browser.open("/admin/webhooks").text.contains("works"));
    assert_eq!(receiver.of_kind("webhook.test").len(), 1);

    let bookkeeper = server.make_key(3, KeyRules { scopes: Scopes::COSTS, ..KeyRules::default() });
    let seen = server.get("/admin/webhooks").bearer(&bookkeeper.reveal()).send("");
    assert!(seen.status == 200 && !seen.text.contains("whsec_"), "{}", seen.text);
    assert_eq!(browser.submit(&format!("/admin/webhooks/{id}/remove"), &[]).status, 303);
    assert!(!browser.open("/admin/webhooks").text.contains(&id));
}
