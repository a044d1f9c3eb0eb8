use jiff::civil::Date;
use maud::{Markup, html};

use super::address::query_of;
use crate::{
    costs::{Breakdown, ServiceComparison},
    http::pages::{
        charts::{Money2d, tick_decimals},
        frame::{MoneyColumn, Words, explained},
        places::HOME,
    },
    ledger::{
        DayReport, EnergySources, Figures, GroupBy, Groups, MonthReport, Payback, RangeReport, WholeMonth,
        YearReport,
    },
    units::{Currency, EnergyBalance, Money, Proportion},
};

/// What a page of costs is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Month,
    /// Any days.
    Days,
    Year,
}

/// What the page says of a month, of a year, or of any days.
pub(super) struct Account<'a> {
    pub(super) words: Words,
    pub(super) currency: Currency,
    pub(super) figures: &'a Figures,
    pub(super) whole: Option<&'a WholeMonth>,
    pub(super) services: &'a [ServiceComparison],
    pub(super) payback: Option<&'a Payback>,
    pub(super) extent: Extent,
    /// What files and pages of its groups are asked for by: `month=2026-11`; none of a year.
    pub(super) span: Option<String>,
    /// Its days, those to come left out, or the months of a year.
    pub(super) steps: Vec<Period>,
    pub(super) first_day: Option<Date>,
    pub(super) last_day: Option<Date>,
    pub(super) sources: EnergySources,
    pub(super) groups: &'a [Groups],
    /// Kinds of groups of which one is counted alone.
    pub(super) narrowed: Vec<GroupBy>,
}

/// A day of a month, a month of a year.
#[derive(Debug, Clone, Default)]
pub(super) struct Period {
    /// `5 Nov`, `November 2026`.
    pub(super) name: String,
    /// The same as short as under a column.
    pub(super) label: String,
    /// Whether anything was booked in it, or it is a day.
    pub(super) is_shown: bool,
    /// Its own page: the costs of a day or of a month, the jobs of a day that is alone.
    pub(super) page: Option<String>,
    pub(super) images: i64,
    pub(super) cost: Breakdown,
    pub(super) total: Money,
    /// Electricity of failed work, idle hours, warm-up and gaps.
    pub(super) idle: Money,
    /// None if no image has a price elsewhere.
    pub(super) compared_price: Option<Money>,
    pub(super) saving: Option<Money>,
}

impl<'a> Account<'a> {
    pub(super) fn of_month(words: Words, report: &'a MonthReport) -> Self {
        let days = report.days.as_deref().unwrap_or_default();
        Self {
            words,
            currency: report.currency,
            figures: &report.figures,
            whole: report.whole.as_ref(),
            services: &report.services,
            payback: report.payback.as_ref(),
            extent: Extent::Month,
            span: Some(format!("month={}", report.month)),
            steps: days.iter().map(|day| Period::of_day(words, day)).collect(),
            first_day: days.first().map(|day| day.day),
            last_day: days.last().map(|day| day.day),
            sources: report.energy_sources,
            groups: &report.groups,
            narrowed: Vec::new(),
        }
    }

    /// Any days, and their images or some of them.
    pub(super) fn of_range(words: Words, report: &'a RangeReport) -> Self {
        let is_one_day = report.from == report.to;
        let step = |day: &DayReport| {
            let page = if is_one_day {
                format!("/admin/jobs?day={}", day.day)
            } else {
                format!("{HOME}?{}", query_of(day.day, day.day, &report.only))
            };
            Period { page: Some(page), ..Period::of_day(words, day) }
        };
        Self {
            words,
            currency: report.currency,
            figures: &report.figures,
            whole: report.whole.as_ref(),
            services: &report.services,
            payback: None,
            extent: Extent::Days,
            span: Some(query_of(report.from, report.to, &report.only)),
            steps: report.days.iter().map(step).collect(),
            first_day: report.days.first().map(|day| day.day),
            last_day: report.days.last().map(|day| day.day),
            sources: report.energy_sources,
            groups: &report.groups,
            narrowed: report.only.iter().map(|only| only.by).collect(),
        }
    }

    pub(super) fn of_year(words: Words, report: &'a YearReport) -> Self {
        Self {
            words,
            currency: report.currency,
            figures: &report.figures,
            whole: Some(&report.whole),
            services: &report.services,
            payback: report.payback.as_ref(),
            extent: Extent::Year,
            span: None,
            steps: report.months.iter().map(|month| Period::of_month(words, month)).collect(),
            first_day: None,
            last_day: None,
            sources: report.energy_sources,
            groups: &[],
            narrowed: Vec::new(),
        }
    }

    /// The like-for-like service.
    pub(super) fn headline(&self) -> Option<&'a ServiceComparison> {
        self.services.iter().find(|service| service.headline)
    }

    /// The first of the further services.
    pub(super) fn premium(&self) -> Option<&'a ServiceComparison> {
        self.services.iter().find(|service| !service.headline)
    }

    /// An amount in the account's currency.
    pub(super) fn money(&self, amount: Money) -> String {
        self.words.amount_text(amount, self.currency)
    }

    /// The column of `amounts` in a table.
    pub(super) fn column(&self, amounts: impl IntoIterator<Item = Money>) -> MoneyColumn {
        MoneyColumn::new(self.words, self.currency, amounts)
    }

    /// An amount at an axis of `range`.
    pub(super) fn tick(&self, range: (f64, f64), value: f64) -> String {
        self.words.tick_amount(Money::from_chart(value), self.currency, tick_decimals(range))
    }

    pub(super) fn energy(&self, energy: EnergyBalance) -> String {
        self.words.energy_text(energy)
    }

    pub(super) fn count(&self, count: i64) -> String {
        self.words.count(count)
    }

    /// Tenths of a percent as a part for people.
    pub(super) fn percent(&self, tenths: i64) -> String {
        self.words.proportion(&Proportion::new(tenths))
    }

    /// A figure that explains how it is calculated.
    pub(super) fn explained(&self, id: &str, value: &str, how: &str) -> Markup {
        explained(self.words, &format!("how-{id}"), value, how)
    }

    /// An amount that was saved, or lost: then with its colour, its word and its minus. A dash if nothing was compared.
    pub(super) fn saved(&self, saving: Option<Money>) -> Markup {
        self.saved_as(saving, |saving| self.money(saving))
    }

    /// The same in a column.
    pub(super) fn saved_in(&self, column: MoneyColumn, saving: Option<Money>) -> Markup {
        self.saved_as(saving, |saving| column.text(saving))
    }

    fn saved_as(&self, saving: Option<Money>, text: impl Fn(Money) -> String) -> Markup {
        html! {
            @match saving {
                Some(saving) if saving < Money::ZERO => {
                    span.loss { span.hidden { (self.words.say("costs-lost")) " " } (text(saving)) }
                }
                Some(saving) => (text(saving)),
                None => "–",
            }
        }
    }

    /// How much of the energy was measured.
    pub(super) fn energy_mark(&self) -> Markup {
        let words = self.words;
        html! {
            @match self.sources.measured_percent_tenths() {
                None => {}
                Some(1000) => span.tag.good { (words.say("costs-measured")) },
                Some(0) => span.tag.warn { (words.say("costs-estimated")) },
                Some(part) => span.tag.warn {
                    (words.format("costs-partly-measured", &[("part", self.percent(part).into())]))
                },
            }
        }
    }
}

impl Period {
    fn of_day(words: Words, day: &DayReport) -> Self {
        Self {
            name: words.date(day.day),
            label: words.day(day.day),
            is_shown: true,
            page: Some(format!("{HOME}?{}", query_of(day.day, day.day, &[]))),
            images: day.images,
            cost: day.cost,
            total: day.total,
            idle: day.overhead_electricity.plus(day.failed_electricity).unwrap_or_default(),
            compared_price: day.compared_price,
            saving: day.saving,
        }
    }

    fn of_month(words: Words, month: &MonthReport) -> Self {
        let figures = &month.figures;
        let spent = month.whole.as_ref().map(|whole| whole.fully_loaded_total);
        let overheads = month.whole.as_ref().map_or(Money::ZERO, |whole| whole.overhead_electricity);
        Self {
            name: words.month(month.month),
            label: words.short_month(month.month),
            is_shown: !month.is_empty() || spent.is_some_and(|spent| spent != Money::ZERO),
            page: Some(format!("?month={}", month.month)),
            images: figures.images,
            cost: figures.cost,
            total: figures.total,
            idle: overheads.plus(figures.failed_electricity).unwrap_or_default(),
            compared_price: figures.compared_price,
            saving: figures.saving,
        }
    }

    /// What is stacked in its column, in the order of the legend.
    pub(super) fn parts(&self) -> Vec<f64> {
        [self.cost.electricity, self.cost.depreciation, self.cost.upkeep, self.idle]
            .map(Money::to_chart)
            .to_vec()
    }
}
