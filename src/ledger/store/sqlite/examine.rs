use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::{
    CopyError,
    backup::{check_kind, open_to_read, open_unchanging},
    files::log_of,
    schema::MIGRATIONS,
    wal,
};

/// What a ledger's file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Migrations that it still needs, which the next start makes.
    pub migrations_missing: usize,
    /// The zone in which it counts months, once it has one.
    pub zone: Option<String>,
    /// The latest moment at which anything was booked.
    pub latest: Option<Timestamp>,
}

/// Reads the ledger in `file` beside a running server or without one, and checks each of its pages. Writes nothing.
///
/// # Errors
/// [`CopyError`] if it cannot be read, is damaged, is newer than this program, or is not a ledger.
pub fn examine(file: &Path) -> Result<Examined, CopyError> {
    let damaged = |finding: String| CopyError::Damaged { file: file.to_owned(), finding };
    let of = |cause| CopyError::of(file, cause);
    // Without a log nobody has it open, and no file has to be made beside it to read it.
    let connection =
        if log_of(file).exists() { open_to_read(file)? } else { open_unchanging(file).map_err(of)? };
    check_kind(&connection, file)?;
    wal::check(file).map_err(|error| damaged(error.to_string()))?;
    let finding: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(of)?;
    if finding != "ok" {
        return Err(damaged(finding));
    }
    let schema: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(of)?;
    let schema = usize::try_from(schema).unwrap_or_default();
    let zone = zone(&connection).map_err(of)?;
    // The first migration knew no entries.
    let latest: Option<i64> = match schema {
        0 | 1 => None,
        _ => connection
            .query_row("SELECT max(entered_at_ms) FROM entries", [], |row| row.get(0))
            .map_err(of)?,
    };
    Ok(Examined {
        migrations_missing: MIGRATIONS.len().saturating_sub(schema),
        zone,
        latest: latest.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
    })
}

/// The zone in which months are counted last; none if the ledger keeps none yet.
fn zone(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let has = |table: &str| {
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = ?1)";
        connection.query_row(sql, [table], |row| row.get::<_, bool>(0))
    };
    let of_terms = "SELECT json_extract(term, '$.value') FROM terms WHERE name = 'time_zone'
                    ORDER BY from_ms DESC, id DESC LIMIT 1";
    let of_settings = "SELECT value FROM settings WHERE name = 'time_zone'";
    let sql = match (has("terms")?, has("settings")?) {
        (true, _) => of_terms,
        (false, true) => of_settings,
        (false, false) => return Ok(None),
    };
    connection.query_row(sql, [], |row| row.get(0)).optional()
}
