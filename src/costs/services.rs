//! What another service would have charged for the pictures of a span, day by day.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Serialize, Serializer};

use super::{
    CostError, CostModel, ListPrice, PriceEntry, PriceNotice, PriceUnit,
    model::compare::{in_ledgers_currency, price_of_picture},
};
use crate::{
    domain::{Operation, Product},
    units::{Currency, Money, MoneyError},
};

/// Images of one day, operation, size and quality, with what they cost here.
#[derive(Debug, Clone, Copy)]
pub struct Pictures<'a> {
    /// When they were entered.
    pub day: Date,
    /// By which day's prices they are compared: the day on which they were first entered, also where they are taken back.
    pub priced_on: Date,
    /// What their price depends on.
    pub product: Product,
    /// How many; below 0 where more were taken back.
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
    /// By the day on which the pictures were entered.
    pub by_day: BTreeMap<Date, Money>,
}

/// The pictures of a span at another service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceComparison {
    /// The service, an entry of the price book.
    pub sku: String,
    /// Whether it is `costs.compare_with`, like for like.
    pub headline: bool,
    /// Pictures that have a price there. The next four figures are of these.
    pub images: i64,
    /// What they would have cost there, at each day's price. A plan's picture costs the month over the included pictures.
    /// Null where none has a price.
    pub compared_price: Option<Money>,
    /// What they cost here, the standard cost.
    pub total: Money,
    /// The compared price less the total; negative for a loss.
    pub saving: Option<Money>,
    /// The same in tenths of a percent of the compared price, rounded down.
    pub saving_percent_tenths: Option<i64>,
    /// What they cost here all in: their part of everything that was spent. Null if it cannot be told.
    pub all_in_total: Option<Money>,
    /// The compared price less that; negative for a loss.
    pub saving_all_in: Option<Money>,
    /// The same in tenths of a percent of the compared price, rounded down.
    pub saving_all_in_percent_tenths: Option<i64>,
    /// The entries of the price book that were used.
    pub prices: Vec<PriceRead>,
    /// Pictures without a price there.
    pub unpriced: Option<Unpriced>,
    /// Whole plans instead of parts of one, if the service sells plans.
    pub plans: Option<WholePlans>,
    /// That it has no price today, or that its price ends soon.
    pub notice: Option<PriceNotice>,
}

/// An entry of the price book, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceRead {
    /// What the price is for.
    #[serde(serialize_with = "as_text")]
    pub unit: PriceUnit,
    /// The list price, a month's for a plan; null for a table.
    pub amount: Option<Money>,
    /// Its currency.
    #[serde(serialize_with = "as_text")]
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

/// Pictures of days on which a service has no price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// A service's pictures as it sells them: in whole monthly plans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct WholePlans {
    /// Monthly plans that include the pictures of each month.
    pub plans: u64,
    /// What they cost.
    pub price: Money,
    /// That less the standard cost of the pictures; negative for a loss.
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
    /// What `sku` would have charged for `pictures`, by what is known on `today`. Those that were compared with it when they
    /// were booked keep the price that was booked. Days without a price there are named, and their images left out.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] if what the images cost here is past the ledger's range.
    pub fn elsewhere(
        &self,
        sku: &str,
        pictures: &[Pictures<'_>],
        today: Date,
    ) -> Result<Elsewhere, MoneyError> {
        let mut tally = Tally::default();
        let mut days: BTreeMap<(Operation, Date), DayPrice<'_>> = BTreeMap::new();
        for group in pictures {
            let (operation, day) = (group.product.operation, group.priced_on);
            let day = days.entry((operation, day)).or_insert_with(|| self.price_on(sku, operation, day));
            tally.add(sku, group, day)?;
        }
        let mut found = tally.finish(sku, sku == self.settings().compare_with);
        found.comparison.notice = self.price_notice(sku, today);
        Ok(found)
    }
}

impl<'a> Tally<'a> {
    fn add(&mut self, sku: &str, group: &Pictures<'_>, day: &DayPrice<'a>) -> Result<(), MoneyError> {
        let price = match (group.booked, day) {
            (Some((booked, price)), _) if booked == sku => Ok(price),
            (_, Ok((entry, rate))) => {
                price_of_picture(entry, *rate, group.product).and_then(|each| Ok(each.times(group.images)?))
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

    fn note_unpriced(&mut self, group: &Pictures<'_>, error: CostError) {
        self.unpriced_images += group.images;
        self.unpriced_days.insert(group.priced_on);
        if self.reason.as_ref().is_none_or(|(day, _)| group.priced_on < *day) {
            self.reason = Some((group.priced_on, error));
        }
    }

    fn note_entry(&mut self, group: &Pictures<'_>, entry: &'a PriceEntry, rate: Money) {
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
    /// The same against everything that was spent: `total`, on `images`, of which those with a price here carry their part.
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

fn as_text<T: std::fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::{
        costs::{CostSettings, ExchangeRate, PriceBook},
        domain::{ImageSize, Quality},
    };

    const BOOK: &str = r#"
        [[price]]
        sku = "a/image"
        unit = "image"
        amount = "0.10"
        currency = "USD"
        effective_from = "2026-01-01"
        effective_to = "2026-11-10"
        source = "a page"
        read_on = "2026-10-01"

        [[price]]
        sku = "a/image"
        unit = "image"
        amount = "0.20"
        currency = "USD"
        effective_from = "2026-11-11"
        source = "the same page"
        read_on = "2026-11-11"

        [[price]]
        sku = "a/image"
        operation = "edit"
        unit = "image"
        amount = "0.05"
        currency = "USD"
        effective_from = "2026-01-01"
        source = "a page of edits"
        read_on = "2026-10-01"

        [[price]]
        sku = "b/retired"
        unit = "table"
        rows = [{ quality = "low", amount = "0.01" }, { quality = "high", amount = "0.09" }]
        currency = "CNY"
        effective_from = "2026-01-01"
        effective_to = "2026-11-10"
        source = "another page"
        read_on = "2026-10-01"

        [[price]]
        sku = "c/plan"
        unit = "plan"
        amount = "10"
        included_images = 300
        currency = "USD"
        effective_from = "2026-01-01"
        source = "a plan's page"
        read_on = "2026-10-01"
    "#;

    const TODAY: Date = date(2026, 11, 20);

    fn model() -> CostModel {
        let settings = CostSettings {
            compare_with: "a/image".into(),
            also_compare_with: vec!["c/plan".into()],
            ..CostSettings::default()
        };
        let rate = ExchangeRate {
            from: Currency::USD,
            to: Currency::CNY,
            rate: "7".parse().expect("a rate"),
            effective_from: date(2026, 1, 1),
        };
        let book = PriceBook::parse(BOOK).expect("a price book");
        CostModel::new(settings, book, vec![rate]).expect("a model")
    }

    fn money(text: &str) -> Money {
        text.parse().expect("an amount")
    }

    /// `images` pictures for 1 yuan each, entered and priced on a day of November.
    fn pictures(day: i8, images: i64, quality: Quality) -> Pictures<'static> {
        let day = date(2026, 11, day);
        let standard = money("1").times(images).expect("in range");
        let product = Product::generated(ImageSize::square(1024), quality);
        Pictures { day, priced_on: day, product, images, standard, booked: None }
    }

    #[test]
    fn each_day_has_its_price_and_every_price_its_source() {
        let span = [pictures(10, 2, Quality::Medium), pictures(11, 3, Quality::Medium)];
        let found = model().elsewhere("a/image", &span, TODAY).expect("in range");
        let Elsewhere { comparison, by_day } = found;
        // 2 · $0.10 · 7 + 3 · $0.20 · 7
        assert_eq!((comparison.images, comparison.compared_price), (5, Some(money("5.6"))));
        assert_eq!((comparison.total, comparison.saving), (money("5"), Some(money("0.6"))));
        assert_eq!((comparison.saving_percent_tenths, comparison.headline), (Some(107), true));
        assert_eq!(by_day.values().copied().collect::<Vec<_>>(), [money("1.4"), money("4.2")]);
        let read: Vec<_> = comparison.prices.iter().map(|price| (&*price.source, price.read_on)).collect();
        assert_eq!(read, [("a page", date(2026, 10, 1)), ("the same page", date(2026, 11, 11))]);
        assert_eq!((comparison.unpriced, comparison.plans), (None, None));
    }

    #[test]
    fn days_without_a_price_are_named_and_compared_with_nothing() {
        let priced = [pictures(10, 2, Quality::High), pictures(9, 1, Quality::Low)];
        let span = [priced[0], priced[1], pictures(12, 4, Quality::High), pictures(20, 1, Quality::High)];
        let found = model().elsewhere("b/retired", &span, TODAY).expect("in range").comparison;
        assert_eq!((found.images, found.compared_price), (3, Some(money("0.19"))));
        assert_eq!((found.total, found.saving), (money("3"), Some(money("-2.81"))));
        let unpriced = found.unpriced.expect("two days");
        assert_eq!((unpriced.images, unpriced.days), (5, 2));
        assert_eq!((unpriced.first, unpriced.last), (date(2026, 11, 12), date(2026, 11, 20)));
        assert!(unpriced.reason.contains("b/retired on 2026-11-12"), "{}", unpriced.reason);
        let none = model().elsewhere("b/retired", &span[2..], TODAY).expect("in range").comparison;
        assert_eq!((none.images, none.compared_price, none.saving), (0, None, None), "no price is not 0");
        let unknown = model().elsewhere("nobody/nothing", &span, TODAY).expect("in range").comparison;
        assert_eq!((unknown.compared_price, unknown.unpriced.map(|found| found.images)), (None, Some(8)));
    }

    #[test]
    fn edits_are_compared_with_prices_of_edits() {
        let edited = |day, images| {
            let made = pictures(day, images, Quality::Medium);
            Pictures { product: Product { operation: Operation::Edit, ..made.product }, ..made }
        };
        let span = [pictures(10, 2, Quality::Medium), edited(10, 3)];
        let found = model().elsewhere("a/image", &span, TODAY).expect("in range").comparison;
        // 2 · $0.10 · 7 + 3 · $0.05 · 7
        assert_eq!((found.images, found.compared_price), (5, Some(money("2.45"))));
        assert_eq!(found.prices.len(), 2);
        let found = model().elsewhere("b/retired", &span, TODAY).expect("in range").comparison;
        let unpriced = found.unpriced.expect("it sells no edits");
        assert_eq!((found.images, unpriced.images), (2, 3));
        assert!(unpriced.reason.contains("b/retired (edit) on 2026-11-10"), "{}", unpriced.reason);
    }

    #[test]
    fn a_missing_exchange_rate_is_named_too() {
        let day = date(2025, 12, 31);
        let early = Pictures { day, priced_on: day, ..pictures(1, 1, Quality::Medium) };
        let model = CostModel::new(
            CostSettings {
                compare_with: "b/retired".into(),
                also_compare_with: vec![],
                ..CostSettings::default()
            },
            PriceBook::parse(&BOOK.replace("2026-01-01", "2025-01-01")).expect("a price book"),
            vec![],
        );
        let found = model.and_then(|model| Ok(model.elsewhere("a/image", &[early], TODAY)?));
        let reason = found.expect("in range").comparison.unpriced.expect("no rate").reason;
        assert!(reason.contains("exchange rate from USD to CNY holds on 2025-12-31"), "{reason}");
    }

    #[test]
    fn what_was_booked_with_a_service_stays_its_price() {
        let booked = Pictures { booked: Some(("a/image", money("9"))), ..pictures(10, 2, Quality::Medium) };
        let span = [booked, pictures(10, 1, Quality::Medium)];
        let price = |sku| model().elsewhere(sku, &span, TODAY).expect("in range").comparison.compared_price;
        assert_eq!(price("a/image"), Some(money("9.7")));
        assert_eq!(price("b/retired"), Some(money("0.03")), "three at the lower quality");
    }

    #[test]
    fn what_is_taken_back_is_taken_back_at_its_own_days_price() {
        let back = Pictures { priced_on: date(2026, 11, 10), ..pictures(20, -2, Quality::Medium) };
        let found =
            model().elsewhere("a/image", &[pictures(20, 1, Quality::Medium), back], TODAY).expect("in range");
        assert_eq!(found.comparison.images, -1);
        assert_eq!(found.comparison.compared_price, Some(money("0")), "one at 1.4, two of 0.7 back");
        assert_eq!(found.comparison.saving_percent_tenths, None);
    }

    #[test]
    fn a_plan_is_told_by_the_picture_and_in_whole_plans() {
        let october = Pictures { day: date(2026, 10, 31), ..pictures(1, 1, Quality::Medium) };
        let span = [october, pictures(1, 300, Quality::Medium), pictures(2, 1, Quality::Medium)];
        let found = model().elsewhere("c/plan", &span, TODAY).expect("in range").comparison;
        // $10 / 300, rounded down, · 7, rounded down.
        assert_eq!(found.compared_price, money("0.233333331").times(302).ok());
        let plans = WholePlans { plans: 3, price: money("210"), saving: money("-92") };
        assert_eq!(found.plans, Some(plans), "one for October, two for November");
    }
}
