use jiff::civil::date;
use proptest::prelude::*;

use super::{
    article::{ArticleRow, Follows},
    *,
};
use crate::{
    costs::{CostModel, CostSettings, ExchangeRate, PriceBook},
    domain::{EnergySource, ImageSize, Product, Quality, Usage},
    units::{Currency, Millis, Money, Power},
};

fn money(text: &str) -> Money {
    text.parse().expect("an amount")
}

fn shipped() -> Scenario {
    Scenario::shipped().expect("config/scenarios/rtx4090-2026.toml")
}

fn outcome(change: impl FnOnce(&mut Scenario)) -> Outcome {
    let mut scenario = shipped();
    change(&mut scenario);
    scenario.outcome().expect("an outcome")
}

fn without_residual(scenario: &mut Scenario) {
    scenario.parts.iter_mut().for_each(|part| part.residual = Money::ZERO);
}

fn against<'a>(outcome: &'a Outcome, name: &str) -> &'a PriceOutcome {
    outcome.against.iter().find(|against| against.name == name).expect("a compared price")
}

fn refusal(change: impl FnOnce(&mut Scenario)) -> String {
    let mut scenario = shipped();
    change(&mut scenario);
    scenario.outcome().expect_err("refused").to_string()
}

#[test]
fn a_rented_device_beats_the_articles_own_machine() {
    let rented = outcome(|_| ()).rentals.remove(0);
    // 500 · 15 s at 1.24 an hour; of one's own (300 + 10,300 / 3) / 12.
    assert_eq!((rented.month, rented.image), (money("2.583333334"), money("0.005166667")));
    assert_eq!((rented.owned_month, rented.saving), (money("311.111111112"), money("-308.527777778")));
    assert_eq!(rented.break_even, BreakEven::Never);
}

#[test]
fn hours_that_are_paid_in_any_case_can_make_owning_cheaper() {
    let with = |minimum_hours, per_hour: &str| {
        let changed = outcome(|scenario| {
            scenario.rentals[0].minimum_hours = minimum_hours;
            scenario.rentals[0].per_hour = money(per_hour);
        });
        changed.rentals.into_iter().next().expect("a rental")
    };
    let rented = with(300, "1.24");
    assert_eq!((rented.month, rented.image), (money("372.00"), money("0.744")));
    assert_eq!(rented.break_even, BreakEven::From { images_per_month: 1 });
    // An image at 120 an hour is 0.50: more than the standard cost, so owning is worth it from some volume on.
    let BreakEven::From { images_per_month } = with(0, "120").break_even else { panic!("worth it") };
    let month = |images| {
        let changed = outcome(|scenario| {
            scenario.rentals[0].per_hour = money("120");
            scenario.images_per_month = images;
        });
        (changed.rentals[0].month, changed.rentals[0].owned_month)
    };
    let (rented, owned) = month(images_per_month);
    assert!(rented >= owned, "{rented} {owned}");
    let (rented, owned) = month(images_per_month - 1);
    assert!(rented < owned, "{rented} {owned}");
    assert!(refusal(|scenario| scenario.rentals[0].per_hour = Money::ZERO).contains("per_hour"));
    assert!(refusal(|scenario| scenario.rentals[0].minimum_hours = 745).contains("minimum_hours"));
}

#[test]
fn row_electricity_of_an_image() {
    let image = outcome(|_| ()).image;
    assert_eq!(image.electricity, money("0.00225"));
    assert_eq!(image.energy_kwh.to_kwh_string(), "0.001875");
}

#[test]
fn row_depreciation_is_0_577_and_0_3433_with_a_residual() {
    let image = outcome(|_| ()).image;
    assert_eq!(image.depreciation_without_residual, money("0.576666667"));
    assert_eq!(image.depreciation, money("0.343333334"));
    assert_eq!(outcome(without_residual).image.depreciation, money("0.576666667"));
}

#[test]
fn row_depreciation_of_0_12_needs_144_000_images_or_a_share_of_21_percent() {
    let depreciation = |images, share| {
        let outcome = outcome(|scenario| {
            without_residual(scenario);
            (scenario.lifetime_images, scenario.share_percent) = (Some(images), share);
        });
        outcome.image.depreciation.to_rounded_string(2)
    };
    assert_eq!(depreciation(144_000, 100), "0.12");
    assert_eq!(depreciation(30_000, 21), "0.12");
    assert_eq!(depreciation(30_000, 100), "0.58");
    let row = ArticleRow::all().expect("rows").swap_remove(3);
    assert_eq!((row.formulas.as_str(), row.follows), ("takes 144167 images, or 21 % share", Follows::No));
}

#[test]
fn row_upkeep_and_network_is_an_input() {
    assert_eq!(outcome(|_| ()).image.upkeep, money("0.03"));
}

/// With the article's 0.12, which its inputs do not give.
fn articles_total() -> Outcome {
    outcome(|scenario| {
        without_residual(scenario);
        scenario.lifetime_images = Some(144_167);
    })
}

#[test]
fn row_total_is_0_609_and_only_with_0_12_it_is_0_152() {
    assert_eq!(outcome(without_residual).image.standard.to_rounded_string(3), "0.609");
    assert_eq!(outcome(|_| ()).image.standard_without_residual.to_rounded_string(3), "0.609");
    assert_eq!(articles_total().image.standard.to_rounded_string(3), "0.152");
    assert_eq!(outcome(|_| ()).image.standard, money("0.375583334"));
}

#[test]
fn row_commercial_image_is_an_input() {
    let outcome = outcome(|_| ());
    let price = |name| against(&outcome, name).price;
    assert_eq!((price("Midjourney, low"), price("Midjourney, high")), (money("2.5"), money("4")));
}

#[test]
fn row_saving_at_2_5_is_75_6_percent_and_93_9_only_with_0_12() {
    let saving = |outcome: &Outcome| against(outcome, "Midjourney, low").saving_part().to_string();
    assert_eq!(saving(&outcome(without_residual)), "75.6 %");
    assert_eq!(saving(&articles_total()), "93.9 %");
}

#[test]
fn row_saved_in_years_1_2_3_is_the_articles_to_the_yuan() {
    let outcome = outcome(|_| ());
    let years = &against(&outcome, "commercial image").years;
    let saved: Vec<String> = years.iter().map(|row| row.saved_in_all.to_string()).collect();
    assert_eq!(saved, ["400.00", "18100.00", "35800.00"]);
    let hardware: Vec<String> = years.iter().map(|row| row.hardware.to_string()).collect();
    assert_eq!(hardware, ["17300.00", "0.00", "0.00"]);
    assert!(years.iter().all(|row| row.elsewhere == money("18000")));
}

#[test]
fn row_payback_is_11_7_months() {
    let outcome = outcome(|_| ());
    let payback = against(&outcome, "commercial image").payback;
    assert_eq!(payback, Payback::After { months_tenths: 117 });
    assert_eq!(payback.to_string(), "pays back in 11.7 months");
}

#[test]
fn row_parts_sum_to_17_300() {
    let prices: Vec<String> = shipped().parts.iter().map(|part| part.price.to_rounded_string(0)).collect();
    assert_eq!(prices, ["13000", "1800", "800", "500", "700", "500"]);
    assert_eq!(shipped().price(), Ok(money("17300")));
}

#[test]
fn row_electricity_in_the_yearly_table_is_13_5_and_not_300() {
    let year = outcome(|_| ()).year;
    assert_eq!((year.images, year.electricity), (6_000, money("13.5")));
    // The bills of 300 hold the images' electricity and upkeep, and something else.
    assert_eq!((year.upkeep, year.other, year.running()), (money("180"), money("106.5"), Ok(money("300"))));
}

#[test]
fn every_row_of_the_article_is_printed_with_what_the_formulas_give() {
    let rows = ArticleRow::all().expect("rows");
    let line =
        |row: &ArticleRow| format!("{} | {} | {} | {}", row.figure, row.article, row.formulas, row.follows);
    insta::assert_snapshot!(rows.iter().map(line).collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_same_hardware_has_the_same_figures_here_and_in_a_receipt() {
    let rate = ExchangeRate {
        from: Currency::USD,
        to: Currency::CNY,
        rate: money("7"),
        effective_from: date(2026, 1, 1),
    };
    let settings = CostSettings {
        host_watts: Power::from_watts(50),
        wall_factor_percent: 113,
        ..CostSettings::default()
    };
    let day = date(2026, 11, 23);
    let book = PriceBook::built_in().expect("a book");
    let model = CostModel::new(settings.clone(), book, vec![rate]).expect("a model");
    let (power, duration) = (Power::from_watts(333), Millis::new(7_777));
    let usage =
        Usage { duration, energy: power.over(duration), source: EnergySource::Estimated, epoch: None };
    let comparison = model.compare(Product::generated(ImageSize::square(1024), Quality::default()), day);
    let receipt = model.receipt(usage, comparison, day.at(12, 0, 0, 0)).expect("a receipt");
    let mut scenario = shipped().with_costs(&settings, power).expect("a scenario");
    scenario.seconds_per_image = duration;
    let image = scenario.outcome().expect("an outcome").image;
    assert_eq!(image.energy_kwh, receipt.wall_energy);
    assert_eq!(
        (image.electricity, image.depreciation),
        (receipt.cost.electricity, receipt.cost.depreciation)
    );
    assert_eq!(Ok(image.standard), receipt.standard());
}

#[test]
fn the_fixed_cost_of_a_month_over_the_margin_is_the_break_even() {
    let from = |outcome: &Outcome| against(outcome, "commercial image").break_even;
    // 10,300 / 36 / (3.00 − 0.00225 − 0.03) = 96.4
    let unbilled = outcome(|scenario| scenario.running_costs_per_year = None);
    assert_eq!(from(&unbilled), BreakEven::From { images_per_month: 97 });
    // (10,300 / 36 + 300 / 12) / 3.00 = 103.7: the bills hold electricity and upkeep.
    let billed = outcome(|_| ());
    assert_eq!(from(&billed), BreakEven::From { images_per_month: 104 });
    assert!(billed.against[0].is_worth_it_at(104) && !billed.against[0].is_worth_it_at(103));
    assert_eq!(from(&billed).to_string(), "worth it from 104 images a month");
}

#[test]
fn by_time_the_fixed_cost_is_spread_over_the_life() {
    let by_time = |percent| {
        outcome(|scenario| {
            (scenario.lifetime_images, scenario.lifetime_years) = (None, Some(5));
            scenario.normal_utilisation_percent = percent;
            scenario.running_costs_per_year = None;
        })
    };
    // 10,300 · 15 s / (5 · 8760 h · 10 %)
    let outcome = by_time(Some(10));
    assert_eq!(outcome.image.depreciation, money("0.009798326"));
    // 10,300 / 5 whatever was generated: 2,060 + 13.5 + 180, over 6,000 images.
    assert_eq!((outcome.year.depreciation, outcome.fully_loaded), (money("2060"), money("0.375583334")));
    assert_eq!(by_time(None).image.depreciation, money("0.343333334"));
    // 10,300 / 60 / (3.00 − 0.03225) = 57.8
    assert_eq!(outcome.against[0].break_even, BreakEven::From { images_per_month: 58 });
}

#[test]
fn idle_hours_cost_what_they_draw() {
    let year = outcome(|scenario| {
        (scenario.idle_watts, scenario.hours_on_per_day) = (Power::from_watts(60), 10);
        scenario.running_costs_per_year = None;
    });
    // 60 W · (3,650 − 25) h · 1.2
    assert_eq!(year.year.idle_electricity, money("261"));
    assert_eq!(year.year.other, Money::ZERO);
}

#[test]
fn bills_smaller_than_their_parts_do_not_make_images_cheaper() {
    let year = outcome(|scenario| scenario.images_per_month = 5_000).year;
    assert_eq!((year.running(), year.other), (Ok(money("1935")), Money::ZERO));
}

#[test]
fn worn_hardware_is_bought_again_for_its_price_less_what_the_old_one_brings() {
    let outcome = outcome(|scenario| scenario.images_per_month = 2_500);
    let hardware: Vec<String> = outcome.against[0].years.iter().map(|row| row.hardware.to_string()).collect();
    // 30,000 a year: one machine each.
    assert_eq!(hardware, ["17300.00", "10300.00", "10300.00"]);
}

#[test]
fn losses_are_said_plainly() {
    let outcome = outcome(|scenario| {
        let price = |name: &str, price| ComparedPrice { name: name.into(), price: money(price) };
        scenario.compared =
            vec![price("fal/z-image-turbo", "0.0365"), price("cheap", "0.03"), price("dear", "0.2")];
    });
    let hosted = outcome.like_for_like().expect("like for like");
    assert_eq!(
        (hosted.saving, hosted.saving_part().to_string()),
        (money("-0.339083334"), "-9.3 times".into())
    );
    assert_eq!(hosted.payback.to_string(), "never pays back at this volume");
    assert_eq!(hosted.break_even.to_string(), "not worth it at any volume");
    assert_eq!(outcome.against[1].break_even, BreakEven::Never);
    // 1,200 − 300 a year: 230.7 months, of which it lives the three years of the scenario, and not the 60 months of its
    // 30,000 images.
    let said = outcome.against[2].payback.to_string();
    assert_eq!(said, "never pays back: it would take 230.7 months, and it is worn out after 36.0");
}

#[test]
fn a_volume_for_which_there_is_no_time_is_refused_or_said() {
    assert!(refusal(|scenario| scenario.images_per_month = 175_201).contains("175200 a month"));
    let slow = outcome(|scenario| {
        scenario.seconds_per_image = Millis::new(86_400_000);
        scenario.images_per_month = 1;
        scenario.compared = vec![ComparedPrice { name: "dear".into(), price: money("14") }];
    });
    let said = slow.against[0].break_even.to_string();
    assert!(said.contains("not even at the 30 images a month"), "{said}");
}

#[test]
fn a_value_that_cannot_be_is_named() {
    type Change = fn(&mut Scenario);
    let changes: [(&str, Change); 12] = [
        ("share_percent", |s| s.share_percent = 0),
        ("lifetime_images", |s| s.lifetime_images = Some(0)),
        ("lifetime_images", |s| s.lifetime_years = Some(3)),
        ("images_per_month", |s| s.images_per_month = 0),
        ("seconds_per_image", |s| s.seconds_per_image = Millis::ZERO),
        ("wall_factor_percent", |s| s.wall_factor_percent = 99),
        ("watts", |s| s.watts = Power::from_watts(100_001)),
        ("hours_on_per_day", |s| s.hours_on_per_day = 25),
        ("years", |s| s.years = 0),
        ("residual", |s| s.parts[0].residual = money("13000.01")),
        ("price_per_kwh", |s| s.price_per_kwh = money("-1")),
        ("compared", |s| s.compared[0].price = Money::ZERO),
    ];
    for (field, change) in changes {
        let said = refusal(change);
        assert!(said.starts_with(&format!("{field}: ")) && said.lines().count() == 1, "{said}");
    }
    for (toml, part) in [("colour = 1", "colour"), ("currency = \"yuan\"", "yuan"), ("name =", "scenario")] {
        let said = Scenario::parse(toml).expect_err("refused").to_string();
        assert!(said.contains(part) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn inputs_are_read_as_they_are_shown() {
    let mut scenario = shipped();
    for input in Input::ALL {
        assert_eq!(Input::from_name(input.name()), Some(input));
        let text = scenario.value(input);
        scenario.change(input, &text).expect("its own value");
    }
    scenario.change(Input::Price, "17300").expect("the same price");
    assert_eq!(scenario, shipped());
    for (input, text) in [(Input::Price, "20000"), (Input::Residual, "5000"), (Input::Watts, "320")] {
        scenario.change(input, text).expect("a value");
    }
    assert_eq!((scenario.price(), scenario.residual()), (Ok(money("20000")), Ok(money("5000"))));
    assert_eq!(scenario.watts, Power::from_watts(320));
    scenario.change(Input::RunningCostsPerYear, "").expect("none");
    assert_eq!(scenario.running_costs_per_year, None);
    for (input, text) in [(Input::Price, "dear"), (Input::Years, "-1"), (Input::SecondsPerImage, "long")] {
        let said = scenario.change(input, text).expect_err("refused").to_string();
        assert!(said.starts_with(input.name()) && said.contains(text), "{said}");
    }
}

prop_compose! {
    fn amount(max: i64)(nano in 0..=max) -> Money { Money::from_nano(nano) }
}

prop_compose! {
    fn hardware()(
        price in amount(100_000_000_000_000), residual_percent in 0u64..=100, share_percent in 0u32..=101,
        life in prop_oneof![
            (0u64..1_000_000).prop_map(|images| (Some(images), None, None)),
            (0u32..60, prop::option::of(0u32..=101)).prop_map(|(years, percent)| (None, Some(years), percent)),
        ],
    ) -> Scenario {
        let residual = price.share_floor(residual_percent, 100).expect("in range");
        let (lifetime_images, lifetime_years, normal_utilisation_percent) = life;
        Scenario {
            parts: vec![HardwarePart { name: "all".into(), price, residual }],
            share_percent, lifetime_images, lifetime_years, normal_utilisation_percent,
            ..shipped()
        }
    }
}

prop_compose! {
    fn any_scenario()(
        hardware in hardware(), watts in 0u32..=100_000, host in 0u32..=1_000, idle in 0u32..=100_000,
        millis in prop_oneof![4 => 1u64..60_000, 1 => 0u64..=100_000_000], price_per_kwh in amount(100_000_000_000), wall in 99u32..=1_001,
        hours in 0u32..=25, upkeep in amount(10_000_000_000),
        bills in prop::option::of(amount(1_000_000_000_000_000)), images in prop_oneof![4 => 0u64..5_000, 1 => any::<u64>()],
        prices in prop::collection::vec(amount(100_000_000_000), 0..4), years in 0u32..=51,
    ) -> Scenario {
        Scenario {
            watts: Power::from_watts(watts), host_watts: Power::from_watts(host), idle_watts: Power::from_watts(idle),
            seconds_per_image: Millis::new(millis), price_per_kwh, wall_factor_percent: wall, hours_on_per_day: hours,
            upkeep_per_image: upkeep, running_costs_per_year: bills, images_per_month: images, years,
            compared: prices.into_iter().map(|price| ComparedPrice { name: "there".into(), price }).collect(),
            ..hardware
        }
    }
}

fn sum(amounts: &[Money]) -> Money {
    amounts.iter().try_fold(Money::ZERO, |sum, amount| sum.plus(*amount)).expect("in range")
}

proptest! {
    #[test]
    fn any_scenario_is_refused_or_its_sums_close(scenario in any_scenario()) {
        let Ok(Outcome { image, year, fully_loaded, against, .. }) = scenario.outcome() else { return Ok(()) };
        prop_assert_eq!(image.standard, sum(&[image.electricity, image.depreciation, image.upkeep]));
        prop_assert!(image.depreciation <= image.depreciation_without_residual);
        let parts = [year.electricity, year.idle_electricity, year.upkeep, year.other, year.depreciation];
        prop_assert_eq!(year.total, sum(&parts));
        // Rounded up to a nano-unit an image, and no further.
        let over = fully_loaded.share_ceil(year.images, 1).expect("in range").minus(year.total).expect("in range");
        prop_assert!((0..i64::try_from(year.images).expect("in range")).contains(&over.as_nano()));
        for price in against {
            prop_assert_eq!(price.saving, price.price.minus(image.standard).expect("in range"));
            let mut in_all = Money::ZERO;
            for row in &price.years {
                prop_assert_eq!(sum(&[row.electricity, row.running]), year.running().expect("in range"));
                prop_assert_eq!(row.elsewhere, sum(&[row.hardware, row.electricity, row.running, row.saved]));
                in_all = sum(&[in_all, row.saved]);
                prop_assert_eq!(row.saved_in_all, in_all);
            }
            if let BreakEven::From { images_per_month } = price.break_even {
                prop_assert!((1..=scenario.capacity_per_month()).contains(&images_per_month));
            }
            let _ = (price.payback.to_string(), price.break_even.to_string(), price.saving_part());
        }
    }

    #[test]
    fn one_image_less_than_the_break_even_does_not_cover_the_year(scenario in any_scenario(), tariff in amount(900_000_000)) {
        // Often worth it: a low tariff, no upkeep.
        let mut scenario = Scenario { price_per_kwh: tariff, upkeep_per_image: Money::ZERO, ..scenario };
        let Ok(outcome) = scenario.outcome() else { return Ok(()) };
        let loss = scenario.loss().expect("in range");
        let over_years = loss.share_ceil(scenario.share_percent.into(), u64::from(scenario.years) * 100);
        let over_years = over_years.expect("in range");
        for (index, against) in outcome.against.iter().enumerate() {
            let BreakEven::From { images_per_month } = against.break_even else { continue };
            let mut covers = |images: u64| {
                scenario.images_per_month = images;
                let outcome = scenario.outcome().ok()?;
                let mut wear = outcome.year.depreciation;
                if scenario.lifetime_images.is_some() {
                    wear = wear.max(over_years);
                }
                let cost = outcome.year.running().ok()?.plus(wear).ok()?;
                assert_eq!(outcome.against[index].break_even, against.break_even, "the volume does not matter");
                Some(against.price.share_ceil(outcome.year.images, 1).ok()? >= cost)
            };
            prop_assert_ne!(covers(images_per_month), Some(false));
            prop_assert!(images_per_month == 1 || covers(images_per_month - 1) != Some(true));
        }
    }
}
