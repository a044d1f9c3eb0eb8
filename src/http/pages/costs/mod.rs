//! The cost page: a month or a year at a glance, and every figure with how it is made.

mod account;
mod address;
mod adjustments;
mod breakdown;
mod budgets;
mod close;
mod explain;
mod export;
mod headline;
mod history;
mod overflow;
mod range;
mod statement;
mod tables;
mod terms;
mod top_line;

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde::Deserialize;

use self::{account::Account, range::AskedRange};
pub(super) use self::{
    close::{close, show as show_closing},
    export::{csv, json},
    terms::rule_key,
};
use super::{
    frame::{Page, Visit, Words},
    places::{HOME, Section},
    see_other, session,
};
use crate::{
    domain::Scope,
    http::{State, api::error::ApiError},
    ledger::{Closing, GroupBy, Month, MonthReport, MonthSpan, Only, Year, YearReport},
};

/// In what groups a month is shown.
const GROUPS: &[GroupBy] = &[GroupBy::Key, GroupBy::Tag, GroupBy::Size, GroupBy::Quality];

#[derive(Deserialize)]
pub(super) struct CostsQuery {
    pub(super) month: Option<String>,
    pub(super) year: Option<String>,
    /// The first month of several, or the first day.
    pub(super) from: Option<String>,
    /// The last of them.
    pub(super) to: Option<String>,
    pub(super) by: Option<String>,
    pub(super) format: Option<String>,
    /// Whose images are counted: of a key, a tag, a size, a quality. Empty: those of which nothing was noted.
    key: Option<String>,
    tag: Option<String>,
    size: Option<String>,
    quality: Option<String>,
}

/// The tabs, by the ids of their panels, with the keys of their names.
const TABS: [(&str, &str); 4] = [
    ("overview", "costs-tab-overview"),
    ("breakdown", "costs-tab-breakdown"),
    ("comparison", "costs-tab-comparison"),
    ("books", "costs-tab-books"),
];

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

impl CostsQuery {
    /// Whether it asks for a year or for several months.
    fn is_span(&self) -> bool {
        self.year.is_some() || self.from.is_some() || self.to.is_some()
    }

    /// Which images it asks for; none: all.
    fn only(&self) -> Vec<Only> {
        let fields = [
            (GroupBy::Key, &self.key),
            (GroupBy::Tag, &self.tag),
            (GroupBy::Size, &self.size),
            (GroupBy::Quality, &self.quality),
        ];
        let only = |(by, text): (GroupBy, &Option<String>)| {
            let group = text.clone().filter(|text| !text.is_empty());
            text.is_some().then_some(Only { by, group })
        };
        fields.into_iter().filter_map(only).collect()
    }
}

/// The year or the months that were asked for, if any; they are neither grouped nor one month.
pub(super) async fn year_report(
    question: &CostsQuery,
    state: &State,
) -> Result<Option<YearReport>, ApiError> {
    let Some(span) = span(question, state)? else { return Ok(None) };
    if question.month.is_some() || question.by.is_some() {
        let name = if question.year.is_some() { "year" } else { "from" };
        let message = format!("{name} goes with neither month nor by; leave them out.");
        return Err(ApiError::invalid(name, message));
    }
    Ok(Some(state.service.span_report(span).await?))
}

/// The same without figures.
fn span(question: &CostsQuery, state: &State) -> Result<Option<MonthSpan>, ApiError> {
    let refused = |name, message: String| ApiError::invalid(name, message);
    Ok(Some(match (&question.year, &question.from, &question.to) {
        (None, None, None) => return Ok(None),
        (Some(text), None, None) => {
            let year = text.parse::<Year>().map_err(|error| refused("year", format!("{error}.")))?;
            MonthSpan::Year { year }
        }
        (None, from, to) => {
            let month = |text: &Option<String>, name| match text {
                Some(text) => text.parse::<Month>().map_err(|error| refused(name, format!("{error}."))),
                None => Ok(state.service.current_month()),
            };
            let to = month(to, "to")?;
            let from = if from.is_some() { month(from, "from")? } else { to };
            let none =
                || refused("from", "from must not be after to, nor more than 120 months before it.".into());
            MonthSpan::of(from, to).ok_or_else(none)?
        }
        _ => return Err(refused("year", "year goes with neither from nor to; leave them out.".into())),
    }))
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
    if let Some(asked) = AskedRange::of(&question, &state)? {
        return if visit.wants_page {
            asked.show(&visit, &state).await
        } else {
            Ok(super::json(&asked.grouped(&question, &state).await?))
        };
    }
    if let (true, Some(from), Some(to)) = (visit.wants_page, &question.from, &question.to) {
        // One month has its own page, with its days and groups.
        if from == to {
            return Ok(see_other(&format!("{HOME}?month={from}")));
        }
    }
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
    let budgets = budgets::show(words, state, account.currency).await?;
    let books = html! {
        (overflow::show(&account, report.overflow.as_ref()))
        (adjustments::show(&account, &report.adjustments))
        (budgets)
        (terms::show(words, &terms, &calendar))
        @if visit.may_administer() && matches!(standing, MonthStanding::Open) {
            p.no-print { a.button.second href={ "/admin/costs/close?month=" (month) } { (words.say("costs-close")) } }
        }
    };
    let title = words.format("costs-title", &[("span", words.month(month).into())]);
    let head = html! {
        (month_head(words, report, &title, month < service.current_month()))
        (standing_line(words, &account, &standing, closed_at))
    };
    Ok(page(
        visit,
        &title,
        &html! {
            (head) (statement::head(words, service.operator(), service.today(), account.currency))
            (body(&account, &books))
            (statement::keys(&account))
            (downloads(words, &format!("month={month}"), true))
        },
    ))
}

fn year_page(visit: &Visit, report: &YearReport, state: &State) -> Result<HttpResponse, ApiError> {
    let words = visit.words;
    let account = Account::of_year(words, report);
    let (span, query) = match report.span {
        MonthSpan::Year { year } => {
            (words.format("costs-year", &[("year", year.to_string().into())]), format!("year={year}"))
        }
        MonthSpan::Months { from, to } => {
            let months = [("from", words.month(from).into()), ("to", words.month(to).into())];
            (words.format("costs-span", &months), format!("from={from}&to={to}"))
        }
    };
    let title = words.format("costs-title", &[("span", span.into())]);
    let head = year_head(words, report, &title, i32::from(state.service.today().year()));
    let books = overflow::show(&account, report.overflow.as_ref());
    Ok(page(visit, &title, &html! { (head) (body(&account, &books)) (downloads(words, &query, false)) }))
}

fn page(visit: &Visit, title: &str, body: &Markup) -> HttpResponse {
    Page::new(visit, Section::Costs, title)
        .sheet("charts.css")
        .sheet("costs.css")
        .script("costs.js")
        .show(body)
}

/// What a month and a year have in common: the headline, and everything else in tabs. `books` goes into the last one.
fn body(account: &Account<'_>, books: &Markup) -> Markup {
    let words = account.words;
    let has_images = !account.figures.is_empty();
    html! {
        @if !has_images { p.empty { (words.say("costs-empty")) } }
        @if has_images || account.steps.iter().any(|step| step.is_shown) {
            (headline::show(account))
            nav.tabs.no-print aria-label=(words.say("costs-tabs")) {
                @for (id, name) in TABS { a href={ "#" (id) } { (words.say(name)) } }
            }
            div.panel id=(TABS[0].0) {
                (history::by_step(account))
                @if has_images { (top_line::show(account)) }
            }
            div.panel id=(TABS[1].0) {
                (breakdown::show(account))
                div.columns.pair {
                    (tables::each(account))
                    (tables::energy(account))
                }
            }
            div.panel id=(TABS[2].0) {
                (tables::services(account))
                (history::savings(account))
            }
            div.panel id=(TABS[3].0) {
                (tables::whole(account))
                (books)
            }
        } @else { (books) }
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
                (other_dates(words, &html! {
                    (span_form(words, report.month, report.month))
                    (range::form(words, report.month.days().first, report.month.last_day(), &[]))
                }))
            }
        }
    }
}

/// The forms that ask for another time, folded up until somebody wants one.
fn other_dates(words: Words, forms: &Markup) -> Markup {
    html! {
        details.dates {
            summary.button.second { (words.say("costs-other-dates")) }
            div.card.stack { (forms) }
        }
    }
}

/// The form that asks for other months: one, or several together.
fn span_form(words: Words, from: Month, to: Month) -> Markup {
    html! {
        form.row method="get" action="/admin/costs" aria-label=(words.say("costs-months")) {
            span.label { (words.say("costs-months")) }
            input type="month" name="from" value=(from) required aria-label=(words.say("costs-from"));
            span.soft { "–" }
            input type="month" name="to" value=(to) required aria-label=(words.say("costs-to"));
            button.second { (words.say("costs-show")) }
        }
    }
}

fn year_head(words: Words, report: &YearReport, title: &str, this_year: i32) -> Markup {
    let year = i32::from(report.span.days().first.year());
    let name = |year: i32| words.format("costs-year", &[("year", year.to_string().into())]);
    html! {
        div.page-head {
            h1 { (title) }
            nav.pager aria-label=(words.say("costs-years")) {
                a href={ "?year=" (year - 1) } rel="prev" { "‹ " (name(year - 1)) }
                a href="/admin/costs" { (words.say("costs-this-month")) }
                @if year < this_year { a href={ "?year=" (year + 1) } rel="next" { (name(year + 1)) " ›" } }
                @if let (Some(first), Some(last)) = (report.months.first(), report.months.last()) {
                    (other_dates(words, &span_form(words, first.month, last.month)))
                }
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
