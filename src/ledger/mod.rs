//! The ledger: keys, reservations, and what every picture cost, in SQLite. Never lost, never twice.
//!
//! Architecture invariant: the ledger reads no clock; every moment is an argument. Entries are append-only, states go one
//! way, and both are enforced by the database itself (migrations/0002_ledger.sql). Totals are sums, never counters.

mod assets;
mod backup;
mod budgets;
mod closings;
mod corrections;
mod csv_file;
mod days;
mod entries;
mod facts;
mod faults;
mod focus;
mod groups;
mod keys;
mod meter;
mod months;
mod payback;
mod plug;
mod receipts;
mod recent;
mod report;
mod requests;
mod restore;
mod seals;
mod sessions;
mod sources;
mod statements;
mod totals;
mod wal;
mod whole;
mod year;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::{Connection, MAIN_DB, OpenFlags, OptionalExtension};
use rusqlite_migration::{M, Migrations};

use self::{budgets::RunningSums, faults::remedy};
use crate::units::Currency;

pub use self::{
    assets::AssetRow,
    backup::{BackedUp, CopyError, Holdings, back_up},
    budgets::{BudgetHolder, BudgetPeriods, Need, OverBudget},
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
    recent::{RecentRequest, RecentWork},
    report::{Figures, GroupReport, Groups, MonthReport},
    requests::{NewRequest, Reservation, ReserveError, SettledRequest, Settlement, Unbooked},
    restore::{BackupFile, Restored},
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

/// `Tint`: what tells our files from other programs' SQLite databases.
const APPLICATION_ID: i32 = 0x5469_6e74;

/// A handle on the database: one connection that writes, one that reads beside it, and one for what takes long to read.
pub struct Ledger {
    // Closed first: only a connection that may write can bring the log into the file when the last one closes.
    reader: Mutex<Connection>,
    reports: Mutex<Connection>,
    writer: Mutex<Connection>,
    /// Used by the one who has the writer.
    running_sums: Mutex<RunningSums>,
    file: PathBuf,
}

/// The ledger cannot do what was asked. Nothing of it has been done.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// SQLite refused.
    #[error("the ledger: {}{}", .0, remedy(.0))]
    Database(#[from] rusqlite::Error),
    /// The schema could not be brought up to date.
    #[error("the ledger's schema: {0}")]
    Migration(#[from] rusqlite_migration::Error),
    /// A file cannot be opened.
    #[error("{}: {cause}; the server's user must be able to read and write all files of the data directory", .file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// SQLite cannot open the ledger.
    #[error("{}: {cause}{}", .file.display(), remedy(.cause))]
    Open {
        /// The ledger.
        file: PathBuf,
        /// Why.
        cause: rusqlite::Error,
    },
    /// The ledger can be read, and nothing can be booked.
    #[error("{} is read-only; let the server's user write to it and to its directory (chown, chmod u+w, mount)", .file.display())]
    ReadOnly {
        /// The ledger.
        file: PathBuf,
    },
    /// The ledger is not as SQLite wrote it.
    #[error("{} is damaged ({finding}); restore a backup: tintype restore FILE", .file.display())]
    Damaged {
        /// The ledger.
        file: PathBuf,
        /// What was found first.
        finding: String,
    },
    /// The write-ahead log is not as SQLite wrote it, and what was booked last is in it.
    #[error(
        "{} is damaged, and {writes} writes in it cannot be read; restore a backup (tintype restore FILE), or keep what \
         can be read (tintype backup FILE, then tintype restore FILE)",
        .file.display()
    )]
    DamagedLog {
        /// The log.
        file: PathBuf,
        /// Transactions that cannot be read.
        writes: u64,
    },
    /// A restore was killed; the ledger may be without its log.
    #[error("{} is left of a restore that was cut short; run tintype restore FILE again", .file.display())]
    HalfRestored {
        /// What it left.
        file: PathBuf,
    },
    /// The file is a database of another program.
    #[error("{} is another program's database; pass another --data-dir", .file.display())]
    NotOurs {
        /// The file.
        file: PathBuf,
    },
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
    /// [`LedgerError`] where the file cannot be opened or written, is damaged, or is newer than this program.
    pub fn open(file: &Path) -> Result<Self, LedgerError> {
        let _turn = wait_for_turn(file)?;
        restore::refuse_half_done(file)?;
        wal::check(file)?;
        Self::open_in_turn(file).map_err(|error| error.of_file(file))
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
        if application_id == 0 {
            writer.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
        Migrations::from_slice(MIGRATIONS).to_latest(&mut writer)?;
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
            file: file.to_owned(),
        })
    }

    /// At a server's start: whether every page is sound. Then what is in the log goes into the database, so that damage to
    /// the log costs at most what was booked since.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] where a page is not sound.
    pub fn inspect(&self) -> Result<(), LedgerError> {
        self.check_pages().map_err(|error| error.of_file(&self.file))?;
        let moved = self.writer().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = moved {
            // A disk may be full. The log goes on from where it is.
            tracing::warn!(%error, "the ledger's log could not be brought into the database");
        }
        Ok(())
    }

    fn check_pages(&self) -> Result<(), LedgerError> {
        match faults::first_finding(&self.reader(), "PRAGMA quick_check(1)")? {
            None => Ok(()),
            Some(finding) => Err(LedgerError::Damaged { file: self.file.clone(), finding }),
        }
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

/// One process at a time opens the ledger: the schema's version is read before the transaction that raises it, so two at
/// once would both take the same step, and a restore must not put another file in place meanwhile. The lock is a file's,
/// beside the database, and holds until it is dropped.
fn wait_for_turn(file: &Path) -> Result<File, LedgerError> {
    let path = file.with_extension("lock");
    let locked = File::create(&path).and_then(|lock| lock.lock().map(|()| lock));
    locked.map_err(|cause| LedgerError::Io { file: path, cause })
}

fn application_id(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
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
