//! Bodies and addresses that people send by mistake: each gets one line that says what is wrong and what to do.

use std::io::{Read, Write};

use serde_json::{Value, json};

use crate::{client::Response, server::TestServer};

fn generate(server: &TestServer, body: impl Into<Vec<u8>>) -> Response {
    let request = server.post("/v1/images/generations").bearer(&server.key);
    request.header("content-type", "application/json").send(body)
}

fn message(answer: &Response) -> String {
    answer.json()["error"]["message"].as_str().expect("a message").to_owned()
}

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

#[test]
fn each_body_that_cannot_be_read_has_a_message_of_its_own() {
    let server = TestServer::start();
    let json = r#"{"prompt":"x"}"#;
    let marked = |order: fn(u16) -> [u8; 2]| utf16(&format!("\u{feff}{json}"), order);
    for (body, said) in [
        (b"{\"prompt\":\"\xc6\xbb\xb9\xfb\"}".to_vec(), "not UTF-8 from byte 14"),
        (vec![0x1f, 0x8b, 8, 0, 0], "gzip"),
        (marked(u16::to_le_bytes), "UTF-16"),
        (marked(u16::to_be_bytes), "UTF-16"),
        (utf16(json, u16::to_le_bytes), "UTF-16"),
        (utf16(json, u16::to_be_bytes), "UTF-16"),
        (Vec::new(), "empty"),
        (b"{\"prompt\":\"x\",\n}".to_vec(), "line 2 column 1"),
        (b"{\"prompt\":\"x\"".to_vec(), "ends too early, at line 1 column 13"),
        (b"prompt=x".to_vec(), "Send a JSON object"),
        (b"[1]".to_vec(), "not an object"),
        (b"null".to_vec(), "not an object"),
        (b"{\"prompt\":\"x\",\"seed\":1e400}".to_vec(), "larger than any that is read, at line 1 column 26"),
        ([b"{\"prompt\":\"x\",\"n\":".as_slice(), &b"9".repeat(400), b"}"].concat(), "larger than any"),
    ] {
        let answer = generate(&server, body.clone());
        assert_eq!(answer.status, 400, "{}", body.escape_ascii());
        let message = message(&answer);
        assert!(message.contains(said), "{}: {message}", body.escape_ascii());
    }
    let marked = generate(&server, format!("\u{feff}{json}"));
    assert_eq!(marked.status, 200, "a byte order mark of UTF-8 is passed over: {}", marked.text);
}

#[test]
fn a_compressed_body_is_refused_by_its_coding_on_every_route_that_takes_one() {
    let server = TestServer::start();
    let post = |route: &str, kind: &str, coding: &str| {
        let request = server.post(route).bearer(&server.key).header("content-type", kind);
        request.header("content-encoding", coding).send(r#"{"prompt":"x"}"#)
    };
    let (json, form) = ("application/json", "multipart/form-data; boundary=x");
    for (route, kind) in [
        ("/v1/images/generations", json),
        ("/v1/images/edits", json),
        ("/v1/images/edits", form),
        ("/v1/images/variations", form),
        ("/v1/async/images/generations", json),
        ("/v1/async/images/edits", form),
        ("/v1/batches", json),
        ("/v1/files", form),
    ] {
        for (coding, said) in [("gzip", "gzip"), ("identity, BR", "with br"), ("deflate", "deflate")] {
            let answer = post(route, kind, coding);
            let error = &answer.json()["error"];
            assert_eq!((answer.status, &error["code"]), (400, &json!("unsupported_content_type")), "{route}");
            assert!(message(&answer).contains(said), "{route}: {}", answer.text);
        }
    }
    for coding in ["identity", "utf-8"] {
        let answer = post("/v1/images/generations", json, coding);
        assert_eq!(answer.status, 200, "{coding}: {}", answer.text);
    }
}

#[test]
fn a_header_that_decides_what_is_charged_is_given_once() {
    let server = TestServer::start();
    for (name, values) in [("Idempotency-Key", ["one", "two"]), ("X-Cost-Tag", ["spring", "spring"])] {
        let request = server.post("/v1/images/generations").bearer(&server.key);
        let request = values.iter().fold(request, |request, value| request.header(name, value));
        let answer = request.json(&json!({ "prompt": "x" }));
        assert_eq!((answer.status, &answer.json()["error"]["param"]), (400, &json!(name)), "{}", answer.text);
        assert!(message(&answer).contains("given twice"), "{}", answer.text);
    }
    assert_eq!(server.totals().images, 0);
}

#[test]
fn a_field_that_is_given_twice_is_refused() {
    let server = TestServer::start();
    for body in [
        r#"{"prompt":"x","n":1,"n":2}"#,
        r#"{"n":null,"prompt":"x","n":2}"#,
        r#"{"prompt":"x","n":1,"\u006e":1}"#,
    ] {
        let answer = generate(&server, body);
        assert_eq!((answer.status, &answer.json()["error"]["param"]), (400, &json!("n")), "{body}");
        assert!(message(&answer).contains("given twice"), "{}", answer.text);
    }
}

#[test]
fn a_prompt_that_shows_nothing_is_empty() {
    let server = TestServer::start();
    for prompt in ["\u{200b}", "\u{feff}", "\0", "\u{2060}\u{200d}", "\u{3164}", "\u{202e} \u{ad}\n"] {
        let answer = server.generate(&json!({ "prompt": prompt }));
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (400, &json!("empty_string")),
            "{prompt:?}"
        );
    }
    assert_eq!(server.totals().images, 0);
}

#[test]
fn what_a_client_wrote_is_not_repeated_at_length() {
    let server = TestServer::start();
    let long = "x".repeat(500_000);
    for body in [
        json!({ "prompt": "x", long.clone(): 1 }),
        json!({ "prompt": "x", "model": long }),
        json!({ "prompt": "x", "quality": long }),
        json!({ "prompt": "x", "size": long }),
        json!({ "prompt": "x", "background": long }),
    ] {
        let answer = server.generate(&body);
        assert!([400, 404].contains(&answer.status), "{}", answer.status);
        assert!(answer.text.len() < 1000, "{} bytes", answer.text.len());
    }
    let answer = server.get(&format!("/v1/{}", &long[..50_000])).send("");
    assert!(answer.status == 404 && answer.text.len() < 1000, "{} bytes", answer.text.len());
}

#[test]
fn a_wrong_base_url_is_told_the_right_one() {
    let server = TestServer::start();
    for path in [
        "/images/generations",
        "/v1/v1/images/generations",
        "/v1/images/generations/",
        "/api/v1/images/generations",
        "/openai/deployments/dall-e-3/images/generations?api-version=2024-02-01",
    ] {
        let answer = server.post(path).bearer(&server.key).json(&json!({ "prompt": "x" }));
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!("unknown_url")), "{path}");
        let message = message(&answer);
        assert!(message.contains("POST /v1/images/generations"), "{path}: {message}");
        assert!(message.contains(&format!("`{}/v1`", server.url)), "{path}: {message}");
    }
}

#[test]
fn http_1_0_gets_no_chunks() {
    let server = TestServer::start();
    let body = r#"{"prompt":"x","size":"16x16","stream":true}"#;
    for connection in ["", "Connection: keep-alive\r\n"] {
        let mut stream =
            std::net::TcpStream::connect(server.url.trim_start_matches("http://")).expect("connected");
        write!(
            stream,
            "POST /v1/images/generations HTTP/1.0\r\n{connection}Authorization: Bearer {}\r\nContent-Type: \
             application/json\r\nContent-Length: {}\r\n\r\n{body}",
            server.key,
            body.len()
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer that ends with its connection");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.0 200"), "{head}");
        assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
        assert!(body.starts_with("event: image_generation.completed\ndata: {"), "{}", &body[..80]);
        assert!(body.ends_with("}\n\n"));
    }
}

#[test]
fn every_answer_says_that_its_type_is_what_it_says() {
    let server = TestServer::start();
    for path in ["/healthz", "/v1/models", "/openapi.json", "/nothing", "/metrics"] {
        assert_eq!(server.get(path).send("").header("x-content-type-options"), "nosniff", "{path}");
    }
}

#[test]
fn a_model_is_reached_by_the_name_of_its_repository() {
    let data = tempfile::tempdir().expect("a directory");
    let snapshot = data
        .path()
        .join("models--Tongyi-MAI--Z-Image-Turbo/snapshots/5f4b9cbb80cc95ba44fe6667dfd75710f7db2947");
    std::fs::create_dir_all(snapshot.parent().expect("a parent")).expect("a directory");
    std::os::unix::fs::symlink(crate::tiny_models::directory("base"), &snapshot).expect("a link");
    let server = TestServer::start_with(|config| config.model.path = Some(snapshot.display().to_string()));
    for name in ["Tongyi-MAI/Z-Image-Turbo", "Z-Image-Turbo"] {
        let answer = server.generate(&json!({ "prompt": "x", "size": "16x16", "model": name }));
        assert_eq!(answer.status, 200, "{}", answer.text);
        let found = server.get(&format!("/v1/models/{name}")).bearer(&server.key).send("");
        assert_eq!((found.status, &found.json()["id"]), (200, &json!(name)));
    }
    let list = server.get("/v1/models").bearer(&server.key).send("").json();
    let ids: Vec<&Value> =
        list["data"].as_array().expect("models").iter().map(|model| &model["id"]).collect();
    assert_eq!(ids[..2], [&json!("Z-Image-Turbo"), &json!("Tongyi-MAI/Z-Image-Turbo")]);
}
