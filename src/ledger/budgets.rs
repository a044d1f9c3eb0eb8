use std::{collections::HashMap, mem};

use super::{
    BudgetHolder, BudgetPeriods, Ledger, LedgerError, Need, OverBudget,
    store::{Conn, Row, params},
    unsigned,
};
use crate::{
    costs::{Budget, BudgetAmount, BudgetLimit, BudgetPeriod, Budgets, Spending},
    domain::KeyId,
    units::{Energy, Money},
};
use jiff::Timestamp;

/// What each key has spent in the running day and month. A running sum over the ledger's rows that never goes stale:
/// rows are only ever appended, and each question adds those that have come since the last.
#[derive(Debug, Default)]
pub(super) struct RunningSums {
    day: PeriodSums,
    month: PeriodSums,
}

#[derive(Debug, Default)]
struct PeriodSums {
    start: Option<Timestamp>,
    last_entry: i64,
    last_bought: i64,
    last_resolved: i64,
    by_key: HashMap<KeyId, Spending>,
}

/// Sums for each key of the entries after ?2 that were entered at or after ?1. What is taken back of an earlier period
/// was not spent in this one, and gives nothing to it. The pluses keep SQLite from walking the whole period by its
/// index, and from looking for NULLs, which almost every entry has; CROSS JOIN keeps the order of the tables.
pub(super) const SPENT: &str =
    "SELECT key_id, CAST(sum(standard_nano) AS BIGINT), CAST(sum(entries.images + images_shown) AS BIGINT),
            CAST(sum(wall_energy_mj) AS BIGINT)
     FROM entries CROSS JOIN requests
     WHERE requests.id = request_id AND entries.id > ?2 AND +entered_at_ms >= ?1
       AND (reverses IS NULL AND corrects IS NULL OR EXISTS (
            SELECT 1 FROM entries AS first
            WHERE first.request_id = entries.request_id AND first.kind = entries.kind
              AND first.image_index = entries.image_index AND first.entered_at_ms >= ?1
              AND +first.reverses IS NULL AND +first.corrects IS NULL))
     GROUP BY key_id";

/// Sums for each key of the images after ?2 that were bought, or perhaps paid for, at or after ?1. One that did not come is no image.
pub(super) const PAID: &str = "SELECT key_id, CAST(sum(price_nano) AS BIGINT),
            CAST(sum(CASE bought_images.state WHEN 'bought' THEN 1 ELSE 0 END) AS BIGINT), CAST(0 AS BIGINT)
     FROM bought_images JOIN requests ON requests.id = request_id
     WHERE bought_images.id > ?2 AND entered_at_ms >= ?1 GROUP BY key_id";

/// By how much more was paid for purchases in doubt, for each key, as findings after ?2 say: of doubts that were booked at or after ?1.
pub(super) const FOUND: &str =
    "SELECT key_id, CAST(sum(paid_nano - price_nano * purchases.images) AS BIGINT),
            CAST(0 AS BIGINT), CAST(0 AS BIGINT)
     FROM purchase_resolutions JOIN purchases ON purchases.id = purchase_id
     JOIN requests ON requests.id = purchases.request_id
     WHERE purchase_resolutions.id > ?2 AND purchases.ended_at_ms >= ?1 GROUP BY key_id";

/// What open requests of each key have reserved.
pub(super) const RESERVED: &str =
    "SELECT key_id, CAST(sum(reserved_nano) AS BIGINT), CAST(sum(images) AS BIGINT),
            CAST(sum(reserved_mj) AS BIGINT)
     FROM requests WHERE state IN ('reserved', 'running') GROUP BY key_id";

impl PeriodSums {
    /// Brings the sums up to the last entry that `conn` sees. If that fails or panics halfway, they start again from
    /// nothing: half of them would be too small.
    fn catch_up(&mut self, conn: &Conn<'_>, start: Timestamp) -> Result<(), LedgerError> {
        let mut sums = mem::take(self);
        sums.add_what_came(conn, start)?;
        *self = sums;
        Ok(())
    }

    fn add_what_came(&mut self, conn: &Conn<'_>, start: Timestamp) -> Result<(), LedgerError> {
        if self.start != Some(start) {
            let before = "SELECT coalesce(min(id) - 1, 0) FROM entries WHERE entered_at_ms >= ?1";
            let last_entry = conn.query_one(before, params![start], |row| row.get(0))?;
            *self = Self { start: Some(start), last_entry, ..Self::default() };
        }
        let last = "SELECT coalesce((SELECT max(id) FROM bought_images), 0),
                           coalesce((SELECT max(id) FROM purchase_resolutions), 0),
                           coalesce((SELECT max(id) FROM entries), 0)";
        let [bought, resolved, entry] =
            conn.query_one(last, params![], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?;
        self.add_between(conn, PAID, start, (self.last_bought, bought))?;
        self.add_between(conn, FOUND, start, (self.last_resolved, resolved))?;
        self.add_between(conn, SPENT, start, (self.last_entry, entry))?;
        (self.last_bought, self.last_resolved, self.last_entry) = (bought, resolved, entry);
        Ok(())
    }

    /// Adds the rows after `after` by `sums`, of which `last` is the last one.
    fn add_between(
        &mut self,
        conn: &Conn<'_>,
        sums: &str,
        start: Timestamp,
        (after, last): (i64, i64),
    ) -> Result<(), LedgerError> {
        if last <= after {
            return Ok(());
        }
        for (key, signed) in conn.query(sums, params![start, after], signed_spending)? {
            self.add(key, signed)?;
        }
        Ok(())
    }

    /// Adds what may be less than nothing: more was taken back than spent since the last question.
    fn add(&mut self, key: KeyId, [nano, images, millijoules]: [i64; 3]) -> Result<(), LedgerError> {
        let sum = self.by_key.entry(key).or_default();
        let out_of_range = LedgerError::OutOfRange { what: "a budget's sum" };
        let Some(money) = sum.money.as_nano().checked_add(nano) else { return Err(out_of_range) };
        let Some(images) = i64::from(sum.images).checked_add(images) else { return Err(out_of_range) };
        let energy = i128::from(sum.energy.as_millijoules()) + i128::from(millijoules);
        *sum = Spending {
            money: Money::from_nano(money),
            images: u32::try_from(images).map_err(|_| LedgerError::OutOfRange { what: "images" })?,
            energy: Energy::from_millijoules(
                u64::try_from(energy).map_err(|_| LedgerError::OutOfRange { what: "wall_energy_mj" })?,
            ),
        };
        Ok(())
    }

    fn of(&self, holder: BudgetHolder, key: KeyId) -> Spending {
        of(&self.by_key, holder, key)
    }
}

fn of(by_key: &HashMap<KeyId, Spending>, holder: BudgetHolder, key: KeyId) -> Spending {
    match holder {
        BudgetHolder::Key => by_key.get(&key).copied().unwrap_or_default(),
        BudgetHolder::AllKeys => by_key.values().copied().fold(Spending::default(), Spending::plus),
    }
}

fn signed_spending(row: &Row<'_>) -> Result<(KeyId, [i64; 3]), LedgerError> {
    Ok((KeyId::new(row.get(0)?), [row.get(1)?, row.get(2)?, row.get(3)?]))
}

impl RunningSums {
    fn of_period(&mut self, period: BudgetPeriod) -> &mut PeriodSums {
        match period {
            BudgetPeriod::Day => &mut self.day,
            BudgetPeriod::Month => &mut self.month,
        }
    }

    /// The budgets, of the key and of all keys, that do not cover `need` beside what open requests hold.
    pub(super) fn passed(
        &mut self,
        conn: &Conn<'_>,
        need: &Need<'_>,
    ) -> Result<Vec<OverBudget>, LedgerError> {
        let own = budgets_of(conn, need.key)?;
        let all = need.budgets.iter().map(|budget| (BudgetHolder::AllKeys, *budget));
        let budgets: Vec<_> = own.iter().map(|budget| (BudgetHolder::Key, *budget)).chain(all).collect();
        if budgets.is_empty() {
            return Ok(Vec::new());
        }
        let reserved = reserved(conn)?;
        let mut passed = Vec::new();
        for (holder, budget) in budgets {
            let span = need.periods.span(budget.period);
            let sums = self.of_period(budget.period);
            sums.catch_up(conn, span.start)?;
            let spent = sums.of(holder, need.key).plus(of(&reserved, holder, need.key));
            if !budget.holds(&spent.plus(need.spending)) {
                passed.push(OverBudget {
                    holder,
                    budget,
                    left: budget.left(&spent),
                    needed: budget.part_of(&need.spending),
                    resets_at: span.end.clone(),
                });
            }
        }
        Ok(passed)
    }
}

fn reserved(conn: &Conn<'_>) -> Result<HashMap<KeyId, Spending>, LedgerError> {
    let mut sums = PeriodSums::default();
    for (key, signed) in conn.query(RESERVED, params![], signed_spending)? {
        sums.add(key, signed)?;
    }
    Ok(sums.by_key)
}

/// The budgets of a key, in the order of their kinds.
pub(super) fn budgets_of(conn: &Conn<'_>, key: KeyId) -> Result<Budgets, LedgerError> {
    let sql = "SELECT period, unit, amount, hard FROM key_budgets WHERE key_id = ?1
               ORDER BY period = 'day', unit = 'energy', unit = 'images', hard = 0";
    let budgets = conn.query(sql, params![key.get()], |row| {
        let (period, unit): (String, String) = (row.get(0)?, row.get(1)?);
        let (amount, hard): (i64, bool) = (row.get(2)?, row.get(3)?);
        let amount = match unit.as_str() {
            "money" => BudgetAmount::Money(Money::from_nano(amount)),
            "images" => BudgetAmount::Images(
                u32::try_from(amount).map_err(|_| LedgerError::OutOfRange { what: "key_budgets.amount" })?,
            ),
            _ => BudgetAmount::Energy(Energy::from_millijoules(unsigned(amount, "key_budgets.amount")?)),
        };
        let period = if period == "day" { BudgetPeriod::Day } else { BudgetPeriod::Month };
        let limit = if hard { BudgetLimit::Hard } else { BudgetLimit::Soft };
        Ok(Budget { amount, period, limit })
    })?;
    Budgets::try_from(budgets).map_err(|_| LedgerError::OutOfRange { what: "key_budgets" })
}

/// Puts `budgets` in the place of those that the key had.
pub(super) fn write_budgets(conn: &Conn<'_>, key: KeyId, budgets: &Budgets) -> Result<(), LedgerError> {
    conn.execute("DELETE FROM key_budgets WHERE key_id = ?1", params![key.get()])?;
    for budget in budgets.iter() {
        let (unit, amount) = match budget.amount {
            BudgetAmount::Money(amount) => ("money", amount.as_nano()),
            BudgetAmount::Images(count) => ("images", i64::from(count)),
            // More than SQLite holds is more than will ever be drawn.
            BudgetAmount::Energy(energy) => {
                ("energy", i64::try_from(energy.as_millijoules()).unwrap_or(i64::MAX))
            }
        };
        let period = if budget.period == BudgetPeriod::Day { "day" } else { "month" };
        let hard = budget.limit == BudgetLimit::Hard;
        conn.execute(
            "INSERT INTO key_budgets (key_id, period, unit, amount, hard) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![key.get(), period, unit, amount, hard],
        )?;
    }
    Ok(())
}

impl Ledger {
    /// The budgets that do not cover `need` now, hard and soft. Nothing is reserved.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a sum is out of range.
    pub fn passed_budgets(&self, need: &Need<'_>) -> Result<Vec<OverBudget>, LedgerError> {
        // The writer's view: a reader's may be older than the sums, which would count its newest rows twice.
        self.store.read_latest(|conn| self.running_sums.lock().passed(conn, need))
    }

    /// What each key has spent in the running day and in the running month, without what open requests hold.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses, or a sum is out of range.
    pub fn spent(
        &self,
        periods: &BudgetPeriods,
    ) -> Result<HashMap<BudgetPeriod, HashMap<KeyId, Spending>>, LedgerError> {
        // Taken before the view: whoever comes later sees more, never less.
        let mut shown = self.shown_sums.lock();
        self.store.read(|conn| {
            let mut spent = HashMap::new();
            for period in [BudgetPeriod::Day, BudgetPeriod::Month] {
                let sums = shown.of_period(period);
                sums.catch_up(conn, periods.span(period).start)?;
                spent.insert(period, sums.by_key.clone());
            }
            Ok(spent)
        })
    }
}
