//! The machine's parts, tariffs and upkeep together: what a month's images are charged against what the month cost.

use jiff::civil::{Date, DateTime, date};
use proptest::prelude::*;

use super::*;
use crate::{
    domain::{EnergySource, ImageSize, Product, Quality, Usage},
    units::{Currency, Energy, Millis, Money, Power},
};

const NOVEMBER: DaySpan = DaySpan { first: date(2026, 11, 1), end: date(2026, 12, 1) };

/// An image: the day of November on which it was settled, and its device time.
type Image = (i8, u64);

fn yuan(amount: i64) -> Money {
    Money::from_nano(amount * 1_000_000_000)
}

fn model(settings: CostSettings, assets: Vec<Asset>) -> CostModel {
    let rate = ExchangeRate {
        from: Currency::USD,
        to: Currency::CNY,
        rate: yuan(7),
        effective_from: date(2026, 1, 1),
    };
    let prices = PriceBook::built_in().expect("a price book");
    CostModel::new(settings, prices, vec![rate]).expect("a cost model").with_assets(assets)
}

fn day(number: i8) -> Date {
    date(2026, 11, number)
}

fn receipt(model: &CostModel, millis: u64, at: DateTime) -> Receipt {
    let duration = Millis::new(millis);
    let usage = Usage {
        duration,
        energy: Power::from_watts(450).over(duration),
        source: EnergySource::Estimated,
        epoch: None,
    };
    let comparison =
        model.compare(Product::generated(ImageSize::square(1024), Quality::default()), NOVEMBER.first);
    model.receipt(usage, comparison, at).expect("a receipt")
}

/// November as the ledger would sum it up: what its images were charged, and what it cost.
fn november(model: &CostModel, images: &[Image]) -> MonthCost {
    let mut allocated = Allocated::default();
    for (number, millis) in images {
        let receipt = receipt(model, *millis, day(*number).at(12, 0, 0, 0));
        allocated.depreciation = allocated.depreciation.plus(receipt.cost.depreciation).expect("in range");
        allocated.upkeep = allocated.upkeep.plus(receipt.cost.upkeep).expect("in range");
    }
    let count = |service: DaySpan| {
        u64::try_from(images.iter().filter(|(number, _)| service.contains(day(*number))).count())
    };
    let parts: Vec<_> = model.parts().collect();
    let uses: Vec<_> = parts
        .iter()
        .map(|(asset, service)| AssetUse {
            asset,
            images_before: 0,
            images_after: count(*service).expect("few"),
        })
        .collect();
    let upkeep = model.upkeep_on(NOVEMBER, allocated.upkeep, |_| 0).expect("in range");
    month_cost(&uses, upkeep, NOVEMBER, allocated).expect("in range")
}

prop_compose! {
    /// A part that is bought up to a year before December, and perhaps sold in November.
    fn asset(lives: impl Strategy<Value = Life> + 'static)(
        price in 1_000_000_000..30_000_000_000_000i64,
        residual_percent in 0..=90i64,
        share_percent in 1..=100u32,
        bought_days_ago in 1..365i32,
        sold_on in prop::option::of(1..=30i8),
        life in lives,
    ) -> Asset {
        let purchased_on = NOVEMBER.end.checked_sub(jiff::Span::new().days(bought_days_ago)).expect("a day");
        let retirement = sold_on.map(day).filter(|on| *on >= purchased_on);
        Asset {
            name: "part".into(),
            price: Money::from_nano(price),
            residual: Money::from_nano(price / 100 * residual_percent),
            share_percent,
            purchased_on,
            life,
            retirement: retirement.map(|on| Retirement { on, proceeds: Money::from_nano(price / 2) }),
        }
    }
}

fn by_units() -> impl Strategy<Value = Life> {
    (1_000..1_000_000u64).prop_map(|lifetime_images| Life::Units { lifetime_images, years: None })
}

fn by_time() -> impl Strategy<Value = Life> {
    (1..=10u32, 1..=100u32)
        .prop_map(|(years, normal_utilisation_percent)| Life::Time { years, normal_utilisation_percent })
}

fn images() -> impl Strategy<Value = Vec<Image>> {
    prop::collection::vec((1..=30i8, 1..600_000u64), 0..200)
}

fn upkeep() -> impl Strategy<Value = Option<Money>> {
    prop::option::of((0..3_000_000_000_000i64).prop_map(Money::from_nano))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_allocated_and_what_is_unused_are_the_months_cost_to_the_nano_unit(
        assets in prop::collection::vec(prop_oneof![asset(by_units()), asset(by_time())], 0..6),
        images in images(),
        upkeep_per_year in upkeep(),
    ) {
        let settings = CostSettings { upkeep_per_year, ..CostSettings::default() };
        let model = model(settings, assets.clone());
        let month = november(&model, &images);
        let allocated = month.allocated_depreciation.plus(month.allocated_upkeep);
        let cost = month.depreciation.plus(month.upkeep);
        prop_assert_eq!(allocated.and_then(|sum| sum.plus(month.unused()?)), cost);
        // Wear by time does not depend on how many images there were.
        let idle = november(&model, &[]);
        let lost_by_time = assets.iter().filter(|asset| asset.life.method() == "time");
        let lost_by_time = lost_by_time.map(|asset| asset.lost_on(NOVEMBER, 0, 0).expect("in range").as_nano());
        prop_assert_eq!(idle.depreciation.as_nano(), lost_by_time.sum::<i64>());
        prop_assert_eq!(idle.unused(), idle.depreciation.plus(idle.upkeep));
    }

    #[test]
    fn by_units_nothing_is_unused(
        assets in prop::collection::vec(asset(by_units()), 0..6),
        images in images(),
    ) {
        let month = november(&model(CostSettings::default(), assets), &images);
        prop_assert_eq!((month.unused_depreciation, month.unused_upkeep), (Money::ZERO, Money::ZERO));
    }

    #[test]
    fn the_days_of_a_life_lose_all_that_a_part_can_lose(asset in asset(by_time())) {
        let all = if asset.retirement.is_none() { asset.depreciable() } else {
            asset.lost_before(NOVEMBER.end, 0)
        };
        let mut first = asset.purchased_on;
        let mut lost = Money::ZERO;
        while asset.service().contains(first) {
            let days = DaySpan { first, end: first.last_of_month().tomorrow().expect("a day") };
            lost = lost.plus(asset.lost_on(days, 0, 0).expect("in range")).expect("in range");
            first = days.end;
        }
        prop_assert_eq!(Ok(lost), all);
    }

    /// A month that generates its normal hours, evenly, is charged what it costs, up to what its images are rounded up.
    #[test]
    fn at_normal_utilisation_nothing_is_unused(
        price in 0..30_000_000_000_000i64,
        years in 1..=10u32,
        normal_utilisation_percent in 1..=100u32,
    ) {
        let asset = Asset {
            name: "part".into(),
            price: Money::from_nano(price),
            residual: Money::ZERO,
            share_percent: 100,
            purchased_on: NOVEMBER.first,
            life: Life::Time { years, normal_utilisation_percent },
            retirement: None,
        };
        // One a day, as long as the day's normal hours.
        let images: Vec<_> =
            (1..=30).map(|number| (number, 864_000 * u64::from(normal_utilisation_percent))).collect();
        let month = november(&model(CostSettings::default(), vec![asset]), &images);
        prop_assert!((-30..=0).contains(&month.unused_depreciation.as_nano()), "{:?}", month);
    }
}

#[test]
fn an_image_is_priced_by_the_moment_it_was_settled() {
    let row = |price: i64, hours: Option<&str>| TariffRow {
        effective_from: date(2026, 1, 1),
        price_per_kwh: Money::from_nano(price),
        hours: hours.map(|hours| hours.parse().expect("hours")),
        months: None,
        weekdays: None,
    };
    let tariff = vec![row(1_200_000_000, None), row(600_000_000, Some("22:00-06:00"))];
    let model = model(CostSettings { tariff, ..CostSettings::default() }, Vec::new());
    let electricity =
        |hour, minute| receipt(&model, 15_000, day(23).at(hour, minute, 0, 0)).cost.electricity.to_string();
    assert_eq!((electricity(21, 59), electricity(22, 0)), ("0.00225".into(), "0.001125".into()));
    let usage = Usage {
        duration: Millis::new(15_000),
        energy: Energy::from_millijoules(6_750_000),
        source: EnergySource::Estimated,
        epoch: None,
    };
    let wasted = model.wasted(usage, day(23).at(3, 0, 0, 0)).expect("in range");
    assert_eq!(wasted.cost.electricity.to_string(), "0.001125");
}

#[test]
fn the_configured_hardware_stands_in_until_the_first_asset_is_bought() {
    let card = card();
    let bought = card.purchased_on;
    let model = model(CostSettings::default(), vec![card]);
    let on = |day: Date| receipt(&model, 15_000, day.at(0, 0, 0, 0)).cost.depreciation.to_string();
    assert_eq!(on(bought.yesterday().expect("a day")), "0.343333334", "the example's");
    assert_eq!(on(bought), "0.006341959", "the card's");
    assert!(!model.uses_example_hardware());
    assert!(model.with_assets(Vec::new()).uses_example_hardware());
}

#[test]
fn a_part_is_charged_for_until_the_day_it_is_retired() {
    let retirement = Some(Retirement { on: day(23), proceeds: yuan(9_000) });
    let model = model(CostSettings::default(), vec![Asset { retirement, ..card() }]);
    let on = |number| receipt(&model, 15_000, day(number).at(12, 0, 0, 0)).cost.depreciation;
    assert_eq!((on(22).to_string(), on(23)), ("0.006341959".into(), Money::ZERO));
}

/// docs/costs.md's card.
fn card() -> Asset {
    Asset {
        name: "RTX 4090".into(),
        price: yuan(13_000),
        residual: yuan(5_000),
        share_percent: 100,
        purchased_on: day(1),
        life: Life::Time { years: 3, normal_utilisation_percent: 20 },
        retirement: None,
    }
}

/// docs/costs.md's other parts.
fn other_parts() -> Asset {
    Asset {
        name: "the rest".into(),
        price: yuan(4_300),
        residual: yuan(2_000),
        life: Life::Units { lifetime_images: 30_000, years: None },
        ..card()
    }
}

#[test]
fn the_documents_example_is_what_the_formulas_give() {
    let settings = CostSettings { upkeep_per_year: Some(yuan(300)), ..CostSettings::default() };
    let model = model(settings, vec![card(), other_parts()]);
    let image = receipt(&model, 15_000, day(23).at(12, 0, 0, 0));
    let month = november(&model, &[(23, 15_000); 500]);
    let in_range = |amount: Result<Money, crate::units::RangeError>| amount.expect("in range");
    let of_image = |asset: Asset| in_range(asset.depreciation_of_image(Millis::new(15_000)));
    let lost = |asset: Asset, images| in_range(asset.lost_on(NOVEMBER, 0, images));
    let sold = |asset: Asset| Asset {
        retirement: Some(Retirement { on: date(2027, 11, 1), proceeds: yuan(9_000) }),
        ..asset
    };
    let lines = [
        ("electricity", image.cost.electricity),
        ("depreciation, card", of_image(card())),
        ("depreciation, other parts", of_image(other_parts())),
        ("upkeep", image.cost.upkeep),
        ("standard cost", in_range(image.standard())),
        ("depreciation of November, card", lost(card(), 500)),
        ("depreciation of November, other parts", lost(other_parts(), 500)),
        ("upkeep of November", month.upkeep),
        ("allocated depreciation", month.allocated_depreciation),
        ("allocated upkeep", month.allocated_upkeep),
        ("unused capacity", in_range(month.unused())),
        ("book value of the card on 2027-11-01", in_range(card().book_value(date(2027, 11, 1), 0))),
        (
            "gain of its sale for 9,000 that day",
            in_range(sold(card()).disposal_gain(0).map(Option::unwrap_or_default)),
        ),
    ];
    let document = include_str!("../../docs/costs.md");
    for (name, amount) in lines {
        let line = format!("    {name:<38} {:>14}\n", amount.to_string());
        assert!(document.contains(&line), "docs/costs.md lacks:\n{line}");
    }
}
