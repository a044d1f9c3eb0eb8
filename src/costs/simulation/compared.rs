use super::{
    BreakEven, ComparedPrice, ImageCost, Lifetime, MONTHS, Outcome, Payback, PriceOutcome, Scenario,
    ScenarioError, YearRow,
};
use crate::units::{Money, RangeError};

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
            saving_percent_tenths: saving.percent_tenths_of(price).ok_or(RangeError::Money)?,
            saving_fully_loaded: price.minus(outcome.fully_loaded)?,
            payback: payback(scenario, outcome, price)?,
            break_even: break_even(scenario, &outcome.image, price)?,
            years: years(scenario, outcome, price)?,
        })
    }
}

/// Price of the hardware over what a month saves in bills.
fn payback(scenario: &Scenario, outcome: &Outcome, price: Money) -> Result<Payback, ScenarioError> {
    let year = &outcome.year;
    let saved = price.times(year.images)?.minus(year.running()?)?;
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
    Ok(if months_tenths <= life_months_tenths {
        Payback::After { months_tenths }
    } else {
        Payback::AfterItsLife { months_tenths, life_months_tenths }
    })
}

/// The smallest volume at which what the images of a year would cost elsewhere covers the year's bills and wear. Where no
/// bills are stated that is fixed cost ÷ (price − electricity − upkeep of an image).
pub(super) fn break_even(
    scenario: &Scenario,
    image: &ImageCost,
    price: Money,
) -> Result<BreakEven, ScenarioError> {
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
        if gain_of_year(scenario, image, price, middle)? < 0 { too_few = middle } else { enough = middle }
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
    let known = known + nano(scenario.fixed_costs_per_year);
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
    let elsewhere = price.times(year.images)?;
    let replacement = scenario.loss()?.share_ceil(u64::from(scenario.share_percent), 100)?;
    let (mut rows, mut saved_in_all, mut bought) = (Vec::new(), Money::ZERO, 1);
    for number in 1..=scenario.years {
        let bought_by_then = purchases(scenario, number)?;
        let mut hardware = replacement.times(bought_by_then - bought)?;
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
