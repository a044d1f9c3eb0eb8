//! A server killed with SIGKILL while it works on a batch: no line is lost, and none is paid for twice.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use tintype::units::Money;

use crate::{
    audit::audit,
    eventually::eventually,
    image_client::Answered,
    served::{Place, Served},
};

/// Lines of the batch, and lives of the server that it takes.
pub const LINES: usize = 40;
const KILLS: usize = 6;

/// A client of a serving child that is about to be killed.
pub struct Client {
    url: String,
    key: String,
}

impl Client {
    pub fn of(place: &Place, served: &Served) -> Self {
        Self::at(&served.program.url, place.key())
    }

    /// A client of whatever serves at `url`.
    pub fn at(url: &str, key: &str) -> Self {
        Self { url: url.to_owned(), key: key.to_owned() }
    }

    pub fn send(&self, method: &str, path: &str, kind: &str, body: &str) -> Vec<u8> {
        let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(600)));
        let agent: ureq::Agent = config.http_status_as_error(false).build().into();
        let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        let request =
            request.header("authorization", format!("Bearer {}", self.key)).header("content-type", kind);
        let mut answer = agent.run(request.body(body.to_owned()).expect("a request")).expect("an answer");
        let status = answer.status();
        let body = answer.body_mut().read_to_vec().expect("a body");
        assert!(
            status.is_success() || status.is_redirection(),
            "{status}: {}",
            String::from_utf8_lossy(&body)
        );
        body
    }

    pub fn json(&self, method: &str, path: &str, body: &str) -> Value {
        serde_json::from_slice(&self.send(method, path, "application/json", body)).expect("JSON")
    }

    fn lines_of(&self, file: &Value) -> Vec<Value> {
        let path = format!("/v1/files/{}/content", file.as_str().expect("a file"));
        let content = String::from_utf8(self.send("GET", &path, "", "")).expect("UTF-8");
        content.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// Uploads the requests, and begins the batch: its id.
pub fn begin(client: &Client) -> String {
    let line = |number: usize| {
        // Every third as a link, every fifth two images.
        let mut body =
            json!({ "prompt": format!("tile {number}"), "n": 1 + usize::from(number.is_multiple_of(5)) });
        if number.is_multiple_of(3) {
            body["response_format"] = json!("url");
        }
        json!({ "custom_id": format!("tile-{number}"), "method": "POST", "url": "/v1/images/generations", "body": body })
    };
    let lines: Vec<_> = (1..=LINES).map(|number| line(number).to_string()).collect();
    let body = format!(
        "--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
         --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"tiles.jsonl\"\r\n\r\n{}\r\n--x--\r\n",
        lines.join("\n")
    );
    let file = client.send("POST", "/v1/files", "multipart/form-data; boundary=x", &body);
    let file: Value = serde_json::from_slice(&file).expect("JSON");
    let asked = json!({ "input_file_id": file["id"], "endpoint": "/v1/images/generations", "completion_window": "24h" });
    client.json("POST", "/v1/batches", &asked.to_string())["id"].as_str().expect("an id").to_owned()
}

/// Lines that are done, as the ledger has them.
fn done(place: &Place) -> usize {
    let ledger = rusqlite::Connection::open(place.ledger()).expect("the ledger");
    ledger.busy_timeout(Duration::from_secs(60)).expect("a timeout");
    let count: i64 =
        ledger.query_row("SELECT count(*) FROM batch_lines", [], |row| row.get(0)).expect("a count");
    usize::try_from(count).expect("a count")
}

/// Waits for the end of the batch `id`: every line is answered, once. Notes what they were answered with.
pub fn finish(client: &Client, id: &str, answered: &mut Answered) {
    let path = format!("/v1/batches/{id}");
    let mut batch = Value::Null;
    eventually("the batch is completed", || {
        batch = client.json("GET", &path, "");
        batch["status"] == "completed"
    });
    assert_eq!(batch["request_counts"], json!({ "total": LINES, "completed": LINES, "failed": 0 }));
    assert_eq!(batch["error_file_id"], Value::Null);
    let lines = client.lines_of(&batch["output_file_id"]);
    let ids: BTreeSet<_> = lines.iter().map(|line| line["custom_id"].as_str().expect("an id")).collect();
    assert_eq!((lines.len(), ids.len()), (LINES, LINES), "each line once");
    for line in &lines {
        let response = &line["response"];
        assert_eq!((&response["status_code"], &line["error"]), (&json!(200), &Value::Null));
        let receipts =
            response["body"]["data"].as_array().expect("images").iter().map(|image| &image["receipt"]);
        let totals: Vec<Money> =
            receipts.map(|receipt| receipt["total"].to_string().parse().expect("an amount")).collect();
        let request = response["request_id"].as_str().expect("an id").to_owned();
        assert!(answered.insert(request, totals).is_none(), "a request answers one line");
    }
}

#[test]
fn a_batch_survives_kills_without_a_line_lost_or_paid_for_twice() {
    let mut place = Place::new();
    let mut served = place.serve();
    let id = begin(&Client::of(&place, &served));
    for kill in 1..=KILLS {
        // The next line is in whatever state: waiting, running, settled, written and not yet noted.
        let enough = kill * LINES / (KILLS + 2);
        eventually("lines are done", || done(&place) >= enough);
        served.kill();
        served = place.serve();
    }
    finish(&Client::of(&place, &served), &id, &mut place.answered);
    served.stop();
    let audited = audit(&place.ledger(), &place.answered);
    let settled = i64::try_from(LINES).expect("a count");
    assert_eq!((audited.settled, audited.images, audited.open), (settled, settled + settled / 5, 0));
    println!("{KILLS} kills, {audited:?}");
}
