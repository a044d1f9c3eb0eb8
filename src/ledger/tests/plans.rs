//! How SQLite finds rows: statements that requests and pages run must not walk through whole tables.

use super::*;
use crate::ledger::{batches, budgets, entries, keys, receipts, recent_requests, report, store::Param};

/// The steps of SQLite's plan for `sql`, a line each.
pub(super) fn plan(book: &Book, sql: &str, parameters: usize) -> String {
    let nulls = vec![Param::Null; parameters];
    let explain = format!("EXPLAIN QUERY PLAN {sql}");
    let steps =
        book.ledger.store.read(|conn| conn.query(&explain, &nulls, |row| row.get::<String>("detail")));
    steps.expect("a plan").join("\n")
}

#[test]
fn requests_and_pages_find_their_rows_by_an_index() {
    let book = Book::new(None);
    for (sql, parameters, expected) in [
        (entries::IMAGES.as_str(), 1, "SEARCH entries USING INDEX entries_"),
        (
            receipts::IN_FORCE.as_str(),
            2,
            "SEARCH entries USING INDEX entries_by_request (request_id=? AND image_index=?)",
        ),
        (receipts::HEAD.as_str(), 2, "SEARCH entries USING INDEX entries_by_request (request_id=?)"),
        (recent_requests::RECENT, 11, "SEARCH entries USING INDEX entries_by_request (request_id=?)"),
        (report::focus::ENTRIES, 5, "SEARCH entry USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (report::focus::ENTRIES, 5, "SEARCH first USING INDEX entries_"),
        (
            keys::overview::IMAGES,
            3,
            "SEARCH requests USING COVERING INDEX requests_settled (key_id=? AND ended_at_ms>? AND ended_at_ms<?)",
        ),
        (
            keys::overview::IMAGES,
            3,
            "SEARCH entries USING INDEX entries_that_change_others (entered_at_ms>? AND entered_at_ms<?)",
        ),
        (keys::BY_PUBLIC_ID, 1, "SEARCH keys USING INDEX"),
        (budgets::RESERVED, 0, "USING INDEX requests_open"),
        (budgets::SPENT, 2, "SEARCH entries USING INTEGER PRIMARY KEY (rowid>?)"),
        (
            &batches::costs::sums("(0, ?1, ?2, ?3, ?4)"),
            4,
            "SEARCH requests USING INDEX requests_by_idempotency_key (key_id=? AND idempotency_key>? AND idempotency_key<?)",
        ),
    ] {
        let plan = plan(&book, sql, parameters);
        assert!(plan.contains(expected), "{sql}\n{plan}");
        assert!(!plan.contains("SCAN entries") && !plan.contains("SCAN entry"), "{sql}\n{plan}");
        // Of a thousand requests on a page, sorting is nothing; of a month's entries it would be.
        assert!(
            !plan.contains("USE TEMP B-TREE FOR ORDER BY") || sql == recent_requests::RECENT,
            "{sql}\n{plan}"
        );
    }
}
