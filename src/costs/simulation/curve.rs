use serde::Serialize;

use super::{MONTHS, Outcome, Scenario, ScenarioError, compared::cost_of_year};
use crate::units::{Money, RangeError};

/// What an image costs at a volume, with everything of a year: where it meets a price elsewhere, the hardware breaks even.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CurvePoint {
    /// Images of a month.
    pub images_per_month: u64,
    /// Bills and wear of a year over its images, rounded up.
    pub cost_per_image: Money,
}

impl Scenario {
    /// The cost of an image at up to `points` volumes, evenly spread from the first to `images_per_month_max`.
    ///
    /// # Errors
    /// [`ScenarioError`] for an amount out of range.
    pub fn curve(
        &self,
        outcome: &Outcome,
        images_per_month_max: u64,
        points: u64,
    ) -> Result<Vec<CurvePoint>, ScenarioError> {
        let points = points.clamp(1, images_per_month_max.max(1));
        let volumes = (1..=points).map(|point| (images_per_month_max.max(1)).saturating_mul(point) / points);
        volumes.map(|volume| self.curve_point(outcome, volume)).collect()
    }

    /// The cost of an image at one volume.
    ///
    /// # Errors
    /// [`ScenarioError`] for an amount out of range.
    pub fn curve_point(&self, outcome: &Outcome, images_per_month: u64) -> Result<CurvePoint, ScenarioError> {
        let images = i128::from(images_per_month.max(1)) * i128::from(MONTHS);
        let cost = cost_of_year(self, &outcome.image, images_per_month)?;
        let each = -(-cost).div_euclid(images);
        let each = i64::try_from(each).map_err(|_| RangeError::Money)?;
        Ok(CurvePoint { images_per_month, cost_per_image: Money::from_nano(each) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::costs::simulation::BreakEven;

    #[test]
    fn the_curve_meets_a_price_where_the_hardware_breaks_even() {
        let scenario = Scenario::shipped().expect("the shipped scenario");
        let outcome = scenario.outcome().expect("an outcome");
        for against in &outcome.against {
            let BreakEven::From { images_per_month } = against.break_even else { panic!("it breaks even") };
            let cost = |volume| scenario.curve_point(&outcome, volume).expect("in range").cost_per_image;
            assert!(cost(images_per_month) <= against.price, "{}", against.name);
            assert!(cost(images_per_month - 1) > against.price, "{}", against.name);
        }
    }

    #[test]
    fn the_curve_falls_and_ends_at_its_last_volume() {
        let scenario = Scenario::shipped().expect("the shipped scenario");
        let outcome = scenario.outcome().expect("an outcome");
        let curve = scenario.curve(&outcome, 1000, 50).expect("a curve");
        assert_eq!((curve.len(), curve[0].images_per_month, curve[49].images_per_month), (50, 20, 1000));
        assert!(curve.is_sorted_by(|a, b| a.cost_per_image >= b.cost_per_image));
        assert_eq!(scenario.curve(&outcome, 3, 50).expect("a curve").len(), 3);
    }
}
