use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde::Deserialize;

use super::session::{self, Entrance};
use crate::{
    http::{State, error::ApiError},
    ledger::{GroupBy, Month, MonthReport, WholeMonth},
    units::{Currency, EnergyBalance, Money},
};

#[derive(Deserialize)]
pub(super) struct Question {
    month: Option<String>,
    by: Option<String>,
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
    let wants_page = match session::enter(&request, &state).await? {
        Entrance::Open { wants_page } => wants_page,
        Entrance::SignIn(response) => return Ok(response),
    };
    let report = report(&question, &state).await?;
    Ok(match wants_page {
        true => super::page(&format!("Costs {}", report.month), &statement(&report)),
        false => super::json(&report),
    })
}

fn statement(report: &MonthReport) -> Markup {
    let money = |amount: Money| amount_in(amount, report.currency, report.decimals());
    let loss = report.saving < Money::ZERO;
    let (outcome, gained) = (if loss { "Lost" } else { "Saved" }, money(report.saving.abs()));
    html! {
        header {
            h1 { "Costs, " (report.month) }
            nav {
                a href={ "?month=" (report.month.previous()) } rel="prev" { "‹ " (report.month.previous()) }
                a href={ "?month=" (report.month.next()) } rel="next" { (report.month.next()) " ›" }
                a href="/admin/roi" { "Worth it?" }
                form method="post" action="/admin/sign-out" { button class="quiet" { "Sign out" } }
            }
        }
        @if report.is_empty() {
            p class="empty" { "No pictures were painted in this month." }
        } @else {
            dl class="top" {
                div { dt { "Pictures" } dd { (report.images) } }
                @if let Some(each) = report.cost_per_image { div { dt { "Cost of a picture" } dd { (amount_in(each, report.currency, 4)) } } }
                div { dt { "Total" } dd { (money(report.total)) } }
                div { dt { (outcome) } dd class=[loss.then_some("loss")] { (gained) } }
            }
        }
        table {
            caption { "Standard cost" }
            tbody {
                (row("Electricity", "energy at the plug × tariff", &money(report.electricity)))
                (row("Depreciation", "wear of the hardware, by pictures", &money(report.depreciation)))
                (row("Upkeep", "repairs, network, space", &money(report.upkeep)))
            }
            tfoot { (row("Total", "", &money(report.total))) }
        }
        table {
            caption { "Compared with " code { (report.compared_with) } }
            tbody {
                (row("List price there", "at each day's price", &money(report.compared_price)))
                (row("Total here", "", &money(report.total)))
            }
            tfoot { (row(outcome, "", &gained)) }
        }
        table {
            caption { "Energy" }
            tbody {
                (row("Device", "of the pictures", &kwh(report.energy_kwh)))
                (row("At the plug", "device, machine and power supply", &kwh(report.wall_energy_kwh)))
                (row("Failed work", "no picture; not in the total", &kwh(report.failed_energy_kwh)))
                (row("Price of failed work", "", &money(report.failed_electricity)))
                (row("Undelivered pictures", "painted, but the client had gone", &html! { (report.undelivered_images) }))
            }
        }
        @if let Some(whole) = &report.whole { (whole_month(report, whole)) }
        @if report.example_hardware {
            p class="note" { "Depreciation is an example's (an RTX 4090 workstation). Put your own hardware, tariff and watts into "
                code { "tintype.toml" } "; config/tintype.toml lists every key." }
        }
    }
}

/// What the month cost beside its pictures, and what a picture costs by three ways of counting.
fn whole_month(report: &MonthReport, whole: &WholeMonth) -> Markup {
    let money = |amount: Money| amount_in(amount, report.currency, report.decimals());
    let each = |amount: Option<Money>| match amount {
        Some(amount) => amount_in(amount, report.currency, 4),
        None => html! { "–" },
    };
    html! {
        table {
            caption { "The whole month" }
            tbody {
                (row("Standard cost", "of the pictures", &money(report.total)))
                (row("Failed work", "", &money(report.failed_electricity)))
                (row("Idle hours and warm-up", "electricity", &money(whole.overhead_electricity)))
                (row("Unused depreciation", "wear that no picture was charged", &money(whole.unused_depreciation)))
                (row("Unused upkeep", "", &money(whole.unused_upkeep)))
            }
            tfoot { (row("Fully loaded", "", &money(whole.fully_loaded_total))) }
        }
        table {
            caption { "A picture costs" }
            tbody {
                (row("Marginal", "its electricity", &each(whole.marginal_per_image)))
                (row("Standard", "with wear and upkeep", &each(report.cost_per_image)))
                (row("Fully loaded", "everything of the month ÷ pictures", &each(whole.fully_loaded_per_image)))
                @if let Some(images) = whole.break_even_images {
                    (row("Break-even", "pictures a month against the compared price", &html! { (images) }))
                }
            }
        }
    }
}

/// A row of a table.
pub(super) fn row(name: &str, how: &str, value: &Markup) -> Markup {
    html! {
        tr { th scope="row" { (name) @if !how.is_empty() { small { (how) } } } td { (value) } }
    }
}

/// An amount rounded for people, with the exact one on hover.
pub(super) fn amount_in(amount: Money, currency: Currency, decimals: u32) -> Markup {
    let minus = if amount < Money::ZERO { "−" } else { "" };
    let digits = amount.abs().to_rounded_string(decimals);
    html! { span title={ (amount) " " (currency) } { (minus) (currency.symbol()) (digits) } }
}

fn kwh(energy: EnergyBalance) -> Markup {
    let digits = energy.to_rounded_kwh_string().replace('-', "−");
    html! { span title={ (energy.to_kwh_string()) " kWh" } { (digits) " kWh" } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, http::admin::text, ledger::MonthTotals};

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
        insta::assert_snapshot!(text(&statement(&report(&totals))));
    }

    #[test]
    fn an_empty_month_says_so() {
        let page = statement(&report(&MonthTotals::default()));
        assert!(text(&page).contains("No pictures were painted in this month."));
    }
}
