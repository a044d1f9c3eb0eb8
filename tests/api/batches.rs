//! /v1/batches: from a file of requests to files of answers and errors.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use image::{DynamicImage, ImageFormat, RgbImage};
use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::{Value, json};
use tintype::{clock::ManualClock, costs::TariffRow, domain::Scopes, ledger::KeyRules, units::Millis};

use crate::{
    browser::Browser,
    client::{Response, eventually},
    edits::{Form, encoded},
    server::TestServer,
};

const GENERATIONS: &str = "/v1/images/generations";

/// A line of a file.
fn line(custom_id: &str, url: &str, body: &Value) -> String {
    json!({ "custom_id": custom_id, "method": "POST", "url": url, "body": body }).to_string()
}

fn generation(custom_id: &str, body: &Value) -> String {
    line(custom_id, GENERATIONS, body)
}

/// So many requests that take a while.
fn slow(count: usize) -> Vec<String> {
    let body = json!({ "prompt": "x", "size": "64x64", "steps": 30 });
    (0..count).map(|number| generation(&format!("slow-{number}"), &body)).collect()
}

impl TestServer {
    fn create(&self, key: &str, body: &Value) -> Response {
        self.post("/v1/batches").bearer(key).json(body)
    }

    /// The id of a new batch of these lines.
    fn batch_by(&self, key: &str, url: &str, window: &str, lines: &[String]) -> String {
        let form = Form::empty().file("file", lines.join("\n").into_bytes()).text("purpose", "batch");
        let file = self.upload(key, &form).json();
        let body = json!({
            "input_file_id": file["id"], "endpoint": url, "completion_window": window, "metadata": { "project": "spring" },
        });
        let created = self.create(key, &body);
        assert_eq!(
            (created.status, &created.json()["status"]),
            (200, &json!("validating")),
            "{}",
            created.text
        );
        created.json()["id"].as_str().expect("an id").to_owned()
    }

    pub fn batch(&self, lines: &[String]) -> String {
        self.batch_by(&self.key, GENERATIONS, "24h", lines)
    }

    fn find(&self, id: &str) -> Value {
        self.get(&format!("/v1/batches/{id}")).bearer(&self.key).send("").json()
    }

    /// The batch once it has `status`.
    fn wait(&self, id: &str, status: &str) -> Value {
        let mut batch = Value::Null;
        eventually(status, || {
            batch = self.find(id);
            let is_over = batch["completed_at"].is_i64() || batch["failed_at"].is_i64();
            assert!(batch["status"] == status || !is_over, "{batch}");
            batch["status"] == status
        });
        batch
    }

    /// The lines of a file by their `custom_id`.
    fn lines_of(&self, file: &Value) -> BTreeMap<String, Value> {
        let path = format!("/v1/files/{}/content", file.as_str().expect("a file"));
        let content = self.get(&path).bearer(&self.key).send("");
        assert_eq!(content.status, 200);
        let lines = content.text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let by_id = |line: Value| (line["custom_id"].as_str().expect("an id").to_owned(), line);
        lines.map(by_id).collect()
    }
}

#[test]
fn a_batch_is_answered_line_by_line_as_its_requests_would_be() {
    let server = TestServer::start();
    let seeded = json!({ "prompt": "a red apple", "seed": 7 });
    let lines = [
        generation("one", &seeded),
        generation("two", &json!({ "prompt": "two", "n": 2 })),
        String::new(),
        generation("link", &json!({ "prompt": "a link", "response_format": "url" })),
    ];
    let id = server.batch(&lines);
    let batch = server.wait(&id, "completed");
    assert_eq!(batch["request_counts"], json!({ "total": 3, "completed": 3, "failed": 0 }));
    assert_eq!((&batch["object"], &batch["completion_window"]), (&json!("batch"), &json!("24h")));
    assert_eq!((&batch["endpoint"], &batch["errors"]), (&json!(GENERATIONS), &Value::Null));
    assert_eq!(batch["metadata"], json!({ "project": "spring" }));
    assert_eq!(batch["error_file_id"], Value::Null);
    let at = |name: &str| batch[name].as_i64().unwrap_or_else(|| panic!("{name}: {batch}"));
    assert_eq!(at("expires_at") - at("created_at"), 86_400);
    assert!(at("in_progress_at") <= at("finalizing_at") && at("finalizing_at") <= at("completed_at"));
    let file = server.get(&format!("/v1/files/{}", batch["output_file_id"].as_str().expect("a file")));
    let file = file.bearer(&server.key).send("").json();
    assert_eq!(
        (&file["purpose"], &file["filename"]),
        (&json!("batch_output"), &json!(format!("{id}_output.jsonl")))
    );

    let answers = server.lines_of(&batch["output_file_id"]);
    assert_eq!(answers.keys().collect::<Vec<_>>(), ["link", "one", "two"]);
    for answer in answers.values() {
        let (response, request) = (&answer["response"], &answer["response"]["request_id"]);
        assert_eq!((&response["status_code"], &answer["error"]), (&json!(200), &Value::Null));
        assert_eq!(&response["body"]["data"][0]["receipt"]["request_id"], request);
        assert!(answer["id"].as_str().expect("an id").starts_with("batch_req_"));
    }
    let live = server.generate(&seeded).json();
    let body = |name: &str| &answers[name]["response"]["body"];
    assert_eq!(body("one")["data"][0]["b64_json"], live["data"][0]["b64_json"], "the same image");
    assert_eq!(body("two")["data"].as_array().expect("images").len(), 2);
    let url = body("link")["data"][0]["url"].as_str().expect("a link");
    let image = server.get(url.strip_prefix(&server.url).expect("its own address")).send("");
    assert_eq!((image.status, image.header("content-type")), (200, "image/png"));
    assert_eq!(server.totals().images, 5);
    let receipt = server
        .get(&format!("/v1/receipts/{}", answers["one"]["response"]["request_id"].as_str().expect("an id")));
    assert_eq!(receipt.bearer(&server.key).send("").json()["delivered"], json!(true));

    let list = server.get("/v1/batches?limit=1").bearer(&server.key).send("").json();
    assert_eq!((&list["data"][0]["id"], &list["has_more"]), (&json!(id), &json!(false)));
    let over = server.post(&format!("/v1/batches/{id}/cancel")).bearer(&server.key).send("");
    assert_eq!((over.status, over.header("x-should-retry")), (409, "false"));
    let stranger = server.make_key(1, KeyRules { scopes: Scopes::IMAGES, ..KeyRules::default() }).reveal();
    let refused = server.get(&format!("/v1/batches/{id}")).bearer(&stranger).send("");
    let message = format!("No batch found with id '{id}'.");
    assert_eq!((refused.status, &refused.json()["error"]["message"]), (404, &json!(message)));
    let unknown = json!({ "input_file_id": file["id"], "endpoint": GENERATIONS, "completion_window": "24h" });
    for key in [&stranger, &server.key] {
        let refused = server.create(key, &unknown);
        assert_eq!(refused.json()["error"]["param"], json!("input_file_id"), "another key's, and an output");
    }
}

#[test]
fn a_file_with_a_fault_is_refused_as_a_whole_and_each_fault_has_its_line() {
    let server = TestServer::start();
    let fine = json!({ "prompt": "x" });
    let long = json!({ "prompt": "x ".repeat(2_000) });
    let lines = [
        generation("fine", &fine),
        "not JSON".into(),
        generation("fine", &fine),
        generation("size", &json!({ "prompt": "x", "size": "33x32" })),
        line("edit", "/v1/images/edits", &fine),
        generation("stream", &json!({ "prompt": "x", "stream": true })),
        generation("dry", &json!({ "prompt": "x", "dry_run": true })),
        generation("long", &long),
        generation("lora", &json!({ "prompt": "x", "lora": "none" })),
        generation("model", &json!({ "prompt": "x", "model": "sora-2" })),
    ];
    let batch = server.wait(&server.batch(&lines), "failed");
    assert_eq!(batch["errors"]["object"], json!("list"));
    let faults = batch["errors"]["data"].as_array().expect("faults");
    let found: Vec<_> = faults
        .iter()
        .map(|fault| {
            assert!(fault["message"].as_str().is_some_and(|message| message.ends_with('.')), "{fault}");
            (
                fault["line"].as_u64().expect("a line"),
                fault["code"].as_str().expect("a code"),
                fault["param"].as_str(),
            )
        })
        .collect();
    let expected = [
        (2, "invalid_json_line", None),
        (3, "duplicate_custom_id", Some("custom_id")),
        (4, "invalid_value", Some("body.size")),
        (5, "url_mismatch", Some("url")),
        (6, "invalid_value", Some("body.stream")),
        (7, "invalid_value", Some("body.dry_run")),
        (8, "string_above_max_length", Some("body.prompt")),
        (9, "lora_not_found", Some("body.lora")),
        (10, "model_not_found", Some("body.model")),
    ];
    assert_eq!(found, expected);
    assert_eq!((&batch["request_counts"]["total"], &batch["output_file_id"]), (&json!(0), &Value::Null));
    let file = server.uploaded(lines.join("\n").as_bytes());
    let dry = json!({ "input_file_id": file, "endpoint": GENERATIONS, "completion_window": "24h", "dry_run": true });
    let quote = server.create(&server.key, &dry).json();
    assert_eq!(
        (&quote["object"], &quote["plan"], &quote["errors"]),
        (&json!("batch.quote"), &Value::Null, &batch["errors"])
    );
    let file = server.uploaded(lines[..1].join("\n").as_bytes());
    let quote = server.create(&server.key, &json!({ "dry_run": true, "input_file_id": file, "endpoint": GENERATIONS, "completion_window": "1h" }));
    let quote = quote.json();
    assert_eq!(
        (&quote["requests"], &quote["images"], &quote["plan"]["reason"]),
        (&json!(1), &json!(1), &json!("flat_price"))
    );
    assert!(quote["total"].as_f64() > Some(0.0) && quote["errors"].is_null(), "{quote}");
    assert_eq!(
        server.get("/v1/batches").bearer(&server.key).send("").json()["data"].as_array().map(Vec::len),
        Some(1)
    );
    let empty = server.wait(&server.batch(&["".into(), " ".into()]), "failed");
    assert_eq!(empty["errors"]["data"][0]["code"], json!("empty_file"));
    assert_eq!((server.totals().images, server.count("failed")), (0, 0), "nothing was begun");
}

#[test]
fn edits_are_batches_too_and_a_budget_is_reserved_line_by_line() {
    let mut server = TestServer::start();
    let photo = encoded(
        &DynamicImage::ImageRgb8(RgbImage::from_pixel(40, 24, image::Rgb([200, 30, 30]))),
        ImageFormat::Png,
    );
    let image = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(photo));
    let edit = |id: &str, body: &Value| line(id, "/v1/images/edits", body);
    let lines = [
        edit("door", &json!({ "prompt": "a red door", "images": [{ "image_url": image }] })),
        edit("webp", &json!({ "prompt": "a red door", "image": image, "output_format": "webp" })),
    ];
    let batch = server.wait(&server.batch_by(&server.key, "/v1/images/edits", "1h", &lines), "completed");
    let answers = server.lines_of(&batch["output_file_id"]);
    assert_eq!(answers["webp"]["response"]["body"]["output_format"], json!("webp"));
    assert_eq!(answers["door"]["response"]["body"]["size"], json!("40x24"));
    let broken = [edit("none", &json!({ "prompt": "x", "image": "data:image/png;base64,AAAA" }))];
    let failed = server.wait(&server.batch_by(&server.key, "/v1/images/edits", "1h", &broken), "failed");
    assert_eq!(failed["errors"]["data"][0]["code"], json!("invalid_image_file"));

    let rules = KeyRules {
        scopes: Scopes::IMAGES,
        budgets: "2 images a month".parse().expect("budgets"),
        ..KeyRules::default()
    };
    server.key = server.make_key(2, rules).reveal();
    let lines: Vec<_> = (0..4).map(|n| generation(&n.to_string(), &json!({ "prompt": "x" }))).collect();
    let batch = server.wait(&server.batch(&lines), "completed");
    assert_eq!(batch["request_counts"], json!({ "total": 4, "completed": 2, "failed": 2 }));
    for refused in server.lines_of(&batch["error_file_id"]).values() {
        assert_eq!(refused["response"]["status_code"], json!(429));
        assert_eq!(refused["response"]["body"]["error"]["code"], json!("insufficient_quota"));
    }
}

#[test]
fn a_live_request_goes_before_the_lines_of_a_batch() {
    let server = TestServer::start();
    let id = server.batch(&slow(12));
    eventually("a line is running", || server.count("running") > 0);
    let answer = server.generate(&json!({ "prompt": "now", "size": "64x64" }));
    assert_eq!(answer.status, 200);
    let request = answer.json()["data"][0]["receipt"]["request_id"].as_str().expect("an id").to_owned();
    let ledger = Connection::open(server.ledger_file()).expect("the ledger");
    let sql =
        "SELECT count(*) FROM requests AS line, requests AS live WHERE live.id = ?1 AND line.id <> live.id
               AND line.ended_at_ms > live.created_at_ms AND line.ended_at_ms < live.ended_at_ms";
    let before: i64 = ledger.query_row(sql, [&request], |row| row.get(0)).expect("a count");
    assert!(before <= 2, "{before} lines ended while it waited: more than were in hand");
    server.wait(&id, "completed");
}

#[test]
fn a_cancelled_batch_stops_and_says_what_became_of_each_line() {
    let server = TestServer::start();
    let id = server.batch(&slow(20));
    eventually("some lines are done", || server.find(&id)["request_counts"]["completed"].as_u64() > Some(1));
    let cancelled = server.post(&format!("/v1/batches/{id}/cancel")).bearer(&server.key).send("").json();
    assert_eq!(cancelled["status"], json!("cancelling"));
    let batch = server.wait(&id, "cancelled");
    let answers = server.lines_of(&batch["output_file_id"]);
    let unmade = server.lines_of(&batch["error_file_id"]);
    assert_eq!(answers.len() + unmade.len(), 20);
    assert_eq!(batch["request_counts"]["completed"], json!(answers.len()));
    assert_eq!(
        server.totals().images,
        i64::try_from(answers.len()).expect("a count"),
        "what is paid for is handed over"
    );
    for line in unmade.values() {
        assert_eq!((&line["response"], &line["error"]["code"]), (&Value::Null, &json!("batch_cancelled")));
    }
}

#[test]
fn an_operator_sees_and_cancels_the_batches_of_every_key() {
    let server = TestServer::start();
    let rules = KeyRules { scopes: Scopes::IMAGES, ..KeyRules::default() };
    let studio = server.make_key(2, rules);
    let id = server.batch_by(&studio.reveal(), GENERATIONS, "24h", &slow(40));
    let listed = || server.get("/admin/batches.json").bearer(&server.key).send("").json();
    eventually("it is in progress", || listed()["open"][0]["status"] == "in_progress");
    let open = listed()["open"][0].clone();
    assert_eq!((&open["id"], &open["key_name"]), (&json!(id), &json!("test")));
    assert_eq!(open["request_counts"]["total"], 40);
    let input = format!("/admin/batches/{id}/input");
    assert_eq!(server.get(&input).bearer(&studio.reveal()).send("").status, 403);
    assert_eq!(server.get(&input).bearer(&server.key).send("").text.lines().count(), 40);
    let output = server.get(&format!("/admin/batches/{id}/output")).bearer(&server.key).send("");
    assert_eq!(output.status, 404, "it is there once the batch has ended");

    let mut browser = Browser::signed_in(&server);
    let page = browser.open("/admin/batches");
    assert!(page.text.contains(&id) && page.text.contains("40 requests"), "{}", page.text);
    let cancel = format!("/admin/batches/{id}/cancel");
    assert_eq!(browser.submit_only(&cancel, &[]).status, 403, "no form of ours");
    assert_eq!(browser.submit(&cancel, &[]).header("location"), "/admin/batches");
    eventually("it has ended", || listed()["ended"][0]["status"] == "cancelled");
    assert_eq!(listed()["open"], json!([]));
    let over = server.post(&cancel).bearer(&server.key).send("");
    assert_eq!((over.status, over.header("content-type")), (409, "application/json"));
    let errors = server.get(&format!("/admin/batches/{id}/errors")).bearer(&server.key).send("");
    assert!(errors.text.contains("batch_cancelled"), "{}", errors.text);
    let older = server.get(&format!("/admin/batches.json?before={id}")).bearer(&server.key).send("").json();
    assert_eq!(older["ended"], json!([]));
    let unknown = browser.open("/admin/batches?before=x");
    assert!(unknown.status == 400 && unknown.text.contains("must be an id"), "{}", unknown.text);
}

#[test]
fn a_batch_whose_time_is_over_keeps_what_is_done() {
    let clock = Arc::new(ManualClock::at(Timestamp::now()));
    let server = TestServer::start_at(Arc::<ManualClock>::clone(&clock), |_| {});
    let id = server.batch_by(&server.key, GENERATIONS, "1h", &slow(20));
    eventually("a line is done", || server.find(&id)["request_counts"]["completed"].as_u64() > Some(0));
    clock.advance(Millis::new(3_600_000));
    let batch = server.wait(&id, "expired");
    let (answers, unmade) =
        (server.lines_of(&batch["output_file_id"]), server.lines_of(&batch["error_file_id"]));
    assert_eq!(answers.len() + unmade.len(), 20);
    for line in unmade.values() {
        assert_eq!((&line["response"], &line["error"]["code"]), (&Value::Null, &json!("batch_expired")));
    }
}

/// By day 1.20, by night 0.30.
fn day_and_night() -> Vec<TariffRow> {
    let row = |price: &str, hours: Option<&str>| TariffRow {
        effective_from: jiff::civil::date(2026, 1, 1),
        price_per_kwh: price.parse().expect("a price"),
        hours: hours.map(|hours| hours.parse().expect("hours")),
        months: None,
        weekdays: None,
    };
    vec![row("1.20", None), row("0.30", Some("22:00-06:00"))]
}

#[test]
fn a_batch_that_waits_is_planned_again_when_the_tariff_changes() {
    let day = "2026-12-01T10:00:00Z".parse::<Timestamp>().expect("a time");
    let clock = Arc::new(ManualClock::at(day));
    let server = TestServer::start_at(Arc::<ManualClock>::clone(&clock), |config| {
        config.costs.tariff = day_and_night();
    });
    let id = server.batch(&[generation("one", &json!({ "prompt": "x" }))]);
    let batch = server.wait(&id, "in_progress");
    let night = "2026-12-01T22:00:00Z".parse::<Timestamp>().expect("a time").as_second();
    assert_eq!(batch["tintype"]["plan"]["starts_at"], json!(night));
    let planned = format!("tintype_batch_planned_start_seconds {night}\n");
    eventually("the plan is counted", || server.get("/metrics").send("").text.contains(&planned));
    let mut browser = Browser::signed_in(&server);
    browser.open("/admin/settings");
    let flat = [("part", "electricity"), ("per_kwh", "0.50"), ("document", "contract")];
    assert_eq!(browser.submit("/admin/settings", &flat).status, 303);
    let plan = server.find(&id)["tintype"]["plan"].clone();
    assert_eq!(plan["reason"], json!("flat_price"));
    assert!(plan["starts_at"].as_i64().is_some_and(|at| at < night), "{plan}");
    // The task that looks after it plans again each minute of the server's clock.
    clock.advance(Millis::new(61_000));
    server.wait(&id, "completed");
    let text = server.get("/metrics").send("").text;
    assert!(text.contains("tintype_batch_lines_total{outcome=\"answered\"} 1\n"), "{text}");
    assert!(text.contains("tintype_batch_planned_start_seconds 0\n"), "{text}");
}

#[test]
fn a_batch_waits_for_the_night_unless_it_is_to_begin_at_once() {
    let day = "2026-12-01T10:00:00Z".parse::<Timestamp>().expect("a time");
    let clock = Arc::new(ManualClock::at(day));
    let server = TestServer::start_at(Arc::<ManualClock>::clone(&clock), |config| {
        config.costs.tariff = day_and_night();
    });
    let lines: Vec<_> = (0..3).map(|n| generation(&n.to_string(), &json!({ "prompt": "x" }))).collect();
    let id = server.batch(&lines);
    let batch = server.wait(&id, "in_progress");
    let plan = &batch["tintype"]["plan"];
    let night = "2026-12-01T22:00:00Z".parse::<Timestamp>().expect("a time");
    assert_eq!((&plan["reason"], &plan["starts_at"]), (&json!("cheaper_later"), &json!(night.as_second())));
    assert_eq!((&plan["misses_window"], &plan["hours"][0]["starts_at"]), (&json!(false), &plan["starts_at"]));
    let amount = |value: &Value| value.to_string().parse::<tintype::units::Money>().expect("an amount");
    assert_eq!(
        amount(&plan["electricity_now"]).minus(amount(&plan["electricity"])),
        Ok(amount(&plan["saving"]))
    );

    // One that is to begin now is done while the other waits.
    let file = server.uploaded(lines.join("\n").as_bytes());
    let now =
        json!({ "input_file_id": file, "endpoint": GENERATIONS, "completion_window": "24h", "start": "now" });
    let at_once = server.create(&server.key, &now).json()["id"].as_str().expect("an id").to_owned();
    let done = server.wait(&at_once, "completed");
    assert_eq!((&done["tintype"]["plan"], &done["tintype"]["cost"]["images"]), (&Value::Null, &json!(3)));
    assert_eq!(amount(&done["tintype"]["cost"]["saved_by_waiting"]), tintype::units::Money::ZERO);
    assert_eq!(server.find(&id)["request_counts"]["completed"], json!(0));

    // A second past the edge of the tariff, which work that took a millisecond would begin before.
    clock.advance(Millis::new(12 * 3_600_000 + 1_000));
    let batch = server.wait(&id, "completed");
    let (cost, ledger) =
        (&batch["tintype"]["cost"], Connection::open(server.ledger_file()).expect("the ledger"));
    let sql = "SELECT sum(electricity_nano), sum((wall_energy_mj * 1200000000 + 3599999999) / 3600000000), sum(wall_energy_mj)
               FROM entries JOIN requests ON requests.id = request_id WHERE idempotency_key LIKE ?1";
    let (booked, by_day, energy): (i64, i64, i64) = ledger
        .query_row(sql, [format!("{id}/%")], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .expect("sums");
    // The clock stands still while images are made, so that they may have taken nothing.
    assert!(if energy > 0 { booked < by_day } else { booked == by_day }, "{booked} {by_day} {energy}");
    assert_eq!(amount(&cost["electricity"]).as_nano(), booked);
    assert_eq!(amount(&cost["saved_by_waiting"]).as_nano(), by_day - booked, "to the nano-unit");
}

#[test]
fn a_line_that_the_server_died_of_ten_times_is_given_up() {
    let mut server = TestServer::start();
    let id = server.batch(&slow(12));
    eventually("a line is done", || server.find(&id)["request_counts"]["completed"].as_u64() > Some(0));
    server.end();
    let (data, key) = (server.data.path().to_owned(), server.key.clone());
    let ledger = Connection::open(server.ledger_file()).expect("the ledger");
    // The last but one was nine times on the device, and often in the queue.
    let deaths = [("slow-11", 10, Some(1)), ("slow-10", 9, Some(1)), ("slow-10", 10, None)];
    for (custom_id, times, started_at) in deaths {
        for death in 0..times {
            let row =
                (format!("{custom_id} {death} {started_at:?}"), format!("{id}/{custom_id}"), started_at);
            let died = "INSERT INTO requests (id, key_id, idempotency_key, body_sha256, state, model, images, reserved_nano,
                            created_at_ms, started_at_ms, ended_at_ms)
                        VALUES (?1, 1, ?2, zeroblob(32), 'abandoned', 'tiny', 1, 0, 1, ?3, 2)";
            ledger.execute(died, row).expect("a request of a server that died");
        }
    }
    let mut again = TestServer::start_with(|config| config.data_dir = data);
    again.key = key;
    let batch = again.wait(&id, "completed");
    assert_eq!(batch["request_counts"], json!({ "total": 12, "completed": 11, "failed": 1 }));
    let refused = &again.lines_of(&batch["error_file_id"])["slow-11"]["response"];
    assert_eq!(refused["status_code"], json!(500));
    assert_eq!(refused["body"]["error"]["code"], json!("render_failed"));
}

#[test]
fn a_batch_goes_on_after_a_stop() {
    let mut server = TestServer::start();
    let id = server.batch(&slow(12));
    eventually("a line is done", || server.find(&id)["request_counts"]["completed"].as_u64() > Some(0));
    server.end();
    let (data, key) = (server.data.path().to_owned(), server.key.clone());
    // As after a restore of the ledger alone: the lines are written again, and not made again.
    let files = server.data.path().join("files");
    let output = std::fs::read_dir(&files).expect("files").map(|file| file.expect("a file").path());
    let output =
        output.max_by_key(|file| std::fs::metadata(file).expect("a file").len()).expect("the answers");
    std::fs::write(&output, "cut").expect("cut short");
    let mut again = TestServer::start_with(|config| config.data_dir = data);
    again.key = key;
    let batch = again.wait(&id, "completed");
    assert_eq!(again.lines_of(&batch["output_file_id"]).len(), 12);
    let ledger = Connection::open(server.ledger_file()).expect("the ledger");
    let images: i64 =
        ledger.query_row("SELECT sum(images) FROM entries", [], |row| row.get(0)).expect("a sum");
    assert_eq!(images, 12, "none twice");
}
