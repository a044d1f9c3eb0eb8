use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::{PostgresUrl, postgres};
use crate::ledger::LedgerError;

/// Where a ledger is.
#[derive(Debug, Clone)]
pub enum LedgerPlace {
    /// A file of SQLite's.
    File(PathBuf),
    /// A database of PostgreSQL's.
    Postgres(PostgresUrl),
}

impl LedgerPlace {
    /// Whether there is a ledger.
    ///
    /// # Errors
    /// [`LedgerError`] if the database cannot be asked.
    pub fn is_there(&self) -> Result<bool, LedgerError> {
        match self {
            Self::File(file) => Ok(file.is_file()),
            Self::Postgres(url) => postgres::PostgresStore::is_there(url),
        }
    }
}

impl From<&Path> for LedgerPlace {
    fn from(file: &Path) -> Self {
        Self::File(file.to_owned())
    }
}

impl fmt::Display for LedgerPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => file.display().fmt(f),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}
