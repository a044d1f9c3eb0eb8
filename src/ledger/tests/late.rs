//! Closed months stay as they were closed; what comes to light later is an adjustment of the open month.

use jiff::civil::{Date, date};

use super::{
    cost_lines::{a_year, upkeep_of_image, yuan},
    months::{at, month},
    *,
};
use crate::costs::{Asset, CostLine, DaySpan, ExchangeRate, Hardware, Life, Retirement, Upkeep};
use crate::domain::Calendar;

const UTC: Calendar = Calendar::UTC;
const NOVEMBER_5: Timestamp = Timestamp::constant(1_793_872_800, 0);

/// A machine with upkeep by the year, and prices in dollars at `rate`.
fn costs(upkeep: i64, compare_with: &str, rate: i64) -> CostModel {
    let settings = CostSettings {
        upkeep_per_year: Some(yuan(upkeep)),
        compare_with: compare_with.into(),
        also_compare_with: vec!["openai/gpt-image-2".into()],
        hardware: Hardware { price: yuan(2_000), residual: yuan(500), ..Hardware::default() },
        ..CostSettings::default()
    };
    let dollars = ExchangeRate {
        from: Currency::USD,
        to: Currency::CNY,
        rate: yuan(rate),
        effective_from: date(2026, 1, 1),
    };
    CostModel::new(settings, PriceBook::built_in().expect("a book"), vec![dollars]).expect("a model")
}

pub(super) fn part(name: &str, price: i64, bought: Date, life: Life) -> Asset {
    Asset {
        name: name.into(),
        price: yuan(price),
        residual: Money::ZERO,
        share_percent: 100,
        purchased_on: bought,
        life,
        retirement: None,
    }
}

pub(super) const BY_TIME: Life = Life::Time { years: 5, normal_utilisation_percent: 20 };

pub(super) struct Closed {
    pub(super) book: Book,
    pub(super) costs: CostModel,
    card: crate::domain::AssetId,
}

impl Closed {
    /// September and October closed on the 5th of November.
    pub(super) fn new() -> Self {
        let mut book = Book::begun_at(None, at("2026-09-20T08:00:00Z"));
        let costs = costs(3_650, "fal/z-image-turbo", 7);
        let bought = date(2026, 9, 20);
        let begin = at("2026-09-20T08:00:00Z");
        book.ledger.record_configured_upkeep(a_year(3_650), Currency::CNY, bought, begin).expect("recorded");
        let card = part("card", 1_825, bought, BY_TIME);
        let rest = part("rest", 900, bought, Life::Units { lifetime_images: 5_000, years: None });
        let add = |asset: &Asset| {
            book.ledger.add_asset(asset, &costs, &Evidence::COMMAND_LINE, begin).expect("recorded")
        };
        let card = add(&card);
        add(&rest);
        for text in ["2026-09-25T10:00:00Z", "2026-10-03T10:00:00Z", "2026-10-31T22:59:50Z"] {
            let filed = months::Filed { tag: Some("spring"), ..book.filed() };
            book.generate(filed, at(text), &[receipt(), receipt()]);
        }
        let closed = Self { book, costs, card };
        for text in ["2026-09", "2026-10"] {
            closed.close(text, NOVEMBER_5);
        }
        closed
    }

    fn close(&self, text: &str, now: Timestamp) -> Closing {
        let closer = Closer { costs: &self.costs, calendar: &UTC, operator: "Studio", actor: "command line" };
        self.book.ledger.close_month(month(text), &closer, now).expect("closed")
    }

    fn report(&self, text: &str) -> MonthReport {
        let now = at("2026-12-02T00:00:00Z");
        let report = self.book.ledger.month_report(&self.costs, month(text), &GroupBy::ALL, &UTC, now);
        report.expect("a report")
    }

    fn whole(&self, text: &str) -> WholeMonth {
        self.report(text).whole.expect("figures")
    }

    /// All that a closed month shows.
    fn shown(&self, text: &str) -> [String; 3] {
        let report = self.report(text);
        let mut all = serde_json::to_string(&report).expect("JSON");
        for groups in &report.groups {
            all += &serde_json::to_string(groups).expect("JSON");
        }
        let csv = MonthReport { groups: Vec::new(), ..report }.to_csv().expect("CSV");
        [all, csv, exports::focus(&self.book, text, &UTC)]
    }

    fn assert_sealed(&self) {
        let verified = self.book.ledger.verify_months(None).expect("verified");
        assert!(verified.iter().all(|month| month.finding.is_none()), "{verified:?}");
    }
}

fn nothing_that_is_recorded_or_configured_later_moves_a_closed_month() {
    type Change = fn(&mut Closed);
    let changes: [(&str, Change); 9] = [
        ("a rent that rises", Closed::raise_the_rent),
        ("a part by time", |closed| closed.add(&part("ups", 400, date(2026, 10, 10), BY_TIME))),
        ("a part by units", |closed| {
            closed.add(&part(
                "ssd",
                200,
                date(2026, 10, 10),
                Life::Units { lifetime_images: 1_000, years: None },
            ));
        }),
        ("a retirement", |closed| closed.retire(date(2026, 10, 12), 100)),
        ("a line of cost", Closed::add_a_line),
        ("another service", |closed| closed.costs = costs(3_650, "venice/z-image-turbo", 7)),
        ("another rate", |closed| closed.costs = costs(3_650, "fal/z-image-turbo", 5)),
        ("a key made earlier", Closed::make_a_key),
        ("a delivery", Closed::deliver_everything),
    ];
    for (change, apply) in changes {
        let mut closed = Closed::new();
        let before = [closed.shown("2026-09"), closed.shown("2026-10")];
        apply(&mut closed);
        assert_eq!([closed.shown("2026-09"), closed.shown("2026-10")], before, "{change}");
        closed.assert_sealed();
        closed.close("2026-11", at("2026-12-02T00:00:00Z"));
        closed.assert_sealed();
        closed.assert_year_is_its_months(change);
    }
}

impl Closed {
    fn raise_the_rent(&mut self) {
        let (day, now) = (date(2026, 11, 6), at("2026-11-06T09:00:00Z"));
        let ledger = &self.book.ledger;
        ledger.record_configured_upkeep(a_year(7_300), Currency::CNY, day, now).expect("recorded");
        self.costs = costs(7_300, "fal/z-image-turbo", 7);
    }

    fn add_a_line(&mut self) {
        let days = DaySpan { first: date(2026, 10, 10), end: Date::MAX };
        let line = CostLine { name: "rent".into(), upkeep: a_year(600), days };
        let ledger = &self.book.ledger;
        ledger.add_cost_line(&line, &self.costs, &Evidence::COMMAND_LINE, NOVEMBER_5).expect("recorded");
    }

    fn make_a_key(&mut self) {
        let key = ApiKey::generate(&mut StdRng::seed_from_u64(9));
        let new = NewKey { key: &key, name: "old", rules: KeyRules::default() };
        self.book.ledger.create_key(&new, "first start", at("2026-08-01T00:00:00Z")).expect("a key");
    }

    fn deliver_everything(&mut self) {
        for id in self.book.ids() {
            self.book.ledger.note_delivery(id, at("2026-11-06T09:00:00Z")).expect("noted");
        }
    }

    fn assert_year_is_its_months(&self, change: &str) {
        let (year, now) = ("2026".parse().expect("a year"), at("2027-01-02T00:00:00Z"));
        let year = self.book.ledger.year_report(&self.costs, year, &UTC, now).expect("a year");
        let months = |of: fn(&WholeMonth) -> Money| {
            let months = year.months.iter().filter_map(|month| month.whole.as_ref());
            months.map(of).fold(Money::ZERO, |sum, amount| sum.plus(amount).expect("in range"))
        };
        assert_eq!(year.whole.fully_loaded_total, months(|whole| whole.fully_loaded_total), "{change}");
        assert_eq!(year.whole.adjustments_total, months(|whole| whole.adjustments_total), "{change}");
    }
}

impl Closed {
    pub(super) fn add(&self, part: &Asset) {
        let evidence = Evidence { document: Some("R-17"), ..Evidence::COMMAND_LINE };
        self.book.ledger.add_asset(part, &self.costs, &evidence, NOVEMBER_5).expect("recorded");
    }

    pub(super) fn retire(&self, on: Date, proceeds: i64) {
        let retirement = Retirement { on, proceeds: yuan(proceeds) };
        let retire = self.book.ledger.retire_asset(
            self.card,
            retirement,
            &self.costs,
            &Evidence::COMMAND_LINE,
            NOVEMBER_5,
        );
        assert!(retire.expect("no error"));
    }
}

impl Book {
    pub(super) fn ids(&self) -> Vec<RequestId> {
        let sql = "SELECT id FROM requests WHERE state = 'settled' ORDER BY id";
        let ids = self.ledger.store.read(|conn| {
            conn.query(sql, store::params![], |row| {
                Ok(RequestId::from_digits(&row.get::<String>(0)?).expect("an id"))
            })
        });
        ids.expect("ids")
    }
}

fn a_part_that_is_recorded_late_is_adjusted_by_what_it_lost_on_closed_days() {
    let closed = Closed::new();
    let before = closed.whole("2026-11");
    closed.add(&part("ups", 1_825, date(2026, 10, 10), BY_TIME));
    let report = closed.report("2026-11");
    // A yuan a day: 22 days of October are closed, and November has 30.
    let [adjustment] = report.adjustments.as_slice() else { panic!("{:?}", report.adjustments) };
    assert_eq!((adjustment.kind, adjustment.amount), (AdjustmentKind::Depreciation, yuan(22)));
    assert_eq!((adjustment.first_day, adjustment.last_day), (date(2026, 9, 1), date(2026, 10, 31)));
    assert_eq!(adjustment.reason, "ups: bought on 2026-10-10");
    let evidence = (adjustment.actor.as_str(), adjustment.document.as_deref());
    assert_eq!(evidence, ("command line", Some("R-17")));
    let whole = report.whole.expect("figures");
    assert_eq!(whole.adjustments_total, yuan(22));
    let more = whole.whole_depreciation.minus(before.whole_depreciation);
    assert_eq!(more, Ok(yuan(30)));
    let more = whole.fully_loaded_total.minus(before.fully_loaded_total);
    assert_eq!(more, Ok(yuan(52)));
    let csv = closed.report("2026-11");
    let csv = MonthReport { groups: Vec::new(), ..csv }.to_csv().expect("CSV");
    assert!(csv.contains(",adjustments_total,") && csv.contains(",22.00,"), "{csv}");
}

fn a_retirement_that_is_recorded_late_takes_back_what_the_part_lost_and_brings_its_loss() {
    let closed = Closed::new();
    closed.retire(date(2026, 10, 12), 1_000);
    let report = closed.report("2026-11");
    let amounts: Vec<_> = report.adjustments.iter().map(|one| (one.kind, one.amount)).collect();
    // 20 days from 12 October on, and 1,825 − 22 − 1,000.
    let expected =
        [(AdjustmentKind::Depreciation, yuan(-20)), (AdjustmentKind::Disposal, yuan(1_825 - 22 - 1_000))];
    assert_eq!(amounts, expected);
    assert_eq!(report.whole.expect("figures").adjustments_total, yuan(783));
}

fn a_rent_that_had_risen_is_adjusted_and_one_that_rises_is_not() {
    let closed = Closed::new();
    let rent = CostLine {
        name: "rent".into(),
        upkeep: a_year(365),
        days: DaySpan { first: date(2026, 10, 22), end: Date::MAX },
    };
    let add = closed.book.ledger.add_cost_line(&rent, &closed.costs, &Evidence::COMMAND_LINE, NOVEMBER_5);
    add.expect("recorded");
    let whole = closed.whole("2026-11");
    assert_eq!((whole.adjustments_total, whole.whole_upkeep), (yuan(10), yuan(330)));
    let now = at("2026-11-16T09:00:00Z");
    let ledger = &closed.book.ledger;
    ledger.record_configured_upkeep(a_year(7_300), Currency::CNY, date(2026, 11, 16), now).expect("recorded");
    let whole = closed.whole("2026-11");
    assert_eq!((whole.adjustments_total, whole.whole_upkeep), (yuan(10), yuan(480)));
}

fn a_keyed_repeat_after_the_closing_is_answered_and_belongs_to_the_open_month() {
    let closed = Closed::new();
    let of_october = closed.report("2026-10").figures.undelivered_images;
    assert_eq!(of_october, 4);
    let ids = closed.book.ids();
    // Even by a clock that was set back into October.
    for now in [at("2026-10-20T00:00:00Z"), at("2026-11-06T00:00:00Z")] {
        closed.book.ledger.note_delivery(ids[1], now).expect("noted");
        closed.assert_sealed();
    }
    assert_eq!(closed.report("2026-10").figures.undelivered_images, 4, "as it was closed");
    assert_eq!(closed.report("2026-11").figures.undelivered_images, -2, "handed over in November");
    for sql in [
        "UPDATE deliveries SET delivered_at_ms = 0",
        "DELETE FROM deliveries",
        "UPDATE requests SET delivered = 0",
        "UPDATE requests SET delivered = 1",
    ] {
        assert!(closed.book.sql(sql).is_err(), "{sql}");
    }
}

fn a_forgotten_tag_leaves_the_statement_sealed_and_out_of_the_groups() {
    let closed = Closed::new();
    let tags = |closed: &Closed| -> Vec<_> {
        let report = closed.report("2026-10");
        let groups = report.groups.iter().find(|groups| groups.by == GroupBy::Tag).expect("tags");
        groups.groups.iter().map(|group| group.group.clone()).collect()
    };
    assert_eq!(tags(&closed), [Some("spring".to_owned())]);
    assert!(!closed.book.statement("2026-10").contains("spring"));
    closed.book.ledger.forget_tag("spring", at("2026-11-20T00:00:00Z")).expect("forgotten");
    assert_eq!(tags(&closed), [Some("forgotten-1".to_owned())]);
    closed.assert_sealed();
}

fn a_flat_upkeep_that_changes_leaves_images_as_they_were_charged() {
    let book = Book::begun_at(None, at("2026-09-20T08:00:00Z"));
    let flat = |nano| Upkeep::PerImage(Money::from_nano(nano));
    let record = |nano, day: Date| {
        let now = at(&format!("{day}T00:00:00Z"));
        book.ledger.record_configured_upkeep(flat(nano), Currency::CNY, day, now).expect("recorded");
    };
    record(30, date(2026, 9, 20));
    record(50, date(2026, 10, 7));
    let model = book.ledger.with_assets(&model_in(Currency::CNY)).expect("lines");
    let of_image = |day| upkeep_of_image(&model, Millis::new(1), day).as_nano();
    assert_eq!([date(2026, 10, 6), date(2026, 10, 7)].map(of_image), [30, 50]);
}

fn the_first_line_by_time_is_adjusted_without_what_images_were_charged_by_the_image() {
    let mut book = Book::begun_at(None, at("2026-10-01T08:00:00Z"));
    let flat = Upkeep::PerImage(Money::from_nano(30));
    let (first, begin) = (date(2026, 10, 1), at("2026-10-01T08:00:00Z"));
    book.ledger.record_configured_upkeep(flat, Currency::CNY, first, begin).expect("recorded");
    book.generate(book.filed(), at("2026-10-03T10:00:00Z"), &[receipt(), receipt()]);
    book.close("2026-10").expect("closed");
    let days = DaySpan { first: date(2026, 10, 22), end: Date::MAX };
    let rent = CostLine { name: "rent".into(), upkeep: a_year(365), days };
    let (costs, now) = (model_in(Currency::CNY), at("2026-12-20T00:00:00Z"));
    book.ledger.add_cost_line(&rent, &costs, &Evidence::COMMAND_LINE, now).expect("recorded");
    let booked = book.ledger.adjustments(now, Timestamp::MAX).expect("adjustments");
    let amounts: Vec<_> = booked.iter().map(|one| (one.kind, one.amount)).collect();
    assert_eq!(amounts, [(AdjustmentKind::Upkeep, yuan(10))]);
}

on_both!(
    nothing_that_is_recorded_or_configured_later_moves_a_closed_month,
    a_part_that_is_recorded_late_is_adjusted_by_what_it_lost_on_closed_days,
    a_retirement_that_is_recorded_late_takes_back_what_the_part_lost_and_brings_its_loss,
    a_rent_that_had_risen_is_adjusted_and_one_that_rises_is_not,
    a_keyed_repeat_after_the_closing_is_answered_and_belongs_to_the_open_month,
    a_forgotten_tag_leaves_the_statement_sealed_and_out_of_the_groups,
    a_flat_upkeep_that_changes_leaves_images_as_they_were_charged,
    the_first_line_by_time_is_adjusted_without_what_images_were_charged_by_the_image,
);
