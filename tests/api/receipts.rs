//! Receipts of a request, what requests are filed under, and months as files.

use serde_json::{Value, json};
use tintype::{
    domain::Scopes,
    ledger::{CorrectedAmounts, KeyRules},
    units::Money,
};

use crate::{
    browser::Browser,
    client::{IMAGES, Response, eventually},
    server::TestServer,
};

fn receipts(server: &TestServer, key: &str, id: &str) -> Response {
    server.get(&format!("/v1/receipts/{id}")).bearer(key).send("")
}

fn tagged(server: &TestServer, tag: &str, body: &Value) -> Response {
    server.post("/v1/images/generations").bearer(&server.key).header("x-cost-tag", tag).json(body)
}

/// The request's id in an answer.
fn id(answer: &Value) -> String {
    answer["data"][0]["receipt"]["request_id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_request_is_read_back_with_the_receipts_of_its_answer() {
    let server = TestServer::start();
    let body = json!({ "prompt": "x", "n": 2, "quality": "high", "steps": 3, "user": "ignored" });
    let answer = tagged(&server, "spring campaign", &body).json();
    let read = || receipts(&server, &server.key, &id(&answer)).json();
    eventually("the delivery is noted", || read()["delivered"] == json!(true));
    let shown = read();
    assert_eq!(shown["id"], json!(id(&answer)));
    for field in ["created", "size", "quality"] {
        assert_eq!(shown[field], answer[field], "{field}");
    }
    assert_eq!(
        (&shown["model"], &shown["steps"], &shown["tag"]),
        (&json!("base"), &json!(3), &json!("spring campaign"))
    );
    let images = shown["data"].as_array().expect("images");
    assert_eq!(images.len(), 2);
    for (image, first) in images.iter().zip(answer["data"].as_array().expect("images")) {
        assert_eq!((&image["seed"], &image["receipt"]), (&first["seed"], &first["receipt"]));
        assert_eq!((&image["reversed"], &image["correction"]), (&json!(false), &json!(null)));
    }
}

#[test]
fn receipts_are_for_the_key_that_generated_and_for_no_other() {
    let server = TestServer::start();
    let id = id(&server.generate(&json!({ "prompt": "x" })).json());
    let admin = server.make_key(1, KeyRules { scopes: Scopes::ALL, ..KeyRules::default() }).reveal();
    for (key, id) in [
        (admin.as_str(), id.as_str()),
        (&server.key, "01a206ac-796a-7e17-8467-e6a62303775f"),
        (&server.key, "nonsense"),
        (&server.key, "%00"),
    ] {
        let refused = receipts(&server, key, id);
        assert_eq!(
            (refused.status, &refused.json()["error"]["code"]),
            (404, &json!("receipt_not_found")),
            "{id}"
        );
    }
    let bookkeeper = server.make_key(2, KeyRules { scopes: Scopes::COSTS, ..KeyRules::default() }).reveal();
    assert_eq!(receipts(&server, &bookkeeper, &id).status, 403, "as all of /v1");
    assert_eq!(server.get(&format!("/v1/receipts/{id}")).send("").status, 401);
    assert_eq!(server.post(&format!("/v1/receipts/{id}")).bearer(&server.key).send("").status, 405);
    assert_eq!(
        receipts(&server, &server.key, &id.replace('-', "")).status,
        200,
        "its digits are its name too"
    );
}

#[test]
fn a_receipt_that_was_taken_back_says_so() {
    let server = TestServer::start();
    let answer = server.generate(&json!({ "prompt": "x" })).json();
    let electricity = Some("0.5".parse::<Money>().expect("an amount"));
    let amounts = CorrectedAmounts { electricity, ..CorrectedAmounts::default() };
    let now = jiff::Timestamp::now();
    server.ledger().reverse(1, "a wrong tariff", Some(&amounts), "command line", now).expect("reversed");
    let image = receipts(&server, &server.key, &id(&answer)).json()["data"][0].clone();
    assert_eq!((&image["receipt"], &image["reversed"]), (&answer["data"][0]["receipt"], &json!(true)));
    assert_eq!(image["correction"]["electricity"], json!(0.5));
    assert_eq!(image["correction"]["upkeep"], image["receipt"]["upkeep"]);
}

#[test]
fn a_tag_comes_from_the_header_or_else_from_the_user() {
    let server = TestServer::start_with(|config| config.user_is_tag = true);
    let tag = |answer: Response| {
        assert_eq!(answer.status, 200, "{}", answer.text);
        receipts(&server, &server.key, &id(&answer.json())).json()["tag"].clone()
    };
    let plain = json!({ "prompt": "x" });
    assert_eq!(tag(server.generate(&plain)), json!(null));
    assert_eq!(tag(server.generate(&json!({ "prompt": "x", "user": "user-17" }))), json!("user-17"));
    assert_eq!(tag(tagged(&server, "spring", &json!({ "prompt": "x", "user": "user-17" }))), json!("spring"));
    assert_eq!(tag(tagged(&server, "春季", &plain)), json!("春季"), "UTF-8");
    // Clients put anything into `user`, and OpenAI takes it.
    for user in ["u".repeat(129), "a\nb".into(), String::new()] {
        assert_eq!(tag(server.generate(&json!({ "prompt": "x", "user": user }))), json!(null));
    }
}

#[test]
fn a_user_is_not_stored_unless_the_operator_wants_it() {
    let server = TestServer::start();
    let answer = server.generate(&json!({ "prompt": "x", "user": "alice@example.com" }));
    assert_eq!(receipts(&server, &server.key, &id(&answer.json())).json()["tag"], json!(null));
    let file = std::fs::read(server.ledger_file()).expect("the ledger");
    let log = std::fs::read(server.ledger_file().with_extension("sqlite3-wal")).unwrap_or_default();
    for bytes in [file, log] {
        assert!(!bytes.windows(17).any(|part| part == b"alice@example.com"), "it is in the ledger's files");
    }
}

#[test]
fn a_tag_that_cannot_be_is_refused_by_name_before_the_body_is_read() {
    let server = TestServer::start();
    for tag in ["t".repeat(129), String::new(), "a\tb".into()] {
        let request = server.post("/v1/images/generations").bearer(&server.key).header("x-cost-tag", &tag);
        let refused = request.header("content-type", "application/json").send("{");
        let error = refused.json()["error"].clone();
        assert_eq!((refused.status, &error["param"]), (400, &json!("X-Cost-Tag")), "{tag:?}");
        assert!(error["message"].as_str().is_some_and(|text| text.contains("128 characters")), "{error}");
    }
    assert_eq!(server.totals().images, 0);
}

#[test]
fn a_month_in_groups_is_read_as_json_and_as_csv() {
    let server = TestServer::start();
    assert_eq!(tagged(&server, "spring", &json!({ "prompt": "x", "n": 2 })).status, 200);
    assert_eq!(server.generate(&json!({ "prompt": "x", "size": "16x16", "quality": "low" })).status, 200);
    let ask = |path: &str| server.get(path).bearer(&server.key).send("");
    let month = jiff::Timestamp::now().strftime("%Y-%m").to_string();
    for (by, groups) in [("tag", 2), ("size", 2), ("quality", 2), ("key", 1), ("model", 1), ("day", 1)] {
        let answer = ask(&format!("/admin/costs.json?month={month}&by={by}")).json();
        assert_eq!((&answer["images"], &answer["grouped_by"]), (&json!(3), &json!(by)));
        let listed = answer["groups"].as_array().expect("groups");
        assert_eq!(listed.len(), groups, "{by}: {answer}");
        let images: i64 = listed.iter().filter_map(|group| group["images"].as_i64()).sum();
        assert_eq!(images, 3, "{by}");

        let file = ask(&format!("/admin/costs.csv?month={month}&by={by}"));
        assert_eq!((file.status, file.text.lines().count()), (200, groups + 1), "{by}: {}", file.text);
    }
    let file = ask("/admin/costs.csv");
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(file.header("content-disposition"), format!("attachment; filename=\"tintype-{month}.csv\""));
    assert!(file.text.contains(&format!(",{},", server.totals().standard)), "{}", file.text);
    assert_eq!(ask("/admin/costs.json").text, ask("/admin/costs").text);
    let refused = ask("/admin/costs.csv?by=colour");
    assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!("by")));
    assert_eq!(ask("/admin/costs.json?month=may").status, 400);
}

#[test]
fn months_as_files_are_for_admin_keys_only() {
    let server = TestServer::start();
    let image_key = server.make_key(1, KeyRules { scopes: IMAGES, ..KeyRules::default() }).reveal();
    for path in ["/admin/costs.json", "/admin/costs.csv"] {
        assert_eq!(server.get(path).send("").status, 401, "{path}");
        assert_eq!(server.get(path).bearer(&image_key).send("").status, 403, "{path}");
        assert_eq!(server.post(path).bearer(&server.key).send("").status, 405, "{path}");
    }
    assert_eq!(Browser::signed_in(&server).open("/admin/costs.csv").status, 200);
}
