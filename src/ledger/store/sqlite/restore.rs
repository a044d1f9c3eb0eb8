//! A backup put in the ledger's place. At every moment the ledger is either the one before or the one restored.

use std::{fs, io, path::Path, path::PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{
    backup::{Draft, Holdings, check_kind, open_to_read, open_unchanging, refuse_own_files},
    copy_error::CopyError,
    files::{beside, draft_of, log_index_of, log_of, sync_directory_of, wait_for_turn},
    schema, wal,
};
use crate::ledger::{LedgerError, StoreFault};

/// A backup that this program can restore.
pub struct BackupFile {
    file: PathBuf,
    source: Connection,
    damage: Option<LedgerError>,
}

/// A ledger that was restored.
#[derive(Debug)]
pub struct Restored {
    /// What it holds.
    pub holdings: Holdings,
    /// Where the one before it is kept, if there was one.
    pub replaced: Option<PathBuf>,
    /// What is missing, if the backup has a log that cannot be read to its end.
    pub damage: Option<LedgerError>,
}

impl BackupFile {
    /// Opens a backup and looks at what it is. Nothing is written.
    ///
    /// # Errors
    /// [`CopyError`] if it is missing, is not a ledger, is damaged, or is newer than this program.
    pub fn open(file: &Path) -> Result<Self, CopyError> {
        let is_file = |path: &Path| fs::metadata(path).map(|found| found.is_file());
        if !is_file(file).map_err(|cause| CopyError::io(file, cause))? {
            return Err(CopyError::NotALedger(file.to_owned()));
        }
        // A backup has no log. A copy of a ledger's files may have one, and is only complete with it.
        let (source, damage) = match is_file(&log_of(file)) {
            Ok(_) => (open_to_read(file)?, wal::check(file).err()),
            Err(_) => (open_whole(file)?, None),
        };
        check_kind(&source, file)?;
        let difference = schema::difference(&source).map_err(|error| match error {
            LedgerError::Store { fault: StoreFault::Damaged, source } => {
                CopyError::Damaged { file: file.to_owned(), finding: source.to_string() }
            }
            error => error.into(),
        })?;
        if let Some(finding) = difference.alteration {
            return Err(LedgerError::Altered { file: file.to_owned(), finding }.into());
        }
        Ok(Self { file: file.to_owned(), source, damage })
    }

    /// Puts a copy of the backup in the place of the ledger in `ledger`, which is kept beside it under a name with
    /// `now`. The caller holds the data directory, so that no server runs.
    ///
    /// # Errors
    /// [`CopyError`]; the ledger is as it was.
    pub fn restore(self, ledger: &Path, now: Timestamp) -> Result<Restored, CopyError> {
        refuse_own_files(ledger, &self.file)?;
        let _turn = wait_for_turn(ledger)?;
        let draft = Draft::take(draft_of(ledger))?;
        let holdings = draft.copy(&self.source, &self.file)?;
        let kept = beside(ledger, &format!(".replaced-{}", now.strftime("%Y-%m-%dT%H-%M-%S%.3fZ")));
        let replaced = retire(ledger, &kept)?.then_some(kept);
        draft.name(ledger)?;
        Ok(Restored { holdings, replaced, damage: self.damage })
    }
}

/// A connection to a file that is complete in itself. SQLite takes a last page that was cut off for zeros.
fn open_whole(file: &Path) -> Result<Connection, CopyError> {
    let error = |cause| CopyError::of(file, cause);
    let source = open_unchanging(file).map_err(error)?;
    let pragma = |name| source.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(error);
    let bytes = pragma("page_count")?.unsigned_abs() * pragma("page_size")?.unsigned_abs();
    let there = fs::metadata(file).map_err(|cause| CopyError::io(file, cause))?.len();
    if there < bytes {
        Err(CopyError::Damaged {
            file: file.to_owned(),
            finding: format!("{there} of its {bytes} bytes are there"),
        })
    } else {
        Ok(source)
    }
}

/// Keeps the ledger under the name `kept` too, and leaves nothing beside it that SQLite would take for part of the next
/// one. False if there is no ledger.
fn retire(ledger: &Path, kept: &Path) -> Result<bool, CopyError> {
    let (log, index) = (log_of(ledger), log_index_of(ledger));
    let is_there = ledger.exists();
    if is_there {
        take_log_in(ledger)?;
        keep(ledger, kept)?;
    }
    // Still there: it could not be read, and goes with its ledger for whoever wants to look.
    if log.exists() {
        fs::rename(&log, log_of(kept)).map_err(|cause| CopyError::io(&log, cause))?;
    }
    match fs::remove_file(&index) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(CopyError::io(&index, cause)),
        _ => {}
    }
    sync_directory_of(ledger)?;
    Ok(is_there)
}

/// Brings the log of `ledger` into it, so that it is in one file, if SQLite can read both.
fn take_log_in(ledger: &Path) -> Result<(), CopyError> {
    if let Err(LedgerError::DamagedLog { .. }) = wal::check(ledger) {
        return Ok(());
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let taken_in = Connection::open_with_flags(ledger, flags).and_then(|ledger| {
        // Only who is alone with a database can take its log away.
        ledger.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
    });
    match taken_in.map_err(|error| error.sqlite_error_code()) {
        Err(Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) => {
            Err(CopyError::InUse(ledger.to_owned()))
        }
        // What cannot be read is kept as it is.
        _ => Ok(()),
    }
}

/// Gives `ledger` a second name.
fn keep(ledger: &Path, kept: &Path) -> Result<(), CopyError> {
    if kept.exists() {
        let cause = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(CopyError::io(kept, cause));
    }
    // Some file systems have no second names.
    let linked = fs::hard_link(ledger, kept).or_else(|_| fs::copy(ledger, kept).map(|_| ()));
    linked.map_err(|cause| CopyError::io(kept, cause))
}
