//! Whatever was booked and taken back, groups and exports add up to their month.

use jiff::tz::TimeZone;

use super::{
    months::{Filed, at, month, receipt_of},
    *,
};
use crate::{domain::Calendar, ledger::report::GroupTotals, units::Carbon};

/// One step of a random history.
#[derive(Debug, Clone)]
struct Happening {
    /// Hours after the first of September, 2026: September to November.
    hour: u16,
    key: usize,
    tag: usize,
    quality: usize,
    side: u32,
    electricity: Vec<i64>,
    action: Action,
}

#[derive(Debug, Clone, Copy)]
enum Action {
    Generate {
        deliver: bool,
    },
    Fail,
    /// Takes back the entry at this place among all, if it can be.
    Reverse {
        entry: usize,
        electricity: Option<i64>,
    },
}

fn step() -> impl Strategy<Value = Happening> {
    let action = prop_oneof![
        4 => any::<bool>().prop_map(|deliver| Action::Generate { deliver }),
        1 => Just(Action::Fail),
        3 => (0..40usize, prop::option::of(0..1_000i64))
            .prop_map(|(entry, electricity)| Action::Reverse { entry, electricity }),
    ];
    let filed = (0..2usize, 0..3usize, 0..3usize, prop::sample::select(vec![32u32, 64]));
    (0..91 * 24u16, filed, prop::collection::vec(0..1_000i64, 1..4), action).prop_map(
        |(hour, (key, tag, quality, side), electricity, action)| Happening {
            hour,
            key,
            tag,
            quality,
            side,
            electricity,
            action,
        },
    )
}

fn run(book: &mut Book, keys: &[KeyId], step: &Happening) {
    let now = at("2026-09-01T00:00:00Z") + SignedDuration::from_hours(step.hour.into());
    let filed = Filed {
        key: keys[step.key],
        model: ["tiny", "other"][step.quality % 2],
        tag: [None, Some("spring"), Some("秋")][step.tag],
        quality: [Quality::Low, Quality::Medium, Quality::High][step.quality],
        side: step.side,
    };
    match step.action {
        Action::Generate { deliver } => {
            let receipts: Vec<_> = step.electricity.iter().map(|nano| receipt_of(*nano)).collect();
            let id = book.generate(filed, now, &receipts);
            if deliver {
                book.ledger.note_delivery(id, NOON).expect("noted");
            }
        }
        Action::Fail => {
            let open = book.open_request(filed, now);
            let work = failed_work(Money::from_nano(step.electricity[0]));
            book.ledger
                .fail(open, FailureReason::GenerationFailed, &spec(), Currency::CNY, &[work], now)
                .expect("failed");
        }
        Action::Reverse { entry, electricity } => {
            let entry = i64::try_from(entry).expect("a number") + 1;
            let electricity = electricity.map(Money::from_nano);
            let amounts =
                electricity.map(|_| CorrectedAmounts { electricity, ..CorrectedAmounts::default() });
            // What is not there, or was taken back before, is refused.
            book.ledger.reverse(entry, "a random reason", amounts.as_ref(), "command line", now).ok();
        }
    }
}

fn sum(groups: &[GroupTotals]) -> MonthTotals {
    let energy = |a: EnergyBalance, b: EnergyBalance| {
        EnergyBalance::from_millijoules(a.as_millijoules() + b.as_millijoules())
    };
    let money = |a: Money, b: Money| a.plus(b).expect("in range");
    groups.iter().map(|group| group.totals).fold(MonthTotals::default(), |a, b| MonthTotals {
        images: a.images + b.images,
        duration: a.duration + b.duration,
        energy: energy(a.energy, b.energy),
        wall_energy: energy(a.wall_energy, b.wall_energy),
        cost: a.cost.plus(&b.cost).expect("in range"),
        standard: money(a.standard, b.standard),
        compared: a.compared.plus(&b.compared).expect("in range"),
        undelivered: a.undelivered + b.undelivered,
        failed_energy: energy(a.failed_energy, b.failed_energy),
        failed_electricity: money(a.failed_electricity, b.failed_electricity),
        carbon: Carbon::sum([a.carbon, b.carbon]).expect("in range"),
        failed_carbon: Carbon::sum([a.failed_carbon, b.failed_carbon]).expect("in range"),
    })
}

/// The sum of a money column of FOCUS rows.
fn focus_sum(csv: &str, column: &str) -> Money {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let place = reader.headers().expect("a head").iter().position(|name| name == column).expect("a column");
    let cells = reader.records().map(|record| record.expect("a row")[place].parse::<Money>());
    cells.fold(Money::ZERO, |sum, cell| sum.plus(cell.expect("an amount")).expect("in range"))
}

fn groups_and_exports_add_up_to_their_month() {
    on_histories(24, &prop::collection::vec(step(), 1..40), |steps| adds_up(&steps));
}

fn adds_up(steps: &[Happening]) -> TestCaseResult {
    let mut book = Book::new(None);
    let second = ApiKey::generate(&mut StdRng::seed_from_u64(2));
    let rules = KeyRules { scopes: Scopes::ALL, ..KeyRules::default() };
    book.ledger
        .create_key(&NewKey { key: &second, name: "second", rules }, "first start", NOON)
        .expect("a key");
    let second = book.ledger.authenticate(&second, NOON).expect("no error").expect("known").key;
    let keys = [book.key, second];
    for step in steps {
        run(&mut book, &keys, step);
    }
    let calendar = Calendar::from(TimeZone::fixed(jiff::tz::offset(8)));
    for text in ["2026-09", "2026-10", "2026-11", "2026-12"] {
        let month = month(text);
        let (start, end) = (month.start(&calendar), month.end(&calendar));
        let totals = book.ledger.totals(start, end).expect("totals");
        for by in GroupBy::ALL {
            let (whole, groups) = book.ledger.grouped_totals(by, start, end, &calendar).expect("groups");
            prop_assert_eq!(whole, totals);
            prop_assert_eq!(sum(&groups), totals, "{} by {}", text, by);
        }
        let focus = super::exports::focus(&book, &month.to_string(), &calendar);
        let whole = super::exports::all_in(&book, &month.to_string(), &calendar);
        prop_assert_eq!(focus_sum(&focus, "BilledCost"), whole);
    }
    let now = at("2027-01-02T00:00:00Z");
    for text in ["2026-08", "2026-09", "2026-10", "2026-11", "2026-12"] {
        book.ledger.close_example(month(text), &calendar, now).expect("closed");
    }
    let verified = book.ledger.verify_months(None).expect("verified");
    prop_assert!(verified.iter().all(|month| month.finding.is_none()), "{:?}", verified);
    Ok(())
}

on_both!(groups_and_exports_add_up_to_their_month);
