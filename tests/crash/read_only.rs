//! A ledger that may be read and not written, from the start or from some moment on.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use crate::{audit::audit, program::tintype_by, served::Place};

/// Whoever runs these tests, the server is bound by the modes of its files: root is not, with its capabilities.
fn bound_by_modes() -> &'static [&'static str] {
    let is_root = fs::metadata("/proc/self").expect("Linux").uid() == 0;
    if is_root { &["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"] } else { &[] }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("set");
}

/// Takes leave to write from the files of `directory`, or gives it back.
fn set_writable(directory: &Path, is_writable: bool) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            set_mode(&path, if is_writable { 0o600 } else { 0o400 });
        }
    }
}

/// A backup made by somebody who may write nothing in the data directory holds all that was answered.
fn can_be_backed_up(place: &Place) {
    let backup = place.aside("backup.sqlite3");
    let mut command = tintype_by(bound_by_modes());
    let made = command.arg("backup").arg(&backup).arg("--data-dir").arg(&place.data).output();
    let made = made.expect("the program runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    audit(&backup, &place.answered);
}

#[test]
fn a_ledger_that_cannot_be_written_is_named_at_the_start_and_can_be_backed_up() {
    let mut place = Place::new();
    let served = place.serve();
    place.generate(&served, 3);
    served.kill();
    set_writable(&place.data, false);
    let said = place.refused_start(bound_by_modes(), 2);
    assert!(said.contains("let the server's user write to its files"), "{said}");
    // The locks first, and then the ledger, as somebody might mend it.
    set_mode(&place.data.join("server.lock"), 0o600);
    let said = place.refused_start(bound_by_modes(), 2);
    assert!(
        said.contains("ledger.lock: Permission denied") && said.contains("; the server's user must"),
        "{said}"
    );
    set_mode(&place.data.join("ledger.lock"), 0o600);
    let said = place.refused_start(bound_by_modes(), 2);
    assert!(said.contains(&format!("{} is read-only; ", place.ledger().display())), "{said}");
    set_mode(&place.data, 0o500);
    can_be_backed_up(&place);

    set_mode(&place.data, 0o700);
    set_writable(&place.data, true);
    let (served, audited) = place.starts_well();
    assert_eq!(audited.settled, 3);
    place.generate(&served, 1);
}

#[test]
fn a_directory_in_which_nothing_can_be_made_is_told_at_the_start_and_the_ledger_can_be_backed_up() {
    let mut place = Place::new();
    let served = place.serve();
    place.generate(&served, 3);
    served.stop();
    // A new log would have to be made.
    place.take_log_in();
    set_mode(&place.data, 0o500);
    let said = place.refused_start(bound_by_modes(), 2);
    assert!(said.contains(&format!("{} is read-only; ", place.ledger().display())), "{said}");
    can_be_backed_up(&place);
    set_mode(&place.data, 0o700);
    let (_served, audited) = place.starts_well();
    assert_eq!(audited.settled, 3);
}

#[test]
fn files_made_read_only_under_a_server_stop_the_next_one_and_lose_nothing() {
    let mut place = Place::new();
    let served = place.serve_by(bound_by_modes());
    place.generate(&served, 2);
    set_writable(&place.data, false);
    // It holds its files open, and goes on.
    place.generate(&served, 2);
    served.kill();
    set_mode(&place.data.join("server.lock"), 0o600);
    set_mode(&place.data.join("ledger.lock"), 0o600);
    let said = place.refused_start(bound_by_modes(), 2);
    assert!(said.contains(&format!("{} is read-only; ", place.ledger().display())), "{said}");
    set_writable(&place.data, true);
    let (_served, audited) = place.starts_well();
    assert_eq!(audited.settled, 4);
}
