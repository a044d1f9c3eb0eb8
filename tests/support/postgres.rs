//! A server of PostgreSQL that a test may kill, freeze, copy and promote.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
};

/// Says that a machine without PostgreSQL is a failure.
const REQUIRED: &str = "TINTYPE_REQUIRE_POSTGRES";

/// A running server, and one database of its. Taken away when it is dropped.
pub struct Postgres {
    directory: PathBuf,
    programs: PathBuf,
    child: Child,
    script: Mutex<Option<Script>>,
}

/// Orders to the server's script, and its answers.
struct Script {
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Says that `what` is missing; a failure if TINTYPE_REQUIRE_POSTGRES is set.
pub fn skip_for_want_of(what: &str) {
    assert!(env::var_os(REQUIRED).is_none(), "{what}, and {REQUIRED} is set");
    writeln!(std::io::stderr(), "{what}: skipped").expect("standard error");
}

fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").is_file()).max()
}

impl Postgres {
    /// None if PostgreSQL is not installed, which is said; a failure if TINTYPE_REQUIRE_POSTGRES is set.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with variables of its environment.
    pub fn start_with(environment: &[(String, String)]) -> Option<Self> {
        let Some(programs) = programs() else {
            skip_for_want_of("no initdb is in /usr/lib/postgresql");
            return None;
        };
        let server = Self::run(programs, None, environment);
        server.ask("CREATE DATABASE books", "postgres");
        Some(server)
    }

    /// A copy of this server as it is now. It does not run: once it is started, it follows this one.
    pub fn copy(&self) -> Self {
        Self::run(self.programs.clone(), Some(&self.directory), &[])
    }

    fn run(programs: PathBuf, original: Option<&Path>, environment: &[(String, String)]) -> Self {
        // Short: the path of a socket has 107 bytes at most.
        let directory =
            tempfile::Builder::new().prefix("tt-pg").tempdir_in("/tmp").expect("a directory").keep();
        let mut child = Command::new("sh")
            .args(["-c", include_str!("postgres.sh"), "postgres.sh"])
            .args([&directory, &programs])
            .arg("on")
            .args(original)
            .envs(environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh");
        let orders = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut script = Script { orders, answers };
        script.is_ready(&directory);
        Self { directory, programs, child, script: Mutex::new(Some(script)) }
    }

    /// The database, as `tintype --ledger` takes it.
    pub fn url(&self) -> String {
        self.url_of("books")
    }

    /// The same of another database.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@/{database}?host={}&sslmode=disable", self.directory.display())
    }

    /// Where it takes connections.
    pub fn socket(&self) -> PathBuf {
        self.directory.join(".s.PGSQL.5432")
    }

    /// Where its files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Ends the server at once, as a crash would.
    pub fn stop(&self) {
        self.order("stop");
    }

    /// SIGKILL to all its processes.
    pub fn kill(&self) {
        self.order("kill");
    }

    pub fn start_again(&self) {
        self.order("start");
    }

    /// SIGSTOP to all its processes.
    pub fn freeze(&self) {
        self.order("freeze");
    }

    pub fn thaw(&self) {
        self.order("thaw");
    }

    /// A standby is a server of its own from now on.
    pub fn promote(&self) {
        self.order("promote");
    }

    /// The answer to `sql`, a row a line.
    pub fn query(&self, sql: &str) -> String {
        self.ask(sql, "books")
    }

    fn ask(&self, sql: &str, database: &str) -> String {
        self.run_tool("psql", &["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql])
    }

    /// What one of PostgreSQL's own programs says on this server.
    pub fn run_tool(&self, name: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(self.programs.join(name));
        let output = command.arg("-h").arg(&self.directory).args(["-U", "postgres"]).args(arguments).output();
        let output = output.expect(name);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    }

    fn order(&self, order: &str) {
        let mut script = self.script.lock().expect("no panic");
        let script = script.as_mut().expect("it runs");
        writeln!(script.orders, "{order}").expect("the script reads");
        script.is_ready(&self.directory);
    }
}

impl Script {
    fn is_ready(&mut self, directory: &Path) {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("a line");
        let logs = ["initdb.log", "start.log", "stop.log", "server.log"];
        let said = logs.map(|log| fs::read_to_string(directory.join(log)).unwrap_or_default());
        assert_eq!(line.trim(), "ready", "{}", said.concat());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its end is the end of the script's standard input.
        if let Ok(mut script) = self.script.lock() {
            drop(script.take());
        }
        self.child.wait().ok();
    }
}
