use super::*;
use crate::costs::{Budget, Spending};
use crate::domain::Calendar;

/// Two keys, a clock, and the requests that are open.
struct Shop {
    book: Book,
    keys: [KeyId; 2],
    all_keys: Budgets,
    now: Timestamp,
    open: Vec<(Reservation, Spending)>,
    requests: u64,
}

/// What happens next in a history.
#[derive(Debug, Clone)]
enum Happening {
    Reserve {
        key: usize,
        need: Spending,
    },
    /// Of what was reserved, this share is used, in hundredths.
    Settle {
        which: usize,
        percent: u32,
    },
    Fail {
        which: usize,
    },
    Wait {
        hours: i64,
    },
    TakeBackLast,
    Restart,
}

/// Within each of these, in each of its units, the histories' steps matter.
const OWN: &str = "60 a month, 30 a day, 9 images a day, 2 kWh a month, soft 5 a month";
const ALL: &str = "90 a month, 14 images a day, soft 1 image a day";

fn step() -> impl Strategy<Value = Happening> {
    let need = (1i64..12, 1u32..4, 0u64..400).prop_map(|(units, images, watt_hours)| Spending {
        money: Money::from_nano(units * 1_000_000_000),
        images,
        energy: Energy::from_millijoules(watt_hours * 3_600_000),
    });
    prop_oneof![
        6 => (0usize..2, need).prop_map(|(key, need)| Happening::Reserve { key, need }),
        5 => (0usize..9, 0u32..=100).prop_map(|(which, percent)| Happening::Settle { which, percent }),
        1 => (0usize..9).prop_map(|which| Happening::Fail { which }),
        2 => (1i64..200).prop_map(|hours| Happening::Wait { hours }),
        1 => Just(Happening::TakeBackLast),
        1 => Just(Happening::Restart),
    ]
}

fn hard(budgets: &Budgets) -> Vec<Budget> {
    budgets.iter().filter(|budget| budget.limit == BudgetLimit::Hard).copied().collect()
}

impl Shop {
    fn new() -> Self {
        let book = Book::new(None);
        let other = ApiKey::generate(&mut StdRng::seed_from_u64(2));
        let rules = KeyRules { scopes: Scopes::ALL, ..KeyRules::default() };
        let new = NewKey { key: &other, name: "other", rules };
        book.ledger.create_key(&new, "command line", NOON).expect("a key");
        let keys = book.ledger.keys().expect("keys");
        for key in &keys {
            let budgets = KeyChange::Budgets(OWN.parse().expect("budgets"));
            book.ledger.change_key(&key.public_id, &[budgets], "command line", NOON).expect("changed");
        }
        let other = book.ledger.authenticate(&other, NOON).expect("no error").expect("known").key;
        let keys = [book.key, other];
        Self { book, keys, all_keys: ALL.parse().expect("budgets"), now: NOON, open: Vec::new(), requests: 0 }
    }

    fn fail(&self, reservation: Reservation) {
        let reason = FailureReason::GenerationFailed;
        let failed = self.book.ledger.fail(reservation, reason, &spec(), Currency::CNY, &[], self.now);
        failed.expect("failed");
    }

    fn take_back_last(&self) {
        let last = "SELECT max(id) FROM entries WHERE reverses IS NULL
                    AND id NOT IN (SELECT reverses FROM entries WHERE reverses IS NOT NULL)";
        let ledger = &self.book.ledger;
        let id: Result<Option<i64>, LedgerError> =
            ledger.store.read(|conn| conn.query_one(last, params![], |row| row.get(0)));
        if let Some(id) = id.expect("an answer") {
            ledger.reverse(id, "a test", None, "command line", self.now).expect("reversed");
        }
    }

    fn restart(&mut self) {
        self.book.ledger = Ledger::open_at(&self.book.place).expect("the ledger");
        self.book.ledger.abandon_open(self.now).expect("abandoned");
        self.open.clear();
    }

    fn reserve(&mut self, key: usize, need: Spending) -> Result<Reservation, ReserveError> {
        self.requests += 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.requests.to_be_bytes());
        let reserved = self.book.ledger.reserve(&NewRequest {
            images: need.images,
            estimate: need.money,
            wall_energy: need.energy,
            ..request(random, self.keys[key], &self.all_keys, self.now)
        });
        reserved.map(|reserved| reserved.into_new().expect("no repeat"))
    }

    fn take(&mut self, which: usize) -> Option<(Reservation, Spending)> {
        let index = which.checked_rem(self.open.len())?;
        Some(self.open.swap_remove(index))
    }

    /// Settles for `percent` of what was reserved, all of it on the first image.
    fn settle(&mut self, (reservation, need): (Reservation, Spending), percent: u32) {
        let part = Receipt {
            cost: Breakdown {
                electricity: need.money.share_floor(u64::from(percent), 100).expect("in range"),
                ..Breakdown::default()
            },
            wall_energy: Energy::from_millijoules(need.energy.as_millijoules() * u64::from(percent) / 100),
            ..receipt()
        };
        let nothing = Receipt { cost: Breakdown::default(), wall_energy: Energy::default(), ..part.clone() };
        let image = |receipt: Receipt| SettledImage { seed: Seed::new(1), receipt };
        let mut images = vec![image(part)];
        images.resize_with(need.images as usize, || image(nothing.clone()));
        let done =
            Settlement { images: &images, failed: &[], prompt_tokens: 1, edit: None, computation: None };
        self.book.ledger.settle(reservation, &spec(), Currency::CNY, &done, self.now).expect("settled");
    }

    /// Spent, by rows read afresh, and reserved by what is open.
    fn used(&self, period: BudgetPeriod) -> [Spending; 2] {
        let periods = BudgetPeriods::of(self.now, &Calendar::UTC);
        let spent = self.book.ledger.spent(&periods).expect("sums");
        let of = |key: KeyId| spent[&period].get(&key).copied().unwrap_or_default();
        self.keys.map(of)
    }
}

/// Whatever the order of reservations, settlements, failures, reversals and restarts, over days and months: a request is taken
/// on if every hard budget holds with it, and what is spent stays within each.
fn budgets_are_never_overspent() {
    on_histories(48, &prop::collection::vec(step(), 1..80), stays_within_budgets);
}

fn stays_within_budgets(steps: Vec<Happening>) -> TestCaseResult {
    let mut shop = Shop::new();
    let (own, all): (Budgets, Budgets) = (OWN.parse().expect("budgets"), ALL.parse().expect("budgets"));
    let (own, all) = (hard(&own), hard(&all));
    // Which key an open request belongs to, by its reservation's id.
    let mut owners = std::collections::HashMap::new();
    for step in steps {
        match step {
            Happening::Reserve { key, need } => {
                let held = |wanted: Option<usize>| {
                    let of_key = shop.open.iter().filter(|(reservation, _)| {
                        wanted.is_none_or(|wanted| owners[&reservation.id()] == wanted)
                    });
                    of_key.map(|(_, need)| *need).fold(Spending::default(), Spending::plus)
                };
                let fits = own.iter().all(|budget| {
                    budget.holds(&shop.used(budget.period)[key].plus(held(Some(key))).plus(need))
                }) && all.iter().all(|budget| {
                    let [first, second] = shop.used(budget.period);
                    budget.holds(&first.plus(second).plus(held(None)).plus(need))
                });
                match shop.reserve(key, need) {
                    Ok(reservation) => {
                        prop_assert!(fits);
                        owners.insert(reservation.id(), key);
                        shop.open.push((reservation, need));
                    }
                    Err(ReserveError::OverBudget(over)) => {
                        prop_assert!(!fits);
                        prop_assert!(over.resets_at.timestamp() > shop.now);
                    }
                    Err(other) => prop_assert!(false, "{other}"),
                }
            }
            Happening::Settle { which, percent } => {
                if let Some(open) = shop.take(which) {
                    shop.settle(open, percent);
                }
            }
            Happening::Fail { which } => {
                if let Some((reservation, _)) = shop.take(which) {
                    shop.fail(reservation);
                }
            }
            Happening::Wait { hours } => shop.now += SignedDuration::from_hours(hours),
            Happening::TakeBackLast => shop.take_back_last(),
            Happening::Restart => shop.restart(),
        }
        is_within(&shop, &own, &all)?;
    }
    Ok(())
}

/// What is spent stays within each key's `own` hard budgets, and the sum within those of `all` keys.
fn is_within(shop: &Shop, own: &[Budget], all: &[Budget]) -> TestCaseResult {
    for period in [BudgetPeriod::Day, BudgetPeriod::Month] {
        let [first, second] = shop.used(period);
        for budget in own.iter().filter(|budget| budget.period == period) {
            prop_assert!(budget.holds(&first) && budget.holds(&second), "{budget}: {first:?}, {second:?}");
        }
        for budget in all.iter().filter(|budget| budget.period == period) {
            let sum = first.plus(second);
            prop_assert!(budget.holds(&sum), "{budget}: {sum:?}");
        }
    }
    Ok(())
}

fn of_several_budgets_the_refusal_names_the_one_that_lasts_longest() {
    let mut shop = Shop::new();
    let need = Spending { money: "61".parse().expect("an amount"), images: 10, energy: Energy::default() };
    let Err(ReserveError::OverBudget(over)) = shop.reserve(0, need) else { panic!("refused") };
    assert_eq!(
        over.to_string(),
        "the key's budget, 60.00 a month, has 60.00 left, and this request needs about 61.00; it resets at \
         2026-12-01 00:00 +00:00"
    );
}

fn a_soft_budget_lets_pass_and_says_so_once_as_news() {
    let mut shop = Shop::new();
    let need = |units: i64| Spending {
        money: Money::from_nano(units * 1_000_000_000),
        images: 1,
        energy: Energy::default(),
    };
    let news = |reservation: &Reservation| {
        let own = reservation.passed_budgets().iter().filter(|over| over.holder == BudgetHolder::Key);
        own.map(|over| (over.budget.to_string(), over.was_within())).collect::<Vec<_>>()
    };
    let within = shop.reserve(0, need(5)).expect("reserved");
    assert_eq!(news(&within), []);
    let soft = || "soft 5.00 a month".to_owned();
    shop.book
        .ledger
        .fail(within, FailureReason::GenerationFailed, &spec(), Currency::CNY, &[], NOON)
        .expect("failed");
    let first = shop.reserve(0, need(6)).expect("reserved");
    assert_eq!(news(&first), [(soft(), true)]);
    let second = shop.reserve(0, need(1)).expect("reserved");
    assert_eq!(news(&second), [(soft(), false)]);
}

fn another_process_that_spends_is_seen_at_once() {
    let mut shop = Shop::new();
    let need = Spending { money: Money::ZERO, images: 3, energy: Energy::default() };
    for _ in 0..2 {
        let reservation = shop.reserve(0, need).expect("reserved");
        shop.settle((reservation, need), 100);
    }
    let other = Ledger::open_at(&shop.book.place).expect("the ledger");
    let here = std::mem::replace(&mut shop.book.ledger, other);
    let elsewhere = shop.reserve(0, need).expect("reserved");
    shop.settle((elsewhere, need), 100);
    shop.book.ledger = here;
    assert!(matches!(shop.reserve(0, need), Err(ReserveError::OverBudget(_))), "nine of nine are used up");
}

on_both!(
    of_several_budgets_the_refusal_names_the_one_that_lasts_longest,
    a_soft_budget_lets_pass_and_says_so_once_as_news,
    budgets_are_never_overspent,
    another_process_that_spends_is_seen_at_once,
);
