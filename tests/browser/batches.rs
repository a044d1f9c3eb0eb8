//! The page of batches: a plan that is read, and a batch that is cancelled.

use serde_json::{Value, json};

use crate::{browser, operator::assert_quiet, server::TestServer};

/// The answer of the API to a body of `kind`.
fn post(server: &TestServer, path: &str, kind: &str, body: &str) -> Value {
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    let request = agent.post(format!("{}{path}", server.url)).header("content-type", kind);
    let request = request.header("authorization", format!("Bearer {}", server.key));
    request.send(body).expect("an answer").body_mut().read_json().expect("JSON")
}

/// A batch of one request that begins in twelve hours: its id.
fn begin_later(server: &TestServer) -> String {
    let line = json!({
        "custom_id": "mug", "method": "POST", "url": "/v1/images/generations", "body": { "prompt": "a mug" },
    });
    let form = format!(
        "--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
         --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"mugs.jsonl\"\r\n\r\n{line}\r\n--x--\r\n"
    );
    let file = post(server, "/v1/files", "multipart/form-data; boundary=x", &form);
    let start = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(12)).strftime("%H:%M").to_string();
    let batch = json!({
        "input_file_id": file["id"], "endpoint": "/v1/images/generations", "completion_window": "24h", "start": start,
    });
    post(server, "/v1/batches", "application/json", &batch.to_string())["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

#[test]
fn a_batch_is_watched_and_cancelled_on_its_page() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    let id = begin_later(&server);
    driver.open(&format!("{}/admin/batches", server.url));
    driver.find("#secret").fill(&server.key);
    driver.find("main form button:not([name])").click();
    let card = format!("#live #{id}");
    driver.find(&format!("{card} progress"));
    let text = driver.find(&card).text();
    for part in ["first key", "0 of 1 requests", "starts at the requested time", "Must end by", "requests"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let file = driver.ask(
        "return fetch(arguments[0]).then((answer) => answer.text())",
        &[format!("/admin/batches/{id}/input").into()],
    );
    assert!(file.as_str().is_some_and(|file| file.contains("a mug")), "{file}");

    driver.ask("window.confirm = (question) => { window.asked = question; return true }", &[]);
    driver.find(&format!("{card} button.danger")).click();
    // The page's script puts it among those that have ended.
    driver.find(&format!("#recent #{id}:not(:has(button.danger))"));
    assert!(driver.find(&format!("#recent #{id}")).text().contains("cancelled"));
    driver.find("form[action='/admin/preferences'] button[name=language]").click();
    driver.find("html[lang=zh-CN]");
    driver.find_text("h2", "已结束");
    assert_quiet(&driver);
}
