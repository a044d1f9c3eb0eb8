//! Months in groups, entries taken back, and receipts.

use jiff::tz::TimeZone;

use super::*;
use crate::domain::Calendar;

/// What a request is filed under.
#[derive(Clone, Copy)]
pub(super) struct Filed {
    pub(super) key: KeyId,
    pub(super) model: &'static str,
    pub(super) tag: Option<&'static str>,
    pub(super) quality: Quality,
    pub(super) side: u32,
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub(super) fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

pub(super) fn receipt_of(electricity: i64) -> Receipt {
    let electricity = Money::from_nano(electricity);
    Receipt { cost: Breakdown { electricity, ..receipt().cost }, ..receipt() }
}

impl Book {
    pub(super) fn filed(&self) -> Filed {
        Filed { key: self.key, model: "tiny", tag: None, quality: Quality::Medium, side: 64 }
    }

    pub(super) fn open_request(&mut self, filed: Filed, at: Timestamp) -> Reservation {
        self.requests += 1;
        let tag = filed.tag.map(|tag| tag.parse().expect("a tag"));
        let budgets = Budgets::default();
        let request = NewRequest {
            model: filed.model,
            quality: filed.quality,
            tag: tag.as_ref(),
            ..request([self.requests; 10], filed.key, &budgets, at)
        };
        self.ledger.reserve(&request).expect("reserved").into_new().expect("no repeat")
    }

    /// A request with these receipts, settled at `at`.
    pub(super) fn generate(&mut self, filed: Filed, at: Timestamp, receipts: &[Receipt]) -> RequestId {
        let reservation = self.open_request(filed, at);
        let id = reservation.id();
        let image = |receipt: &Receipt| SettledImage { seed: Seed::new(1), receipt: receipt.clone() };
        let images: Vec<_> = receipts.iter().map(image).collect();
        let spec = RenderSpec { size: ImageSize::square(filed.side), ..spec() };
        let done =
            Settlement { images: &images, failed: &[], prompt_tokens: 12, edit: None, computation: None };
        self.ledger.settle(reservation, &spec, Currency::CNY, &done, at).expect("settled");
        id
    }

    fn month_totals(&self, text: &str) -> MonthTotals {
        let month = month(text);
        self.ledger.totals(month.start(&Calendar::UTC), month.end(&Calendar::UTC)).expect("totals")
    }

    pub(super) fn close(&self, text: &str) -> Result<Closing, CloseError> {
        self.ledger.close_example(month(text), &Calendar::UTC, at("2026-12-05T00:00:00Z"))
    }
}

/// Three entries in October, one in November, 2026.
pub(super) fn two_months() -> Book {
    let mut book = Book::new(None);
    let filed = Filed { tag: Some("spring"), ..book.filed() };
    book.generate(filed, at("2026-10-02T10:00:00Z"), &[receipt(), receipt_of(7)]);
    book.generate(book.filed(), at("2026-10-31T23:59:59.999Z"), &[receipt()]);
    book.generate(book.filed(), at("2026-11-01T00:00:00Z"), &[receipt()]);
    book
}

fn groups_have_what_their_images_have_in_common() {
    let mut book = two_months();
    let other = Filed { model: "other", quality: Quality::High, side: 32, ..book.filed() };
    book.generate(other, at("2026-10-02T23:00:00Z"), &[receipt_of(100)]);
    let start = month("2026-10").start(&Calendar::UTC);
    let end = month("2026-10").end(&Calendar::UTC);
    let groups = |by: GroupBy, calendar: &Calendar| -> Vec<_> {
        let (_, groups) = book.ledger.grouped_totals(by, start, end, calendar).expect("groups");
        groups.into_iter().map(|group| (group.group, group.totals.images)).collect()
    };
    let named = |name: &str, images: i64| (Some(name.to_owned()), images);
    let utc = Calendar::UTC;
    assert_eq!(groups(GroupBy::Tag, &utc), [(None, 2), named("spring", 2)], "the dearest first");
    assert_eq!(groups(GroupBy::Model, &utc), [named("other", 1), named("tiny", 3)]);
    assert_eq!(groups(GroupBy::Size, &utc), [named("32x32", 1), named("64x64", 3)]);
    assert_eq!(groups(GroupBy::Quality, &utc), [named("high", 1), named("medium", 3)]);
    assert_eq!(groups(GroupBy::Day, &utc), [named("2026-10-02", 3), named("2026-10-31", 1)]);
    let shanghai = Calendar::from(TimeZone::fixed(jiff::tz::offset(8)));
    let days = [named("2026-10-02", 2), named("2026-10-03", 1), named("2026-11-01", 1)];
    assert_eq!(groups(GroupBy::Day, &shanghai), days, "days are the calendar's");
    let (_, keys) = book.ledger.grouped_totals(GroupBy::Key, start, end, &utc).expect("groups");
    assert_eq!((keys.len(), keys[0].title.as_deref()), (1, Some("test")));
}

fn an_entry_of_a_closed_month_is_taken_back_in_the_running_one() {
    let book = two_months();
    book.close("2026-10").expect("closed");
    book.close("2026-11").expect("closed");
    let october = book.month_totals("2026-10");
    let now = at("2026-12-05T00:00:00Z");
    let amounts = CorrectedAmounts { electricity: Some(Money::from_nano(4)), ..CorrectedAmounts::default() };
    let booked = book
        .ledger
        .reverse(2, " the meter was wrong ", Some(&amounts), "command line", now)
        .expect("reversed");
    assert_eq!(booked, Reversal { reversal: 5, correction: Some(6) });
    assert_eq!(book.month_totals("2026-10"), october, "a closed month stays");
    let december = book.month_totals("2026-12");
    assert_eq!((december.images, december.standard), (0, Money::from_nano(4 - 7)));
    assert_eq!(december.saving(), Some(Money::from_nano(3)), "what was overstated comes back");
    assert_eq!((book.finding("2026-10"), book.finding("2026-11")), (None, None));

    let booked =
        book.ledger.reverse(6, "it was right after all", None, "command line", now).expect("reversed");
    assert_eq!(booked, Reversal { reversal: 7, correction: None });
    let december = book.month_totals("2026-12");
    assert_eq!((december.images, december.undelivered), (-1, -1));
    assert_eq!(
        (december.standard, december.energy),
        (Money::from_nano(-12), EnergyBalance::from_millijoules(-2_000))
    );
}

fn what_cannot_be_taken_back_is_refused_in_a_line() {
    let mut book = two_months();
    let failed = book.open_request(book.filed(), NOON);
    let work = failed_work(Money::from_nano(5));
    book.ledger
        .fail(failed, FailureReason::GenerationFailed, &spec(), Currency::CNY, &[work], NOON)
        .expect("failed");
    let upkeep = CorrectedAmounts { upkeep: Some(Money::from_nano(1)), ..CorrectedAmounts::default() };
    let negative = CorrectedAmounts { upkeep: Some(Money::from_nano(-1)), ..CorrectedAmounts::default() };
    let reverse = |entry, reason: &str, amounts: Option<&CorrectedAmounts>| {
        book.ledger.reverse(entry, reason, amounts, "command line", NOON)
    };
    assert!(matches!(reverse(99, "x", None), Err(ReverseError::Unknown(99))));
    assert!(matches!(reverse(1, " ", None), Err(ReverseError::Reason)));
    assert!(matches!(reverse(1, "a\nb", None), Err(ReverseError::Reason)));
    assert!(matches!(reverse(1, "x", Some(&negative)), Err(ReverseError::Negative("upkeep"))));
    assert!(matches!(reverse(5, "x", Some(&upkeep)), Err(ReverseError::FailedWork(5))));
    assert_eq!(reverse(5, "x", None).expect("reversed").reversal, 6);
    assert!(matches!(reverse(5, "x", None), Err(ReverseError::Before { entry: 5, by: 6 })));
    assert!(matches!(reverse(6, "x", None), Err(ReverseError::IsReversal(6))));
    let closed = book.ledger.close_example(month("2026-10"), &Calendar::UTC, NOON);
    closed.expect("closed");
    let back_dated =
        book.ledger.reverse(1, "x", None, "command line", at("2026-10-15T00:00:00Z")).expect_err("closed");
    assert!(back_dated.to_string().contains("is closed"), "{back_dated}");
}

fn the_database_itself_refuses_half_a_reversal() {
    let book = two_months();
    let copy = |link, sign, electricity, reason| {
        book.sql(&(copy_of_entries(link, sign, electricity, reason) + " AND id = 1"))
    };
    assert!(copy("reverses", -1, "0", "'x'").is_err(), "not the whole of it");
    assert!(copy("reverses", -1, "-electricity_nano", "NULL").is_err(), "no reason");
    assert!(copy("corrects", 1, "0", "'x'").is_err(), "it has not been reversed");
    assert!(copy("reverses", -1, "-electricity_nano", "'x'").is_ok());
    assert!(copy("corrects", 1, "0", "'x'").is_ok());
}

fn what_is_taken_back_of_an_earlier_month_adds_nothing_to_a_budget() {
    let mut book = Book::new(Some(10));
    book.generate(book.filed(), NOON - SignedDuration::from_hours(31 * 24), &[receipt_of(40)]);
    book.ledger.reverse(1, "x", Some(&CorrectedAmounts::default()), "command line", NOON).expect("reversed");
    book.ledger.reverse(3, "x", None, "command line", NOON).expect("reversed");
    assert!(matches!(book.reserve(11, None, 0), Err(ReserveError::OverBudget(_))));
    let held = book.reserve(10, None, 0).expect("reserved");
    book.settle(held, &[&receipt()]).expect("settled");
    assert!(matches!(book.reserve(5, None, 0), Err(ReserveError::OverBudget(_))));
    book.ledger.reverse(5, "x", None, "command line", NOON).expect("reversed");
    assert!(book.reserve(10, None, 0).is_ok(), "what is taken back of this month is free again");
}

fn a_request_is_shown_with_its_receipts_to_its_own_key() {
    let mut book = Book::new(None);
    let filed = Filed { tag: Some("spring"), quality: Quality::High, ..book.filed() };
    let id = book.generate(filed, NOON, &[receipt(), receipt_of(7), receipt_of(8)]);
    let stored = |key| book.ledger.stored_request(id, key).expect("read");
    assert_eq!(stored(KeyId::new(99)), None, "not to another key");
    let shown = stored(book.key).expect("it is there");
    assert_eq!((shown.settled_at, shown.steps, shown.is_delivered), (NOON, 8, false));
    assert_eq!((shown.quality.as_deref(), shown.tag.as_deref()), (Some("high"), Some("spring")));
    let electricity = |image: &SettledImage| image.receipt.cost.electricity.as_nano();
    let states = |request: StoredRequest| -> Vec<_> {
        let state = |image: StoredImage| {
            (electricity(&image.booked), image.is_reversed, image.correction.as_ref().map(electricity))
        };
        request.images.into_iter().map(state).collect()
    };
    assert_eq!(states(shown), [(1, false, None), (7, false, None), (8, false, None)]);
    let amounts = CorrectedAmounts { electricity: Some(Money::from_nano(9)), ..CorrectedAmounts::default() };
    book.ledger.reverse(2, "x", Some(&amounts), "command line", NOON).expect("reversed");
    book.ledger.reverse(3, "x", None, "command line", NOON).expect("reversed");
    let shown = stored(book.key).expect("it is there");
    assert_eq!(states(shown), [(1, false, None), (7, true, Some(9)), (8, true, None)]);
    let open = book.open_request(book.filed(), NOON);
    assert_eq!(book.ledger.stored_request(open.id(), book.key).expect("read"), None, "not settled");
}

on_both!(
    groups_have_what_their_images_have_in_common,
    an_entry_of_a_closed_month_is_taken_back_in_the_running_one,
    what_cannot_be_taken_back_is_refused_in_a_line,
    the_database_itself_refuses_half_a_reversal,
    what_is_taken_back_of_an_earlier_month_adds_nothing_to_a_budget,
    a_request_is_shown_with_its_receipts_to_its_own_key,
);
