//! /admin/jobs: jobs that wait, run, or have ended.

mod filter;
mod live;
mod one;
mod recent;
mod report;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use jiff::{Timestamp, civil::DateTime};
use maud::{Markup, html};

pub(super) use self::{
    filter::{FilterOffer, JobsQuery},
    one::show as show_one,
};
use super::{
    forms::Nothing,
    frame::{Page, Visit, Words, fields, live_status},
    json,
    places::Section,
    see_other,
    session::{enter, enter_with},
};
use crate::{
    domain::{ImageSize, LoraUse, RequestId, Scope},
    http::{State, api::error::ApiError},
    ledger::KeyRow,
    service::{OpenJob, RecentJob},
    units::Currency,
};

/// Where the page is.
const HERE: &str = "/admin/jobs";
/// Requests that have ended: on a page, which goes on page by page, and for scripts.
const ON_PAGE: usize = 25;
const FOR_SCRIPTS: usize = 50;

/// What an operator has seen is not left in the browser's cache for whoever uses it after signing out.
const NOT_KEPT: &str = "private, no-store";

/// What the page shows.
struct View {
    open: Vec<OpenJob>,
    recent: Vec<RecentJob>,
    /// All keys, oldest first.
    keys: Vec<KeyRow>,
    /// Which of the ended ones are shown.
    query: JobsQuery,
    now: Timestamp,
    currency: Currency,
    /// Whether there are older ones.
    has_older: bool,
    /// Whether other machines generate.
    is_cluster: bool,
    /// Whether the visitor may cancel jobs, and see images and prompts.
    may_administer: bool,
    /// Whether prompts are kept, and shown to the visitor.
    shows_prompts: bool,
}

impl View {
    /// What the key with `public_id` is called.
    fn key_name(&self, public_id: &str) -> Option<&str> {
        self.keys.iter().find(|key| key.public_id == public_id).map(|key| key.name.as_str())
    }
}

/// Reads a moment from the clock on the wall.
type Civil<'a> = &'a dyn Fn(Timestamp) -> DateTime;

/// GET /admin/jobs
pub(super) async fn show(
    request: HttpRequest,
    question: web::Query<JobsQuery>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = enter(&request, &state, Scope::Costs).await?;
    if !visit.wants_page {
        return Ok(json(&report::body(&view(&visit, &question, FOR_SCRIPTS, &state).await?)));
    }
    let view = view(&visit, &question, ON_PAGE, &state).await?;
    let title = visit.words.say("nav-jobs");
    let body = body(&visit, &view, &|at| state.service.civil(at));
    Ok(Page::new(&visit, Section::Jobs, &title).sheet("jobs.css").script("live.js").show(&body))
}

/// GET /admin/jobs.json: the same for scripts.
pub(super) async fn show_json(
    request: HttpRequest,
    question: web::Query<JobsQuery>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = enter(&request, &state, Scope::Costs).await?;
    Ok(json(&report::body(&view(&visit, &question, FOR_SCRIPTS, &state).await?)))
}

/// POST /admin/jobs/{id}/cancel: the job ends at its next step, and its client gets 503.
pub(super) async fn cancel(
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (visit, Nothing {}) = enter_with(&request, payload, &state).await?;
    let id = RequestId::from_digits(&id).ok_or_else(ApiError::job_not_found)?;
    let is_open = state.service.cancel_job(id).await;
    if is_open {
        tracing::info!(request = %id, by = visit.visitor.actor(), "an administrator cancelled a job");
    }
    match (visit.wants_page, is_open) {
        // The page shows the result: a job that has just ended is in its list of ended jobs.
        (true, _) => Ok(see_other(HERE)),
        (false, true) => Ok(json(&serde_json::json!({ "id": id.to_text(), "cancelled": true }))),
        (false, false) => Err(ApiError::job_not_found()),
    }
}

/// GET /admin/jobs/{id}/preview: the last preview of an image, if its client streams previews.
pub(super) async fn preview(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    enter(&request, &state, Scope::Admin).await?;
    let id = RequestId::from_digits(&id).ok_or_else(ApiError::job_not_found)?;
    let found = state.service.preview(id).await?.ok_or_else(ApiError::job_not_found)?;
    Ok(file(found.format.media_type(), found.file.to_vec()))
}

/// A file that nothing keeps.
pub(super) fn file(media_type: &str, bytes: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok().content_type(media_type).insert_header((header::CACHE_CONTROL, NOT_KEPT)).body(bytes)
}

async fn view(visit: &Visit, question: &JobsQuery, limit: usize, state: &State) -> Result<View, ApiError> {
    let may_administer = visit.may_administer();
    let mut filter = question.filter(state.service.zone())?;
    if !may_administer {
        // Whoever may not read prompts may not guess them.
        filter.prompt = None;
    }
    // Open jobs first: a job that ends in between is shown twice rather than not at all.
    let mut open = state.service.jobs().await?;
    // One more than is shown, to know whether there are older ones.
    let mut recent = state.service.recent_jobs(filter, limit + 1).await?;
    let has_older = recent.len() > limit;
    recent.truncate(limit);
    if !may_administer {
        // Figures are for whoever reads costs; what clients asked for and got is not.
        for job in &mut open {
            (job.prompt, job.preview) = (None, None);
        }
        for job in &mut recent {
            job.kept.clear();
            job.asked = None;
        }
    }
    let keys = state.service.ask_ledger(|ledger| ledger.keys()).await?;
    let (now, currency) = (state.service.now(), state.service.costs().currency());
    let (query, is_cluster) = (question.clone(), state.service.studio().is_cluster());
    let shows_prompts = may_administer && state.service.keeps_prompts();
    Ok(View {
        open,
        recent,
        keys,
        query,
        now,
        currency,
        has_older,
        is_cluster,
        may_administer,
        shows_prompts,
    })
}

fn body(visit: &Visit, view: &View, civil: Civil<'_>) -> Markup {
    let words = visit.words;
    let offer = FilterOffer { place: HERE, keys: &view.keys, prompts: view.shows_prompts, stars: false };
    html! {
        div.page-head {
            h1 { (words.say("nav-jobs")) }
            (live_status(visit, "live recent"))
        }
        @if view.is_cluster { p.note { a href="/admin/nodes" { (words.say("nodes-title")) } } }
        (live::section(words, view, civil, &fields(visit)))
        (view.query.form(words, &offer))
        (recent::section(words, view, civil))
    }
}

/// `LoRA ink × 0.8, clay × 1`; nothing without any.
fn loras(loras: &[LoraUse]) -> Markup {
    let named = loras.iter().map(|lora| format!("{}\u{a0}×\u{a0}{}", lora.name, lora.weight));
    html! { @if !loras.is_empty() { small { "LoRA " (named.collect::<Vec<_>>().join(", ")) } } }
}

/// `1024 × 768`
fn size(size: ImageSize) -> String {
    format!("{}\u{a0}×\u{a0}{}", size.width(), size.height())
}

/// `12 s`, `3 min 5 s`
fn span(words: Words, seconds: u64) -> String {
    match seconds / 60 {
        0 => words.format("jobs-seconds", &[("seconds", seconds.into())]),
        minutes => {
            words.format("jobs-minutes", &[("minutes", minutes.into()), ("seconds", (seconds % 60).into())])
        }
    }
}

#[cfg(test)]
mod tests;
