//! A request's way through the ledger, to its end.

use super::*;

fn a_settled_request_has_a_row_for_every_image() {
    let mut book = Book::new(None);
    let reservation = book.reserve(20, None, 0).expect("reserved");
    book.ledger.start(reservation.id, NOON).expect("started");
    book.settle(reservation, &[&receipt(), &receipt()]).expect("settled");
    let totals = book.totals();
    assert_eq!(totals.images, 2);
    assert_eq!(totals.energy, EnergyBalance::from_millijoules(4_000));
    assert_eq!(totals.wall_energy, EnergyBalance::from_millijoules(4_400));
    assert_eq!(totals.standard, Money::from_nano(12));
    assert_eq!(totals.saving(), Some(Money::from_nano(8)));
}

fn a_settled_answer_is_read_back_as_it_was_booked() {
    let mut book = Book::new(None);
    let reservation = book.reserve(20, None, 0).expect("reserved");
    let id = reservation.id();
    assert_eq!(book.ledger.settled(id).expect("read"), None, "not yet");
    let dearer =
        Receipt { cost: Breakdown { electricity: Money::from_nano(5), ..receipt().cost }, ..receipt() };
    book.settle(reservation, &[&receipt(), &dearer]).expect("settled");
    let settled = book.ledger.settled(id).expect("read").expect("it is there");
    assert_eq!((settled.settled_at, settled.prompt_tokens), (NOON, 12));
    let receipts: Vec<_> = settled.images.into_iter().map(|image| image.receipt).collect();
    assert_eq!(receipts, [receipt(), dearer]);
}

fn a_second_settlement_of_one_reservation_is_refused() {
    let mut book = Book::new(None);
    let reservation = book.reserve(10, None, 0).expect("reserved");
    let again = Reservation { id: reservation.id, passed_budgets: Box::default(), claim: None };
    book.ledger.start(reservation.id, NOON).expect("started");
    book.settle(reservation, &[&receipt()]).expect("settled");
    assert!(book.settle(again, &[&receipt()]).is_err());
    assert_eq!(book.totals().images, 1);
}

fn a_start_that_could_not_be_noted_is_noted_with_the_end() {
    let mut book = Book::new(None);
    let reservation = book.reserve(10, None, 0).expect("reserved");
    book.settle(reservation, &[&receipt()]).expect("settled");
    assert_eq!(book.totals().images, 1);
}

fn a_settlement_that_fails_gives_its_reservation_back() {
    let mut book = Book::new(None);
    let reservation = book.reserve(10, None, 0).expect("reserved");
    let absurd = Receipt { wall_energy: Energy::from_millijoules(u64::MAX), ..receipt() };
    let unbooked = book.settle(reservation, &[&receipt(), &absurd]).expect_err("out of range");
    assert_eq!(book.totals().images, 0, "all or none");
    book.ledger
        .fail(unbooked.reservation, FailureReason::GenerationFailed, &spec(), Currency::CNY, &[], NOON)
        .expect("failed");
}

fn an_image_counts_as_undelivered_until_its_delivery_is_noted() {
    let mut book = Book::new(None);
    let reservation = book.reserve(10, None, 0).expect("reserved");
    let id = reservation.id;
    book.settle(reservation, &[&receipt()]).expect("settled");
    assert_eq!(book.totals().undelivered, 1);
    // A clock that was set back meanwhile hands nothing over before it was asked for.
    book.ledger.note_delivery(id, NOON - jiff::SignedDuration::from_hours(1)).expect("noted");
    assert_eq!(book.totals().undelivered, 0);
    let after =
        "SELECT delivered_at_ms - created_at_ms FROM deliveries JOIN requests ON requests.id = request_id";
    let after =
        book.ledger.store.read(|conn| conn.query_one(after, store::params![], |row| row.get::<i64>(0)));
    assert_eq!(after.expect("a delivery"), 0);
}

fn a_ledger_keeps_one_currency() {
    let mut book = Book::new(None);
    assert!(book.ledger.check_currency(Currency::EUR).is_ok(), "it is empty");
    let reservation = book.reserve(10, None, 0).expect("reserved");
    book.settle(reservation, &[&receipt()]).expect("settled");
    assert!(book.ledger.check_currency(Currency::CNY).is_ok());
    assert!(matches!(book.ledger.check_currency(Currency::EUR), Err(LedgerError::Currency { .. })));
}

fn failed_work_costs_its_electricity_and_gives_no_image() {
    let mut book = Book::new(None);
    let reservation = book.reserve(10, None, 0).expect("reserved");
    book.ledger.start(reservation.id, NOON).expect("started");
    let work = failed_work(Money::from_nano(5));
    book.ledger
        .fail(reservation, FailureReason::GenerationFailed, &spec(), Currency::CNY, &[work], NOON)
        .expect("failed");
    let totals = book.totals();
    assert_eq!((totals.images, totals.standard, totals.saving()), (0, Money::ZERO, Some(Money::ZERO)));
    assert_eq!(totals.failed_electricity, Money::from_nano(5));
    assert_eq!(totals.failed_energy, EnergyBalance::from_millijoules(2_200));
}

fn the_database_itself_refuses_to_rewrite_history() {
    let mut book = Book::new(None);
    let reservation = book.reserve(10, None, 0).expect("reserved");
    book.ledger.start(reservation.id, NOON).expect("started");
    book.settle(reservation, &[&receipt()]).expect("settled");
    for sql in [
        "UPDATE entries SET electricity_nano = 0",
        "DELETE FROM entries",
        "DELETE FROM requests",
        "UPDATE requests SET state = 'running'",
        "UPDATE requests SET state = 'abandoned'",
        "UPDATE requests SET reserved_nano = 0",
        "REPLACE INTO requests SELECT id, key_id, idempotency_key, body_sha256, 'reserved', model, images, 0,
             created_at_ms, NULL, NULL, NULL FROM requests",
        "REPLACE INTO entries (id, request_id, kind, image_index, images, entered_at_ms, duration_ms, energy_mj,
             wall_energy_mj, energy_source, currency, electricity_nano, depreciation_nano, upkeep_nano, compared_sku,
             compared_nano, exchange_rate_nano, width, height, steps, seed)
         SELECT id, request_id, kind, image_index, images, entered_at_ms, duration_ms, energy_mj, wall_energy_mj,
             energy_source, currency, 0, 0, 0, compared_sku, 0, 0, width, height, steps, seed FROM entries",
    ] {
        assert_refused(&book.ledger, sql);
    }
    assert_eq!(book.totals().standard, Money::from_nano(6));
}

fn a_reversal_and_a_correction_replace_a_wrong_entry() {
    let mut book = Book::new(None);
    let reservation = book.reserve(10, None, 0).expect("reserved");
    book.ledger.start(reservation.id, NOON).expect("started");
    book.settle(reservation, &[&receipt()]).expect("settled");
    let copy = |link, sign, electricity: i64| {
        copy_of_entries(link, sign, &electricity.to_string(), "'a wrong tariff'")
    };
    book.sql(&copy("reverses", -1, -1)).expect("reversed");
    assert_eq!((book.totals().images, book.totals().standard), (0, Money::ZERO));
    assert!(book.sql(&copy("reverses", -1, -1)).is_err(), "at most once");
    book.sql(&copy("corrects", 1, 4)).expect("corrected");
    assert_eq!((book.totals().images, book.totals().standard), (1, Money::from_nano(9)));
    assert!(book.sql(&copy("corrects", 1, 4)).is_err(), "at most once");
}

fn a_retry_under_one_idempotency_key_differs_from_another_request() {
    let mut book = Book::new(None);
    let held = book.reserve(10, Some("a"), 1).expect("reserved");
    let id = held.id();
    assert!(matches!(book.reserve_or_repeat(10, Some("a"), 1), Ok(Reserved::Open(it)) if it == id));
    assert!(matches!(book.reserve(10, Some("a"), 2), Err(ReserveError::IdempotencyKeyReused)));
    book.settle(held, &[&receipt()]).expect("settled");
    assert!(matches!(book.reserve_or_repeat(10, Some("a"), 1), Ok(Reserved::Settled(it)) if it == id));
    assert!(matches!(book.reserve(10, Some("a"), 2), Err(ReserveError::IdempotencyKeyReused)));
    assert!(book.reserve(10, Some("b"), 1).is_ok());
    let failed = book.reserve(10, Some("c"), 1).expect("reserved");
    book.ledger
        .fail(failed, FailureReason::GenerationFailed, &spec(), Currency::CNY, &[], NOON)
        .expect("failed");
    assert!(book.reserve(10, Some("c"), 1).is_ok(), "what failed may be tried again");
    assert!(book.reserve(10, None, 1).is_ok() && book.reserve(10, None, 1).is_ok());
}

fn a_text_may_have_any_character() {
    let mut book = Book::new(None);
    for key in ["a\0b", "\u{202e}", "😀", "e\u{301}", "é"] {
        let id = book.reserve(10, Some(key), 1).expect("reserved").id();
        assert!(
            matches!(book.reserve_or_repeat(10, Some(key), 1), Ok(Reserved::Open(it)) if it == id),
            "{key:?}"
        );
    }
}

fn what_a_dead_process_left_open_is_abandoned_and_its_money_is_free_again() {
    let mut book = Book::new(Some(10));
    let running = book.reserve(10, None, 0).expect("reserved");
    book.ledger.start(running.id, NOON).expect("started");
    assert!(matches!(book.reserve(1, None, 0), Err(ReserveError::OverBudget(_))));
    let reopened = Ledger::open_at(&book.place).expect("a ledger");
    assert_eq!(reopened.abandon_open(NOON).expect("abandoned"), 1);
    assert_eq!(reopened.abandon_open(NOON).expect("abandoned"), 0);
    assert!(book.settle(running, &[&receipt()]).is_err(), "too late");
    assert!(book.reserve(10, None, 0).is_ok());
}

fn many_may_open_a_new_ledger_at_once() {
    let directory = TempDir::new().expect("a directory");
    let place = match BACKEND.get() {
        Backend::Sqlite => LedgerPlace::File(directory.path().join("ledger.sqlite3")),
        Backend::Postgres => LedgerPlace::Postgres(store::postgres_testing::empty_database()),
    };
    std::thread::scope(|scope| {
        let opened: Vec<_> = (0..8).map(|_| scope.spawn(|| Ledger::open_at(&place).map(drop))).collect();
        for ledger in opened {
            ledger.join().expect("no panic").expect("opened");
        }
    });
}

on_both!(
    a_settled_request_has_a_row_for_every_image,
    a_settled_answer_is_read_back_as_it_was_booked,
    a_second_settlement_of_one_reservation_is_refused,
    a_start_that_could_not_be_noted_is_noted_with_the_end,
    a_settlement_that_fails_gives_its_reservation_back,
    an_image_counts_as_undelivered_until_its_delivery_is_noted,
    a_ledger_keeps_one_currency,
    failed_work_costs_its_electricity_and_gives_no_image,
    the_database_itself_refuses_to_rewrite_history,
    a_reversal_and_a_correction_replace_a_wrong_entry,
    a_retry_under_one_idempotency_key_differs_from_another_request,
    a_text_may_have_any_character,
    what_a_dead_process_left_open_is_abandoned_and_its_money_is_free_again,
    many_may_open_a_new_ledger_at_once,
);
