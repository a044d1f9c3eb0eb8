use jiff::civil::Date;

use crate::{
    costs::{CostLine, CostModel, DaySpan, Upkeep, UpkeepCost},
    units::{Money, RangeError},
};

impl CostModel {
    /// What all lines cost on `days`. Of those by the image it is what their images were charged: `allocated`, where no
    /// line goes by time, so that a correction of an image's upkeep corrects the month's; else by `images_on` the days.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn upkeep_on(
        &self,
        days: DaySpan,
        allocated: Money,
        images_on: impl Fn(DaySpan) -> i64,
    ) -> Result<UpkeepCost, RangeError> {
        let held = || self.lines().iter().filter(|line| line.days.and(days).days() > 0);
        if held().all(|line| line.upkeep.is_by_image()) {
            return Ok(UpkeepCost { amount: allocated, fixed: Money::ZERO });
        }
        held().try_fold(UpkeepCost::default(), |sum, line| {
            sum.plus(&line.cost_on(days, images_on(line.days.and(days)))?)
        })
    }

    /// The lines of which an image on `day` carries a part: those that hold, but for single payments.
    pub fn lines_on(&self, day: Date) -> impl Iterator<Item = &CostLine> {
        let is_carried =
            move |line: &&CostLine| line.days.contains(day) && !matches!(line.upkeep, Upkeep::Once(_));
        self.lines().iter().filter(is_carried)
    }
}
