use std::collections::HashMap;

use jiff::{Timestamp, ToSpan, Zoned, civil::Date};

use super::KeyRow;
use crate::{
    costs::{Budget, BudgetAmount, BudgetPeriod, Budgets, Spending},
    domain::{Calendar, KeyId},
    ledger::{BudgetPeriods, Ledger, LedgerError, store::params},
};

/// A key, how far its budgets are used up, and what it generated lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStanding {
    /// The key and its rules.
    pub row: KeyRow,
    /// Its budgets, in their order.
    pub budgets: Vec<BudgetStanding>,
    /// Images of the last days, oldest first; the last is today.
    pub images_by_day: Vec<u32>,
}

/// How far a budget is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetStanding {
    /// What it allows.
    pub budget: Budget,
    /// What has been spent of everything in its period. What open requests hold is not in it.
    pub spent: Spending,
    /// When it resets.
    pub resets_at: Zoned,
}

impl BudgetStanding {
    /// What is left of it.
    pub fn left(&self) -> BudgetAmount {
        self.budget.left(&self.spent)
    }
}

/// Images of key ?3 from ?1 up to, not including, ?2. A settled request is booked at the moment it ends, with all of its images;
/// what was taken back or corrected later counts then. Each sum is one walk along an index, with nothing to sort.
pub(in crate::ledger) const IMAGES: &str = "
    SELECT CAST((SELECT coalesce(sum(images), 0) FROM requests
                 WHERE state = 'settled' AND key_id = ?3 AND ended_at_ms >= ?1 AND ended_at_ms < ?2) +
                (SELECT coalesce(sum(entries.images), 0) FROM entries CROSS JOIN requests
                 WHERE coalesce(reverses, corrects) IS NOT NULL AND entered_at_ms >= ?1 AND entered_at_ms < ?2
                   AND requests.id = request_id AND key_id = ?3) AS BIGINT)";

impl Ledger {
    /// Every key with its standing, oldest first, and the images of its last `days` days in `zone`.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses, or a sum is out of range.
    pub fn key_standings(
        &self,
        periods: &BudgetPeriods,
        days: usize,
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<Vec<KeyStanding>, LedgerError> {
        let spent = self.spent(periods)?;
        let standing = |row| self.standing(row, &spent, periods, days, calendar, now);
        self.keys()?.into_iter().map(standing).collect()
    }

    /// How far `budgets` of all keys together are used up.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses, or a sum is out of range.
    pub fn budgets_of_all(
        &self,
        budgets: &Budgets,
        periods: &BudgetPeriods,
    ) -> Result<Vec<BudgetStanding>, LedgerError> {
        let spent = self.spent(periods)?;
        let standing = |budget: &Budget| BudgetStanding {
            budget: *budget,
            spent: spent[&budget.period].values().fold(Spending::default(), |sum, of_key| sum.plus(*of_key)),
            resets_at: periods.end(budget.period).clone(),
        };
        Ok(budgets.iter().map(standing).collect())
    }

    /// The key with `public_id` and its standing, as in [`Ledger::key_standings`]; none if there is no such key.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses, or a sum is out of range.
    pub fn key_standing(
        &self,
        public_id: &str,
        periods: &BudgetPeriods,
        days: usize,
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<Option<KeyStanding>, LedgerError> {
        let Some(row) = self.key(public_id)? else { return Ok(None) };
        self.standing(row, &self.spent(periods)?, periods, days, calendar, now).map(Some)
    }

    fn standing(
        &self,
        row: KeyRow,
        spent: &HashMap<BudgetPeriod, HashMap<KeyId, Spending>>,
        periods: &BudgetPeriods,
        days: usize,
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<KeyStanding, LedgerError> {
        let of_period = |period: BudgetPeriod| spent[&period].get(&row.id).copied().unwrap_or_default();
        let budgets = row.rules.budgets.iter().map(|budget| BudgetStanding {
            budget: *budget,
            spent: of_period(budget.period),
            resets_at: periods.end(budget.period).clone(),
        });
        Ok(KeyStanding {
            budgets: budgets.collect(),
            images_by_day: self.images_by_day(row.id, days, calendar, now)?,
            row,
        })
    }

    /// Images of a key by day. What was taken back is taken off on the day of the reversal, if there is enough.
    fn images_by_day(
        &self,
        key: KeyId,
        days: usize,
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<Vec<u32>, LedgerError> {
        let today = calendar.to_datetime(now).date();
        let midnight = |date: Date| calendar.start_of(date);
        let span = i64::try_from(days).unwrap_or(1) - 1;
        let first = today.checked_sub(jiff::SignedDuration::from_hours(24 * span)).unwrap_or(today);
        self.store.read(|conn| {
            let of_day = |date: Date| {
                let (start, end) = (midnight(date), midnight(date.tomorrow().unwrap_or(date)));
                let images: i64 = conn.query_one(IMAGES, params![start, end, key.get()], |row| row.get(0))?;
                Ok(u32::try_from(images.max(0)).unwrap_or(u32::MAX))
            };
            first.series(1.day()).take(days).map(of_day).collect()
        })
    }
}
