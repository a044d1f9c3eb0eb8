//! What cannot be is refused in OpenAI's envelope, with the parameter's name.

use std::io::{Read, Write};

use serde_json::{Value, json};

use crate::{client::Response, server::TestServer};

fn error(answer: &Response) -> Value {
    let body = answer.json();
    let error = body["error"].as_object().unwrap_or_else(|| panic!("no envelope: {body}"));
    for key in ["message", "type", "param", "code"] {
        assert!(error.contains_key(key), "no {key}: {body}");
    }
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(!answer.header("x-request-id").is_empty());
    body["error"].clone()
}

#[test]
fn every_wrong_parameter_is_named() {
    let server = TestServer::start();
    let long = "x".repeat(32_001);
    let cases = [
        (json!({}), "prompt", "missing_required_parameter"),
        (json!({ "prompt": null }), "prompt", "missing_required_parameter"),
        (json!({ "prompt": "  " }), "prompt", "empty_string"),
        (json!({ "prompt": long }), "prompt", "string_above_max_length"),
        (json!({ "prompt": 7 }), "prompt", "invalid_type"),
        (json!({ "prompt": "x", "negative_prompt": ["y"] }), "negative_prompt", "invalid_type"),
        (json!({ "prompt": "x", "n": 0 }), "n", "integer_below_min_value"),
        (json!({ "prompt": "x", "n": -1 }), "n", "integer_below_min_value"),
        (json!({ "prompt": "x", "n": 11 }), "n", "integer_above_max_value"),
        (json!({ "prompt": "x", "n": 1.5 }), "n", "invalid_type"),
        (json!({ "prompt": "x", "n": "2" }), "n", "invalid_type"),
        (json!({ "prompt": "x", "size": "big" }), "size", "invalid_value"),
        (json!({ "prompt": "x", "size": "30x32" }), "size", "invalid_value"),
        (json!({ "prompt": "x", "size": "0x32" }), "size", "invalid_value"),
        (json!({ "prompt": "x", "size": "40000x40000" }), "size", "invalid_value"),
        (json!({ "prompt": "x", "quality": "best" }), "quality", "invalid_value"),
        (json!({ "prompt": "x", "response_format": "blob" }), "response_format", "invalid_value"),
        (json!({ "prompt": "x", "output_format": "gif" }), "output_format", "invalid_value"),
        (
            json!({ "prompt": "x", "output_compression": 101 }),
            "output_compression",
            "integer_above_max_value",
        ),
        (json!({ "prompt": "x", "background": "transparent" }), "background", "invalid_value"),
        (json!({ "prompt": "x", "background": "blue" }), "background", "invalid_value"),
        (json!({ "prompt": "x", "stream": "true" }), "stream", "invalid_type"),
        (json!({ "prompt": "x", "stream": true, "n": 2 }), "n", "invalid_value"),
        (
            json!({ "prompt": "x", "stream": true, "partial_images": 4 }),
            "partial_images",
            "integer_above_max_value",
        ),
        (json!({ "prompt": "x", "partial_images": 1 }), "partial_images", "invalid_value"),
        (
            json!({ "prompt": "x", "stream": true, "response_format": "url" }),
            "response_format",
            "invalid_value",
        ),
        (json!({ "prompt": "x", "width": 32 }), "height", "missing_required_parameter"),
        (json!({ "prompt": "x", "width": 32, "height": 0 }), "height", "integer_below_min_value"),
        (json!({ "prompt": "x", "width": 30, "height": 32 }), "width", "invalid_value"),
        (json!({ "prompt": "x", "width": 32, "height": 32, "size": "48x32" }), "width", "invalid_value"),
        (json!({ "prompt": "x", "n": 2, "batch_size": 3 }), "batch_size", "invalid_value"),
        (json!({ "prompt": "x", "complexity": "low" }), "complexity", "unknown_parameter"),
        (json!({ "prompt": "x", "seed": -1 }), "seed", "integer_below_min_value"),
        (json!({ "prompt": "x", "seed": 9_223_372_036_854_775_808_u64 }), "seed", "integer_above_max_value"),
        (json!({ "prompt": "x", "steps": 0 }), "steps", "integer_below_min_value"),
        (json!({ "prompt": "x", "steps": 101 }), "steps", "integer_above_max_value"),
        (
            json!({ "prompt": "x", "steps": 4, "num_inference_steps": 5 }),
            "num_inference_steps",
            "invalid_value",
        ),
        (json!({ "prompt": "x", "guidance_scale": 21 }), "guidance_scale", "invalid_value"),
        (json!({ "prompt": "x", "guidance_scale": "4" }), "guidance_scale", "invalid_type"),
        (
            json!({ "prompt": "x", "guidance_scale": 4, "true_cfg_scale": 5 }),
            "true_cfg_scale",
            "invalid_value",
        ),
        (json!({ "prompt": "x", "colour": "blue" }), "colour", "unknown_parameter"),
    ];
    for (body, param, code) in cases {
        let answer = server.generate(&body);
        assert_eq!(answer.status, 400, "{body}");
        let error = error(&answer);
        assert_eq!((&error["param"], &error["code"]), (&json!(param), &json!(code)), "{body}");
        assert_eq!(error["type"], "invalid_request_error");
    }
    assert_eq!(server.totals().images, 0);
}

#[test]
fn a_body_that_is_no_json_object_is_refused() {
    let server = TestServer::start();
    for body in ["", "{", "[]", "null", "\"prompt\"", "\u{0}", "{\"prompt\": \"x\",}"] {
        let answer = server
            .post("/v1/images/generations")
            .bearer(&server.key)
            .header("content-type", "application/json; charset=utf-8")
            .send(body);
        assert_eq!(answer.status, 400, "{body:?}");
        assert_eq!(error(&answer)["code"], Value::Null);
    }
    let form = server
        .post("/v1/images/generations")
        .bearer(&server.key)
        .header("content-type", "application/x-www-form-urlencoded")
        .send("prompt=x");
    assert_eq!((form.status, &error(&form)["code"]), (400, &json!("unsupported_content_type")));
    let large = server.generate(&json!({ "prompt": "x", "user": "y".repeat(2_000_000) }));
    assert_eq!((large.status, &error(&large)["code"]), (413, &json!("request_too_large")));
    // One that only announces too much is not waited for.
    let mut socket =
        std::net::TcpStream::connect(server.url.trim_start_matches("http://")).expect("connected");
    write!(
        socket,
        "POST /v1/images/generations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 9999999999\r\n\r\n{{",
        server.key
    )
    .expect("sent");
    let mut head = [0; 12];
    socket.read_exact(&mut head).expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 413");
}

#[test]
fn probes_may_ask_for_the_head_alone() {
    let server = TestServer::start();
    let head = |path: &str| server.request("HEAD", path).bearer(&server.key).send("");
    for path in ["/healthz", "/v1/models", "/metrics", "/openapi.json"] {
        let answer = head(path);
        assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{path}");
    }
    assert_eq!(server.post("/healthz").send("").header("allow"), "GET, HEAD");
}

#[test]
fn an_unknown_model_url_or_method_is_named() {
    let server = TestServer::start();
    let model = server.generate(&json!({ "prompt": "x", "model": "midjourney" }));
    assert_eq!((model.status, &error(&model)["code"]), (404, &json!("model_not_found")));
    assert_eq!(error(&model)["param"], "model");
    let url = server.post("/v1/embeddings").bearer(&server.key).json(&json!({}));
    assert_eq!((url.status, &error(&url)["code"]), (404, &json!("unknown_url")));
    let method = server.get("/v1/images/generations").bearer(&server.key).send("");
    assert_eq!((method.status, &error(&method)["code"]), (405, &json!("method_not_supported")));
    assert_eq!(method.header("allow"), "POST");
}

#[test]
fn models_are_listed_and_found_by_any_of_their_names() {
    let server = TestServer::start_with(|config| config.model.id = Some("studio/z-image".into()));
    let list = server.get("/v1/models").bearer(&server.key).send("").json();
    assert_eq!(list["object"], "list");
    let ids: Vec<_> = list["data"].as_array().expect("models").iter().map(|model| &model["id"]).collect();
    assert!(ids.contains(&&json!("studio/z-image")) && ids.contains(&&json!("dall-e-3")), "{ids:?}");
    for path in ["/v1/models/studio%2Fz-image", "/v1/models/studio/z-image", "/v1/models/gpt-image-1"] {
        let found = server.get(path).bearer(&server.key).send("");
        assert_eq!(found.status, 200, "{path}");
        assert_eq!(found.json()["object"], "model");
        assert!(found.json()["created"].is_i64());
    }
    let missing = server.get("/v1/models/sora").bearer(&server.key).send("");
    assert_eq!((missing.status, &error(&missing)["code"]), (404, &json!("model_not_found")));
}

#[test]
fn every_field_that_is_documented_is_read() {
    let server = TestServer::start();
    for field in tintype::http::FIELDS {
        let answer = server.generate(&json!({ "prompt": "x", field: { "not": "this" } }));
        let error = error(&answer);
        // A LoRA may be an object, which this one is not.
        let (param, code) =
            if field.starts_with("lora") { ("lora", "invalid_value") } else { (field, "invalid_type") };
        assert_eq!((&error["param"], &error["code"]), (&json!(param), &json!(code)), "{field}");
    }
}
