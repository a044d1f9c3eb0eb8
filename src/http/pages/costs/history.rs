//! Cost step by step, and what was saved against what was paid for the hardware.

use std::collections::BTreeMap;

use jiff::{Span, civil::Date};
use maud::{Markup, html};

use super::account::{Account, Extent, Period};
use crate::{
    costs::DaySpan,
    http::pages::{
        charts::{Chart, Column, Curve, Look, Mark, Money2d, Width, columns, legend, lines},
        frame::MoneyColumn,
    },
    ledger::{Payback, PaybackAgainst},
    units::Money,
};

/// Days are counted from here on the chart.
const EPOCH: Date = jiff::civil::date(1970, 1, 1);
/// As many services are drawn; the table has no more.
const SERVICES_MAX: usize = 2;
/// Colours of the services, and of what was paid.
const SERVICE_SERIES: [usize; SERVICES_MAX] = [1, 2];
const INVESTMENT_SERIES: usize = 3;
/// A span in days from which on years are written.
const LONG: f64 = 300.0;

/// Cost by day, or by month.
pub(super) fn by_step(account: &Account<'_>) -> Markup {
    let words = account.words;
    let (title, summary) = if account.extent == Extent::Year {
        (words.say("costs-by-month"), words.say("costs-every-month"))
    } else {
        (words.say("costs-by-day"), words.say("costs-every-day"))
    };
    let dearest = account.steps.iter().max_by_key(|step| step.total);
    let description = dearest.map_or_else(String::new, |step| {
        let values = [("step", step.name.as_str().into()), ("total", account.money(step.total).into())];
        words.format("costs-dearest", &values)
    });
    let chart = Chart {
        id: "chart-by-step",
        title: &title,
        description: &description,
        width: Width::Full,
        height: 280,
    };
    let items: Vec<_> = account.steps.iter().map(|step| column(account, step)).collect();
    let is_only = items.len() == 1;
    html! {
        figure.card.chart id="by-step" {
            figcaption.row {
                h2 { (title) }
                @if let Some(span) = &account.span {
                    a.csv.no-print href={ "/admin/costs.csv?" (span) "&by=day" } download aria-label={ (words.say("costs-csv")) (words.colon()) (title) } { (words.say("costs-csv")) }
                }
            }
            // One column says no more than its row.
            @if !is_only {
                (legend(&[
                    (0, words.say("costs-electricity").as_ref()),
                    (1, words.say("costs-depreciation").as_ref()),
                    (2, words.say("costs-upkeep").as_ref()),
                    (3, words.say("costs-idle-and-failed").as_ref()),
                ]))
                (chart.drawn(|area| columns(area, &items, &|range, value| account.tick(range, value))))
            }
            details open[account.extent == Extent::Year || is_only] {
                summary { (summary) }
                (step_table(account, &title))
            }
        }
    }
}

/// A step's column, which says its sum and leads to its page.
fn column(account: &Account<'_>, step: &Period) -> Column {
    let spent = step.total.plus(step.idle).unwrap_or(step.total);
    let values = [
        ("step", step.name.as_str().into()),
        ("total", account.money(spent).into()),
        ("images", step.images.into()),
    ];
    let mark = Mark { said: account.words.format("costs-step-mark", &values), page: step.page.clone() };
    Column { label: step.label.clone(), parts: step.parts(), mark }
}

fn step_table(account: &Account<'_>, title: &str) -> Markup {
    let words = account.words;
    let steps = || account.steps.iter().filter(|step| step.is_shown);
    let amounts = [0, 1, 2, 3, 4].map(|column| account.column(steps().map(|step| spent(step)[column])));
    let compared = [
        account.column(steps().filter_map(|step| step.compared_price)),
        account.column(steps().filter_map(|step| step.saving)),
    ];
    let columns = [
        "costs-images",
        "costs-electricity",
        "costs-depreciation",
        "costs-upkeep",
        "costs-total",
        "costs-idle-and-failed",
        "costs-elsewhere",
        "costs-by-standard-cost",
    ];
    html! {
        div.scroll tabindex="0" role="region" aria-label=(title) { table {
            thead { tr {
                th scope="col" { (words.say(if account.extent == Extent::Year { "costs-month" } else { "costs-day" })) }
                @for column in columns { th scope="col" { (words.say(column)) } }
            } }
            tbody { @for step in steps() { (step_row(account, step, &amounts, &compared)) } }
        } }
    }
}

/// What a step was spent on, in the table's order.
const fn spent(step: &Period) -> [Money; 5] {
    [step.cost.electricity, step.cost.depreciation, step.cost.upkeep, step.total, step.idle]
}

fn step_row(
    account: &Account<'_>,
    step: &Period,
    amounts: &[MoneyColumn; 5],
    [price, saving]: &[MoneyColumn; 2],
) -> Markup {
    html! {
        tr {
            th scope="row" {
                @match &step.page { Some(page) => a href=(page) { (step.name) }, None => (step.name) }
            }
            td { (account.count(step.images)) }
            @for (column, amount) in amounts.iter().zip(spent(step)) { td { (column.text(amount)) } }
            td { @match step.compared_price { Some(there) => (price.text(there)), None => "–" } }
            td { (account.saved_in(*saving, step.saving)) }
        }
    }
}

/// What was saved since the hardware was bought, against what was paid for it.
pub(super) fn savings(account: &Account<'_>) -> Markup {
    let words = account.words;
    let drawn: Vec<_> = account.payback.map_or_else(Vec::new, |payback| {
        payback.against.iter().filter(|against| !against.points.is_empty()).take(SERVICES_MAX).collect()
    });
    html! {
        figure.card.chart id="savings" {
            figcaption { h2 { (words.say("costs-savings")) } p.note { (words.say("costs-savings-how")) } }
            @match account.payback {
                Some(payback) if !drawn.is_empty() => (savings_chart(account, payback, &drawn)),
                _ => p.empty { (words.say("costs-savings-none")) },
            }
        }
    }
}

fn savings_chart(account: &Account<'_>, payback: &Payback, drawn: &[&PaybackAgainst]) -> Markup {
    let words = account.words;
    let (start, end) = (day_number(payback.since) - 1.0, day_number(payback.until));
    let investment = payback.investment.to_chart();
    let mut all: Vec<_> =
        drawn.iter().zip(SERVICE_SERIES).map(|(against, series)| line(against, series, start)).collect();
    let points = vec![(start, investment), (end, investment)];
    all.push(Curve { points, series: INVESTMENT_SERIES, look: Look::Dashed });
    let title = words.say("costs-savings");
    let outlooks: Vec<_> = drawn
        .iter()
        .map(|against| [against.sku.as_str(), words.colon(), &account.outlook(payback, against)].concat())
        .collect();
    let description = words.list(&outlooks);
    let chart = Chart {
        id: "chart-savings",
        title: &title,
        description: &description,
        width: Width::Full,
        height: 260,
    };
    let x_label = |x: f64| day_label(account, x, end - start > LONG);
    let names: Vec<_> =
        drawn.iter().zip(SERVICE_SERIES).map(|(against, series)| (series, against.sku.as_str())).collect();
    let paid =
        words.format("costs-paid-for-hardware", &[("amount", account.money(payback.investment).into())]);
    html! {
        (legend(&[names, vec![(INVESTMENT_SERIES, paid.as_str())]].concat()))
        (chart.drawn(|area| lines(area, &all, start..end, None, &x_label, &|range, value| account.tick(range, value))))
        details { summary { (words.say("costs-savings-table")) } (savings_table(account, drawn, &title)) }
    }
}

fn line(against: &PaybackAgainst, series: usize, start: f64) -> Curve {
    let saved = against.points.iter().map(|point| (day_number(point.day), point.saved_in_all.to_chart()));
    Curve { points: std::iter::once((start, 0.0)).chain(saved).collect(), series, look: Look::Solid }
}

fn savings_table(account: &Account<'_>, drawn: &[&PaybackAgainst], title: &str) -> Markup {
    let mut rows = BTreeMap::<Date, [Option<Money>; SERVICES_MAX]>::new();
    for (column, against) in drawn.iter().enumerate() {
        for point in &against.points {
            rows.entry(point.day).or_default()[column] = Some(point.saved_in_all);
        }
    }
    let saved: Vec<_> =
        (0..drawn.len()).map(|column| account.column(rows.values().filter_map(|row| row[column]))).collect();
    html! {
        div.scroll.tall tabindex="0" role="region" aria-label=(title) { table {
            thead { tr {
                th scope="col" { (account.words.say("costs-up-to-day")) }
                @for against in drawn { th scope="col" { (against.sku) } }
            } }
            tbody { @for (day, amounts) in &rows { tr {
                th scope="row" { (account.words.date(*day)) }
                @for (column, amount) in saved.iter().zip(amounts) { td { (account.saved_in(*column, *amount)) } }
            } } }
        } }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a place on an axis")]
fn day_number(day: Date) -> f64 {
    DaySpan { first: EPOCH, end: day }.days() as f64
}

/// Positions between two days have no label.
fn day_label(account: &Account<'_>, x: f64, is_long: bool) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "days are few")]
    let days = Span::new().try_days(x.round() as i64).ok();
    match days.and_then(|days| EPOCH.checked_add(days).ok()) {
        Some(day) if (x - x.round()).abs() < 1e-6 && is_long => account.words.short_date(day),
        Some(day) if (x - x.round()).abs() < 1e-6 => account.words.day(day),
        _ => String::new(),
    }
}
