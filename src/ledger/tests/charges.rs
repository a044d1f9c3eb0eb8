//! Cost centres, and what each is charged.

use jiff::civil::date;

use super::{
    cost_lines::yuan,
    months::{at, month, two_months},
    *,
};
use crate::costs::{ShareRule, Term};
use crate::{domain::Calendar, ledger::store::testing};

const NOW: &str = "2026-12-05T00:00:00Z";

/// October and November, in which the tag "spring" has two images and its key two more, by a key that belongs to a centre
/// and a tag that belongs to another.
fn charged() -> (Book, String) {
    let book = two_months();
    let key = book.ledger.keys().expect("keys")[0].public_id.clone();
    for name in ["Studio A", "Studio B"] {
        assert!(book.ledger.add_centre(name, &Evidence::COMMAND_LINE, at(NOW)).expect("made"));
    }
    assert!(!book.ledger.add_centre("Studio A", &Evidence::COMMAND_LINE, at(NOW)).expect("no error"), "once");
    (book, key)
}

impl Book {
    fn charges(&self, text: &str) -> Charges {
        let costs = model_in(Currency::CNY);
        self.ledger.charges(&costs, month(text), &Calendar::UTC, at(NOW)).expect("charges")
    }

    fn assign_to(&self, member: &Member, centre: Option<&str>, from: &str) -> Result<(), AssignError> {
        let from = from.parse().expect("a day");
        self.ledger.assign(member, centre, from, &Evidence::COMMAND_LINE, at(NOW))
    }
}

/// Images by centre, in order: the centres', and what belongs to none.
fn images(charges: &Charges) -> Vec<(Option<&str>, i64)> {
    charges.charges.iter().map(|charge| (charge.name.as_deref(), charge.images)).collect()
}

fn all_subtotals(charges: &Charges) -> Money {
    charges.charges.iter().try_fold(Money::ZERO, |sum, charge| sum.plus(charge.subtotal)).expect("in range")
}

fn a_tag_says_whose_its_requests_are_before_their_key_does_and_each_from_a_day_on() {
    let (book, key) = charged();
    let (key, spring) = (Member::Key(key), Member::Tag("spring".into()));
    let spread = |a, b, none| [(Some("Studio A"), a), (Some("Studio B"), b), (None, none)];
    assert_eq!(images(&book.charges("2026-10")), spread(0, 0, 3));
    book.assign_to(&key, Some("Studio A"), "2026-10-01").expect("assigned");
    book.assign_to(&spring, Some("Studio B"), "2026-10-01").expect("assigned");
    assert_eq!(images(&book.charges("2026-10")), spread(1, 2, 0));
    book.assign_to(&spring, None, "2026-10-01").expect("assigned");
    assert_eq!(images(&book.charges("2026-10")), spread(3, 0, 0), "the later word of one day counts");
    book.assign_to(&key, None, "2026-10-31").expect("assigned");
    assert_eq!(images(&book.charges("2026-10")), spread(2, 0, 1));
    assert_eq!(images(&book.charges("2026-11")), spread(0, 0, 1));
    let refused = |member: &Member, centre| {
        book.assign_to(member, centre, "2026-11-01").expect_err("refused").to_string()
    };
    assert!(refused(&Member::Key("zzz".into()), None).contains("no key `zzz`"));
    assert!(refused(&spring, Some("Studio C")).contains("no cost centre `Studio C`"));
}

fn charges_without_mark_ups_are_the_months_all_in_cost_by_every_rule() {
    let (book, key) = charged();
    book.assign_to(&Member::Key(key), Some("Studio A"), "2026-10-01").expect("assigned");
    book.assign_to(&Member::Tag("spring".into()), Some("Studio B"), "2026-10-01").expect("assigned");
    let costs = model_in(Currency::CNY);
    let report =
        book.ledger.month_report(&costs, month("2026-10"), &[], &Calendar::UTC, at(NOW)).expect("a report");
    let all_in = report.whole.expect("a whole month").fully_loaded_total;
    let set = |term: Term| {
        let from = at("2026-10-01T00:00:00Z");
        assert!(book.ledger.record_term(&term, from, &Evidence::COMMAND_LINE, at(NOW)).expect("recorded"));
    };
    for rule in [
        ShareRule::DeviceTime,
        ShareRule::StandardCost,
        ShareRule::Images,
        ShareRule::Equally,
        ShareRule::Nobody,
    ] {
        set(Term::SharedBy(rule));
        let charges = book.charges("2026-10");
        assert_eq!(
            (charges.shared_by, charges.all_in_total, all_subtotals(&charges)),
            (rule, all_in, all_in)
        );
        let none = charges.charges.last().expect("what belongs to none");
        assert_eq!(none.unused_share == Money::ZERO, rule != ShareRule::Nobody || all_in == none.subtotal);
        for charge in &charges.charges {
            let lines = charge.lines.iter().try_fold(Money::ZERO, |sum, line| sum.plus(line.amount));
            assert_eq!(lines, charge.cost.total(), "the lines are the images' cost");
        }
    }
    set(Term::MarkUpPercent(15));
    let charges = book.charges("2026-10");
    let [a, _, none] = charges.charges.as_slice() else { panic!("{charges:?}") };
    assert_eq!(Ok(a.mark_up), a.subtotal.share_ceil(15, 100));
    assert_eq!((Ok(a.total), none.mark_up), (a.subtotal.plus(a.mark_up), Money::ZERO));
    assert_eq!(all_subtotals(&charges), all_in);
    assert!(yuan(0) < a.total);
}

fn a_closed_months_charges_stay_as_they_were() {
    let (book, key) = charged();
    let spring = Member::Tag("spring".into());
    book.assign_to(&spring, Some("Studio B"), "2026-10-01").expect("assigned");
    book.close("2026-10").expect("closed");
    let closed = book.charges("2026-10");
    assert!(closed.seal.is_some());
    let late = book.assign_to(&Member::Key(key), Some("Studio A"), "2026-10-31").expect_err("refused");
    assert!(matches!(late, AssignError::Closed(open) if open == date(2026, 11, 1)), "{late}");
    book.assign_to(&spring, Some("Studio A"), "2026-11-01").expect("assigned");
    let now = book.charges("2026-10");
    assert_eq!((now.charges, now.all_in_total), (closed.charges, closed.all_in_total));
    assert_eq!(book.finding("2026-10"), None);
    for sql in ["UPDATE cost_centre_members SET first_day = '2026-12-01'", "DELETE FROM cost_centres"] {
        assert!(book.sql(sql).is_err(), "{sql}");
    }
}

fn what_is_charged_goes_out_as_exact_rows() {
    let (book, _) = charged();
    book.assign_to(&Member::Tag("spring".into()), Some("Studio B"), "2026-10-01").expect("assigned");
    let charges = book.charges("2026-10");
    let csv = charges.to_csv().expect("CSV");
    let mut sums = std::collections::BTreeMap::<String, Money>::new();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    for row in reader.records() {
        let row = row.expect("a row");
        let sum = sums.entry(row[2].to_owned()).or_default();
        *sum = sum.plus(row[7].parse().expect("an amount")).expect("in range");
    }
    for charge in charges.charges.iter().filter(|charge| charge.total != Money::ZERO) {
        assert_eq!(sums.get(charge.name.as_deref().unwrap_or_default()), Some(&charge.total), "{csv}");
    }
}

#[test]
fn a_ledger_from_before_cost_centres_takes_some() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("ledger.sqlite3");
    let key =
        "INSERT INTO keys (id, public_id, name, secret_sha256, scope_images, scope_admin, created_at_ms)
               VALUES (1, 'abc', 'studio', zeroblob(32), 1, 0, 5)";
    testing::make_earlier(&file, testing::steps_before("CREATE TABLE cost_centres"), key, &[]);
    let ledger = Ledger::open(&file).expect("brought up to date");
    assert!(ledger.add_centre("Studio", &Evidence::COMMAND_LINE, NOON).expect("made"));
    let (key, first) = (Member::Key("abc".into()), jiff::civil::date(2026, 11, 1));
    ledger.assign(&key, Some("Studio"), first, &Evidence::COMMAND_LINE, NOON).expect("assigned");
    assert_eq!(ledger.centres().expect("centres")[0].members.len(), 1);
}

on_both!(
    a_tag_says_whose_its_requests_are_before_their_key_does_and_each_from_a_day_on,
    charges_without_mark_ups_are_the_months_all_in_cost_by_every_rule,
    a_closed_months_charges_stay_as_they_were,
    what_is_charged_goes_out_as_exact_rows,
);
