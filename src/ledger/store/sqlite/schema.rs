use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite_migration::{Error, M, Migrations};

use crate::ledger::LedgerError;

/// `Tint`: what distinguishes our files from other programs' SQLite databases.
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
    M::up(include_str!("../../../../migrations/sqlite/0011_comparisons.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0012_reading.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0013_settings.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0014_labels.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0015_shown_images.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0017_scopes.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0020_cost_lines.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0024_installation.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0030_edits.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0033_closed_months.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0037_loras.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0038_key_loras.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0040_reconciliations.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0050_computations.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0055_files.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0056_batches.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0060_request_failures.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0070_terms.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0071_cost_centres.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0072_webhooks.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0073_async.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0074_purchases.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0095_overflow.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0103_purchase_resolutions.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0104_requests_of_batches.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0105_prompts.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0106_favourites.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0113_objects.sql")),
    M::up(include_str!("../../../../migrations/sqlite/0115_fewer_indexes.sql")),
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

/// How a file's schema differs from what the migrations made.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// The first table, trigger, index or view that was added or changed, or table that is missing. A trigger that
    /// somebody put into a file would run with our rights.
    pub(super) alteration: Option<String>,
    /// SQL of the triggers and indexes that are missing.
    missing: Vec<String>,
}

/// Compares the schema of a file with that of its version.
pub(super) fn difference(connection: &Connection) -> Result<Difference, LedgerError> {
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    // A newer program's schema is refused elsewhere, with its own words.
    let Some(version) = usize::try_from(version).ok().filter(|version| *version <= MIGRATIONS.len()) else {
        return Ok(Difference::default());
    };
    let mut pattern = Connection::open_in_memory()?;
    Migrations::from_slice(MIGRATIONS).to_version(&mut pattern, version).map_err(of_migration)?;
    let (expected, found) = (objects(&pattern)?, objects(connection)?);
    let mut difference = Difference::default();
    for (name, sql) in &found {
        let finding = match expected.get(name) {
            Some(expected) if bare(expected) == bare(sql) => continue,
            Some(_) => "was changed",
            None => "was added",
        };
        difference.alteration.get_or_insert_with(|| format!("{name} {finding}"));
    }
    for (name, sql) in expected.iter().filter(|(name, _)| !found.contains_key(*name)) {
        if name.starts_with("table ") {
            difference.alteration.get_or_insert_with(|| format!("{name} is missing"));
        }
        difference.missing.push(sql.clone());
    }
    Ok(difference)
}

/// Puts triggers and indexes back that somebody took away: without them the ledger could be rewritten.
pub(super) fn put_back(connection: &Connection, difference: &Difference) -> Result<(), LedgerError> {
    for sql in &difference.missing {
        connection.execute_batch(sql)?;
    }
    if !difference.missing.is_empty() {
        let count = difference.missing.len();
        tracing::warn!(
            count,
            "triggers or indexes of the ledger were missing; they are back. Run tintype month verify"
        );
    }
    Ok(())
}

/// What the schema consists of: SQL by kind and name.
fn objects(connection: &Connection) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut statement = connection.prepare(
        "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*'",
    )?;
    let objects = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    objects.collect()
}

/// `sql` without comments and white space, which change nothing.
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::Timestamp;
    use tempfile::TempDir;

    use super::*;
    use crate::{
        domain::{Calendar, KeyId, RequestId},
        ledger::{Ledger, Month},
    };

    /// Migrations before comparisons could be missing.
    const BEFORE_COMPARISONS: usize = 9;
    /// Migrations before edits.
    const BEFORE_EDITS: usize = 17;

    /// The settled request of an earlier ledger.
    const SETTLED: &str = "01977420-dc00-7000-8000-000000000001";
    const FAILED: &str = "01977420-dc00-7000-8000-000000000002";

    /// A ledger of the schema after `migrations`, with an image and failed work.
    fn earlier_ledger(file: &Path, migrations: usize) {
        let mut connection = Connection::open(file).expect("a file");
        connection.pragma_update(None, "application_id", APPLICATION_ID).expect("set");
        Migrations::from_slice(&MIGRATIONS[..migrations])
            .to_latest(&mut connection)
            .expect("the earlier schema");
        let request = |id: &str| {
            format!(
                "INSERT INTO requests (id, key_id, body_sha256, state, model, images, reserved_nano, created_at_ms)
                     VALUES ('{id}', 1, zeroblob(32), 'running', 'tiny', 1, 0, 1790000000000);"
            )
        };
        let entry = |id: &str, kind: &str, images: u32, compared: &str| {
            format!(
                "INSERT INTO entries (request_id, kind, image_index, images, entered_at_ms, duration_ms, energy_mj,
                     wall_energy_mj, energy_source, currency, electricity_nano, depreciation_nano, upkeep_nano,
                     compared_sku, compared_nano, exchange_rate_nano, width, height, steps, seed)
                 VALUES ('{id}', '{kind}', 0, {images}, 1790000000000, 40, 2000, 2200, 'estimated', 'CNY', 1, 2, 3,
                     {compared}, 64, 64, 8, 1);"
            )
        };
        connection
            .execute_batch(&format!(
                "INSERT INTO keys (public_id, name, secret_sha256, scope_images, scope_admin, created_at_ms)
                     VALUES ('abc', 'studio', zeroblob(32), 1, 1, 1780000000000);
                 {}{}{}{}",
                request(SETTLED),
                request(FAILED),
                entry(SETTLED, "image", 1, "'fal/z-image-turbo', 10, 7000000000"),
                entry(FAILED, "failed", 0, "NULL, 0, 0"),
            ))
            .expect("rows");
        connection
            .execute_batch(&format!(
                "UPDATE requests SET state = CASE id WHEN '{SETTLED}' THEN 'settled' ELSE 'failed' END,
                     ended_at_ms = 1790000000000, delivered = CASE id WHEN '{SETTLED}' THEN 1 END",
            ))
            .expect("ended");
    }

    #[test]
    fn a_ledger_from_before_takes_images_without_a_comparison_and_keeps_its_rows() {
        let directory = TempDir::new().expect("a directory");
        let file = directory.path().join("ledger.sqlite3");
        earlier_ledger(&file, BEFORE_COMPARISONS);
        let rows = |connection: &Connection| {
            connection
                .query_row(
                    "SELECT group_concat(id || kind || compared_nano || saving_nano) FROM entries",
                    [],
                    |row| row.get::<_, String>(0),
                )
                .expect("rows")
        };
        let before = rows(&Connection::open(&file).expect("a file"));
        let ledger = Ledger::open(&file).expect("migrated");
        let connection = Connection::open(&file).expect("a file");
        assert_eq!(rows(&connection), before);
        let delivered = "SELECT group_concat(request_id || delivered_at_ms) FROM deliveries";
        let delivered = connection.query_row(delivered, [], |row| row.get::<_, String>(0));
        assert_eq!(delivered.expect("a delivery"), format!("{SETTLED}1790000000000"));
        let check = |pragma: &str| {
            let mut statement = connection.prepare(pragma).expect("SQL");
            let found = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
            found.collect::<Result<Vec<_>, _>>().expect("texts")
        };
        assert_eq!(check("PRAGMA integrity_check"), ["ok"]);
        assert!(check("PRAGMA foreign_key_check").is_empty());
        for sql in ["UPDATE entries SET upkeep_nano = 0", "DELETE FROM entries"] {
            assert!(connection.execute(sql, []).is_err(), "{sql}");
        }
        let moment = Timestamp::from_millisecond(1_790_000_000_000).expect("a time");
        let now = Timestamp::from_millisecond(1_795_000_000_000).expect("a time");
        let closed =
            ledger.close_example(Month::of(moment, &Calendar::UTC), &Calendar::UTC, now).expect("closed");
        assert_eq!(closed.rows, 2);
        let fresh_file = directory.path().join("fresh.sqlite3");
        drop(Ledger::open(&fresh_file).expect("a ledger"));
        let schema = |connection: &Connection| -> Vec<String> {
            let mut statement = connection
                .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
                .expect("SQL");
            let found = statement.query_map([], |row| row.get(0)).expect("rows");
            found.collect::<Result<_, _>>().expect("texts")
        };
        let fresh = Connection::open(&fresh_file).expect("a file");
        assert_eq!(schema(&connection), schema(&fresh), "it is the schema of a new ledger");
    }

    #[test]
    fn a_request_from_before_edits_is_none() {
        let directory = TempDir::new().expect("a directory");
        let file = directory.path().join("ledger.sqlite3");
        earlier_ledger(&file, BEFORE_EDITS);
        let lacks_edits =
            |connection: &Connection| connection.prepare("SELECT edit_steps_run FROM requests").is_err();
        assert!(lacks_edits(&Connection::open(&file).expect("a file")), "it is from before");
        let ledger = Ledger::open(&file).expect("migrated");
        assert!(!lacks_edits(&Connection::open(&file).expect("a file")));
        let id = RequestId::from_digits(SETTLED).expect("an id");
        let settled = ledger.settled(id).expect("read").expect("it is kept");
        assert_eq!((settled.images.len(), settled.edit), (1, None));
        let answered = ledger.stored_request(id, KeyId::new(1)).expect("read").expect("it is kept");
        assert_eq!(answered.edit, None);
        for set in
            ["edit_steps_run = 0", "edit_sigma_ppm = 1000001", "edit_pixels = -1", "edit_unchanged = 2"]
        {
            let update = format!("UPDATE requests SET {set}");
            assert!(Connection::open(&file).expect("a file").execute(&update, []).is_err(), "{set}");
        }
    }
}
