//! A month or a year put together: one view of the ledger, one pass over its entries.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan, civil::Date};

use super::{
    DayReport, EnergySources, Figures, GroupBy, Groups, MonthReport, MonthSpan, MonthSums, MonthTotals, Only,
    Payback, RangeReport, WholeMonth, YearReport,
    all_in::Counted,
    bought, days,
    entry_sums::{self, Fact},
    groups::groups,
    payback::History,
    span::EntrySpan,
    statement::Statement,
};
use crate::{
    costs::{Allocated, Asset, CostModel, DaySpan, MonthCost, ServiceComparison, month_cost},
    domain::Calendar,
    ledger::{
        BoughtReport, Ledger, LedgerError, Month, Year, adjustments, deliveries, meter, purchases,
        recorded::{first_day, images_on, part_uses, with_assets},
        store::{Conn, params},
    },
    units::Money,
};

/// What reports are made from.
pub(super) struct Source<'a> {
    view: &'a Conn<'a>,
    costs: CostModel,
    calendar: &'a Calendar,
    /// From the ledger's first day up to, not including, tomorrow; empty before the first key.
    known: DaySpan,
    /// The days of the facts, the report's own and those since the hardware was bought.
    read: DaySpan,
    facts: Vec<Fact>,
    /// Electricity of overheads.
    overheads: BTreeMap<Date, Money>,
}

impl Ledger {
    /// Everything about `month` up to `now`, in groups of each of `kinds`.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses, or a sum is out of range.
    pub fn month_report(
        &self,
        costs: &CostModel,
        month: Month,
        kinds: &[GroupBy],
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<MonthReport, LedgerError> {
        self.store.read(|view| match Statement::of(view, month)? {
            Some(statement) => statement.into_report(view, kinds),
            None => Ok(read_month(view, costs, month, kinds, (calendar, now))?.0),
        })
    }

    /// A year up to `now`, month by month.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses, or a sum is out of range.
    pub fn year_report(
        &self,
        costs: &CostModel,
        year: Year,
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<YearReport, LedgerError> {
        self.span_report(costs, MonthSpan::Year { year }, calendar, now)
    }

    /// The same of any months one after the other.
    ///
    /// # Errors
    /// As [`Ledger::year_report`].
    pub fn span_report(
        &self,
        costs: &CostModel,
        span: MonthSpan,
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<YearReport, LedgerError> {
        self.store.read(|view| {
            let source = Source::read(view, costs, span.days(), &[], calendar, now)?;
            let Gathered { parts: months, sums, energy_sources } = source.gather(span.days())?;
            let whole = source.whole(span.days(), &sums)?;
            let bought = months.iter().filter_map(|month| month.overflow.as_ref());
            let overflow = BoughtReport::of_all(bought, Some(whole.fully_loaded_total))?;
            Ok(YearReport {
                span,
                currency: source.costs.currency(),
                figures: Figures::new(&sums.totals),
                energy_sources,
                compared_with: source.costs.compare_with().to_owned(),
                example_hardware: source.costs.uses_example_hardware(),
                services: source.services_of(&months, sums.totals.images, &whole)?,
                whole,
                overflow,
                payback: source.payback(span.days())?,
                months,
            })
        })
    }

    /// The days `days` up to `now`, in groups of each of `kinds`: all that was spent, or with some of `only` their images alone.
    /// Months that lie in them whole are as they were closed.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses, or a sum is out of range.
    pub fn range_report(
        &self,
        costs: &CostModel,
        days: DaySpan,
        (only, kinds): (&[Only], &[GroupBy]),
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<RangeReport, LedgerError> {
        self.store.read(|view| {
            let by: Vec<_> = kinds.iter().copied().chain(only.iter().map(|only| only.by)).collect();
            let mut source = Source::read(view, costs, days, &by, calendar, now)?;
            let mut report =
                if only.is_empty() { source.range(days)? } else { source.narrowed(days, only)? };
            let of_kind = |by: &GroupBy| Ok(Groups::new(*by, groups(view, *by, source.facts_on(days))?));
            report.groups = kinds.iter().map(of_kind).collect::<Result<_, LedgerError>>()?;
            Ok(report)
        })
    }
}

/// Reports of months, or of parts of them, and what they come to together.
struct Gathered {
    parts: Vec<MonthReport>,
    sums: MonthSums,
    energy_sources: EnergySources,
}

/// Everything of `month` up to `now`, and the first moment after that.
pub(super) fn whole_month(
    view: &Conn<'_>,
    costs: &CostModel,
    month: Month,
    calendar: &Calendar,
    now: Timestamp,
) -> Result<(WholeMonth, Timestamp), LedgerError> {
    let source = Source::read(view, costs, month.days(), &[], calendar, now)?;
    let (_, sums) = source.month(month)?;
    let end = month.days().end.min(source.known.end);
    Ok((source.whole(month.days(), &sums)?, calendar.start_of(end)))
}

impl<'a> Source<'a> {
    /// Reads `days`, and those since the hardware was bought.
    pub(super) fn read(
        view: &'a Conn<'a>,
        costs: &CostModel,
        days: DaySpan,
        by: &[GroupBy],
        calendar: &'a Calendar,
        now: Timestamp,
    ) -> Result<Self, LedgerError> {
        let costs = with_assets(view, costs)?;
        let tomorrow = calendar.to_datetime(now).date().tomorrow().unwrap_or(Date::MAX);
        let known = DaySpan { first: first_day(view, calendar, now)?.unwrap_or(Date::MAX), end: tomorrow };
        let since = paying_days(&costs, known).first.min(days.first);
        let read = DaySpan { first: since, end: days.end };
        let span =
            EntrySpan { start: calendar.start_of(read.first), end: calendar.start_of(read.end), calendar };
        Ok(Self {
            facts: entry_sums::read(view, span, by)?,
            overheads: overheads_by_day(view, span)?,
            view,
            costs,
            calendar,
            known,
            read,
        })
    }

    /// Those of `days` that have passed since the ledger's first.
    pub(super) fn known_days(&self, days: DaySpan) -> DaySpan {
        self.known.and(days)
    }

    /// What is counted with.
    pub(super) fn costs(&self) -> &CostModel {
        &self.costs
    }

    pub(super) fn facts_on(&self, days: DaySpan) -> &[Fact] {
        let before = |day: Date| self.facts.partition_point(|fact| fact.day < day);
        self.facts.get(before(days.first)..before(days.end)).unwrap_or_default()
    }

    /// A month's report as it was closed, or as it is now, and what its figures are made from.
    pub(super) fn stated_or_read(&self, month: Month) -> Result<(MonthReport, MonthSums), LedgerError> {
        match Statement::of(self.view, month)? {
            Some(statement) => {
                let sums = statement.sums;
                let report = statement.into_report(self.view, &[])?;
                Ok((MonthReport { days: None, payback: None, ..report }, sums))
            }
            None => self.month(month),
        }
    }

    /// The months of `days`, the first and the last as far as they are in them.
    fn gather(&self, days: DaySpan) -> Result<Gathered, LedgerError> {
        let (mut parts, mut sums) = (Vec::new(), MonthSums::default());
        let mut energy_sources = EnergySources::default();
        let last = days.end.yesterday().unwrap_or(days.first);
        for month in Month::containing(days.first).until(Month::containing(last)) {
            let in_it = month.days().and(days);
            let (part, of_part) =
                if in_it == month.days() { self.stated_or_read(month)? } else { self.part(month, in_it)? };
            energy_sources = energy_sources.plus(&part.energy_sources)?;
            sums = sums.plus(&of_part)?;
            parts.push(part);
        }
        Ok(Gathered { parts, sums, energy_sources })
    }

    /// All of `days`, without groups.
    fn range(&self, days: DaySpan) -> Result<RangeReport, LedgerError> {
        let Gathered { parts, sums, energy_sources } = self.gather(days)?;
        let whole = self.whole(days, &sums)?;
        let bought = parts.iter().filter_map(|part| part.overflow.as_ref());
        let overflow = BoughtReport::of_all(bought, Some(whole.fully_loaded_total))?;
        Ok(RangeReport {
            services: self.services_of(&parts, sums.totals.images, &whole)?,
            energy_sources,
            whole: Some(whole),
            adjustments: parts.into_iter().flat_map(|part| part.adjustments).collect(),
            overflow,
            ..self.images_of(days, &sums.totals)?
        })
    }

    /// The images of `days` that each of `only` wants. What else was read is forgotten.
    fn narrowed(&mut self, days: DaySpan, only: &[Only]) -> Result<RangeReport, LedgerError> {
        self.facts.retain(|fact| only.iter().all(|only| fact.group(only.by) == only.group));
        self.overheads.clear();
        let totals = entry_sums::sum(self.facts_on(days))?;
        let skus = self.costs.compared_skus();
        let services = skus.into_iter().map(|sku| self.elsewhere(sku, days)).collect::<Result<_, _>>()?;
        let energy_sources = entry_sums::sources(self.facts_on(days))?;
        Ok(RangeReport { only: only.to_vec(), services, energy_sources, ..self.images_of(days, &totals)? })
    }

    /// What the images of `days` came to, by `totals`, and nothing else.
    fn images_of(&self, days: DaySpan, totals: &MonthTotals) -> Result<RangeReport, LedgerError> {
        Ok(RangeReport {
            from: days.first,
            to: days.end.yesterday().unwrap_or(days.first),
            only: Vec::new(),
            currency: self.costs.currency(),
            figures: Figures::new(totals),
            energy_sources: EnergySources::default(),
            compared_with: self.costs.compare_with().to_owned(),
            example_hardware: self.costs.uses_example_hardware(),
            whole: None,
            services: Vec::new(),
            adjustments: Vec::new(),
            overflow: None,
            days: self.days(days)?,
            groups: Vec::new(),
        })
    }

    /// A month's report without its days and its payback, and what its figures are made from.
    fn month(&self, month: Month) -> Result<(MonthReport, MonthSums), LedgerError> {
        self.part(month, month.days())
    }

    /// The same of some of its days.
    fn part(&self, month: Month, days: DaySpan) -> Result<(MonthReport, MonthSums), LedgerError> {
        let [start, end] = [days.first, days.end].map(|day| self.calendar.start_of(day));
        let adjustments = adjustments::recorded(self.view, start, end)?;
        let adjusted = adjustments.iter().try_fold(Money::ZERO, |sum, one| sum.plus(one.amount));
        let mut totals = entry_sums::sum(self.facts_on(days))?;
        totals.undelivered -= deliveries::delivered_late(self.view, start, end)?;
        let sums = MonthSums {
            totals,
            cost: self.cost(days, &totals)?,
            overheads: meter::overheads(self.view, start, end)?,
            adjustments: adjusted?,
        };
        let mut report = MonthReport::new(month, &totals, &self.costs);
        let whole = self.whole(days, &sums)?;
        report.energy_sources = entry_sums::sources(self.facts_on(days))?;
        report.services = self.services(days, totals.images, &whole)?;
        let bought = purchases::rows::of_span(self.view, start, end)?;
        report.overflow = bought::report(&bought, Some(whole.fully_loaded_total))?;
        report.whole = Some(whole);
        report.adjustments = adjustments;
        Ok((report, sums))
    }

    /// What the parts and the upkeep cost, beside what the images of `totals` were allocated. Of days that are not
    /// over, those to now, today included; days before the ledger's first key do not count.
    pub(super) fn cost(&self, days: DaySpan, totals: &MonthTotals) -> Result<MonthCost, LedgerError> {
        let days = self.known.and(days);
        let allocated = Allocated { depreciation: totals.cost.depreciation, upkeep: totals.cost.upkeep };
        let uses = part_uses(&self.costs, days, |span| self.images(span))?;
        let upkeep = self.costs.upkeep_on(days, allocated.upkeep, |days| self.images_read_on(days));
        Ok(month_cost(&uses, upkeep?, days, allocated)?)
    }

    /// Images on `days`, which end at the latest with those that were read.
    fn images(&self, days: DaySpan) -> Result<u64, LedgerError> {
        let earlier = match days.before(self.read.first) {
            none if none.days() == 0 => 0,
            earlier => images_on(self.view, earlier, self.calendar)?,
        };
        let read = self.images_read_on(days);
        // Below 0 if images from before this span were taken back: then nothing was worn.
        Ok(u64::try_from(earlier + read).unwrap_or(0))
    }

    /// Images on those of `days` that were read, less those that were taken back.
    fn images_read_on(&self, days: DaySpan) -> i64 {
        self.facts_on(days).iter().map(|fact| fact.totals.images).sum()
    }

    fn whole(&self, days: DaySpan, sums: &MonthSums) -> Result<WholeMonth, LedgerError> {
        let counted = Counted { days: self.known.and(days).days(), of: days.days() };
        Ok(WholeMonth::new(sums, counted)?)
    }

    /// The images of `months` at each service: as it was closed in months that were compared with it then, else by what
    /// is known now.
    fn services_of(
        &self,
        months: &[MonthReport],
        images: i64,
        whole: &WholeMonth,
    ) -> Result<Vec<ServiceComparison>, LedgerError> {
        let there = |sku: &str| {
            let mut sum: Option<ServiceComparison> = None;
            for month in months {
                let known = month.services.iter().find(|service| service.sku == sku).cloned();
                let of_month = known.map_or_else(|| self.elsewhere(sku, month.month.days()), Ok)?;
                sum = Some(match sum {
                    None => of_month,
                    Some(sum) => sum.plus(of_month)?,
                });
            }
            let sum = sum.map_or_else(|| self.elsewhere(sku, self.known), Ok)?;
            Ok(sum.against_all_in(whole.fully_loaded_total, images))
        };
        self.costs.compared_skus().into_iter().map(there).collect()
    }

    fn elsewhere(&self, sku: &str, days: DaySpan) -> Result<ServiceComparison, LedgerError> {
        let groups: Vec<_> = self.facts_on(days).iter().filter_map(Fact::image_group).collect();
        let today = self.known.end.yesterday().unwrap_or(self.known.end);
        Ok(self.costs.elsewhere(sku, &groups, today)?.comparison)
    }

    /// The images of `days` at each service, against what they and everything else of these days cost.
    fn services(
        &self,
        days: DaySpan,
        images: i64,
        whole: &WholeMonth,
    ) -> Result<Vec<ServiceComparison>, LedgerError> {
        let there =
            |sku: &str| Ok(self.elsewhere(sku, days)?.against_all_in(whole.fully_loaded_total, images));
        self.costs.compared_skus().into_iter().map(there).collect()
    }

    /// The days of `days` that are known, and any other on which something was entered.
    fn days(&self, days: DaySpan) -> Result<Vec<DayReport>, LedgerError> {
        let mut sums = entry_sums::sums_by(self.facts_on(days), |fact| fact.day)?;
        let known = self.known.and(days);
        for day in known.first.series(1.day()).take_while(|day| *day < known.end) {
            sums.entry(day).or_default();
        }
        let overheads = |day: &Date| self.overheads.get(day).copied().unwrap_or_default();
        days::reports(sums.into_iter().map(|(day, totals)| (day, totals, overheads(&day))))
    }

    /// How far the hardware has paid for itself by the end of `days`, or by now.
    fn payback(&self, days: DaySpan) -> Result<Option<Payback>, LedgerError> {
        let days = paying_days(&self.costs, self.known).before(days.end);
        if days.days() == 0 {
            return Ok(None);
        }
        let facts = self.facts_on(days);
        let images = |part: &Asset| self.images(part.service().before(days.end));
        let history = History {
            costs: &self.costs,
            days,
            groups: facts.iter().filter_map(Fact::image_group).collect(),
            totals: entry_sums::sums_by(facts, |fact| fact.day)?,
            overheads: &self.overheads,
            images_of_parts: self.costs.bought_parts().iter().map(images).collect::<Result<_, _>>()?,
        };
        Ok(Some(history.payback()?))
    }
}

/// Everything about `month` by what is known at `now`, and what its figures are made from.
pub(in crate::ledger) fn read_month(
    view: &Conn<'_>,
    costs: &CostModel,
    month: Month,
    kinds: &[GroupBy],
    (calendar, now): (&Calendar, Timestamp),
) -> Result<(MonthReport, MonthSums), LedgerError> {
    let source = Source::read(view, costs, month.days(), kinds, calendar, now)?;
    let (mut report, sums) = source.month(month)?;
    report.days = Some(source.days(month.days())?);
    report.payback = source.payback(month.days())?;
    let [start, end] = [month.days().first, month.days().end].map(|day| calendar.start_of(day));
    let bought = if kinds.is_empty() { Vec::new() } else { purchases::rows::of_span(view, start, end)? };
    let of_kind = |by: &GroupBy| -> Result<Groups, LedgerError> {
        let own = Groups::new(*by, groups(view, *by, source.facts_on(month.days()))?);
        Ok(own.with_bought(&bought, calendar)?)
    };
    report.groups = kinds.iter().map(of_kind).collect::<Result<_, _>>()?;
    Ok((report, sums))
}

/// The days that count for a payback: of `known` those since the first part was bought.
fn paying_days(costs: &CostModel, known: DaySpan) -> DaySpan {
    let first = costs.bought_parts().iter().map(|part| part.purchased_on).min();
    known.and(DaySpan { first: first.unwrap_or(Date::MAX), end: Date::MAX })
}

/// Electricity of what went into no request, day by day.
fn overheads_by_day(conn: &Conn<'_>, span: EntrySpan<'_>) -> Result<BTreeMap<Date, Money>, LedgerError> {
    let sql = "SELECT entered_at_ms, electricity_nano FROM overheads WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2";
    let mut days = BTreeMap::<Date, Money>::new();
    conn.for_each(sql, params![span.start, span.end], |row| {
        let day = days.entry(span.calendar.to_datetime(row.get::<Timestamp>(0)?).date()).or_default();
        *day = day.plus(Money::from_nano(row.get(1)?))?;
        Ok::<_, LedgerError>(())
    })?;
    Ok(days)
}
