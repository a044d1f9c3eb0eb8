//! What a request would cost, before anything is generated.

use rusqlite::Connection;
use serde_json::{Value, json};
use tintype::{config::Config, domain::Scopes, ledger::KeyRules};

use crate::{
    client::{Response, eventually},
    server::TestServer,
};

/// The same request as a question for its price.
fn dry(body: &Value) -> Value {
    let mut body = body.clone();
    body["dry_run"] = json!(true);
    body
}

fn quote(server: &TestServer, body: &Value) -> Value {
    let answer = server.generate(&dry(body));
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// Requests in the ledger, in any state, and its entries.
fn rows(server: &TestServer) -> (i64, i64) {
    let ledger = Connection::open(server.ledger_file()).expect("the ledger");
    let query = "SELECT (SELECT count(*) FROM requests), (SELECT count(*) FROM entries)";
    ledger.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("counts")
}

#[test]
fn a_quote_says_whether_a_budget_would_refuse_the_request() {
    let server = TestServer::start();
    let rules = KeyRules {
        scopes: Scopes::ALL,
        budgets: "2 images a month".parse().expect("budgets"),
        ..KeyRules::default()
    };
    let key = server.make_key(1, rules).reveal();
    let ask = |images: u32| {
        let body = dry(&json!({ "prompt": "x", "n": images }));
        server.post("/v1/images/generations").bearer(&key).json(&body).json()["over_budget"].clone()
    };
    assert_eq!(ask(2), Value::Null);
    let message = ask(3);
    let message = message.as_str().expect("a sentence");
    assert!(message.starts_with("The key's budget, 2 images a month, has 2 images left"), "{message}");
    assert_eq!(ask(2), Value::Null, "a question takes nothing");
}

#[test]
fn a_quote_tells_time_energy_and_money_of_one_image_and_of_all() {
    let server = TestServer::start();
    let body = json!({ "prompt": "x", "n": 3, "size": "48x32", "quality": "high", "steps": 5, "model": "gpt-image-1" });
    let quote = quote(&server, &body);
    assert_eq!(quote["object"], "quote");
    let said = [&quote["model"], &quote["size"], &quote["quality"], &quote["steps"], &quote["n"]];
    assert_eq!(said, [&json!("base"), &json!("48x32"), &json!("high"), &json!(5), &json!(3)]);
    assert!(quote["created"].as_i64().is_some_and(|created| created > 1_700_000_000));
    assert_eq!(quote["duration_source"], "estimated", "nothing of this kind was generated");
    assert!(quote.get("data").is_none(), "there are no images");
    for part in ["per_image", "all_images"] {
        let part = &quote[part];
        assert_eq!([&part["currency"], &part["energy_source"]], ["CNY", "estimated"]);
        assert_eq!(part["compared_with"], "fal/z-image-turbo");
        assert!(part.get("request_id").is_none(), "nothing was booked: {part}");
        let amount = |name: &str| part[name].as_f64().unwrap_or_else(|| panic!("{name} in {part}"));
        assert!(amount("duration_ms") >= 1.0 && amount("energy_kwh") > 0.0 && amount("electricity") > 0.0);
        assert!(amount("wall_energy_kwh") >= amount("energy_kwh"));
        let sum = amount("electricity") + amount("depreciation") + amount("upkeep");
        assert!((amount("total") - sum).abs() < 1e-9);
        assert!((amount("saving") - (amount("compared_price") - amount("total"))).abs() < 1e-9);
    }
    for name in ["duration_ms", "electricity", "depreciation", "upkeep", "total", "compared_price", "saving"]
    {
        let [one, all] = ["per_image", "all_images"].map(|part| quote[part][name].as_f64().expect(name));
        assert!((all - 3.0 * one).abs() < 1e-9, "{name}: {all} and {one}");
    }
}

#[test]
fn what_was_generated_before_is_quoted_by_its_measured_time() {
    let server = TestServer::start();
    let body = json!({ "prompt": "x", "size": "48x32", "steps": 5 });
    let generated = server.generate(&body).json();
    // Another prompt, seed and format are the same kind of image; another size, number of steps or guidance is not.
    let alike = json!({ "prompt": "another", "size": "48x32", "steps": 5, "seed": 9, "output_format": "webp", "n": 2 });
    let known = quote(&server, &alike);
    assert_eq!(known["duration_source"], "measured");
    let mut receipt = generated["data"][0]["receipt"].clone();
    receipt.as_object_mut().expect("an object").remove("request_id");
    assert_eq!(known["per_image"], receipt, "the one image of its kind is the mean");
    for other in [
        json!({ "prompt": "x", "size": "32x48", "steps": 5 }),
        json!({ "prompt": "x", "size": "48x32", "steps": 6 }),
        json!({ "prompt": "x", "size": "48x32", "steps": 5, "guidance_scale": 2 }),
    ] {
        assert_eq!(quote(&server, &other)["duration_source"], "estimated", "{other}");
    }
    let streamed = json!({ "prompt": "x", "size": "64x32", "steps": 5, "stream": true, "partial_images": 2 });
    assert_eq!(server.generate(&streamed).events().len(), 3);
    let unknown = quote(&server, &json!({ "prompt": "x", "size": "64x32", "steps": 5 }));
    assert_eq!(unknown["duration_source"], "estimated", "its time held two looks on the way");
}

#[test]
fn a_request_reserves_a_quarter_more_than_its_quote() {
    let server = TestServer::start();
    // The warm-up image sets the pace.
    eventually("it is ready", || server.get("/readyz").send("").status == 200);
    let body = json!({ "prompt": "x", "n": 2, "size": "48x32", "steps": 5 });
    for source in ["estimated", "measured"] {
        let quoted = quote(&server, &body);
        assert_eq!(quoted["duration_source"], source);
        assert_eq!(server.generate(&body).status, 200);
        let ledger = Connection::open(server.ledger_file()).expect("the ledger");
        let query = "SELECT reserved_nano / 1e9, reserved_mj / 3.6e9 FROM requests ORDER BY id DESC LIMIT 1";
        let row = ledger.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)));
        let (reserved, reserved_kwh): (f64, f64) = row.expect("a request");
        let amount = |name: &str| quoted["all_images"][name].as_f64().expect(name);
        // Its wear and its upkeep do not go by time here.
        let expected = amount("total") + 0.25 * amount("electricity");
        assert!((reserved - expected).abs() < 1e-8, "{source}: {reserved} of {quoted}");
        // To the few millijoules that are rounded up.
        assert!((reserved_kwh - 1.25 * amount("wall_energy_kwh")).abs() < 1e-8, "{source}: {reserved_kwh}");
    }
}

#[test]
fn a_quote_generates_books_and_takes_nothing() {
    let server = TestServer::start_with(|config: &mut Config| {
        config.limits.images_per_minute = 3.try_into().ok();
        config.limits.concurrent_jobs = 1.try_into().ok();
    });
    let body = json!({ "prompt": "x", "n": 3, "response_format": "url" });
    for _ in 0..5 {
        let answer = server.generate(&dry(&body));
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("x-ratelimit-remaining-images"), "", "it is not an image");
    }
    assert_eq!(rows(&server), (0, 0));
    assert_eq!(std::fs::read_dir(server.data.path().join("pictures")).map_or(0, Iterator::count), 0);
    assert_eq!(server.generate(&body).status, 200, "the minute's images are all there");
    assert_eq!(server.generate(&body).status, 429);
    assert_eq!(quote(&server, &body)["n"], 3, "a price is given even if no image is");
}

#[test]
fn a_quote_does_not_look_at_its_idempotency_key() {
    let server = TestServer::start();
    let body = json!({ "prompt": "x" });
    let ask = |body: &Value| {
        let request = server.post("/v1/images/generations").bearer(&server.key);
        request.header("idempotency-key", "order-1").json(body)
    };
    assert_eq!(ask(&dry(&body)).json()["object"], "quote");
    let first = ask(&body);
    assert_eq!((first.status, first.json()["data"].as_array().map(Vec::len)), (200, Some(1)));
    assert_eq!(
        ask(&dry(&body)).json()["object"],
        "quote",
        "neither a repeat nor another body under the same key"
    );
    assert_eq!(ask(&body).json(), first.json());
    assert_eq!(rows(&server), (1, 1));
}

#[test]
fn a_quote_is_refused_for_what_the_request_would_be() {
    let server = TestServer::start();
    let error = |answer: &Response| (answer.status, answer.json()["error"].clone());
    let long = "a lighthouse at dawn, ".repeat(200);
    for body in [
        json!({ "prompt": " " }),
        json!({ "prompt": "x", "size": "30x32" }),
        json!({ "prompt": "x", "model": "midjourney" }),
        json!({ "prompt": "x", "background": "transparent" }),
        json!({ "prompt": "x", "partial_images": 1 }),
        json!({ "prompt": "x", "stream": true, "n": 2 }),
        json!({ "prompt": "x", "colour": "blue" }),
        json!({ "prompt": long }),
    ] {
        let refused = error(&server.generate(&dry(&body)));
        assert_eq!(refused, error(&server.generate(&body)), "{body}");
        assert!((400..500).contains(&refused.0), "{refused:?}");
    }
    let (status, refused) = error(&server.generate(&dry(&json!({ "prompt": "x", "stream": true }))));
    assert_eq!((status, &refused["param"]), (400, &json!("stream")));
    assert!(refused["message"].as_str().is_some_and(|text| text.contains("dry_run")), "{refused}");
    let unauthorised = server.post("/v1/images/generations").json(&dry(&json!({ "prompt": "x" })));
    assert_eq!(unauthorised.status, 401);
    let tag = server.post("/v1/images/generations").bearer(&server.key).header("x-cost-tag", "a\tb");
    assert_eq!(tag.json(&dry(&json!({ "prompt": "x" }))).status, 400);
    assert_eq!(rows(&server), (0, 0));
}
