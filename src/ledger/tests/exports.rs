//! A month as files.

use jiff::tz::TimeZone;

use super::{
    months::{Filed, at, month, two_months},
    *,
};
use crate::{
    costs::{Asset, CostModel, CostSettings, ExchangeRate, Life, PriceBook, Retirement},
    domain::{Calendar, Overhead},
};

/// The cells of a FOCUS file under its head, by row and column name.
fn cells(csv: &str, row: usize, columns: &[&str]) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let head = reader.headers().expect("a head").clone();
    let record = reader.records().nth(row).expect("a row").expect("a record");
    let cell = |column: &&str| {
        let place = head.iter().position(|name| name == *column).expect("a column");
        record[place].to_owned()
    };
    columns.iter().map(cell).collect()
}

fn costs() -> CostModel {
    let day = jiff::civil::date(2026, 11, 23);
    let rate = Money::from_nano(7_000_000_000);
    let dollars = ExchangeRate { from: Currency::USD, to: Currency::CNY, rate, effective_from: day };
    let prices = PriceBook::built_in().expect("a price book");
    CostModel::new(CostSettings::default(), prices, vec![dollars]).expect("a cost model")
}

pub(super) fn focus(book: &Book, text: &str, calendar: &Calendar) -> String {
    focus_at(book, text, calendar, at("2027-01-02T00:00:00Z"))
}

/// Everything of a month that is over.
pub(super) fn all_in(book: &Book, text: &str, calendar: &Calendar) -> Money {
    let now = at("2027-01-02T00:00:00Z");
    let report = book.ledger.month_report(&costs(), month(text), &[], calendar, now).expect("a report");
    report.whole.expect("a whole month").fully_loaded_total
}

fn focus_at(book: &Book, text: &str, calendar: &Calendar, now: Timestamp) -> String {
    let export = book.ledger.focus_export(&costs(), month(text), calendar, "Studio", now);
    let mut export = export.expect("an export");
    let parts = std::iter::from_fn(|| book.ledger.focus_rows(&mut export).expect("FOCUS"));
    parts.collect()
}

fn a_report_in_groups_is_a_csv_file_that_no_spreadsheet_computes() {
    let mut book = Book::new(None);
    let filed = Filed { tag: Some("=HYPERLINK(\"x\")"), ..book.filed() };
    book.generate(filed, at("2026-10-02T10:00:00Z"), &[receipt()]);
    let costs = costs();
    let now = at("2026-12-01T00:00:00Z");
    let report = |text: &str| {
        let report = book.ledger.month_report(&costs, month(text), &[GroupBy::Tag], &Calendar::UTC, now);
        report.expect("a report").to_csv().expect("CSV")
    };
    let october = report("2026-10");
    let lines: Vec<_> = october.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("month,currency,grouped_by,group,title,images,"), "{october}");
    assert!(lines[1].starts_with("2026-10,CNY,tag,\"'=HYPERLINK(\"\"x\"\")\",,1,1,"), "{october}");
    assert!(lines[1].contains(",0.000000001,0.000000002,0.000000003,0.000000006,"), "{october}");
    assert_eq!(report("2026-09"), format!("{}\n", lines[0]), "a head without rows");
}

fn an_image_is_a_usage_charge_of_its_standard_cost() {
    let book = two_months();
    let csv = focus(&book, "2026-10", &Calendar::UTC);
    let amounts = ["EffectiveCost", "ListCost", "ContractedCost", "BilledCost", "x_ComparatorCost"];
    assert_eq!(
        cells(&csv, 0, &amounts),
        ["0.000000006", "0.000000006", "0.000000006", "0.000000006", "0.00000001"]
    );
    let parts = ["x_ElectricityCost", "x_DepreciationCost", "x_MaintenanceCost", "PricingQuantity"];
    assert_eq!(cells(&csv, 1, &parts), ["0.000000007", "0.000000002", "0.000000003", "1.0"]);
    let names = ["SubAccountName", "Tags", "ChargeClass", "ServiceProviderName", "x_EntryId"];
    assert_eq!(cells(&csv, 0, &names), ["test", r#"{"cost_tag":"spring"}"#, "", "Studio", "1"]);
    assert_eq!(cells(&csv, 2, &["Tags", "ResourceId"]), ["", ""]);
    let price = ["SkuId", "SkuMeter", "SkuPriceId", "ListUnitPrice", "ContractedUnitPrice"];
    let at = ["tiny/64x64/8", "Image generation", "tiny/64x64/8@0.000000006", "0.000000006", "0.000000006"];
    assert_eq!(cells(&csv, 0, &price), at);
    assert_eq!(csv.lines().count(), 5, "three images, and the depreciation that they were not charged");
    assert_eq!(focus(&book, "2026-09", &Calendar::UTC).lines().count(), 1, "a head without rows");
}

fn a_metered_image_names_its_card_and_so_does_what_takes_it_back() {
    let mut book = Book::new(None);
    let begun = book.ledger.begin_epoch("GPU-8f1e", EnergySource::Metered, Energy::from_millijoules(7), NOON);
    let mut metered = receipt();
    metered.usage =
        Usage { source: EnergySource::Metered, epoch: Some(begun.expect("begun").id), ..metered.usage };
    book.generate(book.filed(), NOON, &[metered, receipt()]);
    book.ledger
        .reverse(1, "a test", Some(&CorrectedAmounts::default()), "command line", NOON)
        .expect("reversed");
    let csv = focus(&book, "2026-11", &Calendar::UTC);
    let resource = |row| cells(&csv, row, &["ResourceId", "ResourceType", "ResourceName"]);
    for row in [0, 2, 3] {
        assert_eq!(resource(row), ["GPU-8f1e", "GPU", ""], "row {row}");
    }
    assert_eq!(resource(1), ["", "", ""], "an estimate knows no card");
}

fn billing_periods_are_the_zones_months_told_in_utc() {
    let book = two_months();
    let periods = ["BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"];
    let shanghai = Calendar::from(TimeZone::fixed(jiff::tz::offset(8)));
    let november = focus(&book, "2026-11", &shanghai);
    let month = ["2026-10-31T16:00:00Z", "2026-11-30T16:00:00Z"];
    assert_eq!(cells(&november, 0, &periods)[..2], month);
    assert_eq!(cells(&november, 0, &periods)[2..], ["2026-10-31T23:59:59Z", "2026-11-01T00:00:00Z"]);
    assert_eq!(november.lines().count(), 4);
}

fn what_corrects_an_earlier_month_is_a_correction_in_the_period_of_the_image() {
    let book = two_months();
    let amounts = CorrectedAmounts { electricity: Some(Money::from_nano(4)), ..CorrectedAmounts::default() };
    let now = at("2026-11-20T00:00:00Z");
    book.ledger.reverse(2, "the meter was wrong", Some(&amounts), "command line", now).expect("reversed");
    book.ledger.reverse(4, "a test", None, "command line", now).expect("reversed");
    let csv = focus(&book, "2026-11", &Calendar::UTC);
    let row = |row: usize| {
        let columns =
            ["ChargeClass", "EffectiveCost", "PricingQuantity", "x_CorrectedEntryId", "ChargePeriodEnd"];
        cells(&csv, row, &columns)
    };
    assert_eq!(row(1), ["Correction", "-0.000000012", "-1.0", "2", "2026-10-02T10:00:00Z"]);
    assert_eq!(row(2), ["Correction", "0.000000009", "1.0", "2", "2026-10-02T10:00:00Z"]);
    assert_eq!(row(3), ["", "-0.000000005", "-1.0", "4", "2026-11-01T00:00:01Z"], "its electricity stays");
    let described = cells(&csv, 2, &["ChargeDescription"]);
    assert_eq!(described, ["64x64 image, 8 steps, tiny; correction of entry 2: the meter was wrong"]);
}

fn failed_work_is_a_charge_without_an_image() {
    let mut book = Book::new(None);
    let failed = book.open_request(book.filed(), NOON);
    let work = failed_work(Money::from_nano(5));
    book.ledger
        .fail(failed, FailureReason::GenerationFailed, &spec(), Currency::CNY, &[work], NOON)
        .expect("failed");
    let csv = focus(&book, "2026-11", &Calendar::UTC);
    let columns = ["EffectiveCost", "PricingQuantity", "PricingUnit", "x_ComparatorSku", "x_ComparatorCost"];
    assert_eq!(cells(&csv, 0, &columns), ["0.000000005", "1.0", "Requests", "", ""]);
    assert!(cells(&csv, 0, &["ChargeDescription"])[0].contains("no image"));
}

/// A ledger with every kind of cost: images, one of them corrected and one taken back, failed work that was charged its
/// time, idle hours, warm-up and a gap, a part by time that was sold at a loss, one by units, and upkeep by the year.
fn a_month_of_everything() -> (Book, CostModel) {
    let mut book = two_months();
    let amounts = CorrectedAmounts { electricity: Some(Money::from_nano(4)), ..CorrectedAmounts::default() };
    let now = at("2026-11-20T00:00:00Z");
    book.ledger.reverse(2, "the meter was wrong", Some(&amounts), "command line", now).expect("reversed");
    book.ledger.reverse(4, "a test", None, "command line", now).expect("reversed");
    let failed = book.open_request(book.filed(), now);
    let mut work = failed_work(Money::from_nano(5));
    work.priced.cost.depreciation = Money::from_nano(7);
    book.ledger
        .fail(failed, FailureReason::GenerationFailed, &spec(), Currency::CNY, &[work], now)
        .expect("failed");
    for (kind, nano) in
        [(Overhead::Idle, 11), (Overhead::Idle, 2), (Overhead::WarmUp, 13), (Overhead::Gap, 17)]
    {
        let (usage, price) = (receipt().usage, electricity(receipt().wall_energy, Money::from_nano(nano)));
        book.ledger.book_overhead(kind, usage, &price, Currency::CNY, now).expect("booked");
    }
    let money = |text: &str| text.parse::<Money>().expect("an amount");
    let part = |life, on| Asset {
        name: "a part".into(),
        price: money("1000"),
        residual: money("100"),
        share_percent: 100,
        purchased_on: on,
        life,
        retirement: None,
    };
    let day = |day| jiff::civil::date(2026, 10, day);
    let by_time = Life::Time { years: 3, normal_utilisation_percent: 20 };
    for (life, on) in
        [(by_time, day(2)), (by_time, day(5)), (Life::Units { lifetime_images: 300, years: None }, day(7))]
    {
        book.ledger
            .add_asset(&part(life, on), &model_in(Currency::CNY), &Evidence::COMMAND_LINE, now)
            .expect("added");
    }
    let sold = Retirement { on: jiff::civil::date(2026, 11, 15), proceeds: money("400") };
    let first = book.ledger.assets().expect("parts")[0].id;
    assert!(
        book.ledger
            .retire_asset(first, sold, &model_in(Currency::CNY), &Evidence::COMMAND_LINE, now)
            .expect("retired")
    );
    let settings = CostSettings { upkeep_per_year: Some(money("300")), ..CostSettings::default() };
    let prices = PriceBook::built_in().expect("a price book");
    (book, CostModel::new(settings, prices, vec![]).expect("a cost model"))
}

fn a_file_adds_up_to_the_all_in_month() {
    let (book, costs) = a_month_of_everything();
    let calendar = Calendar::from(TimeZone::fixed(jiff::tz::offset(8)));
    // The last moment is in the middle of a month, which costs its days so far.
    for now in ["2027-01-02T00:00:00Z", "2026-11-22T12:00:00Z"].map(at) {
        let mut lines = std::collections::BTreeSet::new();
        for text in ["2026-09", "2026-10", "2026-11", "2026-12"] {
            let export = book.ledger.focus_export(&costs, month(text), &calendar, "Studio", now);
            let mut export = export.expect("an export");
            let csv: String =
                std::iter::from_fn(|| book.ledger.focus_rows(&mut export).expect("FOCUS")).collect();
            let rows = csv.lines().count() - 1;
            let all =
                ["BilledCost", "x_ElectricityCost", "x_DepreciationCost", "x_MaintenanceCost", "x_Line"];
            let rows: Vec<_> = (0..rows).map(|row| cells(&csv, row, &all)).collect();
            let sum = |column: usize| {
                let amounts = rows.iter().map(|row| row[column].parse::<Money>().expect("an amount"));
                amounts.fold(Money::ZERO, |sum, amount| sum.plus(amount).expect("in range"))
            };
            let report =
                book.ledger.month_report(&costs, month(text), &[], &calendar, now).expect("a report");
            let whole = report.whole.expect("a whole month");
            assert_eq!(sum(0), whole.fully_loaded_total, "{text}: {rows:?}");
            assert_eq!((sum(2), sum(3)), (whole.whole_depreciation, whole.whole_upkeep), "{text}");
            lines.extend(rows.iter().map(|row| row[4].clone()));
        }
        let every =
            ["disposal", "failed", "gap", "idle", "image", "unused depreciation", "unused upkeep", "warm-up"];
        assert_eq!(lines.into_iter().collect::<Vec<_>>(), every);
    }
}

fn two_installations_have_two_accounts_and_a_ledger_keeps_its_own() {
    let account = |book: &Book| cells(&focus(book, "2026-10", &Calendar::UTC), 0, &["BillingAccountId"]);
    let (one, other) = (two_months(), two_months());
    assert_ne!(account(&one), account(&other));
    let before = account(&one);
    assert!(before[0].starts_with("tintype-") && before[0].len() == 24, "{before:?}");
    for sql in ["UPDATE settings SET value = 'x' WHERE name = 'installation'", "DELETE FROM settings"] {
        assert!(one.sql(sql).is_err(), "{sql}");
    }
    assert_eq!(account(&one), before);
}

on_both!(
    a_report_in_groups_is_a_csv_file_that_no_spreadsheet_computes,
    an_image_is_a_usage_charge_of_its_standard_cost,
    a_metered_image_names_its_card_and_so_does_what_takes_it_back,
    billing_periods_are_the_zones_months_told_in_utc,
    what_corrects_an_earlier_month_is_a_correction_in_the_period_of_the_image,
    failed_work_is_a_charge_without_an_image,
    a_file_adds_up_to_the_all_in_month,
    two_installations_have_two_accounts_and_a_ledger_keeps_its_own,
);
