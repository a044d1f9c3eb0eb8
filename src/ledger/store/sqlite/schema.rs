use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite_migration::{Error, M, Migrations};

use crate::ledger::LedgerError;

/// `Tint`: what tells our files from other programs' SQLite databases.
pub(super) const APPLICATION_ID: i32 = 0x5469_6e74;

/// Each step is part of what ledgers are compared with: none is ever edited, a change is a new one.
pub(super) const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../../../../migrations/sqlite/0001_keys.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0002_ledger.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0003_key_rules.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0004_answers.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0005_assets.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0006_months.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0007_meter.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0008_budgets.sql")),
    // There is no 0009: SQLite counts the steps of this list, not the numbers in their names.
    M::up(include_str!("../../../../migrations/sqlite/0010_sessions.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0012_reading.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0013_settings.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0014_labels.sql")),
];

/// Brings the schema up to date.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), LedgerError> {
    Migrations::from_slice(MIGRATIONS).to_latest(connection).map_err(of_migration)
}

fn of_migration(error: Error) -> LedgerError {
    match error {
        Error::RusqliteError { err, .. } => err.into(),
        other => LedgerError::Schema(Box::new(other)),
    }
}

/// What a file may do beside holding rows: nothing. Functions that its schema could call are kept from it.
pub(super) fn distrust(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "trusted_schema", false)
}

/// The first table, trigger, index or view that is not as the migrations made it: a trigger that somebody put into a backup
/// would run with our rights. None if all are, and none is missing.
pub(super) fn first_alteration(connection: &Connection) -> Result<Option<String>, LedgerError> {
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    // A newer program's schema is refused elsewhere, with its own words.
    let Some(version) = usize::try_from(version).ok().filter(|version| *version <= MIGRATIONS.len()) else {
        return Ok(None);
    };
    let mut pattern = Connection::open_in_memory()?;
    Migrations::from_slice(MIGRATIONS).to_version(&mut pattern, version).map_err(of_migration)?;
    let (expected, found) = (objects(&pattern)?, objects(connection)?);
    let altered = found.iter().find(|(name, sql)| expected.get(*name) != Some(sql));
    let missing = expected.keys().find(|name| !found.contains_key(*name));
    Ok(match (altered, missing) {
        (Some((name, _)), _) if expected.contains_key(name) => Some(format!("{name} was changed")),
        (Some((name, _)), _) => Some(format!("{name} was added")),
        (None, Some(name)) => Some(format!("{name} is missing")),
        (None, None) => None,
    })
}

/// What the schema consists of, by kind and name: its SQL without comments and white space, which say nothing.
fn objects(connection: &Connection) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut statement = connection.prepare(
        "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*'",
    )?;
    let objects = statement.query_map([], |row| Ok((row.get(0)?, bare(&row.get::<_, String>(1)?))))?;
    objects.collect()
}

fn bare(sql: &str) -> String {
    let mut kept = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let taken = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '\'' {
            // A text is kept as it is, whatever looks like a comment in it.
            let end = rest[1..].find('\'').map_or(rest.len(), |end| end + 2);
            kept.push_str(&rest[..end]);
            end
        } else {
            kept.extend((!first.is_whitespace()).then_some(first));
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    kept
}

pub(super) fn application_id(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}
