use jiff::{SignedDuration, civil::date};
use rand::{SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use super::*;
use crate::{
    costs::{Budgets, CostLine, CostModel, CostSettings, ExchangeRate, Life, PriceBook, Upkeep},
    domain::{ApiKey, Calendar, EnergySource, ImageSize, KeyId, Quality, RenderSpec, Scopes, Seed, Usage},
    ledger::{
        KeyRules, Month, MonthReport, NewKey, SettledImage, Settlement,
        tests::{assert_refused, empty_ledger, model_in, on_both::on_both, request},
    },
    units::{Currency, Energy, Millis, Money},
};

/// 2026-11-18 11:06:40 UTC.
const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);
const UTC: Calendar = Calendar::UTC;

struct Book {
    ledger: Ledger,
    key: KeyId,
    requests: u8,
    _directory: TempDir,
}

impl Book {
    fn new() -> Self {
        let (directory, ledger, _) = empty_ledger();
        let key = ApiKey::generate(&mut StdRng::seed_from_u64(1));
        let rules = KeyRules { scopes: Scopes::ALL, ..KeyRules::default() };
        let made = NOW - SignedDuration::from_hours(24 * 365);
        ledger.create_key(&NewKey { key: &key, name: "test", rules }, "first start", made).expect("a key");
        let key = ledger.authenticate(&key, NOW).expect("no error").expect("known").key;
        Self { ledger, key, requests: 0, _directory: directory }
    }

    fn add(&self, asset: &Asset) -> AssetId {
        self.ledger
            .add_asset(asset, &model_in(Currency::CNY), &Evidence::COMMAND_LINE, NOW)
            .expect("recorded")
    }

    /// Settles an image of 15 seconds at `now`, priced as the service prices it.
    fn generate(&mut self, costs: &CostModel, now: Timestamp) {
        self.requests += 1;
        let spec = RenderSpec::new("a cup of tea", ImageSize::square(64), 8);
        let budgets = Budgets::default();
        let request = request([self.requests; 10], self.key, &budgets, now);
        let reservation = self.ledger.reserve(&request).expect("reserved").into_new().expect("no repeat");
        let usage = Usage {
            duration: Millis::new(15_000),
            energy: Energy::from_millijoules(6_750_000),
            source: EnergySource::Estimated,
            epoch: None,
        };
        let costs = self.ledger.with_assets(costs).expect("assets");
        let comparison = costs.compare(spec.product(Quality::default()), date(2026, 11, 1));
        let receipt = costs.receipt(usage, comparison, UTC.to_datetime(now)).expect("a receipt");
        let images = [SettledImage { seed: Seed::new(1), receipt }];
        let done =
            Settlement { images: &images, failed: &[], prompt_tokens: 1, edit: None, computation: None };
        self.ledger.settle(reservation, &spec, Currency::CNY, &done, now).expect("settled");
    }

    /// November, as it stands at its end.
    fn november(&self, costs: &CostModel) -> MonthReport {
        self.report(costs, "2026-11".parse().expect("a month"), NOW + SignedDuration::from_hours(24 * 30))
    }

    fn report(&self, costs: &CostModel, month: Month, now: Timestamp) -> MonthReport {
        self.ledger.month_report(costs, month, &[], &UTC, now).expect("a report")
    }
}

fn yuan(amount: i64) -> Money {
    Money::from_nano(amount * 1_000_000_000)
}

fn costs() -> CostModel {
    let (from, to, effective_from) = (Currency::USD, Currency::CNY, date(2026, 1, 1));
    let rates = vec![ExchangeRate { from, to, rate: yuan(7), effective_from }];
    let prices = PriceBook::built_in().expect("a price book");
    CostModel::new(CostSettings::default(), prices, rates).expect("a cost model")
}

fn by_units() -> Asset {
    Asset {
        name: "workstation".into(),
        price: yuan(17_300),
        residual: yuan(7_000),
        share_percent: 100,
        purchased_on: date(2026, 11, 1),
        life: Life::Units { lifetime_images: 30_000, years: None },
        retirement: None,
    }
}

fn by_time() -> Asset {
    Asset { life: Life::Time { years: 3, normal_utilisation_percent: 20 }, share_percent: 50, ..by_units() }
}

fn an_asset_is_read_back_as_it_was_recorded() {
    let book = Book::new();
    let ids = [book.add(&by_units()), book.add(&by_time())];
    let rows = book.ledger.assets().expect("assets");
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
    assert_eq!(rows.into_iter().map(|row| row.asset).collect::<Vec<_>>(), [by_units(), by_time()]);
}

fn an_asset_is_retired_once() {
    let book = Book::new();
    let id = book.add(&by_units());
    let retirement = Retirement { on: date(2026, 11, 18), proceeds: yuan(9_000) };
    let retire = |id| {
        let costs = model_in(Currency::CNY);
        book.ledger.retire_asset(id, retirement, &costs, &Evidence::COMMAND_LINE, NOW)
    };
    assert!(!retire(AssetId::new(id.get() + 1)).expect("no error"), "there is no such asset");
    let early = Retirement { on: date(2026, 10, 31), ..retirement };
    assert!(
        book.ledger.retire_asset(id, early, &model_in(Currency::CNY), &Evidence::COMMAND_LINE, NOW).is_err(),
        "before its purchase"
    );
    assert!(retire(id).expect("no error"));
    assert!(!retire(id).expect("no error"), "it is retired already");
    assert_eq!(book.ledger.assets().expect("assets")[0].asset.retirement, Some(retirement));
}

fn assets_keep_the_ledgers_currency() {
    let book = Book::new();
    book.add(&by_units());
    let euros = book.ledger.add_asset(&by_time(), &model_in(Currency::EUR), &Evidence::COMMAND_LINE, NOW);
    assert!(matches!(euros, Err(LedgerError::Currency { .. })));
    assert!(matches!(book.ledger.check_currency(Currency::EUR), Err(LedgerError::Currency { .. })));
}

fn the_database_itself_refuses_to_rewrite_an_asset() {
    let book = Book::new();
    let (sold, kept) = (book.add(&by_units()), book.add(&by_time()));
    let retirement = Retirement { on: date(2026, 11, 18), proceeds: yuan(9_000) };
    assert!(
        book.ledger
            .retire_asset(sold, retirement, &model_in(Currency::CNY), &Evidence::COMMAND_LINE, NOW)
            .expect("no error")
    );
    let before = book.ledger.assets().expect("assets");
    for sql in [
        "UPDATE assets SET price_nano = 1".into(),
        "UPDATE assets SET name = 'other'".into(),
        "DELETE FROM assets".into(),
        format!("DELETE FROM assets WHERE id = {kept}"),
        "REPLACE INTO assets SELECT id, name, currency, 0, 0, share_percent, purchased_on, method, lifetime_images,
             life_years, normal_utilisation_percent, added_at_ms FROM assets"
            .into(),
        "UPDATE asset_retirements SET proceeds_nano = 0".into(),
        "DELETE FROM asset_retirements".into(),
        "REPLACE INTO asset_retirements SELECT asset_id, retired_on, 0, noted_at_ms FROM asset_retirements".into(),
        format!("INSERT INTO asset_retirements (asset_id, retired_on, proceeds_nano, noted_at_ms) VALUES ({sold}, '2026-11-19', 0, 0)"),
        format!("INSERT INTO asset_retirements (asset_id, retired_on, proceeds_nano, noted_at_ms) VALUES ({kept}, '2026-10-31', 0, 0)"),
        format!("INSERT INTO asset_retirements (asset_id, retired_on, proceeds_nano, noted_at_ms) VALUES ({kept}, 'soon', 0, 0)"),
        "INSERT INTO asset_retirements (asset_id, retired_on, proceeds_nano, noted_at_ms) VALUES (99, '2026-11-19', 0, 0)".into(),
    ] {
        assert_refused(&book.ledger, &sql);
    }
    assert_eq!(book.ledger.assets().expect("assets"), before);
}

fn a_part_that_cannot_be_is_refused_by_the_database_too() {
    let book = Book::new();
    for asset in [
        Asset { name: String::new(), ..by_units() },
        Asset { residual: yuan(20_000), ..by_units() },
        Asset { share_percent: 0, ..by_units() },
        Asset { share_percent: 101, ..by_units() },
        Asset { life: Life::Units { lifetime_images: 0, years: None }, ..by_units() },
        Asset { life: Life::Time { years: 0, normal_utilisation_percent: 20 }, ..by_units() },
        Asset { life: Life::Time { years: 3, normal_utilisation_percent: 0 }, ..by_units() },
    ] {
        assert!(asset.check().is_err(), "{asset:?}");
        assert!(
            book.ledger.add_asset(&asset, &model_in(Currency::CNY), &Evidence::COMMAND_LINE, NOW).is_err(),
            "{asset:?}"
        );
    }
    assert!(by_units().check().is_ok() && by_time().check().is_ok());
}

fn a_month_closes_over_parts_that_are_bought_and_sold_in_it() {
    let mut book = Book::new();
    let day = |number| {
        date(2026, 11, number).at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).expect("a day").timestamp()
    };
    book.generate(&costs(), day(5));
    let whole = book.november(&costs()).whole.expect("a whole month");
    let unused = (whole.unused_depreciation, whole.unused_upkeep);
    assert_eq!(unused, (Money::ZERO, Money::ZERO), "the configured hardware is by units");
    let id = book.add(&Asset { purchased_on: date(2026, 11, 10), ..by_units() });
    book.add(&Asset { purchased_on: date(2026, 11, 10), ..by_time() });
    for number in [10, 12, 17] {
        book.generate(&costs(), day(number));
    }
    let retirement = Retirement { on: date(2026, 11, 18), proceeds: yuan(17_000) };
    assert!(
        book.ledger
            .retire_asset(id, retirement, &model_in(Currency::CNY), &Evidence::COMMAND_LINE, NOW)
            .expect("no error")
    );
    book.generate(&costs(), day(20));
    let report = book.november(&costs());
    let whole = report.whole.expect("a whole month");
    // One image of the configured hardware, three of the part by units, four of the part by time.
    assert_eq!(report.figures.cost.depreciation.to_string(), "1.38966388".to_owned());
    // By units the same; by time 10,300 · 50 % · 21 / 1095.
    let by_units = yuan(0).plus("1.373333336".parse().expect("an amount"));
    let by_time = "98.767123288".parse::<Money>().expect("an amount");
    assert_eq!(Ok(whole.whole_depreciation), by_units.and_then(|sum| sum.plus(by_time)));
    let sum = report.figures.cost.depreciation.plus(whole.unused_depreciation);
    assert_eq!(sum, Ok(whole.whole_depreciation));
    // 17,000 − (17,300 − 3 · 0.343333334)
    assert_eq!(whole.disposal_gain.to_string(), "-298.969999998");
}

fn a_month_that_is_not_over_costs_the_days_that_have_begun() {
    let book = Book::new();
    book.add(&by_time());
    let month: Month = "2026-11".parse().expect("a month");
    let cost =
        |month, now| book.report(&costs(), month, now).whole.expect("a whole month").whole_depreciation;
    // 10,300 · 50 % · 18 / 1095
    assert_eq!(cost(month, NOW).to_string(), "84.657534247");
    assert_eq!(cost(month.next(), NOW), Money::ZERO);
    assert_eq!(cost(month.previous(), NOW), Money::ZERO, "it was not bought yet");
}

fn the_plug_counts_every_entry_of_its_span() {
    let mut book = Book::new();
    book.generate(&costs(), NOW);
    book.generate(&costs(), NOW);
    let minute = SignedDuration::from_mins(1);
    let totals = book.ledger.plug_totals(NOW, NOW + minute).expect("totals");
    assert_eq!(totals.energy, Energy::from_millijoules(13_500_000));
    assert_eq!(totals.duration, Millis::new(30_000));
    assert_eq!(book.ledger.plug_totals(NOW - minute, NOW).expect("totals").wall_energy, Energy::default());
}

fn what_the_books_could_not_add_up_is_not_recorded() {
    let book = Book::new();
    let costs = model_in(Currency::CNY);
    let large = Asset { price: yuan(5_000_000_000), residual: Money::ZERO, ..by_units() };
    book.add(&large);
    let refused = book.ledger.add_asset(&large, &costs, &Evidence::COMMAND_LINE, NOW);
    assert!(matches!(refused, Err(LedgerError::Range(_))), "{refused:?}");
    let upkeep = Upkeep::PerMonth { amount: yuan(90_000_000), normal_utilisation_percent: 20 };
    let line = CostLine { name: "rent".into(), ..CostLine::configured(upkeep) };
    let refused = book.ledger.add_cost_line(&line, &costs, &Evidence::COMMAND_LINE, NOW);
    assert!(matches!(refused, Err(LedgerError::Range(_))), "{refused:?}");
    assert_eq!(book.ledger.assets().expect("assets").len(), 1);
    assert!(book.ledger.cost_lines().expect("lines").iter().all(|row| row.line.name != "rent"));
}

on_both!(
    an_asset_is_read_back_as_it_was_recorded,
    what_the_books_could_not_add_up_is_not_recorded,
    an_asset_is_retired_once,
    assets_keep_the_ledgers_currency,
    a_part_that_cannot_be_is_refused_by_the_database_too,
    a_month_closes_over_parts_that_are_bought_and_sold_in_it,
    a_month_that_is_not_over_costs_the_days_that_have_begun,
    the_plug_counts_every_entry_of_its_span,
    the_database_itself_refuses_to_rewrite_an_asset,
);
