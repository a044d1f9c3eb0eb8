use jiff::{Timestamp, civil::date};
use tempfile::TempDir;

use super::*;
use crate::{
    costs::{
        Breakdown, CostModel, CostSettings, ExchangeRate, Outlook, PriceBook, PriceRead, PriceUnit,
        ServiceComparison,
    },
    domain::Calendar,
    http::pages::text,
    ledger::{
        Compared, EnergySources, GroupReport, Groups, Ledger, MonthTotals, Payback, PaybackAgainst,
        SavedPoint, Step, WholeMonth,
    },
    units::{Currency, Energy, EnergyBalance, Money},
};

fn costs() -> CostModel {
    let dollars = ExchangeRate {
        from: "USD".parse().expect("a currency"),
        to: Currency::CNY,
        rate: "6.97".parse().expect("a rate"),
        effective_from: date(2026, 1, 1),
    };
    let prices = PriceBook::built_in().expect("a price book");
    CostModel::new(CostSettings::default(), prices, vec![dollars]).expect("a cost model")
}

fn month() -> Month {
    "2026-11".parse().expect("a month")
}

fn totals() -> MonthTotals {
    MonthTotals {
        images: 500,
        energy: EnergyBalance::from_millijoules(3_375_000_000),
        wall_energy: EnergyBalance::from_millijoules(3_375_000_000),
        cost: Breakdown {
            electricity: "1.125".parse().expect("an amount"),
            depreciation: "171.6666665".parse().expect("an amount"),
            upkeep: "15".parse().expect("an amount"),
        },
        standard: "187.7916665".parse().expect("an amount"),
        compared: Compared::new(
            500,
            "187.7916665".parse().expect("an amount"),
            "18.2714".parse().expect("an amount"),
        ),
        undelivered: 2,
        ..MonthTotals::default()
    }
}

/// The report of a ledger in which nothing has happened.
fn empty_report() -> MonthReport {
    let place = TempDir::new().expect("a directory");
    let ledger = Ledger::open(&place.path().join("ledger.sqlite3")).expect("a ledger");
    let now: Timestamp = "2026-11-23T12:00:00Z".parse().expect("a time");
    ledger.month_report(&costs(), month(), &[], &Calendar::UTC, now).expect("a report")
}

fn shown(words: Words, report: &MonthReport) -> String {
    let mut account = Account::of_month(words, report);
    account.sources = EnergySources {
        metered_kwh: EnergyBalance::from_millijoules(2_700_000_000),
        estimated_kwh: EnergyBalance::from_millijoules(675_000_000),
        ..EnergySources::default()
    };
    let groups = vec![group(None, report), group(Some("spring"), report)];
    let groups = [Groups { by: GroupBy::Tag, groups }];
    account.groups = &groups;
    text(&body(&account, &html! {}))
}

fn group(name: Option<&str>, report: &MonthReport) -> GroupReport {
    GroupReport {
        group: name.map(str::to_owned),
        title: None,
        figures: report.figures.clone(),
        overflow: None,
    }
}

/// The same month with everything beyond its images.
fn full_report() -> MonthReport {
    let amount = |text: &str| text.parse::<Money>().expect("an amount");
    let mut report = MonthReport::new(month(), &totals(), &costs());
    report.whole = Some(WholeMonth {
        idle_energy_kwh: Energy::from_millijoules(36_000_000_000),
        warm_up_energy_kwh: Energy::from_millijoules(0),
        gap_energy_kwh: Energy::from_millijoules(0),
        adjustments_total: Money::ZERO,
        carbon_grams_total: None,
        overhead_electricity: amount("12"),
        whole_depreciation: amount("200"),
        whole_upkeep: amount("15"),
        unused_depreciation: amount("28.3333335"),
        unused_upkeep: Money::ZERO,
        disposal_gain: amount("-40"),
        fully_loaded_total: amount("268.125"),
        marginal_per_image: Some(amount("0.00225")),
        fully_loaded_per_image: Some(amount("0.53625")),
        saving_all_in: Some(amount("-249.8536")),
        saving_all_in_percent_tenths: Some(-13675),
        break_even_images: None,
        images_at_pace: Some(652),
        days_counted: 23,
        days_in_period: 30,
    });
    report.services = vec![
        service("fal/z-image-turbo", "18.2714", "-169.5202665"),
        service("a/premium", "1500", "1312.2083335"),
    ];
    report.payback = Some(Payback {
        since: date(2026, 11, 1),
        until: date(2026, 11, 23),
        investment: amount("17300"),
        images: 500,
        electricity: amount("13.125"),
        upkeep: amount("15"),
        pace_days: 23,
        worn_out_on: Some(date(2030, 9, 11)),
        against: vec![
            against("fal/z-image-turbo", "18.2714", "-9.8536", -1, Outlook::Never),
            against("a/premium", "1500", "1471.875", 85, Outlook::On(date(2027, 7, 30))),
        ],
    });
    report
}

fn service(sku: &str, price: &str, saving: &str) -> ServiceComparison {
    let (price, saving): (Money, Money) =
        (price.parse().expect("an amount"), saving.parse().expect("an amount"));
    ServiceComparison {
        sku: sku.into(),
        headline: sku.starts_with("fal"),
        images: 500,
        compared_price: Some(price),
        total: totals().standard,
        saving: Some(saving),
        saving_percent_tenths: saving.percent_tenths_of(price),
        prices: vec![PriceRead {
            unit: PriceUnit::Image,
            amount: Some(price),
            currency: Currency::CNY,
            effective_from: date(2026, 1, 1),
            effective_to: None,
            source: "https://prices.example/list".into(),
            read_on: date(2026, 11, 22),
        }],
        unpriced: None,
        plans: None,
        notice: None,
        all_in_total: None,
        saving_all_in: None,
        saving_all_in_percent_tenths: None,
    }
    .against_all_in("268.125".parse().expect("an amount"), 500)
}

fn against(sku: &str, price: &str, saved: &str, part: i64, outlook: Outlook) -> PaybackAgainst {
    let (price, saved): (Money, Money) =
        (price.parse().expect("an amount"), saved.parse().expect("an amount"));
    PaybackAgainst {
        sku: sku.into(),
        headline: sku.starts_with("fal"),
        compared_price: Some(price),
        saved: Some(saved),
        paid_back_percent_tenths: Some(part),
        saved_at_pace: Some(saved),
        outlook: Some(outlook),
        points: vec![SavedPoint { day: date(2026, 11, 23), saved, saved_in_all: saved }],
        step: Step::Day,
        unpriced: None,
    }
}

#[test]
fn a_month_is_stated_in_figures_that_add_up_and_tell_how_they_are_made() {
    let report = full_report();
    insta::assert_snapshot!(shown(Words::ENGLISH, &report));
    insta::assert_snapshot!("a_month_in_chinese", shown(Words::CHINESE, &report));
}

#[test]
fn a_loss_has_its_word_its_colour_and_its_minus() {
    let report = MonthReport::new(month(), &totals(), &costs());
    let account = Account::of_month(Words::ENGLISH, &report);
    let saved = account.saved(Some(Money::from_nano(-1_500_000_000))).0;
    assert!(
        saved.contains("class=\"loss\"") && saved.contains("Lost") && saved.contains("−CN¥1.50"),
        "{saved}"
    );
    assert_eq!(account.saved(Some(Money::ZERO)).0, "CN¥0.00");
}

#[test]
fn an_empty_month_says_so() {
    let report = empty_report();
    let page = text(&body(&Account::of_month(Words::ENGLISH, &report), &html! {}));
    assert!(page.contains("No images were generated"), "{page}");
    let page = text(&body(&Account::of_month(Words::CHINESE, &report), &html! {}));
    assert!(page.contains("没有出图"), "{page}");
}

#[test]
fn every_id_of_the_page_is_its_own() {
    let report = full_report();
    let account = Account::of_month(Words::ENGLISH, &report);
    let page = body(&account, &html! {}).0;
    assert!(!page.contains("https://"), "a page names no other server: {page}");
    let ids: Vec<_> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for (index, id) in ids.iter().enumerate() {
        assert!(!ids[..index].contains(id), "{id} is there twice");
    }
    for target in page.split("popovertarget=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.contains(&target), "{target} opens nothing");
    }
}
