//! A server that gets webhooks, and answers as a test says.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use serde_json::Value;

/// For a status: the message is read and never answered.
pub const HELD: u16 = 0;

/// A message as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// By their names in small letters.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// A receiver on a free port. It answers 204 unless another status is next.
pub struct WebhookReceiver {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    statuses: Arc<Mutex<VecDeque<u16>>>,
}

impl WebhookReceiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (received, statuses) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<Mutex<VecDeque<u16>>>::default());
        let (all, next) = (Arc::clone(&received), Arc::clone(&statuses));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let status = next.lock().expect("no panic").pop_front().unwrap_or(204);
                if let Some(message) = answer(stream, status, address) {
                    all.lock().expect("no panic").push(message);
                }
            }
        });
        Self { address, received, statuses }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}/hooks?from=tintype", self.address)
    }

    /// What the next messages are answered with.
    pub fn will_answer(&self, statuses: &[u16]) {
        self.statuses.lock().expect("no panic").extend(statuses);
    }

    /// Everything that has arrived.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic").clone()
    }

    /// What has arrived of one kind.
    pub fn of_kind(&self, kind: &str) -> Vec<Received> {
        self.received().into_iter().filter(|message| message.json()["type"] == kind).collect()
    }
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

fn answer(stream: TcpStream, status: u16, address: SocketAddr) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    assert!(lines[0].starts_with("POST /hooks?from=tintype "), "{}", lines[0]);
    let headers: BTreeMap<_, _> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let message = Received { headers, body: String::from_utf8(body).ok()? };
    if status == HELD {
        // Open for as long as the test runs.
        std::mem::forget(reader);
        return Some(message);
    }
    let answer = format!(
        "HTTP/1.1 {status} As asked\r\nlocation: http://{address}/elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    reader.get_mut().write_all(answer.as_bytes()).ok()?;
    Some(message)
}
