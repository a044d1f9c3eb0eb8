use super::{
    ImageCost, Lifetime, MONTHS, Outcome, PriceOutcome, RentalOutcome, Scenario, ScenarioError, YEAR_MILLIS,
    YearCost, compared::depreciation_of_year,
};
use crate::units::{Energy, Millis, Money, RangeError};

impl Scenario {
    /// What follows from this scenario.
    ///
    /// # Errors
    /// [`ScenarioError`] for a value that cannot be, or an amount out of range.
    pub fn outcome(&self) -> Result<Outcome, ScenarioError> {
        self.check()?;
        let image = self.image_cost()?;
        let year = self.year_cost(&image)?;
        let mut outcome = Outcome {
            scenario: self.name.clone(),
            currency: self.currency,
            images_per_month: self.images_per_month,
            capacity_per_month: self.capacity_per_month(),
            price: self.price()?.share_ceil(u64::from(self.share_percent), 100)?,
            residual: self.residual()?.share_floor(u64::from(self.share_percent), 100)?,
            fully_loaded: year.total.share_ceil(1, year.images)?,
            image,
            year,
            against: Vec::new(),
            rentals: Vec::new(),
        };
        for compared in &self.compared {
            let against = PriceOutcome::new(self, &outcome, compared)?;
            outcome.against.push(against);
        }
        for rental in &self.rentals {
            let rented = RentalOutcome::new(self, &outcome, rental)?;
            outcome.rentals.push(rented);
        }
        Ok(outcome)
    }

    fn image_cost(&self) -> Result<ImageCost, ScenarioError> {
        let time = self.seconds_per_image;
        let energy = self.watts.over(time).plus(self.host_watts.over(time))?;
        let energy_kwh = energy.scale_percent_ceil(self.wall_factor_percent);
        let electricity = self.price_of(energy_kwh)?;
        let price = self.price()?;
        let depreciation = self.depreciation_of_image(price.minus(self.residual()?)?)?;
        let depreciation_without_residual = self.depreciation_of_image(price)?;
        let upkeep = self.upkeep_per_image;
        let standard = |depreciation| electricity.plus(depreciation)?.plus(upkeep);
        Ok(ImageCost {
            energy_kwh,
            electricity,
            depreciation,
            depreciation_without_residual,
            upkeep,
            standard: standard(depreciation)?,
            standard_without_residual: standard(depreciation_without_residual)?,
        })
    }

    /// An image's part of what hardware loses in its life.
    fn depreciation_of_image(&self, loss: Money) -> Result<Money, ScenarioError> {
        let share = u64::from(self.share_percent);
        let (numerator, denominator) = match self.lifetime()? {
            Lifetime::Images(images) => (share, images.saturating_mul(100)),
            Lifetime::Years { years, normal_utilisation_percent: Some(percent) } => {
                // loss · share/100 · time / (years · 8760 h · utilisation/100)
                let generating = u64::from(years) * YEAR_MILLIS * u64::from(percent);
                (share * self.seconds_per_image.get(), generating)
            }
            Lifetime::Years { years, normal_utilisation_percent: None } => {
                (share, u64::from(years).saturating_mul(self.images_per_year()).saturating_mul(100))
            }
        };
        Ok(loss.share_ceil(numerator, denominator)?)
    }

    fn year_cost(&self, image: &ImageCost) -> Result<YearCost, ScenarioError> {
        let images = self.images_per_year();
        let electricity = image.electricity.times(images)?;
        let idle_electricity = self.idle_electricity_of_year(self.images_per_month)?;
        let upkeep = image.upkeep.times(images)?;
        let known = electricity.plus(idle_electricity)?.plus(upkeep)?;
        let bills = self.running_costs_per_year.unwrap_or_default();
        let fixed = self.fixed_costs_per_year;
        let other = bills.minus(known)?.max(fixed);
        let depreciation = depreciation_of_year(self, image, self.images_per_month)?;
        let depreciation =
            i64::try_from(depreciation).map(Money::from_nano).map_err(|_| RangeError::Money)?;
        let total = known.plus(other)?.plus(depreciation)?;
        Ok(YearCost { images, electricity, idle_electricity, upkeep, other, depreciation, total })
    }

    pub(super) fn idle_electricity_of_year(&self, images_per_month: u64) -> Result<Money, ScenarioError> {
        let on = YEAR_MILLIS / 24 * u64::from(self.hours_on_per_day);
        let images = images_per_month.saturating_mul(MONTHS);
        let generating = images.saturating_mul(self.seconds_per_image.get());
        let idle = self.idle_watts.over(Millis::new(on.saturating_sub(generating)));
        Ok(self.price_of(idle.scale_percent_ceil(self.wall_factor_percent))?)
    }

    fn price_of(&self, energy: Energy) -> Result<Money, RangeError> {
        let (millijoules, kwh) = (energy.as_millijoules(), Energy::KILOWATT_HOUR.as_millijoules());
        self.price_per_kwh.share_ceil(millijoules, kwh)
    }

    /// Price less residual, of all the hardware.
    pub(super) fn loss(&self) -> Result<Money, RangeError> {
        self.price()?.minus(self.residual()?)
    }

    pub(super) fn images_per_year(&self) -> u64 {
        self.images_per_month.saturating_mul(MONTHS)
    }
}
