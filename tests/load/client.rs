//! One client's connection: it reads every answer to its end, or hangs up.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

use crate::tally::Fault;

/// Longer than any answer can take here: past it, one is lost.
const ANSWER_WAIT: Duration = Duration::from_secs(600);
/// The server closes a connection that has been idle for 5 s; a client must not send on it at that moment.
const IDLE_MAX: Duration = Duration::from_secs(2);
const PATH: &str = "/v1/images/generations";

pub struct Client {
    agent: ureq::Agent,
    server: String,
}

/// An answer, read to its end.
pub struct Answer {
    pub status: u16,
    headers: ureq::http::HeaderMap,
    body: Vec<u8>,
}

/// A refusal that is well formed.
#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    pub code: String,
    pub param: Option<String>,
    /// Seconds; none if another try is not asked for.
    pub retry_after: Option<u64>,
}

/// When a client hangs up.
#[derive(Debug, Clone, Copy)]
pub enum HangUp {
    /// Half of the body has been sent.
    Halfway,
    /// The request has been sent.
    AtOnce,
    /// The first bytes of the answer have come.
    AtTheHead,
    /// The first image on its way has come, or the end.
    AtTheFirstLook,
}

impl Client {
    pub fn new(server: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .max_idle_age(IDLE_MAX)
            .timeout_global(Some(ANSWER_WAIT))
            .build();
        Self { agent: agent.into(), server: server.to_owned() }
    }

    /// POST /v1/images/generations.
    pub fn ask(&self, key: &str, order: Option<&str>, body: &Value) -> Result<Answer, Fault> {
        let mut request = self
            .agent
            .post(format!("{}{PATH}", self.server))
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json");
        if let Some(order) = order {
            request = request.header("idempotency-key", order);
        }
        read(request.send(body.to_string())).map_err(|error| Fault::Lost(format!("{error}: {body}")))
    }

    /// GET of a link.
    pub fn follow(&self, link: &str) -> Result<Answer, Fault> {
        read(self.agent.get(link).call()).map_err(|error| Fault::Lost(format!("{error}: {link}")))
    }

    /// Sends a request and hangs up. That the server was faster with its end, or is stopping, is no fault.
    pub fn hang_up(&self, key: &str, order: Option<&str>, body: &Value, when: HangUp) {
        let address = self.server.trim_start_matches("http://");
        let Ok(mut socket) = TcpStream::connect(address) else { return };
        socket.set_read_timeout(Some(ANSWER_WAIT)).expect("a timeout");
        let (body, order) = (
            body.to_string(),
            order.map(|order| format!("idempotency-key: {order}\r\n")).unwrap_or_default(),
        );
        let head = format!(
            "POST {PATH} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n{order}\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let sent = match when {
            HangUp::Halfway => &body.as_bytes()[..body.len() / 2],
            _ => body.as_bytes(),
        };
        if socket.write_all(&[head.as_bytes(), sent].concat()).is_err() {
            return;
        }
        let mut come = Vec::new();
        let mut chunk = [0; 4096];
        let is_enough = |come: &[u8]| match when {
            HangUp::Halfway | HangUp::AtOnce => true,
            HangUp::AtTheHead => !come.is_empty(),
            HangUp::AtTheFirstLook => come.windows(4).any(|window| window == b"b64_" || window == b"\"err"),
        };
        while !is_enough(&come) {
            match socket.read(&mut chunk) {
                Ok(0) | Err(_) => return,
                Ok(count) => come.extend_from_slice(&chunk[..count]),
            }
        }
    }
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, ureq::Error> {
    let mut answer = answer?;
    let body = answer.body_mut().read_to_vec()?;
    Ok(Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), body })
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    pub fn json(&self) -> Result<Value, Fault> {
        serde_json::from_slice(&self.body).map_err(|error| self.wrong(&error.to_string()))
    }

    /// The events of a stream, each with its name and its data.
    pub fn events(&self) -> Result<Vec<(String, Value)>, Fault> {
        let text = std::str::from_utf8(&self.body).map_err(|error| self.wrong(&error.to_string()))?;
        let text = text.strip_suffix("\n\n").ok_or_else(|| self.wrong("the stream breaks off"))?;
        let parse = |event: &str| {
            let (name, data) = event.strip_prefix("event: ")?.split_once("\ndata: ")?;
            Some((name.to_owned(), serde_json::from_str(data).ok()?))
        };
        // A line that begins with a colon keeps the connection alive.
        let events = text.split("\n\n").filter(|event| !event.starts_with(':'));
        events.map(|event| parse(event).ok_or_else(|| self.wrong("no event"))).collect()
    }

    /// The refusal that this answer is.
    pub fn refusal(&self) -> Result<Refusal, Fault> {
        if self.header("content-type") != "application/json" || self.header("x-request-id").is_empty() {
            return Err(self.wrong("a refusal is JSON, and has a request id"));
        }
        let refusal = self.envelope(&self.json()?)?;
        let may_wait = matches!(refusal.status, 429 | 503);
        let is_told = refusal.retry_after.is_some() || self.header("x-should-retry") == "false";
        if !may_wait || is_told { Ok(refusal) } else { Err(self.wrong("nothing is said of another try")) }
    }

    /// OpenAI's envelope: `{"error":{"message","type","param","code"}}`, in a body or an event.
    pub fn envelope(&self, body: &Value) -> Result<Refusal, Fault> {
        let error = &body["error"];
        let text = |name: &str| error[name].as_str().map(str::to_owned);
        let is_whole =
            ["message", "type", "code"].iter().all(|name| text(name).is_some_and(|t| !t.is_empty()));
        let has_param = error.get("param").is_some_and(|param| param.is_null() || param.is_string());
        if !is_whole || !has_param {
            return Err(self.wrong("no envelope"));
        }
        let retry_after = match self.header("retry-after") {
            "" => None,
            wait => match wait.parse() {
                Ok(seconds @ 1..=120) => Some(seconds),
                _ => return Err(self.wrong("retry-after is no wait")),
            },
        };
        let code = text("code").unwrap_or_default();
        Ok(Refusal { status: self.status, code, param: text("param"), retry_after })
    }

    /// A fault of this answer, which is quoted.
    pub fn wrong(&self, what: &str) -> Fault {
        let body = String::from_utf8_lossy(&self.body);
        let quoted: String = body.chars().take(300).collect();
        Fault::Wrong(format!("{what}: {} {:?} {quoted}", self.status, self.headers))
    }
}
