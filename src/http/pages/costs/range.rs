//! Any days one after the other, and some of their images: what a bar or a row of the other pages leads to.

use actix_web::HttpResponse;
use jiff::{ToSpan, civil::Date};
use maud::{Markup, html};

use super::{
    CostsQuery, GROUPS, account::Account, address::query_of, adjustments, body, breakdown, downloads, kind,
    other_dates, overflow, page,
};
use crate::{
    costs::DaySpan,
    http::{
        State,
        api::error::ApiError,
        pages::{
            frame::{Visit, Words},
            places::HOME,
            see_other,
        },
    },
    ledger::{GroupBy, Month, Only, RangeReport},
};

/// Days of one report at most: ten years.
const DAYS_MAX: u64 = 3660;

/// The days that were asked for, and which of their images.
pub(super) struct AskedRange {
    days: DaySpan,
    only: Vec<Only>,
}

impl AskedRange {
    /// What `question` asks for; none if it asks for whole months with everything that was spent.
    pub(super) fn of(question: &CostsQuery, state: &State) -> Result<Option<Self>, ApiError> {
        let only = question.only();
        let is_day = |text: &Option<String>| text.as_deref().and_then(day).is_some();
        if is_day(&question.from) || is_day(&question.to) {
            return Ok(Some(Self { days: days(question, state.service.today())?, only }));
        }
        if only.is_empty() {
            return Ok(None);
        }
        let days = match super::span(question, state)? {
            Some(span) => span.days(),
            None => super::month(question, state)?.days(),
        };
        Ok(Some(Self { days, only }))
    }

    /// The report, in groups of `kinds`.
    pub(super) async fn report(&self, kinds: Vec<GroupBy>, state: &State) -> Result<RangeReport, ApiError> {
        Ok(state.service.range_report(self.days, self.only.clone(), kinds).await?)
    }

    /// For scripts: in groups if `question` asks for them.
    pub(super) async fn grouped(
        &self,
        question: &CostsQuery,
        state: &State,
    ) -> Result<RangeReport, ApiError> {
        self.report(kind(question)?.into_iter().collect(), state).await
    }

    /// The page, or the page of the month if it is one.
    pub(super) async fn show(&self, visit: &Visit, state: &State) -> Result<HttpResponse, ApiError> {
        let month = Month::containing(self.days.first);
        if self.only.is_empty() && self.days == month.days() {
            return Ok(see_other(&format!("{HOME}?month={month}")));
        }
        let report = self.report(GROUPS.to_vec(), state).await?;
        let words = visit.words;
        let account = Account::of_range(words, &report);
        let title = words.format("costs-title", &[("span", name(words, &report).into())]);
        let books = html! {
            (overflow::show(&account, report.overflow.as_ref()))
            (adjustments::show(&account, &report.adjustments))
        };
        let head = html! {
            (head(words, &report, &title, state.service.today()))
            (only_line(&account, &report))
        };
        let query = query_of(report.from, report.to, &report.only);
        Ok(page(visit, &title, &html! { (head) (body(&account, &books)) (downloads(words, &query, false)) }))
    }
}

/// A day as addresses write it, `2026-11-03`.
fn day(text: &str) -> Option<Date> {
    text.parse().ok().filter(|day: &Date| day.to_string() == text)
}

fn days(question: &CostsQuery, today: Date) -> Result<DaySpan, ApiError> {
    let refused = |name, message: &str| ApiError::invalid(name, message.to_owned());
    if question.month.is_some() || question.year.is_some() {
        return Err(refused("from", "from goes with neither month nor year; leave them out."));
    }
    let read = |text: &Option<String>, name, otherwise| match text {
        Some(text) => day(text)
            .ok_or_else(|| refused(name, "from and to are both days such as 2026-11-03, or both months.")),
        None => Ok(otherwise),
    };
    let last = read(&question.to, "to", today)?;
    let first = read(&question.from, "from", last)?;
    let days = DaySpan { first, end: last.tomorrow().unwrap_or(Date::MAX) };
    if (1..=DAYS_MAX).contains(&days.days()) {
        Ok(days)
    } else {
        Err(refused("from", "from must not be after to, nor more than 3,660 days before it."))
    }
}

/// `3 Nov 2026`, or `3 Nov 2026 to 17 Nov 2026`.
fn name(words: Words, report: &RangeReport) -> String {
    if report.from == report.to {
        return words.date(report.from);
    }
    let ends = [("from", words.date(report.from).into()), ("to", words.date(report.to).into())];
    words.format("costs-span", &ends)
}

/// The days, the way to as many before and after, and to the month.
fn head(words: Words, report: &RangeReport, title: &str, today: Date) -> Markup {
    let count = DaySpan { first: report.from, end: report.to }.days() + 1;
    let count = i64::try_from(count).unwrap_or(1).days();
    let moved =
        |days: Option<(Date, Date)>| days.map(|(from, to)| format!("?{}", query_of(from, to, &report.only)));
    let earlier = moved(report.from.checked_sub(count).ok().zip(report.to.checked_sub(count).ok()));
    let later = moved(report.from.checked_add(count).ok().zip(report.to.checked_add(count).ok()));
    let month = Month::containing(report.from);
    html! {
        div.page-head {
            h1 { (title) }
            nav.pager aria-label=(words.say("costs-days")) {
                @if let Some(earlier) = earlier { a href=(earlier) rel="prev" { "‹ " (words.say("costs-earlier")) } }
                a href={ "?month=" (month) } { (words.month(month)) }
                @if let Some(later) = later.filter(|_| report.to < today) {
                    a href=(later) rel="next" { (words.say("costs-later")) " ›" }
                }
                (other_dates(words, &form(words, report.from, report.to, &report.only)))
            }
        }
        @if report.from == report.to {
            p.note { a href={ "/admin/jobs?day=" (report.from) } { (words.say("costs-jobs-of-day")) } }
        }
    }
}

/// The form that asks for other days.
pub(super) fn form(words: Words, from: Date, to: Date, only: &[Only]) -> Markup {
    html! {
        form.row id="days" method="get" action=(HOME) aria-label=(words.say("costs-dates-days")) {
            span.label { (words.say("costs-dates-days")) }
            input type="date" name="from" value=(from) required aria-label=(words.say("costs-from-day"));
            span.soft { "–" }
            input type="date" name="to" value=(to) required aria-label=(words.say("costs-to-day"));
            @for one in only { input type="hidden" name=(one.by) value=(one.group.as_deref().unwrap_or("")); }
            button.second { (words.say("costs-show-days")) }
        }
    }
}

/// Which images are counted, each with the way to the same without it; and that nothing else is.
fn only_line(account: &Account<'_>, report: &RangeReport) -> Markup {
    let words = account.words;
    let title = |one: &Only| {
        let of_it = report.groups.iter().find(|groups| groups.by == one.by);
        let found = of_it.and_then(|groups| groups.groups.iter().find(|group| group.group == one.group));
        found.map_or_else(
            || one.group.clone().unwrap_or_else(|| "–".into()),
            |group| breakdown::name(account, one.by, group),
        )
    };
    html! { @if !report.only.is_empty() {
        p id="only" {
            (words.say("costs-only")) " "
            @for (place, one) in report.only.iter().enumerate() {
                span.tag { (words.say(breakdown::title_of(one.by))) (words.colon()) (title(one)) } " "
                a href={ "?" (query_of(report.from, report.to, &without(&report.only, place))) } { (words.say("costs-only-not")) } " "
            }
        }
        p.note { (words.say("costs-only-how")) }
    } }
}

/// All but the one at `place`.
fn without(only: &[Only], place: usize) -> Vec<Only> {
    let others = only.iter().enumerate().filter(|(other, _)| *other != place);
    others.map(|(_, one)| one.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_date_is_a_day() {
        assert!(day("2026-11-03").is_some());
        for text in ["2026-11", "20261103", "2026-11-03T00:00", "2026-13-01", ""] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
