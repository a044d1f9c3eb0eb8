use serde::Serialize;

use super::{HardwarePart, Lifetime, Scenario, ScenarioError};
use crate::units::Money;

/// Days that a look back covers.
pub const LATELY_DAYS: u32 = 30;
/// Days of a year in which hardware is worn by time.
const DAYS_A_YEAR: u64 = 365;

/// What was bought elsewhere in the last [`LATELY_DAYS`] because there was no room here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoughtLately {
    /// Images that were bought.
    pub images: u64,
    /// What was paid for them, and for what never came or is in doubt.
    pub paid: Money,
    /// What the bought images were expected to cost here, one more each: the measured marginal cost.
    pub here: Money,
}

/// What one more card of the same kind would have saved in the last [`LATELY_DAYS`], against buying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnotherCard {
    /// The days.
    pub days: u32,
    /// The card: the dearest part of the hardware.
    pub card: String,
    /// Images that were bought.
    pub bought_images: u64,
    /// What was paid.
    pub paid: Money,
    /// What the same images cost here at the margin.
    pub marginal: Money,
    /// What one more card loses in these days: by images, those that were bought; by time, the days; rounded up.
    pub depreciation: Money,
    /// What was paid, less the two; negative where buying was cheaper.
    pub saving: Money,
}

impl Scenario {
    /// What one more card would have saved against what was bought. The whole card counts, whatever the share of the hardware is that
    /// works for images: it would have been bought for these.
    ///
    /// # Errors
    /// [`ScenarioError`] if the hardware has no lifetime or no part, or an amount passes the ledger's range.
    pub fn another_card(&self, bought: &BoughtLately) -> Result<AnotherCard, ScenarioError> {
        let dearest = self.parts.iter().max_by_key(|part| part.price);
        let none = || ScenarioError::Field { field: "part", reason: "there is none; add one".into() };
        let HardwarePart { name, price, residual } = dearest.ok_or_else(none)?;
        let worn = price.minus(*residual)?;
        let depreciation = match self.lifetime()? {
            Lifetime::Images(images) => worn.share_ceil(bought.images, images)?,
            Lifetime::Years { years, .. } => {
                worn.share_ceil(u64::from(LATELY_DAYS), u64::from(years) * DAYS_A_YEAR)?
            }
        };
        Ok(AnotherCard {
            days: LATELY_DAYS,
            card: name.clone(),
            bought_images: bought.images,
            paid: bought.paid,
            marginal: bought.here,
            depreciation,
            saving: bought.paid.minus(bought.here)?.minus(depreciation)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        text.parse().expect("an amount")
    }

    fn with_life(change: impl FnOnce(&mut Scenario)) -> AnotherCard {
        let mut scenario = Scenario::shipped().expect("the shipped scenario");
        change(&mut scenario);
        let bought = BoughtLately { images: 900, paid: money("332.46"), here: money("1.98") };
        scenario.another_card(&bought).expect("in range")
    }

    #[test]
    fn a_card_that_lasts_years_loses_30_days_of_them() {
        // The card of the article: 13,000 less 7,000. Over 3 years of 365 days: 6000 · 30 / 1095 = 164.383561643…
        let card = with_life(|scenario| {
            scenario.lifetime_images = None;
            scenario.lifetime_years = Some(3);
        });
        assert_eq!((card.card.as_str(), card.days, card.bought_images), ("RTX 4090", 30, 900));
        assert_eq!(card.depreciation, money("164.383561644"));
        // 332.46 - 1.98 - 164.383561644
        assert_eq!(card.saving, money("166.096438356"));
    }

    #[test]
    fn a_card_that_lasts_images_loses_those_that_were_bought_and_may_cost_more_than_buying() {
        // 6000 · 900 / 30,000 = 180; 332.46 - 1.98 - 180 = 150.48
        let card = with_life(|scenario| scenario.lifetime_images = Some(30_000));
        assert_eq!((card.depreciation, card.saving), (money("180"), money("150.48")));
        // 6000 · 900 / 9,000 = 600; 332.46 - 1.98 - 600 = -269.52
        let card = with_life(|scenario| scenario.lifetime_images = Some(9_000));
        assert_eq!((card.depreciation, card.saving), (money("600"), money("-269.52")));
    }
}
