//! What stands between the ledger's SQL and a database: connections, rows, parameters, faults. One body of SQL serves every
//! database; what only one of them has (files, a write-ahead log, copies of itself) stays in its driver's room.
//!
//! SQL outside of this room is written so that SQLite and PostgreSQL take it alike: parameters are `?1`, `?2`, …; ids come by
//! `RETURNING`; sums are cast (`CAST(sum(x) AS BIGINT)`); what may be NULL is compared by `IS NOT DISTINCT FROM`.

mod place;
mod postgres;
mod sqlite;
mod transfer;
mod value;

use std::{cell::OnceCell, collections::HashMap, fmt};

pub(in crate::ledger) use self::postgres::Notices;
use self::value::OwnedParam;
pub(in crate::ledger) use self::value::{FromValue, Param, ToParam, Value, params};
pub use self::{
    place::LedgerPlace,
    postgres::{PostgresUrl, PostgresUrlError, examine_database},
    sqlite::{BackedUp, BackupFile, CopyError, Examined, Holdings, Restored, back_up, examine},
};
#[cfg(test)]
pub(in crate::ledger) use self::{postgres::testing as postgres_testing, sqlite::testing, transfer::TABLES};
use super::{LedgerError, StoreFault};
use crate::domain::RequestId;

/// Ids in one question.
const IDS_AT_ONCE: usize = 200;

/// A column that does not hold what it should, or is not there.
#[derive(Debug, thiserror::Error)]
enum ColumnError {
    #[error("column {0} is out of range")]
    OutOfRange(String),
    #[error("there is no column {0}")]
    Missing(String),
}

/// When a write is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ledger) enum Flush {
    /// When it returns.
    Now,
    /// With the next write that is flushed: for what nobody was told of yet. Until then the end of the process does not lose it; a
    /// power cut does.
    WithTheNext,
}

/// The database that a ledger is in.
pub(in crate::ledger) enum Store {
    Sqlite(sqlite::SqliteStore),
    Postgres(postgres::PostgresStore),
}

impl Store {
    /// Opens the ledger at `place`, making it and bringing its schema up to date as needed.
    pub(in crate::ledger) fn open(place: &LedgerPlace) -> Result<Self, LedgerError> {
        Ok(match place {
            LedgerPlace::File(file) => Self::Sqlite(sqlite::SqliteStore::open(file)?),
            LedgerPlace::Postgres(url) => Self::Postgres(postgres::PostgresStore::open(url)?),
        })
    }

    /// Reads the ledger as it is at one moment. Waits for nobody.
    pub(in crate::ledger) fn read<T, E: From<LedgerError>>(
        &self,
        work: impl FnOnce(&Conn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::Sqlite(store) => store.read(work),
            Self::Postgres(store) => store.read(work),
        }
    }

    /// Writes in one transaction, alone: all of `work` is done, or, if it fails, none.
    pub(in crate::ledger) fn write<T, E: From<LedgerError>>(
        &self,
        work: impl FnOnce(&Conn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::Sqlite(store) => store.write(work),
            Self::Postgres(store) => store.write(work),
        }
    }

    /// The same, on the disk as `flush` says.
    pub(in crate::ledger) fn write_with<T, E: From<LedgerError>>(
        &self,
        flush: Flush,
        work: impl FnOnce(&Conn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::Sqlite(store) => store.write_with(flush, work),
            // Nodes of a cluster act on what others have written.
            Self::Postgres(store) => store.write(work),
        }
    }

    /// Runs one statement as a transaction of its own, in one round trip, beside others that write. If the connection breaks, it may be
    /// run twice.
    pub(in crate::ledger) fn ask<T>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, LedgerError>,
    ) -> Result<Vec<T>, LedgerError> {
        match self {
            Self::Sqlite(store) => store.write(|conn| conn.query(sql, params, read)),
            Self::Postgres(store) => postgres::read_all(&store.ask(sql, params)?, read),
        }
    }

    /// The same for what keeps a node alive, or touches nothing that is booked: while all other connections wait for one that hangs,
    /// this does not.
    pub(in crate::ledger) fn ask_beside<T>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, LedgerError>,
    ) -> Result<Vec<T>, LedgerError> {
        match self {
            Self::Sqlite(_) => self.ask(sql, params, read),
            Self::Postgres(store) => postgres::read_all(&store.ask_beside(sql, params)?, read),
        }
    }

    /// Whether it has the queue of a cluster.
    pub(in crate::ledger) const fn has_queue(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// What others tell over the database, on a connection of its own.
    pub(in crate::ledger) fn notices(&self) -> Result<Notices, LedgerError> {
        match self {
            Self::Postgres(store) => store.notices(),
            Self::Sqlite(store) => Err(store.is_shared_by_nobody()),
        }
    }

    /// Whether this process leads all that share the ledger.
    pub(in crate::ledger) fn lead(&self) -> Result<bool, LedgerError> {
        match self {
            Self::Postgres(store) => store.lead(),
            Self::Sqlite(_) => Ok(true),
        }
    }

    /// Takes the ledger for one of several nodes.
    pub(in crate::ledger) fn share(&self) -> Result<(), LedgerError> {
        match self {
            Self::Postgres(store) => store.share(),
            Self::Sqlite(store) => Err(store.is_shared_by_nobody()),
        }
    }

    /// Reads between two writes: no write of this process is under way, and none is missing.
    pub(in crate::ledger) fn read_latest<T, E: From<LedgerError>>(
        &self,
        work: impl FnOnce(&Conn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::Sqlite(store) => store.read_latest(work),
            Self::Postgres(store) => store.read_latest(work),
        }
    }

    /// A number that is another one after each write, whoever makes it.
    pub(in crate::ledger) fn version(&self) -> Result<i64, LedgerError> {
        match self {
            Self::Sqlite(store) => store.version(),
            Self::Postgres(store) => store.version(),
        }
    }

    /// At a server's start: takes the ledger for it, and looks whether it is sound.
    pub(in crate::ledger) fn inspect(&self) -> Result<(), LedgerError> {
        match self {
            Self::Sqlite(store) => store.inspect(),
            Self::Postgres(store) => store.take_for_server(),
        }
    }

    /// Whether its log has grown. PostgreSQL looks after its own.
    pub(in crate::ledger) fn has_long_log(&self) -> bool {
        match self {
            Self::Sqlite(store) => store.has_long_log(),
            Self::Postgres(_) => false,
        }
    }

    /// Brings its log into the database, beside whoever reads or writes.
    pub(in crate::ledger) fn shorten_log(&self) {
        match self {
            Self::Sqlite(store) => store.shorten_log(),
            Self::Postgres(_) => {}
        }
    }

    /// Looks whether it is sound, beside a running server.
    pub(in crate::ledger) fn inspect_pages(&self) -> Result<(), LedgerError> {
        match self {
            Self::Sqlite(store) => store.check_pages(),
            // Its pages are PostgreSQL's own; its triggers were looked at when it was opened.
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Clears rows away that have left the queue of a cluster.
    pub(in crate::ledger) fn clear_queue(&self) -> Result<(), LedgerError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(store) => store.clear_queue(),
        }
    }

    /// Overwrites, or lets be overwritten, what rows held before they were changed.
    pub(in crate::ledger) fn drop_old_contents(&self) -> Result<(), LedgerError> {
        match self {
            Self::Sqlite(store) => store.drop_old_pages(),
            Self::Postgres(store) => store.drop_old_rows(),
        }
    }
}

/// A connection inside a transaction: all that is asked through it sees one moment.
pub(in crate::ledger) enum Conn<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(&'a (dyn postgres::Queries + 'a)),
}

/// A row of an answer, and where in it each column stands.
pub(in crate::ledger) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>, &'a Places),
    Postgres(&'a tokio_postgres::Row, &'a Places),
}

/// Where the columns of an answer stand, by their names. Found out once for all its rows: a database looks through all names
/// for each value.
#[derive(Default)]
pub(in crate::ledger) struct Places(OnceCell<HashMap<String, usize>>);

/// A column, by its place or its name.
pub(in crate::ledger) trait Column: fmt::Display + Copy {
    /// Its place in `row`; none if there is no such name.
    fn place(self, row: &Row<'_>) -> Option<usize>;
}

impl Column for usize {
    fn place(self, _row: &Row<'_>) -> Option<usize> {
        Some(self)
    }
}

impl Column for &str {
    fn place(self, row: &Row<'_>) -> Option<usize> {
        row.places().get(self).copied()
    }
}

impl Conn<'_> {
    /// Runs a statement that gives no rows, and returns how many it changed.
    pub(in crate::ledger) fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<usize, LedgerError> {
        match self {
            Self::Sqlite(connection) => sqlite::execute(connection, sql, params),
            Self::Postgres(session) => session.execute(sql, params),
        }
    }

    /// Runs a statement that gives no rows, and whose count nobody asks for. Over a network it is not waited for: an error of it may come
    /// with a later statement, or with the transaction's end.
    pub(in crate::ledger) fn send(&self, sql: &str, params: &[Param<'_>]) -> Result<(), LedgerError> {
        match self {
            Self::Sqlite(connection) => sqlite::execute(connection, sql, params).map(|_| ()),
            Self::Postgres(session) => session.send(sql, params, None),
        }
    }

    /// The same for a statement that must change one row; `otherwise` is the error if it does not.
    pub(in crate::ledger) fn send_one(
        &self,
        sql: &str,
        params: &[Param<'_>],
        otherwise: LedgerError,
    ) -> Result<(), LedgerError> {
        match self {
            Self::Sqlite(connection) => match sqlite::execute(connection, sql, params)? {
                1 => Ok(()),
                _ => Err(otherwise),
            },
            Self::Postgres(session) => session.send(sql, params, Some(otherwise)),
        }
    }

    /// Hands `each` row of the answer over, as they come.
    pub(in crate::ledger) fn for_each<E: From<LedgerError>>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        each: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Sqlite(connection) => sqlite::for_each(connection, sql, params, each),
            Self::Postgres(session) => postgres::for_each(*session, sql, params, each),
        }
    }

    /// Hands `each` row of the answers over, for some of `ids` at a time: they stand where `sql` has `{ids}`.
    pub(in crate::ledger) fn for_each_of<E: From<LedgerError>>(
        &self,
        sql: &str,
        ids: &[RequestId],
        mut each: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for ids in ids.chunks(IDS_AT_ONCE) {
            let places: Vec<_> = (1..=ids.len()).map(|place| format!("?{place}")).collect();
            let texts: Vec<_> = ids.iter().map(|id| id.to_text()).collect();
            let params: Vec<_> = texts.iter().map(|text| Param::Text(text)).collect();
            self.for_each(&sql.replace("{ids}", &places.join(", ")), &params, &mut each)?;
        }
        Ok(())
    }

    /// Every row of the answer.
    pub(in crate::ledger) fn query<T>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, LedgerError>,
    ) -> Result<Vec<T>, LedgerError> {
        match self {
            Self::Sqlite(connection) => {
                let mut rows = Vec::new();
                sqlite::for_each(connection, sql, params, |row| -> Result<(), LedgerError> {
                    rows.push(read(row)?);
                    Ok(())
                })?;
                Ok(rows)
            }
            Self::Postgres(session) => postgres::read_all(&session.query_all(sql, params)?, read),
        }
    }

    /// The first row of the answer, if there is one.
    pub(in crate::ledger) fn query_first<T>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, LedgerError>,
    ) -> Result<Option<T>, LedgerError> {
        match self {
            Self::Sqlite(connection) => sqlite::query_first(connection, sql, params, read),
            Self::Postgres(session) => postgres::query_first(*session, sql, params, read),
        }
    }

    /// The one row of an answer that always has one: of an aggregate, of `RETURNING`.
    pub(in crate::ledger) fn query_one<T>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.query_first(sql, params, read)?.ok_or(LedgerError::OutOfRange { what: "an answer without rows" })
    }
}

impl Row<'_> {
    /// The value of `column`.
    pub(in crate::ledger) fn get<T: FromValue>(&self, column: impl Column) -> Result<T, LedgerError> {
        let value = self.value(column)?;
        T::from_value(value).ok_or_else(|| LedgerError::Store {
            fault: StoreFault::Row,
            source: Box::new(ColumnError::OutOfRange(column.to_string())),
        })
    }

    /// The same, not copied.
    pub(in crate::ledger) fn value(&self, column: impl Column) -> Result<Value<'_>, LedgerError> {
        let place = column.place(self).ok_or_else(|| LedgerError::Store {
            fault: StoreFault::Row,
            source: Box::new(ColumnError::Missing(column.to_string())),
        })?;
        match self {
            Self::Sqlite(row, _) => sqlite::value(row, place),
            Self::Postgres(row, _) => postgres::value(row, place),
        }
    }

    fn places(&self) -> &HashMap<String, usize> {
        match self {
            Self::Sqlite(row, places) => places.0.get_or_init(|| sqlite::places(row)),
            Self::Postgres(row, places) => places.0.get_or_init(|| postgres::places(row)),
        }
    }

    /// How many columns it has.
    pub(in crate::ledger) fn columns(&self) -> usize {
        match self {
            Self::Sqlite(row, _) => row.as_ref().column_count(),
            Self::Postgres(row, _) => row.len(),
        }
    }
}
