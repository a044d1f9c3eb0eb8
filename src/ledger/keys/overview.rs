use std::collections::HashMap;

use jiff::{Timestamp, Zoned, tz::TimeZone};

use super::KeyRow;
use crate::{
    costs::{Budget, BudgetAmount, BudgetPeriod, Spending},
    domain::KeyId,
    ledger::{BudgetPeriods, Ledger, LedgerError, store::params, timestamp},
};

/// Milliseconds of a quarter of an hour: days of every zone begin at a multiple of it.
const QUARTER_MS: i64 = 15 * 60 * 1000;

/// A key, how far its budgets are used up, and what it painted lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStanding {
    /// The key and its rules.
    pub row: KeyRow,
    /// Its budgets, in their order.
    pub budgets: Vec<BudgetStanding>,
    /// Pictures of the last days, oldest first; the last is today.
    pub images_by_day: Vec<u32>,
}

/// How far a budget is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetStanding {
    /// What it allows.
    pub budget: Budget,
    /// What has been spent of everything in its period. What open requests hold is not in it.
    pub spent: Spending,
    /// When it begins anew.
    pub begins_anew: Zoned,
}

impl BudgetStanding {
    /// What is left of it.
    pub fn left(&self) -> BudgetAmount {
        self.budget.left(&self.spent)
    }
}

impl Ledger {
    /// Every key with its standing, oldest first, and the pictures of its last `days` days in `zone`.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses, or a sum is out of range.
    pub fn key_standings(
        &self,
        periods: &BudgetPeriods,
        days: usize,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<Vec<KeyStanding>, LedgerError> {
        let (keys, spent) = (self.keys()?, self.spent(periods)?);
        let mut painted = self.images_by_day(days, zone, now)?;
        let standing = |row: KeyRow| {
            let of_period = |period: BudgetPeriod| spent[&period].get(&row.id).copied().unwrap_or_default();
            let budgets = row.rules.budgets.iter().map(|budget| BudgetStanding {
                budget: *budget,
                spent: of_period(budget.period),
                begins_anew: periods.end(budget.period).clone(),
            });
            KeyStanding {
                budgets: budgets.collect(),
                images_by_day: painted.remove(&row.id).unwrap_or_else(|| vec![0; days]),
                row,
            }
        };
        Ok(keys.into_iter().map(standing).collect())
    }

    /// Pictures of each key and day. What was taken back is taken off on the day of the reversal, where there is enough.
    fn images_by_day(
        &self,
        days: usize,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<HashMap<KeyId, Vec<u32>>, LedgerError> {
        let today = zone.to_datetime(now).date();
        let span = i64::try_from(days).unwrap_or(1) - 1;
        let first = today.checked_sub(jiff::SignedDuration::from_hours(24 * span)).unwrap_or(today);
        let start = zone.to_timestamp(first.into()).unwrap_or(now);
        let sql = "SELECT key_id, entered_at_ms / ?2 AS quarter, CAST(sum(entries.images) AS BIGINT)
                   FROM entries JOIN requests ON requests.id = request_id
                   WHERE entered_at_ms >= ?1 GROUP BY key_id, quarter";
        let mut painted: HashMap<KeyId, Vec<u32>> = HashMap::new();
        self.store.read(|conn| {
            conn.for_each(sql, params![start, QUARTER_MS], |row| -> Result<(), LedgerError> {
                let (key, quarter, images): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let day = zone.to_datetime(timestamp(quarter.saturating_mul(QUARTER_MS))?).date();
                let index = usize::try_from(first.until(day).map_or(-1, |span| span.get_days()))
                    .unwrap_or(usize::MAX);
                let counts = painted.entry(KeyId::new(key)).or_insert_with(|| vec![0; days]);
                if let Some(count) = counts.get_mut(index) {
                    *count = u32::try_from((i64::from(*count) + images).max(0)).unwrap_or(u32::MAX);
                }
                Ok(())
            })
        })?;
        Ok(painted)
    }
}
