//! A server's files and batches, over HTTP.

use std::{
    io::{BufReader, Read},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use ureq::{
    Agent, Body,
    http::{Response, StatusCode, Uri},
};

use crate::{
    batches::{LINE_BYTES_MAX, Lines},
    cli::CliError,
    domain::BatchEndpoint,
    units::Money,
};

/// Where a key is read.
const KEY_VARIABLE: &str = "TINTYPE_KEY";
/// The note of a batch that has its run's name.
const NAME_NOTE: &str = "tintype_batch";
/// To reach a server.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// From a request to the head of its answer. A file of many lines takes a while to be looked through.
const ANSWER_MAX: Duration = Duration::from_secs(600);
/// Bytes of one image.
const IMAGE_BYTES_MAX: u64 = 256 << 20;
/// Between the parts of a form: no line of JSON has it.
const BOUNDARY: &str = "tintype-batch-file";

/// A server, with a key of it.
#[derive(Debug, Clone)]
pub(super) struct Server {
    base: String,
    key: String,
    agent: Agent,
}

/// What a batch is to be.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) file: String,
    pub(super) endpoint: BatchEndpoint,
    pub(super) at: &'a str,
    pub(super) within: u32,
}

/// What it would be.
#[derive(Debug, Deserialize)]
pub(super) struct Quote {
    pub(super) errors: Option<Faults>,
    pub(super) requests: u32,
    pub(super) images: u64,
    pub(super) plan: Option<ShownPlan>,
    pub(super) currency: String,
    pub(super) total: Option<Money>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Faults {
    pub(super) data: Vec<Fault>,
}

/// What is wrong with a file, and in which of its lines, if it is about one.
#[derive(Debug, Deserialize)]
pub(super) struct Fault {
    pub(super) line: Option<usize>,
    pub(super) message: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct ShownPlan {
    pub(super) starts_at: Option<i64>,
    pub(super) ends_at: Option<i64>,
    pub(super) why: String,
    pub(super) saving: Money,
}

/// A batch as it is now.
#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) request_counts: Counts,
    pub(super) input_file_id: String,
    pub(super) output_file_id: Option<String>,
    pub(super) error_file_id: Option<String>,
    errors: Option<Faults>,
    metadata: Option<Value>,
    pub(super) tintype: Extension,
}

#[derive(Debug, Deserialize)]
pub(super) struct Counts {
    pub(super) total: u32,
    pub(super) completed: u32,
    pub(super) failed: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct Extension {
    pub(super) plan: Option<ShownPlan>,
    pub(super) cost: Cost,
}

#[derive(Debug, Deserialize)]
pub(super) struct Cost {
    pub(super) currency: String,
    pub(super) total: Option<Money>,
}

/// A line of a batch's output, or of its errors.
#[derive(Debug, Deserialize)]
pub(super) struct OutputLine {
    pub(super) custom_id: String,
    response: Option<LineResponse>,
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct LineResponse {
    status_code: u16,
    request_id: Option<String>,
    body: Value,
}

/// The body of an answer.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    pub(super) output_format: Option<String>,
    pub(super) size: Option<String>,
    pub(super) data: Vec<Image>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Image {
    pub(super) b64_json: Option<String>,
    pub(super) url: Option<String>,
    pub(super) seed: u64,
    pub(super) receipt: Value,
}

#[derive(Deserialize)]
struct Uploaded {
    id: String,
}

#[derive(Deserialize)]
struct Listed {
    data: Vec<Batch>,
    has_more: bool,
    last_id: Option<String>,
}

impl Server {
    /// The server at `url`, with the key of the environment.
    pub(super) fn remote(url: &str) -> Result<Self, CliError> {
        let refused = |reason: &str| CliError::Usage(format!("--server {url}: {reason}"));
        let uri: Uri = url.parse().map_err(|_| refused("not a URL; write http://127.0.0.1:8080"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(refused("it must begin with http:// or https://"));
        }
        let key = std::env::var(KEY_VARIABLE).ok().filter(|key| !key.trim().is_empty());
        let key =
            key.ok_or_else(|| CliError::Usage(format!("put a key of the server into {KEY_VARIABLE}")))?;
        Ok(Self::new(url, key.trim(), Agent::config_builder()))
    }

    /// A server of this process, at `base`.
    pub(super) fn local(base: &str, key: &str) -> Self {
        Self::new(base, key, Agent::config_builder().proxy(None))
    }

    fn new(base: &str, key: &str, config: ureq::config::ConfigBuilder<ureq::typestate::AgentScope>) -> Self {
        let config = config
            .user_agent(concat!("tintype/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_MAX))
            .timeout_recv_response(Some(ANSWER_MAX));
        let base = base.trim_end_matches('/').trim_end_matches("/v1").to_owned();
        Self { base, key: key.to_owned(), agent: config.build().into() }
    }

    /// Uploads `lines` as a file of requests: its id.
    pub(super) fn upload(&self, lines: &str) -> Result<String, CliError> {
        let body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
             --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"requests.jsonl\"\r\n\r\n\
             {lines}\r\n--{BOUNDARY}--\r\n"
        );
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let sent = self.agent.post(self.url("/v1/files")).header("authorization", self.bearer());
        let answer = sent.header("content-type", kind).send(body);
        Ok(read::<Uploaded>(self.answered(answer)?)?.id)
    }

    /// What a batch would be.
    pub(super) fn quote(&self, asked: &Asked<'_>) -> Result<Quote, CliError> {
        let mut body = asked.body();
        body["dry_run"] = json!(true);
        self.post("/v1/batches", &body)
    }

    /// Creates a batch called `name`: its id.
    pub(super) fn create(&self, asked: &Asked<'_>, name: &str) -> Result<String, CliError> {
        let mut body = asked.body();
        body["metadata"] = json!({ NAME_NOTE: name });
        self.post::<Batch>("/v1/batches", &body).map(|batch| batch.id)
    }

    /// The id of the batch called `name`; none if there is none.
    pub(super) fn find_by_name(&self, name: &str) -> Result<Option<String>, CliError> {
        let mut after = String::new();
        loop {
            let page: Listed = self.get(&format!("/v1/batches?limit=100{after}"))?;
            let is_it =
                |batch: &&Batch| batch.metadata.as_ref().is_some_and(|notes| notes[NAME_NOTE] == name);
            if let Some(batch) = page.data.iter().find(is_it) {
                return Ok(Some(batch.id.clone()));
            }
            match page.last_id.filter(|_| page.has_more) {
                Some(last) => after = format!("&after={last}"),
                None => return Ok(None),
            }
        }
    }

    /// The batch `id` as it is now.
    pub(super) fn batch(&self, id: &str) -> Result<Batch, CliError> {
        self.get(&format!("/v1/batches/{id}"))
    }

    /// Hands every line of a file that a batch wrote to `take`.
    pub(super) fn each_line(
        &self,
        file: &str,
        mut take: impl FnMut(OutputLine) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let answer = self.agent.get(self.url(&format!("/v1/files/{file}/content")));
        let answer = self.answered(answer.header("authorization", self.bearer()).call())?;
        let unread =
            |reason: String| CliError::Failed(format!("the answers in {file} cannot be read: {reason}"));
        let mut lines =
            Lines::new(BufReader::new(answer.into_body().into_with_config().limit(u64::MAX).reader()));
        while let Some((_, line)) = lines.next_line().map_err(|error| unread(error.to_string()))? {
            take(serde_json::from_slice(&line).map_err(|error| unread(error.to_string()))?)?;
        }
        Ok(())
    }

    /// The image at a link of the server's.
    pub(super) fn download(&self, url: &str) -> Result<Vec<u8>, CliError> {
        let answer = self.answered(self.agent.get(url).call())?;
        let mut bytes = Vec::new();
        let mut body = answer.into_body().into_with_config().limit(IMAGE_BYTES_MAX).reader();
        body.read_to_end(&mut bytes).map_err(|error| CliError::Failed(format!("{url}: {error}")))?;
        Ok(bytes)
    }

    /// Deletes a file.
    pub(super) fn delete_file(&self, file: &str) -> Result<(), CliError> {
        let asked = self.agent.delete(self.url(&format!("/v1/files/{file}")));
        self.answered(asked.header("authorization", self.bearer()).call()).map(drop)
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        read(self.answered(self.agent.get(self.url(path)).header("authorization", self.bearer()).call())?)
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, CliError> {
        let asked = self.agent.post(self.url(path)).header("authorization", self.bearer());
        read(self.answered(asked.send_json(body))?)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.key)
    }

    /// The answer, if it is a 200. The server's own sentence is the reason otherwise.
    fn answered(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, CliError> {
        let mut answer =
            answer.map_err(|error| CliError::Failed(format!("{} cannot be reached: {error}", self.base)))?;
        let status = answer.status();
        if status == StatusCode::OK {
            return Ok(answer);
        }
        let envelope: Value = answer.body_mut().read_json().unwrap_or_default();
        let said = envelope["error"]["message"].as_str().map_or_else(|| status.to_string(), str::to_owned);
        let message = format!("{}: {said}", self.base);
        Err(if status.is_client_error() { CliError::Usage(message) } else { CliError::Failed(message) })
    }
}

fn read<T: DeserializeOwned>(mut answer: Response<Body>) -> Result<T, CliError> {
    let body = answer.body_mut().with_config().limit(LINE_BYTES_MAX);
    body.read_json().map_err(|error| CliError::Failed(format!("the server's answer cannot be read: {error}")))
}

impl Asked<'_> {
    fn body(&self) -> Value {
        json!({
            "input_file_id": self.file, "endpoint": self.endpoint.as_str(), "start": self.at,
            "completion_window": format!("{}h", self.within),
        })
    }
}

impl Quote {
    /// `300 lines, 300 images, expected 22.1 CNY; in 6 h 12 min: later hours …`
    pub(super) fn line(&self, now: &Timestamp) -> String {
        let money = self.total.map_or_else(String::new, |total| {
            format!(", expected {} {}", total.to_rounded_string(4), self.currency)
        });
        let plan = self
            .plan
            .as_ref()
            .map_or_else(String::new, |plan| format!("\n{}", plan.line(now, &self.currency)));
        format!("{} lines, {} images{money}{plan}", self.requests, self.images)
    }
}

impl ShownPlan {
    /// When it begins and ends, why then, and what that saves.
    pub(super) fn line(&self, now: &Timestamp, currency: &str) -> String {
        let span = |at: Option<i64>| at.map_or_else(|| "-".into(), |at| super::time_left::time_left(at, now));
        let saving = if self.saving > Money::ZERO {
            format!(" Waiting saves {} {currency}.", self.saving.to_rounded_string(4))
        } else {
            String::new()
        };
        format!("begins in {}, done in {}. {}{saving}", span(self.starts_at), span(self.ends_at), self.why)
    }
}

impl Batch {
    /// Whether nothing is left to do for it.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed" | "expired" | "cancelled")
    }

    /// Why it was not completed, if the server says so.
    pub(super) fn refusal(&self) -> Option<&str> {
        self.errors.as_ref()?.data.first().map(|fault| fault.message.as_str())
    }
}

impl OutputLine {
    /// The answer, if it is one.
    pub(super) fn answer(&self) -> Option<Answer> {
        let response = self.response.as_ref().filter(|response| response.status_code == 200)?;
        Answer::deserialize(&response.body).ok()
    }

    /// The request that it became.
    pub(super) fn request_id(&self) -> Option<String> {
        self.response.as_ref()?.request_id.clone()
    }

    /// Why there is no image.
    pub(super) fn failure(&self) -> Value {
        let refused = self.response.as_ref().map(|response| {
            let mut error = response.body["error"].clone();
            error["status"] = json!(response.status_code);
            error
        });
        refused.or_else(|| self.error.clone()).unwrap_or(Value::Null)
    }
}
