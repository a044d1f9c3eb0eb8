//! Long reports, read slowly or not at all, keep nobody waiting and do not keep the server from stopping.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
};

use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::{
    agent, eventually::eventually, order, out, program::Program, run, serve, signal,
    slow_client::slow_connection,
};

const COPIES: u32 = 30_000;
/// More than there are readers of the ledger.
const SLOW_CLIENTS: usize = 12;

/// Copies the only request and its entry: a long month. The ledger's triggers let nobody do so, which is why they are put aside.
fn copy_the_request(place: &Path) {
    let mut ledger = Connection::open(place.join("data/ledger.sqlite3")).expect("the ledger");
    let writing = ledger.transaction().expect("a transaction");
    let column_names = |table: &str, but: &[&str]| -> Vec<String> {
        let mut columns = writing.prepare("SELECT name FROM pragma_table_info(?1)").expect("SQL");
        let names = columns.query_map([table], |row| row.get::<_, String>(0)).expect("columns");
        names.map(|name| name.expect("a name")).filter(|name| !but.contains(&name.as_str())).collect()
    };
    let triggers: Vec<(String, String)> = {
        let mut triggers =
            writing.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").expect("SQL");
        let rows = triggers.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("triggers");
        rows.collect::<Result<_, _>>().expect("triggers")
    };
    for (name, _) in &triggers {
        writing.execute_batch(&format!("DROP TRIGGER {name}")).expect("dropped");
    }
    let requests = column_names("requests", &["id", "idempotency_key"]).join(", ");
    let entries = column_names("entries", &["id", "request_id"]).join(", ");
    // Ids are UUIDs of version 7, as text.
    let id = "'01900000-0000-7000-8000-' || printf('%012x', ?1)";
    let request =
        format!("INSERT INTO requests (id, {requests}) SELECT {id}, {requests} FROM requests WHERE id = ?2");
    let entry = format!(
        "INSERT INTO entries (request_id, {entries}) SELECT {id}, {entries} FROM entries WHERE request_id = ?2"
    );
    let first: String =
        writing.query_row("SELECT id FROM requests", [], |row| row.get(0)).expect("a request");
    for copy in 1..=COPIES {
        writing.execute(&request, params![copy, first]).expect("a request");
        writing.execute(&entry, params![copy, first]).expect("an entry");
    }
    for (_, sql) in &triggers {
        writing.execute_batch(sql).expect("a trigger");
    }
    writing.commit().expect("committed");
}

/// A client that asks for `path` and reads the first bytes of the answer, through a small buffer.
fn begin_to_read(address: SocketAddr, key: &str, path: &str) -> TcpStream {
    let mut stream = slow_connection(address, Ipv4Addr::LOCALHOST);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\r\n").expect("sent");
    let mut head = [0; 12];
    stream.read_exact(&mut head).expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 200");
    stream
}

#[test]
fn reports_that_nobody_reads_on_keep_no_other_waiting_and_end_with_the_server() {
    let place = TempDir::new().expect("a directory");
    let mut program = serve(place.path());
    let key = program.key.take().expect("a first key");
    let (status, first) =
        order(&program, &key, serde_json::json!({ "prompt": "x", "size": "32x32", "steps": 1, "n": 2 }));
    assert_eq!(status, 200, "{first}");
    stop(&mut program);
    copy_the_request(place.path());

    let mut program = serve(place.path());
    let address: SocketAddr = program.url.trim_start_matches("http://").parse().expect("an address");
    let exports: Vec<_> =
        (0..SLOW_CLIENTS).map(|_| begin_to_read(address, &key, "/admin/costs.csv?format=focus")).collect();
    let receipt = first["data"][0]["receipt"]["request_id"].as_str().expect("an id");
    let other = out(&run(place.path(), &["key", "create", "other", "--admin"]));
    let other = other.lines().next().expect("a key");
    let status = |key: &str, path: &str| {
        let request =
            agent().get(format!("{}{path}", program.url)).header("authorization", format!("Bearer {key}"));
        request.call().expect("an answer").status().as_u16()
    };
    for _ in 0..20 {
        assert_eq!(status(other, "/v1/models"), 200);
    }
    assert_eq!(status(&key, &format!("/v1/receipts/{receipt}")), 200);
    assert_eq!(status(other, "/admin/jobs.json"), 200);
    assert_eq!(status(other, "/admin/keys"), 200);
    stop(&mut program);
    drop(exports);
}

fn stop(program: &mut Program) {
    signal::send(&program.child, "-TERM");
    eventually("the server ends", || program.child.try_wait().expect("asked").is_some());
}
