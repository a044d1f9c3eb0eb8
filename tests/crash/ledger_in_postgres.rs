//! A server whose ledger is in PostgreSQL: itself killed with SIGKILL, and its database stopped under it, in the middle of
//! work. What clients were answered is booked, once; what was generated meanwhile is not thrown away.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::json;

use crate::{
    audit::audit,
    eventually::eventually,
    image_client::{Answered, ImageClient},
    postgres::Postgres,
    program::tintype,
    served::Place,
};

/// Lives of the server, and requests that are answered in each before it is killed.
const LIVES: usize = 8;
const ANSWERS: usize = 3;

/// The books of `database` in a file, with which the audit of every other test is made.
pub fn audit_of(database: &Postgres, place: &Place, answered: &Answered) {
    let copy = place.aside("copy");
    let run = |arguments: &[&str], directory: &Path| {
        let output = tintype().args(arguments).arg(directory).output().expect("tintype");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run(&["ledger", "move", "--from", &database.url(), "--to"], &copy);
    audit(&copy.join("ledger.sqlite3"), answered);
    run(&["ledger", "check", "--ledger", &database.url(), "--data-dir"], &place.data);
}

#[test]
fn a_server_that_is_killed_has_lost_nothing_and_booked_nothing_twice() {
    let Some(database) = Postgres::start() else { return };
    let mut place = Place::with_ledger(database.url());
    let orders = AtomicUsize::new(0);
    for _ in 0..LIVES {
        let mut served = place.serve();
        let client = place.client(&served);
        let mut answers = Vec::new();
        thread::scope(|scope| {
            let generate = || {
                let mut answered = Vec::new();
                // Until the server dies, or this is far more than it lives for.
                for _ in 0..1000 {
                    let order = format!("order-{}", orders.fetch_add(1, Ordering::Relaxed));
                    match client.generate(Some(&order), 2) {
                        Ok(answer) => answered.push(answer),
                        Err(_) => break,
                    }
                }
                answered
            };
            let clients = [scope.spawn(generate), scope.spawn(generate)];
            let settled = "SELECT count(*) FROM requests WHERE state = 'settled'";
            let before: usize = database.query(settled).parse().expect("a count");
            eventually("requests are answered", || {
                database.query(settled).parse::<usize>().expect("a count") >= before + ANSWERS
            });
            served.program.kill();
            answers.extend(clients.map(|client| client.join().expect("no panic")).into_iter().flatten());
        });
        for (id, totals) in answers {
            assert!(place.answered.insert(id, totals).is_none(), "a request is answered once");
        }
    }
    // The last start abandons what the last kill left open.
    drop(place.serve());
    let open = database.query("SELECT count(*) FROM requests WHERE state IN ('reserved', 'running')");
    assert_eq!(open, "0");
    audit_of(&database, &place, &place.answered);
}

#[test]
fn what_is_generated_while_the_database_is_away_is_booked_once_it_is_back() {
    let Some(database) = Postgres::start() else { return };
    let mut place = Place::with_ledger(database.url());
    let served = place.serve();
    let (id, totals) = place.client(&served).generate(None, 1).expect("an answer");
    place.answered.insert(id, totals);
    // Long enough that the database is gone before it ends.
    let long = json!({ "prompt": "x", "size": "64x64", "steps": 100, "n": 2 });
    let client: ImageClient = place.client(&served);
    let answer = thread::scope(|scope| {
        let answer = scope.spawn(|| client.ask(Some("long"), &long));
        eventually("it is in work, or was refused", || {
            let running = database.query("SELECT count(*) FROM requests WHERE state = 'running'");
            running == "1" || answer.is_finished()
        });
        database.stop();
        let refused = client.generate(None, 1).expect_err("nothing can be reserved");
        assert_eq!((refused.status, refused.code.as_str()), (503, "not_ready"));
        eventually("it waits for its ledger", || served.said().contains("booked once the ledger is reached"));
        database.start_again();
        answer.join().expect("no panic")
    });
    let (id, totals) = answer.expect("it is answered");
    assert_eq!(totals.len(), 2);
    assert!(place.answered.insert(id.clone(), totals).is_none());
    let (again, _) = client.ask(Some("long"), &long).expect("the same answer");
    assert_eq!(again, id, "a repeat is not generated again");
    client.generate(None, 1).map(|(id, totals)| place.answered.insert(id, totals)).expect("it goes on");
    drop(served);
    audit_of(&database, &place, &place.answered);
}

#[test]
fn a_second_server_is_refused_in_one_line() {
    let Some(database) = Postgres::start() else { return };
    let mut first = Place::with_ledger(database.url());
    let _served = first.serve();
    let second = Place::with_ledger(database.url());
    let output = second.command(&[]).output().expect("tintype");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("another server uses this ledger"), "{said}");
}
