use std::{io::ErrorKind, path::Path};

use rusqlite::{Connection, ErrorCode};

use super::LedgerError;

impl LedgerError {
    /// What went wrong with the ledger in `file`, by its name.
    pub(super) fn of_file(self, file: &Path) -> Self {
        let cause = match self {
            Self::Database(cause) => cause,
            Self::Migration(rusqlite_migration::Error::RusqliteError { err, .. }) => err,
            other => return other,
        };
        let file = file.to_owned();
        match cause.sqlite_error_code() {
            Some(ErrorCode::ReadOnly) => Self::ReadOnly { file },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged { file, finding: cause.to_string() }
            }
            _ => Self::Open { file, cause },
        }
    }

    /// Whether another start would end as this one did, until somebody has done something about a file or the configuration.
    pub fn needs_the_operator(&self) -> bool {
        match self {
            Self::Currency { .. }
            | Self::NoWal
            | Self::ReadOnly { .. }
            | Self::Damaged { .. }
            | Self::DamagedLog { .. }
            | Self::HalfRestored { .. }
            | Self::NotOurs { .. } => true,
            Self::Io { cause, .. } => cause.kind() == ErrorKind::PermissionDenied,
            _ => false,
        }
    }

    /// Whether there is no room on the disk.
    pub fn is_full_disk(&self) -> bool {
        let (Self::Database(cause) | Self::Open { cause, .. }) = self else { return false };
        cause.sqlite_error_code() == Some(ErrorCode::DiskFull)
    }
}

/// What to do about an error of SQLite, after its text.
pub(super) fn remedy(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "; make room on the disk of ledger.sqlite3 in the data directory",
        Some(ErrorCode::SystemIoFailure) => {
            "; look at the disk of ledger.sqlite3 in the data directory, and for a quota"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
            "; the server's user must be able to write to ledger.sqlite3 and to the data directory"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "; ledger.sqlite3 is damaged: stop the server and restore a backup (tintype restore FILE)"
        }
        _ => "",
    }
}

/// What one of SQLite's checks finds first, in a line.
pub(super) fn first_finding(connection: &Connection, check: &str) -> rusqlite::Result<Option<String>> {
    let text: String = connection.query_row(check, [], |row| row.get(0))?;
    let finding = text.lines().find(|line| !line.starts_with("***")).unwrap_or(&text);
    Ok((finding != "ok").then(|| finding.trim().to_owned()))
}
