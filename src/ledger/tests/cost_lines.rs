//! Dated lines of cost, and what becomes of the past when one changes.

use jiff::civil::{Date, date};

use super::{months::at, *};
use crate::costs::{
    Asset, CostLine, CostModel, CostSettings, DaySpan, Hardware, PriceBook, PriceSheet, Retirement, Term,
    Upkeep,
};
use crate::{domain::Calendar, ledger::store::testing};

pub(super) fn yuan(amount: i64) -> Money {
    Money::from_nano(amount * 1_000_000_000)
}

pub(super) fn a_year(amount: i64) -> Upkeep {
    Upkeep::PerYear { amount: yuan(amount), normal_utilisation_percent: 20 }
}

fn model(upkeep_per_year: i64) -> CostModel {
    let settings = CostSettings { upkeep_per_year: Some(yuan(upkeep_per_year)), ..CostSettings::default() };
    CostModel::new(settings, PriceBook::built_in().expect("a book"), Vec::new()).expect("a model")
}

fn line(name: &str, upkeep: Upkeep, first: Date) -> CostLine {
    CostLine { name: name.into(), upkeep, days: DaySpan { first, end: Date::MAX } }
}

/// What a whole month's upkeep is, seen in January 2027.
fn upkeep_of(book: &Book, costs: &CostModel, month: &str) -> Money {
    let now = at("2027-01-10T00:00:00Z");
    let month = month.parse().expect("a month");
    let report = book.ledger.month_report(costs, month, &[], &Calendar::UTC, now).expect("a report");
    report.whole.expect("figures").whole_upkeep
}

fn an_upkeep_that_rises_costs_more_from_its_day_on_and_no_day_before() {
    let book = Book::begun_at(None, at("2026-09-01T00:00:00Z"));
    let record = |amount, day: Date| {
        let now = at(&format!("{day}T12:00:00Z"));
        book.ledger.record_configured_upkeep(a_year(amount), Currency::CNY, day, now).expect("recorded");
    };
    record(3_650, date(2026, 9, 1));
    record(3_650, date(2026, 9, 2));
    assert_eq!(book.ledger.cost_lines().expect("lines").len(), 1, "nothing has changed");
    record(7_300, date(2026, 11, 16));
    let lines = book.ledger.cost_lines().expect("lines");
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0].line.days, DaySpan { first: date(1, 1, 1), end: date(2026, 11, 16) });
    assert_eq!(lines[1].line.days, DaySpan { first: date(2026, 11, 16), end: Date::MAX });
    assert!(lines.iter().all(|line| line.actor == "configuration"));
    // Whatever is configured now: the ledger's lines count.
    for configured in [3_650, 7_300] {
        let costs = model(configured);
        assert_eq!(upkeep_of(&book, &costs, "2026-10"), yuan(310));
        assert_eq!(upkeep_of(&book, &costs, "2026-11"), yuan(15 * 10 + 15 * 20));
        assert_eq!(upkeep_of(&book, &costs, "2026-12"), yuan(620));
    }
}

/// What an image that takes `duration` of the device on `day` carries of all lines.
pub(super) fn upkeep_of_image(costs: &CostModel, duration: Millis, day: Date) -> Money {
    let parts = costs.lines_on(day).map(|line| line.upkeep.of_image(duration));
    parts.fold(Money::ZERO, |sum, part| sum.plus(part.expect("in range")).expect("in range"))
}

fn several_lines_add_up_and_an_image_carries_each_on_its_days() {
    let book = Book::begun_at(None, at("2026-09-01T00:00:00Z"));
    let now = at("2026-10-01T08:00:00Z");
    let add = |line: &CostLine| {
        let evidence = Evidence { document: Some("2026/17"), ..Evidence::COMMAND_LINE };
        book.ledger.add_cost_line(line, &model(1), &evidence, now).expect("recorded")
    };
    let rent = add(&line("rent", a_year(3_650), date(2026, 10, 1)));
    add(&line("insurance", a_year(365), date(2026, 10, 11)));
    let flat = Upkeep::PerImage(Money::from_nano(30_000_000));
    add(&line("paper", flat, date(2026, 10, 1)));
    let costs = book.ledger.with_assets(&model(1)).expect("lines");
    let hour = Millis::new(3_600_000);
    let of_image = |day| upkeep_of_image(&costs, hour, day).to_string();
    // 3,650 / 8,760 h / 0.2 = 2.0833… an hour, and a tenth of that.
    assert_eq!(of_image(date(2026, 9, 30)), "0.00");
    assert_eq!(of_image(date(2026, 10, 10)), "2.113333334");
    assert_eq!(of_image(date(2026, 10, 11)), "2.321666668");
    assert_eq!(upkeep_of(&book, &costs, "2026-10"), yuan(31 * 10 + 21));
    let ended = |day| {
        book.ledger.end_cost_line(rent, day, &model(1), &Evidence::COMMAND_LINE, now).expect("no error")
    };
    assert!(ended(date(2026, 10, 21)) && !ended(date(2026, 10, 22)), "once");
    assert_eq!(upkeep_of(&book, &costs, "2026-10"), yuan(20 * 10 + 21));
    assert_eq!(book.ledger.cost_lines().expect("lines")[0].document.as_deref(), Some("2026/17"));
    for sql in [
        "UPDATE cost_lines SET amount_nano = 0",
        "DELETE FROM cost_lines",
        "DELETE FROM cost_line_ends",
        "UPDATE cost_line_ends SET ended_on = '2027-01-01'",
        "REPLACE INTO cost_lines SELECT * FROM cost_lines",
    ] {
        assert!(book.sql(sql).is_err(), "{sql}");
    }
}

#[test]
fn lines_and_parts_from_before_invoices_and_rents_are_what_they_were() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("ledger.sqlite3");
    let steps = testing::steps_before("ADD COLUMN minimum_hours");
    for sql in [
        "INSERT INTO cost_lines (kind, name, currency, amount_nano, per, normal_utilisation_percent, first_day, actor,
                                 recorded_at_ms)
         VALUES ('upkeep', 'rent', 'CNY', 3650000000000, 'year', 20, '2026-10-01', 'command line', 5)",
        "INSERT INTO assets (name, currency, price_nano, residual_nano, share_percent, purchased_on, method, lifetime_images,
                             added_at_ms)
         VALUES ('card', 'CNY', 13000000000000, 0, 100, '2026-10-01', 'units', 30000, 5)",
    ] {
        testing::make_earlier(&file, steps, sql, &[]);
    }
    let ledger = Ledger::open(&file).expect("brought up to date");
    let lines = ledger.cost_lines().expect("lines");
    assert_eq!((lines[0].line.upkeep, lines[0].invoice), (a_year(3_650), None));
    let parts = ledger.assets().expect("parts");
    assert_eq!((parts[0].asset.price, parts[0].invoice), (yuan(13_000), None));
}

fn a_configured_line_that_was_ended_stays_ended_until_another_is_configured() {
    let book = Book::begun_at(None, at("2026-09-01T00:00:00Z"));
    let record = |amount, day: Date| {
        let now = at(&format!("{day}T12:00:00Z"));
        book.ledger.record_configured_upkeep(a_year(amount), Currency::CNY, day, now).expect("recorded");
        book.ledger.cost_lines().expect("lines").len()
    };
    assert_eq!(record(3_650, date(2026, 9, 1)), 1);
    let id = book.ledger.cost_lines().expect("lines")[0].id;
    let (day, now) = (date(2026, 9, 5), at("2026-09-05T12:00:00Z"));
    assert!(book.ledger.end_cost_line(id, day, &model(3_650), &Evidence::COMMAND_LINE, now).expect("ended"));
    assert_eq!(record(3_650, date(2026, 9, 6)), 1, "the next start says nothing new");
    assert_eq!(record(7_300, date(2026, 9, 7)), 2);
    let lines = book.ledger.cost_lines().expect("lines");
    assert_eq!(lines[1].line.days, DaySpan { first: date(2026, 9, 7), end: Date::MAX });
}

/// One handle is asked the same again and again, as a server is for each request; another records, as a command does.
fn what_another_process_records_counts_from_the_next_question_on() {
    let (_directory, ledger, place) = empty_ledger();
    let other = Ledger::open_at(&place).expect("opened twice");
    let (costs, now, evidence) = (model(1), at("2026-10-01T08:00:00Z"), Evidence::COMMAND_LINE);
    let (bought, later) = (date(2026, 10, 1), date(2026, 11, 1));
    let asked = || ledger.with_assets(&costs).expect("a model");
    let of_image = || upkeep_of_image(&asked(), Millis::new(3_600_000), later).as_nano();
    let parts = || asked().parts().map(|(part, days)| (part.name.clone(), days.end)).collect::<Vec<_>>();
    let price = || asked().electricity_rate(later.at(0, 0, 0, 0)).expect("a price").price_per_kwh;
    assert_ne!((of_image(), price()), (30, yuan(9)), "what is configured");
    assert_eq!(parts().len(), 1);

    let flat = |name, amount| line(name, Upkeep::PerImage(Money::from_nano(amount)), bought);
    let add = |line| other.add_cost_line(&line, &costs, &evidence, now).expect("recorded");
    let paper = add(flat("paper", 30));
    assert_eq!(of_image(), 30);
    add(flat("ink", 7));
    assert_eq!(of_image(), 37);
    assert!(other.end_cost_line(paper, date(2026, 10, 5), &costs, &evidence, now).expect("no error"));
    assert_eq!(of_image(), 7);

    let card = Asset { purchased_on: bought, name: "card".into(), ..Asset::configured(&Hardware::default()) };
    let id = other.add_asset(&card, &costs, &evidence, now).expect("recorded");
    assert_eq!(parts()[1], ("card".to_owned(), Date::MAX));
    let sold = Retirement { on: date(2026, 10, 7), proceeds: Money::ZERO };
    assert!(other.retire_asset(id, sold, &costs, &evidence, now).expect("no error"));
    assert_eq!(parts()[1], ("card".to_owned(), sold.on));

    let term = Term::Electricity(PriceSheet::flat(yuan(9), bought));
    assert!(other.record_term(&term, now, &evidence, now).expect("recorded"));
    assert_eq!(price(), yuan(9));
    // Whoever asks with another configuration gets an answer to it.
    let elsewhere = CostSettings { currency: Currency::EUR, ..CostSettings::default() };
    let elsewhere =
        CostModel::new(elsewhere, PriceBook::built_in().expect("a book"), Vec::new()).expect("a model");
    assert_eq!(ledger.with_assets(&elsewhere).expect("a model").currency(), Currency::EUR);
    assert_eq!(asked().currency(), Currency::CNY);
}

on_both!(
    what_another_process_records_counts_from_the_next_question_on,
    a_configured_line_that_was_ended_stays_ended_until_another_is_configured,
    an_upkeep_that_rises_costs_more_from_its_day_on_and_no_day_before,
    several_lines_add_up_and_an_image_carries_each_on_its_days,
);
