//! The same ledger in both databases, and what only PostgreSQL has: other programs' tables, servers that share it, restarts.

use super::*;
use crate::ledger::store::{Store, postgres_testing as postgres};

/// A ledger in PostgreSQL that has the same history as `book`'s. None if PostgreSQL is not installed.
fn moved(ledger: &Ledger) -> Option<Ledger> {
    if !postgres::is_there() {
        return None;
    }
    let target = Ledger::open_at(&LedgerPlace::Postgres(postgres::database())).expect("a ledger");
    ledger.copy_into(&target).expect("copied");
    Some(target)
}

/// A month with images, failed work, a repeat, a reversal, a tag and a closing.
fn history() -> Book {
    let mut book = Book::new(None);
    let one = book.reserve(20, Some("order"), 1).expect("reserved");
    book.settle(one, &[&receipt(), &receipt()]).expect("settled");
    let two = book.reserve(20, None, 2).expect("reserved");
    let (spec, work) = (spec(), [failed_work(Money::from_nano(7))]);
    book.ledger
        .fail(two, FailureReason::GenerationFailed, &spec, Currency::CNY, &work, NOON)
        .expect("failed");
    let last = book.settled(None, None);
    book.ledger.note_delivery(last, NOON).expect("delivered");
    book
}

#[test]
fn a_ledger_that_moves_there_and_back_is_the_same_to_the_last_hash() {
    let book = history();
    let month = Month::of(NOON, &Calendar::UTC);
    let later = NOON + SignedDuration::from_hours(24 * 40);
    let closing = book.ledger.close_example(month, &Calendar::UTC, later).expect("closed");
    let Some(there) = moved(&book.ledger) else { return };
    assert_eq!(there.count_rows().expect("counts"), book.ledger.count_rows().expect("counts"));
    let closings = there.closings().expect("closings");
    assert_eq!(closings.iter().map(|kept| kept.sha256).collect::<Vec<_>>(), [closing.sha256]);
    let verified = there.verify_months(None).expect("verified");
    assert!(verified.iter().all(|month| month.finding.is_none()), "{verified:?}");
    let directory = TempDir::new().expect("a directory");
    let back = Ledger::open(&directory.path().join("ledger.sqlite3")).expect("a ledger");
    there.copy_into(&back).expect("copied");
    assert_eq!(back.count_rows().expect("counts"), book.ledger.count_rows().expect("counts"));
    assert!(back.verify_months(None).expect("verified").iter().all(|month| month.finding.is_none()));
    // Ids go on where they were, and the guards are there again.
    for ledger in [&there, &back] {
        let key = ApiKey::generate(&mut StdRng::seed_from_u64(9));
        let rules = KeyRules { scopes: Scopes::ALL, ..KeyRules::default() };
        ledger.create_key(&NewKey { key: &key, name: "next", rules }, "first start", later).expect("a key");
        assert_eq!(ledger.keys().expect("keys").len(), 2);
        for sql in ["UPDATE entries SET upkeep_nano = 0", "DELETE FROM entries", "DELETE FROM month_closings"]
        {
            assert!(ledger.sql(sql).is_err(), "{sql}");
        }
        assert!(matches!(ledger.copy_into(&back), Err(LedgerError::NotEmpty)));
    }
    assert!(there.sql("TRUNCATE entries, month_closing_rows, month_reseal_rows").is_err());
}

#[test]
fn both_report_the_same_to_the_byte() {
    let book = history();
    let Some(there) = moved(&book.ledger) else { return };
    let costs = model_in(Currency::CNY);
    let month = Month::of(NOON, &Calendar::UTC);
    let report = |ledger: &Ledger| {
        let kinds = [GroupBy::Key, GroupBy::Tag, GroupBy::Day];
        let report = ledger.month_report(&costs, month, &kinds, &Calendar::UTC, NOON).expect("a report");
        serde_json::to_string(&report).expect("JSON")
    };
    assert_eq!(report(&book.ledger), report(&there));
    let recent = |ledger: &Ledger| {
        format!("{:?}", ledger.recent_requests(&RequestFilter::default(), 50).expect("rows"))
    };
    assert_eq!(recent(&book.ledger), recent(&there));
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_ledgers_file_is_refused() {
    for ending in ["", "-wal", "-shm"] {
        let directory = TempDir::new().expect("a directory");
        let pipe = directory.path().join(format!("ledger.sqlite3{ending}"));
        crate::os::make_pipe(&pipe);
        let opened = Ledger::open(&directory.path().join("ledger.sqlite3"));
        let said = opened.err().expect("a pipe is refused").to_string();
        assert!(said.contains(&format!("ledger.sqlite3{ending}: it is not a file")), "{said}");
    }
}

#[test]
fn both_databases_have_the_same_tables_and_columns() {
    if !postgres::is_there() {
        return;
    }
    let book = Book::new(None);
    let there = Ledger::open_at(&LedgerPlace::Postgres(postgres::database())).expect("a ledger");
    let columns = |store: &Store, sql: &str| -> Vec<(String, String, bool)> {
        let rows = store.read(|conn| {
            conn.query(sql, &[], |row| {
                Ok((row.get::<String>(0)?, row.get::<String>(1)?, row.get::<bool>(2)?))
            })
        });
        rows.expect("columns")
    };
    let here = columns(
        &book.ledger.store,
        "SELECT tables.name, columns.name, columns.\"notnull\" = 0 AND columns.pk = 0
         FROM sqlite_schema AS tables JOIN pragma_table_xinfo(tables.name) AS columns
         WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite%' ORDER BY 1, 2",
    );
    let theirs = columns(
        &there.store,
        "SELECT table_name::text, column_name::text, is_nullable = 'YES' FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name NOT IN
         ('ledger_schema', 'ledger_writes', 'cluster', 'duties', 'nodes', 'queue', 'rates', 'turns')
         ORDER BY table_name::text COLLATE \"C\", column_name::text COLLATE \"C\"",
    );
    assert_eq!(here, theirs);
    let names: std::collections::BTreeSet<_> = here.iter().map(|(table, ..)| table.as_str()).collect();
    let copied: std::collections::BTreeSet<_> = crate::ledger::store::TABLES.iter().copied().collect();
    assert_eq!(names, copied, "every table is copied");
}

#[test]
fn a_table_that_gets_a_column_under_a_running_node_is_read_again() {
    if !postgres::is_there() {
        return;
    }
    let url = postgres::database();
    let ledger = Ledger::open_at(&LedgerPlace::Postgres(url.clone())).expect("a ledger");
    assert_eq!(ledger.keys().expect("read").len(), 0, "it is prepared");
    assert_eq!(ledger.store.ask("SELECT * FROM ledger_writes", &[], |_| Ok(())).expect("read").len(), 1);
    postgres::run_in(
        &url,
        "ALTER TABLE keys ADD COLUMN later BIGINT; ALTER TABLE ledger_writes ADD COLUMN later BIGINT",
    );
    let error = ledger.keys().expect_err("it was prepared for other columns");
    assert!(error.is_away(), "whoever asks again is answered: {error}");
    assert_eq!(ledger.keys().expect("read").len(), 0);
    assert_eq!(ledger.store.ask("SELECT * FROM ledger_writes", &[], |_| Ok(())).expect("read").len(), 1);
}

#[test]
fn a_ledger_without_its_guards_is_not_opened() {
    if !postgres::is_there() {
        return;
    }
    for (sql, said) in [
        ("DROP TRIGGER entries_are_never_rewritten ON entries", "entries_are_never_rewritten is missing"),
        (
            "ALTER TABLE entries DISABLE TRIGGER entries_are_never_deleted",
            "entries_are_never_deleted is switched off",
        ),
        (
            "CREATE OR REPLACE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
            "was changed",
        ),
        (
            "CREATE TRIGGER sly BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION refuse('no')",
            "trigger sly was added",
        ),
    ] {
        let place = LedgerPlace::Postgres(postgres::database());
        Ledger::open_at(&place).expect("a ledger").sql(sql).expect("done by the tables' owner");
        let error = Ledger::open_at(&place).map(|_| ()).expect_err(sql).to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn another_programs_database_is_left_alone() {
    if !postgres::is_there() {
        return;
    }
    let url = postgres::empty_database();
    postgres::run_in(&url, "CREATE TABLE orders (id BIGINT)");
    let place = LedgerPlace::Postgres(url);
    assert!(!place.is_there().expect("asked"));
    let error = Ledger::open_at(&place).map(|_| ()).expect_err("it is another program's").to_string();
    assert!(error.contains("the table orders of another program") && error.contains("createdb"), "{error}");
}

#[test]
fn one_server_at_a_time_uses_a_database() {
    if !postgres::is_there() {
        return;
    }
    let place = LedgerPlace::Postgres(postgres::database());
    let first = Ledger::open_at(&place).expect("a ledger");
    first.inspect().expect("it is free");
    first.inspect().expect("it is this one's already");
    let second = Ledger::open_at(&place).expect("commands work beside a server");
    let error = second.inspect().expect_err("a second server").to_string();
    assert!(error.contains("another server uses this ledger"), "{error}");
    drop(first);
    // The database notices a connection that was closed in its own time.
    postgres::eventually(|| second.inspect().is_ok());
}

#[test]
fn a_database_that_is_started_again_is_used_again() {
    if !postgres::is_there() {
        return;
    }
    let url = postgres::database();
    let ledger = Ledger::open_at(&LedgerPlace::Postgres(url.clone())).expect("a ledger");
    // Each is waited for: one that ends a moment later would end within the next transaction.
    let end = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    postgres::run_in(&url, end);
    // The idle connections are gone, and the pool does not know.
    assert_eq!(ledger.keys().expect("a new connection").len(), 0);
    postgres::run_in(&url, end);
    let key = ApiKey::generate(&mut StdRng::seed_from_u64(9));
    let rules = KeyRules { scopes: Scopes::ALL, ..KeyRules::default() };
    ledger
        .create_key(&NewKey { key: &key, name: "next", rules }, "first start", NOON)
        .expect("a new connection");
}

#[test]
fn the_version_is_asked_for_in_one_round_trip() {
    if !postgres::is_there() {
        return;
    }
    let place = LedgerPlace::Postgres(postgres::database());
    let (ledger, watcher) =
        (Ledger::open_at(&place).expect("a ledger"), Ledger::open_at(&place).expect("a ledger"));
    let before = ledger.store.version().expect("a number");
    // A transaction's last statement would be its COMMIT.
    let last = "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle'
                  AND query = 'SELECT writes FROM ledger_writes'";
    let asked = watcher.store.read(|conn| conn.query_one(last, &[], |row| row.get::<i64>(0)));
    assert_eq!(asked.expect("a count"), 1);
    let key = ApiKey::generate(&mut StdRng::seed_from_u64(9));
    let rules = KeyRules { scopes: Scopes::ALL, ..KeyRules::default() };
    watcher.create_key(&NewKey { key: &key, name: "next", rules }, "first start", NOON).expect("a key");
    assert_ne!(ledger.store.version().expect("a number"), before, "another process has written");
}

#[test]
fn an_examined_database_says_in_which_zone_it_counts() {
    if !postgres::is_there() {
        return;
    }
    let url = postgres::database();
    let ledger = Ledger::open_at(&LedgerPlace::Postgres(url.clone())).expect("a ledger");
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").expect("a zone");
    ledger.keep_zone(&zone, NOON).expect("kept");
    let examined = crate::ledger::examine_database(&url).expect("read").expect("a ledger");
    assert_eq!((examined.migrations_missing, examined.zone.as_deref()), (0, Some("Asia/Shanghai")));
}
