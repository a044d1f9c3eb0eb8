use figment::Figment;
use serde::{Deserialize, Deserializer};

use super::{MONTHS, YEAR_MILLIS};
use crate::{
    costs::CostSettings,
    domain::ImageSize,
    toml_text::TomlText,
    units::{Currency, Millis, Money, Power, RangeError},
};

/// The article's scenario, as it is shipped.
const SHIPPED: &str = include_str!("../../../config/scenarios/rtx4090-2026.toml");
/// No machine of one person draws more.
const WATTS_MAX: Power = Power::from_watts(100_000);
/// An image that takes longer than a day is a typing mistake.
const IMAGE_TIME_MAX: Millis = Millis::new(86_400_000);
/// Hours of the longest month.
const HOURS_MAX: u32 = 31 * 24;
/// Hardware that lasts longer is a typing mistake.
pub(super) const YEARS_MAX: u32 = 50;

/// What one person's hardware, power and habits are. Amounts in `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is about.
    pub name: String,
    /// Currency of every amount.
    pub currency: Currency,
    /// What was bought.
    #[serde(rename = "part")]
    pub parts: Vec<HardwarePart>,
    /// How much of the hardware works for images, in percent.
    #[serde(default = "hundred")]
    pub share_percent: u32,
    /// Images that the hardware generates in its life; none: it lasts `lifetime_years`.
    pub lifetime_images: Option<u64>,
    /// Years that the hardware lasts; none: it lasts `lifetime_images`.
    pub lifetime_years: Option<u32>,
    /// With `lifetime_years`, the share of all hours in which it usually generates images, in percent; none: what
    /// `images_per_month` comes to.
    pub normal_utilisation_percent: Option<u32>,
    /// Power of the device while it generates images.
    pub watts: Power,
    /// Time of the device for an image.
    #[serde(deserialize_with = "seconds")]
    pub seconds_per_image: Millis,
    /// Power of the machine around the device while it generates images; 0 if `watts` includes it.
    #[serde(default)]
    pub host_watts: Power,
    /// What the plug delivers for 100 W that the machine uses.
    #[serde(default = "hundred")]
    pub wall_factor_percent: u32,
    /// Price of a kilowatt-hour at the plug.
    pub price_per_kwh: Money,
    /// Power of the whole machine while it is on and generates nothing.
    #[serde(default)]
    pub idle_watts: Power,
    /// Hours that it is on, each day; 0: only while it generates images.
    #[serde(default)]
    pub hours_on_per_day: u32,
    /// Repairs, network, space: a flat amount an image.
    #[serde(default)]
    pub upkeep_per_image: Money,
    /// All the bills of a year for running it, electricity and upkeep included; none: the sum of those that are worked
    /// out here. Where that sum is larger than the bills, the sum counts.
    pub running_costs_per_year: Option<Money>,
    /// What a machine costs in a year beside these, whatever it generates: rents and the like that its ledger has.
    #[serde(skip)]
    pub fixed_costs_per_year: Money,
    /// Images generated in a month.
    pub images_per_month: u64,
    /// What an image costs elsewhere; the yearly table of a report is against the first.
    #[serde(default)]
    pub compared: Vec<ComparedPrice>,
    /// Devices that could be rented instead.
    #[serde(default, rename = "rental")]
    pub rentals: Vec<Rental>,
    /// The same weights, hosted: the name of a compared price, or an entry of the price book.
    pub like_for_like: String,
    /// Size of an image, for services that charge by the pixel.
    #[serde(default = "usual_size")]
    pub size: ImageSize,
    /// Years of the table, and in which the hardware must have paid where its life is counted in images.
    #[serde(default = "three")]
    pub years: u32,
}

/// A part of the hardware.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HardwarePart {
    /// What it is.
    pub name: String,
    /// What was paid for it.
    pub price: Money,
    /// What it will be sold for.
    #[serde(default)]
    pub residual: Money,
}

/// What an image costs elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComparedPrice {
    /// Where.
    pub name: String,
    /// Price of an image.
    pub price: Money,
}

/// A device that can be rented. It is taken to need as long for an image as one's own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rental {
    /// What it is, and where.
    pub name: String,
    /// Price of an hour, electricity included.
    pub per_hour: Money,
    /// Hours that are paid in a month at least.
    #[serde(default)]
    pub minimum_hours: u32,
    /// Where the price was read, and when.
    #[serde(default)]
    pub source: Option<String>,
}

/// How long hardware lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// It wears out by images.
    Images(u64),
    /// It wears out by time.
    Years {
        /// Years that it lasts.
        years: u32,
        /// The share of all hours in which it usually generates images; none: what the images of a month come to.
        normal_utilisation_percent: Option<u32>,
    },
}

/// A scenario that cannot be: one line that names the field and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// The file is not a scenario.
    #[error("scenario: {0}")]
    Malformed(String),
    /// A value that cannot be.
    #[error("{field}: {reason}")]
    Field {
        /// The field's name in the file.
        field: &'static str,
        /// What is wrong and what to write instead.
        reason: String,
    },
    /// An amount passed the ledger's range.
    #[error(transparent)]
    Range(#[from] RangeError),
}

impl Scenario {
    /// The article's scenario, config/scenarios/rtx4090-2026.toml.
    ///
    /// # Errors
    /// As [`Scenario::parse`]; a test holds the file to it.
    pub fn shipped() -> Result<Self, ScenarioError> {
        Self::parse(SHIPPED)
    }

    /// The same, compared with the same weights, hosted, too. None if what follows is out of range then.
    pub fn with_like_for_like(&self, hosted: ComparedPrice) -> Option<Self> {
        let mut scenario = self.clone();
        scenario.like_for_like.clone_from(&hosted.name);
        scenario.compared.push(hosted);
        scenario.outcome().is_ok().then_some(scenario)
    }

    /// Reads a scenario and checks it.
    ///
    /// # Errors
    /// [`ScenarioError`], one line that names the field.
    pub fn parse(toml: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = Figment::from(TomlText::string(toml))
            .extract()
            .map_err(|error| ScenarioError::Malformed(error.to_string().replace('\n', " ")))?;
        scenario.check()?;
        Ok(scenario)
    }

    /// This scenario with the configured hardware, tariff and upkeep, and a device of `watts`. Amounts in another
    /// currency than the configured one go: the compared prices, rentals, and the bills of a year.
    ///
    /// # Errors
    /// [`ScenarioError`] for settings that cannot be.
    pub(crate) fn with_costs(self, costs: &CostSettings, watts: Power) -> Result<Self, ScenarioError> {
        let hardware = &costs.hardware;
        let part =
            HardwarePart { name: hardware.name.clone(), price: hardware.price, residual: hardware.residual };
        let scenario = Self {
            name: hardware.name.clone(),
            currency: costs.currency,
            parts: vec![part],
            share_percent: hardware.share_percent,
            lifetime_images: Some(hardware.lifetime_images),
            lifetime_years: None,
            normal_utilisation_percent: None,
            watts,
            host_watts: costs.host_watts,
            wall_factor_percent: costs.wall_factor_percent,
            price_per_kwh: costs.price_per_kwh,
            upkeep_per_image: costs.upkeep_per_image,
            running_costs_per_year: None,
            compared: Vec::new(),
            rentals: if costs.currency == self.currency { self.rentals } else { Vec::new() },
            like_for_like: costs.compare_with.clone(),
            ..self
        };
        scenario.check()?;
        Ok(scenario)
    }

    /// What was paid for the hardware.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn price(&self) -> Result<Money, RangeError> {
        self.parts.iter().try_fold(Money::ZERO, |sum, part| sum.plus(part.price))
    }

    /// What it will be sold for.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn residual(&self) -> Result<Money, RangeError> {
        self.parts.iter().try_fold(Money::ZERO, |sum, part| sum.plus(part.residual))
    }

    /// How long the hardware lasts.
    ///
    /// # Errors
    /// [`ScenarioError::Field`] if both ways of saying it are used, or none.
    pub fn lifetime(&self) -> Result<Lifetime, ScenarioError> {
        match (self.lifetime_images, self.lifetime_years) {
            (Some(images), None) => Ok(Lifetime::Images(images)),
            (None, Some(years)) => {
                Ok(Lifetime::Years { years, normal_utilisation_percent: self.normal_utilisation_percent })
            }
            _ => Err(refused("lifetime_images", "set either lifetime_images or lifetime_years")),
        }
    }

    /// Images of a month that the device has time for, in the hours in which it is on.
    pub fn capacity_per_month(&self) -> u64 {
        let on = match self.hours_on_per_day {
            0 => YEAR_MILLIS / MONTHS,
            hours => YEAR_MILLIS / MONTHS / 24 * u64::from(hours),
        };
        on / self.seconds_per_image.get().max(1)
    }

    /// Refuses what cannot be.
    ///
    /// # Errors
    /// [`ScenarioError::Field`], the first one.
    pub fn check(&self) -> Result<(), ScenarioError> {
        self.check_amounts()?;
        let percents = |range: std::ops::RangeInclusive<u32>, percent| range.contains(&percent);
        let rules = [
            ("part", !self.parts.is_empty(), "name what was bought, each with its price"),
            ("share_percent", percents(1..=100, self.share_percent), "must be from 1 to 100"),
            ("lifetime_images", self.lifetime_images != Some(0), "must be above 0"),
            (
                "lifetime_years",
                self.lifetime_years.is_none_or(|years| (1..=YEARS_MAX).contains(&years)),
                "must be from 1 to 50",
            ),
            (
                "normal_utilisation_percent",
                self.normal_utilisation_percent.is_none_or(|percent| percents(1..=100, percent)),
                "must be from 1 to 100",
            ),
            ("watts", self.watts <= WATTS_MAX, "must be at most 100000"),
            ("host_watts", self.host_watts <= WATTS_MAX, "must be at most 100000"),
            ("idle_watts", self.idle_watts <= WATTS_MAX, "must be at most 100000"),
            (
                "seconds_per_image",
                (Millis::new(1)..=IMAGE_TIME_MAX).contains(&self.seconds_per_image),
                "must be above 0 and at most 86400",
            ),
            (
                "wall_factor_percent",
                percents(100..=1000, self.wall_factor_percent),
                "must be from 100 to 1000",
            ),
            ("hours_on_per_day", self.hours_on_per_day <= 24, "must be at most 24"),
            ("images_per_month", self.images_per_month > 0, "must be above 0"),
            ("years", (1..=YEARS_MAX).contains(&self.years), "must be from 1 to 50"),
        ];
        if let Some((field, _, reason)) = rules.into_iter().find(|(_, holds, _)| !holds) {
            return Err(refused(field, reason));
        }
        self.lifetime()?;
        let capacity = self.capacity_per_month();
        if self.images_per_month > capacity {
            let time = self.seconds_per_image.to_seconds_string();
            let reason = format!(
                "this hardware has time for {capacity} a month, at {time} s an image; write at most that"
            );
            return Err(ScenarioError::Field { field: "images_per_month", reason });
        }
        Ok(())
    }

    fn check_amounts(&self) -> Result<(), ScenarioError> {
        let own = [
            ("price_per_kwh", self.price_per_kwh),
            ("upkeep_per_image", self.upkeep_per_image),
            ("running_costs_per_year", self.running_costs_per_year.unwrap_or_default()),
        ];
        let parts = self.parts.iter().flat_map(|part| [("price", part.price), ("residual", part.residual)]);
        if let Some((field, _)) = own.into_iter().chain(parts).find(|(_, amount)| *amount < Money::ZERO) {
            return Err(refused(field, "must not be negative"));
        }
        if self.parts.iter().any(|part| part.residual > part.price) {
            return Err(refused("residual", "must not exceed the price"));
        }
        // A free image is a mistake.
        if self.compared.iter().any(|compared| compared.price <= Money::ZERO) {
            return Err(refused("compared", "a price must be above 0"));
        }
        self.rentals.iter().try_for_each(Rental::check)
    }
}

impl Rental {
    fn check(&self) -> Result<(), ScenarioError> {
        if self.per_hour <= Money::ZERO {
            return Err(refused("rental", "per_hour must be above 0"));
        }
        if self.minimum_hours > HOURS_MAX {
            return Err(refused("rental", "minimum_hours must be at most 744"));
        }
        Ok(())
    }
}

pub(super) fn refused(field: &'static str, reason: &str) -> ScenarioError {
    ScenarioError::Field { field, reason: reason.to_owned() }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Millis, D::Error> {
    let text = crate::units::written_decimal(deserializer)?;
    Millis::parse_seconds(&text).map_err(serde::de::Error::custom)
}

const fn hundred() -> u32 {
    100
}

const fn three() -> u32 {
    3
}

const fn usual_size() -> ImageSize {
    ImageSize::square(1024)
}
