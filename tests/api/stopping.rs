//! A client that hangs up, and a server that is asked to stop.

use std::{io::Write, net::TcpStream, sync::mpsc, time::Duration};

use rusqlite::Connection;
use serde_json::json;

use crate::server::TestServer;

/// Waits until `done` says so: the server works at its own pace.
fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

fn count(server: &TestServer, state: &str) -> i64 {
    let connection = Connection::open(server.ledger_file()).expect("the ledger");
    connection.busy_timeout(Duration::from_secs(10)).expect("a timeout");
    let query = "SELECT count(*) FROM requests WHERE state = ?1";
    connection.query_row(query, [state], |row| row.get(0)).expect("a count")
}

#[test]
fn a_client_that_hangs_up_changes_nothing_but_the_delivery() {
    let server = TestServer::start();
    let body = json!({ "prompt": "x", "size": "128x128", "steps": 60 }).to_string();
    let mut socket = TcpStream::connect(server.url.trim_start_matches("http://")).expect("connected");
    write!(
        socket,
        "POST /v1/images/generations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        server.key,
        body.len()
    )
    .expect("sent");
    eventually("the request is taken on", || count(&server, "reserved") + count(&server, "running") == 1);
    drop(socket);
    eventually("the picture is noted as undelivered", || server.totals().undelivered == 1);
    let totals = server.totals();
    assert_eq!(totals.images, 1);
    assert!(totals.standard > tintype::units::Money::ZERO);
}

#[test]
fn a_stop_finishes_the_picture_in_hand_and_refuses_the_ones_that_wait() {
    let mut server = TestServer::start();
    let (url, key) = (server.url.clone(), server.key.clone());
    let (answered, answers) = mpsc::channel();
    for _ in 0..3 {
        let (url, key, answered) = (url.clone(), key.clone(), answered.clone());
        std::thread::spawn(move || {
            let body = json!({ "prompt": "x", "size": "128x128", "steps": 100 }).to_string();
            let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
            let answer = agent
                .post(format!("{url}/v1/images/generations"))
                .header("authorization", format!("Bearer {key}"))
                .header("content-type", "application/json")
                .send(body);
            answered.send(answer.expect("an answer").status().as_u16()).expect("the test waits");
        });
    }
    eventually("one is painted, two wait", || {
        count(&server, "running") == 1 && count(&server, "reserved") == 2
    });
    server.stop();
    let mut statuses: Vec<u16> = answers.iter().take(3).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 503, 503]);
    assert_eq!(server.totals().images, 1);
    assert_eq!((count(&server, "settled"), count(&server, "failed")), (1, 2));
}
