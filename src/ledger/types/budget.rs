use std::fmt;

use jiff::{Timestamp, Zoned, civil::Date};

use super::Month;
use crate::{
    costs::{Budget, BudgetAmount, BudgetLimit, BudgetPeriod, Budgets, Spending},
    domain::{Calendar, KeyId},
};

/// The day and the month that run at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetPeriods {
    day: Span,
    month: Span,
}

/// A half-open span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ledger) struct Span {
    pub(in crate::ledger) start: Timestamp,
    pub(in crate::ledger) end: Zoned,
}

impl BudgetPeriods {
    /// Those of `now`.
    pub fn of(now: Timestamp, calendar: &Calendar) -> Self {
        let (today, month) = (calendar.to_datetime(now).date(), Month::of(now, calendar));
        let at = |moment: Timestamp| moment.to_zoned(calendar.zone_at(moment).clone());
        let midnight = |day: Date| at(calendar.start_of(day));
        Self {
            day: Span {
                start: midnight(today).timestamp(),
                end: midnight(today.tomorrow().unwrap_or(today)),
            },
            month: Span { start: month.start(calendar), end: at(month.end(calendar)) },
        }
    }

    /// When the period ends and the next one begins.
    pub(in crate::ledger) fn end(&self, period: BudgetPeriod) -> &Zoned {
        &self.span(period).end
    }

    pub(in crate::ledger) fn span(&self, period: BudgetPeriod) -> &Span {
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
    /// When it resets.
    pub resets_at: Zoned,
}

impl OverBudget {
    /// Of budgets that do not cover a request, the one that refuses it; none if all are soft. Of several, the one
    /// that lasts longest: waiting for another would be in vain.
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
        let resets_at = self.resets_at.strftime("%Y-%m-%d %H:%M %:z");
        write!(
            f,
            "{whose}, {budget}, has {left} left, and this request needs about {needed}; it resets at {resets_at}"
        )
    }
}
