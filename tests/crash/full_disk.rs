//! A disk that has no room for the ledger any more: nothing that was answered is lost, what cannot be booked is
//! refused, and once there is room the same server goes on.

use std::{fs, path::Path, process::Command};

use rusqlite::Connection;
use serde_json::json;

use crate::{
    audit::audit,
    eventually::eventually,
    image_client::Refusal,
    served::{Place, Served, complaint},
};

/// Starts a program that gets an error if a file may not grow, as for a full disk, instead of ending by SIGXFSZ.
const UNSIGNALLED: [&str; 4] = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"];

/// Runs `program` to its end; whether it did what it was asked.
fn does(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

/// How far the files of a running server may grow.
fn let_files_grow(served: &Served, to: &str) {
    let pid = served.pid();
    assert!(does("prlimit", &["--pid", &pid, &format!("--fsize={to}:")]), "util-linux has prlimit");
}

/// A file system of a few MiB in memory, for as long as this lives.
struct SmallDisk<'a>(&'a str);

impl<'a> SmallDisk<'a> {
    /// None if this user may not mount.
    fn mount(place: &'a Path) -> Option<Self> {
        fs::create_dir_all(place).expect("a directory");
        let place = place.to_str().expect("UTF-8");
        does("mount", &["-t", "tmpfs", "-o", "size=2m", "none", place]).then_some(Self(place))
    }

    fn resize(&self, size: &str) {
        assert!(does("mount", &["-o", &format!("remount,size={size}"), self.0]));
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        does("umount", &["-l", self.0]);
    }
}

/// Generates until a request is refused.
fn generate_until_refused(place: &mut Place, served: &Served) -> Refusal {
    let client = place.client(served);
    for _ in 0..2000 {
        match client.generate(None, 2) {
            Ok((id, totals)) => assert!(place.answered.insert(id, totals).is_none()),
            Err(refusal) => return refusal,
        }
    }
    panic!("the disk is never full");
}

/// What was answered can be asked for, and copied to another disk.
fn can_be_read(place: &Place, served: &Served) {
    let client = place.client(served);
    let last = place.answered.keys().last().expect("an answer");
    assert_eq!(client.get(&format!("/v1/receipts/{last}")), 200);
    assert_eq!(client.get("/v1/models"), 200);
    let backup = place.aside("backup.sqlite3");
    let made = place.run(&["backup", "--force", backup.to_str().expect("UTF-8")]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    audit(&backup, &place.answered);
}

#[test]
fn a_disk_that_fills_up_refuses_work_loses_nothing_and_goes_on_once_there_is_room() {
    let mut place = Place::new();
    let data = place.data.clone();
    let Some(disk) = SmallDisk::mount(&data) else {
        // Without leave to mount, the limit of the next test stands in for the disk.
        return files_that_may_not_grow();
    };
    let served = place.serve_by(&[]);
    let refusal = generate_until_refused(&mut place, &served);
    assert_eq!((refusal.status, refusal.code.as_str()), (507, "insufficient_storage"));
    served.says("database or disk is full; make room on the disk of ledger.sqlite3");
    can_be_read(&place, &served);
    assert_eq!(place.client(&served).generate(None, 2).expect_err("still full").status, 507);
    disk.resize("3m");
    place.generate(&served, 3);

    // Killed on a disk that is full again: a start there serves, or says in one line what is wrong.
    generate_until_refused(&mut place, &served);
    served.kill();
    let restarted = place.command(&["timeout", "10"]).output().expect("the program runs");
    let said = String::from_utf8_lossy(&restarted.stdout);
    if !said.contains(" at http://") {
        let said = complaint(&restarted, 1);
        assert!(said.contains("database or disk is full; make room on the disk of ledger.sqlite3"), "{said}");
    }
    disk.resize("8m");
    let (served, audited) = place.starts_well();
    assert_eq!(audited.settled, i64::try_from(place.answered.len()).expect("a count"));
    place.generate(&served, 1);
}

#[test]
fn a_ledger_that_may_not_grow_refuses_work_loses_nothing_and_goes_on_once_it_may() {
    files_that_may_not_grow();
}

fn files_that_may_not_grow() {
    let mut place = Place::new();
    let served = place.serve_by(&UNSIGNALLED);
    place.generate(&served, 3);
    let_files_grow(&served, "300000");
    let refusal = generate_until_refused(&mut place, &served);
    assert_eq!((refusal.status, refusal.code.as_str()), (500, "internal_error"));
    served.says("disk I/O error; look at the disk of ledger.sqlite3 in the data directory, and for a quota");
    can_be_read(&place, &served);
    let_files_grow(&served, "unlimited");
    place.generate(&served, 3);
    served.kill();
    let (served, audited) = place.starts_well();
    assert_eq!(audited.settled, i64::try_from(place.answered.len()).expect("a count"));
    served.stop();
}

#[test]
fn an_image_that_was_generated_and_cannot_be_booked_is_not_answered() {
    let mut place = Place::new();
    let served = place.serve_by(&UNSIGNALLED);
    place.generate(&served, 2);
    let client = place.client(&served);
    let slow = json!({ "prompt": "x", "size": "128x128", "steps": 60 });
    let refusal = std::thread::scope(|scope| {
        let answer = scope.spawn(|| client.ask(None, &slow));
        let ledger = Connection::open(place.ledger()).expect("the ledger");
        let running = "SELECT count(*) FROM requests WHERE state = 'running'";
        eventually("it is generated", || ledger.query_row(running, [], |row| row.get(0)) == Ok(1));
        let_files_grow(&served, "0");
        answer.join().expect("no panic").expect_err("it cannot be booked")
    });
    assert_eq!((refusal.status, refusal.code.as_str()), (500, "internal_error"));
    served.says("a failed request stays open until the next start");
    let_files_grow(&served, "unlimited");
    place.generate(&served, 1);
    served.kill();
    let (_served, audited) = place.starts_well();
    assert_eq!((audited.settled, audited.abandoned), (3, 1), "its money is free again");
}
