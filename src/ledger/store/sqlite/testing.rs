//! What tests do to the file behind the ledger's back.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, params_from_iter};
use rusqlite_migration::Migrations;

use super::schema::MIGRATIONS;
use crate::{
    domain::RequestId,
    ledger::store::{Param, params},
};

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

/// Makes a ledger as the version with the first `steps` migrations did, with a settled request of one image for key 1.
pub(in crate::ledger) fn make_earlier_request(file: &Path, steps: usize) -> RequestId {
    let at = Timestamp::from_millisecond(1_790_000_000_000).expect("a time");
    let id = RequestId::new(at, [1; 10]);
    for sql in [
        "INSERT INTO keys (id, public_id, name, secret_sha256, scope_images, scope_admin, created_at_ms)
             SELECT 1, 'abc', 'studio', zeroblob(32), 1, 0, 5 WHERE ?1 <> ''",
        "INSERT INTO requests (id, key_id, body_sha256, state, model, images, reserved_nano, created_at_ms)
             VALUES (?1, 1, zeroblob(32), 'running', 'tiny', 1, 0, 1790000000000)",
        "INSERT INTO entries (request_id, kind, image_index, images, entered_at_ms, duration_ms, energy_mj,
             wall_energy_mj, energy_source, currency, electricity_nano, depreciation_nano, upkeep_nano,
             width, height, steps, seed)
         VALUES (?1, 'image', 0, 1, 1790000000000, 40, 2000, 2200, 'estimated', 'CNY', 1, 2, 3,
             64, 64, 8, 1)",
        "UPDATE requests SET state = 'settled', ended_at_ms = 1790000000000 WHERE id = ?1",
    ] {
        make_earlier(file, steps, sql, params![id.to_text()]);
    }
    id
}

/// How many migrations come before the first one that says `sql`.
pub(in crate::ledger) fn steps_before(sql: &str) -> usize {
    let makes = |migration: &rusqlite_migration::M<'_>| format!("{migration:?}").contains(sql);
    MIGRATIONS.iter().position(makes).expect("a migration")
}
