use jiff::civil::{DateTime, date};
use proptest::prelude::*;

use crate::{
    costs::{
        Asset, Breakdown, CostLine, CostModel, CostSettings, DaySpan, EarlierRates, ExchangeRate, Life,
        PriceBook, Receipt, Share, TariffRow, Upkeep,
    },
    domain::{EnergySource, ImageSize, Product, Quality, Usage},
    units::{Currency, Energy, Millis, Money},
};

const AT: DateTime = date(2026, 11, 23).at(12, 0, 0, 0);

/// A machine of which one part wears by time and the other by images.
fn model(upkeep_per_year: Option<&str>) -> CostModel {
    let dollars = ExchangeRate {
        from: Currency::USD,
        to: Currency::CNY,
        rate: "7".parse().expect("a rate"),
        effective_from: date(2026, 1, 1),
    };
    let settings = CostSettings {
        upkeep_per_year: upkeep_per_year.map(|amount| amount.parse().expect("an amount")),
        ..CostSettings::default()
    };
    let part = |name: &str, life| Asset {
        name: name.into(),
        price: "13000".parse().expect("an amount"),
        residual: "5000".parse().expect("an amount"),
        share_percent: 100,
        purchased_on: date(2026, 11, 1),
        life,
        retirement: None,
    };
    let parts = vec![
        part("card", Life::Time { years: 3, normal_utilisation_percent: 20 }),
        part("rest", Life::Units { lifetime_images: 30_000, years: None }),
    ];
    let prices = PriceBook::built_in().expect("a price book");
    CostModel::new(settings, prices, vec![dollars]).expect("a model").with_assets(parts)
}

fn usage(millis: u64) -> Usage {
    Usage {
        duration: Millis::new(millis),
        energy: Energy::from_millijoules(450 * millis),
        source: EnergySource::Estimated,
        epoch: None,
    }
}

/// Standard cost, wear and upkeep alone.
fn wear(cost: Breakdown) -> Money {
    cost.depreciation.plus(cost.upkeep).expect("in range")
}

proptest! {
    /// Whatever the moment of hanging up, what was done of an image is charged like that much of an image.
    #[test]
    fn no_moment_of_hanging_up_is_cheaper_than_what_was_done(
        steps in 1_u32..=100,
        done in 0_u32..=100,
        step_millis in 1_u64..10_000,
        by_year in any::<bool>(),
    ) {
        let (model, done) = (model(by_year.then_some("300")), done.min(steps));
        let share_of = |steps_done: u32| Share { steps_done: steps_done.into(), steps };
        let comparison = model.compare(Product::generated(ImageSize::square(1024), Quality::default()), AT.date());
        let whole = model.receipt(usage(step_millis * u64::from(steps)), comparison, AT);
        let whole = whole.expect("in range").cost;
        let failed = model.failed_work(usage(step_millis * u64::from(done)), share_of(done), AT);
        let failed = failed.expect("in range").cost;
        let share = |amount: Money| {
            amount.share_floor(u64::from(done), u64::from(steps)).expect("in range")
        };
        // Each part is rounded up by itself, so that the sum's share may be two billionths above the share's sum.
        let rounding = Money::from_nano(2);
        prop_assert!(failed.electricity.plus(rounding).expect("in range") >= share(whole.electricity));
        let of_image = whole.depreciation.plus(whole.upkeep).expect("in range");
        prop_assert!(wear(failed).plus(rounding).expect("in range") >= share(of_image));
        if done == steps {
            prop_assert_eq!((failed.depreciation, failed.upkeep), (whole.depreciation, whole.upkeep));
            prop_assert_eq!(failed.electricity, whole.electricity);
        }
        // An image that was shown counts with all its steps: what goes by images is charged in full.
        let shown = model.failed_work(usage(step_millis * u64::from(done)), share_of(steps), AT);
        let shown = shown.expect("in range").cost;
        prop_assert!(wear(shown) >= wear(failed));
        let part = model.recorded_parts()[1].charge_of_image(Millis::ZERO, 0).expect("in range");
        prop_assert!(shown.depreciation >= part);
        if !by_year {
            prop_assert_eq!(shown.upkeep, whole.upkeep);
        }
    }
}

/// Two prices a day, and a rent that ends at midnight.
fn model_with_edges() -> CostModel {
    let row = |price: &str, hours: Option<&str>| TariffRow {
        effective_from: date(2026, 1, 1),
        price_per_kwh: price.parse().expect("an amount"),
        hours: hours.map(|hours| hours.parse().expect("hours")),
        months: None,
        weekdays: None,
    };
    let tariff = vec![row("1.2", None), row("0.6", Some("22:00-06:00"))];
    let settings = CostSettings { tariff, ..CostSettings::default() };
    let prices = PriceBook::built_in().expect("a price book");
    let rent = CostLine {
        name: "rent".into(),
        upkeep: Upkeep::PerMonth {
            amount: "300".parse().expect("an amount"),
            normal_utilisation_percent: 20,
        },
        days: DaySpan { first: date(2026, 1, 1), end: date(2026, 11, 24) },
    };
    CostModel::new(settings, prices, vec![]).expect("a model").with_lines(vec![rent])
}

/// Milliseconds, price of a kilowatt-hour, and lines of each piece but the last.
fn pieces(receipt: &Receipt) -> Vec<(u64, String, usize)> {
    let rates = receipt.rates.as_ref().expect("kept");
    let piece = |piece: &EarlierRates| {
        (piece.duration_ms, piece.electricity.price_per_kwh.to_string(), piece.lines.len())
    };
    rates.before.iter().map(piece).collect()
}

#[test]
fn work_over_the_edge_of_a_tariff_is_split_there() {
    let model = model_with_edges();
    let night = date(2026, 11, 23).at(22, 0, 10, 0);
    let receipts = model.receipts([usage(15_000), usage(4_000)], None, night).expect("receipts");
    // The first ran from 21:59:51 until 22:00:06, the second until 22:00:10.
    assert_eq!(pieces(&receipts[0]), [(9_000, "1.20".into(), 1)]);
    assert_eq!(pieces(&receipts[1]), []);
    // 9 s of 450 W at 1.20, and 6 s at 0.60.
    assert_eq!(receipts[0].cost.electricity.to_string(), "0.0018");
    let by_day = model.receipt(usage(15_000), None, date(2026, 11, 23).at(12, 0, 0, 0)).expect("a receipt");
    assert_eq!(receipts[0].cost.depreciation, by_day.cost.depreciation, "by units, an image is one image");
    assert_eq!(model.idle(usage(15_000), night).expect("priced").cost.electricity.to_string(), "0.0015");
    assert_eq!(model.wasted(usage(15_000), night).expect("priced").cost.electricity.to_string(), "0.0015");
}

#[test]
fn work_over_midnight_has_the_lines_of_either_day() {
    let model = model_with_edges();
    let after = date(2026, 11, 24).at(0, 0, 5, 0);
    let receipts = model.receipts([usage(15_000)], None, after).expect("receipts");
    assert_eq!(pieces(&receipts[0]), [(10_000, "0.60".into(), 1)]);
    // 12 · 300 / 8760 h / 20 % · 10 s.
    assert_eq!(receipts[0].cost.upkeep.to_string(), "0.005707763");
    let failed = model.failed_work(usage(15_000), Share { steps_done: 4, steps: 8 }, after).expect("priced");
    assert_eq!(failed.cost.upkeep, receipts[0].cost.upkeep);
    // Settled late: all of it was before midnight.
    let late = model.receipts([usage(1_000), usage(60_000)], None, after).expect("receipts");
    assert_eq!(pieces(&late[0]), [(1_000, "0.60".into(), 1)]);
    let rates = late[0].rates.as_ref().expect("kept");
    assert_eq!(rates.cost_of(usage(1_000), Share::WHOLE), Ok((late[0].wall_energy, late[0].cost)));
}

#[test]
fn work_within_one_price_is_one_piece_whatever_the_hour_is() {
    let noon = date(2026, 11, 23).at(6, 0, 0, 0);
    let model = model(None);
    let receipts = model.receipts([usage(15_000)], None, noon).expect("receipts");
    assert_eq!(pieces(&receipts[0]), [], "a flat price has no edges");
    let model = model_with_edges();
    let at_the_edge = model.receipts([usage(15_000)], None, noon).expect("receipts");
    assert_eq!(pieces(&at_the_edge[0]), [(15_000, "0.60".into(), 1)], "it ended as the price changed");
    assert_eq!(at_the_edge[0].cost.electricity.to_string(), "0.001125");
}
