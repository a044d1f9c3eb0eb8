//! How an amount was invoiced, in another currency or with a value-added tax, and the cost that comes of it.

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::units::{Currency, Money, RangeError, deserialize_from_str, serialize_as_text};

/// A rate of 1, in billionths.
const ONE: u64 = 1_000_000_000;
/// Hundredths of a percent in the whole.
const WHOLE: u64 = 10_000;

/// An amount as an invoice states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// What it states.
    pub amount: Money,
    /// In which currency.
    pub currency: Currency,
    /// What one unit of that currency cost in the ledger's on the day of the purchase.
    pub exchange_rate: Money,
    /// The tax on it; none: it has none, or nothing is said of it.
    pub vat: Option<Vat>,
}

/// A value-added tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vat {
    /// How much of the net amount it is.
    pub rate: VatRate,
    /// Whether the amount includes it.
    pub is_included: bool,
    /// Whether it is deducted as input tax, and so is no cost.
    pub is_deducted: bool,
}

/// A rate in hundredths of a percent, at most 100 %.
///
/// ```
/// use tintype::costs::VatRate;
///
/// assert_eq!("7.7".parse::<VatRate>().unwrap().to_string(), "7.7");
/// assert!("19 %".parse::<VatRate>().is_err() && "101".parse::<VatRate>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VatRate(u32);

/// A text that is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a rate; write a percentage from 0 to 100 with at most 2 decimals, such as 19 or 7.7")]
pub struct VatRateError(String);

impl Invoice {
    /// What the stated amount costs in the ledger's currency.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn cost(&self) -> Result<Money, RangeError> {
        self.cost_of(self.amount)
    }

    /// What `amount`, stated in the same way, costs in the ledger's currency: without the tax if that is deducted, with it if
    /// not; rounded up.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn cost_of(&self, amount: Money) -> Result<Money, RangeError> {
        let (times, over) = self.vat.map_or((1, 1), |vat| {
            let gross = WHOLE + u64::from(vat.rate.0);
            match (vat.is_included, vat.is_deducted) {
                (true, true) => (WHOLE, gross),
                (false, false) => (gross, WHOLE),
                (true, false) | (false, true) => (1, 1),
            }
        });
        let rate = u64::try_from(self.exchange_rate.as_nano()).map_err(|_| RangeError::Money)?;
        let times = rate.checked_mul(times).ok_or(RangeError::Money)?;
        amount.share_ceil(times, ONE * over)
    }
}

/// `1999.00 EUR, at 7.80, with 19 % VAT that is deducted`
impl fmt::Display for Invoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)?;
        if self.exchange_rate.as_nano().unsigned_abs() != ONE {
            write!(f, ", at {}", self.exchange_rate)?;
        }
        let Some(vat) = self.vat else { return Ok(()) };
        let with = if vat.is_included { "with" } else { "without" };
        let deducted = if vat.is_deducted { "deducted" } else { "not deducted" };
        write!(f, ", {with} {} % VAT, {deducted}", vat.rate)
    }
}

impl fmt::Display for VatRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Decimal::new(self.0.into(), 2).normalize())
    }
}

impl FromStr for VatRate {
    type Err = VatRateError;

    fn from_str(text: &str) -> Result<Self, VatRateError> {
        let hundredths = text.parse::<Decimal>().ok().map(|percent| percent * Decimal::ONE_HUNDRED);
        hundredths
            .filter(Decimal::is_integer)
            .and_then(|hundredths| u32::try_from(hundredths).ok())
            .filter(|hundredths| u64::from(*hundredths) <= WHOLE)
            .map(Self)
            .ok_or_else(|| VatRateError(text.to_owned()))
    }
}

deserialize_from_str!(VatRate);
serialize_as_text!(VatRate);

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        text.parse().expect("an amount")
    }

    fn invoice(rate: &str, is_included: bool, is_deducted: bool) -> Invoice {
        let rate = rate.parse().expect("a rate");
        let vat = Some(Vat { rate, is_included, is_deducted });
        Invoice { amount: money("1190"), currency: Currency::EUR, exchange_rate: money("7.8"), vat }
    }

    #[test]
    fn tax_is_a_cost_only_where_it_is_not_deducted() {
        let cost = |is_included, is_deducted| {
            invoice("19", is_included, is_deducted).cost().expect("in range").to_string()
        };
        assert_eq!(cost(true, false), "9282.00", "gross, and it stays a cost");
        assert_eq!(cost(true, true), "7800.00", "1,190 of which 190 come back");
        assert_eq!(cost(false, true), "9282.00", "net, and the tax comes back");
        assert_eq!(cost(false, false), "11045.58", "net, and 19 % more is paid");
        let without = Invoice { vat: None, exchange_rate: money("1"), ..invoice("19", true, true) };
        assert_eq!(without.cost(), Ok(money("1190")));
        assert_eq!(invoice("7.7", true, true).cost_of(money("1")), Ok(money("7.242339833")), "rounded up");
    }

    #[test]
    fn an_invoice_is_read_back_and_said_as_it_was_stated() {
        let invoice = invoice("8.1", false, true);
        let json = serde_json::to_string(&invoice).expect("JSON");
        assert_eq!(serde_json::from_str::<Invoice>(&json).expect("an invoice"), invoice);
        assert_eq!(invoice.to_string(), "1190.00 EUR, at 7.80, without 8.1 % VAT, deducted");
        for text in ["-1", "100.01", "1.234", "x", ""] {
            assert!(text.parse::<VatRate>().is_err(), "{text}");
        }
    }
}
