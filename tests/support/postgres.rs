//! A server of PostgreSQL that a test may kill.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A running server, and one database of its. Taken away when it is dropped.
pub struct Postgres {
    directory: PathBuf,
    programs: PathBuf,
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Postgres {
    /// None if PostgreSQL is not installed, which is said; a failure if TINTYPE_REQUIRE_POSTGRES is set.
    pub fn start() -> Option<Self> {
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
        let bins = versions.map(|version| version.path().join("bin"));
        let Some(programs) = bins.filter(|bin| bin.join("initdb").is_file()).max() else {
            assert!(env::var_os("TINTYPE_REQUIRE_POSTGRES").is_none(), "no initdb is in /usr/lib/postgresql");
            writeln!(std::io::stderr(), "PostgreSQL is not installed: skipped").expect("standard error");
            return None;
        };
        // Short: the path of a socket has 107 bytes at most.
        let directory =
            tempfile::Builder::new().prefix("tt-pg").tempdir_in("/tmp").expect("a directory").keep();
        let mut child = Command::new("sh")
            .args(["-c", include_str!("postgres.sh"), "postgres.sh"])
            .args([&directory, &programs])
            .arg("on")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh");
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut server = Self { directory, programs, child, orders, answers };
        server.is_ready();
        server.ask("CREATE DATABASE books", "postgres");
        Some(server)
    }

    /// The database, as `tintype --ledger` takes it.
    pub fn url(&self) -> String {
        format!("postgres://postgres@/books?host={}&sslmode=disable", self.directory.display())
    }

    /// Ends the server at once, as a crash would.
    pub fn stop(&mut self) {
        self.order("stop");
    }

    pub fn start_again(&mut self) {
        self.order("start");
    }

    /// The answer to `sql`, a row a line.
    pub fn query(&self, sql: &str) -> String {
        self.ask(sql, "books")
    }

    fn ask(&self, sql: &str, database: &str) -> String {
        let output = Command::new(self.programs.join("psql"))
            .args([
                "-X",
                "-A",
                "-t",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-U",
                "postgres",
                "-d",
                database,
                "-c",
                sql,
            ])
            .arg("-h")
            .arg(&self.directory)
            .output()
            .expect("psql");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    }

    fn order(&mut self, order: &str) {
        let orders = self.orders.as_mut().expect("it runs");
        writeln!(orders, "{order}").expect("the script reads");
        self.is_ready();
    }

    fn is_ready(&mut self) {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("a line");
        let logs = ["initdb.log", "start.log", "stop.log", "server.log"];
        let said = logs.map(|log| fs::read_to_string(self.directory.join(log)).unwrap_or_default());
        assert_eq!(line.trim(), "ready", "{}", said.concat());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.orders.take());
        self.child.wait().ok();
    }
}
