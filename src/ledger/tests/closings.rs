//! Months closed, verified, and tampered with. Only a file has a schema that anybody can alter, and triggers that are put back;
//! PostgreSQL refuses both as `databases` says.

use jiff::tz::TimeZone;

use super::{
    months::{at, month, two_months},
    *,
};
use crate::domain::Calendar;

impl Book {
    /// Runs `sql` as somebody at the database would who has taken the triggers away. It must change something.
    pub(super) fn tamper(&self, sql: &str) {
        match &self.place {
            LedgerPlace::File(file) => assert!(store::testing::tamper(file, sql) > 0, "{sql}"),
            LedgerPlace::Postgres(url) => {
                let sql = sql_for(&self.ledger.store, sql);
                let counted = format!(
                    "SET session_replication_role = replica;
                     DO $$ DECLARE changed BIGINT; BEGIN
                         {sql};
                         GET DIAGNOSTICS changed = ROW_COUNT;
                         IF changed = 0 THEN RAISE EXCEPTION 'it changed nothing'; END IF;
                     END $$"
                );
                store::postgres_testing::run_in(url, &counted);
            }
        }
    }

    /// The statement that closed a month.
    pub(super) fn statement(&self, month: &str) -> String {
        let sql = "SELECT statement FROM month_statements WHERE month = ?1";
        let read = |conn: &store::Conn<'_>| conn.query_one(sql, store::params![month], |row| row.get(0));
        self.ledger.store.read(read).expect("a statement")
    }

    pub(super) fn finding(&self, text: &str) -> Option<Finding> {
        let verified = self.ledger.verify_months(Some(month(text))).expect("verified");
        assert_eq!(verified.len(), 1, "{verified:?}");
        verified[0].finding
    }
}

fn a_closed_month_takes_no_entry_and_the_next_one_does() {
    let mut book = two_months();
    let closing = book.close("2026-10").expect("closed");
    assert_eq!((closing.rows, closing.previous), (3, None));
    let late = book.open_request(book.filed(), at("2026-10-31T23:59:58Z"));
    let images = [SettledImage { seed: Seed::new(1), receipt: receipt() }];
    let done = Settlement { images: &images, failed: &[], prompt_tokens: 1, edit: None, computation: None };
    // The clock was set back: the image was made, so it is booked, in the first month that is open.
    let now = at("2026-10-31T23:59:59Z");
    book.ledger.settle(late, &spec(), Currency::CNY, &done, now).expect("booked");
    assert_eq!(book.finding("2026-10"), None);
    let sql = "SELECT entered_at_ms FROM entries ORDER BY id DESC LIMIT 1";
    let booked: Result<Timestamp, LedgerError> =
        book.ledger.store.read(|conn| conn.query_one(sql, params![], |row| row.get(0)));
    assert_eq!(booked.expect("an entry"), at("2026-11-01T00:00:00Z"));
    let refused = book.sql(
        "INSERT INTO entries (request_id, kind, image_index, reverses, images, entered_at_ms, duration_ms, energy_mj,
             wall_energy_mj, energy_source, currency, electricity_nano, depreciation_nano, upkeep_nano, compared_sku,
             compared_nano, exchange_rate_nano, width, height, steps, seed, reason)
         SELECT request_id, kind, image_index, id, -1, entered_at_ms, -duration_ms, -energy_mj, -wall_energy_mj,
             energy_source, currency, -electricity_nano, -depreciation_nano, -upkeep_nano, compared_sku, -compared_nano,
             exchange_rate_nano, width, height, steps, seed, 'late' FROM entries WHERE id = 1",
    );
    assert!(refused.expect_err("the database itself").to_string().contains("is closed"));
}

fn another_time_zone_counts_from_the_next_month_on() {
    let book = two_months();
    let zone = |name: &str| TimeZone::get(name).expect("a zone");
    let now = at("2026-12-05T00:00:00Z");
    let calendar = || book.ledger.calendar(&TimeZone::UTC).expect("a calendar");
    let keep = |name: &str, now| book.ledger.keep_zone(&zone(name), now).expect("kept");
    assert_eq!(calendar(), Calendar::UTC, "none is kept yet");
    let nameless = TimeZone::posix("CST-8").expect("a zone");
    let refused = book.ledger.keep_zone(&nameless, now).expect_err("it cannot be kept").to_string();
    assert!(refused.contains("set time_zone"), "{refused}");
    keep("Europe/Berlin", now);
    book.ledger.keep_zone(&nameless, now).expect("the one that is kept goes on");
    assert_eq!(calendar(), zone("Europe/Berlin").into(), "the first one has always held");
    keep("Asia/Shanghai", now);
    let bounds =
        |name: &str| [month(name).start(&calendar()), month(name).end(&calendar())].map(|at| at.to_string());
    let berlin = ["2026-11-30T23:00:00Z", "2026-12-31T23:00:00Z"];
    assert_eq!(bounds("2026-12"), berlin, "the running month keeps its zone");
    assert_eq!(bounds("2027-01"), ["2026-12-31T23:00:00Z", "2027-01-31T16:00:00Z"]);
    keep("PRC", now);
    keep("Asia/Shanghai", at("2027-02-05T00:00:00Z"));
    assert_eq!(
        book.ledger.terms().expect("terms").len(),
        2,
        "another name of the same zone, and the same one"
    );

    book.ledger.close_example(month("2026-10"), &calendar(), now).expect("closed");
    book.ledger.close_example(month("2026-11"), &calendar(), now).expect("closed");
    let before = bounds("2026-11");
    keep("UTC", now);
    keep("America/St_Johns", now);
    assert_eq!((bounds("2026-11"), bounds("2026-12")), (before, berlin.map(String::from)));
    assert_eq!(bounds("2027-01"), ["2026-12-31T23:00:00Z", "2027-02-01T03:30:00Z"], "the last word counts");
    assert_eq!(book.finding("2026-11"), None);
}

fn a_first_key_from_the_future_hides_no_costs_of_today() {
    let book = Book::begun_at(None, at("2030-03-01T00:00:00Z"));
    assert_eq!(book.ledger.latest_moment().expect("a moment"), Some(at("2030-03-01T00:00:00Z")));
    let first = |now| book.ledger.store.read(|conn| recorded::first_day(conn, &Calendar::UTC, at(now)));
    let day = |text: &str| Some(text.parse::<jiff::civil::Date>().expect("a day"));
    assert_eq!(first("2026-11-28T12:00:00Z").expect("a day"), day("2026-11-28"));
    assert_eq!(first("2031-01-01T00:00:00Z").expect("a day"), day("2030-03-01"));
}

#[test]
fn a_file_whose_schema_was_altered_is_not_opened() {
    for (sql, finding) in [
        (
            "CREATE TRIGGER evil AFTER INSERT ON requests BEGIN UPDATE keys SET scope_admin = 1; END",
            "trigger evil was added",
        ),
        ("DROP TABLE month_reseal_rows", "table month_reseal_rows is missing"),
        ("CREATE VIEW spent AS SELECT * FROM entries", "view spent was added"),
    ] {
        let book = Book::new(None);
        book.sql(sql).expect("altered");
        match Ledger::open(&book.file()) {
            Err(LedgerError::Altered { finding: found, .. }) => assert_eq!(found, finding),
            other => panic!("{sql}: {:?}", other.map(|_| "opened")),
        }
    }
}

#[test]
fn triggers_that_were_taken_away_are_put_back() {
    let mut book = two_months();
    book.tamper("UPDATE entries SET electricity_nano = 0 WHERE id = 1");
    book.ledger = Ledger::open(&book.file()).expect("opened");
    for sql in ["DELETE FROM entries", "UPDATE requests SET tag = 'autumn'", "UPDATE keys SET models = '[]'"]
    {
        assert!(book.sql(sql).is_err(), "{sql}");
    }
}

fn a_month_is_closed_once_in_order_and_after_its_end() {
    let mut book = two_months();
    let early = book.ledger.close_example(month("2026-10"), &Calendar::UTC, at("2026-10-31T23:59:59Z"));
    assert!(matches!(early, Err(CloseError::Running { .. })));
    assert!(matches!(book.close("2026-12"), Err(CloseError::Running { .. })));
    if book.ledger.store.has_queue() {
        // Another machine's clock may be behind.
        let soon = book.ledger.close_example(month("2026-10"), &Calendar::UTC, at("2026-11-01T00:04:59Z"));
        let said = soon.expect_err("refused").to_string();
        assert!(said.ends_with("; close it from 2026-11-01 00:05 +00:00 on"), "{said}");
    }
    let skipped = book.close("2026-11").expect_err("refused");
    assert_eq!(skipped.to_string(), "2026-10 has entries and is not closed; close it before 2026-11");

    let open = book.open_request(book.filed(), at("2026-10-31T23:00:00Z"));
    assert!(matches!(book.close("2026-10"), Err(CloseError::Open { requests: 1, .. })));
    book.ledger
        .fail(open, FailureReason::GenerationFailed, &spec(), Currency::CNY, &[], NOON)
        .expect("failed");

    let wait =
        if book.ledger.store.has_queue() { SignedDuration::from_mins(5) } else { SignedDuration::ZERO };
    let first = at("2026-11-01T00:00:00Z") + wait;
    let october = book.ledger.close_example(month("2026-10"), &Calendar::UTC, first).expect("closed");
    assert!(matches!(book.close("2026-10"), Err(CloseError::Closed { .. })));
    assert!(matches!(book.close("2026-09"), Err(CloseError::Closed { .. })));
    let november = book.close("2026-11").expect("closed");
    assert_eq!((november.rows, november.previous), (1, Some(october.sha256)));
    assert_eq!(book.ledger.closings().expect("closings"), [october, november]);
    assert!(book.ledger.verify_months(None).expect("verified").iter().all(|month| month.finding.is_none()));
}

fn months_that_do_not_follow_upon_each_other_are_refused() {
    let calendar = |hours| Calendar::from(TimeZone::fixed(jiff::tz::offset(hours)));
    let now = at("2026-12-05T00:00:00Z");
    let closed_in = |hours| {
        let mut book = two_months();
        book.generate(book.filed(), at("2026-10-31T20:00:00Z"), &[receipt()]);
        book.ledger.close_example(month("2026-10"), &calendar(hours), now).expect("closed");
        book
    };
    for (before, after) in [(0, 8), (8, 0)] {
        let shifted = closed_in(before).ledger.close_example(month("2026-11"), &calendar(after), now);
        assert!(matches!(shifted, Err(CloseError::Shifted { .. })), "{shifted:?}");
    }
}

fn the_same_month_has_the_same_hash_everywhere() {
    // Whoever changes the canonical form gives it another number, or months that were closed cannot be verified.
    let book = two_months();
    let key = book.ledger.keys().expect("keys")[0].public_id.clone();
    let [first, second] = [two_months(), book].map(|book| {
        let closing = book.close("2026-10").expect("closed");
        let seal_in = |format| {
            let seal = book.ledger.store.read(|conn| closing::seal_in_format(conn, &closing, format));
            seal.expect("a seal").1
        };
        (closing.sha256, seal_in(2), book.statement("2026-10"))
    });
    assert_eq!(first, second);
    let id = |at: &str, n| RequestId::new(self::at(at), [n; 10]);
    let (one, two) = (id("2026-10-02T10:00:00Z", 1), id("2026-10-31T23:59:59.999Z", 2));
    let usage = r#"40,2000,2200,"estimated","CNY""#;
    let rest =
        format!(r#"2,3,"fal/z-image-turbo",10,7000000000,64,64,8,1,null,null,"{key}","tiny","medium""#);
    let text = |format: u32, more: &str, end: &str| {
        format!(
            "{}\n{}\n{}\n{}\n{end}",
            format_args!(
                r#"["tintype month",{format},"2026-10",1790812800000,1793491200000,1796428800000,null]"#
            ),
            format_args!(
                r#"[1,"{one}","image",0,null,null,1,1790935200000,{usage},1,{rest},1,1790935200000{more}]"#
            ),
            format_args!(
                r#"[2,"{one}","image",1,null,null,1,1790935200000,{usage},7,{rest},1,1790935200000{more}]"#
            ),
            format_args!(
                r#"[3,"{two}","image",0,null,null,1,1793491199999,{usage},1,{rest},null,1793491199999{more}]"#
            ),
        )
    };
    let hash = |text: &str| Sha256Hash::new(<sha2::Sha256 as sha2::Digest>::digest(text).into());
    assert_eq!(first.1, hash(&text(2, "", "")), "what was closed in format 2 verifies as it did");
    let (name, statement) = (hash("test"), hash(&first.2));
    let zone = r#"["term",1,"time_zone",null,"{\"term\":\"time_zone\",\"value\":\"UTC\"}",null,null,"configuration",1796428800000]"#;
    let end =
        format!("{zone}\n[\"name of key\",1,\"{name}\"]\n[\"statement\",\"{statement}\",\"command line\"]\n");
    assert_eq!(first.0, hash(&text(3, ",null,null,null,null,0,1,null,null,null,null,1", &end)));
}

fn a_change_by_hand_is_found_and_named() {
    for (sql, expected) in [
        ("UPDATE entries SET electricity_nano = 0 WHERE id = 2", Finding::Changed(2)),
        ("UPDATE entries SET entered_at_ms = entered_at_ms + 86400000 WHERE id = 3", Finding::Missing(3)),
        ("UPDATE entries SET entered_at_ms = entered_at_ms - 1 WHERE id = 4", Finding::Added(4)),
        ("UPDATE entries SET reason = 'x' WHERE id = 1", Finding::Changed(1)),
        ("DELETE FROM entries WHERE id = 2", Finding::Missing(2)),
        ("UPDATE requests SET tag = 'autumn' WHERE tag = 'spring'", Finding::Changed(1)),
        ("UPDATE requests SET model = 'other'", Finding::Changed(1)),
        ("UPDATE requests SET quality = NULL", Finding::Changed(1)),
        ("DELETE FROM requests", Finding::Changed(1)),
        ("UPDATE keys SET public_id = 'x'", Finding::Changed(1)),
        ("UPDATE month_closings SET sha256 = zeroblob(32) WHERE month = '2026-10'", Finding::Closing),
        ("UPDATE month_closings SET rows = 2 WHERE month = '2026-10'", Finding::Closing),
        (
            "UPDATE month_closings SET closed_at_ms = 0 WHERE month = '2026-10'",
            Finding::LineMissing("term", 1),
        ),
        (
            "UPDATE month_closings SET closed_at_ms = closed_at_ms + 1 WHERE month = '2026-10'",
            Finding::Closing,
        ),
        ("UPDATE month_closings SET previous_sha256 = zeroblob(32) WHERE month = '2026-10'", Finding::Chain),
        ("DELETE FROM month_closings WHERE month = '2026-10'", Finding::NoClosing),
        ("UPDATE month_closing_rows SET sha256 = zeroblob(32) WHERE entry_id = 1", Finding::Changed(1)),
        ("DELETE FROM month_closing_rows WHERE entry_id = 1", Finding::Added(1)),
    ] {
        let book = two_months();
        book.close("2026-10").expect("closed");
        book.close("2026-11").expect("closed");
        assert_eq!((book.finding("2026-10"), book.finding("2026-11")), (None, None));
        book.tamper(sql);
        assert_eq!(book.finding("2026-10"), Some(expected), "{sql}");
    }
}

fn a_month_that_was_closed_anew_breaks_the_chain_after_it() {
    let book = two_months();
    book.close("2026-10").expect("closed");
    book.close("2026-11").expect("closed");
    book.tamper("UPDATE entries SET electricity_nano = 0 WHERE id = 1");
    book.tamper("DELETE FROM month_closing_rows WHERE month = '2026-10'");
    let closings = book.ledger.closings().expect("closings");
    let (rows, whole) = book.ledger.store.read(|conn| closing::seal_of(conn, &closings[0])).expect("a seal");
    for (entry, sha256) in &rows {
        book.tamper(&format!(
            "INSERT INTO month_closing_rows (entry_id, month, sha256) VALUES ({entry}, '2026-10', x'{sha256}')"
        ));
    }
    book.tamper(&format!("UPDATE month_closings SET sha256 = x'{whole}' WHERE month = '2026-10'"));
    assert_eq!((book.finding("2026-10"), book.finding("2026-11")), (None, Some(Finding::Chain)));
}

fn the_database_itself_refuses_to_reopen_a_month() {
    let book = two_months();
    book.close("2026-10").expect("closed");
    for sql in [
        "DELETE FROM month_closings",
        "UPDATE month_closings SET rows = 0",
        "DELETE FROM month_closing_rows",
        "UPDATE month_closing_rows SET sha256 = zeroblob(32)",
        "REPLACE INTO month_closings SELECT month, start_ms, end_ms, 0, format, rows, sha256, previous_sha256, actor
             FROM month_closings",
        "REPLACE INTO month_closing_rows SELECT entry_id, month, zeroblob(32) FROM month_closing_rows",
        "INSERT INTO month_closings SELECT '2027-01', start_ms, end_ms, 0, format, rows, sha256, previous_sha256, actor
             FROM month_closings",
        "UPDATE requests SET tag = 'autumn'",
        "UPDATE requests SET quality = 'low'",
    ] {
        assert_refused(&book.ledger, sql);
    }
    assert_eq!(book.finding("2026-10"), None);
}

on_both!(
    a_closed_month_takes_no_entry_and_the_next_one_does,
    another_time_zone_counts_from_the_next_month_on,
    a_first_key_from_the_future_hides_no_costs_of_today,
    a_month_is_closed_once_in_order_and_after_its_end,
    months_that_do_not_follow_upon_each_other_are_refused,
    the_same_month_has_the_same_hash_everywhere,
    a_change_by_hand_is_found_and_named,
    a_month_that_was_closed_anew_breaks_the_chain_after_it,
    the_database_itself_refuses_to_reopen_a_month,
);
