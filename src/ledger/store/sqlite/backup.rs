//! Copies of the ledger: taken beside a running server, checked before they get their name, and in one file each.

use std::{
    fmt,
    fs::{self, File, TryLockError},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    time::Duration,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, ErrorCode, OpenFlags, backup::Backup};

use super::{
    BUSY_TIMEOUT,
    copy_error::CopyError,
    files::{beside, log_index_of, log_of, refuse_half_restored, sync_directory_of},
    first_finding,
    schema::{APPLICATION_ID, MIGRATIONS, application_id},
    wal,
};
use crate::{ledger::LedgerError, os};

/// How long a copy waits for another process that holds the file for a moment.
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// What a ledger holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Holdings {
    /// Requests in any state.
    pub requests: u64,
    /// Entries: images, failed work, reversals and corrections.
    pub entries: u64,
    /// Keys in any state.
    pub keys: u64,
    /// Closed months.
    pub closed_months: u64,
    /// Version of the schema, from 1.
    pub schema: i64,
}

/// `12 requests, 15 entries, 2 keys, 1 closed month, schema 7`
impl fmt::Display for Holdings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = [
            (self.requests, "request"),
            (self.entries, if self.entries == 1 { "entry" } else { "entrie" }),
            (self.keys, "key"),
            (self.closed_months, "closed month"),
        ];
        for (count, noun) in counted {
            write!(f, "{count} {noun}{}, ", if count == 1 { "" } else { "s" })?;
        }
        write!(f, "schema {}", self.schema)
    }
}

/// A backup that was made.
#[derive(Debug)]
pub struct BackedUp {
    /// What it holds.
    pub holdings: Holdings,
    /// Where the ledger's log cannot be read to its end: what is missing.
    pub damage: Option<LedgerError>,
}

/// Copies the ledger in `ledger` to `to`, as it is at one moment, whoever writes to it meanwhile. The copy is written
/// aside, checked and flushed to the disk before it gets its name, and readable by its owner only.
///
/// # Errors
/// [`CopyError`]; `to` is as it was.
pub fn back_up(ledger: &Path, to: &Path, replace: bool) -> Result<BackedUp, CopyError> {
    refuse_own_files(ledger, to)?;
    refuse_half_restored(ledger)?;
    let damage = wal::check(ledger).err();
    let of_ledger = |error| match error {
        CopyError::Damaged { file, finding } => LedgerError::Damaged { file, finding }.into(),
        CopyError::NotALedger(file) => {
            LedgerError::Damaged { file, finding: "it does not begin as a ledger does".into() }.into()
        }
        other => other,
    };
    let source = open_to_read(ledger).map_err(of_ledger)?;
    check_kind(&source, ledger).map_err(of_ledger)?;
    let draft = Draft::take(beside(to, ".partial"))?;
    if !replace && to.exists() {
        return Err(CopyError::Exists(to.to_owned()));
    }
    let holdings = draft.copy(&source, ledger).map_err(of_ledger)?;
    draft.name(to)?;
    Ok(BackedUp { holdings, damage })
}

/// Refuses `other` where it is one of the three files of `ledger`.
pub(super) fn refuse_own_files(ledger: &Path, other: &Path) -> Result<(), CopyError> {
    let own = [ledger.to_owned(), log_of(ledger), log_index_of(ledger)];
    if own.iter().any(|own| is_same(own, other)) { Err(CopyError::Itself(other.to_owned())) } else { Ok(()) }
}

fn is_same(one: &Path, other: &Path) -> bool {
    fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
}

/// A connection that only reads. A file without a log beside it is read as it is where SQLite cannot put its own files
/// there: on a disk that is read-only.
pub(super) fn open_to_read(file: &Path) -> Result<Connection, CopyError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(file, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_query_value(None, "schema_version", |_| Ok(()))?;
        Ok(connection)
    };
    let has_log = fs::metadata(log_of(file)).is_ok_and(|log| log.len() > 0);
    match open() {
        Err(error) if !has_log && is_for_want_of_files(&error) => open_unchanging(file),
        opened => opened,
    }
    .map_err(|cause| CopyError::of(file, cause))
}

fn is_for_want_of_files(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// A connection to a file of ours alone.
fn open_to_write(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(file, flags)
}

/// What a path may not hold as it is in a URI (RFC 3986, section 3.3).
const PATH_ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// A connection to a file that nobody writes to: no locks, no files beside it.
pub(super) fn open_unchanging(file: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let path = percent_encode(file.as_os_str().as_bytes(), PATH_ESCAPED);
    let connection = Connection::open_with_flags(format!("file:{path}?immutable=1"), flags)?;
    connection.pragma_query_value(None, "schema_version", |_| Ok(()))?;
    Ok(connection)
}

/// Whether `connection` is to a ledger of ours that this program can read.
pub(super) fn check_kind(connection: &Connection, file: &Path) -> Result<(), CopyError> {
    let read = || -> rusqlite::Result<(i32, i64, bool)> {
        let schema = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let has_keys = "SELECT count(*) > 0 FROM pragma_table_info('keys') WHERE name = 'secret_sha256'";
        Ok((application_id(connection)?, schema, connection.query_row(has_keys, [], |row| row.get(0))?))
    };
    let (application_id, schema, has_keys) = read().map_err(|cause| CopyError::of(file, cause))?;
    // 0: written by a version that did not sign its files yet.
    if ![APPLICATION_ID, 0].contains(&application_id) || schema < 1 || !has_keys {
        return Err(CopyError::NotALedger(file.to_owned()));
    }
    if usize::try_from(schema).is_ok_and(|schema| schema > MIGRATIONS.len()) {
        Err(CopyError::Newer { file: file.to_owned(), schema, known: MIGRATIONS.len() })
    } else {
        Ok(())
    }
}

/// A copy before it has its name. Removed if it does not get one.
pub(super) struct Draft {
    path: PathBuf,
    /// Holds the file against another draft. Closed after SQLite has closed it, whose locks go with any handle.
    held: File,
    is_named: bool,
}

impl Draft {
    /// Takes the file `path` and empties it: an earlier copy may have been killed over it.
    pub(super) fn take(path: PathBuf) -> Result<Self, CopyError> {
        let error = |cause| CopyError::io(&path, cause);
        let held = os::open_lock(&path).map_err(error)?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(CopyError::BeingWritten(path)),
            Err(TryLockError::Error(cause)) => return Err(error(cause)),
        }
        // Between the two calls above, another backup may have given the file its last name.
        let (ours, there) = (held.metadata().map_err(error)?, fs::metadata(&path).map_err(error)?);
        if (ours.dev(), ours.ino()) != (there.dev(), there.ino()) {
            return Err(CopyError::BeingWritten(path));
        }
        held.set_len(0).map_err(error)?;
        Ok(Self { path, held, is_named: false })
    }

    /// Copies the ledger `source`, from `file`, checks the copy and flushes it to the disk.
    pub(super) fn copy(&self, source: &Connection, file: &Path) -> Result<Holdings, CopyError> {
        self.fill(source).map_err(|cause| CopyError::of(&self.path, cause))?;
        let checked = self.check().map_err(|cause| match cause.sqlite_error_code() {
            // Its pages are the source's.
            Some(ErrorCode::DatabaseCorrupt) => CopyError::of(file, cause),
            _ => CopyError::of(&self.path, cause),
        });
        let holdings = checked?.map_err(|finding| CopyError::Damaged { file: file.to_owned(), finding })?;
        self.held.sync_all().map_err(|cause| CopyError::io(&self.path, cause))?;
        Ok(holdings)
    }

    fn fill(&self, source: &Connection) -> rusqlite::Result<()> {
        let mut target = open_to_write(&self.path)?;
        // It is nobody's until it has its name: what a crash leaves of it is thrown away.
        target.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
        target.pragma_update(None, "synchronous", "OFF")?;
        // In one step, which reads the ledger as it is at one moment and keeps nobody from writing.
        Backup::new(source, &mut target)?.run_to_completion(i32::MAX, BUSY_PAUSE, None)
    }

    /// What the copy holds, or what is wrong with it.
    fn check(&self) -> rusqlite::Result<Result<Holdings, String>> {
        let target = open_to_write(&self.path)?;
        // It says of itself that it has a log, as the ledger does. Without one it is complete in its one file.
        target.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
        match first_finding(&target, "PRAGMA integrity_check(1)")? {
            None => Ok(Ok(Holdings::of(&target)?)),
            Some(finding) => Ok(Err(finding)),
        }
    }

    /// Gives the finished copy its name, for good.
    pub(super) fn name(mut self, to: &Path) -> Result<(), CopyError> {
        fs::rename(&self.path, to).map_err(|cause| CopyError::io(to, cause))?;
        self.is_named = true;
        sync_directory_of(to)
    }
}

impl Drop for Draft {
    /// Half a copy is of no use; that it cannot be removed changes nothing.
    fn drop(&mut self) {
        if self.is_named {
            return;
        }
        for path in [self.path.clone(), log_of(&self.path), log_index_of(&self.path)] {
            fs::remove_file(path).ok();
        }
    }
}

impl Holdings {
    fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let count = |table: &str| -> rusqlite::Result<u64> {
            // An earlier schema has fewer tables.
            if connection.table_exists(None, table)? {
                connection
                    .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))
                    .map(i64::unsigned_abs)
            } else {
                Ok(0)
            }
        };
        Ok(Self {
            requests: count("requests")?,
            entries: count("entries")?,
            keys: count("keys")?,
            closed_months: count("month_closings")?,
            schema: connection.pragma_query_value(None, "user_version", |row| row.get(0))?,
        })
    }
}
