use jiff::civil::{DateTime, date};
use proptest::prelude::*;

use crate::{
    costs::{Asset, Breakdown, CostModel, CostSettings, ExchangeRate, Life, PriceBook, Share},
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
        part("rest", Life::Units { lifetime_images: 30_000 }),
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
