use std::collections::BTreeMap;

use tokio_postgres::{Client, Transaction};

use super::{PostgresUrl, fault, wait};
use crate::ledger::LedgerError;

/// A step of the schema: the number of its file, and its SQL. None is ever edited once it was released; a change is a new one,
/// with the number of SQLite's.
struct Migration {
    number: i64,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, sql: include_str!("../../../../migrations/postgres/0001_ledger.sql") },
    Migration { number: 2, sql: include_str!("../../../../migrations/postgres/0002_cluster.sql") },
    Migration { number: 3, sql: include_str!("../../../../migrations/postgres/0003_duties.sql") },
    Migration {
        number: 103,
        sql: include_str!("../../../../migrations/postgres/0103_purchase_resolutions.sql"),
    },
    Migration {
        number: 104,
        sql: include_str!("../../../../migrations/postgres/0104_requests_of_batches.sql"),
    },
    Migration { number: 105, sql: include_str!("../../../../migrations/postgres/0105_prompts.sql") },
    Migration { number: 106, sql: include_str!("../../../../migrations/postgres/0106_favourites.sql") },
    Migration {
        number: 107,
        sql: include_str!("../../../../migrations/postgres/0107_members_of_cost_centres.sql"),
    },
    Migration { number: 112, sql: include_str!("../../../../migrations/postgres/0112_looks.sql") },
    Migration {
        number: 113,
        sql: include_str!("../../../../migrations/postgres/0113_places_and_prompts.sql"),
    },
    Migration { number: 114, sql: include_str!("../../../../migrations/postgres/0114_shared_images.sql") },
    Migration { number: 115, sql: include_str!("../../../../migrations/postgres/0115_fewer_indexes.sql") },
    Migration { number: 116, sql: include_str!("../../../../migrations/postgres/0116_keeping.sql") },
];

/// Held while the schema is brought up to date: programs that start at once wait for the first.
const MIGRATING: i64 = 0x5469_6e74_0001;

const STEPS: &str = "CREATE TABLE ledger_schema (
    number     BIGINT PRIMARY KEY,                  -- of the migration's file
    applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
)";

/// Brings the schema up to date, in a transaction a step.
pub(super) fn migrate(client: &mut Client, url: &PostgresUrl) -> Result<(), LedgerError> {
    let transaction = wait(client.transaction())?;
    wait(transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATING]))?;
    let applied = applied(&transaction, url)?;
    let newest = MIGRATIONS.last().map_or(0, |migration| migration.number);
    if let Some(newer) = applied.filter(|applied| *applied > newest) {
        return Err(of(
            url,
            format!("its schema is {newer}, and this program knows {newest}; use a newer program"),
        ));
    }
    if applied.is_none() {
        wait(transaction.batch_execute(STEPS))?;
    }
    for Migration { number, sql } in
        MIGRATIONS.iter().filter(|step| applied.is_none_or(|applied| step.number > applied))
    {
        wait(transaction.batch_execute(sql))
            .map_err(|error| of(url, format!("migration {number}: {}", LedgerError::from(error))))?;
        wait(transaction.execute("INSERT INTO ledger_schema (number) VALUES ($1)", &[number]))?;
    }
    Ok(wait(transaction.commit())?)
}

/// The last step that was applied; none in an empty database.
fn applied(transaction: &Transaction<'_>, url: &PostgresUrl) -> Result<Option<i64>, LedgerError> {
    let tables = wait(transaction.query(
        "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename",
        &[],
    ))?;
    let tables: Vec<String> = tables.iter().map(|row| row.get(0)).collect();
    if tables.iter().any(|table| table == "ledger_schema") {
        let row = wait(transaction.query_one("SELECT max(number) FROM ledger_schema", &[]))?;
        return Ok(row.get(0));
    }
    match tables.first() {
        Some(table) => Err(of(
            url,
            format!(
                "it has the table {table} of another program; make a database of its own (createdb tintype)"
            ),
        )),
        None => Ok(None),
    }
}

/// How many migrations the ledger still needs; none if there is no ledger.
pub(super) fn missing(client: &mut Client, url: &PostgresUrl) -> Result<Option<usize>, LedgerError> {
    let transaction = wait(client.transaction())?;
    let applied = applied(&transaction, url)?;
    Ok(applied.map(|applied| MIGRATIONS.iter().filter(|step| step.number > applied).count()))
}

/// Refuses a ledger whose triggers were taken away or changed: without them it could be rewritten.
pub(super) fn check(client: &Client, url: &PostgresUrl) -> Result<(), LedgerError> {
    let rows = wait(client.query(
        "SELECT tgname::text, tgenabled::text, prosrc FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
         JOIN pg_class ON pg_class.oid = tgrelid
         WHERE NOT tgisinternal AND relnamespace = current_schema()::regnamespace",
        &[],
    ))?;
    let found: BTreeMap<String, (String, String)> =
        rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect();
    let altered =
        |finding: String| of(url, format!("its schema was altered ({finding}); run tintype month verify"));
    for (name, body) in expected_triggers() {
        match found.get(name) {
            None => return Err(altered(format!("trigger {name} is missing"))),
            Some((enabled, _)) if enabled != "O" => {
                return Err(altered(format!("trigger {name} is switched off")));
            }
            Some((_, source)) if source.trim() != body.trim() => {
                return Err(altered(format!("trigger {name} was changed")));
            }
            Some(_) => {}
        }
    }
    match found.keys().find(|name| !expected_triggers().any(|(expected, _)| expected == name.as_str())) {
        Some(name) => Err(altered(format!("trigger {name} was added"))),
        None => Ok(()),
    }
}

/// Each trigger of the migrations, and the body of its function.
fn expected_triggers() -> impl Iterator<Item = (&'static str, &'static str)> {
    // A trigger may call a function of an earlier step.
    let functions = MIGRATIONS.iter().flat_map(|migration| migration.sql.split("CREATE FUNCTION ").skip(1));
    let bodies: BTreeMap<&str, &str> =
        functions.filter_map(|text| Some((text.split('(').next()?, text.split("$$").nth(1)?))).collect();
    let triggers = MIGRATIONS.iter().flat_map(|migration| migration.sql.split("CREATE TRIGGER ").skip(1));
    triggers.filter_map(move |text| {
        let name = text.split_whitespace().next()?;
        let function = text.split("EXECUTE FUNCTION ").nth(1)?.split('(').next()?;
        Some((name, *bodies.get(function)?))
    })
}

fn of(url: &PostgresUrl, finding: String) -> LedgerError {
    LedgerError::Database { url: url.to_string(), finding }
}

/// Whether the database has a ledger.
pub(super) fn is_there(client: &Client) -> Result<bool, LedgerError> {
    match wait(client.query_opt("SELECT 1 FROM ledger_schema LIMIT 1", &[])) {
        Ok(row) => Ok(row.is_some()),
        Err(error) if error.as_db_error().is_some_and(fault::is_missing) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
