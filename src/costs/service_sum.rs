use super::{ServiceComparison, Unpriced, WholePlans};
use crate::units::RangeError;

impl ServiceComparison {
    /// Two spans at one service together. What they cost all in is not summed: see
    /// [`ServiceComparison::against_all_in`].
    ///
    /// # Errors
    /// [`RangeError`] if what the images cost here is past the ledger's range.
    pub fn plus(self, other: Self) -> Result<Self, RangeError> {
        let compared_price = match (self.compared_price, other.compared_price) {
            (Some(one), Some(another)) => one.plus(another).ok(),
            // A span without images has a price of 0, which does not price the other.
            (one, another) => one.filter(|_| self.images != 0).or(another.filter(|_| other.images != 0)),
        };
        let total = self.total.plus(other.total)?;
        let saving = compared_price.and_then(|price| price.minus(total).ok());
        let price = compared_price.unwrap_or_default();
        let mut prices = self.prices;
        prices.extend(other.prices.into_iter().filter(|price| !prices.contains(price)).collect::<Vec<_>>());
        prices.sort_by_key(|price| price.effective_from);
        Ok(Self {
            sku: self.sku,
            headline: other.headline,
            images: self.images + other.images,
            compared_price,
            total,
            saving,
            saving_percent_tenths: saving.and_then(|saving| saving.percent_tenths_of(price)),
            all_in_total: None,
            saving_all_in: None,
            saving_all_in_percent_tenths: None,
            prices,
            unpriced: unpriced(self.unpriced, other.unpriced),
            plans: plans(self.plans, other.plans),
            notice: other.notice,
        })
    }
}

fn unpriced(one: Option<Unpriced>, other: Option<Unpriced>) -> Option<Unpriced> {
    match (one, other) {
        (Some(one), Some(other)) => {
            let (first, next) = if one.first <= other.first { (one, other) } else { (other, one) };
            Some(Unpriced {
                images: first.images + next.images,
                days: first.days + next.days,
                last: first.last.max(next.last),
                ..first
            })
        }
        (one, other) => one.or(other),
    }
}

fn plans(one: Option<WholePlans>, other: Option<WholePlans>) -> Option<WholePlans> {
    match (one, other) {
        (Some(one), Some(other)) => Some(WholePlans {
            plans: one.plans + other.plans,
            price: one.price.plus(other.price).ok()?,
            saving: one.saving.plus(other.saving).ok()?,
        }),
        (one, other) => one.or(other),
    }
}
