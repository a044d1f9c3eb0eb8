//! Statements: what a cost centre is charged for a month, as a page to print and as a workbook.

mod letters;
mod pdf;
mod words;
mod workbook;

use self::words::Word;
pub use self::words::{StatementLanguage, StatementLanguageError};
use crate::{
    ledger::{Charge, ChargeLine, Charges},
    units::Money,
};

/// A cost centre's charge, with what else stands on the paper.
#[derive(Debug, Clone, Copy)]
pub struct ChargeStatement<'a> {
    /// The month.
    pub charges: &'a Charges,
    /// Of it, what this cost centre is charged.
    pub charge: &'a Charge,
    /// Who charges it: whoever runs the server.
    pub operator: &'a str,
    /// In which language.
    pub language: StatementLanguage,
}

/// Why no file could be made.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// The page could not be made.
    #[error("the statement's page could not be made: {0}")]
    Page(String),
    /// The workbook could not be made.
    #[error("the statement's workbook could not be made: {0}")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
}

/// Rows of images that a page has room for; the others are added up.
const LINES_MAX: usize = 20;

/// A row of a statement.
struct StatementRow {
    what: String,
    images: Option<i64>,
    amount: Money,
}

impl ChargeStatement<'_> {
    /// What the images cost, by size and quality; those without room in one row.
    fn image_rows(&self) -> Vec<StatementRow> {
        let (shown, others) = self.charge.lines.split_at(self.charge.lines.len().min(LINES_MAX));
        let mut rows: Vec<_> = shown.iter().map(|line| self.image_row(line)).collect();
        if !others.is_empty() {
            let amount = others.iter().try_fold(Money::ZERO, |sum, line| sum.plus(line.amount));
            rows.push(StatementRow {
                what: self.language.say(Word::OtherImages).to_owned(),
                images: Some(others.iter().map(|line| line.images).sum()),
                amount: amount.unwrap_or_default(),
            });
        }
        rows
    }

    fn image_row(&self, line: &ChargeLine) -> StatementRow {
        let size = line.size.replace('x', " × ");
        let quality = line.quality.as_deref().and_then(|quality| quality.parse().ok());
        let quality =
            quality.map_or_else(String::new, |quality| format!(", {}", self.language.quality(quality)));
        StatementRow { what: format!("{size}{quality}"), images: Some(line.images), amount: line.amount }
    }

    /// What is charged beside images.
    fn other_rows(&self) -> Vec<StatementRow> {
        let (language, charge) = (self.language, self.charge);
        let shared_by = language.shared_by(self.charges.shared_by);
        let shared = |word| format!("{}, {shared_by}", language.say(word));
        let rows = [
            (language.say(Word::Failed).to_owned(), charge.failed_electricity),
            (shared(Word::IdleShare), charge.idle_share),
            (shared(Word::UnusedShare), charge.unused_share),
        ];
        let row = |(what, amount)| StatementRow { what, images: None, amount };
        rows.into_iter().map(row).filter(|row| row.amount != Money::ZERO).collect()
    }

    /// The sums below the rows, the total last.
    fn sum_rows(&self) -> Vec<StatementRow> {
        let (language, charge) = (self.language, self.charge);
        let row = |what: String, images, amount| StatementRow { what, images, amount };
        let total = row(language.say(Word::Total).to_owned(), Some(charge.images), charge.total);
        if charge.mark_up == Money::ZERO {
            return vec![total];
        }
        let mark_up = format!("{} {} %", language.say(Word::MarkUp), self.charges.mark_up_percent);
        vec![
            row(language.say(Word::Subtotal).to_owned(), None, charge.subtotal),
            row(mark_up, None, charge.mark_up),
            total,
        ]
    }

    /// What was bought elsewhere for it, which is not in the total.
    fn bought_row(&self) -> Option<StatementRow> {
        let bought = self.charge.overflow.as_ref()?;
        let what = self.language.say(Word::BoughtElsewhere).to_owned();
        Some(StatementRow { what, images: Some(bought.bought_images), amount: bought.paid() })
    }

    /// What stands above the rows: a word, and what it is.
    fn head(&self) -> Vec<(&'static str, String)> {
        let (language, charges) = (self.language, self.charges);
        let state = match &charges.seal {
            Some(seal) => format!("{} {}", language.say(Word::Closed), seal.get(..16).unwrap_or(seal)),
            None => language.say(Word::Preliminary).to_owned(),
        };
        let lines = [
            (Word::From, self.operator.to_owned()),
            (Word::To, self.charge.name.clone().unwrap_or_default()),
            (Word::Month, charges.month.to_string()),
            (Word::Days, format!("{} – {}", charges.first_day, charges.last_day)),
            (Word::Currency, charges.currency.to_string()),
            (Word::State, state),
        ];
        lines.into_iter().map(|(word, value)| (language.say(word), value)).collect()
    }

    /// What its images cost by what it is for, in one line.
    fn breakdown(&self) -> String {
        let (language, cost) = (self.language, &self.charge.cost);
        let currency = self.charges.currency;
        let part = |word, amount: Money| format!("{} {}", language.say(word), amount.readable_in(currency));
        format!(
            "{}: {}, {}, {}",
            language.say(Word::Breakdown),
            part(Word::Electricity, cost.electricity),
            part(Word::Depreciation, cost.depreciation),
            part(Word::Upkeep, cost.upkeep),
        )
    }
}

#[cfg(test)]
mod tests;
