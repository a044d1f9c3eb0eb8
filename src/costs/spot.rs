//! Prices of electricity hour by hour, as an exchange sets them for a day ahead.

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::units::Money;

/// Prices that follow upon each other, by the clock on the wall. In their time they count instead of a tariff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpotPrices {
    /// At least one, by their first moments.
    prices: Vec<SpotPrice>,
    /// The first moment without a price.
    until: DateTime,
}

/// A price and its first moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpotPrice {
    /// Its first moment; it holds until the next one's.
    pub from: DateTime,
    /// Price of a kilowatt-hour at the plug; below 0 where the grid pays for what is used.
    pub price_per_kwh: Money,
}

impl SpotPrices {
    /// `prices` until `until`; none if there is none, or one of them begins at `until` or later.
    pub fn new(mut prices: Vec<SpotPrice>, until: DateTime) -> Option<Self> {
        // A stable sort: of two from one moment, when clocks are put back, the later one counts.
        prices.sort_by_key(|price| price.from);
        (prices.last()?.from < until).then_some(Self { prices, until })
    }

    /// All of them.
    pub fn prices(&self) -> &[SpotPrice] {
        &self.prices
    }

    /// The first moment without a price.
    pub fn until(&self) -> DateTime {
        self.until
    }

    /// The one that holds at `at`; none before the first and after the last.
    pub fn at(&self, at: DateTime) -> Option<&SpotPrice> {
        let begun = self.prices.partition_point(|price| price.from <= at);
        self.prices[..begun].last().filter(|_| at < self.until)
    }

    /// The moments after `begin` and up to `end` at which its price may change.
    pub(super) fn edges(&self, begin: DateTime, end: DateTime) -> impl Iterator<Item = DateTime> {
        let [from, to] = [begin, end].map(|moment| self.prices.partition_point(|price| price.from <= moment));
        let its_end = Some(self.until).filter(|until| begin < *until && *until <= end);
        self.prices[from..to].iter().map(|price| price.from).chain(its_end)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn each_price_holds_until_the_next_and_the_last_until_the_end() {
        let hour = |hour| date(2026, 11, 23).at(hour, 0, 0, 0);
        let price =
            |at, price: &str| SpotPrice { from: hour(at), price_per_kwh: price.parse().expect("a price") };
        let prices = SpotPrices::new(vec![price(2, "-0.05"), price(1, "0.30")], hour(3)).expect("prices");
        let at = |moment| prices.at(moment).map(|price| price.price_per_kwh.to_string());
        assert_eq!(at(date(2026, 11, 23).at(0, 59, 59, 0)), None);
        assert_eq!(at(hour(1)), Some("0.30".into()));
        assert_eq!(at(date(2026, 11, 23).at(2, 59, 59, 0)), Some("-0.05".into()));
        assert_eq!(at(hour(3)), None);
        assert_eq!(prices.edges(hour(0), hour(9)).collect::<Vec<_>>(), [hour(1), hour(2), hour(3)]);
        assert_eq!(prices.edges(hour(1), hour(2)).collect::<Vec<_>>(), [hour(2)]);
        assert_eq!(SpotPrices::new(vec![price(3, "1")], hour(3)), None);
        assert_eq!(SpotPrices::new(Vec::new(), hour(3)), None);
    }
}
