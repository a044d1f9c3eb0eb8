use jiff::civil::Date;

use super::{CostModel, DaySpan, Upkeep};
use crate::units::{Millis, Money, MoneyError};

/// A dated line of cost: what is paid beside electricity and the loss of the parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostLine {
    /// What its owner calls it: rent, network, insurance.
    pub name: String,
    /// What it costs, and by what.
    pub upkeep: Upkeep,
    /// The days on which it is paid.
    pub days: DaySpan,
}

/// What the lines cost on some days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UpkeepCost {
    /// All of it.
    pub amount: Money,
    /// Of it, what goes by time, and so is paid without a single image too.
    pub fixed: Money,
}

impl CostLine {
    /// The upkeep of a configuration, which always held.
    pub fn configured(upkeep: Upkeep) -> Self {
        Self { name: "upkeep".into(), upkeep, days: DaySpan::ALWAYS }
    }

    /// What its days among `days` cost, if `images` were made on them: of what goes by images, as much as these.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] past the ledger's range.
    pub fn cost_on(&self, days: DaySpan, images: i64) -> Result<UpkeepCost, MoneyError> {
        let days = self.days.and(days);
        match self.upkeep {
            Upkeep::PerImage(amount) => Ok(UpkeepCost { amount: amount.times(images)?, fixed: Money::ZERO }),
            by_time @ Upkeep::PerYear { .. } => {
                let amount = by_time.of_days(days)?;
                Ok(UpkeepCost { amount, fixed: amount })
            }
        }
    }
}

impl UpkeepCost {
    /// Both together.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] past the ledger's range.
    pub fn plus(&self, other: &Self) -> Result<Self, MoneyError> {
        Ok(Self { amount: self.amount.plus(other.amount)?, fixed: self.fixed.plus(other.fixed)? })
    }
}

impl CostModel {
    /// What one image that takes `duration` of the device carries of the lines that hold on `day`; each rounded up.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] past the ledger's range.
    pub fn upkeep_of_image(&self, duration: Millis, day: Date) -> Result<Money, MoneyError> {
        self.lines_on(day).try_fold(Money::ZERO, |sum, line| sum.plus(line.upkeep.of_image(duration)?))
    }

    /// What all lines cost on `days`. Of those by the image it is what their images were charged: `allocated`, where no
    /// line goes by time, so that a correction of an image's upkeep corrects the month's; else by `images_on` the days.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] past the ledger's range.
    pub fn upkeep_on(
        &self,
        days: DaySpan,
        allocated: Money,
        images_on: impl Fn(DaySpan) -> i64,
    ) -> Result<UpkeepCost, MoneyError> {
        let held = || self.lines().iter().filter(|line| line.days.and(days).days() > 0);
        if held().all(|line| matches!(line.upkeep, Upkeep::PerImage(_))) {
            return Ok(UpkeepCost { amount: allocated, fixed: Money::ZERO });
        }
        held().try_fold(UpkeepCost::default(), |sum, line| {
            sum.plus(&line.cost_on(days, images_on(line.days.and(days)))?)
        })
    }

    /// The lines that hold on `day`.
    pub fn lines_on(&self, day: Date) -> impl Iterator<Item = &CostLine> {
        self.lines().iter().filter(move |line| line.days.contains(day))
    }
}
