//! Renting a device by the hour instead of owning one.

use super::{BreakEven, MONTHS, Outcome, Rental, RentalOutcome, Scenario, ScenarioError, compared};
use crate::units::{Money, RangeError};

/// Milliseconds in an hour.
const HOUR_MILLIS: u64 = 3_600_000;

impl Rental {
    /// What `images` of a month cost.
    fn month(&self, scenario: &Scenario, images: u64) -> Result<Money, RangeError> {
        let worked = images.saturating_mul(scenario.seconds_per_image.get());
        let paid = worked.max(u64::from(self.minimum_hours) * HOUR_MILLIS);
        self.per_hour.share_ceil(paid, HOUR_MILLIS)
    }
}

impl RentalOutcome {
    pub(super) fn new(
        scenario: &Scenario,
        outcome: &Outcome,
        rental: &Rental,
    ) -> Result<Self, ScenarioError> {
        let month = rental.month(scenario, scenario.images_per_month)?;
        let owned_month = outcome.year.total.share_ceil(1, MONTHS)?;
        Ok(Self {
            name: rental.name.clone(),
            per_hour: rental.per_hour,
            minimum_hours: rental.minimum_hours,
            month,
            image: month.share_ceil(1, scenario.images_per_month)?,
            owned_month,
            saving: month.minus(owned_month)?,
            break_even: break_even(scenario, outcome, rental)?,
            source: rental.source.clone(),
        })
    }
}

/// Owning one image's worth may be cheaper than the least that is paid; beyond that least, renting has one price an image.
fn break_even(scenario: &Scenario, outcome: &Outcome, rental: &Rental) -> Result<BreakEven, ScenarioError> {
    let least = i128::from(rental.month(scenario, 1)?.as_nano()) * i128::from(MONTHS);
    if compared::cost_of_year(scenario, &outcome.image, 1)? <= least {
        return Ok(BreakEven::From { images_per_month: 1 });
    }
    let price = rental.per_hour.share_floor(scenario.seconds_per_image.get(), HOUR_MILLIS)?;
    compared::break_even(scenario, &outcome.image, price)
}
