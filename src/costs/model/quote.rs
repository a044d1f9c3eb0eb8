use jiff::civil::DateTime;

use super::CostModel;
use crate::{
    costs::{CostError, Filed, Receipt},
    domain::{RenderJob, Usage},
    units::Money,
};

/// What is known of a job's cost before it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// What one image of it is expected to cost, and what it costs elsewhere.
    pub image: Receipt,
    /// The same for all its images.
    pub job: Receipt,
}

impl Quote {
    /// What budgets set aside for the whole job: its expected standard cost, never below 0. What electricity with a
    /// negative price may bring is not promised.
    ///
    /// # Errors
    /// [`CostError::Range`] past the ledger's range.
    pub fn estimate(&self) -> Result<Money, CostError> {
        Ok(self.job.standard()?.max(Money::ZERO))
    }
}

impl CostModel {
    /// What a job is expected to cost if each image takes `usage` of the device, and what it costs elsewhere, at the prices of
    /// `at`; by `costs.mix` if it is known whose it is.
    ///
    /// # Errors
    /// [`CostError`] if an amount is out of range.
    pub fn quote(
        &self,
        job: &RenderJob,
        filed: Option<Filed<'_>>,
        usage: Usage,
        at: DateTime,
    ) -> Result<Quote, CostError> {
        let comparison = match filed {
            Some(filed) => self.compare_filed(job.product(), filed, at.date()),
            None => self.compare(job.product(), at.date()),
        };
        let image = self.receipt(usage, comparison, at)?;
        Ok(Quote { job: image.times(job.images)?, image })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::{
        costs::{CostSettings, ExchangeRate, PriceBook},
        domain::{EnergySource, ImageSize, Quality, RenderSpec, Seed},
        units::{Currency, Energy, Millis},
    };

    #[test]
    fn a_job_is_expected_to_cost_its_images_as_often_as_there_are_any() {
        let day = date(2026, 11, 23);
        let dollars = ExchangeRate {
            from: Currency::USD,
            to: Currency::CNY,
            rate: Money::from_nano(7_000_000_000),
            effective_from: day,
        };
        let prices = PriceBook::built_in().expect("a price book");
        let model = CostModel::new(CostSettings::default(), prices, vec![dollars]).expect("a model");
        let spec = RenderSpec::new("x", ImageSize::square(1000), 8);
        let job = RenderJob { spec, images: 3, seed: Seed::new(1), quality: Quality::default() };
        // 450 W for 15 s, as in the article of January 2026.
        let energy = Energy::from_millijoules(6_750_000);
        let usage =
            Usage { duration: Millis::new(15_000), energy, source: EnergySource::Estimated, epoch: None };
        let noon = day.at(12, 0, 0, 0);
        let quote = model.quote(&job, None, usage, noon).expect("a quote");

        let receipt = model.receipt(usage, quote.image.comparison.clone(), noon).expect("a receipt");
        assert_eq!(quote.image, receipt, "what is foreseen is priced as what was measured");
        assert_eq!(quote.image.standard().map(|sum| sum.to_string()), Ok("0.375583334".into()));
        assert_eq!(quote.estimate().map(|sum| sum.to_string()), Ok("1.126750002".into()));
        assert_eq!(quote.job.usage.duration, Millis::new(45_000));
        assert_eq!(quote.job.wall_energy, Energy::from_millijoules(20_250_000));
        assert_eq!(quote.job.saving().map(|sum| sum.to_string()), Some("-1.021750002".into()));
    }
}
