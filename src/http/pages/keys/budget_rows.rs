use std::collections::BTreeMap;

use maud::{Markup, html};
use serde::Deserialize;

use crate::{
    costs::{BudgetAmount, BudgetLimit, BudgetPeriod, Budgets},
    http::pages::frame::Words,
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
    pub(super) fn show(&self, words: Words, problem: Option<&'static str>) -> Markup {
        let filled = (0..ROWS_MAX).rev().find(|row| self.is_filled(*row)).map_or(0, |last| last + 1);
        let rows = (filled + 1).clamp(ROWS_MIN, ROWS_MAX);
        html! {
            fieldset.field {
                legend.label { (words.say("keys-budgets")) }
                @for row in 0..rows { (self.row(words, row, problem.is_some())) }
                p.hint id="budgets-hint" { (words.say("keys-budgets-hint")) }
                @if let Some(message) = problem { p.problem role="alert" { (words.say(message)) } }
            }
        }
    }

    fn row(&self, words: Words, row: usize, is_wrong: bool) -> Markup {
        let id = if row == 0 { "budgets".to_owned() } else { name("amount", row) };
        let choice = |part: &str, label: &str, options: &[(&str, &str)]| {
            html! {
                div.field {
                    label for=(name(part, row)) { (words.say(label)) }
                    select id=(name(part, row)) name=(name(part, row)) {
                        @for (value, word) in options {
                            option value=(value) selected[self.value(part, row) == *value] { (words.say(word)) }
                        }
                    }
                }
            }
        };
        let units =
            [("money", "keys-budget-money"), ("images", "keys-budget-images"), ("kWh", "keys-budget-kwh")];
        let periods = [("month", "keys-budget-month"), ("day", "keys-budget-day")];
        let limits = [("hard", "keys-budget-hard"), ("soft", "keys-budget-soft")];
        html! {
            div.budget-row {
                div.field {
                    label for=(id) { (words.say("keys-budget-amount")) }
                    input id=(id) name=(name("amount", row)) value=(self.value("amount", row)) inputmode="decimal"
                        autocomplete="off" aria-describedby="budgets-hint"
                        aria-invalid=[(is_wrong && self.is_filled(row)).then_some("true")];
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
