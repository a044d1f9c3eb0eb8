//! The ledger in one file: SQLite in WAL mode, one connection that writes, and as many that read as are asked for at once.

mod backup;
mod checkpoint;
mod copy_error;
mod examine;
mod files;
mod restore;
mod schema;
#[cfg(test)]
pub(in crate::ledger) mod testing;
mod wal;

use std::{
    collections::HashMap,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    time::Duration,
};

use parking_lot::Mutex;
use rusqlite::{
    Connection, ErrorCode, MAIN_DB, OpenFlags, ToSql, TransactionBehavior, params_from_iter,
    types::{ToSqlOutput, ValueRef},
};

pub use self::{
    backup::{BackedUp, Holdings, back_up},
    copy_error::CopyError,
    examine::{Examined, examine},
    restore::{BackupFile, Restored},
};
use self::{
    checkpoint::Checkpointer,
    schema::{APPLICATION_ID, application_id},
};
use super::{Conn, Flush, Param, Places, Row, Value};
use crate::ledger::{LedgerError, StoreFault};

/// The columns of table ?1 that are written: its key first, the others by name.
pub(super) const COLUMNS: &str =
    "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0 ORDER BY cid <> 0, name";
/// Every trigger, and what makes it.
pub(super) const TRIGGERS: &str = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name";
/// How long a writer waits for another process, such as `tintype key create` beside a running server.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Statements that a connection keeps prepared.
const STATEMENTS_KEPT: usize = 64;
/// Connections for reading that are kept open between two questions.
const READERS_KEPT: usize = 8;

/// The ledger's file.
pub(in crate::ledger) struct SqliteStore {
    // Closed first: only a connection that may write can bring the log into the file when the last one closes.
    readers: Mutex<Vec<Connection>>,
    checkpointer: Checkpointer,
    /// Only asked whether anything has been written.
    watch: Mutex<Connection>,
    /// Sound after a panic elsewhere: a transaction is rolled back when it is dropped, and each write says whether it is flushed.
    writer: Mutex<Writer>,
    file: PathBuf,
}

/// The connection that writes.
struct Writer {
    connection: Connection,
    /// What it is set to.
    flush: Flush,
}

impl Writer {
    /// Outside of a transaction: within one, SQLite would not listen.
    fn set_flush(&mut self, flush: Flush) -> rusqlite::Result<()> {
        if self.flush != flush {
            let synchronous = match flush {
                Flush::Now => "FULL",
                Flush::WithTheNext => "NORMAL",
            };
            self.connection.pragma_update(None, "synchronous", synchronous)?;
            self.flush = flush;
        }
        Ok(())
    }
}

impl SqliteStore {
    /// Opens the ledger in `file`, making it and bringing its schema up to date as needed.
    pub(in crate::ledger) fn open(file: &Path) -> Result<Self, LedgerError> {
        let _turn = files::wait_for_turn(file)?;
        files::refuse_half_restored(file)?;
        files::refuse_other_kinds(file)?;
        wal::check(file)?;
        Self::open_in_turn(file).map_err(|error| of_file(error, file))
    }

    fn open_in_turn(file: &Path) -> Result<Self, LedgerError> {
        let mut writer = Connection::open(file)?;
        writer.busy_timeout(BUSY_TIMEOUT)?;
        if writer.is_readonly(MAIN_DB)? {
            return Err(LedgerError::ReadOnly { file: file.to_owned() });
        }
        // 0 is a new file's, or an earlier version's.
        let application_id = application_id(&writer)?;
        if ![APPLICATION_ID, 0].contains(&application_id) {
            return Err(LedgerError::NotOurs { file: file.to_owned() });
        }
        let journal: String =
            writer.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if journal != "wal" {
            return Err(LedgerError::NoWal);
        }
        writer.pragma_update(None, "synchronous", "FULL")?;
        writer.pragma_update(None, "foreign_keys", true)?;
        // What is forgotten is overwritten, not only unlinked.
        writer.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
        writer.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        if application_id == 0 {
            writer.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
        schema::distrust(&writer)?;
        let difference = schema::difference(&writer)?;
        if let Some(finding) = difference.alteration {
            return Err(LedgerError::Altered { file: file.to_owned(), finding });
        }
        schema::put_back(&writer, &difference)?;
        schema::migrate(&mut writer)?;
        Ok(Self {
            readers: Mutex::default(),
            checkpointer: Checkpointer::default(),
            watch: Mutex::new(open_reader(file)?),
            writer: Mutex::new(Writer { connection: writer, flush: Flush::Now }),
            file: file.to_owned(),
        })
    }

    /// Why no cluster has its ledger here.
    pub(in crate::ledger) fn is_shared_by_nobody(&self) -> LedgerError {
        LedgerError::Database {
            url: self.file.display().to_string(),
            finding: "the nodes of a cluster share a ledger in PostgreSQL; name it with --ledger".into(),
        }
    }

    /// Reads the ledger as it is at one moment. Waits for nobody.
    pub(in crate::ledger) fn read<T, E: From<LedgerError>>(
        &self,
        work: impl FnOnce(&Conn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut reader = self.reader()?;
        let view = reader.transaction().map_err(LedgerError::from)?;
        work(&Conn::Sqlite(&view))
    }

    /// Writes in one transaction, alone: all of `work` is done, or, if it fails, none.
    pub(in crate::ledger) fn write<T, E: From<LedgerError>>(
        &self,
        work: impl FnOnce(&Conn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.write_with(Flush::Now, work)
    }

    /// The same, on the disk as `flush` says.
    pub(in crate::ledger) fn write_with<T, E: From<LedgerError>>(
        &self,
        flush: Flush,
        work: impl FnOnce(&Conn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut writer = self.writer.lock();
        writer.set_flush(flush).map_err(LedgerError::from)?;
        let transaction = writer
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(LedgerError::from)?;
        let done = work(&Conn::Sqlite(&transaction))?;
        transaction.commit().map_err(LedgerError::from)?;
        self.checkpointer.note_commit();
        Ok(done)
    }

    /// Reads between two writes: no write of this process is under way, and none is missing.
    pub(in crate::ledger) fn read_latest<T, E: From<LedgerError>>(
        &self,
        work: impl FnOnce(&Conn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut writer = self.writer.lock();
        let view = writer.connection.transaction().map_err(LedgerError::from)?;
        work(&Conn::Sqlite(&view))
    }

    /// A number that is another one after each write, whoever makes it.
    pub(in crate::ledger) fn version(&self) -> Result<i64, LedgerError> {
        let watch = self.watch.lock();
        let mut statement = watch.prepare_cached("PRAGMA data_version")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// Checks every page, then brings the log into the database, so that damage to the log costs at most what was booked
    /// since.
    pub(in crate::ledger) fn inspect(&self) -> Result<(), LedgerError> {
        self.check_pages().map_err(|error| of_file(error, &self.file))?;
        self.drop_old_pages()
    }

    /// Brings what is in the log into the database and empties the log, in which earlier contents of pages stand.
    pub(in crate::ledger) fn drop_old_pages(&self) -> Result<(), LedgerError> {
        let moved =
            self.writer.lock().connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = moved {
            // A disk may be full. The log goes on from where it is.
            tracing::warn!(%error, "the ledger's log could not be brought into the database");
        }
        Ok(())
    }

    /// Whether so much was written that the log should be brought into the database.
    pub(in crate::ledger) fn has_long_log(&self) -> bool {
        self.checkpointer.is_due()
    }

    /// Brings what is in the log into the database, beside whoever reads or writes.
    pub(in crate::ledger) fn shorten_log(&self) {
        self.checkpointer.run(&self.file);
    }

    /// Checks every page.
    pub(in crate::ledger) fn check_pages(&self) -> Result<(), LedgerError> {
        let reader = self.reader()?;
        match first_finding(&reader, "PRAGMA quick_check(1)")? {
            None => Ok(()),
            Some(finding) => Err(LedgerError::Damaged { file: self.file.clone(), finding }),
        }
    }

    /// A connection that nobody else reads by. A report that takes seconds holds up nobody.
    fn reader(&self) -> Result<Reader<'_>, LedgerError> {
        let idle = self.readers.lock().pop();
        let connection = idle.map_or_else(|| open_reader(&self.file), Ok)?;
        Ok(Reader { store: self, connection: Some(connection) })
    }
}

fn open_reader(file: &Path) -> Result<Connection, LedgerError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(file, flags)?;
    reader.busy_timeout(BUSY_TIMEOUT)?;
    schema::distrust(&reader)?;
    reader.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(reader)
}

/// A connection on loan.
struct Reader<'a> {
    store: &'a SqliteStore,
    /// None only while it is dropped.
    connection: Option<Connection>,
}

impl Deref for Reader<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a reader has its connection until it is dropped")
    }
}

impl DerefMut for Reader<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("a reader has its connection until it is dropped")
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut idle = self.store.readers.lock();
        if idle.len() < READERS_KEPT {
            idle.extend(self.connection.take());
        }
    }
}

pub(super) fn execute(
    connection: &Connection,
    sql: &str,
    params: &[Param<'_>],
) -> Result<usize, LedgerError> {
    Ok(connection.prepare_cached(sql)?.execute(params_from_iter(params))?)
}

pub(super) fn for_each<E: From<LedgerError>>(
    connection: &Connection,
    sql: &str,
    params: &[Param<'_>],
    mut each: impl FnMut(&Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut statement = connection.prepare_cached(sql).map_err(LedgerError::from)?;
    let mut rows = statement.query(params_from_iter(params)).map_err(LedgerError::from)?;
    let places = Places::default();
    while let Some(row) = rows.next().map_err(LedgerError::from)? {
        each(&Row::Sqlite(row, &places))?;
    }
    Ok(())
}

pub(super) fn query_first<T>(
    connection: &Connection,
    sql: &str,
    params: &[Param<'_>],
    read: impl FnOnce(&Row<'_>) -> Result<T, LedgerError>,
) -> Result<Option<T>, LedgerError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(params))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let first = read(&Row::Sqlite(row, &Places::default()))?;
    // An INSERT … RETURNING is done only once its rows are read to their end.
    while rows.next()?.is_some() {}
    Ok(Some(first))
}

/// Where each column of `row` stands; of two with one name, the first.
pub(super) fn places(row: &rusqlite::Row<'_>) -> HashMap<String, usize> {
    let names = row.as_ref().column_names();
    names.into_iter().enumerate().rev().map(|(place, name)| (name.to_owned(), place)).collect()
}

pub(super) fn value<'a>(row: &'a rusqlite::Row<'_>, place: usize) -> Result<Value<'a>, LedgerError> {
    Ok(match row.get_ref(place)? {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(text),
        ValueRef::Blob(bytes) => Value::Blob(bytes),
    })
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store { fault: fault(&error), source: Box::new(error) }
    }
}

fn fault(error: &rusqlite::Error) -> StoreFault {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreFault::FullDisk,
        Some(ErrorCode::SystemIoFailure) => StoreFault::Disk,
        Some(ErrorCode::ReadOnly) => StoreFault::ReadOnly,
        Some(ErrorCode::CannotOpen) => StoreFault::CannotOpen,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreFault::Damaged,
        Some(ErrorCode::ConstraintViolation) => StoreFault::Refused,
        _ => StoreFault::Other,
    }
}

/// What went wrong with the ledger in `file`, by its name.
fn of_file(error: LedgerError, file: &Path) -> LedgerError {
    let LedgerError::Store { fault, source } = error else { return error };
    let file = file.to_owned();
    match fault {
        StoreFault::ReadOnly => LedgerError::ReadOnly { file },
        StoreFault::Damaged => LedgerError::Damaged { file, finding: source.to_string() },
        _ => LedgerError::Open { file, fault, source },
    }
}

/// What one of SQLite's checks finds first, in a line.
fn first_finding(connection: &Connection, check: &str) -> rusqlite::Result<Option<String>> {
    let text: String = connection.query_row(check, [], |row| row.get(0))?;
    let finding = text.lines().find(|line| !line.starts_with("***")).unwrap_or(&text);
    Ok((finding != "ok").then(|| finding.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::ledger::store::params;

    #[test]
    fn a_write_waits_for_the_disk_unless_the_next_takes_it_along() {
        let place = TempDir::new().expect("a directory");
        let store = SqliteStore::open(&place.path().join("ledger.sqlite3")).expect("a ledger");
        let synchronous = |flush| {
            let read =
                |conn: &Conn<'_>| conn.query_one("PRAGMA synchronous", params![], |row| row.get::<i64>(0));
            store.write_with(flush, read).expect("written")
        };
        const NORMAL: i64 = 1;
        const FULL: i64 = 2;
        assert_eq!(synchronous(Flush::Now), FULL);
        assert_eq!([synchronous(Flush::WithTheNext), synchronous(Flush::WithTheNext)], [NORMAL; 2]);
        assert_eq!(synchronous(Flush::Now), FULL);
        let failed: Result<(), LedgerError> =
            store.write_with(Flush::WithTheNext, |_| Err(LedgerError::OutOfRange { what: "a test" }));
        assert!(failed.is_err());
        assert_eq!(synchronous(Flush::Now), FULL, "whatever came of the one before");
    }
}
