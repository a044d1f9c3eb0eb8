//! Asking the server, as a client that reads every answer to its end.

use std::time::Duration;

use rand::{SeedableRng, rngs::StdRng};
use rusqlite::Connection;
use serde_json::Value;
use tintype::{
    domain::{ApiKey, Scopes},
    ledger::{KeyRules, NewKey},
};

pub use crate::eventually::eventually;
use crate::server::TestServer;

/// May generate, and nothing else.
pub const IMAGES: Scopes = Scopes::IMAGES;

impl TestServer {
    /// A further key, made as `tintype key create` makes one beside a running server.
    pub fn make_key(&self, seed: u64, rules: KeyRules) -> ApiKey {
        let key = ApiKey::generate(&mut StdRng::seed_from_u64(seed));
        let new = NewKey { key: &key, name: "test", rules };
        self.ledger().create_key(&new, "command line", jiff::Timestamp::now()).expect("a key");
        key
    }

    pub fn get(&self, path: &str) -> Request {
        Request::new("GET", format!("{}{path}", self.url))
    }

    pub fn request(&self, method: &'static str, path: &str) -> Request {
        Request::new(method, format!("{}{path}", self.url))
    }

    pub fn post(&self, path: &str) -> Request {
        Request::new("POST", format!("{}{path}", self.url))
    }

    /// Requests in the ledger that are in `state`.
    pub fn count(&self, state: &str) -> i64 {
        let connection = Connection::open(self.ledger_file()).expect("the ledger");
        connection.busy_timeout(Duration::from_secs(60)).expect("a timeout");
        let query = "SELECT count(*) FROM requests WHERE state = ?1";
        connection.query_row(query, [state], |row| row.get(0)).expect("a count")
    }

    /// POST /v1/images/generations with the first key.
    pub fn generate(&self, body: &serde_json::Value) -> Response {
        self.post("/v1/images/generations").bearer(&self.key).json(body)
    }
}

/// A request whose errors are answers too.
pub struct Request {
    method: &'static str,
    url: String,
    headers: Vec<(String, String)>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
    pub bytes: Vec<u8>,
}

impl Request {
    fn new(method: &'static str, url: String) -> Self {
        Self { method, url, headers: Vec::new() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn bearer(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    pub fn json(self, body: &serde_json::Value) -> Response {
        self.header("content-type", "application/json").send(body.to_string())
    }

    pub fn send(self, body: impl Into<Vec<u8>>) -> Response {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(600)))
            .build()
            .into();
        let mut request = ureq::http::Request::builder().method(self.method).uri(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(body.into()).expect("a request");
        let mut response = agent.run(request).expect("an answer");
        let mut body = Vec::new();
        std::io::Read::read_to_end(&mut response.body_mut().as_reader(), &mut body).expect("a body");
        Response {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: String::from_utf8_lossy(&body).into_owned(),
            bytes: body,
        }
    }
}

impl Response {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The events of a stream, each with its name and its data.
    pub fn events(&self) -> Vec<(String, Value)> {
        let events = self.text.split("\n\n").filter(|event| event.starts_with("event: "));
        let parse = |event: &str| {
            let (name, data) = event.split_once('\n')?;
            let data = serde_json::from_str(data.strip_prefix("data: ")?).ok()?;
            Some((name.trim_start_matches("event: ").to_owned(), data))
        };
        events.map(|event| parse(event).unwrap_or_else(|| panic!("no event: {event}"))).collect()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}
