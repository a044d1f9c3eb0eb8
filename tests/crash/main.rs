//! The real server, killed with SIGKILL in the middle of its work: no settled picture is lost, none is there twice.

#[path = "../support/program.rs"]
mod program;
#[path = "../support/tiny_models.rs"]
mod tiny_models;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::program::{Program, tintype};

/// Lives of the server. Each ends by SIGKILL while four clients are painting.
const LIVES: usize = 12;

/// The tiny model `base`, served from `data` on a free port.
fn serve(data: &Path) -> Program {
    let mut command = tintype();
    command.args(["serve", "--listen", "127.0.0.1:0", "--model"]).arg(tiny_models::directory("base"));
    command
        .arg("--data-dir")
        .arg(data)
        .env("TINTYPE_MODEL__DEFAULT_SIZE", "32x32")
        .env("TINTYPE_MODEL__STEPS", "2");
    Program::spawn(&mut command)
}

fn paint(url: &str, key: &str) -> Result<Value, ureq::Error> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(60))).build().into();
    let body = json!({ "prompt": "x", "n": 2 }).to_string();
    agent
        .post(format!("{url}/v1/images/generations"))
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .send(body)?
        .body_mut()
        .read_json()
}

/// Paints with four clients, kills the server once `answers` pictures have come, and returns the requests answered.
fn live_and_die(data: &Path, key: &mut Option<String>, answers: usize) -> BTreeSet<String> {
    let mut program = serve(data);
    *key = key.take().or(program.key.take());
    let (url, key) = (program.url.clone(), key.clone().expect("a key"));
    let answered = Mutex::new(BTreeSet::new());
    let count = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Ok(answer) = paint(&url, &key) {
                    let id =
                        answer["data"][0]["receipt"]["request_id"].as_str().expect("a request").to_owned();
                    answered.lock().expect("no panic").insert(id);
                    count.fetch_add(1, Ordering::Release);
                }
            });
        }
        let deadline = Instant::now() + Duration::from_secs(60);
        while count.load(Ordering::Acquire) < answers && Instant::now() < deadline {
            std::thread::yield_now();
        }
        // Four requests are in flight, in whatever state: reserved, running, being settled.
        program.kill();
    });
    answered.into_inner().expect("no panic")
}

#[test]
fn a_killed_server_never_loses_a_settled_picture() {
    let data = tempfile::TempDir::new().expect("a data directory");
    let mut key = None;
    let mut answered = BTreeSet::new();
    for life in 0..LIVES {
        answered.append(&mut live_and_die(data.path(), &mut key, 1 + life % 5));
    }
    // A last start, which abandons what the last death left open.
    let last = serve(data.path());
    drop(last);

    let ledger = Connection::open(data.path().join("ledger.sqlite3")).expect("the ledger");
    let integrity: String =
        ledger.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked");
    assert_eq!(integrity, "ok");
    let one = |sql: &str| ledger.query_row(sql, [], |row| row.get::<_, i64>(0)).expect(sql);
    for id in &answered {
        let images: i64 = ledger
            .query_row(
                "SELECT count(*) FROM entries JOIN requests ON requests.id = request_id
                 WHERE request_id = ?1 AND kind = 'image' AND state = 'settled'",
                [id],
                |row| row.get(0),
            )
            .expect("a count");
        assert_eq!(images, 2, "request {id} was answered");
    }
    assert_eq!(one("SELECT count(*) FROM requests WHERE state IN ('reserved', 'running')"), 0);
    assert!(one("SELECT count(*) FROM requests WHERE state = 'abandoned'") > 0, "some died in the middle");
    let settled = one("SELECT count(*) FROM requests WHERE state = 'settled'");
    assert!(settled >= i64::try_from(answered.len()).expect("a count"));
    assert_eq!(
        one("SELECT count(*) FROM entries WHERE kind = 'image'"),
        2 * settled,
        "all of a request or none"
    );
    let orphans =
        "SELECT count(*) FROM entries JOIN requests ON requests.id = request_id WHERE state <> 'settled'";
    assert_eq!(one(orphans), 0);
    println!("{LIVES} lives, {} answered requests, {settled} settled", answered.len());
}
