//! Backups of a ledger that is in use, and what is done with them.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tempfile::TempDir;

use crate::{
    audit::audit,
    books::Books,
    complaint,
    image_client::{Answered, ImageClient},
    out,
    program::{Program, tintype},
    run,
    tiny_models::directory,
};

const LEDGER: &str = "data/ledger.sqlite3";

fn serve(place: &Path) -> Program {
    let mut command = tintype();
    command.current_dir(place).args(["serve", "--listen", "127.0.0.1:0", "--model"]).arg(directory("base"));
    Program::spawn(
        command.env("TINTYPE_MODEL__DEFAULT_SIZE", "32x32").env("TINTYPE_MODEL__STEPS__MEDIUM", "2"),
    )
}

/// The month as `tintype costs` prints it.
fn month(place: &Path) -> serde_json::Value {
    serde_json::from_str(&out(&run(place, &["costs", "--json"]))).expect("JSON")
}

/// The answers of a ledger in use, while clients go on asking for images.
struct Clients {
    client: ImageClient,
    answered: Mutex<Answered>,
    is_over: AtomicBool,
}

impl Clients {
    fn generate_on(&self) {
        while !self.is_over.load(Ordering::Relaxed) {
            let (id, totals) = self.client.generate(None, 2).expect("an answer");
            self.answered.lock().expect("no panic").insert(id, totals);
        }
    }

    /// What was answered, once that is `count` requests.
    fn after(&self, count: usize) -> Answered {
        let deadline = Instant::now() + Duration::from_secs(600);
        loop {
            let answered = self.answered.lock().expect("no panic").clone();
            if answered.len() >= count {
                return answered;
            }
            assert!(Instant::now() < deadline, "clients are answered");
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_backup_beside_generating_clients_holds_every_image_answered_before_it_and_is_restored() {
    let place = TempDir::new().expect("a directory");
    let path = place.path();
    let mut program = serve(path);
    let key = program.key.take().expect("a first key");
    let clients = Clients {
        client: ImageClient::new(&program, &key),
        answered: Mutex::default(),
        is_over: AtomicBool::new(false),
    };
    let snapshots: Vec<_> = std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| clients.generate_on());
        }
        let back_up = |round: usize| {
            let answered = clients.after(4 * (round + 1));
            let said = out(&run(path, &["backup", &format!("{round}.sqlite3")]));
            (answered, said)
        };
        let snapshots = (0..4).map(back_up).collect();
        clients.is_over.store(true, Ordering::Relaxed);
        snapshots
    });
    let refused = run(path, &["restore", "0.sqlite3"]);
    assert!(complaint(&refused, 2).contains("another Tintype server is using it"));
    program.kill();

    let audits: Vec<_> = (0..)
        .zip(&snapshots)
        .map(|(round, (answered, said))| {
            let audited = audit(&path.join(format!("{round}.sqlite3")), answered);
            let requests = audited.settled + audited.failed + audited.abandoned + audited.open;
            let start = format!(
                "{round}.sqlite3: {requests} requests, {} entries, 1 key, 0 closed months, schema ",
                audited.images
            );
            assert!(said.starts_with(&start), "{said}");
            audited
        })
        .collect();
    assert!(audits.is_sorted_by(|one, next| one.settled <= next.settled), "{audits:?}");
    let mode = fs::metadata(path.join("0.sqlite3")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds the hashes of keys");

    // Beside, as a ledger of its own: what it says is what the restored one must say.
    let other = TempDir::new().expect("a directory");
    fs::create_dir(other.path().join("data")).expect("made");
    fs::copy(path.join("1.sqlite3"), other.path().join(LEDGER)).expect("copied");
    let said = out(&run(path, &["restore", "1.sqlite3"]));
    let replaced =
        said.lines().find_map(|line| line.strip_prefix("the ledger before is kept as ")).expect("a name");
    audit(&path.join(replaced), &clients.answered.lock().expect("no panic"));

    let again = serve(path);
    let audited = audit(&path.join(LEDGER), &snapshots[1].0);
    assert_eq!((audited.settled, audited.images, audited.open), (audits[1].settled, audits[1].images, 0));
    assert_eq!(audited.abandoned, audits[1].open, "what was in work then is no more");
    assert_eq!(month(path)["total"], month(other.path())["total"]);
    assert_eq!(month(path)["images"], audits[1].images);
    let client = ImageClient::new(&again, &key);
    let first = snapshots[1].0.keys().next().expect("an answer");
    assert_eq!(client.get(&format!("/v1/receipts/{first}")), 200);
    client.generate(None, 1).expect("an answer");
}

/// Three images, one of them in a closed month, and their backup.
fn backed_up(place: &TempDir) -> PathBuf {
    let books = Books::open(place.path());
    books.generate("2020-01-10T09:00:00Z", None);
    books.generate("2020-02-10T09:00:00Z", None);
    books.fail("2020-02-11T09:00:00Z");
    drop(books);
    out(&run(place.path(), &["month", "close", "2020-01"]));
    let said = out(&run(place.path(), &["backup", "b.sqlite3"]));
    let schema =
        fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite")).expect("migrations").count();
    assert_eq!(said, format!("b.sqlite3: 3 requests, 3 entries, 1 key, 1 closed month, schema {schema}\n"));
    place.path().join("b.sqlite3")
}

#[test]
fn a_backup_takes_the_place_of_another_file_only_when_told_to() {
    let place = TempDir::new().expect("a directory");
    let backup = backed_up(&place);
    let before = fs::read(&backup).expect("a backup");
    let back_up = |more: &[&str]| run(place.path(), &[&["backup"], more].concat());
    assert!(complaint(&back_up(&["b.sqlite3"]), 2).contains("b.sqlite3 is there already; "));
    assert_eq!(fs::read(&backup).expect("a backup"), before);
    for own in [LEDGER, "data/../data/ledger.sqlite3"] {
        assert!(complaint(&back_up(&[own, "--force"]), 2).contains("belongs to the ledger itself"));
    }
    assert!(
        complaint(&back_up(&["nowhere/b.sqlite3"]), 1).contains("nowhere/b.sqlite3.partial: No such file")
    );
    let nothing = back_up(&["c.sqlite3", "--data-dir", "other"]);
    assert!(complaint(&nothing, 2).contains("other/ledger.sqlite3: no such ledger"));

    // What a backup that was killed leaves behind is in nobody's way; what one that runs holds is.
    let partial = place.path().join("b.sqlite3.partial");
    fs::write(&partial, "half a page").expect("written");
    let held = File::options().write(true).open(&partial).expect("a file");
    held.lock().expect("held");
    assert!(complaint(&back_up(&["b.sqlite3", "--force"]), 2).contains("is being written by another backup"));
    drop(held);
    out(&back_up(&["b.sqlite3", "--force"]));
    let names =
        fs::read_dir(place.path()).expect("a directory").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["b.sqlite3", "data"], "and it leaves nothing else");
}

#[test]
fn what_is_no_sound_backup_of_ours_is_refused_in_a_line_and_changes_nothing() {
    let place = TempDir::new().expect("a directory");
    let path = place.path();
    let backup = backed_up(&place);
    let bytes = fs::read(&backup).expect("a backup");
    let altered = |name: &str, sql: &str| {
        fs::write(path.join(name), &bytes).expect("written");
        Connection::open(path.join(name)).expect("a database").execute_batch(sql).expect(sql);
    };
    altered("newer", "PRAGMA user_version = 4711");
    altered("other", "PRAGMA application_id = 4711");
    altered("stranger", "PRAGMA application_id = 0; DROP TABLE key_events; ALTER TABLE keys RENAME TO locks");
    fs::write(path.join("text"), "a letter, and no ledger".repeat(100)).expect("written");
    fs::write(path.join("empty"), "").expect("written");
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 4096 / 2 * 4096..][..4096].fill(0xa5);
    fs::write(path.join("flipped"), flipped).expect("written");

    let ledger = fs::read(path.join(LEDGER)).expect("the ledger");
    let refused = |name: &str, code: i32, said: &str| {
        let complaint = complaint(&run(path, &["restore", name]), code);
        assert!(
            complaint.starts_with(&format!("tintype: {name}")) && complaint.contains(said),
            "{complaint}"
        );
        assert!(fs::read(path.join(LEDGER)).expect("the ledger") == ledger, "{name}");
    };
    refused("newer", 2, "has schema 4711, and this program knows ");
    for name in ["other", "stranger", "text", "empty", "data"] {
        refused(name, 2, "is not a ledger of Tintype; name a file that tintype backup wrote");
    }
    for part in [bytes.len() / 2, bytes.len() / 4096 / 2 * 4096, 4096, bytes.len() - 1] {
        fs::write(path.join("truncated"), &bytes[..part]).expect("written");
        refused("truncated", 2, "is damaged (");
    }
    refused("flipped", 2, "is damaged (");
    refused("missing", 1, "No such file");
    refused(LEDGER, 2, "belongs to the ledger itself");
    // Nor is a directory made for what is refused.
    run(path, &["restore", "text", "--data-dir", "fresh"]);
    assert!(!path.join("fresh").exists());
}

#[test]
fn a_ledger_that_somebody_reads_is_not_replaced() {
    let place = TempDir::new().expect("a directory");
    backed_up(&place);
    let reader = Connection::open(place.path().join(LEDGER)).expect("the ledger");
    reader.query_row("SELECT count(*) FROM keys", [], |_| Ok(())).expect("read");
    let refused = run(place.path(), &["restore", "b.sqlite3"]);
    assert!(complaint(&refused, 2).contains("data/ledger.sqlite3 is in use; "));
    drop(reader);
    out(&run(place.path(), &["restore", "b.sqlite3"]));
}

#[test]
fn a_restore_that_was_cut_short_is_told_and_done_again() {
    let place = TempDir::new().expect("a directory");
    backed_up(&place);
    fs::write(place.path().join("data/ledger.sqlite3.restoring"), "half a page").expect("written");
    let refused = run(place.path(), &["costs"]);
    assert!(
        complaint(&refused, 2).contains("ledger.sqlite3.restoring is left of a restore that was cut short; ")
    );
    out(&run(place.path(), &["restore", "b.sqlite3"]));
    out(&run(place.path(), &["month", "verify"]));
}

#[test]
fn a_ledger_that_is_gone_is_restored_with_its_closed_months() {
    let place = TempDir::new().expect("a directory");
    backed_up(&place);
    let verified = out(&run(place.path(), &["month", "verify"]));
    fs::remove_dir_all(place.path().join("data")).expect("gone");
    let said = out(&run(place.path(), &["restore", "b.sqlite3"]));
    assert!(said.starts_with("data/ledger.sqlite3: 3 requests, ") && !said.contains("kept"), "{said}");
    assert_eq!(out(&run(place.path(), &["month", "verify"])), verified);
    assert!(verified.contains("unchanged"));
}

#[test]
fn a_backup_of_an_earlier_version_is_restored_and_brought_up_to_date() {
    let place = TempDir::new().expect("a directory");
    let old = Connection::open(place.path().join("old.sqlite3")).expect("a database");
    for sql in [
        include_str!("../../migrations/sqlite/0001_keys.sql"),
        include_str!("../../migrations/sqlite/0002_ledger.sql"),
    ] {
        old.execute_batch(sql).expect(sql);
    }
    old.execute_batch("PRAGMA user_version = 2; PRAGMA journal_mode = WAL").expect("signed");
    drop(old);
    let said = out(&run(place.path(), &["restore", "old.sqlite3"]));
    assert_eq!(said, "data/ledger.sqlite3: 0 requests, 0 entries, 0 keys, 0 closed months, schema 2\n");
    out(&run(place.path(), &["key", "create", "studio"]));
    let said = out(&run(place.path(), &["backup", "new.sqlite3"]));
    assert!(said.contains("1 key, ") && !said.ends_with("schema 2\n"), "{said}");
}
