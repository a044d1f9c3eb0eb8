use std::collections::BTreeMap;

use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Serialize};

use super::MonthTotals;
use crate::{
    costs::{CostModel, DaySpan, Elsewhere, ImageGroup, Outlook, Pace, Unpriced},
    units::{Money, RangeError},
};

/// The pace is that of so many days.
const PACE_DAYS: i64 = 30;
/// A longer past is shown by the month.
const DAY_POINTS_MAX: u64 = 92;

/// How far the hardware has paid for itself, in money that was paid: no wear, no residual. `tintype roi` counts the
/// same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payback {
    /// The first day that counts: of the first part in service, or of the ledger's first key, whichever is later.
    pub since: Date,
    /// The last day that counts.
    pub until: Date,
    /// What was paid for the parts, their share, less what retired ones brought.
    pub investment: Money,
    /// Images since then.
    pub images: i64,
    /// Electricity since then: of images, failed work, idle hours.
    pub electricity: Money,
    /// Upkeep since then.
    pub upkeep: Money,
    /// The pace is that of so many days up to the last one.
    pub pace_days: u64,
    /// When the last part in service is worn out, at that pace; null: never.
    pub worn_out_on: Option<Date>,
    /// Against each compared service, the like-for-like one first.
    pub against: Vec<PaybackAgainst>,
}

/// The hardware against one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaybackAgainst {
    /// The service.
    pub sku: String,
    /// Whether it is `costs.compare_with`, like for like.
    pub headline: bool,
    /// What the images would have cost there; null, as all the rest, where some have no price.
    pub compared_price: Option<Money>,
    /// That less electricity and upkeep; negative if running costs more.
    pub saved: Option<Money>,
    /// The same in tenths of a percent of the investment, rounded down; null without one.
    pub paid_back_percent_tenths: Option<i64>,
    /// What was saved in the days of the pace.
    pub saved_at_pace: Option<Money>,
    /// When the hardware will have paid for itself; none if some images have no price there. In JSON `outlook`,
    /// `pays_back_on` and `would_pay_back_on`.
    #[serde(flatten, with = "outlook_fields")]
    pub outlook: Option<Outlook>,
    /// What was saved, step by step.
    pub points: Vec<SavedPoint>,
    /// Of what length the steps are.
    pub step: Step,
    /// Images without a price there.
    pub unpriced: Option<Unpriced>,
}

/// What was saved in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPoint {
    /// Its last day.
    pub day: Date,
    /// In it.
    pub saved: Money,
    /// Since the beginning.
    pub saved_in_all: Money,
}

/// The length of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A day.
    Day,
    /// A calendar month.
    Month,
}

/// Images and bills of a day.
#[derive(Debug, Clone, Copy, Default)]
struct Bills {
    images: i64,
    electricity: Money,
    upkeep: Money,
}

/// What a payback is worked out from.
pub(super) struct History<'a> {
    pub(super) costs: &'a CostModel,
    /// The days that count, at least one.
    pub(super) days: DaySpan,
    pub(super) groups: Vec<ImageGroup<'a>>,
    pub(super) totals: BTreeMap<Date, MonthTotals>,
    /// Electricity of overheads.
    pub(super) overheads: &'a BTreeMap<Date, Money>,
    /// Images of each of [`CostModel::bought_parts`] in its service, until the last day.
    pub(super) images_of_parts: Vec<u64>,
}

impl History<'_> {
    pub(super) fn payback(&self) -> Result<Payback, RangeError> {
        let until = self.days.end.yesterday().unwrap_or(self.days.first);
        let bills = self.bills()?;
        let pace_days = self.pace_span().days();
        let parts = self.costs.bought_parts();
        let investment = parts.iter().try_fold(Money::ZERO, |sum, part| sum.plus(part.paid_by(until)?))?;
        let sum = |of: fn(&Bills) -> Money| bills.values().map(of).try_fold(Money::ZERO, Money::plus);
        let images: i64 = self.of_pace(&bills).map(|bills| bills.images).sum();
        let pace = Pace { saved: Money::ZERO, images: u64::try_from(images).unwrap_or(0), days: pace_days };
        let worn_out_on = self.worn_out_on(pace, until);
        let against = |sku: &str| {
            let there = self.costs.elsewhere(sku, &self.groups, until)?;
            self.against(&bills, there, investment, pace, until, worn_out_on)
        };
        Ok(Payback {
            since: self.days.first,
            until,
            investment,
            images: bills.values().map(|bills| bills.images).sum(),
            electricity: sum(|bills| bills.electricity)?,
            upkeep: sum(|bills| bills.upkeep)?,
            pace_days,
            worn_out_on,
            against: self.costs.compared_skus().into_iter().map(against).collect::<Result<_, _>>()?,
        })
    }

    /// The bills of every day.
    fn bills(&self) -> Result<BTreeMap<Date, Bills>, RangeError> {
        let of_day = |day: Date| {
            let totals = self.totals.get(&day).copied().unwrap_or_default();
            let overheads = self.overheads.get(&day).copied().unwrap_or_default();
            let electricity = totals.cost.electricity.plus(totals.failed_electricity)?.plus(overheads)?;
            let span = DaySpan { first: day, end: day.tomorrow().unwrap_or(day) };
            let upkeep = self.costs.upkeep_on(span, totals.cost.upkeep, |_| totals.images)?.amount;
            Ok((day, Bills { images: totals.images, electricity, upkeep }))
        };
        let days = self.days.first.series(1.day()).take_while(|day| *day < self.days.end);
        days.map(of_day).collect()
    }

    /// The days of the pace.
    fn pace_span(&self) -> DaySpan {
        let first = self.days.end.checked_sub(PACE_DAYS.days()).unwrap_or(self.days.first);
        self.days.and(DaySpan { first, end: self.days.end })
    }

    fn of_pace<'b>(&self, bills: &'b BTreeMap<Date, Bills>) -> impl Iterator<Item = &'b Bills> {
        bills.range(self.pace_span().first..).map(|(_, bills)| bills)
    }

    /// When the last part in service is worn out; none: never.
    fn worn_out_on(&self, pace: Pace, today: Date) -> Option<Date> {
        let serving = self.costs.bought_parts().iter().zip(&self.images_of_parts);
        let serving = serving.filter(|(part, _)| part.purchased_on <= today);
        let serving =
            serving.filter(|(part, _)| part.retirement.is_none_or(|retirement| retirement.on > today));
        let ends: Option<Vec<Date>> =
            serving.map(|(part, images)| part.worn_out_on(*images, pace, today)).collect();
        ends.map(|ends| ends.into_iter().max().unwrap_or(today))
    }

    fn against(
        &self,
        bills: &BTreeMap<Date, Bills>,
        there: Elsewhere,
        investment: Money,
        pace: Pace,
        until: Date,
        worn_out_on: Option<Date>,
    ) -> Result<PaybackAgainst, RangeError> {
        let step = if self.days.days() > DAY_POINTS_MAX { Step::Month } else { Step::Day };
        let comparison = there.comparison;
        if comparison.unpriced.is_some() {
            return Ok(PaybackAgainst {
                sku: comparison.sku,
                headline: comparison.headline,
                compared_price: None,
                saved: None,
                paid_back_percent_tenths: None,
                saved_at_pace: None,
                outlook: None,
                points: Vec::new(),
                step,
                unpriced: comparison.unpriced,
            });
        }
        let saved_on = |(day, bills): (&Date, &Bills)| {
            let price = there.by_day.get(day).copied().unwrap_or_default();
            Ok((*day, price.minus(bills.electricity)?.minus(bills.upkeep)?))
        };
        let days = bills.iter().map(saved_on).collect::<Result<Vec<_>, RangeError>>()?;
        let sum =
            |days: &[(Date, Money)]| days.iter().try_fold(Money::ZERO, |sum, (_, saved)| sum.plus(*saved));
        let saved = sum(&days)?;
        let first = self.pace_span().first;
        let at_pace = sum(&days[days.partition_point(|(day, _)| *day < first)..])?;
        let outlook = Outlook::new(investment, saved, Pace { saved: at_pace, ..pace }, until, worn_out_on);
        Ok(PaybackAgainst {
            sku: comparison.sku,
            headline: comparison.headline,
            compared_price: comparison.compared_price,
            saved: Some(saved),
            paid_back_percent_tenths: saved.percent_tenths_of(investment),
            saved_at_pace: Some(at_pace),
            outlook: Some(outlook),
            points: points(&days, step)?,
            step,
            unpriced: None,
        })
    }
}

/// An outlook as fields of its own, as JSON has it.
mod outlook_fields {
    use jiff::civil::Date;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::costs::Outlook;

    #[derive(Serialize, Deserialize)]
    struct Fields {
        outlook: Option<String>,
        pays_back_on: Option<Date>,
        would_pay_back_on: Option<Date>,
    }

    pub(super) fn serialize<S: Serializer>(
        outlook: &Option<Outlook>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let (outlook, pays_back_on, would_pay_back_on) = match *outlook {
            None => (None, None, None),
            Some(Outlook::PaidBack) => (Some("paid_back"), None, None),
            Some(Outlook::On(day)) => (Some("on"), Some(day), None),
            Some(Outlook::AfterItsLife(day)) => (Some("after_its_life"), None, Some(day)),
            Some(Outlook::NotInTenYears) => (Some("not_in_ten_years"), None, None),
            Some(Outlook::Never) => (Some("never"), None, None),
            Some(Outlook::TooEarly) => (Some("too_early"), None, None),
        };
        Fields { outlook: outlook.map(str::to_owned), pays_back_on, would_pay_back_on }.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Outlook>, D::Error> {
        let fields = Fields::deserialize(deserializer)?;
        Ok(match (fields.outlook.as_deref(), fields.pays_back_on, fields.would_pay_back_on) {
            (None, ..) => None,
            (Some("paid_back"), ..) => Some(Outlook::PaidBack),
            (Some("on"), Some(day), _) => Some(Outlook::On(day)),
            (Some("after_its_life"), _, Some(day)) => Some(Outlook::AfterItsLife(day)),
            (Some("not_in_ten_years"), ..) => Some(Outlook::NotInTenYears),
            (Some("never"), ..) => Some(Outlook::Never),
            (Some("too_early"), ..) => Some(Outlook::TooEarly),
            (Some(other), ..) => return Err(D::Error::custom(format_args!("`{other}` is not an outlook"))),
        })
    }
}

/// What was saved in each step, and in all until its end.
fn points(days: &[(Date, Money)], step: Step) -> Result<Vec<SavedPoint>, RangeError> {
    let is_same_step = |(a, _): &(Date, Money), (b, _): &(Date, Money)| {
        step == Step::Month && a.first_of_month() == b.first_of_month()
    };
    let mut saved_in_all = Money::ZERO;
    let point = |days: &[(Date, Money)]| {
        let saved = days.iter().try_fold(Money::ZERO, |sum, (_, saved)| sum.plus(*saved))?;
        saved_in_all = saved_in_all.plus(saved)?;
        let day = days.last().map_or(Date::MIN, |(day, _)| *day);
        Ok(SavedPoint { day, saved, saved_in_all })
    };
    days.chunk_by(is_same_step).map(point).collect()
}
