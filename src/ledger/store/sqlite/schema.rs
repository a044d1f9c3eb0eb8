use rusqlite::Connection;
use rusqlite_migration::{Error, M, Migrations};

use crate::ledger::LedgerError;

/// `Tint`: what tells our files from other programs' SQLite databases.
pub(super) const APPLICATION_ID: i32 = 0x5469_6e74;

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
    M::up(include_str!("../../../../migrations/sqlite/0017_scopes.sql")),
];

/// Brings the schema up to date.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), LedgerError> {
    Migrations::from_slice(MIGRATIONS).to_latest(connection).map_err(|error| match error {
        Error::RusqliteError { err, .. } => err.into(),
        other => LedgerError::Schema(Box::new(other)),
    })
}

pub(super) fn application_id(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}
