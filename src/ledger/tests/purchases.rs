//! Images that are bought: caps, doubts, sums, and what a start makes of a purchase that was under way.

use super::*;
use crate::{
    costs::BoughtPrice,
    ledger::{
        HeldPurchase, NewPurchase, NotAdmitted, PurchaseFinding, PurchaseForbidden, PurchaseState,
        ResolveError,
    },
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
        self.buy_held(images, idempotency_key, None)
    }

    /// The same in a cluster, whose gateway has it `held`.
    pub(super) fn buy_held(
        &mut self,
        images: u32,
        idempotency_key: Option<&str>,
        held: Option<&HeldPurchase<'_>>,
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
        let reserved = self.ledger.reserve_to_buy(&new, &purchase, held);
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
    book.tamper("UPDATE bought_images SET price_nano = 1 WHERE image_index = 1");
    assert!(book.ledger.verify_months(None).expect("verified")[0].finding.is_some());
}

impl Book {
    fn resolve(&self, id: RequestId, finding: PurchaseFinding, at: Timestamp) -> Result<(), ResolveError> {
        self.ledger.resolve_purchase(id, finding, ("bill 7", "command line"), at).map(|_| ())
    }

    /// What the key has spent in the month, and what `acme` was paid on the day.
    fn spent_and_paid(&self) -> [Money; 2] {
        let periods = BudgetPeriods::of(NOON, &Calendar::UTC);
        let spent = self.ledger.spent(&periods).expect("sums");
        let of_key = spent[&BudgetPeriod::Month].get(&self.key).copied().unwrap_or_default();
        [of_key.money, self.ledger.paid_to("acme", &periods).expect("a sum")]
    }
}

fn a_doubt_is_resolved_once_and_budgets_and_the_days_cap_follow() {
    let mut book = Book::new(None);
    let nano = Money::from_nano;
    let first = book.buy(2, Some("order")).expect("reserved");
    let id = first.id();
    let open = book.resolve(id, PurchaseFinding::NotPaid, NOON);
    assert!(matches!(open, Err(ResolveError::NotDoubtful { state: PurchaseState::Open, .. })), "{open:?}");
    book.ledger.start(id, NOON).expect("started");
    book.ledger.abandon_open(NOON).expect("abandoned");
    assert_eq!(book.spent_and_paid(), [nano(600_000_000); 2]);
    assert_eq!(book.ledger.purchases_in_doubt().expect("a count"), 1);
    let nothing = book.resolve(id, PurchaseFinding::Paid(Money::ZERO), NOON);
    assert!(matches!(nothing, Err(ResolveError::Amount)), "{nothing:?}");
    let note = book.ledger.resolve_purchase(id, PurchaseFinding::NotPaid, ("a\nb", "x"), NOON);
    assert!(matches!(note, Err(ResolveError::Note)), "{note:?}");
    book.resolve(id, PurchaseFinding::NotPaid, NOON).expect("resolved");
    assert_eq!(book.spent_and_paid(), [Money::ZERO; 2], "nothing was paid after all");
    let again = book.resolve(id, PurchaseFinding::Paid(nano(1)), NOON);
    assert!(matches!(again, Err(ResolveError::Before(_))), "{again:?}");
    let other = book.resolve(RequestId::new(NOON, [99; 10]), PurchaseFinding::NotPaid, NOON);
    assert!(matches!(other, Err(ResolveError::Unknown(_))), "{other:?}");

    // What was not paid may be bought again. 0.05 dollars for one image at 7.5.
    let second = book.buy(1, Some("order")).expect("bought again");
    book.ledger.end_purchase(second.id(), true, "no answer", NOON).expect("ended");
    book.resolve(second.id(), PurchaseFinding::Paid(nano(50_000_000)), NOON).expect("resolved");
    assert_eq!(book.spent_and_paid(), [nano(375_000_000); 2], "what the bill says, not what was booked");
    let listed = book.ledger.purchases(false, 9).expect("purchases");
    assert_eq!((listed.len(), book.ledger.purchases(true, 9).expect("purchases").len()), (2, 0));
    let found = listed[0].purchase.resolution.as_ref().expect("a finding");
    assert_eq!((found.note.as_str(), found.actor.as_str()), ("bill 7", "command line"));
    for sql in ["UPDATE purchase_resolutions SET paid_nano = 1", "DELETE FROM purchase_resolutions"] {
        assert!(book.sql(sql).is_err(), "{sql}");
    }
    let costs = model_in(Currency::CNY);
    let month = Month::of(NOON, &Calendar::UTC);
    let report = book.ledger.month_report(&costs, month, &[], &Calendar::UTC, NOON).expect("a report");
    let bought = report.overflow.expect("purchases");
    assert_eq!((bought.doubtful_images, bought.doubtful_total), (0, Money::ZERO));
    assert_eq!((bought.lost_images, bought.lost_total), (1, nano(375_000_000)));
    assert_eq!(bought.paid(), nano(375_000_000));
}

fn a_doubt_of_a_closed_month_is_resolved_in_the_running_one() {
    let mut book = Book::new(None);
    let doubtful = book.buy(1, None).expect("reserved");
    let id = doubtful.id();
    book.ledger.end_purchase(id, true, "no answer", NOON).expect("ended");
    book.settle(doubtful, &[&receipt()]).expect("made here");
    let (costs, zone) = (model_in(Currency::CNY), Calendar::UTC);
    let (month, now) = (Month::of(NOON, &zone), NOON + SignedDuration::from_hours(24 * 40));
    let closer = Closer { costs: &costs, calendar: &zone, operator: "studio", actor: "command line" };
    book.ledger.close_month(month, &closer, now).expect("closed");
    let report = |month| book.ledger.month_report(&costs, month, &[], &zone, now).expect("a report");
    let stated = report(month).overflow;
    book.resolve(id, PurchaseFinding::Paid(Money::from_nano(50_000_000)), now).expect("resolved");
    assert_eq!(report(month).overflow, stated, "a closed month stays as it was closed");
    let running = report(Month::of(now, &zone)).overflow.expect("a correction");
    assert_eq!((running.doubtful_images, running.doubtful_total), (-1, Money::from_nano(-300_000_000)));
    assert_eq!((running.lost_images, running.lost_total), (1, Money::from_nano(375_000_000)));
    assert_eq!(running.paid(), Money::from_nano(75_000_000), "by how much more it was");
    let focus = |month| {
        let mut export = book.ledger.focus_export(&costs, month, &zone, "studio", now).expect("an export");
        book.ledger.focus_rows(&mut export).expect("rows").expect("a part")
    };
    let rows = focus(Month::of(now, &zone));
    let row = |line: &str| rows.lines().find(|row| row.contains(line)).expect(line).to_owned();
    assert!(
        row(",doubtful purchase,").starts_with("-0.30,") && row(",doubtful purchase,").contains("Correction")
    );
    assert!(row(",lost purchase,").starts_with("0.375,"), "{rows}");
    let verified = book.ledger.verify_months(None).expect("verified");
    assert!(verified.iter().all(|month| month.finding.is_none()), "{verified:?}");
    // The finding of a month that is closed is part of its seal.
    let later = now + SignedDuration::from_hours(24 * 40);
    book.ledger.close_month(Month::of(now, &zone), &closer, later).expect("closed");
    book.tamper("UPDATE purchase_resolutions SET paid_nano = 1");
    let verified = book.ledger.verify_months(None).expect("verified");
    assert!(verified.last().is_some_and(|month| month.finding.is_some()), "{verified:?}");
}

fn groups_and_cost_centres_show_what_was_bought_and_add_up_to_the_month() {
    let mut book = Book::new(None);
    let bought = book.buy(2, None).expect("reserved");
    book.ledger.settle_bought(bought, NOON).expect("settled");
    let doubtful = book.buy(1, None).expect("reserved");
    book.ledger.end_purchase(doubtful.id(), true, "no answer", NOON).expect("ended");
    book.settle(doubtful, &[&receipt()]).expect("made here");
    let (costs, zone) = (model_in(Currency::CNY), Calendar::UTC);
    let (month, now) = (Month::of(NOON, &zone), NOON + SignedDuration::from_hours(24 * 40));
    assert!(book.ledger.add_centre("Studio", &Evidence::COMMAND_LINE, now).expect("made"));
    let key = book.ledger.keys().expect("keys")[0].public_id.clone();
    let first = month.days().first;
    book.ledger
        .assign(&Member::Key(key), Some("Studio"), first, &Evidence::COMMAND_LINE, now)
        .expect("assigned");
    let check = |book: &Book| {
        let report = book.ledger.month_report(&costs, month, &GroupBy::ALL, &zone, now).expect("a report");
        let whole = report.overflow.as_ref().expect("purchases");
        assert_eq!(report.groups.len(), GroupBy::ALL.len());
        for groups in &report.groups {
            let of_groups = groups.groups.iter().filter_map(|group| group.overflow.as_ref());
            let (mut images, mut paid) = ((0, 0), Money::ZERO);
            for bought in of_groups {
                images = (images.0 + bought.bought_images, images.1 + bought.doubtful_images);
                paid = paid.plus(bought.paid()).expect("in range");
            }
            assert_eq!((images, paid), ((2, 1), whole.paid()), "by {}", groups.by);
            let own = groups.groups.iter().map(|group| group.figures.images).sum::<i64>();
            assert_eq!(own, report.figures.images, "the old figures have nothing of it, by {}", groups.by);
        }
        let charges = book.ledger.charges(&costs, month, &zone, now).expect("charges");
        let charge = charges.charges.iter().find(|charge| charge.centre.is_some()).expect("a centre");
        let overflow = charge.overflow.as_ref().expect("purchases");
        assert_eq!(
            (overflow.paid(), overflow.paid_total),
            (whole.paid(), charge.total.plus(whole.paid()).ok())
        );
        let amounts = charges.charges.iter().map(|charge| charge.subtotal);
        let subtotals = amounts.fold(Money::ZERO, |sum, one| sum.plus(one).expect("in range"));
        assert_eq!(subtotals, charges.all_in_total, "nothing of it is charged");
        let csv = charges.one_to_csv(charge).expect("a file");
        assert!(csv.contains("bought elsewhere,,,,0.00,2,0.90"), "{csv}");
        let text = |groups: &[Groups]| serde_json::to_string(groups).expect("JSON");
        text(&report.groups)
    };
    let before = check(&book);
    let closer = Closer { costs: &costs, calendar: &zone, operator: "studio", actor: "command line" };
    book.ledger.close_month(month, &closer, now).expect("closed");
    assert_eq!(check(&book), before, "as it was closed");
}

on_both!(
    a_doubt_is_resolved_once_and_budgets_and_the_days_cap_follow,
    a_doubt_of_a_closed_month_is_resolved_in_the_running_one,
    groups_and_cost_centres_show_what_was_bought_and_add_up_to_the_month,
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
