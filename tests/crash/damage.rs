//! Damage: bytes of the ledger or of its log that are not what SQLite wrote.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
};

use rusqlite::Connection;
use tempfile::TempDir;
use tintype::ledger::{Ledger, LedgerError};

use crate::{
    audit::{audit, booked},
    image_client::Answered,
    served::{Place, complaint},
};

const PAGE: [u8; 4096] = [0xa5; 4096];
const PAGE_BYTES: u64 = PAGE.len() as u64;
const LOG_HEADER_BYTES: u64 = 32;
const FRAME_BYTES: u64 = 24 + PAGE_BYTES;

/// Turns the bits of one byte.
fn flip(file: &Path, at: u64) {
    let opened = File::options().read(true).write(true).open(file).expect("a file");
    let mut byte = [0];
    opened.read_exact_at(&mut byte, at).expect("a byte");
    opened.write_all_at(&[!byte[0]], at).expect("written");
}

fn cut(file: &Path, bytes: u64) {
    File::options().write(true).open(file).expect("a file").set_len(bytes).expect("cut");
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).expect("a file").len()
}

/// Three requests that are in the database, since a start brings the log into it, and five that are in the log of a
/// killed server. Returns the first three.
fn killed(place: &mut Place) -> Answered {
    let served = place.serve();
    place.generate(&served, 3);
    served.kill();
    let settled = place.answered.clone();
    let served = place.serve();
    place.generate(&served, 5);
    served.kill();
    settled
}

/// What is left is what was settled until some moment: at least `settled`, and of the rest the first.
fn assert_begins_as(left: &Answered, place: &Place, settled: &Answered) {
    let first: Answered = place.answered.clone().into_iter().take(left.len()).collect();
    assert_eq!(*left, first, "what is left is what was settled first");
    assert!(left.len() >= settled.len(), "what was in the database is there");
}

/// What is booked in a copy of `file`.
fn left_in(file: &Path) -> Answered {
    booked(&Connection::open(file).expect("the ledger"))
}

#[test]
fn a_damaged_log_stops_the_start_and_what_can_be_read_is_kept_by_a_backup() {
    let mut place = Place::new();
    let settled = killed(&mut place);
    let middle = LOG_HEADER_BYTES + length(&place.log()) / FRAME_BYTES / 2 * FRAME_BYTES + 1000;
    flip(&place.log(), middle);
    let said = place.refused_start(&[], 2);
    assert!(
        said.contains("ledger.sqlite3-wal is damaged, and ") && said.contains("tintype restore FILE"),
        "{said}"
    );
    assert_eq!(complaint(&place.run(&["costs"]), 2), said, "whatever opens it says so");
    let bytes = fs::read(place.log()).expect("the log");

    let backup = place.aside("backup.sqlite3");
    let path = backup.to_str().expect("UTF-8");
    let made = place.run(&["backup", path]);
    let warned = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success() && warned.contains("the backup holds what can be read"), "{warned}");
    let left = left_in(&backup);
    assert_begins_as(&left, &place, &settled);
    assert!(left.len() < place.answered.len(), "something was damaged");
    audit(&backup, &left);
    let first_left = left.clone();

    let restored = place.run(&["restore", path]);
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let said = String::from_utf8_lossy(&restored.stdout).into_owned();
    let kept = said.trim().rsplit(' ').next().expect("a path");
    assert_eq!(fs::read(format!("{kept}-wal")).expect("kept"), bytes, "for whoever wants to look");
    place.answered = left;
    let (served, _) = place.starts_well();
    place.generate(&served, 1);
    served.kill();

    // And what was kept can be put back, as far as it can be read.
    let restored = place.run(&["restore", kept]);
    let warned = String::from_utf8_lossy(&restored.stderr);
    assert!(restored.status.success() && warned.contains("what could be read is restored: "), "{warned}");
    assert_eq!(
        audit(&place.ledger(), &first_left).settled,
        i64::try_from(first_left.len()).expect("a count")
    );
}

#[test]
fn a_log_whose_head_is_damaged_stops_the_start() {
    let mut place = Place::new();
    killed(&mut place);
    flip(&place.log(), 17);
    assert!(place.refused_start(&[], 2).contains("ledger.sqlite3-wal is damaged, and "));
}

#[test]
fn a_log_that_was_cut_short_gives_what_was_settled_before_the_cut() {
    let mut place = Place::new();
    let settled = killed(&mut place);
    // In the middle of a frame: what a power cut leaves. Nothing shows that there was more.
    cut(&place.log(), LOG_HEADER_BYTES + length(&place.log()) / FRAME_BYTES / 2 * FRAME_BYTES + 1000);
    let left = {
        let _served = place.serve();
        left_in(&place.ledger())
    };
    assert_begins_as(&left, &place, &settled);
    place.answered = left;
    let (served, _) = place.starts_well();
    place.generate(&served, 1);
}

#[test]
fn a_log_that_is_gone_leaves_what_was_in_the_database() {
    let mut place = Place::new();
    let settled = killed(&mut place);
    fs::remove_file(place.log()).expect("removed");
    place.answered = settled;
    let (served, audited) = place.starts_well();
    assert_eq!(audited.settled, 3);
    place.generate(&served, 1);
}

/// The ledger of `place` with its log, copied, so that each damage is done to a fresh one.
struct Specimen(TempDir);

impl Specimen {
    fn of(place: &Place) -> Self {
        let directory = TempDir::new().expect("a directory");
        for file in [place.ledger(), place.log()] {
            if file.exists() {
                fs::copy(&file, directory.path().join(file.file_name().expect("a name"))).expect("copied");
            }
        }
        Self(directory)
    }

    fn ledger(&self) -> std::path::PathBuf {
        self.0.path().join("ledger.sqlite3")
    }

    fn log(&self) -> std::path::PathBuf {
        self.0.path().join("ledger.sqlite3-wal")
    }

    /// As a server's start does.
    fn open(&self) -> Result<(), LedgerError> {
        Ledger::open(&self.ledger())?.inspect()
    }
}

#[test]
fn wherever_a_log_is_damaged_at_most_the_last_write_is_dropped_in_silence() {
    let mut place = Place::new();
    let settled = killed(&mut place);
    let frames = (length(&place.log()) - LOG_HEADER_BYTES) / FRAME_BYTES;
    let mut refused = 0;
    for frame in 0..frames {
        for byte in [0, 5, 9, 17, 24, 24 + 700, FRAME_BYTES - 1] {
            let specimen = Specimen::of(&place);
            flip(&specimen.log(), LOG_HEADER_BYTES + frame * FRAME_BYTES + byte);
            match specimen.open() {
                Ok(()) => {
                    let left = left_in(&specimen.ledger());
                    assert_begins_as(&left, &place, &settled);
                    assert!(
                        left.len() + 1 >= place.answered.len(),
                        "frame {frame}, byte {byte}: {}",
                        left.len()
                    );
                }
                Err(LedgerError::DamagedLog { .. }) => refused += 1,
                Err(other) => panic!("frame {frame}, byte {byte}: {other}"),
            }
        }
    }
    assert!(refused > 6 * (frames - 8), "{refused} of {frames} frames, seven bytes each");
}

#[test]
fn a_damaged_page_stops_the_start_and_a_backup_brings_a_server_up_again() {
    let mut place = Place::new();
    let served = place.serve();
    place.generate(&served, 5);
    let backup = place.aside("backup.sqlite3");
    let path = backup.to_str().expect("UTF-8").to_owned();
    assert!(place.run(&["backup", &path]).status.success());
    served.stop();
    place.take_log_in();

    let pages = length(&place.ledger()) / PAGE_BYTES;
    let mut refused = 0;
    for page in 0..pages {
        let specimen = Specimen::of(&place);
        let file = File::options().write(true).open(specimen.ledger()).expect("a file");
        file.write_all_at(&PAGE, page * PAGE_BYTES).expect("written");
        match specimen.open() {
            // No page of the ledger's own: what was settled can be read.
            Ok(()) => assert_eq!(left_in(&specimen.ledger()), place.answered, "page {page}"),
            Err(LedgerError::Damaged { .. }) => refused += 1,
            Err(other) => panic!("page {page}: {other}"),
        }
    }
    assert_eq!(refused, pages, "every page is in use");

    for damage in [0, pages / 2 * PAGE_BYTES] {
        let file = File::options().write(true).open(place.ledger()).expect("a file");
        file.write_all_at(&PAGE, damage).expect("written");
        let said = place.refused_start(&[], 2);
        assert!(
            said.contains("ledger.sqlite3 is damaged (") && said.contains("tintype restore FILE"),
            "{said}"
        );
        let refused = place.run(&["backup", "--force", &path]);
        assert!(
            complaint(&refused, 2).contains("ledger.sqlite3 is damaged ("),
            "and the backup is as it was"
        );
        let restored = place.run(&["restore", &path]);
        assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
        let (served, audited) = place.starts_well();
        assert_eq!(audited.settled, 5);
        served.stop();
        place.take_log_in();
    }
}
