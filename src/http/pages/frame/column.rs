use maud::{Markup, html};

use super::words::Words;
use crate::units::{Currency, Money, decimals_in};

/// Significant digits below one unit.
const SIGNIFICANT_DIGITS: u32 = 3;
/// One unit, in nano-units.
const UNIT: u64 = 1_000_000_000;

/// The amounts of one column of a table. All have the decimals that suit the largest, so that their points stand under one
/// another.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct MoneyColumn {
    words: Words,
    currency: Currency,
    decimals: u32,
}

impl MoneyColumn {
    /// The column of `amounts`.
    pub(in crate::http) fn new(
        words: Words,
        currency: Currency,
        amounts: impl IntoIterator<Item = Money>,
    ) -> Self {
        let largest = amounts.into_iter().map(Money::abs).max().unwrap_or_default();
        let decimals = match largest.as_nano().unsigned_abs() {
            0 | UNIT.. => decimals_in(largest, currency),
            small => {
                (1..).find(|digit| small * 10_u64.pow(*digit) >= UNIT).unwrap_or(0) + SIGNIFICANT_DIGITS - 1
            }
        };
        Self { words, currency, decimals }
    }

    /// An amount of it, with the exact one on hover.
    pub(in crate::http) fn show(self, amount: Money) -> Markup {
        html! { span title={ (amount) " " (self.currency) } { (self.text(amount)) } }
    }

    /// The same as a text. One that these decimals would show as nothing keeps its own.
    pub(in crate::http) fn text(self, amount: Money) -> String {
        let rounded = amount.to_rounded_string(self.decimals);
        let is_lost = amount != Money::ZERO && rounded.bytes().all(|byte| !matches!(byte, b'1'..=b'9'));
        if is_lost {
            self.words.amount_text(amount, self.currency)
        } else {
            self.words.tick_amount(amount, self.currency, self.decimals)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(amounts: &[&str]) -> Vec<String> {
        let amounts: Vec<Money> = amounts.iter().map(|amount| amount.parse().expect("an amount")).collect();
        let column =
            MoneyColumn::new(Words::ENGLISH, "USD".parse().expect("a currency"), amounts.iter().copied());
        amounts.into_iter().map(|amount| column.text(amount)).collect()
    }

    #[test]
    fn the_points_of_a_column_stand_under_one_another() {
        assert_eq!(column(&["1.71", "-0.539", "0.4", "1250"]), ["$1.71", "−$0.54", "$0.40", "$1,250.00"]);
        assert_eq!(column(&["0.27", "0.0898"]), ["$0.270", "$0.090"]);
        assert_eq!(column(&["0", "0"]), ["$0.00", "$0.00"]);
        assert_eq!(column(&[]), Vec::<String>::new());
    }

    #[test]
    fn what_would_be_nothing_keeps_its_own_decimals() {
        assert_eq!(column(&["5.24", "0.000183", "0"]), ["$5.24", "$0.000183", "$0.00"]);
    }
}
