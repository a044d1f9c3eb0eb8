//! What an operator should know of the compared services: whose price is gone, and whose will be.

use std::fmt;

use jiff::{Span, civil::Date};
use serde::{Deserialize, Serialize};

use super::CostModel;
use crate::{
    costs::{CostError, PriceError, prices::DAYS_AHEAD},
    domain::{ImageSize, Operation, Product, Quality},
    units::Currency,
};

/// A compared service without a price, or with one that ends soon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceNotice {
    /// The service, a sku of the price book.
    pub sku: String,
    /// What is the matter with its price.
    #[serde(flatten)]
    pub matter: PriceMatter,
}

/// What is the matter with a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "matter", rename_all = "snake_case")]
pub enum PriceMatter {
    /// It holds today and is the last one.
    Ends {
        /// Its last day.
        on: Date,
    },
    /// The last price has ended.
    Ended {
        /// The first day without one.
        since: Date,
    },
    /// The first price has not begun.
    NotBegun {
        /// The first day with one.
        from: Date,
    },
    /// No exchange rate holds today.
    NoRate {
        /// The price's currency.
        currency: Currency,
    },
    /// An image costs less than a billionth, or more than the ledger can hold.
    OutOfRange,
}

impl CostModel {
    /// What is the matter with the price of `sku` on `today`; none if it has one for the next month.
    pub(crate) fn price_notice(&self, sku: &str, today: Date) -> Option<PriceNotice> {
        let matter = self.price_matter(sku, today)?;
        Some(PriceNotice { sku: sku.to_owned(), matter })
    }

    /// The same for every compared service.
    pub fn price_notices(&self, today: Date) -> Vec<PriceNotice> {
        self.compared_skus().into_iter().filter_map(|sku| self.price_notice(sku, today)).collect()
    }

    fn price_matter(&self, sku: &str, today: Date) -> Option<PriceMatter> {
        let entries = || {
            let entries = self.basis.prices.entries().iter();
            entries.filter(|entry| entry.sku == sku && entry.operation == Operation::Generate)
        };
        // Entries of a sku have no gaps between them.
        let last = entries().max_by_key(|entry| entry.effective_from)?;
        match self.compare_sku(sku, Product::generated(ImageSize::square(1024), Quality::default()), today) {
            Ok(_) => {
                let end = last.effective_to?;
                let soon = today.checked_add(Span::new().days(DAYS_AHEAD)).unwrap_or(Date::MAX);
                (end <= soon).then_some(PriceMatter::Ends { on: end })
            }
            Err(CostError::NoExchangeRate { from, .. }) => Some(PriceMatter::NoRate { currency: from }),
            Err(CostError::Price(PriceError::Unpriced { .. })) => Some(match last.effective_to {
                Some(end) if end < today => PriceMatter::Ended { since: end.tomorrow().unwrap_or(end) },
                _ => PriceMatter::NotBegun { from: entries().map(|entry| entry.effective_from).min()? },
            }),
            Err(_) => Some(PriceMatter::OutOfRange),
        }
    }
}

/// For the log and the command line.
impl fmt::Display for PriceNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sku = &self.sku;
        match self.matter {
            PriceMatter::Ends { on } => {
                write!(
                    f,
                    "{sku}: its price ends on {on}; add the next one to the price book, or compare with another service"
                )
            }
            PriceMatter::Ended { since } => {
                write!(
                    f,
                    "{sku}: no price since {since}; add one to the price book, or compare with another service"
                )
            }
            PriceMatter::NotBegun { from } => {
                write!(f, "{sku}: no price until {from}; until then compare with another service")
            }
            PriceMatter::NoRate { currency } => {
                write!(
                    f,
                    "{sku}: no exchange rate from {currency} holds today; add an [[exchange_rate]] to the configuration"
                )
            }
            PriceMatter::OutOfRange => {
                write!(
                    f,
                    "{sku}: its price in the ledger's currency is below a billionth or out of range; check the price and the [[exchange_rate]]"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::costs::{CostSettings, ExchangeRate, PriceBook};

    fn model(headline: &str, rates: Vec<ExchangeRate>) -> CostModel {
        let settings = CostSettings {
            compare_with: headline.into(),
            also_compare_with: vec!["fal/z-image-turbo".into()],
            ..CostSettings::default()
        };
        CostModel::new(settings, PriceBook::built_in().expect("a book"), rates).expect("a model")
    }

    fn dollars(rate: &str) -> Vec<ExchangeRate> {
        let rate = rate.parse().expect("a rate");
        let effective_from = date(2026, 1, 1);
        vec![ExchangeRate { from: Currency::USD, to: Currency::CNY, rate, effective_from }]
    }

    fn matters(model: &CostModel, day: Date) -> Vec<PriceMatter> {
        model.price_notices(day).into_iter().map(|notice| notice.matter).collect()
    }

    #[test]
    fn the_end_of_a_price_is_announced_a_month_ahead_and_said_afterwards() {
        let model = model("openai/gpt-image-1.5", dollars("7"));
        let last = date(2026, 12, 1);
        assert!(matters(&model, date(2026, 10, 31)).is_empty());
        assert_eq!(matters(&model, date(2026, 11, 1)), [PriceMatter::Ends { on: last }]);
        assert_eq!(matters(&model, last), [PriceMatter::Ends { on: last }]);
        let ended = PriceMatter::Ended { since: date(2026, 12, 2) };
        assert_eq!(matters(&model, date(2026, 12, 2)), [ended]);
        assert_eq!(matters(&model, date(2031, 1, 1)), [ended]);
        let words = model.price_notices(date(2027, 1, 1))[0].to_string();
        assert!(words.starts_with("openai/gpt-image-1.5: no price since 2026-12-02; "), "{words}");
    }

    #[test]
    fn a_price_or_a_rate_that_has_not_begun_is_named() {
        let early = date(2025, 6, 1);
        let model = model("openai/gpt-image-1.5", dollars("7"));
        assert_eq!(matters(&model, early), [PriceMatter::NotBegun { from: date(2026, 1, 1) }; 2]);
        let no_rate = PriceMatter::NoRate { currency: Currency::USD };
        let model = self::model("openai/gpt-image-2", vec![]);
        assert_eq!(matters(&model, date(2026, 11, 23)), [no_rate; 2]);
        let model = self::model("openai/gpt-image-2", dollars("0.000000001"));
        let day = date(2026, 11, 23);
        assert_eq!(matters(&model, day), [PriceMatter::OutOfRange; 2]);
        assert_eq!(model.compare(Product::generated(ImageSize::square(1024), Quality::default()), day), None);
    }
}
