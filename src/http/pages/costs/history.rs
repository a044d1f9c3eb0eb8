//! Cost step by step, and what was saved against what was paid for the hardware.

use std::collections::BTreeMap;

use jiff::{Span, civil::Date};
use maud::{Markup, html};

use super::account::{Account, Extent, Period};
use crate::{
    costs::DaySpan,
    http::pages::charts::{Chart, Column, Curve, Look, Mark, Money2d, Width, columns, legend, lines},
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
    html! {
        figure.card.chart id="by-step" {
            figcaption.row {
                h2 { (title) }
                @if let Some(span) = &account.span {
                    a.csv.no-print href={ "/admin/costs.csv?" (span) "&by=day" } download aria-label={ (words.say("costs-csv")) ": " (title) } { (words.say("costs-csv")) }
                }
            }
            (legend(&[
                (0, words.say("costs-electricity").as_ref()),
                (1, words.say("costs-depreciation").as_ref()),
                (2, words.say("costs-upkeep").as_ref()),
                (3, words.say("costs-idle-and-failed").as_ref()),
            ]))
            (chart.drawn(|area| columns(area, &items, &|range, value| account.tick(range, value))))
            details open[account.extent == Extent::Year] {
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
            tbody { @for step in account.steps.iter().filter(|step| step.is_shown) { (step_row(account, step)) } }
        } }
    }
}

fn step_row(account: &Account<'_>, step: &Period) -> Markup {
    html! {
        tr {
            th scope="row" {
                @match &step.page { Some(page) => a href=(page) { (step.name) }, None => (step.name) }
            }
            td { (account.count(step.images)) }
            @for amount in [step.cost.electricity, step.cost.depreciation, step.cost.upkeep, step.total, step.idle] {
                td { (account.money(amount)) }
            }
            td { (account.money_or_dash(step.compared_price)) }
            td { (account.saved(step.saving)) }
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
        .map(|against| format!("{}: {}", against.sku, account.outlook(payback, against)))
        .collect();
    let description = outlooks.join(". ");
    let chart = Chart {
        id: "chart-savings",
        title: &title,
        description: &description,
        width: Width::Half,
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
    html! {
        div.scroll.tall tabindex="0" role="region" aria-label=(title) { table {
            thead { tr {
                th scope="col" { (account.words.say("costs-up-to-day")) }
                @for against in drawn { th scope="col" { (against.sku) } }
            } }
            tbody { @for (day, amounts) in &rows { tr {
                th scope="row" { (account.words.date(*day)) }
                @for amount in amounts.iter().take(drawn.len()) {
                    td { @match amount { Some(amount) => (account.saved(Some(*amount))), None => "–" } }
                }
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
