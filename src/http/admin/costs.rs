use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    frame::{Page, Place, Words, rich, row},
    session,
};
use crate::{
    http::{State, error::ApiError},
    ledger::{GroupBy, Month, MonthReport, WholeMonth, Year, YearReport},
    units::Money,
};

#[derive(Deserialize)]
pub(super) struct Question {
    month: Option<String>,
    year: Option<String>,
    by: Option<String>,
}

/// The year that was asked for, if any; a year is neither grouped nor a month.
pub(super) async fn year_report(question: &Question, state: &State) -> Result<Option<YearReport>, ApiError> {
    let Some(text) = &question.year else { return Ok(None) };
    let refused = |message: String| ApiError::parameter("year", "invalid_value", message);
    let year = text.parse::<Year>().map_err(|error| refused(format!("{error}.")))?;
    if question.month.is_some() || question.by.is_some() {
        return Err(refused("year goes with neither month nor by; leave them out.".into()));
    }
    Ok(Some(state.service.year_report(year).await?))
}

/// The month that was asked for, or the running one; in groups where it was asked for them.
pub(super) async fn report(question: &Question, state: &State) -> Result<MonthReport, ApiError> {
    let month = match &question.month {
        None => state.service.current_month(),
        Some(text) => text
            .parse::<Month>()
            .map_err(|error| ApiError::parameter("month", "invalid_value", format!("{error}.")))?,
    };
    let by = question.by.as_deref().map(str::parse::<GroupBy>).transpose();
    let by = by.map_err(|error| ApiError::parameter("by", "invalid_value", format!("{error}.")))?;
    Ok(state.service.month_report(month, by).await?)
}

/// GET /admin/costs: a month as a page, or as JSON where the Accept header asks for it.
pub(super) async fn show(
    request: HttpRequest,
    question: web::Query<Question>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = session::enter(&request, &state).await?;
    let report = report(&question, &state).await?;
    if !visit.wants_page {
        return Ok(super::json(&report));
    }
    let title = visit.words.tell("costs-title", &[("month", visit.words.month(report.month).into())]);
    Ok(Page::new(&visit, Place::Costs, &title).narrow().show(&statement(visit.words, &report)))
}

fn statement(words: Words, report: &MonthReport) -> Markup {
    let money = |amount: Money| words.amount(amount, report.currency, report.decimals());
    let line = |name: &str, how: &str, value: &Markup| named_row(words, name, how, value);
    let is_loss = report.figures.saving < Money::ZERO;
    let (outcome, gained) =
        (if is_loss { "costs-lost" } else { "costs-saved" }, money(report.figures.saving.abs()));
    let compared = words.tell("costs-compared", &[("service", report.compared_with.as_str().into())]);
    html! {
        (head(words, report))
        @if report.is_empty() {
            p.empty { (words.say("costs-empty")) }
        } @else {
            dl.top-line {
                div { dt { (words.say("costs-pictures")) } dd { (words.count(report.figures.images)) } }
                @if let Some(each) = report.figures.cost_per_image {
                    div { dt { (words.say("costs-cost-per-picture")) } dd { (words.amount(each, report.currency, 4)) } }
                }
                div { dt { (words.say("costs-total")) } dd { (money(report.figures.total)) } }
                div { dt { (words.say(outcome)) } dd class=(if is_loss { "loss" } else { "gain" }) { (gained) } }
            }
        }
        table {
            caption { (words.say("costs-standard-cost")) }
            tbody {
                (line("costs-electricity", "costs-electricity-how", &money(report.figures.electricity)))
                (line("costs-depreciation", "costs-depreciation-how", &money(report.figures.depreciation)))
                (line("costs-upkeep", "costs-upkeep-how", &money(report.figures.upkeep)))
            }
            tfoot { (line("costs-total", "", &money(report.figures.total))) }
        }
        table {
            caption { (rich(&compared)) }
            tbody {
                (line("costs-list-price", "costs-list-price-how", &money(report.figures.compared_price)))
                (line("costs-total-here", "", &money(report.figures.total)))
            }
            tfoot { (line(outcome, "", &gained)) }
        }
        table {
            caption { (words.say("costs-energy")) }
            tbody {
                (line("costs-energy-device", "costs-energy-device-how", &words.kwh(report.figures.energy_kwh)))
                (line("costs-energy-plug", "costs-energy-plug-how", &words.kwh(report.figures.wall_energy_kwh)))
                (line("costs-energy-failed", "costs-energy-failed-how", &words.kwh(report.figures.failed_energy_kwh)))
                (line("costs-energy-failed-price", "", &money(report.figures.failed_electricity)))
                (line("costs-undelivered", "costs-undelivered-how", &html! { (words.count(report.figures.undelivered_images)) }))
            }
        }
        @if let Some(whole) = &report.whole { (whole_month(words, report, whole)) }
        @if report.example_hardware { p.note { (rich(&words.say("costs-example-hardware"))) } }
    }
}

/// The month, and the way to its neighbours.
fn head(words: Words, report: &MonthReport) -> Markup {
    let (previous, next) = (report.month.previous(), report.month.next());
    html! {
        div.page-head {
            h1 { (words.tell("costs-title", &[("month", words.month(report.month).into())])) }
            nav.pager aria-label=(words.say("costs-months")) {
                a href={ "?month=" (previous) } rel="prev" { "‹ " (words.month(previous)) }
                a href={ "?month=" (next) } rel="next" { (words.month(next)) " ›" }
            }
        }
    }
}

/// What the month cost beside its pictures, and what a picture costs by three ways of counting.
fn whole_month(words: Words, report: &MonthReport, whole: &WholeMonth) -> Markup {
    let money = |amount: Money| words.amount(amount, report.currency, report.decimals());
    let line = |name: &str, how: &str, value: &Markup| named_row(words, name, how, value);
    let each = |amount: Option<Money>| match amount {
        Some(amount) => words.amount(amount, report.currency, 4),
        None => html! { "–" },
    };
    html! {
        table {
            caption { (words.say("costs-whole-month")) }
            tbody {
                (line("costs-standard", "costs-standard-how", &money(report.figures.total)))
                (line("costs-failed", "", &money(report.figures.failed_electricity)))
                (line("costs-idle", "costs-idle-how", &money(whole.overhead_electricity)))
                (line("costs-unused-wear", "costs-unused-wear-how", &money(whole.unused_depreciation)))
                (line("costs-unused-upkeep", "", &money(whole.unused_upkeep)))
            }
            tfoot { (line("costs-fully-loaded", "", &money(whole.fully_loaded_total))) }
        }
        table {
            caption { (words.say("costs-each")) }
            tbody {
                (line("costs-each-marginal", "costs-each-marginal-how", &each(whole.marginal_per_image)))
                (line("costs-each-standard", "costs-each-standard-how", &each(report.figures.cost_per_image)))
                (line("costs-each-loaded", "costs-each-loaded-how", &each(whole.fully_loaded_per_image)))
                @if let Some(images) = whole.break_even_images {
                    (line("costs-break-even", "costs-break-even-how", &html! { (words.count(images)) }))
                }
            }
        }
    }
}

/// A row of a table whose name, and how its figure is made, are messages. Some need no telling how.
pub(super) fn named_row(words: Words, name: &str, how: &str, value: &Markup) -> Markup {
    let how = if how.is_empty() { Cow::default() } else { words.say(how) };
    row(&words.say(name), &how, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, http::admin::text, ledger::MonthTotals, units::EnergyBalance};

    fn report(totals: &MonthTotals) -> MonthReport {
        let costs = Config::default().cost_model(jiff::civil::date(2026, 11, 23)).expect("a cost model");
        MonthReport::new("2026-11".parse().expect("a month"), totals, &costs)
    }

    #[test]
    fn a_month_is_stated_in_figures_that_add_up() {
        let totals = MonthTotals {
            images: 500,
            energy: EnergyBalance::from_millijoules(3_375_000_000),
            wall_energy: EnergyBalance::from_millijoules(3_375_000_000),
            electricity: "1.125".parse().expect("an amount"),
            depreciation: "171.6666665".parse().expect("an amount"),
            upkeep: "15".parse().expect("an amount"),
            standard: "187.7916665".parse().expect("an amount"),
            compared: "18.2714".parse().expect("an amount"),
            saving: "-169.5202665".parse().expect("an amount"),
            undelivered: 2,
            ..MonthTotals::default()
        };
        insta::assert_snapshot!(text(&statement(Words::ENGLISH, &report(&totals))));
        insta::assert_snapshot!("a_month_in_chinese", text(&statement(Words::CHINESE, &report(&totals))));
    }

    #[test]
    fn an_empty_month_says_so() {
        let page = statement(Words::ENGLISH, &report(&MonthTotals::default()));
        assert!(text(&page).contains("No pictures were painted in this month."));
    }
}
