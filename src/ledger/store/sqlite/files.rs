//! The files of a ledger, their names and their lock.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::copy_error::CopyError;
use crate::{ledger::LedgerError, os};

/// The write-ahead log of the database in `file`.
pub(super) fn log_of(file: &Path) -> PathBuf {
    beside(file, "-wal")
}

/// The index of the log of the database in `file`.
pub(super) fn log_index_of(file: &Path) -> PathBuf {
    beside(file, "-shm")
}

/// Where a restored ledger is written before it has its name.
pub(super) fn draft_of(ledger: &Path) -> PathBuf {
    beside(ledger, ".restoring")
}

/// `file` with `ending` after its name.
pub(super) fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(ending);
    name.into()
}

/// One process at a time opens the ledger: the schema's version is read before the transaction that raises it, so two at
/// once would both take the same step, and a restore must not put another file in place meanwhile. The lock is a file's,
/// beside the database, and holds until it is dropped.
pub(super) fn wait_for_turn(file: &Path) -> Result<File, LedgerError> {
    let path = file.with_extension("lock");
    let locked = os::open_lock(&path).and_then(|lock| lock.lock().map(|()| lock));
    locked.map_err(|cause| LedgerError::Io { file: path, cause })
}

/// Brings the names in the directory of `file` to the disk.
pub(super) fn sync_directory_of(file: &Path) -> Result<(), CopyError> {
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|cause| CopyError::io(directory, cause))
}

/// Refuses a pipe or a device in the place of a ledger's file: whoever reads it may wait without end.
pub(super) fn refuse_other_kinds(ledger: &Path) -> Result<(), LedgerError> {
    for file in [ledger.to_owned(), log_of(ledger), log_index_of(ledger)] {
        if fs::metadata(&file).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            let cause = io::Error::other("it is not a file; remove it, or restore what was there");
            return Err(LedgerError::Io { file, cause });
        }
    }
    Ok(())
}

/// Refuses a ledger over which a restore was killed: it may be without its log.
pub(super) fn refuse_half_restored(ledger: &Path) -> Result<(), LedgerError> {
    let draft = draft_of(ledger);
    if draft.exists() { Err(LedgerError::HalfRestored { file: draft }) } else { Ok(()) }
}
