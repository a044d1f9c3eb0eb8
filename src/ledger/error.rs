use std::{
    error::Error,
    fmt,
    io::{self, ErrorKind},
    path::PathBuf,
};

use crate::{domain::RequestId, units::Currency};

/// What kind of thing went wrong in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreFault {
    /// There is no room on the disk.
    FullDisk,
    /// The disk failed.
    Disk,
    /// The file, or its directory, cannot be written to.
    ReadOnly,
    /// The file, or its directory, cannot be opened.
    CannotOpen,
    /// The file is not as the database wrote it.
    Damaged,
    /// The database cannot be reached, or takes no more connections.
    Away,
    /// There is no room on the disk of the database's server.
    DatabaseFull,
    /// The database takes no writes.
    DatabaseReadOnly,
    /// The database is not as its server wrote it.
    DatabaseDamaged,
    /// The database's user may not do this.
    NotAllowed,
    /// A constraint or a trigger refused a row.
    Refused,
    /// A row holds what its column should not hold.
    Row,
    /// Anything else.
    Other,
}

/// What to do about a fault, after its text.
impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FullDisk => "; make room on the disk of ledger.sqlite3 in the data directory",
            Self::Disk => "; look at the disk of ledger.sqlite3 in the data directory, and for a quota",
            Self::ReadOnly | Self::CannotOpen => {
                "; the server's user must be able to write to ledger.sqlite3 and to the data directory"
            }
            Self::Damaged => {
                "; ledger.sqlite3 is damaged: stop the server and restore a backup (tintype restore FILE)"
            }
            Self::Away => "; see that PostgreSQL runs and takes connections from here",
            Self::DatabaseFull => "; make room on the disk of PostgreSQL's server",
            Self::DatabaseReadOnly => "; it is a standby, or was set to read only: name the primary",
            Self::DatabaseDamaged => "; the database is damaged: restore a backup (pg_restore)",
            Self::NotAllowed => "; the database's user must own the ledger's tables",
            Self::Refused | Self::Row | Self::Other => "",
        })
    }
}

/// The ledger cannot do what was asked. Nothing of it has been done.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database refused.
    #[error("the ledger: {source}{fault}")]
    Store {
        /// What kind of thing went wrong.
        fault: StoreFault,
        /// What the database says of it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The schema could not be brought up to date.
    #[error("the ledger's schema: {0}")]
    Schema(#[source] Box<dyn Error + Send + Sync>),
    /// A file cannot be opened.
    #[error("{}: {cause}; the server's user must be able to read and write all files of the data directory", .file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The ledger cannot be opened.
    #[error("{}: {source}{fault}", .file.display())]
    Open {
        /// The ledger.
        file: PathBuf,
        /// What kind of thing went wrong.
        fault: StoreFault,
        /// What the database says of it.
        source: Box<dyn Error + Send + Sync>,
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
    /// The zone in which the machine counts has no name by which it could be kept.
    #[error(
        "the machine's time zone has no IANA name (TZ=CST-8, or a copied /etc/localtime), so that the ledger cannot keep it; \
         set time_zone, such as \"Asia/Shanghai\""
    )]
    NamelessZone,
    /// Running nodes count days and months in another zone, and would go on doing so.
    #[error(
        "the nodes of this cluster count days and months in {kept}, and time_zone is {configured} here (if it is not set, the \
         machine's own); give every gateway the same time_zone, or stop all nodes before you change it"
    )]
    OtherZone {
        /// The zone of the ledger.
        kept: String,
        /// The configured one.
        configured: String,
    },
    /// The file is a database of another program.
    #[error("{} is another program's database; pass another --data-dir", .file.display())]
    NotOurs {
        /// The file.
        file: PathBuf,
    },
    /// The schema is not the one that the program made: whoever wrote the file could have it do what it likes.
    #[error("{}: its schema was altered ({finding}); restore a backup that you trust: tintype restore FILE", .file.display())]
    Altered {
        /// The file.
        file: PathBuf,
        /// What was found first.
        finding: String,
    },
    /// A ledger that others' rows are to go into has some of its own.
    #[error("the ledger to move to is not empty; name another")]
    NotEmpty,
    /// A database of PostgreSQL's cannot be used as a ledger.
    #[error("{url}: {finding}")]
    Database {
        /// Where it is.
        url: String,
        /// Why, and what to do.
        finding: String,
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
    /// A sum over rows does not fit.
    #[error("the ledger: {0}")]
    Range(#[from] crate::units::RangeError),
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
        id: RequestId,
        /// The state it should have had.
        expected: &'static str,
    },
    /// A request that a worker of a cluster held is another's by now, or ended: it took too long without a word.
    #[error("the ledger: request {id} was taken from this worker")]
    Fenced {
        /// The request.
        id: RequestId,
    },
    /// What one node does for all is another's by now.
    #[error("the ledger: another node of the cluster looks after this now")]
    OffDuty,
    /// A month's statement could not be written down, or cannot be read.
    #[error("the ledger's statement of a month: {0}")]
    Statement(#[from] serde_json::Error),
    /// A month could not be written down as a file.
    #[error("the ledger's export: {0}")]
    Export(#[from] csv::Error),
}

impl LedgerError {
    /// Whether another start would end as this one did, until somebody has done something about a file or the configuration.
    pub fn needs_the_operator(&self) -> bool {
        match self {
            Self::Currency { .. }
            | Self::NamelessZone
            | Self::OtherZone { .. }
            | Self::NoWal
            | Self::ReadOnly { .. }
            | Self::Damaged { .. }
            | Self::DamagedLog { .. }
            | Self::HalfRestored { .. }
            | Self::NotOurs { .. }
            | Self::Altered { .. }
            | Self::Database { .. } => true,
            Self::Io { cause, .. } => cause.kind() == ErrorKind::PermissionDenied,
            _ => false,
        }
    }

    /// Whether the request is another worker's by now.
    pub const fn is_fenced(&self) -> bool {
        matches!(self, Self::Fenced { .. })
    }

    /// Whether the database cannot be reached now.
    pub const fn is_away(&self) -> bool {
        matches!(self, Self::Store { fault: StoreFault::Away, .. })
    }

    /// Whether there is no room on the disk.
    pub fn is_full_disk(&self) -> bool {
        matches!(
            self,
            Self::Store { fault: StoreFault::FullDisk | StoreFault::DatabaseFull, .. }
                | Self::Open { fault: StoreFault::FullDisk, .. }
        )
    }
}
