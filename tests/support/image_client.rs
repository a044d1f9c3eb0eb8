//! A client of a serving child, and the answers it got.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use tintype::units::Money;

use crate::program::Program;

/// What clients were answered: for each request, what its receipts say that its images cost.
pub type Answered = BTreeMap<String, Vec<Money>>;

/// One key at one server.
#[derive(Debug, Clone)]
pub struct ImageClient {
    url: String,
    key: String,
}

/// An answer without images. Status 0: the connection broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub code: String,
}

impl ImageClient {
    pub fn new(program: &Program, key: &str) -> Self {
        Self::at(&program.url, key)
    }

    /// The same at a URL.
    pub fn at(url: &str, key: &str) -> Self {
        Self { url: url.to_owned(), key: key.to_owned() }
    }

    /// `n` small images under the Idempotency-Key `order`: the request's id, and what each of them cost.
    pub fn generate(&self, order: Option<&str>, n: u32) -> Result<(String, Vec<Money>), Refusal> {
        self.ask(order, &json!({ "prompt": "x", "size": "32x32", "n": n }))
    }

    /// The same for any body.
    pub fn ask(&self, order: Option<&str>, body: &Value) -> Result<(String, Vec<Money>), Refusal> {
        let mut request = agent()
            .post(format!("{}/v1/images/generations", self.url))
            .header("authorization", self.bearer());
        if let Some(order) = order {
            request = request.header("idempotency-key", order);
        }
        let broken = |_| Refusal { status: 0, code: String::new() };
        let mut answer =
            request.header("content-type", "application/json").send(body.to_string()).map_err(broken)?;
        let status = answer.status().as_u16();
        let answer: Value = answer.body_mut().read_json().map_err(broken)?;
        if status != 200 {
            let code = answer["error"]["code"].as_str().unwrap_or_default().to_owned();
            return Err(Refusal { status, code });
        }
        let receipts: Vec<&Value> =
            answer["data"].as_array().expect("images").iter().map(|image| &image["receipt"]).collect();
        let id = receipts[0]["request_id"].as_str().expect("a request").to_owned();
        let totals = receipts.iter().map(|receipt| receipt["total"].to_string().parse().expect("an amount"));
        Ok((id, totals.collect()))
    }

    /// The status of GET `path`.
    pub fn get(&self, path: &str) -> u16 {
        let answer = agent().get(format!("{}{path}", self.url)).header("authorization", self.bearer()).call();
        answer.expect("an answer").status().as_u16()
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.key)
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.timeout_global(Some(Duration::from_secs(600))).build().into()
}
