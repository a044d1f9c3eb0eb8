//! What stands between the ledger's SQL and a database: connections, rows, parameters, faults. One body of SQL serves every
//! database; what only one of them has (files, a write-ahead log, copies of itself) stays in its driver's room.
//!
//! SQL outside of this room is written so that SQLite and PostgreSQL take it alike: parameters are `?1`, `?2`, …; ids come by
//! `RETURNING`; sums are cast (`CAST(sum(x) AS BIGINT)`); what may be NULL is compared by `IS NOT DISTINCT FROM`.

mod sqlite;
mod value;

use std::fmt;

pub(in crate::ledger) use self::sqlite::Store;
#[cfg(test)]
pub(in crate::ledger) use self::sqlite::testing;
pub use self::sqlite::{BackedUp, BackupFile, CopyError, Examined, Holdings, Restored, back_up, examine};
pub(in crate::ledger) use self::value::{FromValue, Param, ToParam, Value, params};
use super::{LedgerError, StoreFault};

/// A column that does not hold what it should.
#[derive(Debug, thiserror::Error)]
#[error("column {0} is out of range")]
struct ColumnError(String);

/// A connection inside a transaction: all that is asked through it sees one moment.
pub(in crate::ledger) enum Conn<'a> {
    Sqlite(&'a rusqlite::Connection),
}

/// A row of an answer.
pub(in crate::ledger) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
}

/// A column, by its place or its name.
pub(in crate::ledger) trait Column: rusqlite::RowIndex + fmt::Display + Copy {}

impl Column for usize {}

impl Column for &str {}

impl Conn<'_> {
    /// Runs a statement that gives no rows, and returns how many it changed.
    pub(in crate::ledger) fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<usize, LedgerError> {
        match self {
            Self::Sqlite(connection) => sqlite::execute(connection, sql, params),
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
        }
    }

    /// Every row of the answer.
    pub(in crate::ledger) fn query<T>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, LedgerError>,
    ) -> Result<Vec<T>, LedgerError> {
        let mut rows = Vec::new();
        self.for_each(sql, params, |row| -> Result<(), LedgerError> {
            rows.push(read(row)?);
            Ok(())
        })?;
        Ok(rows)
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
            source: Box::new(ColumnError(column.to_string())),
        })
    }

    /// The same, not copied.
    pub(in crate::ledger) fn value(&self, column: impl Column) -> Result<Value<'_>, LedgerError> {
        match self {
            Self::Sqlite(row) => sqlite::value(row, column),
        }
    }

    /// How many columns it has.
    pub(in crate::ledger) fn columns(&self) -> usize {
        match self {
            Self::Sqlite(row) => row.as_ref().column_count(),
        }
    }
}
