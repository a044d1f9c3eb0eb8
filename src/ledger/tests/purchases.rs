//! Images that are bought: caps, doubts, sums, and what a start makes of a purchase that was under way.

use super::*;
use crate::{
    costs::BoughtPrice,
    ledger::{NewPurchase, NotAdmitted, PurchaseForbidden, PurchaseState},
};

/// 0.3 in the ledger's currency.
fn price() -> BoughtPrice {
    BoughtPrice {
        sku: "bfl/flux-pro-1.1".into(),
        list: Money::from_nano(40_000_000),
        list_currency: Currency::USD,
        exchange_rate: Money::from_nano(7_500_000_000),
        price: Money::from_nano(300_000_000),
    }
}

impl Book {
    /// Reserves a request of `images` images that are to be bought, with a cap of 1 a day.
    fn buy(
        &mut self,
        images: u32,
        idempotency_key: Option<&str>,
    ) -> Result<Reservation, NotAdmitted<PurchaseForbidden>> {
        self.requests += 1;
        let (budgets, price) = (Budgets::default(), price());
        let new = NewRequest {
            idempotency_key,
            images,
            estimate: Money::from_nano(400_000_000),
            ..request([self.requests; 10], self.key, &budgets, NOON)
        };
        let purchase = NewPurchase {
            request: new.id,
            seller: "acme",
            images,
            size: ImageSize::square(32),
            price: &price,
            here: Money::from_nano(2_000_000),
            currency: Currency::CNY,
            why: "the queue is full",
            a_day_max: Money::from_nano(1_000_000_000),
        };
        let reserved = self.ledger.reserve_to_buy(&new, &purchase, None);
        reserved.map(|reserved| reserved.into_new().expect("no repeat"))
    }

    fn bought(&self) -> (i64, i64) {
        let sum = |state: &str| {
            let sql = "SELECT count(*) FROM bought_images WHERE state = ?1";
            let read = |conn: &store::Conn<'_>| conn.query_one(sql, store::params![state], |row| row.get(0));
            self.ledger.store.read(read).expect("a count")
        };
        (sum("bought"), sum("doubtful"))
    }
}

fn a_bought_image_is_settled_with_its_price_and_no_energy() {
    let mut book = Book::new(None);
    let reservation = book.buy(2, Some("one")).expect("reserved");
    let id = reservation.id();
    let open = book.ledger.purchase(id).expect("no error").expect("a purchase");
    assert_eq!((open.state, open.price), (PurchaseState::Open, price()));
    book.ledger.settle_bought(reservation, NOON).expect("settled");
    assert_eq!(book.bought(), (2, 0));
    let settled = book.ledger.settled(id).expect("no error").expect("the request");
    assert_eq!((settled.images.len(), settled.size), (2, ImageSize::square(32)));
    assert!(settled.purchase.is_some_and(|purchase| purchase.is_bought()));
    let stored = book.ledger.stored_request(id, book.key).expect("no error").expect("the request");
    assert_eq!((stored.images.len(), stored.size), (2, ImageSize::square(32)));
    assert_eq!(book.totals().images, 0, "no image was made here");
    let recent = book.ledger.recent_requests(&RequestFilter::default(), 5).expect("requests");
    assert_eq!(recent[0].purchase.as_ref().map(|purchase| purchase.images), Some(2));
    // A repeat has an answer.
    let repeat = book.buy_again("one");
    assert!(matches!(repeat, Ok(Reserved::Settled(settled)) if settled == id), "{repeat:?}");
    for sql in [
        "UPDATE bought_images SET price_nano = 1",
        "DELETE FROM bought_images",
        "UPDATE purchases SET price_nano = 1",
        "UPDATE purchases SET state = 'refused'",
        "DELETE FROM purchases",
    ] {
        assert!(book.sql(sql).is_err(), "{sql}");
    }
}

impl Book {
    fn buy_again(&mut self, idempotency_key: &str) -> Result<Reserved, ReserveError> {
        self.reserve_or_repeat(1, Some(idempotency_key), 0)
    }
}

fn the_days_cap_counts_what_is_under_way_and_what_is_in_doubt() {
    let mut book = Book::new(None);
    let first = book.buy(1, None).expect("0.3 of 1");
    let second = book.buy(2, None).expect("0.9 of 1");
    let over = |bought| matches!(bought, Err(NotAdmitted::Place(PurchaseForbidden::OverDaysCap)));
    assert!(over(book.buy(1, None)), "1.2 of 1");
    book.ledger.settle_bought(first, NOON).expect("settled");
    book.ledger.end_purchase(second.id(), true, "its answer broke off", NOON).expect("ended");
    assert!(over(book.buy(1, None)), "what may have been paid counts");
    assert_eq!(book.bought(), (1, 2));
    let again = book.ledger.end_purchase(second.id(), true, "again", NOON);
    assert!(again.is_err(), "a purchase ends once");
    let periods = BudgetPeriods::of(NOON + SignedDuration::from_hours(24), &Calendar::UTC);
    assert_eq!(book.ledger.paid_to("acme", &periods).expect("a sum"), Money::ZERO, "the next day");
}

fn a_refused_purchase_costs_nothing_and_its_request_is_made_here() {
    let mut book = Book::new(None);
    let reservation = book.buy(1, None).expect("reserved");
    let id = reservation.id();
    book.ledger.end_purchase(id, false, "status 429", NOON).expect("ended");
    book.settle(reservation, &[&receipt()]).expect("settled");
    let periods = BudgetPeriods::of(NOON, &Calendar::UTC);
    assert_eq!(book.ledger.paid_to("acme", &periods).expect("a sum"), Money::ZERO);
    assert_eq!((book.bought(), book.totals().images), ((0, 0), 1));
    let purchase = book.ledger.purchase(id).expect("no error").expect("a purchase");
    assert_eq!((purchase.state, purchase.outcome.as_deref()), (PurchaseState::Refused, Some("status 429")));
}

fn a_purchase_that_was_under_way_at_a_crash_is_in_doubt_once_and_not_paid_again() {
    let mut book = Book::new(None);
    let reservation = book.buy(2, Some("order")).expect("reserved");
    book.ledger.start(reservation.id(), NOON).expect("started");
    assert_eq!(book.ledger.abandon_open(NOON).expect("abandoned"), 1);
    assert_eq!(book.ledger.abandon_open(NOON).expect("nothing left"), 0);
    assert_eq!(book.bought(), (0, 2));
    let again = book.buy(2, Some("order"));
    assert!(matches!(again, Err(NotAdmitted::Place(PurchaseForbidden::InDoubt))), "{again:?}");
    assert!(book.reserve(1, Some("order"), 0).is_ok(), "it can be made here");
}

fn budgets_count_money_and_images_of_purchases() {
    let mut book = Book::new(Some(1_000_000_000));
    let reservation = book.buy(1, None).expect("0.4 of 1");
    let over = book.reserve(700_000_000, None, 0);
    assert!(matches!(over, Err(ReserveError::OverBudget(_))), "the reservation counts");
    book.ledger.settle_bought(reservation, NOON).expect("settled");
    let over = book.reserve(700_000_001, None, 0);
    assert!(matches!(over, Err(ReserveError::OverBudget(_))), "0.3 was paid");
    let fits = book.reserve(700_000_000, None, 0).expect("exactly what is left");
    drop(fits);
    let periods = BudgetPeriods::of(NOON, &Calendar::UTC);
    let spent = book.ledger.spent(&periods).expect("sums");
    let of_key = spent[&BudgetPeriod::Month][&book.key];
    assert_eq!((of_key.money, of_key.images), (Money::from_nano(300_000_000), 1));
}

fn a_month_reports_what_was_bought_apart_and_seals_it() {
    let mut book = Book::new(None);
    let bought = book.buy(2, None).expect("reserved");
    book.ledger.settle_bought(bought, NOON).expect("settled");
    let doubtful = book.buy(1, None).expect("reserved");
    book.ledger.end_purchase(doubtful.id(), true, "no answer", NOON).expect("ended");
    book.settle(doubtful, &[&receipt()]).expect("made here");
    let costs = model_in(Currency::CNY);
    let (zone, now) = (Calendar::UTC, NOON + SignedDuration::from_hours(24 * 40));
    let month = Month::of(NOON, &zone);
    let report = book.ledger.month_report(&costs, month, &[], &zone, now).expect("a report");
    let overflow = report.overflow.as_ref().expect("bought images");
    let nano = Money::from_nano;
    assert_eq!((overflow.bought_images, overflow.bought_total), (2, nano(600_000_000)));
    assert_eq!((overflow.doubtful_images, overflow.doubtful_total), (1, nano(300_000_000)));
    assert_eq!((overflow.here_total, overflow.another_device_saves), (nano(4_000_000), nano(896_000_000)));
    let all_in = report.whole.as_ref().expect("a month").fully_loaded_total;
    assert_eq!(overflow.paid_total, all_in.plus(nano(900_000_000)).ok());
    assert_eq!((report.figures.images, overflow.sellers.len()), (1, 1));
    assert_eq!(overflow.sellers[0].list_total, nano(120_000_000));
    let year = book.ledger.year_report(&costs, "2026".parse().expect("a year"), &zone, now).expect("a year");
    assert_eq!(year.overflow.as_ref().map(BoughtReport::paid), Some(nano(900_000_000)));
    let csv = report.to_csv().expect("a file");
    assert!(csv.contains(",2,0.60,1,0.30,"), "{csv}");
    let mut export = book.ledger.focus_export(&costs, month, &zone, "studio", now).expect("an export");
    let focus = book.ledger.focus_rows(&mut export).expect("rows").expect("a part");
    assert!(focus.lines().any(|row| row.starts_with("0.60,") && row.contains("acme")), "{focus}");

    let closer = Closer { costs: &costs, calendar: &zone, operator: "studio", actor: "command line" };
    book.ledger.close_month(month, &closer, now).expect("closed");
    let stated = book.ledger.month_report(&costs, month, &[], &zone, now).expect("a report");
    assert_eq!(stated.overflow, report.overflow);
    assert!(book.ledger.verify_months(None).expect("verified").iter().all(|month| month.finding.is_none()));
    let basis = AuditBasis { costs: &costs, calendar: &zone, kept: &[], tolerance_percent: 5 };
    let ours = [ControlKind::ClosedMonths, ControlKind::Statements, ControlKind::Requests];
    let controls = book.ledger.audit(&basis, now).expect("controls");
    for control in controls.iter().filter(|control| ours.contains(&control.kind)) {
        assert!(control.breaks.is_empty(), "{}: {:?}", control.kind, control.breaks);
    }
    if BACKEND.get() == Backend::Sqlite {
        book.tamper("UPDATE bought_images SET price_nano = 1 WHERE image_index = 1");
        assert!(book.ledger.verify_months(None).expect("verified")[0].finding.is_some());
    }
}

on_both!(
    a_bought_image_is_settled_with_its_price_and_no_energy,
    the_days_cap_counts_what_is_under_way_and_what_is_in_doubt,
    a_refused_purchase_costs_nothing_and_its_request_is_made_here,
    a_purchase_that_was_under_way_at_a_crash_is_in_doubt_once_and_not_paid_again,
    budgets_count_money_and_images_of_purchases,
    a_month_reports_what_was_bought_apart_and_seals_it,
);

#[test]
fn a_ledger_from_before_purchases_is_kept_and_its_keys_do_not_overflow() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("ledger.sqlite3");
    let id = testing::make_earlier_request(&file, testing::steps_before("CREATE TABLE purchases"));
    let ledger = Ledger::open(&file).expect("brought up to date");
    assert!(!ledger.keys().expect("keys")[0].rules.may_overflow);
    assert_eq!(ledger.purchase(id).expect("no error"), None);
    let stored = ledger.stored_request(id, KeyId::new(1)).expect("no error").expect("the request");
    assert_eq!((stored.images.len(), stored.purchase), (1, None));
}
