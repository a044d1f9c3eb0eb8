//! Images that were compared with nothing, ledgers from before that was possible, and what taking images back leaves.

use jiff::{civil::date, tz::TimeZone};

use super::{
    months::{at, month, receipt_of},
    *,
};
use crate::costs::{Asset, CostModel, CostSettings, Life, PriceBook, Retirement};
use crate::domain::Calendar;

fn half_a_comparison_is_refused_by_the_database() {
    let mut book = Book::new(None);
    let uncompared = Receipt { comparison: None, ..receipt() };
    book.generate(book.filed(), NOON, &[uncompared, receipt()]);
    let copy = |columns: &str| {
        book.sql(&format!(
            "INSERT INTO entries (request_id, kind, image_index, corrects, images, entered_at_ms, duration_ms, energy_mj,
                 wall_energy_mj, energy_source, currency, electricity_nano, depreciation_nano, upkeep_nano, compared_sku,
                 compared_nano, exchange_rate_nano, width, height, steps, seed, reason)
             SELECT request_id, kind, image_index, id, images, entered_at_ms, duration_ms, energy_mj, wall_energy_mj,
                 energy_source, currency, electricity_nano, depreciation_nano, upkeep_nano, {columns}, width, height,
                 steps, seed, 'a test' FROM entries WHERE id = 1"
        ))
    };
    book.ledger
        .reverse(1, "a test", None, "command line", NOON)
        .expect("an image without a comparison is taken back");
    for columns in ["'a/b', NULL, NULL", "NULL, 1, 1", "'a/b', 1, NULL", "NULL, NULL, 1"] {
        assert!(copy(columns).is_err(), "{columns}");
    }
    copy("NULL, NULL, NULL").expect("corrected");
    let totals = book.totals();
    assert_eq!(
        (totals.images, totals.compared.images, totals.compared_price()),
        (2, 1, Some(Money::from_nano(10)))
    );
    assert_eq!(totals.saving(), Some(Money::from_nano(4)), "of the one that has a price");
}

fn the_meter_has_turned_for_an_image_that_is_taken_back() {
    let mut book = Book::new(None);
    book.generate(book.filed(), NOON, &[receipt_of(1_000)]);
    let before = book.totals();
    let electricity = |totals: &MonthTotals| totals.cost.electricity.plus(totals.failed_electricity);
    book.ledger.reverse(1, "the wrong image", None, "command line", NOON).expect("reversed");
    let after = book.totals();
    assert_eq!((after.images, after.cost.electricity), (0, Money::ZERO));
    assert_eq!(electricity(&after), electricity(&before), "nothing is forgotten");
    assert_eq!(after.failed_energy, before.wall_energy);

    book.generate(book.filed(), NOON, &[receipt_of(500)]);
    let amounts =
        CorrectedAmounts { electricity: Some(Money::from_nano(400)), ..CorrectedAmounts::default() };
    book.ledger.reverse(3, "a wrong tariff", Some(&amounts), "command line", NOON).expect("corrected");
    let corrected = book.totals();
    assert_eq!(
        (corrected.cost.electricity, corrected.failed_electricity),
        (Money::from_nano(400), Money::from_nano(1_000))
    );
}

fn costs(assets: Vec<Asset>) -> CostModel {
    let settings = CostSettings { also_compare_with: vec![], ..CostSettings::default() };
    let book = PriceBook::built_in().expect("a price book");
    CostModel::new(settings, book, vec![]).expect("a model").with_assets(assets)
}

fn months_add_up_to_what_a_part_lost_also_where_more_was_taken_back_than_made() {
    let mut book = Book::begun_at(None, at("2026-09-01T00:00:00Z"));
    let asset = Asset {
        name: "box".into(),
        price: "1000".parse().expect("an amount"),
        residual: Money::ZERO,
        share_percent: 100,
        purchased_on: date(2026, 9, 1),
        life: Life::Units { lifetime_images: 100, years: None },
        retirement: None,
    };
    book.ledger.add_asset(&asset, &model_in(Currency::CNY), &Evidence::COMMAND_LINE, NOON).expect("added");
    let six = vec![receipt(); 6];
    book.generate(book.filed(), at("2026-09-02T00:00:00Z"), &six);
    for entry in 1..=3 {
        book.ledger.reverse(entry, "x", None, "command line", at("2026-10-05T00:00:00Z")).expect("reversed");
    }
    book.generate(book.filed(), at("2026-11-05T00:00:00Z"), &[receipt(), receipt()]);
    let now = at("2026-11-06T00:00:00Z");
    let lost = ["2026-09", "2026-10", "2026-11"].map(|text| {
        let report = book.ledger.month_report(&costs(vec![]), month(text), &[], &Calendar::UTC, now);
        report.expect("a report").whole.expect("a whole month").whole_depreciation.to_string()
    });
    assert_eq!(lost, ["60.00", "-30.00", "20.00"], "five images at 10 each");
}

fn a_loss_on_a_sale_is_in_the_month() {
    let book = Book::begun_at(None, at("2026-10-01T00:00:00Z"));
    let card = Asset {
        name: "card".into(),
        price: "12000".parse().expect("an amount"),
        residual: Money::ZERO,
        share_percent: 100,
        purchased_on: date(2026, 10, 1),
        life: Life::Time { years: 3, normal_utilisation_percent: 20 },
        retirement: None,
    };
    let id =
        book.ledger.add_asset(&card, &model_in(Currency::CNY), &Evidence::COMMAND_LINE, NOON).expect("added");
    let sale = Retirement { on: date(2026, 12, 1), proceeds: "1000".parse().expect("an amount") };
    assert!(
        book.ledger
            .retire_asset(id, sale, &model_in(Currency::CNY), &Evidence::COMMAND_LINE, NOON)
            .expect("retired")
    );
    let now = at("2026-12-15T00:00:00Z");
    let all_in = ["2026-10", "2026-11", "2026-12"].map(|text| {
        let report = book.ledger.month_report(&costs(vec![]), month(text), &[], &Calendar::UTC, now);
        report.expect("a report").whole.expect("a whole month").fully_loaded_total
    });
    let sum = all_in.into_iter().try_fold(Money::ZERO, Money::plus).expect("in range");
    assert_eq!(sum.to_string(), "11000.00", "paid 12,000, brought 1,000");
    let year = book.ledger.year_report(&costs(vec![]), "2026".parse().expect("a year"), &Calendar::UTC, now);
    assert_eq!(year.expect("a report").whole.fully_loaded_total, sum);
}

fn break_even_is_of_a_whole_month_from_its_first_day_on() {
    let mut book = Book::begun_at(None, at("2026-09-01T00:00:00Z"));
    let card = Asset {
        name: "card".into(),
        price: "13000".parse().expect("an amount"),
        residual: "5000".parse().expect("an amount"),
        share_percent: 100,
        purchased_on: date(2026, 9, 1),
        life: Life::Time { years: 3, normal_utilisation_percent: 20 },
        retirement: None,
    };
    book.ledger.add_asset(&card, &model_in(Currency::CNY), &Evidence::COMMAND_LINE, NOON).expect("added");
    let dear = Receipt {
        comparison: receipt()
            .comparison
            .map(|comparison| Comparison { price: "1".parse().expect("an amount"), ..comparison }),
        cost: Breakdown { upkeep: Money::ZERO, ..receipt().cost },
        ..receipt()
    };
    let whole = |book: &Book, day: u32| {
        let now = at(&format!("2026-09-{day:02}T20:00:00Z"));
        let report = book.ledger.month_report(&costs(vec![]), month("2026-09"), &[], &Calendar::UTC, now);
        report.expect("a report").whole.expect("a whole month")
    };
    for day in 1..=30 {
        book.generate(book.filed(), at(&format!("2026-09-{day:02}T12:00:00Z")), &vec![dear.clone(); 10]);
        let whole = whole(&book, day);
        // 8,000 over 1,095 days, 30 days a month, 1 yuan an image.
        assert_eq!((whole.break_even_images, whole.images_at_pace), (Some(220), Some(300)), "on the {day}th");
        assert_eq!((whole.days_counted, whole.days_in_period), (u64::from(day), 30));
    }
}

fn a_part_by_units_is_charged_until_its_residual_and_no_more() {
    let mut book = Book::begun_at(None, at("2026-09-01T00:00:00Z"));
    let ssd = Asset {
        name: "ssd".into(),
        price: "100".parse().expect("an amount"),
        residual: Money::ZERO,
        share_percent: 100,
        purchased_on: date(2026, 9, 1),
        life: Life::Units { lifetime_images: 5, years: None },
        retirement: None,
    };
    book.ledger.add_asset(&ssd, &model_in(Currency::CNY), &Evidence::COMMAND_LINE, NOON).expect("added");
    let moment = at("2026-09-02T10:00:00Z");
    for images in [3, 4, 3] {
        let costs = book.ledger.with_assets(&costs(vec![])).expect("assets");
        let civil = TimeZone::UTC.to_datetime(moment);
        let receipts = costs.receipts(vec![receipt().usage; images], None, civil).expect("receipts");
        book.generate(book.filed(), moment, &receipts);
    }
    let report = book.ledger.month_report(&costs(vec![]), month("2026-09"), &[], &Calendar::UTC, moment);
    let report = report.expect("a report");
    let whole = report.whole.expect("a whole month");
    let amounts = [report.figures.cost.depreciation, whole.whole_depreciation, whole.unused_depreciation];
    assert_eq!(amounts.map(|amount| amount.to_string()), ["100.00", "100.00", "0.00"]);
}

on_both!(
    half_a_comparison_is_refused_by_the_database,
    the_meter_has_turned_for_an_image_that_is_taken_back,
    months_add_up_to_what_a_part_lost_also_where_more_was_taken_back_than_made,
    a_loss_on_a_sale_is_in_the_month,
    break_even_is_of_a_whole_month_from_its_first_day_on,
    a_part_by_units_is_charged_until_its_residual_and_no_more,
);
