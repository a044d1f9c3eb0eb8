//! A ledger in PostgreSQL that is restored by PostgreSQL's own tools: from a dump, and to a point in time. It has what was booked by
//! then, passes every check, and is served.

use std::fs;

use crate::{
    eventually::eventually, image_client::Answered, ledger_in_postgres::audit_of, postgres::Postgres,
    served::Place,
};

/// Requests before a backup, and after it.
const REQUESTS: usize = 3;

fn entries(database: &Postgres) -> String {
    database.query("SELECT count(*) || ' ' || coalesce(sum(standard_nano), 0) FROM entries")
}

/// `tintype ledger check` finds nothing wrong, nor do the controls of `tintype audit`.
fn is_checked(place: &Place, url: &str) {
    for arguments in [&["ledger", "check", "--ledger", url], &["month", "verify", "--ledger", url]] {
        let output = place.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_dump_is_restored_with_every_check() {
    let Some(database) = Postgres::start() else { return };
    let mut place = Place::with_ledger(database.url());
    let served = place.serve();
    place.generate(&served, REQUESTS);
    // Beside a running server, as backups are made.
    let dump = place.aside("tintype.dump");
    let dump = dump.to_str().expect("UTF-8");
    let booked = entries(&database);
    database.run_tool("pg_dump", &["--format=custom", "--file", dump, "books"]);
    place.generate(&served, 1);
    served.stop();
    database.run_tool("createdb", &["restored"]);
    database.run_tool("pg_restore", &["--dbname=restored", "--no-owner", "--exit-on-error", dump]);
    let url = database.url_of("restored");
    is_checked(&place, &url);
    let restored = "SELECT count(*) || ' ' || coalesce(sum(standard_nano), 0) FROM entries";
    assert_eq!(database.run_tool("psql", &["-X", "-A", "-t", "-d", "restored", "-c", restored]), booked);
    // It is served, by the same keys.
    place.use_ledger(url);
    let served = place.serve();
    place.client(&served).generate(None, 1).expect("an answer");
    served.stop();
}

#[test]
fn a_ledger_is_restored_to_a_point_in_time() {
    let Some(database) = Postgres::start() else { return };
    let archive = database.directory().join("archive");
    database.query("COPY (SELECT 1) TO PROGRAM 'mkdir -m 755 ../archive'");
    for setting in ["archive_mode = on", "archive_command = 'cp %p ../archive/%f'"] {
        database.query(&format!("ALTER SYSTEM SET {setting}"));
    }
    database.stop();
    database.start_again();
    let mut place = Place::with_ledger(database.url());
    let served = place.serve();
    place.generate(&served, 1);
    let copy = database.copy();
    place.generate(&served, REQUESTS);
    let (booked, at) = (entries(&database), database.query("SELECT clock_timestamp()"));
    let answered: Answered = place.answered.clone();
    // What an operator wants undone.
    place.generate(&served, REQUESTS);
    served.stop();
    let last = database.query("SELECT pg_walfile_name(pg_switch_wal())");
    eventually("the log is archived", || archive.join(&last).is_file());
    database.kill();

    let data = copy.directory().join("data");
    let settings = format!(
        "\nprimary_conninfo = ''\narchive_mode = off\nrestore_command = 'cp {}/%f %p'\nrecovery_target_time = '{at}'\n\
         recovery_target_action = 'promote'\n",
        archive.display()
    );
    let file = data.join("postgresql.auto.conf");
    let own = fs::read_to_string(&file).expect("its settings");
    fs::write(&file, own + &settings).expect("written");
    fs::rename(data.join("standby.signal"), data.join("recovery.signal")).expect("renamed");
    copy.start_again();
    eventually("it is recovered", || copy.query("SELECT pg_is_in_recovery()") == "f");
    assert_eq!(entries(&copy), booked, "what was booked by then, and nothing else");
    is_checked(&place, &copy.url());
    audit_of(&copy, &place, &answered);
}
