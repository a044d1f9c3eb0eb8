//! A server of PostgreSQL for tests: one a process, with a database for each test.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use super::{PostgresUrl, pool, wait};
use crate::ledger::{Ledger, LedgerPlace};

/// Says that a machine without PostgreSQL is a failure.
const REQUIRED: &str = "TINTYPE_REQUIRE_POSTGRES";
/// The database that others are copied from, since a copy takes less than the migrations.
const TEMPLATE: &str = "template_ledger";

struct Server {
    directory: PathBuf,
    /// Its standard input ends with this process, and the server with that.
    _script: Child,
    /// Read no more; a script whose reader has gone would end at its next line.
    _answers: ChildStdout,
}

/// None if PostgreSQL is not installed.
static SERVER: LazyLock<Option<Server>> = LazyLock::new(start);
static DATABASES: AtomicU64 = AtomicU64::new(0);

fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").is_file()).max()
}

fn start() -> Option<Server> {
    let Some(programs) = programs() else {
        assert!(
            env::var_os(REQUIRED).is_none(),
            "{REQUIRED} is set, and no initdb is in /usr/lib/postgresql"
        );
        return None;
    };
    // Short: the path of a socket has 107 bytes at most.
    let directory = tempfile::Builder::new().prefix("tt-pg").tempdir_in("/tmp").expect("a directory").keep();
    let mut child = Command::new("sh")
        .args(["-c", include_str!("../../../../tests/support/postgres.sh"), "postgres.sh"])
        .args([&directory, &programs])
        .arg("off")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh");
    let mut answers = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    answers.read_line(&mut line).expect("a line");
    assert_eq!(line.trim(), "ready", "{}", logs(&directory));
    let server = Server { directory, _script: child, _answers: answers.into_inner() };
    let url = make(&server, TEMPLATE, "template1");
    drop(Ledger::open_at(&LedgerPlace::Postgres(url)).expect("the template"));
    // A connection to a template keeps others from copying it.
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{TEMPLATE}'");
    run(&server, &end);
    Some(server)
}

fn logs(directory: &Path) -> String {
    ["initdb.log", "start.log", "server.log"]
        .map(|log| fs::read_to_string(directory.join(log)).unwrap_or_default())
        .concat()
}

fn url(server: &Server, database: &str) -> PostgresUrl {
    let url = format!("postgres://postgres@/{database}?host={}&sslmode=disable", server.directory.display());
    url.parse().expect("a URL")
}

/// Runs `sql` beside all tests' databases.
fn run(server: &Server, sql: &str) {
    let client = pool::connect(&url(server, "postgres")).expect("the server");
    wait(client.batch_execute(sql)).expect("done");
}

fn make(server: &Server, name: &str, template: &str) -> PostgresUrl {
    run(server, &format!("CREATE DATABASE {name} TEMPLATE {template}"));
    url(server, name)
}

/// Whether there is a server. If not, that is said.
pub(in crate::ledger) fn is_there() -> bool {
    if SERVER.is_none() {
        writeln!(std::io::stderr(), "PostgreSQL is not installed: skipped").expect("standard error");
    }
    SERVER.is_some()
}

/// A database with an empty ledger.
pub(in crate::ledger) fn database() -> PostgresUrl {
    let server = SERVER.as_ref().expect("a server");
    let url = make(server, &format!("ledger_{}", DATABASES.fetch_add(1, Ordering::Relaxed)), TEMPLATE);
    // A copy would be the same installation as every other.
    run_in(
        &url,
        "ALTER TABLE settings DISABLE TRIGGER USER;
         UPDATE settings SET value = right(replace(gen_random_uuid()::text, '-', ''), 16) WHERE name = 'installation';
         ALTER TABLE settings ENABLE TRIGGER USER",
    );
    url
}

/// A database with nothing in it.
pub(in crate::ledger) fn empty_database() -> PostgresUrl {
    let server = SERVER.as_ref().expect("a server");
    make(server, &format!("empty_{}", DATABASES.fetch_add(1, Ordering::Relaxed)), "template1")
}

/// Runs `sql` in a database, beside the ledger's connections.
pub(in crate::ledger) fn run_in(url: &PostgresUrl, sql: &str) {
    let client = pool::connect(url).expect("the database");
    wait(client.batch_execute(sql)).expect("done");
}

/// Waits until `holds`, for as long as a machine may be busy.
pub(in crate::ledger) fn eventually(holds: impl Fn() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("it did not come true within 30 s");
}
