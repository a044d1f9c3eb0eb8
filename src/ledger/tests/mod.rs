//! The ledger's tests. Each runs with a ledger in a file and with one in PostgreSQL (`sqlite::name`, `postgres::name`), but for
//! those that have only one: what a file of an earlier version becomes (PostgreSQL's ledger begins with a later one), SQLite's
//! plans, a cluster's queue, and what only one database has.

#[macro_use]
pub(super) mod on_both;

mod audit;
mod batches;
mod budgets;
mod charges;
mod closings;
mod comparisons;
mod computations;
mod cost_lines;
mod databases;
mod edits;
mod exports;
mod files;
mod forget;
mod kept_prompts;
mod late;
mod months;
mod nodes;
mod plans;
mod property;
mod purchases;
mod queue;
mod ranges;
mod recent_use;
mod requests;
mod statements;
mod tampering;
mod terms;
mod webhooks;

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};
use proptest::{
    prelude::*,
    test_runner::{TestCaseResult, TestRunner},
};
use rand::{SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use super::{store::testing, *};
use crate::{
    costs::{
        Breakdown, Budget, BudgetAmount, BudgetLimit, BudgetPeriod, Budgets, Comparison, CostModel,
        CostSettings, PriceBook, PricedWork, Receipt, Share,
    },
    domain::{
        ApiKey, Calendar, Computation, EditRecord, EnergySource, FailureReason, ImageSize, KeyId, Quality,
        RenderSpec, RequestId, Scopes, Seed, Usage,
    },
    units::{Currency, Energy, EnergyBalance, Millis, Money},
};

const NOON: Timestamp = Timestamp::constant(1_795_000_000, 0);

/// A hard budget of so many billionths a month.
fn money_a_month(nano: Option<i64>) -> Budgets {
    let budgets = nano.map(|nano| Budget {
        amount: BudgetAmount::Money(Money::from_nano(nano)),
        period: BudgetPeriod::Month,
        limit: BudgetLimit::Hard,
    });
    Budgets::try_from(Vec::from_iter(budgets)).expect("one budget")
}

/// What a test's ledger is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    /// A file.
    Sqlite,
    /// A database of a server that the tests start.
    Postgres,
}

thread_local! {
    static BACKEND: Cell<Backend> = const { Cell::new(Backend::Sqlite) };
}

/// Runs `test` with ledgers of `backend`. Without PostgreSQL its tests say so and pass, unless it is required.
pub(super) fn on(backend: Backend, test: fn()) {
    if backend == Backend::Sqlite || store::postgres_testing::is_there() {
        BACKEND.set(backend);
        test();
    }
}

/// An empty ledger of the backend that the test runs on, and the directory that it is in if it is a file's.
pub(super) fn empty_ledger() -> (TempDir, Ledger, LedgerPlace) {
    let directory = TempDir::new().expect("a directory");
    let place = match BACKEND.get() {
        Backend::Sqlite => LedgerPlace::File(directory.path().join("ledger.sqlite3")),
        Backend::Postgres => LedgerPlace::Postgres(store::postgres_testing::database()),
    };
    let ledger = Ledger::open_at(&place).expect("a ledger");
    (directory, ledger, place)
}

/// `sql`, with bytes as SQLite writes them, as the database of `store` takes it.
pub(super) fn sql_for(store: &store::Store, sql: &str) -> String {
    if store.has_queue() {
        sql.replace("zeroblob(32)", "decode(repeat('00', 32), 'hex')").replace(" x'", " '\\x")
    } else {
        sql.to_owned()
    }
}

/// Asserts that the database itself refuses `sql`, which it understands. Only SQLite has REPLACE.
pub(super) fn assert_refused(ledger: &Ledger, sql: &str) {
    if sql.starts_with("REPLACE") && ledger.store.has_queue() {
        return;
    }
    let said = ledger.sql(sql).expect_err(sql).to_string();
    let is_understood = ["syntax error", "does not exist", "no such"].iter().all(|word| !said.contains(word));
    assert!(is_understood, "{sql}: {said}");
}

/// Asserts what `holds` of random histories, `cases` of them in a file; of fewer in a database, which each has to itself.
fn on_histories<S: Strategy>(cases: u32, histories: &S, holds: impl Fn(S::Value) -> TestCaseResult) {
    let cases = if BACKEND.get() == Backend::Sqlite { cases } else { cases / 6 };
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config).run(histories, holds).unwrap_or_else(|error| panic!("{error}"));
}

struct Book {
    ledger: Ledger,
    key: KeyId,
    directory: TempDir,
    requests: u8,
    place: LedgerPlace,
}

impl Book {
    fn new(budget: Option<i64>) -> Self {
        Self::begun_at(budget, NOON)
    }

    fn begun_at(budget: Option<i64>, now: Timestamp) -> Self {
        let (directory, ledger, place) = empty_ledger();
        let key = ApiKey::generate(&mut StdRng::seed_from_u64(1));
        let rules = KeyRules { scopes: Scopes::ALL, budgets: money_a_month(budget), ..KeyRules::default() };
        ledger.create_key(&NewKey { key: &key, name: "test", rules }, "first start", now).expect("a key");
        let caller = ledger.authenticate(&key, now).expect("no error").expect("known");
        Self { ledger, key: caller.key, directory, requests: 0, place }
    }

    fn reserve(
        &mut self,
        estimate: i64,
        idempotency_key: Option<&str>,
        body: u8,
    ) -> Result<Reservation, ReserveError> {
        let reserved = self.reserve_or_repeat(estimate, idempotency_key, body);
        reserved.map(|reserved| reserved.into_new().expect("no repeat"))
    }

    fn reserve_or_repeat(
        &mut self,
        estimate: i64,
        idempotency_key: Option<&str>,
        body: u8,
    ) -> Result<Reserved, ReserveError> {
        self.requests += 1;
        let budgets = Budgets::default();
        self.ledger.reserve(&NewRequest {
            idempotency_key,
            body_sha256: [body; 32],
            estimate: Money::from_nano(estimate),
            ..request([self.requests; 10], self.key, &budgets, NOON)
        })
    }

    fn totals(&self) -> MonthTotals {
        let hour = SignedDuration::from_hours(1);
        self.ledger.totals(NOON - hour, NOON + hour).expect("totals")
    }

    fn settle(&self, reservation: Reservation, images: &[&Receipt]) -> Result<(), Unbooked> {
        let images: Vec<_> = images
            .iter()
            .map(|receipt| SettledImage { seed: Seed::new(1), receipt: (*receipt).clone() })
            .collect();
        let done =
            Settlement { images: &images, failed: &[], prompt_tokens: 12, edit: None, computation: None };
        self.ledger.settle(reservation, &spec(), Currency::CNY, &done, NOON)
    }

    /// A settled request of one image that was made in this way.
    fn settled(&mut self, edit: Option<EditRecord>, computation: Option<&Computation>) -> RequestId {
        let reservation = self.reserve(20, None, 0).expect("reserved");
        let id = reservation.id();
        let images = [SettledImage { seed: Seed::new(1), receipt: receipt() }];
        let done = Settlement { images: &images, failed: &[], prompt_tokens: 12, edit, computation };
        self.ledger.settle(reservation, &spec(), Currency::CNY, &done, NOON).expect("settled");
        id
    }

    fn sql(&self, sql: &str) -> Result<usize, LedgerError> {
        self.ledger.sql(sql)
    }

    fn file(&self) -> std::path::PathBuf {
        self.directory.path().join("ledger.sqlite3")
    }
}

/// A ledger with key 1 from before the migration that says `sql`, brought up to date.
fn ledger_from_before(sql: &str) -> (TempDir, Ledger) {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("ledger.sqlite3");
    let key =
        "INSERT INTO keys (id, public_id, name, secret_sha256, scope_images, scope_admin, created_at_ms)
               VALUES (1, 'abc', 'studio', zeroblob(32), 1, 0, 5)";
    testing::make_earlier(&file, testing::steps_before(sql), key, &[]);
    let ledger = Ledger::open(&file).expect("brought up to date");
    (directory, ledger)
}

/// The example's costs in `currency`.
pub(super) fn model_in(currency: Currency) -> CostModel {
    let settings = CostSettings { currency, ..CostSettings::default() };
    CostModel::new(settings, PriceBook::built_in().expect("a book"), Vec::new()).expect("a model")
}

impl Ledger {
    /// Closes `month` with the example's costs.
    pub(super) fn close_example(
        &self,
        month: Month,
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<Closing, CloseError> {
        let costs = model_in(Currency::CNY);
        let closer = Closer { costs: &costs, calendar, operator: "Tintype", actor: "command line" };
        self.close_month(month, &closer, now)
    }
}

/// A request for one image at `now`, which is expected to cost nothing. `random` makes its id.
pub(super) fn request<'a>(
    random: [u8; 10],
    key: KeyId,
    budgets: &'a Budgets,
    now: Timestamp,
) -> NewRequest<'a> {
    NewRequest {
        id: RequestId::new(now, random),
        key,
        idempotency_key: None,
        body_sha256: [0; 32],
        model: "tiny",
        quality: Quality::Medium,
        tag: None,
        loras: &[],
        images: 1,
        estimate: Money::ZERO,
        wall_energy: Energy::default(),
        budgets,
        now,
        periods: BudgetPeriods::of(now, &Calendar::UTC),
    }
}

/// SQL that copies the first entries, `sign` times all but their electricity, with a `link` to each: `reverses` or `corrects`.
fn copy_of_entries(link: &str, sign: i64, electricity: &str, reason: &str) -> String {
    format!(
        "INSERT INTO entries (request_id, kind, image_index, {link}, images, entered_at_ms, duration_ms, energy_mj,
             wall_energy_mj, energy_source, currency, electricity_nano, depreciation_nano, upkeep_nano, compared_sku,
             compared_nano, exchange_rate_nano, width, height, steps, seed, reason)
         SELECT request_id, kind, image_index, id, {sign}, entered_at_ms, {sign} * duration_ms, {sign} * energy_mj,
             {sign} * wall_energy_mj, energy_source, currency, {electricity}, {sign} * depreciation_nano,
             {sign} * upkeep_nano, compared_sku, {sign} * compared_nano, exchange_rate_nano, width, height, steps, seed,
             {reason}
         FROM entries WHERE reverses IS NULL AND corrects IS NULL"
    )
}

fn spec() -> RenderSpec {
    RenderSpec::new("a cup of tea", ImageSize::square(64), 8)
}

/// Energy at the plug at a price.
pub(super) fn electricity(wall_energy: Energy, electricity: Money) -> PricedWork {
    PricedWork::unexplained(wall_energy, Breakdown { electricity, ..Breakdown::default() })
}

/// Work that gave no image and cost `electricity` alone.
fn failed_work(electricity: Money) -> FailedWork {
    let (usage, wall_energy) = (receipt().usage, Energy::from_millijoules(2_200));
    let cost = Breakdown { electricity, ..Breakdown::default() };
    let priced = PricedWork::unexplained(wall_energy, cost);
    FailedWork { index: 0, seed: Seed::new(1), usage, priced, share: Share::WHOLE, images_shown: 0 }
}

/// A receipt of 6 nano-units, compared with 10.
fn receipt() -> Receipt {
    Receipt {
        usage: Usage {
            duration: Millis::new(40),
            energy: Energy::from_millijoules(2_000),
            source: EnergySource::Estimated,
            epoch: None,
        },
        wall_energy: Energy::from_millijoules(2_200),
        cost: Breakdown {
            electricity: Money::from_nano(1),
            depreciation: Money::from_nano(2),
            upkeep: Money::from_nano(3),
        },
        comparison: Some(Comparison {
            sku: "fal/z-image-turbo".into(),
            price: Money::from_nano(10),
            exchange_rate: Money::from_nano(7_000_000_000),
            rate: None,
        }),
        rates: None,
    }
}
