use std::fmt;

use serde::Serialize;

use super::MONTHS;
use crate::{
    costs::payback::FORECAST_YEARS_MAX,
    units::{Currency, Energy, Money, Proportion, RangeError},
};

/// What follows from a scenario. All amounts in its currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The scenario's name.
    pub scenario: String,
    /// Currency of every amount.
    pub currency: Currency,
    /// Images of a month.
    pub images_per_month: u64,
    /// Images of a month that the device has time for.
    pub capacity_per_month: u64,
    /// Price of the hardware: its part that works for images, rounded up.
    pub price: Money,
    /// What that part will be sold for, rounded down. In depreciation and break-even; not in the yearly tables and the
    /// payback, which count money that has been paid.
    pub residual: Money,
    /// What an image costs.
    pub image: ImageCost,
    /// What a year costs.
    pub year: YearCost,
    /// Everything of a year over its images, rounded up.
    pub fully_loaded: Money,
    /// The same hardware against each compared price.
    pub against: Vec<PriceOutcome>,
    /// The same images on devices that can be rented.
    pub rentals: Vec<RentalOutcome>,
}

/// What an image costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageCost {
    /// (device + host) · time · wall factor.
    pub energy_kwh: Energy,
    /// Price of that energy, rounded up: what one more image costs at the margin.
    pub electricity: Money,
    /// (price − residual) · share / lifetime, rounded up.
    pub depreciation: Money,
    /// The same where the hardware is worth nothing in the end.
    pub depreciation_without_residual: Money,
    /// Flat.
    pub upkeep: Money,
    /// Electricity, depreciation and upkeep.
    pub standard: Money,
    /// The same where the hardware is worth nothing in the end.
    pub standard_without_residual: Money,
}

/// What a year of the hardware's life costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct YearCost {
    /// Images.
    pub images: u64,
    /// Electricity of the images.
    pub electricity: Money,
    /// Electricity of the hours in which it is on but idle, rounded up.
    pub idle_electricity: Money,
    /// Upkeep of the images.
    pub upkeep: Money,
    /// What the bills of a year say beyond these three.
    pub other: Money,
    /// Wear. By time it is a year's, however many images there were.
    pub depreciation: Money,
    /// All of it.
    pub total: Money,
}

/// The hardware against one price elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceOutcome {
    /// Where.
    pub name: String,
    /// Price of an image there.
    pub price: Money,
    /// Whether it is the same weights, hosted.
    pub like_for_like: bool,
    /// The price less the standard cost; negative for a loss.
    pub saving: Money,
    /// The same in tenths of a percent of the price, rounded down.
    pub saving_percent_tenths: i64,
    /// The price less the fully loaded cost.
    pub saving_fully_loaded: Money,
    /// When the hardware has been paid for.
    pub payback: Payback,
    /// From how many images a month it is worth it.
    pub break_even: BreakEven,
    /// Year by year, in money that is paid.
    pub years: Vec<YearRow>,
}

/// The images of a scenario on a rented device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RentalOutcome {
    /// What it is, and where.
    pub name: String,
    /// Price of an hour.
    pub per_hour: Money,
    /// Hours that are paid in a month at least.
    pub minimum_hours: u32,
    /// What a month costs: the hours of its images, or the least that is paid; rounded up.
    pub month: Money,
    /// The same for an image, rounded up.
    pub image: Money,
    /// Everything that a month of one's own hardware costs, rounded up.
    pub owned_month: Money,
    /// What owning saves a month; negative where renting is cheaper.
    pub saving: Money,
    /// From how many images a month owning is worth it.
    pub break_even: BreakEven,
    /// Where the price was read, and when.
    pub source: Option<String>,
}

/// When what was saved has paid for the hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Payback {
    /// After so many tenths of a month.
    After {
        /// To the nearest tenth.
        months_tenths: u64,
    },
    /// It would, but is worn out before.
    AfterItsLife {
        /// When it would have.
        months_tenths: u64,
        /// How long it lasts at this volume, rounded down.
        life_months_tenths: u64,
    },
    /// A year's bills are at least what the images would have cost elsewhere.
    Never,
}

/// From how many images a month the hardware is worth it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BreakEven {
    /// From so many.
    From {
        /// Rounded up.
        images_per_month: u64,
    },
    /// Not even at what it has time for.
    BeyondCapacity {
        /// That many.
        capacity_per_month: u64,
    },
    /// At no volume: an image elsewhere costs no more than one here.
    Never,
}

/// A year in money that is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct YearRow {
    /// From 1 on.
    pub year: u32,
    /// Hardware bought: all of it in the first year, and again when it is worn, less what the worn one is sold for.
    pub hardware: Money,
    /// Electricity of images and of idle hours.
    pub electricity: Money,
    /// Upkeep, and what else the bills say.
    pub running: Money,
    /// What the images would have cost elsewhere.
    pub elsewhere: Money,
    /// That less the rest; negative for a loss.
    pub saved: Money,
    /// Since the beginning.
    pub saved_in_all: Money,
}

impl YearCost {
    /// What is paid in a year besides the hardware.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn running(&self) -> Result<Money, RangeError> {
        self.total.minus(self.depreciation)
    }
}

impl Outcome {
    /// The outcome against the same weights, hosted; none if that price is not known.
    pub fn like_for_like(&self) -> Option<&PriceOutcome> {
        self.against.iter().find(|against| against.like_for_like)
    }
}

impl PriceOutcome {
    /// Whether it is worth it at `images_per_month`.
    pub fn is_worth_it_at(&self, images_per_month: u64) -> bool {
        matches!(self.break_even, BreakEven::From { images_per_month: from } if from <= images_per_month)
    }

    /// The saving as a part of the price, for people: `75.6 %`, `-9.3 times`.
    pub fn saving_part(&self) -> Proportion {
        Proportion::new(self.saving_percent_tenths)
    }
}

/// Tenths of a month that are foreseen.
pub const FORECAST_TENTHS_MAX: u64 = FORECAST_YEARS_MAX as u64 * MONTHS * 10;

/// A count of tenths as a decimal: `11.7`.
fn tenths(count: u64) -> String {
    format!("{}.{}", count / 10, count % 10)
}

impl fmt::Display for Payback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After { months_tenths } if *months_tenths > FORECAST_TENTHS_MAX => {
                write!(
                    f,
                    "does not pay back within ten years: it would take {} months",
                    tenths(*months_tenths)
                )
            }
            Self::After { months_tenths } => write!(f, "pays back in {} months", tenths(*months_tenths)),
            Self::AfterItsLife { months_tenths, life_months_tenths } => write!(
                f,
                "never pays back: it would take {} months, and it is worn out after {}",
                tenths(*months_tenths),
                tenths(*life_months_tenths)
            ),
            Self::Never => f.write_str("never pays back at this volume"),
        }
    }
}

impl fmt::Display for BreakEven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From { images_per_month } => write!(f, "worth it from {images_per_month} images a month"),
            Self::BeyondCapacity { capacity_per_month } => {
                write!(f, "not worth it, not even at the {capacity_per_month} images a month it has time for")
            }
            Self::Never => f.write_str("not worth it at any volume"),
        }
    }
}
