use std::{borrow::Cow, collections::BTreeMap};

use maud::{Markup, html};
use serde::Deserialize;

use crate::{
    costs::{BudgetAmount, BudgetLimit, BudgetPeriod, Budgets},
    http::pages::frame::Words,
    units::Currency,
};

/// Rows of a form, at most: one for each kind, period and limit.
const ROWS_MAX: usize = 12;
/// Rows of a form without budgets.
const ROWS_MIN: usize = 2;

/// Budgets as fields: `budget_amount_0`, `budget_unit_0`, `budget_period_0`, `budget_limit_0`, and so on. Holds all that a form
/// brought beside its other fields.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct BudgetRows(BTreeMap<String, String>);

impl BudgetRows {
    /// The rows of `budgets`.
    pub(super) fn of(budgets: &Budgets) -> Self {
        let rows = budgets.iter().enumerate().flat_map(|(row, budget)| {
            let (amount, unit) = match budget.amount {
                BudgetAmount::Money(amount) => (amount.to_string(), "money"),
                BudgetAmount::Images(count) => (count.to_string(), "images"),
                BudgetAmount::Energy(energy) => (energy.to_kwh_string(), "kWh"),
            };
            let period = match budget.period {
                BudgetPeriod::Day => "day",
                BudgetPeriod::Month => "month",
            };
            let limit = match budget.limit {
                BudgetLimit::Hard => "hard",
                BudgetLimit::Soft => "soft",
            };
            let fields = [("unit", unit), ("period", period), ("limit", limit)];
            let fields = fields.map(|(part, value)| (name(part, row), value.to_owned()));
            fields.into_iter().chain([(name("amount", row), amount)])
        });
        Self(rows.collect())
    }

    /// The budgets as the command line writes them, one of each row that has an amount; none if a row cannot be one.
    pub(super) fn written(&self) -> Option<Vec<String>> {
        (0..ROWS_MAX).filter(|row| self.is_filled(*row)).map(|row| self.written_row(row)).collect()
    }

    fn written_row(&self, row: usize) -> Option<String> {
        let amount = self.value("amount", row);
        if !amount.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return None;
        }
        let unit = match self.value("unit", row) {
            "" | "money" => "",
            "images" => " images",
            "kWh" => " kWh",
            _ => return None,
        };
        let period = match self.value("period", row) {
            "day" => "day",
            "" | "month" => "month",
            _ => return None,
        };
        let soft = match self.value("limit", row) {
            "" | "hard" => "",
            "soft" => "soft ",
            _ => return None,
        };
        Some(format!("{soft}{amount}{unit} a {period}"))
    }

    fn value(&self, part: &str, row: usize) -> &str {
        self.0.get(&name(part, row)).map_or("", |value| value.trim())
    }

    fn is_filled(&self, row: usize) -> bool {
        !self.value("amount", row).is_empty()
    }

    /// The fields: every row that is filled, and one to fill.
    pub(super) fn show(&self, words: Words, currency: Currency, problem: Option<&'static str>) -> Markup {
        let filled = (0..ROWS_MAX).rev().find(|row| self.is_filled(*row)).map_or(0, |last| last + 1);
        let rows = (filled + 1).clamp(ROWS_MIN, ROWS_MAX);
        html! {
            fieldset.field {
                legend.label { (words.say("keys-budgets")) }
                @for row in 0..rows { (self.row(words, currency, row, problem.is_some() && self.is_wrong(row))) }
                p.hint id="budgets-hint" { (words.say("keys-budgets-hint")) }
                @if let Some(message) = problem { p.problem role="alert" { (words.say(message)) } }
            }
        }
    }

    /// Whether the row is no budget, or limits the same thing as another one.
    fn is_wrong(&self, row: usize) -> bool {
        let can_be = |texts: Option<Vec<String>>| {
            texts.is_some_and(|texts| texts.join(", ").parse::<Budgets>().is_ok())
        };
        let filled = |row: &usize| self.is_filled(*row);
        let others = (0..ROWS_MAX).filter(|other| *other != row).filter(filled);
        let is_one = |row: usize| can_be(self.written_row(row).map(|text| vec![text]));
        filled(&row)
            && (!is_one(row)
                || others.filter(|other| is_one(*other)).any(|other| {
                    !can_be([row, other].map(|row| self.written_row(row)).into_iter().collect())
                }))
    }

    fn row(&self, words: Words, currency: Currency, row: usize, is_wrong: bool) -> Markup {
        let id = if row == 0 { "budgets".to_owned() } else { name("amount", row) };
        let choice = |part: &str, label: &str, options: &[(&str, Cow<'_, str>)]| {
            html! {
                div.field {
                    label for=(name(part, row)) { (words.say(label)) }
                    select id=(name(part, row)) name=(name(part, row)) {
                        @for (value, word) in options {
                            option value=(value) selected[self.value(part, row) == *value] { (word) }
                        }
                    }
                }
            }
        };
        let units = [
            ("money", currency.code().into()),
            ("images", words.say("keys-budget-images")),
            ("kWh", words.say("keys-budget-kwh")),
        ];
        let periods = [("month", words.say("keys-budget-month")), ("day", words.say("keys-budget-day"))];
        let limits = [("hard", words.say("keys-budget-hard")), ("soft", words.say("keys-budget-soft"))];
        html! {
            div.budget-row {
                div.field {
                    label for=(id) { (words.say("keys-budget-amount")) }
                    input id=(id) name=(name("amount", row)) value=(self.value("amount", row)) inputmode="decimal"
                        autocomplete="off" aria-describedby="budgets-hint"
                        aria-invalid=[is_wrong.then_some("true")];
                }
                (choice("unit", "keys-budget-unit", &units))
                (choice("period", "keys-budget-period", &periods))
                (choice("limit", "keys-budget-limit", &limits))
            }
        }
    }
}

fn name(part: &str, row: usize) -> String {
    format!("budget_{part}_{row}")
}
