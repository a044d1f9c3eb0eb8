//! Tags and names that are forgotten, and books that stay as they were.

use super::{
    months::{at, month, two_months},
    *,
};
use crate::domain::Calendar;

impl Book {
    /// Whether `text` is still in the ledger's files; in PostgreSQL, in a row of any table.
    pub(super) fn holds(&self, text: &str) -> bool {
        if self.ledger.store.has_queue() {
            return store::TABLES.iter().any(|table| {
                let sql =
                    format!("SELECT count(*) FROM {table} AS kept WHERE CAST(kept AS TEXT) LIKE '%{text}%'");
                let count =
                    self.ledger.store.read(|conn| conn.query_one(&sql, params![], |row| row.get::<i64>(0)));
                count.expect("a count") > 0
            });
        }
        let files = [self.file(), self.directory.path().join("ledger.sqlite3-wal")];
        let read = |file: &std::path::PathBuf| std::fs::read(file).unwrap_or_default();
        files.iter().any(|file| read(file).windows(text.len()).any(|part| part == text.as_bytes()))
    }
}

/// A ledger whose October was closed by a version that hashed the texts of tags.
fn sealed_over_texts() -> Book {
    let book = two_months();
    book.close("2026-10").expect("closed");
    let closing = &book.ledger.closings().expect("closings")[0];
    let (rows, whole) =
        book.ledger.store.read(|conn| closing::seal_in_format(conn, closing, 1)).expect("a seal");
    book.tamper("UPDATE month_closings SET format = 1");
    book.tamper(&format!("UPDATE month_closings SET sha256 = x'{whole}'"));
    for (entry, sha256) in &rows {
        book.tamper(&format!("UPDATE month_closing_rows SET sha256 = x'{sha256}' WHERE entry_id = {entry}"));
    }
    assert_eq!(book.finding("2026-10"), None, "an old seal verifies");
    book
}

fn a_forgotten_tag_leaves_sums_and_seals_as_they_were() {
    for book in [two_months(), sealed_over_texts()] {
        let is_old = !book.ledger.closings().expect("closings").is_empty();
        if !is_old {
            book.close("2026-10").expect("closed");
        }
        let span = (at("2026-10-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
        let totals = || book.ledger.totals(span.0, span.1).expect("totals");
        let before = totals();
        assert!(book.holds("spring"));
        let forgotten = book.ledger.forget_tag("spring", at("2026-12-02T00:00:00Z")).expect("forgotten");
        assert!(!book.holds("spring"), "overwritten, in the log too");
        assert_eq!(totals(), before);
        assert_eq!(forgotten.resealed.len(), usize::from(is_old), "only a seal over the text is made again");
        assert_eq!(book.finding("2026-10"), None);
        book.close("2026-11").expect("the chain goes on");
        assert_eq!(book.finding("2026-11"), None);
        let (_, groups) =
            book.ledger.grouped_totals(GroupBy::Tag, span.0, span.1, &Calendar::UTC).expect("groups");
        assert!(
            groups.iter().any(|group| group.group.as_deref() == Some(&*forgotten.pseudonym)),
            "{groups:?}"
        );
        assert!(!forgotten.requests.is_empty(), "whose images are to be deleted");
        let again = book.ledger.forget_tag("spring", at("2026-12-03T00:00:00Z"));
        assert!(matches!(again, Err(ForgetError::Unknown(_))));
        // Whoever changes the text behind the label's back is found out.
        book.tamper("UPDATE requests SET tag = 'autumn' WHERE tag LIKE 'forgotten-%'");
        assert!(matches!(book.finding("2026-10"), Some(Finding::Changed(_))));
    }
}

fn a_month_that_was_tampered_with_is_not_sealed_again() {
    let book = sealed_over_texts();
    book.tamper("UPDATE entries SET electricity_nano = 0 WHERE id = 1");
    let refused = book.ledger.forget_tag("spring", at("2026-12-02T00:00:00Z"));
    assert!(matches!(refused, Err(ForgetError::Altered { month: it, .. }) if it == month("2026-10")));
    assert!(book.holds("spring"), "nothing was written");
}

fn a_forgotten_key_keeps_its_history_without_its_name() {
    let book = Book::new(None);
    let keys = book.ledger.keys().expect("keys");
    let public_id = keys[0].public_id.clone();
    let change = [KeyChange::Name("Alice Example".into())];
    book.ledger.change_key(&public_id, &change, "command line", NOON).expect("changed");
    assert!(book.holds("Alice Example"));
    let forgotten = book.ledger.forget_key(&public_id, "command line", NOON).expect("forgotten");
    assert!(!book.holds("Alice Example"));
    assert_eq!(book.ledger.keys().expect("keys")[0].name, forgotten.pseudonym);
    let events = book.ledger.key_events(Some(&public_id)).expect("a log");
    assert_eq!(events.len(), 3, "created, named, forgotten");
    assert!(events[0].detail().contains("; scopes images"), "{:?}", events[0]);
    assert!(matches!(book.ledger.forget_key("nobody", "command line", NOON), Err(ForgetError::Unknown(_))));
}

/// A forgotten row of a large table is no reason for PostgreSQL's own daemon to come.
#[test]
fn postgresql_clears_every_table_that_had_words_of_who_is_forgotten() {
    on(Backend::Postgres, || {
        let book = Book::new(None);
        let public_id = book.ledger.keys().expect("keys")[0].public_id.clone();
        book.ledger.forget_key(&public_id, "command line", NOON).expect("forgotten");
        let sql = "SELECT CAST(relname AS TEXT) FROM pg_stat_user_tables WHERE vacuum_count > 0 ORDER BY 1";
        let cleared = book.ledger.store.read(|conn| conn.query(sql, params![], |row| row.get::<String>(0)));
        assert_eq!(
            cleared.expect("tables"),
            [
                "batches",
                "files",
                "key_events",
                "keys",
                "labels",
                "request_prompts",
                "requests",
                "webhook_deliveries",
                "webhook_endpoints"
            ]
        );
    });
}

on_both!(
    a_forgotten_tag_leaves_sums_and_seals_as_they_were,
    a_month_that_was_tampered_with_is_not_sealed_again,
    a_forgotten_key_keeps_its_history_without_its_name,
);
