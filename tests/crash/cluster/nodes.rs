//! A cluster's processes, and what all its tests ask of its books.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    audit::{Audit, audit},
    batches::Client,
    eventually::eventually,
    image_client::{Answered, ImageClient},
    postgres::Postgres,
    program::tintype,
    signal, tiny_models,
};

/// Short, so that tests need not wait long for what a dead node held.
const LEASE_SECONDS: &str = "2";

/// A ledger, a directory of images, and a key: what outlives every node.
pub struct Cluster {
    pub database: Postgres,
    root: TempDir,
    key: String,
    nodes: Mutex<usize>,
    /// What all nodes have in their environment beside the usual.
    pub environment: Vec<(String, String)>,
}

/// A process that serves. Killed when it is dropped.
pub struct Node {
    child: Child,
    /// Of a gateway.
    pub url: String,
    log: Arc<Mutex<String>>,
}

impl Cluster {
    /// None without PostgreSQL, which is said.
    pub fn new() -> Option<Self> {
        let database = Postgres::start()?;
        let root = TempDir::new().expect("a directory");
        let mut cluster =
            Self { database, root, key: String::new(), nodes: Mutex::new(0), environment: Vec::new() };
        cluster.key = cluster.create_key("load", &[]);
        Some(cluster)
    }

    /// A directory of its own.
    pub fn aside(&self) -> &Path {
        self.root.path()
    }

    /// A key called `name`, made beside the nodes.
    pub fn create_key(&self, name: &str, rules: &[&str]) -> String {
        let mut command = tintype();
        command.args(["key", "create", name, "--ledger", &self.database.url()]).args(rules);
        let output = command.arg("--data-dir").arg(self.root.path().join("keys")).output();
        let output = output.expect("tintype");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").lines().next().expect("a key").trim().to_owned()
    }

    fn node(&self, role: &str) -> Node {
        let mut nodes = self.nodes.lock().expect("no panic");
        *nodes += 1;
        let mut command = tintype();
        command.args(["serve", "--role", role, "--ledger", &self.database.url()]);
        command.arg("--images").arg(self.root.path().join("images"));
        command.arg("--data-dir").arg(self.root.path().join(format!("node-{nodes}")));
        command.arg("--model").arg(tiny_models::directory("base"));
        if role == "gateway" {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        for (key, value) in [
            ("TINTYPE_CLUSTER__LEASE_SECONDS", LEASE_SECONDS),
            ("TINTYPE_MODEL__DEFAULT_SIZE", "32x32"),
            ("TINTYPE_MODEL__STEPS__MEDIUM", "2"),
            ("TINTYPE_PICTURES__FREE_DISK_MIN_MIB", "0"),
            // A first image that took long foretells nothing of those after it.
            ("TINTYPE_LIMITS__ANSWER_WAIT_SECONDS", "3600"),
        ] {
            command.env(key, value);
        }
        command.envs(self.environment.clone());
        Node::start(command)
    }

    pub fn gateway(&self) -> Node {
        self.node("gateway")
    }

    pub fn worker(&self) -> Node {
        self.node("worker")
    }

    /// A client of `gateway` with the first key.
    pub fn client(&self, gateway: &Node) -> ImageClient {
        Self::client_with(&self.key, gateway)
    }

    /// A client of `gateway` with the first key, for whatever it answers.
    pub fn caller(&self, gateway: &Node) -> Client {
        Client::at(&gateway.url, &self.key)
    }

    /// Waits until a gateway looks after batches.
    pub fn drives(&self) {
        eventually("a gateway looks after batches", || self.count("SELECT count(*) FROM duties") == 1);
    }

    /// A client of `gateway` with `key`.
    pub fn client_with(key: &str, gateway: &Node) -> ImageClient {
        ImageClient::at(&gateway.url, key)
    }

    /// Sends `body` to a path of `gateway`, and goes away once `is_time`, without an answer.
    pub fn hang_up_once(&self, gateway: &Node, (path, body): (&str, &Value), is_time: impl Fn() -> bool) {
        let address = gateway.url.trim_start_matches("http://");
        let mut connection = TcpStream::connect(address).expect("a connection");
        let (body, key) = (body.to_string(), &self.key);
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        connection.write_all(format!("{head}{body}").as_bytes()).expect("sent");
        eventually("it is time to go", is_time);
    }

    pub fn count(&self, sql: &str) -> i64 {
        self.database.query(sql).parse().expect("a count")
    }

    /// Waits until nothing is open any more.
    pub fn settles(&self) {
        eventually("no request is open after the load", || {
            self.count("SELECT count(*) FROM requests WHERE state IN ('reserved', 'running')") == 0
        });
        assert_eq!(self.count("SELECT count(*) FROM queue"), 0);
    }

    /// What must hold of the books whatever happened: by the audit of every other test, on a copy.
    pub fn audit(&self, answered: &Answered) -> Audit {
        let copy = self.root.path().join("copy");
        let run = |arguments: &[&str]| {
            let output = tintype().args(arguments).arg(&copy).output().expect("tintype");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        run(&["ledger", "move", "--from", &self.database.url(), "--to"]);
        audit(&copy.join("ledger.sqlite3"), answered)
    }

    /// Images in the directory of images.
    pub fn files(&self) -> usize {
        let days = std::fs::read_dir(self.root.path().join("images")).expect("images").flatten();
        let days = days.filter(|day| day.file_name().to_string_lossy().starts_with("20"));
        days.filter_map(|day| std::fs::read_dir(day.path()).ok()).map(Iterator::count).sum()
    }

    /// Objects in a folder of the directory of images.
    pub fn objects(&self, folder: &str) -> usize {
        std::fs::read_dir(self.root.path().join("images").join(folder)).map_or(0, Iterator::count)
    }
}

impl Node {
    fn start(mut command: Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().expect("a pipe");
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                *lines.lock().expect("no panic") += &format!("{line}\n");
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut url = String::new();
        let has_begun = stdout.by_ref().map_while(Result::ok).any(|line| {
            if let Some((_, address)) = line.split_once(" at http://") {
                url = format!("http://{address}");
            }
            line.starts_with("Key")
        });
        assert!(has_begun, "{}", log.lock().expect("no panic"));
        std::thread::spawn(move || stdout.for_each(drop));
        Self { child, url, log }
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
        assert!(!self.said().contains("panicked"), "{}", self.said());
    }

    /// SIGTERM, and its end.
    pub fn stop(mut self) {
        signal::send(&self.child, "-TERM");
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0), "{}", self.said());
    }

    pub fn freeze(&self) {
        signal::send(&self.child, "-STOP");
    }

    pub fn thaw(&self) {
        signal::send(&self.child, "-CONT");
    }

    pub fn said(&self) -> String {
        self.log.lock().expect("no panic").clone()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
