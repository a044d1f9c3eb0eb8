use std::fmt;

use serde::Serialize;

use super::{ComparedPrice, ImageCost, Lifetime, MONTHS, Outcome, Scenario, ScenarioError, outcome::times};
use crate::units::{Money, MoneyError};

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

impl PriceOutcome {
    /// `scenario`, whose costs are in `outcome`, against `compared`.
    pub(super) fn new(
        scenario: &Scenario,
        outcome: &Outcome,
        compared: &ComparedPrice,
    ) -> Result<Self, ScenarioError> {
        let price = compared.price;
        let saving = price.minus(outcome.image.standard)?;
        Ok(Self {
            name: compared.name.clone(),
            price,
            like_for_like: compared.name == scenario.like_for_like,
            saving,
            saving_percent_tenths: saving.percent_tenths_of(price).ok_or(MoneyError::OutOfRange)?,
            saving_fully_loaded: price.minus(outcome.fully_loaded)?,
            payback: payback(scenario, outcome, price)?,
            break_even: break_even(scenario, &outcome.image, price)?,
            years: years(scenario, outcome, price)?,
        })
    }

    /// Whether it is worth it at `images_per_month`.
    pub fn is_worth_it_at(&self, images_per_month: u64) -> bool {
        matches!(self.break_even, BreakEven::From { images_per_month: from } if from <= images_per_month)
    }

    /// The saving in percent, for people: `75.6`, `-928.1`.
    pub fn saving_percent(&self) -> String {
        let sign = if self.saving_percent_tenths < 0 { "-" } else { "" };
        format!("{sign}{}", tenths(self.saving_percent_tenths.unsigned_abs()))
    }
}

/// Price of the hardware over what a month saves in bills.
fn payback(scenario: &Scenario, outcome: &Outcome, price: Money) -> Result<Payback, ScenarioError> {
    let year = &outcome.year;
    let saved = times(price, year.images)?.minus(year.running()?)?;
    if saved <= Money::ZERO {
        return Ok(Payback::Never);
    }
    let (hardware, saved) = (i128::from(outcome.price.as_nano()), i128::from(saved.as_nano()));
    let months_tenths = (hardware * 10 * i128::from(MONTHS) * 2 + saved) / (saved * 2);
    let months_tenths = u64::try_from(months_tenths).unwrap_or(u64::MAX);
    let life_months_tenths = match scenario.lifetime()? {
        Lifetime::Images(images) => {
            let at_most = u64::from(scenario.years) * MONTHS * 10;
            (images.saturating_mul(10) / scenario.images_per_month).min(at_most)
        }
        Lifetime::Years { years, .. } => u64::from(years) * MONTHS * 10,
    };
    Ok(match months_tenths <= life_months_tenths {
        true => Payback::After { months_tenths },
        false => Payback::AfterItsLife { months_tenths, life_months_tenths },
    })
}

/// The smallest volume at which what the images of a year would cost elsewhere covers the year's bills and wear. Where no
/// bills are stated that is fixed cost ÷ (price − electricity − upkeep of an image).
fn break_even(scenario: &Scenario, image: &ImageCost, price: Money) -> Result<BreakEven, ScenarioError> {
    let each = match scenario.lifetime()? {
        Lifetime::Images(_) => image.standard,
        Lifetime::Years { .. } => image.electricity.plus(image.upkeep)?,
    };
    if price <= each {
        return Ok(BreakEven::Never);
    }
    // Above that price every further image adds to the gain, so halving finds the first volume that has one.
    let capacity_per_month = scenario.capacity_per_month();
    if gain_of_year(scenario, image, price, capacity_per_month)? < 0 {
        return Ok(BreakEven::BeyondCapacity { capacity_per_month });
    }
    let (mut too_few, mut enough) = (0, capacity_per_month);
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        match gain_of_year(scenario, image, price, middle)? < 0 {
            true => too_few = middle,
            false => enough = middle,
        }
    }
    Ok(BreakEven::From { images_per_month: enough })
}

/// What `images_per_month` would cost elsewhere in a year, less bills and wear, in nano-units.
fn gain_of_year(
    scenario: &Scenario,
    image: &ImageCost,
    price: Money,
    images_per_month: u64,
) -> Result<i128, ScenarioError> {
    let images = i128::from(images_per_month) * i128::from(MONTHS);
    Ok(images * i128::from(price.as_nano()) - cost_of_year(scenario, image, images_per_month)?)
}

/// Bills and depreciation of a year with `images_per_month`, in nano-units.
pub(super) fn cost_of_year(
    scenario: &Scenario,
    image: &ImageCost,
    images_per_month: u64,
) -> Result<i128, ScenarioError> {
    let nano = |amount: Money| i128::from(amount.as_nano());
    let images = i128::from(images_per_month) * i128::from(MONTHS);
    let idle = scenario.idle_electricity_of_year(images_per_month)?;
    let known = images * nano(image.electricity.plus(image.upkeep)?) + nano(idle);
    let bills = known.max(nano(scenario.running_costs_per_year.unwrap_or_default()));
    Ok(bills + depreciation_of_year(scenario, image, images_per_month)?)
}

/// What hardware loses in a year with `images_per_month`, in nano-units: the one rule of its life. A life in images is over
/// after the scenario's years at the latest, since idle hardware is replaced too.
pub(super) fn depreciation_of_year(
    scenario: &Scenario,
    image: &ImageCost,
    images_per_month: u64,
) -> Result<i128, ScenarioError> {
    let over = |years: u32| -> Result<i128, ScenarioError> {
        let share = u64::from(scenario.share_percent);
        Ok(scenario.loss()?.share_ceil(share, u64::from(years) * 100)?.as_nano().into())
    };
    match scenario.lifetime()? {
        Lifetime::Images(_) => {
            let images = i128::from(images_per_month) * i128::from(MONTHS);
            Ok((images * i128::from(image.depreciation.as_nano())).max(over(scenario.years)?))
        }
        Lifetime::Years { years, .. } => over(years),
    }
}

fn years(scenario: &Scenario, outcome: &Outcome, price: Money) -> Result<Vec<YearRow>, ScenarioError> {
    let year = &outcome.year;
    let electricity = year.electricity.plus(year.idle_electricity)?;
    let running = year.upkeep.plus(year.other)?;
    let elsewhere = times(price, year.images)?;
    let replacement = scenario.loss()?.share_ceil(u64::from(scenario.share_percent), 100)?;
    let (mut rows, mut saved_in_all, mut bought) = (Vec::new(), Money::ZERO, 1);
    for number in 1..=scenario.years {
        let bought_by_then = purchases(scenario, number)?;
        let mut hardware = times(replacement, bought_by_then - bought)?;
        if number == 1 {
            hardware = hardware.plus(outcome.price)?;
        }
        bought = bought_by_then;
        let saved = elsewhere.minus(hardware)?.minus(electricity)?.minus(running)?;
        saved_in_all = saved_in_all.plus(saved)?;
        rows.push(YearRow { year: number, hardware, electricity, running, elsewhere, saved, saved_in_all });
    }
    Ok(rows)
}

/// How often the hardware has been bought by the end of year `number`.
fn purchases(scenario: &Scenario, number: u32) -> Result<u64, ScenarioError> {
    Ok(match scenario.lifetime()? {
        Lifetime::Images(images) => {
            scenario.images_per_year().saturating_mul(u64::from(number)).div_ceil(images)
        }
        Lifetime::Years { years, .. } => u64::from(number.div_ceil(years)),
    })
}

/// A count of tenths as a decimal: `11.7`.
fn tenths(count: u64) -> String {
    format!("{}.{}", count / 10, count % 10)
}

impl fmt::Display for Payback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
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
