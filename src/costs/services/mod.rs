//! What another service would have charged for the images of a span, day by day.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{
    CostError, CostModel, ListPrice, PriceEntry, PriceNotice, PriceUnit,
    comparison::{in_ledgers_currency, price_of_image},
};
use crate::{
    domain::{Operation, Product},
    units::{Currency, Money, RangeError},
};

/// Images of one day, operation, size and quality, with what they cost here.
#[derive(Debug, Clone, Copy)]
pub struct ImageGroup<'a> {
    /// When they were entered.
    pub day: Date,
    /// By which day's prices they are compared: the day on which they were first entered, also where they are taken
    /// back.
    pub priced_on: Date,
    /// What their price depends on.
    pub product: Product,
    /// How many; below 0 if more were taken back.
    pub images: i64,
    /// Their standard cost.
    pub standard: Money,
    /// The service that they were compared with when they were booked, and its price for all of them.
    pub booked: Option<(&'a str, Money)>,
}

/// What a service would have charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// In all.
    pub comparison: ServiceComparison,
    /// By the day on which the images were entered.
    pub by_day: BTreeMap<Date, Money>,
}

/// The images of a span at another service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceComparison {
    /// The service, an entry of the price book.
    pub sku: String,
    /// Whether it is `costs.compare_with`, like for like.
    pub headline: bool,
    /// Images that have a price there. The next four figures are of these.
    pub images: i64,
    /// What they would have cost there, at each day's price. A plan's image costs the month over the included images.
    /// Null if none has a price.
    pub compared_price: Option<Money>,
    /// What they cost here, the standard cost.
    pub total: Money,
    /// The compared price less the total; negative for a loss.
    pub saving: Option<Money>,
    /// The same in tenths of a percent of the compared price, rounded down.
    pub saving_percent_tenths: Option<i64>,
    /// What they cost here all in: their part of everything that was spent. Null if it is unknown.
    pub all_in_total: Option<Money>,
    /// The compared price less that; negative for a loss.
    pub saving_all_in: Option<Money>,
    /// The same in tenths of a percent of the compared price, rounded down.
    pub saving_all_in_percent_tenths: Option<i64>,
    /// The entries of the price book that were used.
    pub prices: Vec<PriceRead>,
    /// Images without a price there.
    pub unpriced: Option<Unpriced>,
    /// Whole plans instead of parts of one, if the service sells plans.
    pub plans: Option<WholePlans>,
    /// That it has no price today, or that its price ends soon.
    pub notice: Option<PriceNotice>,
}

/// An entry of the price book, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRead {
    /// What the price is for.
    pub unit: PriceUnit,
    /// The list price, a month's for a plan; null for a table.
    pub amount: Option<Money>,
    /// Its currency.
    pub currency: Currency,
    /// Its first day.
    pub effective_from: Date,
    /// Its last day; null while no end is known.
    pub effective_to: Option<Date>,
    /// Where it was read.
    pub source: String,
    /// When it was read.
    pub read_on: Date,
}

/// Images of days on which a service has no price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpriced {
    /// How many.
    pub images: i64,
    /// On how many days.
    pub days: usize,
    /// The first of them.
    pub first: Date,
    /// The last of them.
    pub last: Date,
    /// What is missing on the first, and what to do.
    pub reason: String,
}

/// A service's images as it sells them: in whole monthly plans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WholePlans {
    /// Monthly plans that include the images of each month.
    pub plans: u64,
    /// What they cost.
    pub price: Money,
    /// That less the standard cost of the images; negative for a loss.
    pub saving: Money,
}

/// A month of a plan.
#[derive(Debug, Clone, Copy)]
struct PlanMonth {
    images: i64,
    a_month: Money,
    included_images: u32,
}

/// A price, and what a unit of its currency costs.
type DayPrice<'a> = Result<(&'a PriceEntry, Money), CostError>;

#[derive(Default)]
struct Tally<'a> {
    images: i64,
    price: Money,
    standard: Money,
    by_day: BTreeMap<Date, Money>,
    entries: Vec<&'a PriceEntry>,
    unpriced_images: i64,
    unpriced_days: BTreeSet<Date>,
    reason: Option<(Date, CostError)>,
    plan_months: BTreeMap<Date, PlanMonth>,
}

impl CostModel {
    /// What `sku` would have charged for `groups`, by what is known today. Groups that were compared with it when they
    /// were booked keep the price that was booked. Days without a price there are named, and their images left out.
    ///
    /// # Errors
    /// [`RangeError`] if what the images cost here is past the ledger's range.
    pub fn elsewhere(
        &self,
        sku: &str,
        groups: &[ImageGroup<'_>],
        today: Date,
    ) -> Result<Elsewhere, RangeError> {
        let mut tally = Tally::default();
        let mut days: BTreeMap<(Operation, Date), DayPrice<'_>> = BTreeMap::new();
        for group in groups {
            let (operation, day) = (group.product.operation, group.priced_on);
            let day = days.entry((operation, day)).or_insert_with(|| self.price_on(sku, operation, day));
            tally.add(sku, group, day)?;
        }
        let mut found = tally.finish(sku, sku == self.compare_with());
        found.comparison.notice = self.price_notice(sku, today);
        Ok(found)
    }
}

impl<'a> Tally<'a> {
    fn add(&mut self, sku: &str, group: &ImageGroup<'_>, day: &DayPrice<'a>) -> Result<(), RangeError> {
        let price = match (group.booked, day) {
            (Some((booked, price)), _) if booked == sku => Ok(price),
            (_, Ok((entry, rate))) => {
                price_of_image(entry, *rate, group.product).and_then(|each| Ok(each.times(group.images)?))
            }
            (_, Err(error)) => Err(error.clone()),
        };
        // A price that is out of range is a price that is missing: it hides no books.
        let sums = price.and_then(|price| {
            let of_day = self.by_day.get(&group.day).copied().unwrap_or_default();
            Ok((self.price.plus(price)?, of_day.plus(price)?))
        });
        match sums {
            Ok((price, of_day)) => {
                self.price = price;
                self.by_day.insert(group.day, of_day);
            }
            Err(error) => {
                self.note_unpriced(group, error);
                return Ok(());
            }
        }
        self.images += group.images;
        self.standard = self.standard.plus(group.standard)?;
        if let Ok((entry, rate)) = day {
            self.note_entry(group, entry, *rate);
        }
        Ok(())
    }

    fn note_unpriced(&mut self, group: &ImageGroup<'_>, error: CostError) {
        self.unpriced_images += group.images;
        self.unpriced_days.insert(group.priced_on);
        if self.reason.as_ref().is_none_or(|(day, _)| group.priced_on < *day) {
            self.reason = Some((group.priced_on, error));
        }
    }

    fn note_entry(&mut self, group: &ImageGroup<'_>, entry: &'a PriceEntry, rate: Money) {
        if !self.entries.contains(&entry) {
            self.entries.push(entry);
        }
        if let ListPrice::Plan { a_month, included_images } = entry.price
            && let Ok(a_month) = in_ledgers_currency(a_month, rate)
        {
            // A plan is paid for when its month begins: at the first price that counts in it.
            let plan = PlanMonth { images: 0, a_month, included_images: included_images.get() };
            self.plan_months.entry(group.day.first_of_month()).or_insert(plan).images += group.images;
        }
    }

    fn finish(mut self, sku: &str, headline: bool) -> Elsewhere {
        let is_priced = self.images != 0 || self.unpriced_days.is_empty();
        let saving = is_priced.then(|| self.price.minus(self.standard).ok()).flatten();
        let plans = self.plans();
        self.entries.sort_by_key(|entry| entry.effective_from);
        let days = self.unpriced_days;
        let unpriced = self.reason.map(|(first, error)| Unpriced {
            images: self.unpriced_images,
            days: days.len(),
            first,
            last: days.last().copied().unwrap_or(first),
            reason: error.to_string(),
        });
        let comparison = ServiceComparison {
            sku: sku.to_owned(),
            headline,
            images: self.images,
            compared_price: is_priced.then_some(self.price),
            total: self.standard,
            saving,
            all_in_total: None,
            saving_all_in: None,
            saving_all_in_percent_tenths: None,
            saving_percent_tenths: saving.and_then(|saving| saving.percent_tenths_of(self.price)),
            prices: self.entries.into_iter().map(PriceRead::new).collect(),
            unpriced,
            plans,
            notice: None,
        };
        Elsewhere { comparison, by_day: self.by_day }
    }

    /// Whole plans for each month's images; none if the service sells no plans, or past the ledger's range.
    fn plans(&self) -> Option<WholePlans> {
        if self.plan_months.is_empty() {
            return None;
        }
        let mut all = WholePlans::default();
        for month in self.plan_months.values() {
            let plans = u64::try_from(month.images).unwrap_or(0).div_ceil(u64::from(month.included_images));
            all.plans += plans;
            all.price = all.price.plus(month.a_month.share_floor(plans, 1).ok()?).ok()?;
        }
        all.saving = all.price.minus(self.standard).ok()?;
        Some(all)
    }
}

impl ServiceComparison {
    /// The same against everything that was spent: `total`, on `images`, of which those with a price here carry their
    /// part.
    pub fn against_all_in(self, total: Money, images: i64) -> Self {
        let all_in_total = part_of_all_in(total, self.images, images);
        let saving_all_in =
            self.compared_price.zip(all_in_total).and_then(|(price, all)| price.minus(all).ok());
        let price = self.compared_price.unwrap_or_default();
        let saving_all_in_percent_tenths = saving_all_in.and_then(|saving| saving.percent_tenths_of(price));
        Self { all_in_total, saving_all_in, saving_all_in_percent_tenths, ..self }
    }
}

/// What `part` of `images` carry of `total`, each the same; rounded up. None if more were taken back than made.
pub fn part_of_all_in(total: Money, part: i64, images: i64) -> Option<Money> {
    if part == images {
        return Some(total);
    }
    total.share_ceil(u64::try_from(part).ok()?, u64::try_from(images).ok()?).ok()
}

impl PriceRead {
    fn new(entry: &PriceEntry) -> Self {
        let amount = match &entry.price {
            ListPrice::Image(amount) | ListPrice::Megapixel(amount) => Some(*amount),
            ListPrice::Plan { a_month, .. } => Some(*a_month),
            ListPrice::Table(_) => None,
        };
        Self {
            unit: entry.price.unit(),
            amount,
            currency: entry.currency,
            effective_from: entry.effective_from,
            effective_to: entry.effective_to,
            source: entry.source.clone(),
            read_on: entry.read_on,
        }
    }
}

#[cfg(test)]
mod tests;
