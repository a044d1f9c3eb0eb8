//! /v1/async: requests that are answered later, as they would have been at once.

use serde_json::{Value, json};
use tintype::{domain::Scopes, ledger::KeyRules};

use crate::{
    client::{Response, eventually},
    edits::{Form, data_url, photo, png},
    receiver::WebhookReceiver,
    server::TestServer,
};

const GENERATIONS: &str = "/v1/async/images/generations";

impl TestServer {
    fn later(&self, body: &Value) -> Response {
        self.post(GENERATIONS).bearer(&self.key).json(body)
    }

    fn answer_of(&self, id: &str) -> Response {
        self.get(&format!("/v1/async/{id}")).bearer(&self.key).send("")
    }

    /// The answer, once it is there.
    fn answered(&self, id: &str) -> Response {
        let mut answer = self.answer_of(id);
        eventually("an answer", || {
            answer = self.answer_of(id);
            answer.status != 202
        });
        answer
    }
}

fn id_of(accepted: &Response) -> String {
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    let id = accepted.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(accepted.header("location"), format!("/v1/async/{id}"));
    id
}

#[test]
fn an_answer_that_comes_later_is_the_one_that_came_at_once() {
    let receiver = WebhookReceiver::start();
    let host = receiver.address.to_string().parse().expect("a host");
    let server = TestServer::start_with(|config| config.webhooks.private_hosts = vec![host]);
    let url = receiver.url().replace('?', "%3F").replace('=', "%3D");
    let form = "application/x-www-form-urlencoded";
    let added = server
        .post("/admin/webhooks")
        .bearer(&server.key)
        .header("content-type", form)
        .send(format!("url={url}"));
    assert_eq!(added.status, 200, "{}", added.text);

    let body = json!({ "prompt": "a red\napple", "seed": 7 });
    let id = id_of(&server.later(&body));
    let later = server.answered(&id);
    assert_eq!((later.status, later.header("content-type")), (200, "application/json"));
    let at_once = server.generate(&body).json();
    assert_eq!(
        later.json()["data"][0]["b64_json"].as_str().map(str::len),
        at_once["data"][0]["b64_json"].as_str().map(str::len)
    );
    assert_eq!((&later.json()["data"][0]["seed"], &later.json()["size"]), (&json!(7), &at_once["size"]));
    let by_route = server.get(&format!("{GENERATIONS}/{id}")).bearer(&server.key).send("");
    assert_eq!(by_route.text, later.text);
    eventually("it is announced", || {
        let said = receiver.of_kind("image.completed");
        said.iter().any(|message| message.json()["data"]["id"] == json!(id))
    });

    // No list shows what it is made of.
    let of = |path: &str| server.get(path).bearer(&server.key).send("").json();
    assert_eq!((&of("/v1/batches")["data"], &of("/v1/files")["data"]), (&json!([]), &json!([])));
    assert_eq!(of("/admin/batches.json")["ended"], json!([]));
    let other = server.make_key(2, KeyRules { scopes: Scopes::IMAGES, ..KeyRules::default() });
    let foreign = server.get(&format!("/v1/async/{id}")).bearer(&other.reveal()).send("");
    assert_eq!((foreign.status, &foreign.json()["error"]["code"]), (404, &json!("async_not_found")));
    assert_eq!(server.totals().images, 2);
}

#[test]
fn what_is_wrong_is_said_at_once_and_what_fails_later_with_its_own_status() {
    let server = TestServer::start();
    for (body, param) in [
        (json!({ "prompt": "x", "size": "7x7" }), "size"),
        (json!({ "prompt": "x", "stream": true }), "stream"),
        (json!({ "prompt": "x", "dry_run": true }), "dry_run"),
        (json!({}), "prompt"),
    ] {
        let refused = server.later(&body);
        assert_eq!(
            (refused.status, &refused.json()["error"]["param"]),
            (400, &json!(param)),
            "{}",
            refused.text
        );
    }
    let budgets = "0".parse().expect("budgets");
    let broke = server.make_key(3, KeyRules { scopes: Scopes::IMAGES, budgets, ..KeyRules::default() });
    let accepted = server.post(GENERATIONS).bearer(&broke.reveal()).json(&json!({ "prompt": "x" }));
    let id = id_of(&accepted);
    let mut answer = accepted;
    eventually("it is refused", || {
        answer = server.get(&format!("/v1/async/{id}")).bearer(&broke.reveal()).send("");
        answer.status != 202
    });
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (429, &json!("insufficient_quota")));
    let unknown = server.answer_of("async_01a206ac796a7e178467e6a62303775f");
    assert_eq!(unknown.status, 404);
}

#[test]
fn the_same_request_under_an_idempotency_key_is_one() {
    let server = TestServer::start();
    let send = |body: Value| {
        server.post(GENERATIONS).bearer(&server.key).header("idempotency-key", "order-7").json(&body)
    };
    let id = id_of(&send(json!({ "prompt": "a cup" })));
    let first = server.answered(&id);
    let again = send(json!({ "prompt": "a cup" }));
    assert_eq!((again.status, &again.text), (200, &first.text));
    let other = send(json!({ "prompt": "a mug" }));
    assert_eq!((other.status, &other.json()["error"]["code"]), (422, &json!("idempotency_key_reused")));
    assert_eq!(server.totals().images, 1);
}

#[test]
fn an_edit_comes_as_a_form_too() {
    let server = TestServer::start();
    let form = Form::empty()
        .file("image", png(photo(32, 32)))
        .text("prompt", "42")
        .text("seed", "7")
        .text("strength", "0.5");
    let accepted = server.send_form("/v1/async/images/edits", None, &form);
    let answer = server.answered(&id_of(&accepted));
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["data"][0]["seed"], json!(7));
    let at_once = server.edit(&form).json();
    assert_eq!(answer.json()["steps_run"], at_once["steps_run"]);
}

#[test]
fn a_body_is_read_with_its_byte_order_mark_and_refused_as_it_would_be_at_once() {
    let server = TestServer::start();
    let edit = json!({ "prompt": "x", "images": [{ "image_url": data_url(&png(photo(32, 32))) }] });
    let post = |route: &str, body: Vec<u8>| {
        server.post(route).bearer(&server.key).header("content-type", "application/json").send(body)
    };
    for (route, body) in [(GENERATIONS, json!({ "prompt": "x" })), ("/v1/async/images/edits", edit)] {
        let accepted = post(route, format!("\u{feff}{body}").into_bytes());
        let answer = server.answered(&id_of(&accepted));
        assert_eq!(answer.status, 200, "{route}: {}", answer.text);
        for body in [vec![0x1f, 0x8b, 8, 0, 0], b"{\"prompt\":\"\xc6\xbb\xb9\xfb\"}".to_vec(), Vec::new()] {
            let (later, at_once) =
                (post(route, body.clone()), post(&route.replace("/async", ""), body.clone()));
            assert_eq!(later.status, 400, "{route}: {}", body.escape_ascii());
            assert_eq!(later.json()["error"], at_once.json()["error"], "{route}: {}", body.escape_ascii());
        }
    }
}
