use std::str::FromStr;

use super::{ComparedPrice, HardwarePart, Scenario, ScenarioError, scenario::refused};
use crate::units::{Millis, Money, MoneyError, Power};

/// The name of a compared price that a person wrote.
pub const WRITTEN_PRICE: &str = "what you pay now";

/// An input that people change: a flag of `tintype roi`, a field of its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// What was paid for all of the hardware.
    Price,
    /// What it will be sold for.
    Residual,
    /// How much of it works for images, in percent.
    SharePercent,
    /// Images that it generates in its life.
    LifetimeImages,
    /// Power of the device, in watts.
    Watts,
    /// Seconds of the device for an image.
    SecondsPerImage,
    /// Price of a kilowatt-hour.
    PricePerKwh,
    /// Repairs, network, space: an image.
    UpkeepPerImage,
    /// All the bills of a year.
    RunningCostsPerYear,
    /// Images of a month.
    ImagesPerMonth,
    /// What an image costs elsewhere: instead of every compared price.
    ComparedPrice,
    /// Years of the table.
    Years,
}

impl Input {
    /// All of them. The price stands before the residual, which must not exceed it.
    pub const ALL: [Self; 12] = [
        Self::Price,
        Self::Residual,
        Self::SharePercent,
        Self::LifetimeImages,
        Self::Watts,
        Self::SecondsPerImage,
        Self::PricePerKwh,
        Self::UpkeepPerImage,
        Self::RunningCostsPerYear,
        Self::ImagesPerMonth,
        Self::ComparedPrice,
        Self::Years,
    ];

    /// Its name, in a query and in errors.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Residual => "residual",
            Self::SharePercent => "share_percent",
            Self::LifetimeImages => "lifetime_images",
            Self::Watts => "watts",
            Self::SecondsPerImage => "seconds_per_image",
            Self::PricePerKwh => "price_per_kwh",
            Self::UpkeepPerImage => "upkeep_per_image",
            Self::RunningCostsPerYear => "running_costs_per_year",
            Self::ImagesPerMonth => "images_per_month",
            Self::ComparedPrice => "compared_price",
            Self::Years => "years",
        }
    }

    /// The input of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|input| input.name() == name)
    }
}

impl Scenario {
    /// An input's value as [`Scenario::change`] reads it; empty if there is none.
    pub fn value(&self, input: Input) -> String {
        let or_empty = |text: Option<String>| text.unwrap_or_default();
        match input {
            Input::Price => or_empty(self.price().ok().map(|price| price.to_string())),
            Input::Residual => or_empty(self.residual().ok().map(|residual| residual.to_string())),
            Input::SharePercent => self.share_percent.to_string(),
            Input::LifetimeImages => or_empty(self.lifetime_images.map(|images| images.to_string())),
            Input::Watts => self.watts.as_watts().to_string(),
            Input::SecondsPerImage => self.seconds_per_image.to_seconds_string(),
            Input::PricePerKwh => self.price_per_kwh.to_string(),
            Input::UpkeepPerImage => self.upkeep_per_image.to_string(),
            Input::RunningCostsPerYear => {
                or_empty(self.running_costs_per_year.map(|costs| costs.to_string()))
            }
            Input::ImagesPerMonth => self.images_per_month.to_string(),
            Input::ComparedPrice => or_empty(self.compared.first().map(|first| first.price.to_string())),
            Input::Years => self.years.to_string(),
        }
    }

    /// Sets an input to what a person wrote. A value that is the present one changes nothing; an empty one takes away
    /// what may be absent. The scenario is to be checked afterwards.
    ///
    /// # Errors
    /// [`ScenarioError::Field`] for a text that is not such a value.
    pub fn change(&mut self, input: Input, text: &str) -> Result<(), ScenarioError> {
        let text = text.trim();
        if text == self.value(input) {
            return Ok(());
        }
        match input {
            Input::Price => self.make_one_part(Some(amount(input, text)?), None)?,
            Input::Residual => self.make_one_part(None, Some(amount(input, text)?))?,
            Input::SharePercent => self.share_percent = count(input, text)?,
            Input::LifetimeImages => {
                self.lifetime_images = Some(count(input, text)?);
                (self.lifetime_years, self.normal_utilisation_percent) = (None, None);
            }
            Input::Watts => self.watts = Power::from_watts(count(input, text)?),
            Input::SecondsPerImage => {
                let seconds = Millis::parse_seconds(text);
                self.seconds_per_image =
                    seconds.map_err(|error| refused(input.name(), &error.to_string()))?;
            }
            Input::PricePerKwh => self.price_per_kwh = amount(input, text)?,
            Input::UpkeepPerImage => self.upkeep_per_image = amount(input, text)?,
            Input::RunningCostsPerYear if text.is_empty() => self.running_costs_per_year = None,
            Input::RunningCostsPerYear => self.running_costs_per_year = Some(amount(input, text)?),
            Input::ImagesPerMonth => self.images_per_month = count(input, text)?,
            Input::ComparedPrice if text.is_empty() => self.compared.clear(),
            Input::ComparedPrice => {
                self.compared =
                    vec![ComparedPrice { name: WRITTEN_PRICE.into(), price: amount(input, text)? }];
            }
            Input::Years => self.years = count(input, text)?,
        }
        Ok(())
    }

    /// The hardware as one part, since a new price is all of it.
    fn make_one_part(&mut self, price: Option<Money>, residual: Option<Money>) -> Result<(), ScenarioError> {
        let price = price.map_or_else(|| self.price(), Ok)?;
        let residual = residual.map_or_else(|| self.residual(), Ok)?;
        if (price, residual) != (self.price()?, self.residual()?) {
            self.parts = vec![HardwarePart { name: "hardware".into(), price, residual }];
        }
        Ok(())
    }
}

fn amount(input: Input, text: &str) -> Result<Money, ScenarioError> {
    text.parse().map_err(|error: MoneyError| refused(input.name(), &error.to_string()))
}

fn count<T: FromStr>(input: Input, text: &str) -> Result<T, ScenarioError> {
    let reason = || format!("`{text}` is not a number; write digits only, such as 500");
    text.parse().map_err(|_| refused(input.name(), &reason()))
}
