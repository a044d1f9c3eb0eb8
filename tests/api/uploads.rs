//! /v1/files: uploads, lists, content, deletion, limits and expiry.

use std::{fs, path::PathBuf, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};
use tintype::{clock::ManualClock, domain::Scopes, ledger::KeyRules, units::Millis};

use crate::{client::Response, edits::Form, server::TestServer};

/// Two requests, a line each.
const LINES: &[u8] = b"{\"custom_id\": \"1\"}\n{\"custom_id\": \"2\"}\n";

fn form(content: &[u8]) -> Form {
    // The purpose comes behind the file, as OpenAI's SDK for Python sends it.
    Form::empty().file("file", content.to_vec()).text("purpose", "batch")
}

impl TestServer {
    pub fn upload(&self, key: &str, form: &Form) -> Response {
        let request = self.post("/v1/files").bearer(key).header("content-type", &form.content_type());
        request.send(form.bytes())
    }

    /// The id of a new file of the first key.
    pub fn uploaded(&self, content: &[u8]) -> String {
        let answer = self.upload(&self.key, &form(content));
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["id"].as_str().expect("an id").to_owned()
    }

    fn files(&self, query: &str) -> Value {
        self.get(&format!("/v1/files{query}")).bearer(&self.key).send("").json()
    }

    fn on_disk(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.data.path().join("files")).expect("the directory");
        entries.map(|entry| entry.expect("a file").path()).collect()
    }
}

fn error(answer: &Response) -> (u16, Value, Value) {
    let body = answer.json();
    (answer.status, body["error"]["param"].clone(), body["error"]["code"].clone())
}

#[test]
fn a_file_is_uploaded_listed_read_and_deleted_by_its_key_alone() {
    let server = TestServer::start();
    let uploaded = server.upload(&server.key, &form(LINES));
    let file = uploaded.json();
    let id = file["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        [&file["object"], &file["bytes"], &file["purpose"], &file["filename"], &file["status"]],
        [&json!("file"), &json!(LINES.len()), &json!("batch"), &json!("file.png"), &json!("processed")]
    );
    let lives = file["expires_at"].as_i64().expect("seconds") - file["created_at"].as_i64().expect("seconds");
    assert_eq!(lives, 30 * 86_400);
    assert_eq!(server.get(&format!("/v1/files/{id}")).bearer(&server.key).send("").json(), file);
    let content = server.get(&format!("/v1/files/{id}/content")).bearer(&server.key).send("");
    assert_eq!((content.status, content.bytes.as_slice()), (200, LINES));

    let others: Vec<_> = (0..3).map(|_| server.uploaded(LINES)).collect();
    let page = server.files("?limit=2");
    assert_eq!((page["data"].as_array().expect("rows").len(), &page["has_more"]), (2, &json!(true)));
    assert_eq!((&page["first_id"], &page["last_id"]), (&json!(others[2]), &json!(others[1])));
    let rest = server.files(&format!("?limit=2&after={}", others[1]));
    assert_eq!((&rest["last_id"], &rest["has_more"]), (&json!(id), &json!(false)));
    assert_eq!(server.files("?order=asc&limit=1")["first_id"], json!(id));
    assert_eq!(server.files("?purpose=batch_output")["data"], json!([]));
    for (query, param) in
        [("limit=0", "limit"), ("after=x", "after"), ("order=up", "order"), ("purpose=x", "purpose")]
    {
        let refused = server.get(&format!("/v1/files?{query}")).bearer(&server.key).send("");
        assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!(param)));
    }

    let stranger = server.make_key(1, KeyRules { scopes: Scopes::IMAGES, ..KeyRules::default() }).reveal();
    for path in [format!("/v1/files/{id}"), format!("/v1/files/{id}/content"), "/v1/files/file-1".into()] {
        let refused = server.get(&path).bearer(&stranger).send("");
        assert_eq!(error(&refused), (404, json!("id"), Value::Null), "{path}");
        assert!(
            refused.json()["error"]["message"]
                .as_str()
                .expect("text")
                .starts_with("No such File object: file-")
        );
    }
    assert_eq!(server.request("DELETE", &format!("/v1/files/{id}")).bearer(&stranger).send("").status, 404);
    assert_eq!(server.get("/v1/files").send("").status, 401);

    assert_eq!(server.on_disk().len(), 4);
    let deleted = server.request("DELETE", &format!("/v1/files/{id}")).bearer(&server.key).send("");
    assert_eq!(deleted.json(), json!({ "id": id, "object": "file", "deleted": true }));
    assert_eq!(server.request("DELETE", &format!("/v1/files/{id}")).bearer(&server.key).send("").status, 404);
    assert_eq!(server.on_disk().len(), 3, "its bytes are gone");
    fs::remove_file(server.data.path().join("files").join(&others[0])).expect("lost");
    let lost = server.get(&format!("/v1/files/{}/content", others[0])).bearer(&server.key).send("");
    assert_eq!(error(&lost), (404, json!("id"), Value::Null));
}

#[test]
fn what_cannot_be_a_file_is_refused_and_leaves_nothing() {
    let server = TestServer::start_with(|config| config.batches.files_mib_max = 1);
    let whole = || form(LINES);
    for (sent, param, code) in [
        (Form::empty().text("purpose", "batch"), "file", "missing_required_parameter"),
        (Form::empty().file("file", LINES.to_vec()), "purpose", "missing_required_parameter"),
        (form(b""), "file", "invalid_value"),
        (Form::empty().file("file", LINES.to_vec()).text("purpose", "fine-tune"), "purpose", "invalid_value"),
        (
            Form::empty().file("file", LINES.to_vec()).text("purpose", "batch_output"),
            "purpose",
            "invalid_value",
        ),
        (whole().file("file", LINES.to_vec()), "file", "invalid_value"),
        (whole().text("purpose", "batch"), "purpose", "invalid_value"),
        (whole().text("colour", "red"), "colour", "unknown_parameter"),
        (
            whole().text("expires_after[anchor]", "created_at"),
            "expires_after[seconds]",
            "missing_required_parameter",
        ),
        (
            whole().text("expires_after[seconds]", "3600"),
            "expires_after[anchor]",
            "missing_required_parameter",
        ),
        (
            whole().text("expires_after[anchor]", "created_at").text("expires_after[seconds]", "3599"),
            "expires_after[seconds]",
            "integer_below_min_value",
        ),
        (
            whole().text("expires_after[anchor]", "now").text("expires_after[seconds]", "3600"),
            "expires_after[anchor]",
            "invalid_value",
        ),
        (form(&vec![b'x'; (1 << 20) + 1]), "file", "file_quota_exceeded"),
    ] {
        assert_eq!(error(&server.upload(&server.key, &sent)), (400, json!(param), json!(code)));
    }
    let json = server.post("/v1/files").bearer(&server.key).json(&json!({ "purpose": "batch" }));
    assert_eq!(error(&json), (400, Value::Null, json!("unsupported_content_type")));
    let cut = form(LINES);
    let bytes = cut.bytes();
    let request = server.post("/v1/files").bearer(&server.key).header("content-type", &cut.content_type());
    assert_eq!(request.send(bytes[..bytes.len() - 30].to_vec()).status, 400, "the form ends early");
    assert_eq!(server.on_disk(), Vec::<PathBuf>::new());
    assert_eq!(server.files("")["data"], json!([]));
}

#[test]
fn a_file_is_gone_when_its_time_is_over() {
    let clock = Arc::new(ManualClock::at(Timestamp::now()));
    let server =
        TestServer::start_at(Arc::<ManualClock>::clone(&clock), |config| config.batches.keep_days = 2);
    let own = form(LINES).text("expires_after[anchor]", "created_at").text("expires_after[seconds]", "3600");
    let short = server.upload(&server.key, &own).json();
    let long = server.uploaded(LINES);
    clock.advance(Millis::new(3_600_000));
    let find = |id: &str| server.get(&format!("/v1/files/{id}")).bearer(&server.key).send("").status;
    assert_eq!((find(short["id"].as_str().expect("an id")), find(&long)), (404, 200));
    clock.advance(Millis::new(47 * 3_600_000));
    assert_eq!((find(&long), &server.files("")["data"]), (404, &json!([])));
}
