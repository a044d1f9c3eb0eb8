//! The real server, killed with SIGKILL in the middle of its work: no settled picture is lost, none is there twice, and a
//! client that sends its unanswered requests again, each under its Idempotency-Key, pays once for each.

#[path = "../support/program.rs"]
mod program;
#[path = "../support/tiny_models.rs"]
mod tiny_models;

use std::{
    collections::BTreeSet,
    path::Path,
    process::Stdio,
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
const LIVES: usize = 100;

/// The tiny model `base`, served from `data` on a free port.
fn serve(data: &Path) -> Program {
    let mut command = tintype();
    command.args(["serve", "--listen", "127.0.0.1:0", "--model"]).arg(tiny_models::directory("base"));
    command
        .arg("--data-dir")
        .arg(data)
        .env("TINTYPE_MODEL__DEFAULT_SIZE", "32x32")
        .env("TINTYPE_MODEL__STEPS__MEDIUM", "2");
    // A hundred lives would fill the screen.
    Program::spawn(command.stderr(Stdio::null()))
}

/// Names of requests, as a client would keep them: those that were sent and never answered are sent again.
#[derive(Default)]
struct Orders {
    made: AtomicUsize,
    unanswered: Mutex<Vec<String>>,
}

impl Orders {
    fn next(&self) -> String {
        let again = self.unanswered.lock().expect("no panic").pop();
        again.unwrap_or_else(|| format!("order-{}", self.made.fetch_add(1, Ordering::Relaxed)))
    }
}

fn paint(url: &str, key: &str, order: &str) -> Result<Value, ureq::Error> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(60))).build().into();
    let body = json!({ "prompt": "x", "n": 2 }).to_string();
    agent
        .post(format!("{url}/v1/images/generations"))
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .header("idempotency-key", order)
        .send(body)?
        .body_mut()
        .read_json()
}

/// Paints with four clients, kills the server once `answers` pictures have come, and returns the requests answered.
fn live_and_die(data: &Path, key: &mut Option<String>, orders: &Orders, answers: usize) -> BTreeSet<String> {
    let mut program = serve(data);
    *key = key.take().or(program.key.take());
    let (url, key) = (program.url.clone(), key.clone().expect("a key"));
    let answered = Mutex::new(BTreeSet::new());
    let count = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let order = orders.next();
                    let Ok(answer) = paint(&url, &key, &order) else {
                        orders.unanswered.lock().expect("no panic").push(order);
                        return;
                    };
                    let id = answer["data"][0]["receipt"]["request_id"].as_str().expect("a request");
                    let is_new = answered.lock().expect("no panic").insert(id.to_owned());
                    assert!(is_new, "an order is answered once");
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
    let orders = Orders::default();
    for life in 0..LIVES {
        let mut in_this_life = live_and_die(data.path(), &mut key, &orders, 1 + life % 5);
        assert!(answered.is_disjoint(&in_this_life), "an order is answered once");
        answered.append(&mut in_this_life);
    }
    // A last start, which abandons what the last death left open, and answers what was never answered.
    let last = serve(data.path());
    for order in orders.unanswered.into_inner().expect("no panic") {
        let answer = paint(&last.url, key.as_deref().expect("a key"), &order).expect("an answer");
        let id = answer["data"][0]["receipt"]["request_id"].as_str().expect("a request");
        assert!(answered.insert(id.to_owned()), "an order is answered once");
    }
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
    assert_eq!(
        settled,
        i64::try_from(answered.len()).expect("a count"),
        "nothing was painted twice for one order"
    );
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
