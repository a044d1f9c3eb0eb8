//! Random ledgers, and a program in another language that works every figure of them out again (tests/checker).

use std::{fmt::Write as _, path::Path, process::Command};

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, date},
    tz::TimeZone,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tempfile::TempDir;
use tintype::{
    config::Config,
    costs::{
        Asset, Breakdown, CarbonRate, Comparison, CostLine, CostModel, DaySpan, Filed, Invoice, Life,
        MixRule, Receipt, Retirement, Share, TariffRow, Term, Upkeep, Vat,
    },
    domain::{
        Calendar, EnergySource, FailureReason, ImageSize, Overhead, Product, Quality, RenderSpec, Seed, Usage,
    },
    ledger::{
        AssignError, CloseError, Closer, CorrectedAmounts, Evidence, FailedWork, GroupBy, Member, Month,
        SettledImage, Settlement, Year,
    },
    units::{Currency, Energy, Millis, Money, Power},
};

use crate::{
    books::{Books, spec},
    script,
};

/// In days and months of each zone; all of them change their clocks, or are off by half an hour.
const ZONES: [&str; 4] = ["Asia/Kolkata", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"];
const YEAR: i16 = 2026;

/// What happens to a ledger, by chance.
struct Chance {
    books: Books,
    costs: CostModel,
    calendar: Calendar,
    random: StdRng,
    file: rusqlite::Connection,
    /// Entries that nothing has taken back, and whether they have a price elsewhere.
    standing: Vec<(i64, bool)>,
}

impl Chance {
    fn one_in(&mut self, chances: u32) -> bool {
        self.random.random_range(0..chances) == 0
    }

    fn money(&mut self, most: i64) -> Money {
        Money::from_nano(self.random.random_range(0..=most))
    }

    fn breakdown(&mut self) -> Breakdown {
        Breakdown {
            electricity: self.money(9_000_000),
            depreciation: self.money(900_000_000),
            upkeep: self.money(90_000_000),
        }
    }

    fn usage(&mut self) -> Usage {
        let energy = Energy::from_millijoules(self.random.random_range(1..20_000_000));
        let duration = Millis::new(self.random.random_range(1..60_000));
        Usage { duration, energy, source: EnergySource::Estimated, epoch: None }
    }

    /// Half of them priced with what is recorded, which is stored with them; the others at any price.
    fn receipt(&mut self, size: ImageSize, tag: Option<&str>, at: Timestamp) -> Receipt {
        let usage = self.usage();
        if self.one_in(2) {
            let at = self.calendar.to_datetime(at);
            let costs = self.books.ledger.with_assets(&self.costs).expect("a model");
            let key = self.books.ledger.keys().expect("keys")[0].public_id.clone();
            let filed = Filed { key: &key, tag };
            let comparison = (!self.one_in(6))
                .then(|| costs.compare_filed(Product::generated(size, Quality::Medium), filed, at.date()));
            let mut receipts = costs.receipts([usage], comparison.flatten().as_ref(), at).expect("a receipt");
            return receipts.remove(0);
        }
        let price = self.money(80_000_000_000);
        let rate = Money::from_nano(7_000_000_000);
        let comparison =
            Comparison { sku: "fal/z-image-turbo".into(), price, exchange_rate: rate, rate: None };
        Receipt {
            usage,
            wall_energy: usage.energy.scale_percent_ceil(113),
            cost: self.breakdown(),
            comparison: (!self.one_in(6)).then_some(comparison),
            rates: None,
        }
    }

    /// Images of one request, some delivered, or failed work.
    fn request(&mut self, at: Timestamp) {
        let tag = [None, Some("spring"), Some("秋"), Some("=1+1")][self.random.random_range(0..4)];
        let reservation = self.books.open_request(at, tag);
        let id = reservation.id();
        let sides = [512, 768, 1024];
        let size = ImageSize::square(sides[self.random.random_range(0..3)]);
        let spec = RenderSpec { size, ..spec() };
        if self.one_in(8) {
            let work = self.failed_work(at);
            self.books
                .ledger
                .fail(reservation, FailureReason::GenerationFailed, &spec, Currency::CNY, &[work], at)
                .expect("failed");
            return;
        }
        let receipt = self.receipt(size, tag, at);
        let has_price = receipt.comparison.is_some();
        let images = [SettledImage { seed: Seed::new(1), receipt }];
        let done =
            Settlement { images: &images, failed: &[], prompt_tokens: 1, edit: None, computation: None };
        self.books.ledger.settle(reservation, &spec, Currency::CNY, &done, at).expect("settled");
        if !self.one_in(5) {
            self.books.ledger.note_delivery(id, at).expect("noted");
        }
        let entry = self.file.query_row("SELECT max(id) FROM entries", [], |row| row.get(0));
        self.standing.push((entry.expect("an entry"), has_price));
    }

    /// Some of an image's steps, priced with what is recorded.
    fn failed_work(&mut self, at: Timestamp) -> FailedWork {
        let share = Share { steps_done: self.random.random_range(0..=8), steps: 8 };
        let costs = self.books.ledger.with_assets(&self.costs).expect("a model");
        let usage = self.usage();
        let priced = costs.failed_work(usage, share, self.calendar.to_datetime(at)).expect("priced");
        FailedWork { index: 0, seed: Seed::new(1), usage, priced, share, images_shown: 0 }
    }

    /// An entry is taken back, with or without another in its place.
    fn reverse(&mut self, at: Timestamp) {
        if self.standing.is_empty() {
            return;
        }
        let place = self.random.random_range(0..self.standing.len());
        let (entry, has_price) = self.standing.swap_remove(place);
        let Breakdown { electricity, upkeep, .. } = self.breakdown();
        let compared = (has_price && self.one_in(2)).then(|| self.money(90_000_000));
        let amounts = CorrectedAmounts {
            electricity: Some(electricity),
            depreciation: None,
            upkeep: Some(upkeep),
            compared,
        };
        let amounts = (!self.one_in(3)).then_some(amounts);
        let reversal = self.books.ledger.reverse(entry, "by chance", amounts.as_ref(), "test", at);
        let reversal = reversal.expect("reversed");
        self.standing.extend(reversal.correction.map(|correction| (correction, has_price)));
    }

    fn overhead(&mut self, at: Timestamp) {
        let kind = [Overhead::Idle, Overhead::WarmUp, Overhead::Gap][self.random.random_range(0..3)];
        let (usage, civil) = (self.usage(), self.calendar.to_datetime(at));
        let costs = self.books.ledger.with_assets(&self.costs).expect("a model");
        let priced = match kind {
            Overhead::WarmUp => costs.wasted(usage, civil),
            Overhead::Idle | Overhead::Gap => costs.idle(usage, civil),
        };
        let priced = priced.expect("priced");
        self.books.ledger.book_overhead(kind, usage, &priced, Currency::CNY, at).expect("booked");
    }

    /// How half of all amounts are invoiced: in another currency, with a tax of which it is a part or not.
    fn invoice(&mut self, amount: Money) -> Option<Invoice> {
        let rate = ["19", "7.7", "13"][self.random.random_range(0..3)].parse().expect("a rate");
        let vat = Vat { rate, is_included: self.one_in(2), is_deducted: self.one_in(2) };
        let vat = (!self.one_in(3)).then_some(vat);
        let exchange_rate = Money::from_nano(self.random.random_range(1..=9_000_000_000));
        let invoice = Invoice { amount, currency: Currency::EUR, exchange_rate, vat };
        self.one_in(2).then_some(invoice)
    }

    /// A part, sold again some weeks later or kept.
    fn part(&mut self, at: Timestamp) {
        let stated = self.money(20_000_000_000_000);
        let invoice = self.invoice(stated);
        let price = invoice.map_or(Ok(stated), |invoice| invoice.cost()).expect("in range");
        let percent = self.random.random_range(1..=100);
        let years = self.one_in(2).then(|| self.random.random_range(1..=3));
        let life = if self.one_in(2) {
            Life::Units { lifetime_images: self.random.random_range(1..400), years }
        } else {
            Life::Time { years: self.random.random_range(1..=5), normal_utilisation_percent: percent }
        };
        let bought = self.first_day(at);
        let part = Asset {
            name: "a part".into(),
            price,
            residual: price.share_floor(u64::from(percent), 101).expect("in range"),
            share_percent: self.random.random_range(1..=100),
            purchased_on: bought,
            life,
            retirement: None,
        };
        let evidence = Evidence { invoice: invoice.as_ref(), ..Evidence::COMMAND_LINE };
        let id = self.books.ledger.add_asset(&part, &self.costs, &evidence, at).expect("added");
        if self.one_in(2) {
            let on = bought.checked_add(self.random.random_range(0..60).days()).expect("a day");
            let sold = Retirement { on, proceeds: self.money(9_000_000_000_000) };
            assert!(self.books.ledger.retire_asset(id, sold, &self.costs, &evidence, at).expect("retired"));
        }
    }

    /// A line of upkeep, ended some weeks later or not.
    fn line(&mut self, at: Timestamp) {
        let stated = self.money(900_000_000_000);
        let invoice = self.invoice(stated);
        let amount = invoice.map_or(Ok(stated), |invoice| invoice.cost()).expect("in range");
        let normal_utilisation_percent = self.random.random_range(1..=100);
        let upkeep = match self.random.random_range(0..5) {
            0 => Upkeep::PerImage(amount),
            1 => Upkeep::Once(amount),
            2 => Upkeep::PerHour {
                amount: amount.share_floor(1, 300).expect("in range"),
                hours_a_day: self.random.random_range(1..=24),
                minimum_hours: self.random.random_range(0..=744),
                normal_utilisation_percent,
            },
            3 => Upkeep::PerMonth { amount, normal_utilisation_percent },
            _ => Upkeep::PerYear { amount, normal_utilisation_percent },
        };
        let first = self.first_day(at);
        let line =
            CostLine { name: "a line".into(), upkeep, days: DaySpan { first, end: date(9999, 12, 31) } };
        // A rent by the hour is a part of the amount, which is no longer what was invoiced.
        let invoice = invoice.filter(|_| !matches!(upkeep, Upkeep::PerHour { .. }));
        let is_over = matches!(upkeep, Upkeep::Once(_));
        let evidence = Evidence { invoice: invoice.as_ref(), ..Evidence::COMMAND_LINE };
        let id = self.books.ledger.add_cost_line(&line, &self.costs, &evidence, at).expect("added");
        if !is_over && self.one_in(2) {
            let on = first.checked_add(self.random.random_range(0..60).days()).expect("a day");
            let ended = self.books.ledger.end_cost_line(id, on, &self.costs, &evidence, at);
            assert!(ended.expect("ended"));
        }
    }

    /// Of what is recorded at `at`: that day, or one some weeks before.
    fn first_day(&mut self, at: Timestamp) -> Date {
        let days = if self.one_in(2) { self.random.random_range(0..60) } else { 0 };
        at.to_zoned(TimeZone::UTC).date().checked_sub(days.days()).expect("a day")
    }

    /// All months that have ended are closed, those apart that are.
    fn close(&mut self, at: Timestamp) {
        let closer =
            Closer { costs: &self.costs, calendar: &self.calendar, operator: "Studio", actor: "test" };
        let (year, this) = (YEAR.to_string().parse::<Year>().expect("a year"), Month::of(at, &self.calendar));
        for month in year.months().filter(|month| *month < this) {
            match self.books.ledger.close_month(month, &closer, at) {
                Ok(_) | Err(CloseError::Closed { .. }) => {}
                Err(error) => panic!("{month}: {error}"),
            }
        }
    }

    /// A key or a tag moves to a cost centre, or to none.
    fn assign(&mut self, at: Timestamp) {
        let key = self.books.ledger.keys().expect("keys")[0].public_id.clone();
        let members = [Member::Key(key), Member::Tag("spring".into()), Member::Tag("=1+1".into())];
        let member = &members[self.random.random_range(0..members.len())];
        let centre = [None, Some("Studio A"), Some("Studio B")][self.random.random_range(0..3)];
        let from = self.first_day(at);
        match self.books.ledger.assign(member, centre, from, &Evidence::COMMAND_LINE, at) {
            Ok(()) | Err(AssignError::Closed(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Another rule, or another mark-up.
    fn charging(&mut self, at: Timestamp) {
        let rules = ["device-time", "standard-cost", "images", "equally", "nobody"];
        let term = if self.one_in(2) {
            Term::SharedBy(rules[self.random.random_range(0..rules.len())].parse().expect("a rule"))
        } else {
            Term::MarkUpPercent(self.random.random_range(0..40))
        };
        assert!(self.books.ledger.record_term(&term, at, &Evidence::COMMAND_LINE, at).expect("recorded"));
    }

    /// Another carbon factor of the grid.
    fn carbon(&mut self, at: Timestamp) {
        let grams = format!("{}.{}", self.random.random_range(0..900), self.random.random_range(0..10));
        let (grams_per_kwh, source) = (grams.parse().expect("an intensity"), "a grid".to_owned());
        let term = Term::Carbon(CarbonRate { grams_per_kwh, source });
        assert!(self.books.ledger.record_term(&term, at, &Evidence::COMMAND_LINE, at).expect("recorded"));
    }

    /// A moment of a day: one in six is soon after an edge of the tariff or of the day, so that work runs over it.
    fn moment(&mut self, midnight: Timestamp) -> i64 {
        if !self.one_in(6) {
            return self.random.random_range(0..86_400_000);
        }
        let hour: i64 = [6, 22, 24][self.random.random_range(0..3)];
        let today = self.calendar.to_datetime(midnight).date();
        let edge = self.calendar.start_of(today) + hour.hours();
        let until_edge = edge.duration_since(midnight).as_millis().rem_euclid(86_400_000);
        let after = self.random.random_range(0..40_000);
        i64::try_from(until_edge).expect("within a day").saturating_add(after).min(86_399_999)
    }

    fn day(&mut self, midnight: Timestamp) {
        let mut moments: Vec<i64> = (0..4).map(|_| self.moment(midnight)).collect();
        moments.sort_unstable();
        moments.dedup();
        for millis in moments {
            let at = midnight + millis.milliseconds();
            match self.random.random_range(0..40) {
                0..=21 => self.request(at),
                22..=24 => self.reverse(at),
                25..=27 => self.overhead(at),
                28 => self.part(at),
                29 => self.line(at),
                30 if self.one_in(4) => self.close(at),
                31 => self.assign(at),
                32 => self.charging(at),
                33 => self.carbon(at),
                _ => {}
            }
        }
    }
}

/// What a machine takes and pays: by the hour or not, with upkeep by the image or by the year.
fn config_by_chance(random: &mut StdRng) -> Config {
    let mut config = Config::default();
    let costs = &mut config.costs;
    if random.random_range(0..2) == 0 {
        costs.upkeep_per_year = Some(Money::from_nano(random.random_range(0..=900_000_000_000)));
    }
    costs.host_watts = Power::from_watts(random.random_range(0..120));
    costs.wall_factor_percent = random.random_range(100..130);
    let mut row = |hours: Option<&str>| TariffRow {
        effective_from: date(YEAR, 2, 11),
        price_per_kwh: Money::from_nano(random.random_range(-200_000_000..2_000_000_000)),
        hours: hours.map(|hours| hours.parse().expect("hours")),
        months: None,
        weekdays: None,
    };
    costs.tariff = vec![row(None), row(Some("22:00-06:00"))];
    let rule = |sku: &str, discount_percent| MixRule {
        sku: sku.into(),
        tags: None,
        keys: None,
        sizes: None,
        qualities: None,
        discount_percent,
    };
    costs.mix = vec![
        MixRule {
            tags: Some(vec!["spring".into()]),
            ..rule("venice/z-image-turbo", random.random_range(0..40))
        },
        MixRule { sizes: Some(vec![ImageSize::square(512)]), ..rule("fal/z-image-turbo", 7) },
    ];
    config
}

/// A ledger of half a year in `place`, with what Tintype says of it.
fn ledger_by_chance(place: &Path, seed: u64) {
    let books = Books::open(place);
    let zone = ZONES[usize::try_from(seed).expect("a seed") % ZONES.len()];
    let file = rusqlite::Connection::open(place.join("data/ledger.sqlite3")).expect("the ledger");
    let begun: Timestamp = "2026-01-03T05:00:00Z".parse().expect("a time");
    let mut random = StdRng::seed_from_u64(seed);
    let config = config_by_chance(&mut random);
    let costs = config.cost_model(date(YEAR, 1, 3)).expect("a cost model");
    let tz = TimeZone::get(zone).expect("a zone");
    books.ledger.keep_zone(&tz, begun).expect("kept");
    let terms = config.terms().expect("terms");
    books.ledger.record_configured(&terms, &tz.clone().into(), begun).expect("recorded");
    for name in ["Studio A", "Studio B"] {
        assert!(books.ledger.add_centre(name, &Evidence::COMMAND_LINE, begun).expect("made"));
    }
    let mut chance = Chance { books, costs, calendar: tz.into(), random, file, standing: Vec::new() };
    let (upkeep, today) = (config.costs.upkeep(), date(YEAR, 1, 3));
    let ledger = &chance.books.ledger;
    ledger.record_configured_upkeep(upkeep, Currency::CNY, today, begun).expect("recorded");
    // Up to some hours before `now`: nothing is recorded later than it is reported.
    for day in 0..198 {
        chance.day(begun + (day * 24).hours());
    }
    let now: Timestamp = "2026-07-20T12:00:00Z".parse().expect("a time");
    say(place, &chance.books, &config, zone, now);
}

/// Writes what Tintype says: said.json, and a FOCUS file of each month.
fn say(place: &Path, books: &Books, config: &Config, name: &str, now: Timestamp) {
    let calendar = Calendar::from(TimeZone::get(name).expect("a zone"));
    let costs = config.cost_model(calendar.to_datetime(now).date()).expect("a cost model");
    let year: Year = YEAR.to_string().parse().expect("a year");
    let mut months = String::new();
    for month in year.months() {
        let report =
            books.ledger.month_report(&costs, month, &GroupBy::ALL, &calendar, now).expect("a report");
        let charges = books.ledger.charges(&costs, month, &calendar, now).expect("charges");
        let jsons = [
            serde_json::to_string(&report.groups),
            serde_json::to_string(&report),
            serde_json::to_string(&charges),
        ];
        let [groups, report, charges] = jsons.map(|json| json.expect("JSON"));
        let comma = if months.is_empty() { "" } else { "," };
        write!(months, "{comma}{{\"report\":{report},\"groups\":{groups},\"charges\":{charges}}}")
            .expect("a text");
        let export = books.ledger.focus_export(&costs, month, &calendar, "Studio", now);
        let mut export = export.expect("an export");
        let rows = std::iter::from_fn(|| books.ledger.focus_rows(&mut export).expect("FOCUS"));
        std::fs::write(place.join(format!("focus-{month}.csv")), rows.collect::<String>()).expect("a file");
    }
    let year = books.ledger.year_report(&costs, year, &calendar, now).expect("a report");
    let year = serde_json::to_string(&year).expect("JSON");
    let now = now.as_millisecond();
    let mix = serde_json::to_string(&config.costs.mix).expect("JSON");
    let compare_with = &config.costs.compare_with;
    let said = format!(
        r#"{{"zone":"{name}","now_ms":{now},"mix":{mix},"compare_with":"{compare_with}","months":[{months}],"year":{year}}}"#
    );
    std::fs::write(place.join("said.json"), said).expect("a file");
}

/// What the checker printed of the ledger in `place`; an error if a figure is wrong.
fn check(place: &Path) -> Result<String, String> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checker/check.py");
    script::run(Command::new("python3").env("PYTHONDONTWRITEBYTECODE", "1").arg(program).arg(place))
}

#[test]
fn every_figure_of_random_ledgers_is_what_another_program_works_out() {
    if let Err(reason) = script::run(Command::new("python3").arg("--version")) {
        return crate::skip::skip_or_fail("python3", &reason);
    }
    let mut figures = 0;
    for seed in 0..4 {
        let place = TempDir::new().expect("a directory");
        ledger_by_chance(place.path(), seed);
        let printed = check(place.path()).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        println!("seed {seed}: {printed}");
        let count = printed.split_whitespace().next().and_then(|count| count.parse::<usize>().ok());
        figures += count.expect("a count");
    }
    assert!(figures >= 20_000, "{figures} figures");
}

#[test]
fn the_checker_sees_a_figure_that_is_wrong_by_a_nano_unit() {
    if let Err(reason) = script::run(Command::new("python3").arg("--version")) {
        return crate::skip::skip_or_fail("python3", &reason);
    }
    let place = TempDir::new().expect("a directory");
    ledger_by_chance(place.path(), 1);
    let file = rusqlite::Connection::open(place.path().join("data/ledger.sqlite3")).expect("the ledger");
    file.execute_batch(
        "DROP TRIGGER overheads_are_never_rewritten;
         UPDATE overheads SET electricity_nano = electricity_nano + 1 WHERE id = 1;",
    )
    .expect("altered");
    let wrong = check(place.path()).expect_err("a figure is wrong");
    assert!(wrong.contains("overhead_electricity") && wrong.contains("fully_loaded_total"), "{wrong}");
}
