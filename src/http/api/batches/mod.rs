//! /v1/batches: requests that can wait, from a file to a file.
//!
//! A line of a batch goes the way of any request: the same parser, the same service, receipts and budgets. It is asked for under an
//! Idempotency-Key of the batch and its `custom_id`, so a batch that is resumed after a crash gets the answers that were paid for.

pub(super) mod asynchronous;
mod attend;
mod caller;
mod check;
mod finish;
mod lines;
mod object;
mod turn;
mod work;

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::SignedDuration;

pub(in crate::http) use self::object::{BatchBody, bodies};
pub use self::{
    attend::{BatchDesk, run_batches},
    turn::run_batches_in_turn,
};
use super::{
    auth,
    error::ApiError,
    files, images,
    lists::{ListBody, ListTerms},
    wire,
};
use crate::{
    domain::{BatchId, BatchStatus, Caller, FileId, FilePurpose, KeyId, Scope},
    http::State,
    ledger::{BatchRow, BatchTerms, NewBatch},
};

/// Batches of a page, unless another number is asked for; and at most.
const LIMIT_USUAL: u32 = 20;
const LIMIT_MAX: u32 = 100;

/// POST /v1/batches
pub(super) async fn create(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let caller = auth::caller(&request, &state, Scope::Images).await?;
    let key = caller.key;
    let tag = images::cost_tag(request.headers())?;
    if !images::is_json(request.headers()) {
        return Err(ApiError::content_type());
    }
    let body = images::read_body(&request, payload, state.offer.body_bytes_max).await?;
    let asked = wire::parse_batch(&body)?;
    let input =
        files::file_of(key, &asked.input, &state).await.map_err(|error| error.about("input_file_id"))?;
    if input.purpose != FilePurpose::Batch {
        let message = "The file has another purpose than batch; upload the requests with that purpose.";
        return Err(ApiError::invalid("input_file_id", message));
    }
    let terms = BatchTerms {
        endpoint: asked.endpoint,
        input: input.id,
        window_hours: asked.window_hours,
        starts_at: asked.start.moment(state.service.now(), state.service.zone()),
        tag: tag.map(|tag| tag.as_str().to_owned()),
        metadata: asked.metadata,
        base_url: state.address.base(&request),
        output_seconds: asked.output_seconds,
        is_async: false,
    };
    if asked.is_dry_run {
        return quote(&caller, terms, &state).await;
    }
    let now = state.service.now();
    let id = BatchId::new(now, rand::random());
    let files = [FileId::new(now, rand::random()), FileId::new(now, rand::random())];
    let window = SignedDuration::from_hours(terms.window_hours.into());
    let expires_at = now.checked_add(window).unwrap_or(jiff::Timestamp::MAX);
    let batch = NewBatch { id, key, terms, files, now, expires_at };
    let row = state.service.ask_ledger(move |ledger| ledger.add_batch(&batch)).await?;
    state.wake_batches();
    shown(&row, &state).await
}

/// What the batch would be, and what is wrong with its file. Nothing is made or written.
async fn quote(
    caller: &Caller,
    terms: BatchTerms,
    state: &web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let verdict = check::check(state, caller, &terms, None).await?;
    let open = state.service.ask_ledger(|ledger| ledger.open_batches()).await?;
    Ok(HttpResponse::Ok().json(object::quote(caller.key, terms, verdict, &open, state).await?))
}

/// GET /v1/batches
pub(super) async fn list(
    request: HttpRequest,
    terms: web::Query<ListTerms>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let key = auth::caller(&request, &state, Scope::Images).await?.key;
    let page = terms.page(LIMIT_USUAL, LIMIT_MAX)?;
    let rows = state.service.ask_ledger(move |ledger| ledger.batches(key, page)).await?;
    let open = state.service.ask_ledger(|ledger| ledger.open_batches()).await?;
    let bodies = object::bodies(&rows.iter().collect::<Vec<_>>(), &open, &state).await?;
    Ok(HttpResponse::Ok().json(ListBody::of(bodies, &page, BatchBody::id)))
}

/// GET /v1/batches/{id}
pub(super) async fn find(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let key = auth::caller(&request, &state, Scope::Images).await?.key;
    shown(&batch_of(key, &id, &state).await?, &state).await
}

/// POST /v1/batches/{id}/cancel
pub(super) async fn cancel(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let key = auth::caller(&request, &state, Scope::Images).await?.key;
    stop(&batch_of(key, &id, &state).await?, &state).await?;
    shown(&batch_of(key, &id, &state).await?, &state).await
}

/// Cancels a batch that has not ended.
pub(in crate::http) async fn stop(row: &BatchRow, state: &State) -> Result<(), ApiError> {
    let (id, now) = (row.id, state.service.now());
    if !matches!(row.status, BatchStatus::Validating | BatchStatus::InProgress | BatchStatus::Cancelling) {
        return Err(ApiError::batch_over(row.status));
    }
    state.service.ask_ledger(move |ledger| ledger.cancel_batch(id, None, now)).await?;
    state.wake_batches();
    Ok(())
}

/// The batch as it is now.
async fn shown(row: &BatchRow, state: &State) -> Result<HttpResponse, ApiError> {
    let open = state.service.ask_ledger(|ledger| ledger.open_batches()).await?;
    Ok(HttpResponse::Ok().json(object::body(row, &open, state).await?))
}

/// The batch of `key` that a client calls `id`.
async fn batch_of(key: KeyId, id: &str, state: &State) -> Result<BatchRow, ApiError> {
    let not_found = || ApiError::batch_not_found(id);
    let batch = id.parse::<BatchId>().map_err(|_| not_found())?;
    let found = state.service.ask_ledger(move |ledger| ledger.batch(key, batch)).await?;
    found.ok_or_else(not_found)
}
