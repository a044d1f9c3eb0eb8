//! Closing a month: what will be sealed, whether the books hold, and the form.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use maud::{Markup, html};
use serde::Deserialize;

use super::{CostsQuery, account::Account, month, terms};
use crate::{
    domain::Scope,
    http::{
        State,
        api::error::ApiError,
        pages::{
            frame::{Page, Visit, Words, fields, row},
            places::Section,
            see_other, session, unsure,
        },
    },
    ledger::{CloseError, Control, ControlKind, Month, MonthReport},
    units::Money,
};

/// What the form brings back.
#[derive(Deserialize)]
pub(in crate::http::pages) struct Sure {
    month: String,
    sure: Option<String>,
}

/// GET /admin/costs/close: what closing a month will seal.
pub(in crate::http::pages) async fn show(
    request: HttpRequest,
    question: web::Query<CostsQuery>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = session::enter(&request, &state, Scope::Admin).await?;
    let month = month(&question, &state)?;
    let report = state.service.month_report(month, Vec::new()).await?;
    let controls = state.service.audit().await?;
    let calendar = state.service.calendar().clone();
    let (start, end) = (month.start(&calendar), month.end(&calendar));
    let rows = state.service.ask_ledger(move |ledger| ledger.terms_between(start, end)).await?;
    let words = visit.words;
    let title = words.format("costs-close-title", &[("month", words.month(month).into())]);
    let body = html! {
        div.page-head { h1 { (title) } }
        p { (words.say("costs-close-how")) }
        div.columns.pair { (sealed(words, &report)) (held(words, &controls)) }
        (terms::show(words, &rows, &calendar))
        (form(&visit, &report))
    };
    Ok(Page::new(&visit, Section::Costs, &title).sheet("costs.css").show(&body))
}

/// POST /admin/costs/close: closes the month, if the box is checked.
pub(in crate::http::pages) async fn close(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (visit, Sure { month, sure }) = session::enter_with::<Sure>(&request, payload, &state).await?;
    let month = month.parse().map_err(|error| ApiError::invalid("month", format!("{error}.")))?;
    if sure.is_none() {
        return unsure(&visit, &format!("/admin/costs/close?month={month}"));
    }
    let actor = visit.visitor.actor().to_owned();
    let closing = match state.service.close_month(month, actor).await? {
        Ok(closing) => closing,
        Err(refused) if visit.wants_page => return Ok(refusal(&visit, month, &refused)),
        Err(refused) => return Err(ApiError::invalid("month", reason(visit.words, &refused))),
    };
    tracing::info!(%month, sha256 = %closing.sha256, by = visit.visitor.actor(), "a month was closed on a page");
    Ok(see_other(&format!("/admin/costs?month={month}")))
}

/// Why the month was not closed, and the way back.
fn refusal(visit: &Visit, month: Month, refused: &CloseError) -> HttpResponse {
    let words = visit.words;
    let title = words.format("costs-close-title", &[("month", words.month(month).into())]);
    let body = html! {
        div.page-head { h1 { (title) } }
        p.notice.warn { (reason(words, refused)) }
        p { a.button.second href={ "/admin/costs?month=" (month) } { (words.month(month)) } }
    };
    Page::new(visit, Section::Costs, &title).sheet("costs.css").status(StatusCode::BAD_REQUEST).show(&body)
}

fn reason(words: Words, refused: &CloseError) -> String {
    let of_month = |key: &str, month: Month| words.format(key, &[("month", words.month(month).into())]);
    match refused {
        CloseError::Running { month, last_day } => words.format(
            "costs-close-running",
            &[("month", words.month(*month).into()), ("day", words.date(*last_day).into())],
        ),
        CloseError::Settling { month, from } => {
            let (day, time) = (words.date(from.date()), from.strftime("%H:%M").to_string());
            words.format(
                "costs-close-settling",
                &[("month", words.month(*month).into()), ("day", day.into()), ("time", time.into())],
            )
        }
        CloseError::Open { requests, .. } => {
            words.format("costs-close-open", &[("count", (*requests).into())])
        }
        CloseError::Closed { closed, .. } => of_month("costs-close-closed", *closed),
        CloseError::EarlierOpen { earlier, .. } => of_month("costs-close-earlier", *earlier),
        CloseError::Shifted { closed, .. } => of_month("costs-close-shifted", *closed),
        CloseError::Ledger(error) => error.to_string(),
    }
}

/// The figures that are closed.
fn sealed(words: Words, report: &MonthReport) -> Markup {
    let account = Account::of_month(words, report);
    let line = |key: &str, value: String| row(&words.say(key), "", &html! { (value) });
    let money = |key: &str, amount: Money| line(key, account.money(amount));
    html! {
        div.card id="sealed" { table {
            caption { (words.say("costs-close-sealed")) }
            tbody {
                (line("costs-images", account.count(report.figures.images)))
                (money("costs-standard", report.figures.total))
                (money("costs-failed", report.figures.failed_electricity))
                @if let Some(whole) = &report.whole {
                    (money("costs-idle", whole.overhead_electricity))
                    (money("costs-unused-wear", whole.unused_depreciation))
                    (money("costs-unused-upkeep", whole.unused_upkeep))
                    (money("costs-adjustments", whole.adjustments_total))
                }
            }
            @if let Some(whole) = &report.whole { tfoot { (money("costs-loaded", whole.fully_loaded_total)) } }
        } }
    }
}

/// Which controls hold.
fn held(words: Words, controls: &[Control]) -> Markup {
    html! {
        div.card id="controls" { table {
            caption { (words.say("costs-close-controls")) }
            tbody { @for control in controls {
                tr {
                    th scope="row" { (words.say(key(control.kind))) }
                    td { @match (control.checked, control.breaks.len()) {
                        (0, _) => "–",
                        (_, 0) => span.tag.good { (words.say("costs-control-holds")) },
                        (_, breaks) => span.tag.bad {
                            (words.format("costs-control-breaks", &[("count", breaks.into())]))
                        },
                    } }
                }
            } }
        } }
    }
}

fn form(visit: &Visit, report: &MonthReport) -> Markup {
    let words = visit.words;
    html! {
        form.stack method="post" action="/admin/costs/close" {
            (fields(visit))
            input type="hidden" name="month" value=(report.month);
            label.check { input type="checkbox" name="sure" required; (words.say("costs-close-sure")) }
            div.row {
                button { (words.say("costs-close-now")) }
                a.button.second href={ "/admin/costs?month=" (report.month) } { (words.say("costs-close-not-now")) }
            }
        }
    }
}

const fn key(kind: ControlKind) -> &'static str {
    match kind {
        ControlKind::ClosedMonths => "costs-control-closed",
        ControlKind::Statements => "costs-control-statements",
        ControlKind::Entries => "costs-control-entries",
        ControlKind::IdleEnergy => "costs-control-idle",
        ControlKind::Requests => "costs-control-requests",
        ControlKind::KeptImages => "costs-control-kept-images",
        ControlKind::Answers => "costs-control-answers",
        ControlKind::Parts => "costs-control-parts",
        ControlKind::Meters => "costs-control-meters",
    }
}
