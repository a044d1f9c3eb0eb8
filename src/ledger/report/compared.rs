use serde::{Deserialize, Serialize};

use crate::{
    ledger::LedgerError,
    units::{Money, RangeError},
};

/// What images would have cost at the service that each was compared with: of those that had a price on their day.
///
/// A comparison is decoration. Its sums are wide enough that no list price can put a report out of range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Images with a price, less those that were taken back.
    pub images: i64,
    /// Their standard cost.
    pub standard: Money,
    #[serde(with = "as_text")]
    nano: i128,
}

impl Compared {
    /// `images` that cost `standard` here and `price` elsewhere.
    pub fn new(images: i64, standard: Money, price: Money) -> Self {
        Self { images, standard, nano: price.as_nano().into() }
    }

    /// Adds another image, or takes one back.
    pub(super) fn add(&mut self, images: i64, standard: Money, price: Money) -> Result<(), LedgerError> {
        *self = self.plus(&Self::new(images, standard, price))?;
        Ok(())
    }

    /// The sums of both.
    ///
    /// # Errors
    /// [`RangeError`] if the standard cost is.
    pub fn plus(&self, other: &Self) -> Result<Self, RangeError> {
        Ok(Self {
            images: self.images + other.images,
            standard: self.standard.plus(other.standard)?,
            nano: self.nano.saturating_add(other.nano),
        })
    }

    /// The list prices of `all` images; none if there are images and none of them has a price.
    pub fn price(&self, all: i64) -> Option<Money> {
        let has_price = self.images != 0 || self.nano != 0 || all == 0;
        i64::try_from(self.nano).ok().filter(|_| has_price).map(Money::from_nano)
    }

    /// That less what the same images cost here; negative for a loss.
    pub fn saving(&self, all: i64) -> Option<Money> {
        self.price(all)?.minus(self.standard).ok()
    }
}

/// JSON's readers keep 64 bits of a number.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(nano: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(nano)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_without_a_price_are_compared_with_nothing() {
        let none = Compared::default();
        assert_eq!((none.price(0), none.saving(0)), (Some(Money::ZERO), Some(Money::ZERO)), "an empty month");
        assert_eq!((none.price(3), none.saving(3)), (None, None));
        let some = Compared::new(2, Money::from_nano(30), Money::from_nano(50));
        assert_eq!((some.price(3), some.saving(3)), (Some(Money::from_nano(50)), Some(Money::from_nano(20))));
    }

    #[test]
    fn list_prices_put_no_report_out_of_range() {
        let dear = Compared::new(1, Money::ZERO, Money::MAX);
        let both = dear.plus(&dear).expect("a sum");
        assert_eq!((both.images, both.price(2), both.saving(2)), (2, None, None));
    }
}
