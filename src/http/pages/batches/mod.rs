//! /admin/batches: batches that wait, run, or have ended.

mod list;

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::{
    forms::Nothing,
    frame::{Page, Visit, fields, live_status},
    json,
    places::Section,
    see_other,
    session::{enter, enter_with},
};
use crate::{
    batches::BatchPlan,
    domain::{BatchId, FileId, Scope},
    http::{
        State,
        api::{
            batches::{self as api, BatchBody},
            error::ApiError,
            files,
        },
    },
    ledger::{self, BatchCost, BatchRow, FileRow, KeyRow},
};

/// Batches that have ended, on a page.
const ON_PAGE: u32 = 20;

/// Which of the ended batches are shown.
#[derive(Debug, Default, Deserialize)]
pub(super) struct BatchesQuery {
    /// Only those before this one.
    before: Option<String>,
}

/// A batch, and what stands beside its row.
struct Shown {
    row: BatchRow,
    /// Whose it is.
    key_name: String,
    /// When the rest is done, if there is a rest.
    plan: Option<BatchPlan>,
    cost: BatchCost,
    /// Those of its files that are there.
    files: Vec<(BatchFile, FileRow)>,
}

/// What the page shows.
struct BatchesView {
    open: Vec<Shown>,
    ended: Vec<Shown>,
    has_older: bool,
    is_newest: bool,
}

/// A file of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BatchFile {
    /// Its requests.
    Input,
    /// Its answers.
    Output,
    /// Its errors.
    Errors,
}

crate::domain::words!(BatchFile, "a file of a batch": Input = "input", Output = "output", Errors = "errors");

impl BatchFile {
    fn id(self, row: &BatchRow) -> FileId {
        match self {
            Self::Input => row.terms.input,
            Self::Output => row.files.output,
            Self::Errors => row.files.error,
        }
    }
}

/// A batch for scripts: as its client sees it, with its key.
#[derive(Serialize)]
struct OwnedBody {
    key: String,
    key_name: String,
    #[serde(flatten)]
    batch: BatchBody,
}

#[derive(Serialize)]
struct ListedBody {
    open: Vec<OwnedBody>,
    ended: Vec<OwnedBody>,
    has_more: bool,
}

/// The rows of a page.
struct PageRows {
    open: Vec<BatchRow>,
    ended: Vec<BatchRow>,
    has_older: bool,
    keys: Vec<KeyRow>,
}

/// GET /admin/batches
pub(super) async fn show(
    request: HttpRequest,
    query: web::Query<BatchesQuery>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = enter(&request, &state, Scope::Costs).await?;
    if !visit.wants_page {
        return for_scripts(&query, &state).await;
    }
    let view = view(&visit, &query, &state).await?;
    let title = visit.words.say("nav-batches");
    let civil = |at| state.service.civil(at);
    let list = list::List {
        words: visit.words,
        civil: &civil,
        currency: state.service.costs().currency(),
        form: visit.may_administer().then(|| fields(&visit)),
    };
    let body = list.body(&view, &live_status(&visit, "live recent"));
    Ok(Page::new(&visit, Section::Batches, &title).sheet("batches.css").script("live.js").show(&body))
}

/// GET /admin/batches.json: the same for scripts.
pub(super) async fn show_json(
    request: HttpRequest,
    query: web::Query<BatchesQuery>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    enter(&request, &state, Scope::Costs).await?;
    for_scripts(&query, &state).await
}

/// POST /admin/batches/{id}/cancel: images in work stop at their next step; what is done is kept.
pub(super) async fn cancel(
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (visit, Nothing {}) = enter_with(&request, payload, &state).await?;
    let row = found(&id, &state).await?;
    let stopped = api::stop(&row, &state).await;
    if stopped.is_ok() {
        tracing::info!(batch = %row.id, by = visit.visitor.actor(), "an administrator cancelled a batch");
    }
    if visit.wants_page {
        // The page shows the result: a batch that has just ended is in its list of ended ones.
        return Ok(see_other("/admin/batches"));
    }
    stopped?;
    Ok(json(&serde_json::json!({ "id": row.id.to_string(), "cancelled": true })))
}

/// GET /admin/batches/{id}/{input|output|errors}: a file of a batch, for an administrator.
pub(super) async fn file(
    request: HttpRequest,
    place: web::Path<(String, String)>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    enter(&request, &state, Scope::Admin).await?;
    let (id, file) = place.into_inner();
    let row = found(&id, &state).await?;
    let file = file.parse::<BatchFile>().map_err(|_| ApiError::file_not_found(&file))?.id(&row);
    let (key, now) = (row.key, state.service.now());
    let stored = state.service.ask_ledger(move |ledger| ledger.file(key, file, now)).await?;
    files::sent(&stored.ok_or_else(|| ApiError::file_not_found(&file.to_string()))?, &state).await
}

async fn found(id: &str, state: &State) -> Result<BatchRow, ApiError> {
    let not_found = || ApiError::batch_not_found(id);
    let batch = id.parse::<BatchId>().map_err(|_| not_found())?;
    state.service.ask_ledger(move |ledger| ledger.batch_of_any_key(batch)).await?.ok_or_else(not_found)
}

async fn rows(query: &BatchesQuery, state: &State) -> Result<PageRows, ApiError> {
    let before = query.before.as_deref().map(|before| {
        before.parse().map_err(|_| {
            ApiError::invalid("before", "`before` is the id of a batch; leave it out for the newest.")
        })
    });
    // One more than is shown, to know whether there are older ones.
    let page = ledger::Page { after: before.transpose()?, limit: ON_PAGE + 1, is_ascending: false };
    let rows = state.service.ask_ledger(move |ledger| -> Result<_, ledger::LedgerError> {
        Ok((ledger.open_batches()?, ledger.ended_batches(page)?, ledger.keys()?))
    });
    let (mut open, mut ended, keys) = rows.await?;
    // Those of asynchronous requests are on the page of jobs.
    open.retain(|batch| !batch.terms.is_async);
    let has_older = ended.len() > ON_PAGE as usize;
    ended.truncate(ON_PAGE as usize);
    Ok(PageRows { open, ended, has_older, keys })
}

async fn for_scripts(query: &BatchesQuery, state: &State) -> Result<HttpResponse, ApiError> {
    let PageRows { open, ended, has_older, keys } = rows(query, state).await?;
    let mut listed = ListedBody { open: Vec::new(), ended: Vec::new(), has_more: has_older };
    let rows: Vec<_> = open.iter().chain(&ended).collect();
    for (row, batch) in rows.iter().zip(api::bodies(&rows, &open, state).await?) {
        let key = keys.iter().find(|key| key.id == row.key);
        let body = OwnedBody {
            key: key.map_or_else(String::new, |key| key.public_id.clone()),
            key_name: key.map_or_else(String::new, |key| key.name.clone()),
            batch,
        };
        if row.status.is_open() { listed.open.push(body) } else { listed.ended.push(body) }
    }
    Ok(json(&listed))
}

async fn view(visit: &Visit, query: &BatchesQuery, state: &State) -> Result<BatchesView, ApiError> {
    let PageRows { open, ended, has_older, keys } = rows(query, state).await?;
    let mut view =
        BatchesView { open: Vec::new(), ended: Vec::new(), has_older, is_newest: query.before.is_none() };
    let rows: Vec<_> = open.iter().chain(&ended).collect();
    // What clients asked for and got is for administrators.
    let files = if visit.may_administer() { stored(&rows, state).await? } else { HashMap::new() };
    let standings = state.service.batch_standings(&rows, &open).await?;
    for (row, (plan, cost)) in rows.into_iter().zip(standings) {
        let of_batch = |file: BatchFile| files.get(&file.id(row)).map(|stored| (file, stored.clone()));
        let shown = Shown {
            key_name: keys
                .iter()
                .find(|key| key.id == row.key)
                .map_or_else(String::new, |key| key.name.clone()),
            plan,
            cost,
            files: BatchFile::ALL.into_iter().filter_map(of_batch).collect(),
            row: row.clone(),
        };
        if row.status.is_open() { view.open.push(shown) } else { view.ended.push(shown) }
    }
    Ok(view)
}

/// The files of these batches that can be read, asked for at once.
async fn stored(rows: &[&BatchRow], state: &State) -> Result<HashMap<FileId, FileRow>, ApiError> {
    let ids: Vec<_> = rows.iter().flat_map(|row| BatchFile::ALL.map(|file| file.id(row))).collect();
    let now = state.service.now();
    let files = state.service.ask_ledger(move |ledger| ledger.files_among(&ids, now)).await?;
    Ok(files.into_iter().map(|file| (file.id, file)).collect())
}

#[cfg(test)]
mod tests;
