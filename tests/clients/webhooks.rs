//! Messages of webhooks, verified by the library that receivers use.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    eventually::eventually, python::python, script::run, server::TestServer, skip::skip_or_fail,
    webhook_receiver::WebhookReceiver,
};

#[test]
fn the_official_library_verifies_what_is_sent() {
    let mut script = match python("verify_webhooks.py") {
        Ok(script) => script,
        Err(reason) => return skip_or_fail("a real client", &reason),
    };
    let receiver = WebhookReceiver::start();
    let host = receiver.address.to_string().parse().expect("a host");
    let server = TestServer::start_with(|config| config.webhooks.private_hosts = vec![host]);
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    let post = |path: &str, kind: &str, body: String| -> Value {
        let request = agent.post(format!("{}{path}", server.url)).header("content-type", kind);
        let request = request.header("authorization", format!("Bearer {}", server.key));
        request.send(body).expect("an answer").body_mut().read_json().expect("JSON")
    };
    let url = receiver.url().replace('?', "%3F").replace('=', "%3D");
    let added = post("/admin/webhooks", "application/x-www-form-urlencoded", format!("url={url}"));
    let id = added["id"].as_str().expect("an id");
    post(&format!("/admin/webhooks/{id}/test"), "application/x-www-form-urlencoded", String::new());
    post("/v1/images/generations", "application/json", json!({ "prompt": "一只杯子" }).to_string());
    eventually("both have arrived", || receiver.received().len() == 2);
    let messages =
        receiver.received().iter().map(|one| json!({ "body": one.body, "headers": one.headers })).collect();
    let place = TempDir::new().expect("a directory");
    let file = place.path().join("messages.json");
    fs::write(&file, Value::Array(messages).to_string()).expect("written");
    let secret = added["secret"].as_str().expect("a secret");
    let output = run(script.arg(&file).env("TINTYPE_WEBHOOK_SECRET", secret))
        .unwrap_or_else(|error| panic!("{error}"));
    let mut verified: Vec<_> = output.lines().collect();
    verified.sort_unstable();
    assert_eq!(verified, ["ok image.completed", "ok webhook.test"]);
}
