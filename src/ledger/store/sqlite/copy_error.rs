use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
};

use rusqlite::ErrorCode;

use crate::ledger::LedgerError;

/// Why a ledger was not copied. What was there before is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The file to write is there.
    #[error("{} is there already; name another file, or pass --force to replace it", .0.display())]
    Exists(PathBuf),
    /// The file to write is one of the ledger's own.
    #[error("{} belongs to the ledger itself; name another file", .0.display())]
    Itself(PathBuf),
    /// Another backup is being written to the same place.
    #[error("{} is being written by another backup; wait for it, or name another file", .0.display())]
    BeingWritten(PathBuf),
    /// The file is not a ledger.
    #[error("{} is not a ledger of Tintype; name a file that tintype backup wrote", .0.display())]
    NotALedger(PathBuf),
    /// The file was written by a newer program.
    #[error("{} has schema {schema}, and this program knows {known}; restore it with the newer program", .file.display())]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its schema.
        schema: i64,
        /// The newest known one.
        known: usize,
    },
    /// The file that was to be copied is not as SQLite wrote it.
    #[error("{} is damaged ({finding}); use another backup", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What was found first.
        finding: String,
    },
    /// A program has the ledger open that is to be replaced.
    #[error("{} is in use; end the other tintype or sqlite3 and try again", .0.display())]
    InUse(PathBuf),
    /// The system refused.
    #[error("{}: {cause}", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// SQLite refused.
    #[error("{}: {source}", .file.display())]
    Database {
        /// The file.
        file: PathBuf,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl CopyError {
    /// Whether the file that was named cannot be used, or not now.
    pub fn needs_the_operator(&self) -> bool {
        match self {
            Self::Io { .. } | Self::Database { .. } => false,
            Self::Ledger(error) => error.needs_the_operator(),
            _ => true,
        }
    }

    pub(super) fn io(path: &Path, cause: io::Error) -> Self {
        Self::Io { path: path.to_owned(), cause }
    }

    /// What SQLite says of `file`.
    pub(super) fn of(file: &Path, cause: rusqlite::Error) -> Self {
        let file = file.to_owned();
        match cause.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotALedger(file),
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { file, finding: cause.to_string() },
            _ => Self::Database { file, source: Box::new(cause) },
        }
    }
}
