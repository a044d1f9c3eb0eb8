use std::{collections::HashMap, fmt};

use jiff::{Timestamp, Zoned, civil::Date, tz::TimeZone};
use rusqlite::{Connection, Row, Transaction, params};

use super::{Ledger, LedgerError, Month, unsigned};
use crate::{
    costs::{Budget, BudgetAmount, BudgetLimit, BudgetPeriod, Budgets, Spending},
    domain::KeyId,
    units::{Energy, Money},
};

/// The day and the month that run at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetPeriods {
    day: Span,
    month: Span,
}

/// A half-open span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    start: Timestamp,
    end: Zoned,
}

impl BudgetPeriods {
    /// Those of `now` by the calendar of `zone`.
    pub fn of(now: Timestamp, zone: &TimeZone) -> Self {
        let (today, month) = (zone.to_datetime(now).date(), Month::of(now, zone));
        let at = |moment: Timestamp| moment.to_zoned(zone.clone());
        let midnight = |day: Date| zone.to_zoned(day.into()).unwrap_or_else(|_| at(now));
        Self {
            day: Span {
                start: midnight(today).timestamp(),
                end: midnight(today.tomorrow().unwrap_or(today)),
            },
            month: Span { start: month.start(zone), end: at(month.end(zone)) },
        }
    }

    /// When the period begins anew.
    pub(super) fn end(&self, period: BudgetPeriod) -> &Zoned {
        &self.span(period).end
    }

    fn span(&self, period: BudgetPeriod) -> &Span {
        match period {
            BudgetPeriod::Day => &self.day,
            BudgetPeriod::Month => &self.month,
        }
    }
}

/// Whose budget it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetHolder {
    /// The key of the request.
    Key,
    /// All keys together.
    AllKeys,
}

/// What a request would use, and of which budgets.
#[derive(Debug, Clone, Copy)]
pub struct Need<'a> {
    /// Who asks.
    pub key: KeyId,
    /// What the request is expected to use.
    pub spending: Spending,
    /// The budgets of all keys together.
    pub budgets: &'a Budgets,
    /// The day and the month that run.
    pub periods: &'a BudgetPeriods,
}

/// A budget that does not cover a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverBudget {
    /// Whose it is.
    pub holder: BudgetHolder,
    /// What it allows.
    pub budget: Budget,
    /// What is left of it, open requests taken off.
    pub left: BudgetAmount,
    /// What the request is expected to use.
    pub needed: BudgetAmount,
    /// When it begins anew.
    pub resets_at: Zoned,
}

impl OverBudget {
    /// Of budgets that do not cover a request, the one that refuses it; none where all are soft. Of several, the one that
    /// lasts longest: waiting for another would be in vain.
    pub fn refusing(passed: &[Self]) -> Option<&Self> {
        let hard = passed.iter().filter(|over| over.budget.limit == BudgetLimit::Hard);
        hard.max_by_key(|over| &over.resets_at)
    }

    /// Whether something of the budget was left, so that this request is the first to pass it.
    pub fn was_within(&self) -> bool {
        self.left != self.budget.left(&Spending::MAX)
    }
}

/// What is left, what is needed, and when there is more.
impl fmt::Display for OverBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = match self.holder {
            BudgetHolder::Key => "the key's budget",
            BudgetHolder::AllKeys => "the budget of all keys",
        };
        let Self { budget, left, needed, .. } = self;
        let begins_anew = self.resets_at.strftime("%Y-%m-%d %H:%M %:z");
        write!(
            f,
            "{whose}, {budget}, has {left} left, and this request needs about {needed}; it begins anew at {begins_anew}"
        )
    }
}

/// What each key has spent in the running day and month. A running sum over the ledger's rows that never goes stale: rows
/// are only ever appended, and each question adds those that have come since the last.
#[derive(Debug, Default)]
pub(super) struct RunningSums {
    day: PeriodSums,
    month: PeriodSums,
}

#[derive(Debug, Default)]
struct PeriodSums {
    start: Option<Timestamp>,
    last_entry: i64,
    by_key: HashMap<KeyId, Spending>,
}

/// Sums for each key of the entries after ?2 that were entered at or after ?1. What is taken back of an earlier period was
/// not spent in this one, and gives nothing to it. The plus keeps SQLite from walking the whole period by its index.
const SPENT: &str = "SELECT key_id, sum(standard_nano), sum(entries.images), sum(wall_energy_mj)
     FROM entries JOIN requests ON requests.id = request_id
     WHERE entries.id > ?2 AND +entered_at_ms >= ?1
       AND (reverses IS NULL AND corrects IS NULL OR EXISTS (
            SELECT 1 FROM entries AS first
            WHERE first.request_id = entries.request_id AND first.kind = entries.kind
              AND first.image_index = entries.image_index AND first.entered_at_ms >= ?1
              AND first.reverses IS NULL AND first.corrects IS NULL))
     GROUP BY key_id";

/// What open requests of each key have reserved.
const RESERVED: &str = "SELECT key_id, sum(reserved_nano), sum(images), sum(reserved_mj)
     FROM requests WHERE state IN ('reserved', 'running') GROUP BY key_id";

impl PeriodSums {
    /// Brings the sums up to the last entry that `transaction` sees. Begun anew where that fails.
    fn catch_up(&mut self, transaction: &Transaction<'_>, start: Timestamp) -> Result<(), LedgerError> {
        let caught_up = self.add_what_came(transaction, start);
        if caught_up.is_err() {
            *self = Self::default();
        }
        caught_up
    }

    fn add_what_came(&mut self, transaction: &Transaction<'_>, start: Timestamp) -> Result<(), LedgerError> {
        if self.start != Some(start) {
            let before = "SELECT coalesce(min(id) - 1, 0) FROM entries WHERE entered_at_ms >= ?1";
            let last_entry = transaction.query_row(before, [start.as_millisecond()], |row| row.get(0))?;
            *self = Self { start: Some(start), last_entry, by_key: HashMap::new() };
        }
        let last: i64 =
            transaction.query_row("SELECT coalesce(max(id), 0) FROM entries", [], |row| row.get(0))?;
        let mut statement = transaction.prepare_cached(SPENT)?;
        let mut rows = statement.query(params![start.as_millisecond(), self.last_entry])?;
        while let Some(row) = rows.next()? {
            let (key, signed) = signed_spending(row)?;
            self.add(key, signed)?;
        }
        self.last_entry = last;
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

fn signed_spending(row: &Row<'_>) -> rusqlite::Result<(KeyId, [i64; 3])> {
    Ok((KeyId::new(row.get(0)?), [row.get(1)?, row.get(2)?, row.get(3)?]))
}

impl RunningSums {
    /// The budgets, of the key and of all keys, that do not cover `need` beside what open requests hold.
    pub(super) fn passed(
        &mut self,
        transaction: &Transaction<'_>,
        need: &Need<'_>,
    ) -> Result<Vec<OverBudget>, LedgerError> {
        let own = budgets_of(transaction, need.key)?;
        let all = need.budgets.iter().map(|budget| (BudgetHolder::AllKeys, *budget));
        let budgets: Vec<_> = own.iter().map(|budget| (BudgetHolder::Key, *budget)).chain(all).collect();
        if budgets.is_empty() {
            return Ok(Vec::new());
        }
        let reserved = reserved(transaction)?;
        let mut passed = Vec::new();
        for (holder, budget) in budgets {
            let span = need.periods.span(budget.period);
            let sums = match budget.period {
                BudgetPeriod::Day => &mut self.day,
                BudgetPeriod::Month => &mut self.month,
            };
            sums.catch_up(transaction, span.start)?;
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

fn reserved(connection: &Connection) -> Result<HashMap<KeyId, Spending>, LedgerError> {
    let mut sums = PeriodSums::default();
    let mut statement = connection.prepare_cached(RESERVED)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (key, signed) = signed_spending(row)?;
        sums.add(key, signed)?;
    }
    Ok(sums.by_key)
}

/// The budgets of a key, in the order of their kinds.
pub(super) fn budgets_of(connection: &Connection, key: KeyId) -> Result<Budgets, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT period, unit, amount, hard FROM key_budgets WHERE key_id = ?1
         ORDER BY period = 'day', unit = 'energy', unit = 'images', hard = 0",
    )?;
    let rows = statement.query_map([key.get()], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, i64>(2)?,
            row.get::<_, bool>(3)?,
        ))
    })?;
    let mut budgets = Vec::new();
    for row in rows {
        let (period, unit, amount, hard) = row?;
        let amount = match unit.as_str() {
            "money" => BudgetAmount::Money(Money::from_nano(amount)),
            "images" => BudgetAmount::Images(
                u32::try_from(amount).map_err(|_| LedgerError::OutOfRange { what: "key_budgets.amount" })?,
            ),
            _ => BudgetAmount::Energy(Energy::from_millijoules(unsigned(amount, "key_budgets.amount")?)),
        };
        let period = if period == "day" { BudgetPeriod::Day } else { BudgetPeriod::Month };
        let limit = if hard { BudgetLimit::Hard } else { BudgetLimit::Soft };
        budgets.push(Budget { amount, period, limit });
    }
    Budgets::try_from(budgets).map_err(|_| LedgerError::OutOfRange { what: "key_budgets" })
}

/// Puts `budgets` in the place of those that the key had.
pub(super) fn write_budgets(
    transaction: &Transaction<'_>,
    key: KeyId,
    budgets: &Budgets,
) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM key_budgets WHERE key_id = ?1", [key.get()])?;
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
        transaction.execute(
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
    /// [`LedgerError`] where SQLite refuses or a sum is out of range.
    pub fn passed_budgets(&self, need: &Need<'_>) -> Result<Vec<OverBudget>, LedgerError> {
        // The writer's view: a reader's may be older than the sums, which would count its newest rows twice.
        let mut writer = self.writer();
        self.running_sums().passed(&writer.transaction()?, need)
    }

    /// What each key has spent in the running day and in the running month, without what open requests hold.
    ///
    /// # Errors
    /// [`LedgerError`] where SQLite refuses, or a sum is out of range.
    pub fn spent(
        &self,
        periods: &BudgetPeriods,
    ) -> Result<HashMap<BudgetPeriod, HashMap<KeyId, Spending>>, LedgerError> {
        let mut reader = self.reader();
        let transaction = reader.transaction()?;
        let mut spent = HashMap::new();
        for period in [BudgetPeriod::Day, BudgetPeriod::Month] {
            let mut sums = PeriodSums::default();
            sums.catch_up(&transaction, periods.span(period).start)?;
            spent.insert(period, sums.by_key);
        }
        Ok(spent)
    }
}
