//! A data directory and the servers that run on it, one after the other.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
};

use tempfile::TempDir;

use crate::{
    audit::{Audit, audit},
    eventually::eventually,
    image_client::{Answered, ImageClient},
    program::{Program, tintype, tintype_by},
    signal, tiny_models,
};

/// A data directory, its first key, and what clients of its servers were answered.
pub struct Place {
    root: TempDir,
    pub data: PathBuf,
    key: String,
    pub answered: Answered,
    /// Of a ledger in PostgreSQL; none: a file in the data directory.
    ledger_url: Option<String>,
}

/// A serving child with its log.
pub struct Served {
    pub program: Program,
    log: Arc<Mutex<String>>,
}

impl Place {
    pub fn new() -> Self {
        let root = TempDir::new().expect("a directory");
        let data = root.path().join("data");
        Self { root, data, key: String::new(), answered: Answered::new(), ledger_url: None }
    }

    /// One whose ledger is in PostgreSQL.
    pub fn with_ledger(url: String) -> Self {
        Self { ledger_url: Some(url), ..Self::new() }
    }

    /// From the next start on the ledger is in another database.
    pub fn use_ledger(&mut self, url: String) {
        self.ledger_url = Some(url);
    }

    /// The first key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Images booked on the key called `name`.
    pub fn images_of(&self, name: &str) -> i64 {
        let ledger = rusqlite::Connection::open(self.ledger()).expect("the ledger");
        let sql =
            "SELECT coalesce(sum(entries.images), 0) FROM entries JOIN requests ON requests.id = request_id
                   JOIN keys ON keys.id = key_id WHERE keys.name = ?1";
        ledger.query_row(sql, [name], |row| row.get(0)).expect("a sum")
    }

    /// A file outside the data directory.
    pub fn aside(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn ledger(&self) -> PathBuf {
        self.data.join("ledger.sqlite3")
    }

    pub fn log(&self) -> PathBuf {
        self.data.join("ledger.sqlite3-wal")
    }

    /// Brings the log of a ledger that nobody has open into the database, and takes it away.
    pub fn take_log_in(&self) {
        let ledger = rusqlite::Connection::open(self.ledger()).expect("the ledger");
        ledger.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("taken in");
        drop(ledger);
        assert!(!self.log().exists());
    }

    /// The command that serves this directory: the tiny model `base` on a free port, by way of `wrapper`.
    pub fn command(&self, wrapper: &[&str]) -> Command {
        let mut command = self.command_for_embedded(wrapper);
        command.arg("--model").arg(tiny_models::directory("base"));
        command
    }

    /// The same with the embedded model, which makes larger images.
    fn command_for_embedded(&self, wrapper: &[&str]) -> Command {
        let mut command = tintype_by(wrapper);
        command.args(["serve", "--listen", "127.0.0.1:0"]).arg("--data-dir").arg(&self.data);
        if let Some(url) = &self.ledger_url {
            command.args(["--ledger", url]);
            // A first image that took long foretells nothing of those after it.
            command.env("TINTYPE_LIMITS__ANSWER_WAIT_SECONDS", "3600");
        }
        for (key, value) in [
            ("TINTYPE_MODEL__DEFAULT_SIZE", "32x32"),
            ("TINTYPE_MODEL__STEPS__MEDIUM", "2"),
            ("TINTYPE_PICTURES__FREE_DISK_MIN_MIB", "0"),
        ] {
            command.env(key, value);
        }
        command
    }

    pub fn serve(&mut self) -> Served {
        self.serve_by(&[])
    }

    pub fn serve_by(&mut self, wrapper: &[&str]) -> Served {
        self.serve_command(self.command(wrapper))
    }

    pub fn serve_embedded_by(&mut self, wrapper: &[&str]) -> Served {
        self.serve_command(self.command_for_embedded(wrapper))
    }

    pub fn serve_command(&mut self, mut command: Command) -> Served {
        let mut program = Program::spawn(command.stderr(Stdio::piped()));
        if let Some(key) = program.key.take() {
            self.key = key;
        }
        let stderr = program.child.stderr.take().expect("a pipe");
        let log = Arc::new(Mutex::new(String::new()));
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                *lines.lock().expect("no panic") += &format!("{line}\n");
            }
        });
        Served { program, log }
    }

    /// A client with the first key.
    pub fn client(&self, served: &Served) -> ImageClient {
        ImageClient::new(&served.program, &self.key)
    }

    /// Generates `requests` requests of two images, one after the other, and notes their answers.
    pub fn generate(&mut self, served: &Served, requests: usize) {
        let client = self.client(served);
        for _ in 0..requests {
            let (id, totals) = client.generate(None, 2).expect("an answer");
            assert!(self.answered.insert(id, totals).is_none(), "a request is answered once");
        }
    }

    /// `tintype` with `arguments` on this directory, to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        tintype().args(arguments).arg("--data-dir").arg(&self.data).output().expect("the program runs")
    }

    /// The one line of a server that does not start, with exit code `code`.
    pub fn refused_start(&self, wrapper: &[&str], code: i32) -> String {
        // One that starts after all would run for ever.
        let wrapper = [&["timeout", "60"], wrapper].concat();
        complaint(&self.command(&wrapper).output().expect("the program runs"), code)
    }

    /// A server starts again and the ledger under it is audited: all that was answered is there, and nothing is open.
    pub fn starts_well(&mut self) -> (Served, Audit) {
        let served = self.serve();
        let audited = audit(&self.ledger(), &self.answered);
        assert_eq!(audited.open, 0, "what was open is abandoned");
        (served, audited)
    }
}

impl Served {
    /// What it has said on standard error.
    pub fn said(&self) -> String {
        self.log.lock().expect("no panic").clone()
    }

    /// Waits for `text` in its log. Nothing there may be a panic.
    pub fn says(&self, text: &str) {
        eventually(text, || self.said().contains(text));
        assert!(!self.said().contains("panicked"), "{}", self.said());
    }

    pub fn pid(&self) -> String {
        self.program.child.id().to_string()
    }

    /// Ctrl-C: it finishes what it has in hand, and ends.
    pub fn stop(mut self) {
        signal::send(&self.program.child, "-INT");
        assert_eq!(self.program.child.wait().expect("it ends").code(), Some(0), "{}", self.said());
    }

    pub fn kill(mut self) {
        self.program.kill();
    }
}

/// The one line that a run with exit code `code` says on standard error.
pub fn complaint(output: &Output, code: i32) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("tintype: ")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    lines[0].to_owned()
}
