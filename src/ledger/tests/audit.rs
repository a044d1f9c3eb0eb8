//! The controls: they hold on sound books, and each of them fails on what it is for.

use jiff::civil::date;

use super::{
    late::{BY_TIME, Closed, part},
    months::{at, month},
    *,
};
use crate::domain::{Calendar, Overhead};

const NOW: Timestamp = Timestamp::constant(1_795_435_200, 0);

impl Closed {
    /// The controls that do not hold, with an image of the first request kept.
    fn broken(&self) -> Vec<ControlKind> {
        self.broken_with(&[(self.book.ids()[0], 0)])
    }

    fn broken_with(&self, kept: &[(RequestId, u32)]) -> Vec<ControlKind> {
        let basis = AuditBasis { costs: &self.costs, calendar: &Calendar::UTC, kept, tolerance_percent: 5 };
        let controls = self.book.ledger.audit(&basis, NOW).expect("audited");
        // Each of the three requests of the closed months asked for one image, and has two.
        let expected = |control: &Control| if control.kind == ControlKind::Requests { 3 } else { 0 };
        let broken = controls.iter().filter(|control| control.breaks.len() != expected(control));
        broken.map(|control| control.kind).collect()
    }

    fn measure(&self, kwh: &str) {
        let measured = (kwh.parse().expect("an energy"), None);
        let (november, evidence) = (month("2026-11"), Evidence::COMMAND_LINE);
        self.book.ledger.reconcile(november, measured, Currency::CNY, &evidence, NOW).expect("recorded");
    }
}

/// Two closed months, a part of theirs that was recorded late, and in November an image, failed work and an idle hour,
/// priced with what is recorded.
fn books() -> Closed {
    let mut closed = Closed::new();
    closed.add(&part("ups", 1_825, date(2026, 10, 10), BY_TIME));
    closed.retire(date(2026, 10, 12), 1_000);
    let now = at("2026-11-10T10:00:00Z");
    let civil = Calendar::UTC.to_datetime(now);
    let costs = closed.book.ledger.with_assets(&closed.costs).expect("a model");
    let product = crate::domain::Product::generated(ImageSize::square(64), Quality::Medium);
    let hour = Usage { energy: Energy::from_millijoules(3_600_000_000), ..receipt().usage };
    let image = costs.receipt(hour, costs.compare(product, civil.date()), civil).expect("a receipt");
    closed.book.generate(closed.book.filed(), now, &[image]);
    let share = Share { steps_done: 3, steps: 8 };
    let priced = costs.failed_work(hour, share, civil).expect("priced");
    let work = FailedWork { index: 0, seed: Seed::new(1), usage: hour, priced, share, images_shown: 0 };
    let failed = closed.book.open_request(closed.book.filed(), now);
    closed
        .book
        .ledger
        .fail(failed, FailureReason::GenerationFailed, &spec(), Currency::CNY, &[work], now)
        .expect("failed");
    let idle = costs.idle(hour, civil).expect("priced");
    closed.book.ledger.book_overhead(Overhead::Idle, hour, &idle, Currency::CNY, now).expect("booked");
    closed.book.ledger.note_delivery(closed.book.ids()[0], now).expect("noted");
    // An hour's kilowatt each for an image, failed work and idleness.
    closed.measure("3.1");
    closed
}

fn every_control_holds_on_sound_books_and_fails_on_what_it_is_for() {
    let prices = ControlKind::Entries;
    let seals = ControlKind::ClosedMonths;
    for (sql, broken) in [
        ("UPDATE entries SET depreciation_nano = depreciation_nano + 1 WHERE kind = 'failed'", vec![prices]),
        ("UPDATE entries SET wall_energy_mj = wall_energy_mj + 1 WHERE rate_card IS NOT NULL", vec![prices]),
        (
            "UPDATE overheads SET electricity_nano = electricity_nano + 1",
            vec![ControlKind::IdleEnergy],
        ),
        (
            "UPDATE requests SET images = 3 WHERE created_at_ms = 1794304800000 AND state = 'settled'",
            vec![ControlKind::Requests],
        ),
        ("UPDATE deliveries SET delivered_at_ms = 0", vec![seals, ControlKind::Answers]),
        ("DELETE FROM adjustments", vec![ControlKind::Parts]),
        (
            "UPDATE month_statements SET statement = replace(statement, '\"standard\":\"0', '\"standard\":\"1')
             WHERE month = '2026-10'",
            vec![seals, ControlKind::Statements],
        ),
        ("UPDATE assets SET name = 'other' WHERE id = 1", vec![seals]),
    ] {
        let books = books();
        assert_eq!(books.broken(), Vec::<ControlKind>::new(), "{sql}");
        books.book.tamper(sql);
        assert_eq!(books.broken(), broken, "{sql}");
    }
}

fn a_kept_image_that_no_request_asked_for_breaks_its_control() {
    let books = books();
    let known = books.book.ids()[0];
    let unknown = RequestId::new(NOW, [9; 10]);
    assert_eq!(books.broken_with(&[]), []);
    for kept in [[(known, 0), (known, 1)], [(known, 0), (unknown, 0)]] {
        assert_eq!(books.broken_with(&kept), [ControlKind::KeptImages]);
    }
}

fn a_meter_that_counted_more_than_was_booked_breaks_its_control_and_says_by_how_much() {
    let books = books();
    books.measure("3.4");
    assert_eq!(books.broken(), [ControlKind::Meters]);
    let all = books.book.ledger.reconciliations(&Calendar::UTC).expect("reconciliations");
    let [november] = all.as_slice() else { panic!("the last one counts: {all:?}") };
    let uses: Vec<_> =
        november.booked.iter().map(|one| (one.name.as_str(), one.energy.as_millijoules())).collect();
    let kwh = 3_600_000_000;
    assert_eq!(uses, [("failed work", kwh), ("images", kwh), ("idle hours", kwh)]);
    assert_eq!(november.difference_tenths(), Ok(Some(117)), "0.4 of 3.4");
    // 0.4 kWh at 1.20.
    assert_eq!(
        november.by_quantity().map(|amount| amount.map(|amount| amount.to_string())),
        Ok(Some("0.48".into()))
    );
}

on_both!(
    a_kept_image_that_no_request_asked_for_breaks_its_control,
    a_meter_that_counted_more_than_was_booked_breaks_its_control_and_says_by_how_much,
    every_control_holds_on_sound_books_and_fails_on_what_it_is_for,
);
