//! The cost page: a month or a year at a glance, and every figure with how it is made.

mod account;
mod adjustments;
mod breakdown;
mod close;
mod explain;
mod export;
mod history;
mod overflow;
mod tables;
mod terms;
mod top_line;

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde::Deserialize;

use self::account::Account;
pub(super) use self::{
    close::{close, show as show_closing},
    export::{csv, json},
    terms::rule_key,
};
use super::{
    frame::{Page, Visit, Words, rich},
    places::Section,
    session,
};
use crate::{
    domain::Scope,
    http::{State, api::error::ApiError},
    ledger::{Closing, GroupBy, Month, MonthReport, Year, YearReport},
};

/// In what groups a month is shown.
const GROUPS: &[GroupBy] = &[GroupBy::Key, GroupBy::Tag, GroupBy::Size, GroupBy::Quality];

#[derive(Deserialize)]
pub(super) struct CostsQuery {
    pub(super) month: Option<String>,
    pub(super) year: Option<String>,
    pub(super) by: Option<String>,
    pub(super) format: Option<String>,
}

/// Whether the books of a month can still change.
enum MonthStanding {
    /// It has not begun.
    ToCome,
    /// It is running.
    Running,
    /// It is over, and not closed.
    Open,
    /// It is sealed.
    Closed(Closing),
}

/// The year that was asked for, if any; a year is neither grouped nor a month.
pub(super) async fn year_report(
    question: &CostsQuery,
    state: &State,
) -> Result<Option<YearReport>, ApiError> {
    let Some(text) = &question.year else { return Ok(None) };
    let refused = |name, message: String| ApiError::invalid(name, message);
    let year = text.parse::<Year>().map_err(|error| refused("year", format!("{error}.")))?;
    if question.month.is_some() || question.by.is_some() {
        return Err(refused("year", "year goes with neither month nor by; leave them out.".into()));
    }
    Ok(Some(state.service.year_report(year).await?))
}

/// The month that was asked for, or the running one.
pub(super) fn month(question: &CostsQuery, state: &State) -> Result<Month, ApiError> {
    let Some(text) = &question.month else { return Ok(state.service.current_month()) };
    text.parse().map_err(|error| ApiError::invalid("month", format!("{error}.")))
}

/// The same with its figures, in groups if it was asked for them.
pub(super) async fn report(question: &CostsQuery, state: &State) -> Result<MonthReport, ApiError> {
    let kinds = kind(question)?.into_iter().collect();
    Ok(state.service.month_report(month(question, state)?, kinds).await?)
}

fn kind(question: &CostsQuery) -> Result<Option<GroupBy>, ApiError> {
    let by = question.by.as_deref().map(str::parse).transpose();
    by.map_err(|error| ApiError::invalid("by", format!("{error}.")))
}

/// GET /admin/costs: a month or a year as a page, or as JSON if the Accept header asks for it.
pub(super) async fn show(
    request: HttpRequest,
    question: web::Query<CostsQuery>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = session::enter(&request, &state, Scope::Costs).await?;
    if let Some(report) = year_report(&question, &state).await? {
        return if visit.wants_page { year_page(&visit, &report, &state) } else { Ok(super::json(&report)) };
    }
    if !visit.wants_page {
        return Ok(super::json(&report(&question, &state).await?));
    }
    kind(&question)?;
    let report = state.service.month_report(month(&question, &state)?, GROUPS.to_vec()).await?;
    month_page(&visit, &report, &state).await
}

async fn month_page(visit: &Visit, report: &MonthReport, state: &State) -> Result<HttpResponse, ApiError> {
    let (words, month, service) = (visit.words, report.month, &state.service);
    let account = Account::of_month(words, report);
    let standing = match service.closing(month).await? {
        Some(closing) => MonthStanding::Closed(closing),
        None if month > service.current_month() => MonthStanding::ToCome,
        None if month == service.current_month() => MonthStanding::Running,
        None => MonthStanding::Open,
    };
    let closed_at = match &standing {
        MonthStanding::Closed(closing) => Some(words.date(service.civil(closing.closed_at).date())),
        _ => None,
    };
    let calendar = service.calendar().clone();
    let (start, end) = (month.start(&calendar), month.end(&calendar));
    let terms = service.ask_ledger(move |ledger| ledger.terms_between(start, end)).await?;
    let title = words.format("costs-title", &[("span", words.month(month).into())]);
    let head = html! {
        (month_head(words, report, &title, month < service.current_month()))
        (standing_line(words, &account, &standing, closed_at))
    };
    Ok(page(
        visit,
        &title,
        &html! {
            (head) (body(&account))
            (overflow::show(&account, report.overflow.as_ref()))
            (adjustments::show(&account, &report.adjustments))
            (terms::show(words, &terms, &calendar))
            @if visit.may_administer() && matches!(standing, MonthStanding::Open) {
                p.no-print { a.button.second href={ "/admin/costs/close?month=" (month) } { (words.say("costs-close")) } }
            }
            (downloads(words, &format!("month={month}"), true))
        },
    ))
}

fn year_page(visit: &Visit, report: &YearReport, state: &State) -> Result<HttpResponse, ApiError> {
    let words = visit.words;
    let account = Account::of_year(words, report);
    let span = words.format("costs-year", &[("year", report.year.to_string().into())]);
    let title = words.format("costs-title", &[("span", span.into())]);
    let head = year_head(words, report, &title, i32::from(state.service.today().year()));
    Ok(page(
        visit,
        &title,
        &html! {
            (head) (body(&account)) (overflow::show(&account, report.overflow.as_ref()))
            (downloads(words, &format!("year={}", report.year), false))
        },
    ))
}

fn page(visit: &Visit, title: &str, body: &Markup) -> HttpResponse {
    Page::new(visit, Section::Costs, title).sheet("charts.css").sheet("costs.css").show(body)
}

/// What a month and a year have in common.
fn body(account: &Account<'_>) -> Markup {
    let words = account.words;
    html! {
        @if account.figures.is_empty() && !account.steps.iter().any(|step| step.is_shown) {
            p.empty { (words.say("costs-empty")) }
        } @else {
            @if account.figures.is_empty() { p.empty { (words.say("costs-empty")) } }
            @else { (top_line::show(account)) }
            @if account.example_hardware { p.notice.warn { (rich(&words.say("costs-example-hardware"))) } }
            (history::by_step(account))
            div.columns.pair {
                (history::savings(account))
                (tables::whole(account))
            }
            (tables::services(account))
            (breakdown::show(account))
            div.columns.pair {
                (tables::each(account))
                (tables::energy(account))
            }
        }
    }
}

/// The month, and the way to its neighbours and to its year.
fn month_head(words: Words, report: &MonthReport, title: &str, has_next: bool) -> Markup {
    let (previous, next) = (report.month.previous(), report.month.next());
    // The books begin in the month whose first day is not in them.
    let first_day = report.days.as_ref().and_then(|days| days.first()).map(|day| day.day);
    let has_previous = first_day == Some(report.month.days().first);
    let year = report.month.days().first.year().to_string();
    html! {
        div.page-head {
            h1 { (title) }
            nav.pager aria-label=(words.say("costs-months")) {
                @if has_previous { a href={ "?month=" (previous) } rel="prev" { "‹ " (words.month(previous)) } }
                a href={ "?year=" (year) } { (words.format("costs-year", &[("year", year.as_str().into())])) }
                @if has_next { a href={ "?month=" (next) } rel="next" { (words.month(next)) " ›" } }
            }
        }
    }
}

fn year_head(words: Words, report: &YearReport, title: &str, this_year: i32) -> Markup {
    let year = i32::from(report.year.days().first.year());
    let name = |year: i32| words.format("costs-year", &[("year", year.to_string().into())]);
    html! {
        div.page-head {
            h1 { (title) }
            nav.pager aria-label=(words.say("costs-years")) {
                a href={ "?year=" (year - 1) } rel="prev" { "‹ " (name(year - 1)) }
                a href="/admin/costs" { (words.say("costs-this-month")) }
                @if year < this_year { a href={ "?year=" (year + 1) } rel="next" { (name(year + 1)) " ›" } }
            }
        }
    }
}

/// Whether the figures are final, and the seal where they are.
fn standing_line(
    words: Words,
    account: &Account<'_>,
    standing: &MonthStanding,
    closed_at: Option<String>,
) -> Markup {
    let first = account.first_day.filter(|day| day.day() != 1);
    html! {
        div.standing id="standing" {
            @match standing {
                MonthStanding::ToCome => span.tag { (words.say("costs-to-come")) },
                MonthStanding::Running => span.tag.live { (words.say("costs-running")) },
                MonthStanding::Open => span.tag.warn { (words.say("costs-open")) },
                MonthStanding::Closed(_) => span.tag.good { (words.say("costs-closed")) },
            }
            @if let Some(last) = account.last_day {
                @if matches!(standing, MonthStanding::Running) {
                    span { (words.format("costs-up-to", &[("day", words.date(last).into())])) }
                }
            }
            @if let Some(first) = first {
                span { (words.format("costs-books-begin", &[("day", words.date(first).into())])) }
            }
            @if let (MonthStanding::Closed(closing), Some(at)) = (standing, closed_at) {
                span { (words.format("costs-closed-on", &[("day", at.into()), ("rows", closing.rows.into())])) }
                span.seal { (words.say("costs-seal")) " " code { (closing.sha256) } }
            }
        }
    }
}

/// The same figures as files.
fn downloads(words: Words, span: &str, is_month: bool) -> Markup {
    html! {
        section.no-print.row id="downloads" aria-label=(words.say("costs-files")) {
            a.button.second href={ "/admin/costs.csv?" (span) } download { (words.say("costs-csv")) }
            @if is_month {
                a.button.second href={ "/admin/costs.csv?" (span) "&format=focus" } download {
                    (words.say("costs-focus"))
                }
            }
            a.button.second href={ "/admin/costs.json?" (span) } { "JSON" }
            @if is_month {
                a.button.second href={ "/admin/centres?" (span) } { (words.say("costs-centres")) }
            }
            span.note { (words.say("costs-print-note")) }
        }
    }
}

#[cfg(test)]
mod tests;
