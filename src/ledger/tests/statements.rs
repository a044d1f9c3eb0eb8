//! Months, days, services and paybacks, and that they say the same.

use jiff::civil::date;

use super::{
    months::{Filed, at, month, receipt_of, two_months},
    *,
};
use crate::{
    costs::{Asset, CostModel, CostSettings, ExchangeRate, Hardware, Life, Outlook, PriceBook, Retirement},
    domain::{Calendar, EnergySource, Overhead},
};

const BOOK: &str = r#"
    [[price]]
    sku = "fal/z-image-turbo"
    unit = "image"
    amount = "0.00000001"
    currency = "CNY"
    effective_from = "2026-01-01"
    source = "a page"
    read_on = "2026-11-22"

    [[price]]
    sku = "premium"
    unit = "table"
    rows = [{ quality = "medium", amount = "2" }, { quality = "high", amount = "4" }]
    currency = "CNY"
    effective_from = "2026-10-10"
    source = "another page"
    read_on = "2026-11-22"
"#;

/// Hardware of 100 yuan, electricity as it is booked, 1 yuan of upkeep a day.
fn costs() -> CostModel {
    let settings = CostSettings {
        hardware: Hardware {
            price: yuan("100"),
            residual: Money::ZERO,
            lifetime_images: 1_000,
            ..Hardware::default()
        },
        upkeep_per_year: Some(yuan("365")),
        also_compare_with: vec!["premium".into()],
        ..CostSettings::default()
    };
    let rates: Vec<ExchangeRate> = Vec::new();
    CostModel::new(settings, PriceBook::parse(BOOK).expect("a book"), rates).expect("a model")
}

fn yuan(text: &str) -> Money {
    text.parse().expect("an amount")
}

fn report(book: &Book, text: &str, now: &str) -> MonthReport {
    book.ledger.month_report(&costs(), month(text), &[], &Calendar::UTC, at(now)).expect("a report")
}

/// A book whose first key is of 2026-10-01.
fn book() -> Book {
    Book::begun_at(None, at("2026-10-01T08:00:00Z"))
}

fn book_idle_hour(book: &Book, moment: &str, price: &str) {
    let usage = Usage { source: EnergySource::Estimated, ..receipt().usage };
    let price = electricity(usage.energy, yuan(price));
    book.ledger.book_overhead(Overhead::Idle, usage, &price, Currency::CNY, at(moment)).expect("booked");
}

fn a_month_is_listed_day_by_day_and_its_days_add_up() {
    let mut book = book();
    book.generate(book.filed(), at("2026-10-02T10:00:00Z"), &[receipt(), receipt_of(7)]);
    book.generate(book.filed(), at("2026-10-04T10:00:00Z"), &[receipt_of(100)]);
    book_idle_hour(&book, "2026-10-03T00:00:00Z", "0.5");
    let report = report(&book, "2026-10", "2026-10-05T12:00:00Z");
    let days = report.days.expect("days");
    let said: Vec<_> = days.iter().map(|day| (day.day, day.images, day.saving_so_far.as_nano())).collect();
    let day = |number| date(2026, 10, number);
    let expected = [(day(1), 0, 0), (day(2), 2, 2), (day(3), 0, 2), (day(4), 1, -93), (day(5), 0, -93)];
    assert_eq!(said, expected, "days to come are left out");
    assert_eq!(days[2].overhead_electricity, yuan("0.5"));
    let sum = |of: fn(&DayReport) -> Money| {
        days.iter().map(of).try_fold(Money::ZERO, Money::plus).expect("in range")
    };
    assert_eq!(sum(|day| day.total), report.figures.total);
    assert_eq!(Some(sum(|day| day.saving.expect("a price"))), report.figures.saving);
    assert_eq!(sum(|day| day.cost.electricity), report.figures.cost.electricity);
    let whole = report.whole.expect("a whole month");
    assert_eq!(sum(|day| day.overhead_electricity), whole.overhead_electricity);
    assert_eq!(whole.whole_upkeep, yuan("5"), "five days of a year");
}

fn each_service_is_compared_at_the_prices_of_the_images_days() {
    let mut book = book();
    let high = Filed { quality: Quality::High, ..book.filed() };
    book.generate(high, at("2026-10-09T10:00:00Z"), &[receipt()]);
    book.generate(high, at("2026-10-10T10:00:00Z"), &[receipt(), receipt()]);
    book.generate(book.filed(), at("2026-10-31T23:59:59Z"), &[receipt()]);
    let october = report(&book, "2026-10", "2026-11-05T12:00:00Z");
    let [same, premium] = &october.services[..] else { panic!("{:?}", october.services) };
    assert!(same.headline && same.unpriced.is_none());
    assert_eq!((same.images, same.compared_price), (4, october.figures.compared_price));
    assert_eq!((same.total, same.saving), (october.figures.total, october.figures.saving));
    // 2 · 4 + 1 · 2, less the standard cost of these three.
    assert_eq!((premium.images, premium.compared_price), (3, Some(yuan("10"))));
    assert_eq!(premium.saving, yuan("10").minus(Money::from_nano(18)).ok());
    let unpriced = premium.unpriced.as_ref().expect("the ninth");
    assert_eq!((unpriced.images, unpriced.first, unpriced.last), (1, date(2026, 10, 9), date(2026, 10, 9)));
    // One of the tenth is taken back in November, at the tenth's quality.
    book.ledger.reverse(2, "x", None, "command line", at("2026-11-02T00:00:00Z")).expect("reversed");
    let november = report(&book, "2026-11", "2026-11-05T12:00:00Z");
    assert_eq!(november.services[1].compared_price, Some(yuan("-4")));
    book.ledger.reverse(1, "x", None, "command line", at("2026-11-02T00:00:00Z")).expect("reversed");
    let november = report(&book, "2026-11", "2026-11-05T12:00:00Z");
    let unpriced = november.services[1].unpriced.as_ref().expect("priced by the day it was generated on");
    assert_eq!((unpriced.images, unpriced.first), (-1, date(2026, 10, 9)));
}

fn what_was_saved_pays_for_the_hardware() {
    let mut book = book();
    let part = Asset {
        name: "card".into(),
        price: yuan("100"),
        residual: yuan("60"),
        share_percent: 50,
        purchased_on: date(2026, 10, 11),
        life: Life::Units { lifetime_images: 1_000, years: None },
        retirement: None,
    };
    book.generate(book.filed(), at("2026-10-10T10:00:00Z"), &[receipt()]);
    assert_eq!(report(&book, "2026-09", "2026-10-11T12:00:00Z").payback, None, "no key was there yet");
    book.ledger
        .add_asset(&part, &model_in(Currency::CNY), &Evidence::COMMAND_LINE, at("2026-10-11T00:00:00Z"))
        .expect("recorded");
    assert_eq!(report(&book, "2026-10", "2026-10-10T12:00:00Z").payback, None, "not bought yet");
    let dear = receipt_of(yuan("0.5").as_nano());
    book.generate(book.filed(), at("2026-10-11T10:00:00Z"), &[dear.clone(), dear.clone(), dear]);
    book_idle_hour(&book, "2026-10-12T00:00:00Z", "0.25");
    let october = report(&book, "2026-10", "2026-10-12T12:00:00Z");
    let payback = october.payback.expect("a payback");
    assert_eq!((payback.since, payback.until), (date(2026, 10, 11), date(2026, 10, 12)));
    assert_eq!((payback.investment, payback.images, payback.pace_days), (yuan("50"), 3, 2));
    assert_eq!((payback.electricity, payback.upkeep), (yuan("1.75"), yuan("2")));
    let [same, premium] = &payback.against[..] else { panic!("{:?}", payback.against) };
    assert_eq!(same.outlook, Some(Outlook::TooEarly), "after two days");
    assert_eq!(same.saved, yuan("0.00000003").minus(yuan("3.75")).ok());
    // 6 − 3.75 in two days.
    assert_eq!((premium.saved, premium.paid_back_percent_tenths), (Some(yuan("2.25")), Some(45)));
    assert_eq!(premium.outlook, Some(Outlook::TooEarly));
    let points: Vec<_> = premium.points.iter().map(|point| (point.saved, point.saved_in_all)).collect();
    assert_eq!(points, [(yuan("3.5"), yuan("3.5")), (yuan("-1.25"), yuan("2.25"))]);
    assert_eq!(premium.step, Step::Day);
    // 997 images at three in two days.
    assert_eq!(payback.worn_out_on, Some(date(2028, 8, 7)));

    let retirement = Retirement { on: date(2026, 10, 13), proceeds: yuan("96") };
    let id = book.ledger.assets().expect("assets")[0].id;
    assert!(
        book.ledger
            .retire_asset(
                id,
                retirement,
                &model_in(Currency::CNY),
                &Evidence::COMMAND_LINE,
                at("2026-10-13T00:00:00Z")
            )
            .expect("retired")
    );
    let payback = report(&book, "2026-10", "2026-10-13T12:00:00Z").payback.expect("a payback");
    assert_eq!((payback.investment, payback.worn_out_on), (yuan("2"), Some(date(2026, 10, 13))));
    let year_later = report(&book, "2027-10", "2027-10-13T12:00:00Z").payback.expect("a payback");
    let points = &year_later.against[1].points;
    assert_eq!((year_later.against[1].step, points.len()), (Step::Month, 13));
    assert_eq!(points[0].day, date(2026, 10, 31));
    assert_eq!(points.last().map(|point| point.saved_in_all), year_later.against[1].saved);
}

fn a_service_without_all_prices_has_no_payback() {
    let mut book = book();
    book.generate(book.filed(), at("2026-10-09T10:00:00Z"), &[receipt()]);
    let payback = report(&book, "2026-10", "2026-10-12T12:00:00Z").payback.expect("a payback");
    let premium = &payback.against[1];
    assert_eq!((premium.saved, premium.outlook), (None, None));
    assert_eq!(premium.unpriced.as_ref().map(|unpriced| unpriced.images), Some(1));
}

fn a_year_is_its_months() {
    let book = two_months();
    let now = at("2026-12-02T00:00:00Z");
    let year = "2026".parse().expect("a year");
    let year = book.ledger.year_report(&costs(), year, &Calendar::UTC, now).expect("a report");
    let images: Vec<_> = year.months.iter().map(|month| month.figures.images).collect();
    assert_eq!(images, [0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 1, 0]);
    let sum = |of: fn(&MonthReport) -> Money| {
        year.months.iter().map(of).try_fold(Money::ZERO, Money::plus).expect("in range")
    };
    assert_eq!((year.figures.images, sum(|month| month.figures.total)), (4, year.figures.total));
    let whole = |month: &MonthReport| month.whole.clone().expect("a whole month").fully_loaded_total;
    assert_eq!(sum(whole), year.whole.fully_loaded_total);
    assert_eq!(year.services[0].compared_price, year.figures.compared_price);
    for of_year in &year.months {
        let alone = report(&book, &of_year.month.to_string(), "2026-12-02T00:00:00Z");
        assert_eq!((&alone.figures, &alone.services), (&of_year.figures, &of_year.services));
    }
    let december = report(&book, "2026-12", "2026-12-02T00:00:00Z");
    assert_eq!(year.payback, december.payback, "both stand at now");
    assert_eq!(year.to_csv().expect("CSV").lines().count(), 13);
}

fn groups_of_several_kinds_are_those_of_each() {
    let book = two_months();
    let utc = Calendar::UTC;
    let october = month("2026-10");
    let now = at("2026-12-02T00:00:00Z");
    let report = book.ledger.month_report(&costs(), october, &GroupBy::ALL, &utc, now).expect("a report");
    assert_eq!(report.groups.len(), GroupBy::ALL.len());
    for (by, all) in GroupBy::ALL.into_iter().zip(report.groups) {
        let (_, alone) =
            book.ledger.grouped_totals(by, october.start(&utc), october.end(&utc), &utc).expect("groups");
        let images = |group: &GroupReport| (group.group.clone(), group.title.clone(), group.figures.images);
        let all: Vec<_> = all.groups.iter().map(images).collect();
        let alone: Vec<_> =
            alone.into_iter().map(|group| (group.group, group.title, group.totals.images)).collect();
        assert_eq!(all, alone, "{by}");
    }
}

fn a_report_tells_measured_energy_from_estimates() {
    let mut book = book();
    let source = |source| {
        let mut of_source = receipt();
        of_source.usage.source = source;
        of_source
    };
    let receipts = [EnergySource::Metered, EnergySource::Integrated, EnergySource::Metered].map(source);
    let noon = at("2026-11-02T12:00:00Z");
    book.generate(book.filed(), noon, &receipts);
    book.generate(book.filed(), noon, &[receipt()]);
    book.ledger.reverse(1, "a test", None, "command line", noon).expect("reversed");
    let report = report(&book, "2026-11", "2026-11-30T00:00:00Z");
    let sources = report.energy_sources;
    let told = [sources.metered_kwh, sources.integrated_kwh, sources.estimated_kwh];
    assert_eq!(
        told.map(EnergyBalance::as_millijoules),
        [2_000, 2_000, 2_000],
        "one of three metered is taken back"
    );
    assert_eq!(report.figures.energy_kwh.as_millijoules(), 6_000);
}

#[test]
fn a_report_reads_the_months_entries_once_and_sorts_nothing() {
    let book = book();
    for by in [&[][..], &[GroupBy::Key], &[GroupBy::Tag, GroupBy::Size], &GroupBy::ALL] {
        let plan = super::plans::plan(&book, &report::entry_sums::query(by), 2);
        assert!(plan.contains("SEARCH entries USING INDEX entries_pictures_by_time"), "{plan}");
        assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}

on_both!(
    a_month_is_listed_day_by_day_and_its_days_add_up,
    each_service_is_compared_at_the_prices_of_the_images_days,
    what_was_saved_pays_for_the_hardware,
    a_service_without_all_prices_has_no_payback,
    a_year_is_its_months,
    groups_of_several_kinds_are_those_of_each,
    a_report_tells_measured_energy_from_estimates,
);
