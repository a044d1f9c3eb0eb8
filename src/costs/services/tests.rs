use jiff::civil::date;

use super::*;
use crate::{
    costs::{CostSettings, ExchangeRate, PriceBook},
    domain::{ImageSize, Quality},
};

const BOOK: &str = r#"
    [[price]]
    sku = "a/image"
    unit = "image"
    amount = "0.10"
    currency = "USD"
    effective_from = "2026-01-01"
    effective_to = "2026-11-10"
    source = "a page"
    read_on = "2026-10-01"

    [[price]]
    sku = "a/image"
    unit = "image"
    amount = "0.20"
    currency = "USD"
    effective_from = "2026-11-11"
    source = "the same page"
    read_on = "2026-11-11"

    [[price]]
    sku = "a/image"
    operation = "edit"
    unit = "image"
    amount = "0.05"
    currency = "USD"
    effective_from = "2026-01-01"
    source = "a page of edits"
    read_on = "2026-10-01"

    [[price]]
    sku = "b/retired"
    unit = "table"
    rows = [{ quality = "low", amount = "0.01" }, { quality = "high", amount = "0.09" }]
    currency = "CNY"
    effective_from = "2026-01-01"
    effective_to = "2026-11-10"
    source = "another page"
    read_on = "2026-10-01"

    [[price]]
    sku = "c/plan"
    unit = "plan"
    amount = "10"
    included_images = 300
    currency = "USD"
    effective_from = "2026-01-01"
    source = "a plan's page"
    read_on = "2026-10-01"
"#;

const TODAY: Date = date(2026, 11, 20);

fn model() -> CostModel {
    let settings = CostSettings {
        compare_with: "a/image".into(),
        also_compare_with: vec!["c/plan".into()],
        ..CostSettings::default()
    };
    let rate = ExchangeRate {
        from: Currency::USD,
        to: Currency::CNY,
        rate: "7".parse().expect("a rate"),
        effective_from: date(2026, 1, 1),
    };
    let book = PriceBook::parse(BOOK).expect("a price book");
    CostModel::new(settings, book, vec![rate]).expect("a model")
}

fn money(text: &str) -> Money {
    text.parse().expect("an amount")
}

/// `images` images for 1 yuan each, entered and priced on a day of November.
fn group(day: i8, images: i64, quality: Quality) -> ImageGroup<'static> {
    let day = date(2026, 11, day);
    let standard = money("1").times(images).expect("in range");
    let product = Product::generated(ImageSize::square(1024), quality);
    ImageGroup { day, priced_on: day, product, images, standard, booked: None }
}

#[test]
fn each_day_has_its_price_and_every_price_its_source() {
    let span = [group(10, 2, Quality::Medium), group(11, 3, Quality::Medium)];
    let found = model().elsewhere("a/image", &span, TODAY).expect("in range");
    let Elsewhere { comparison, by_day } = found;
    // 2 · $0.10 · 7 + 3 · $0.20 · 7
    assert_eq!((comparison.images, comparison.compared_price), (5, Some(money("5.6"))));
    assert_eq!((comparison.total, comparison.saving), (money("5"), Some(money("0.6"))));
    assert_eq!((comparison.saving_percent_tenths, comparison.headline), (Some(107), true));
    assert_eq!(by_day.values().copied().collect::<Vec<_>>(), [money("1.4"), money("4.2")]);
    let read: Vec<_> = comparison.prices.iter().map(|price| (&*price.source, price.read_on)).collect();
    assert_eq!(read, [("a page", date(2026, 10, 1)), ("the same page", date(2026, 11, 11))]);
    assert_eq!((comparison.unpriced, comparison.plans), (None, None));
}

#[test]
fn days_without_a_price_are_named_and_compared_with_nothing() {
    let priced = [group(10, 2, Quality::High), group(9, 1, Quality::Low)];
    let span = [priced[0], priced[1], group(12, 4, Quality::High), group(20, 1, Quality::High)];
    let found = model().elsewhere("b/retired", &span, TODAY).expect("in range").comparison;
    assert_eq!((found.images, found.compared_price), (3, Some(money("0.19"))));
    assert_eq!((found.total, found.saving), (money("3"), Some(money("-2.81"))));
    let unpriced = found.unpriced.expect("two days");
    assert_eq!((unpriced.images, unpriced.days), (5, 2));
    assert_eq!((unpriced.first, unpriced.last), (date(2026, 11, 12), date(2026, 11, 20)));
    assert!(unpriced.reason.contains("b/retired on 2026-11-12"), "{}", unpriced.reason);
    let none = model().elsewhere("b/retired", &span[2..], TODAY).expect("in range").comparison;
    assert_eq!((none.images, none.compared_price, none.saving), (0, None, None), "no price is not 0");
    let unknown = model().elsewhere("nobody/nothing", &span, TODAY).expect("in range").comparison;
    assert_eq!((unknown.compared_price, unknown.unpriced.map(|found| found.images)), (None, Some(8)));
}

#[test]
fn edits_are_compared_with_prices_of_edits() {
    let edited = |day, images| {
        let made = group(day, images, Quality::Medium);
        ImageGroup { product: Product { operation: Operation::Edit, ..made.product }, ..made }
    };
    let span = [group(10, 2, Quality::Medium), edited(10, 3)];
    let found = model().elsewhere("a/image", &span, TODAY).expect("in range").comparison;
    // 2 · $0.10 · 7 + 3 · $0.05 · 7
    assert_eq!((found.images, found.compared_price), (5, Some(money("2.45"))));
    assert_eq!(found.prices.len(), 2);
    let found = model().elsewhere("b/retired", &span, TODAY).expect("in range").comparison;
    let unpriced = found.unpriced.expect("it sells no edits");
    assert_eq!((found.images, unpriced.images), (2, 3));
    assert!(unpriced.reason.contains("b/retired (edit) on 2026-11-10"), "{}", unpriced.reason);
}

#[test]
fn a_missing_exchange_rate_is_named_too() {
    let day = date(2025, 12, 31);
    let early = ImageGroup { day, priced_on: day, ..group(1, 1, Quality::Medium) };
    let model = CostModel::new(
        CostSettings {
            compare_with: "b/retired".into(),
            also_compare_with: vec![],
            ..CostSettings::default()
        },
        PriceBook::parse(&BOOK.replace("2026-01-01", "2025-01-01")).expect("a price book"),
        vec![],
    );
    let found = model.and_then(|model| Ok(model.elsewhere("a/image", &[early], TODAY)?));
    let reason = found.expect("in range").comparison.unpriced.expect("no rate").reason;
    assert!(reason.contains("exchange rate from USD to CNY holds on 2025-12-31"), "{reason}");
}

#[test]
fn what_was_booked_with_a_service_stays_its_price() {
    let booked = ImageGroup { booked: Some(("a/image", money("9"))), ..group(10, 2, Quality::Medium) };
    let span = [booked, group(10, 1, Quality::Medium)];
    let price = |sku| model().elsewhere(sku, &span, TODAY).expect("in range").comparison.compared_price;
    assert_eq!(price("a/image"), Some(money("9.7")));
    assert_eq!(price("b/retired"), Some(money("0.03")), "three at the lower quality");
}

#[test]
fn what_is_taken_back_is_taken_back_at_its_own_days_price() {
    let back = ImageGroup { priced_on: date(2026, 11, 10), ..group(20, -2, Quality::Medium) };
    let found =
        model().elsewhere("a/image", &[group(20, 1, Quality::Medium), back], TODAY).expect("in range");
    assert_eq!(found.comparison.images, -1);
    assert_eq!(found.comparison.compared_price, Some(money("0")), "one at 1.4, two of 0.7 back");
    assert_eq!(found.comparison.saving_percent_tenths, None);
}

#[test]
fn a_plan_is_priced_by_the_image_and_in_whole_plans() {
    let october = ImageGroup { day: date(2026, 10, 31), ..group(1, 1, Quality::Medium) };
    let span = [october, group(1, 300, Quality::Medium), group(2, 1, Quality::Medium)];
    let found = model().elsewhere("c/plan", &span, TODAY).expect("in range").comparison;
    // $10 / 300, rounded down, · 7, rounded down.
    assert_eq!(found.compared_price, money("0.233333331").times(302).ok());
    let plans = WholePlans { plans: 3, price: money("210"), saving: money("-92") };
    assert_eq!(found.plans, Some(plans), "one for October, two for November");
}
