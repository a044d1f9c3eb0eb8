//! What tests do to the file behind the ledger's back.

use std::path::Path;

use rusqlite::{Connection, params_from_iter};
use rusqlite_migration::Migrations;

use super::schema::MIGRATIONS;
use crate::ledger::store::Param;

/// Runs `sql` as somebody with sqlite3 would who has taken the triggers away, and returns how many rows it changed.
pub(in crate::ledger) fn tamper(file: &Path, sql: &str) -> usize {
    let connection = Connection::open(file).expect("the ledger");
    let mut statement =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").expect("triggers");
    let names = statement.query_map([], |row| row.get::<_, String>(0)).expect("triggers");
    for name in names.collect::<Result<Vec<_>, _>>().expect("names") {
        connection.execute_batch(&format!("DROP TRIGGER {name}")).expect("dropped");
    }
    connection.pragma_update(None, "foreign_keys", false).expect("off");
    connection.execute(sql, []).expect("tampered")
}

/// Makes a ledger as the version with the first `steps` migrations did, and runs `sql` on it.
pub(in crate::ledger) fn make_earlier(file: &Path, steps: usize, sql: &str, params: &[Param<'_>]) {
    let mut connection = Connection::open(file).expect("a database");
    Migrations::from_slice(&MIGRATIONS[..steps]).to_latest(&mut connection).expect("the earlier schema");
    connection.execute(sql, params_from_iter(params)).expect("inserted");
}
