//! The ledger: keys, reservations, and what every picture cost, in SQLite. Never lost, never twice.
//!
//! Architecture invariant: the ledger reads no clock; every moment is an argument. Entries are append-only, states go one
//! way, and both are enforced by the database itself (migrations/0002_ledger.sql). Totals are sums, never counters.

mod assets;
mod budgets;
mod closings;
mod corrections;
mod csv_file;
mod days;
mod entries;
mod facts;
mod focus;
mod groups;
mod keys;
mod meter;
mod months;
mod payback;
mod plug;
mod receipts;
mod report;
mod requests;
mod seals;
mod sessions;
mod sources;
mod statements;
mod totals;
mod whole;
mod year;

use std::{
    fs::File,
    path::Path,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use rusqlite_migration::{M, Migrations};

use crate::units::Currency;

use self::budgets::RunningSums;
pub use self::{
    assets::AssetRow,
    budgets::{BudgetHolder, BudgetPeriods, OverBudget},
    closings::{CloseError, Closing, Sha256Hash},
    corrections::{CorrectedAmounts, Reversal, ReverseError},
    days::DayReport,
    entries::{FailedWork, SettledImage},
    groups::{GroupBy, GroupByError, GroupTotals},
    keys::{
        BudgetStanding, KeyChange, KeyEvent, KeyEventKind, KeyRefusal, KeyRow, KeyRules, KeyStanding,
        KeyState, NewKey,
    },
    meter::{Epoch, OverheadTotals},
    months::{Month, MonthError, Year, YearError},
    payback::{Payback, PaybackAgainst, SavedPoint, Step},
    plug::PlugTotals,
    receipts::{PaintedImage, PaintedRequest},
    report::{Figures, GroupReport, Groups, MonthReport},
    requests::{NewRequest, Reservation, ReserveError, SettledRequest, Settlement, Unbooked},
    seals::{Finding, VerifiedMonth},
    sessions::{NewSession, OpenedWith, SessionRow},
    sources::EnergySources,
    totals::MonthTotals,
    whole::WholeMonth,
    year::YearReport,
};

/// How long a writer waits for another process, such as `tintype key create` beside a running server.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../../migrations/0001_keys.sql")),
    M::up(include_str!("../../migrations/0002_ledger.sql")),
    M::up(include_str!("../../migrations/0003_key_rules.sql")),
    M::up(include_str!("../../migrations/0004_answers.sql")),
    M::up(include_str!("../../migrations/0005_assets.sql")),
    M::up(include_str!("../../migrations/0006_months.sql")),
    M::up(include_str!("../../migrations/0007_meter.sql")),
    M::up(include_str!("../../migrations/0008_budgets.sql")),
    M::up(include_str!("../../migrations/0010_sessions.sql")),
];

/// A handle on the database: one connection that writes, one that reads beside it, and one for what takes long to read.
pub struct Ledger {
    // Closed first: only a connection that may write can bring the log into the file when the last one closes.
    reader: Mutex<Connection>,
    reports: Mutex<Connection>,
    writer: Mutex<Connection>,
    /// Used by the one who has the writer.
    running_sums: Mutex<RunningSums>,
}

/// The ledger cannot do what was asked. Nothing of it has been done.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// SQLite refused.
    #[error("the ledger: {0}")]
    Database(#[from] rusqlite::Error),
    /// The schema could not be brought up to date.
    #[error("the ledger's schema: {0}")]
    Migration(#[from] rusqlite_migration::Error),
    /// The file that keeps two processes from changing the schema at once cannot be used.
    #[error("the ledger's lock: {0}")]
    Lock(std::io::Error),
    /// The file system does not carry a write-ahead log.
    #[error("the ledger: its file system has no shared memory for a write-ahead log; use a local --data-dir")]
    NoWal,
    /// The ledger is kept in another currency.
    #[error(
        "the ledger is kept in {kept}, but costs.currency is {configured}; set it back, or use another --data-dir"
    )]
    Currency {
        /// The currency of its entries and assets.
        kept: String,
        /// The configured one.
        configured: Currency,
    },
    /// A row holds what no row should hold.
    #[error("the ledger: {what} is out of range")]
    OutOfRange {
        /// The column.
        what: &'static str,
    },
    /// A request was not in the state that the step needs; it has been ended already.
    #[error("the ledger: request {id} is not {expected}")]
    State {
        /// The request.
        id: crate::domain::RequestId,
        /// The state it should have had.
        expected: &'static str,
    },
    /// A month could not be written down as a file.
    #[error("the ledger's export: {0}")]
    Export(#[from] csv::Error),
}

impl Ledger {
    /// Opens the ledger in `file`, making it and bringing its schema up to date as needed.
    ///
    /// # Errors
    /// [`LedgerError`] where the file cannot be opened, or is newer than this program.
    pub fn open(file: &Path) -> Result<Self, LedgerError> {
        let mut writer = Connection::open(file)?;
        writer.busy_timeout(BUSY_TIMEOUT)?;
        let journal: String =
            writer.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if journal != "wal" {
            return Err(LedgerError::NoWal);
        }
        writer.pragma_update(None, "synchronous", "FULL")?;
        writer.pragma_update(None, "foreign_keys", true)?;
        migrate(file, &mut writer)?;
        let reader = || -> Result<_, LedgerError> {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let reader = Connection::open_with_flags(file, flags)?;
            reader.busy_timeout(BUSY_TIMEOUT)?;
            Ok(Mutex::new(reader))
        };
        Ok(Self {
            writer: Mutex::new(writer),
            reader: reader()?,
            reports: reader()?,
            running_sums: Mutex::default(),
        })
    }

    /// Whether amounts in `configured` may be added to this ledger's.
    ///
    /// # Errors
    /// [`LedgerError::Currency`] where its entries or assets are in another currency.
    pub fn check_currency(&self, configured: Currency) -> Result<(), LedgerError> {
        let kept: Option<String> = self
            .reader()
            .query_row(
                "SELECT * FROM (SELECT currency FROM entries ORDER BY id DESC LIMIT 1)
                 UNION ALL SELECT currency FROM assets LIMIT 1",
                [],
                |row| row.get(0),
            )
            .optional()?;
        match kept {
            Some(kept) if kept != configured.code() => Err(LedgerError::Currency { kept, configured }),
            _ => Ok(()),
        }
    }

    /// A connection is sound after a panic elsewhere: an open transaction was rolled back when it was dropped.
    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Sums that a panic left half done would be too small; begun anew, they are whole.
    fn running_sums(&self) -> MutexGuard<'_, RunningSums> {
        self.running_sums.lock().unwrap_or_else(|poisoned| {
            let mut sums = poisoned.into_inner();
            *sums = RunningSums::default();
            sums
        })
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// For reports, which take up to a second for a million pictures, and should hold up no request meanwhile.
    fn reports(&self) -> MutexGuard<'_, Connection> {
        self.reports.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Brings the schema up to date. One process at a time: the version is read before the transaction that raises it, so two
/// at once would both take the same step. The lock is a file's, beside the database.
fn migrate(file: &Path, writer: &mut Connection) -> Result<(), LedgerError> {
    let lock = File::create(file.with_extension("lock")).map_err(LedgerError::Lock)?;
    lock.lock().map_err(LedgerError::Lock)?;
    Migrations::from_slice(MIGRATIONS).to_latest(writer)?;
    Ok(())
}

/// Unsigned numbers of ours as SQLite's signed ones.
fn signed(value: u64, what: &'static str) -> Result<i64, LedgerError> {
    i64::try_from(value).map_err(|_| LedgerError::OutOfRange { what })
}

/// SQLite's signed numbers as unsigned ones of ours.
fn unsigned(value: i64, what: &'static str) -> Result<u64, LedgerError> {
    u64::try_from(value).map_err(|_| LedgerError::OutOfRange { what })
}

/// A column of Unix milliseconds.
fn timestamp(millis: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(millis).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Integer, Box::new(error))
    })
}

#[cfg(test)]
mod tests;
