//! A job that has ended: what was asked for, when what happened to it, and what came of it.

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use maud::{Markup, html};

use super::{Civil, HERE, loras, recent, report, size};
use crate::{
    domain::{AskedFor, RequestId, Scope},
    http::{
        State,
        api::error::ApiError,
        pages::{
            frame::{Page, Visit, Words},
            json,
            places::Section,
            see_other,
            session::enter,
        },
    },
    ledger::{BookedEntry, LedgerError, RequestFilter, RequestTimes},
    service::RecentJob,
    units::{Currency, Millis},
};

/// What the page shows.
struct OneJob {
    job: RecentJob,
    times: RequestTimes,
    entries: Vec<BookedEntry>,
    currency: Currency,
    /// Whether the visitor may see images and prompts.
    may_administer: bool,
    keeps_prompts: bool,
}

/// GET /admin/jobs/{id}
pub(in crate::http::pages) async fn show(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = enter(&request, &state, Scope::Costs).await?;
    let id = RequestId::from_digits(&id).ok_or_else(ApiError::job_not_found)?;
    let Some(one) = ended(id, &visit, &state).await? else {
        let is_open = state.service.jobs().await?.iter().any(|job| job.id == id);
        // What is open stands in the list, which keeps itself up to date.
        return if is_open {
            Ok(see_other(&format!("{HERE}#job-{}", id.to_text())))
        } else {
            Err(ApiError::job_not_found())
        };
    };
    if !visit.wants_page {
        return Ok(json(&report::one(&one.job, one.times)));
    }
    let title = visit.words.say("jobs-one");
    let body = body(&visit, &one, &|at| state.service.civil(at));
    Ok(Page::new(&visit, Section::Jobs, &title).sheet("jobs.css").show(&body))
}

async fn ended(id: RequestId, visit: &Visit, state: &State) -> Result<Option<OneJob>, ApiError> {
    let service = &state.service;
    let filter = RequestFilter { id: Some(id), ..RequestFilter::default() };
    let Some(mut job) = service.recent_jobs(filter, 1).await?.pop() else { return Ok(None) };
    let (times, entries) = service
        .ask_ledger(move |ledger| {
            Ok::<_, LedgerError>((ledger.request_times(id)?, ledger.booked_entries(id)?))
        })
        .await?;
    let may_administer = visit.may_administer();
    if !may_administer {
        job.kept.clear();
        job.asked = None;
    }
    let (currency, keeps_prompts) = (service.costs().currency(), service.keeps_prompts());
    Ok(Some(OneJob { job, times, entries, currency, may_administer, keeps_prompts }))
}

fn body(visit: &Visit, one: &OneJob, civil: Civil<'_>) -> Markup {
    let (words, request) = (visit.words, &one.job.request);
    html! {
        div.page-head {
            h1 { (words.say("jobs-one")) }
            a href=(HERE) { (words.say("receipts-all")) }
        }
        p { code { (request.id.to_text()) } " " (recent::state(words, request)) }
        @if one.may_administer { (images(words, one)) }
        div.columns.pair {
            div.card { h2 { (words.say("jobs-asked")) } (asked(words, one)) }
            div.card { h2 { (words.say("jobs-timeline")) } (timeline(words, one, civil)) }
        }
        p.row {
            @if request.work.is_some() {
                a.button.second href={ "/admin/receipts/" (request.id) } { (words.say("gallery-receipt")) }
            }
            @if one.may_administer && (one.job.asked.is_some() || request.work.is_some()) {
                a.button.second href={ "/playground?from=all&take=all&again=" (request.id.to_digits()) } { (words.say("jobs-replay")) }
            }
        }
    }
}

fn images(words: Words, one: &OneJob) -> Markup {
    html! {
        @if !one.job.kept.is_empty() { div.kept-images { @for name in &one.job.kept {
            @let address = format!("/admin/pictures/{name}");
            a href=(address) target="_blank" { img src={ (address) "/small" } alt=(words.say("jobs-image")) width="200" height="200"; }
        } } }
    }
}

fn asked(words: Words, one: &OneJob) -> Markup {
    let request = &one.job.request;
    let row = |name: &str, value: Markup| html! { dt { (words.say(name)) } dd { (value) } };
    let work = request.work.as_ref();
    html! {
        dl.facts {
            (row("jobs-key", html! { a href={ "/admin/keys/" (request.key) } { (request.key_name) } }))
            @if let Some(tag) = &request.tag { (row("jobs-tag", html! { (tag) })) }
            @match &one.job.asked {
                Some(asked) => (prompts(words, asked)),
                None if one.may_administer => (row("jobs-prompt-of", html! {
                    span.soft { (words.say(if one.keeps_prompts { "jobs-prompt-gone" } else { "gallery-prompts-not-kept" })) }
                })),
                None => {}
            }
            @if let Some(work) = work {
                (row("jobs-size", html! { (size(work.size)) }))
                (row("gallery-seed", html! { (work.seed.to_string()) }))
                (row("gallery-steps", html! { (words.count(work.steps)) }))
            }
            (row("jobs-count", html! { (words.count(request.images)) (loras(&request.loras)) }))
            @if let Some(work) = work { (row("jobs-cost", html! { (words.amount(work.cost, one.currency)) })) }
        }
    }
}

fn prompts(words: Words, asked: &AskedFor) -> Markup {
    html! {
        dt { (words.say("jobs-prompt-of")) } dd { (asked.prompt) }
        @if let Some(negative) = &asked.negative_prompt { dt { (words.say("playground-negative")) } dd { (negative) } }
        dt { (words.say("playground-quality")) } dd { (words.quality(asked.quality)) }
        @if asked.guidance_scale > 0.0 { dt { (words.say("playground-guidance")) } dd { (asked.guidance_scale) } }
    }
}

/// When what happened, as far as it is known, counted from the moment at which it came.
fn timeline(words: Words, one: &OneJob, civil: Civil<'_>) -> Markup {
    let request = &one.job.request;
    let came = request.came_at;
    let after = |at: Timestamp| {
        let span = u64::try_from(at.as_millisecond() - came.as_millisecond()).unwrap_or(0);
        format!("+{}", words.time_text(Millis::new(span)))
    };
    let step = |name: &str, at: &str| html! { li { (words.say(name)) " " span.soft { (at) } } };
    // What was taken back or corrected was generated once.
    let made = one.entries.iter().filter(|entry| entry.change.is_none());
    html! {
        ol.timeline {
            li { (words.say("jobs-came")) " " (words.moment(came, civil(came))) }
            @if let Some(at) = one.times.started_at { (step("jobs-started", &after(at))) }
            @for entry in made {
                @let time = entry.priced.as_ref().map_or_else(|| "–".into(), |priced| words.time_text(priced.usage.duration));
                li {
                    (words.format(if entry.is_image { "receipts-image" } else { "receipts-work" }, &[("number", (i64::from(entry.index) + 1).into())]))
                    " " span.soft { (words.format("jobs-took", &[("time", time.into())])) }
                }
            }
            @if request.is_delivered.is_some() {
                (step("jobs-booked", &after(request.ended_at)))
            } @else {
                li {
                    (words.say(recent::word_of(request.outcome)))
                    @if let Some(reason) = request.failure { (words.colon()) (words.say(recent::why(reason))) }
                    " " span.soft { (after(request.ended_at)) }
                }
            }
            @if let Some(at) = one.times.answered_at { (step("jobs-answered", &after(at))) }
        }
    }
}
