//! A cluster's processes, and what all its tests ask of its books.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
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
    lease_seconds: String,
    /// Variables that all programs have.
    pub environment: Variables,
}

/// Variables of a program's environment.
pub type Variables = Vec<(String, String)>;

/// A process that serves. Killed when it is dropped.
pub struct Node {
    child: Child,
    /// Its id when it started.
    pub id: String,
    /// Of a gateway.
    pub url: String,
    log: Arc<Mutex<String>>,
}

impl Cluster {
    /// None without PostgreSQL, which is said.
    pub fn new() -> Option<Self> {
        Self::with(LEASE_SECONDS, Vec::new())
    }

    /// The same with another lease, and with variables that all programs have, the database's too.
    pub fn with(lease_seconds: &str, environment: Variables) -> Option<Self> {
        let database = Postgres::start_with(&environment)?;
        let root = TempDir::new().expect("a directory");
        let (key, lease_seconds) = (String::new(), lease_seconds.to_owned());
        let mut cluster = Self { database, root, key, nodes: Mutex::new(0), lease_seconds, environment };
        cluster.key = cluster.create_key("load", &[]);
        Some(cluster)
    }

    /// A directory of its own.
    pub fn aside(&self) -> &Path {
        self.root.path()
    }

    /// A key called `name`, made beside the nodes.
    pub fn create_key(&self, name: &str, rules: &[&str]) -> String {
        let said = self.succeeds(&[&["key", "create", name], rules].concat());
        said.lines().next().expect("a key").trim().to_owned()
    }

    /// `tintype` with `arguments` on the ledger, to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, &[])
    }

    /// The same with `variables` of its own.
    pub fn run_with(&self, arguments: &[&str], variables: &[(String, String)]) -> Output {
        let mut command = tintype();
        command.envs(self.environment.iter().cloned()).envs(variables.iter().cloned()).args(arguments);
        command.args(["--ledger", &self.database.url()]).arg("--data-dir").arg(self.root.path().join("keys"));
        command.output().expect("tintype")
    }

    fn node(&self, role: &str, ledger: &str, variables: &[(String, String)]) -> Node {
        let mut nodes = self.nodes.lock().expect("no panic");
        *nodes += 1;
        let mut command = tintype();
        command.args(["serve", "--role", role, "--ledger", ledger]);
        command.arg("--images").arg(self.root.path().join("images"));
        command.arg("--data-dir").arg(self.root.path().join(format!("node-{nodes}")));
        command.arg("--model").arg(tiny_models::directory("base"));
        if role == "gateway" {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        for (key, value) in [
            ("TINTYPE_CLUSTER__LEASE_SECONDS", self.lease_seconds.as_str()),
            ("TINTYPE_MODEL__DEFAULT_SIZE", "32x32"),
            ("TINTYPE_MODEL__STEPS__MEDIUM", "2"),
            ("TINTYPE_PICTURES__FREE_DISK_MIN_MIB", "0"),
            // A first image that took long foretells nothing of those after it.
            ("TINTYPE_LIMITS__ANSWER_WAIT_SECONDS", "3600"),
            ("TINTYPE_LIMITS__QUEUE_DEPTH_MAX", "5000"),
        ] {
            command.env(key, value);
        }
        command.envs(self.environment.iter().chain(variables).cloned());
        drop(nodes);
        Node::start(command)
    }

    pub fn gateway(&self) -> Node {
        self.gateway_at(&self.database.url())
    }

    /// One that reaches the ledger at `url`.
    pub fn gateway_at(&self, url: &str) -> Node {
        self.node("gateway", url, &[])
    }

    pub fn worker(&self) -> Node {
        self.worker_at(&self.database.url())
    }

    /// One that reaches the ledger at `url`.
    pub fn worker_at(&self, url: &str) -> Node {
        self.node("worker", url, &[])
    }

    /// One with variables of its own.
    pub fn worker_with(&self, variables: &[(String, String)]) -> Node {
        self.node("worker", &self.database.url(), variables)
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

    /// What must hold of the books whatever happened: by the audit of every other test, on a copy. No node runs any more.
    pub fn audit(&self, answered: &Answered) -> Audit {
        let connections = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tintype'";
        eventually("the connections of all nodes have ended", || self.count(connections) == 0);
        let copy = self.root.path().join("copy");
        let run = |arguments: &[&str]| {
            let output = tintype().args(arguments).arg(&copy).output().expect("tintype");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        run(&["ledger", "move", "--from", &self.database.url(), "--to"]);
        let audited = audit(&copy.join("ledger.sqlite3"), answered);
        self.succeeds(&["ledger", "check"]);
        audited
    }

    /// What `tintype` with `arguments` prints on the ledger, without a failure.
    pub fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
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
        let (mut url, mut id) = (String::new(), String::new());
        let has_begun = stdout.by_ref().map_while(Result::ok).any(|line| {
            if let Some(own) = line.strip_prefix("Node ") {
                own.trim().clone_into(&mut id);
            }
            if let Some((_, address)) = line.split_once(" at http://") {
                url = format!("http://{address}");
            }
            line.starts_with("Key")
        });
        assert!(has_begun, "{}", log.lock().expect("no panic"));
        std::thread::spawn(move || stdout.for_each(drop));
        Self { child, id, url, log }
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
