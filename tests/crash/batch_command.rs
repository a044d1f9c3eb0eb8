//! `tintype batch` without a server, killed with SIGKILL on the way: its images are all there, each generated and paid for once.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tintype::units::Money;

use crate::{audit::audit, eventually::eventually, program::tintype, served::Place, tiny_models};

/// How often the command is killed.
const KILLS: usize = 5;
/// Lines of the file on a machine that runs all tests. TINTYPE_REQUIRE_BATCH_LINES=300 takes the embedded model and so many.
const LINES: usize = 30;

/// Lines that are done, as the ledger has them; none before there is one.
fn done(place: &Place) -> usize {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let Ok(ledger) = rusqlite::Connection::open_with_flags(place.ledger(), flags) else { return 0 };
    ledger.busy_timeout(Duration::from_secs(60)).expect("a timeout");
    let count = ledger.query_row("SELECT count(*) FROM batch_lines", [], |row| row.get::<_, i64>(0));
    count.map_or(0, |count| usize::try_from(count).expect("a count"))
}

fn command(place: &Place, file: &Path, images: &Path, is_embedded: bool) -> Command {
    let mut command = tintype();
    command.arg("batch").arg(file).args(["--at", "now"]).arg("--data-dir").arg(&place.data);
    command.arg("--out").arg(images).env("TINTYPE_PICTURES__FREE_DISK_MIN_MIB", "0");
    // What is made first after a start is of this size.
    command.env("TINTYPE_MODEL__DEFAULT_SIZE", "32x32").env("TINTYPE_MODEL__STEPS__MEDIUM", "2");
    if !is_embedded {
        command.arg("--model").arg(tiny_models::directory("base"));
    }
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Kills `child` once `is_time`, unless it ends before.
fn kill_once(mut child: Child, is_time: impl Fn() -> bool) {
    eventually("it is time", || is_time() || child.try_wait().expect("a child").is_some());
    child.kill().ok();
    child.wait().expect("reaped");
}

#[test]
fn a_file_of_requests_survives_kills_without_an_image_lost_or_paid_for_twice() {
    let wanted = std::env::var("TINTYPE_REQUIRE_BATCH_LINES").ok();
    let lines = wanted.as_deref().map_or(LINES, |lines| lines.parse().expect("a number of lines"));
    let place = Place::new();
    let (file, images) = (place.aside("tiles.csv"), place.aside("tiles"));
    let rows: String = (1..=lines).map(|number| format!("tile {number},32x32,{number}\n")).collect();
    fs::write(&file, format!("prompt,size,seed\n{rows}")).expect("written");
    let spawn = || command(&place, &file, &images, wanted.is_some()).spawn().expect("the program starts");
    // Before its batch is known, in the midst of it, and over the files.
    kill_once(spawn(), || images.join(".tintype-batch.json").exists());
    for kill in 1..KILLS - 1 {
        kill_once(spawn(), || done(&place) >= kill * lines / KILLS);
    }
    kill_once(spawn(), || images.join("line-2.png").exists());
    let last = command(&place, &file, &images, wanted.is_some()).output().expect("the program runs");
    assert!(last.status.success());

    let manifest = fs::read_to_string(images.join("manifest.jsonl")).expect("a manifest");
    let mut answered = place.answered.clone();
    let mut files = BTreeSet::new();
    for (number, row) in (1..).zip(manifest.lines()) {
        let row: Value = serde_json::from_str(row).expect("JSON");
        assert_eq!((&row["seed"], &row["prompt"]), (&number.into(), &format!("tile {number}").into()));
        let file = row["file"].as_str().expect("a file").to_owned();
        assert_eq!(image::open(images.join(&file)).expect("an image").width(), 32);
        assert!(files.insert(file), "a file for each");
        let total: Money = row["receipt"]["total"].to_string().parse().expect("an amount");
        let request = row["request_id"].as_str().expect("an id").to_owned();
        assert!(answered.insert(request, vec![total]).is_none(), "a request for each");
    }
    assert_eq!(files.len(), lines);
    let left: Vec<_> =
        fs::read_dir(&images).expect("listed").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(left.len(), lines + 2, "the images, the manifest and the lock: {left:?}");
    let audited = audit(&place.ledger(), &answered);
    let settled = i64::try_from(lines).expect("a count");
    assert_eq!((audited.settled, audited.images, audited.open), (settled, settled, 0));
    println!("{KILLS} kills, {audited:?}");
}
