//! /v1/async: a request that is answered later. It is a batch of one line that begins at once, and so it survives what batches do.

use std::io::Write;

use actix_web::{
    HttpRequest, HttpResponse,
    body::SizedStream,
    http::{
        StatusCode,
        header::{ContentType, LOCATION},
    },
    web,
};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::{check, lines::LineSource};
use crate::{
    batches::{InputLine, StoredBytes},
    domain::{BatchEndpoint, BatchId, BatchStatus, Caller, FileId, FilePurpose, Scope},
    http::{
        State,
        api::{
            auth, edits,
            error::ApiError,
            images::{self, Head},
            pieces,
            wire::{self, Part},
        },
    },
    ledger::{BatchRow, BatchTerms, FileRow, NewAsync, NewBatch},
    service::ServiceError,
};

/// What ids begin with; a batch's digits follow.
const PREFIX: &str = "async_";
/// Hours in which it is answered, or never.
const WINDOW_HOURS: u32 = 24;
/// What its line is called.
const LINE: &str = "async";

/// A line of what a batch wrote.
#[derive(Deserialize)]
struct WrittenLine<'a> {
    #[serde(borrow)]
    response: Option<WrittenResponse<'a>>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct WrittenResponse<'a> {
    status_code: u16,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// POST /v1/async/images/generations
pub(in crate::http::api) async fn generate(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let head = Head::read(&request, &state).await?;
    if !images::is_json(request.headers()) {
        return Err(ApiError::content_type());
    }
    let body = images::read_body(&request, payload, state.offer.body_bytes_max).await?;
    let body = wire::into_text(body.into())?;
    take_on(&request, head, BatchEndpoint::Generations, body, &state).await
}

/// POST /v1/async/images/edits
pub(in crate::http::api) async fn edit(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let head = Head::read(&request, &state).await?;
    let body = edits::receive_json(&request, payload, &state).await?;
    take_on(&request, head, BatchEndpoint::Edits, body, &state).await
}

/// GET /v1/async/{id}: 202 while it is not answered, and then its answer.
pub(in crate::http::api) async fn find(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let key = auth::caller(&request, &state, Scope::Images).await?.key;
    let not_found = || ApiError::async_not_found(&id);
    let digits = id.strip_prefix(PREFIX).ok_or_else(not_found)?;
    let batch = format!("batch_{digits}").parse::<BatchId>().map_err(|_| not_found())?;
    let row = state.service.ask_ledger(move |ledger| ledger.batch(key, batch)).await?;
    let row = row.filter(|row| row.terms.is_async).ok_or_else(not_found)?;
    if row.status.is_open() { Ok(waiting(&row)) } else { answer(&row, &state).await }
}

/// Keeps a request, if it could be made now, and answers with its id.
async fn take_on(
    request: &HttpRequest,
    head: Head,
    endpoint: BatchEndpoint,
    body: String,
    state: &web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let Head { caller, idempotency_key, tag, .. } = head;
    let line = InputLine { number: 1, custom_id: LINE.into(), tag: None, body };
    check::request(&line, endpoint, state, &caller).await?;
    let now = state.service.now();
    let (input, kept) = keep(&line, endpoint, state).await?;
    let terms = BatchTerms {
        endpoint,
        input,
        window_hours: WINDOW_HOURS,
        starts_at: Some(now),
        tag: tag.map(|tag| tag.as_str().to_owned()),
        metadata: None,
        base_url: state.address.base(request),
        output_seconds: None,
        is_async: true,
    };
    let file = FileRow {
        id: input,
        purpose: FilePurpose::Batch,
        filename: format!("{LINE}.jsonl"),
        bytes: kept.bytes,
        sha256: kept.sha256,
        created_at: now,
        expires_at: None,
    };
    let row = add(&caller, NewAsync { file, idempotency_key }, terms, state).await?;
    state.wake_batches();
    Ok(if row.status.is_open() { waiting(&row) } else { answer(&row, state).await? })
}

/// Puts the line on the disk, as the input of a batch.
async fn keep(
    line: &InputLine,
    endpoint: BatchEndpoint,
    state: &State,
) -> Result<(FileId, StoredBytes), ApiError> {
    let id = FileId::new(state.service.now(), rand::random());
    let text = format!(
        "{{\"custom_id\":\"{LINE}\",\"method\":\"POST\",\"url\":\"{endpoint}\",\"body\":{}}}\n",
        one_line(&line.body)?
    );
    let store = state.service.file_store().clone();
    let write = move || {
        store.check_room_for(text.len() as u64)?;
        let mut draft = store.begin(id)?;
        draft.write_all(text.as_bytes())?;
        draft.keep()
    };
    let kept = web::block(write).await.map_err(|error| ApiError::internal(&error))?;
    Ok((id, kept.map_err(|error| ApiError::body_unkept(&error))?))
}

/// `body` without line breaks between its values; inside of texts JSON has none.
fn one_line(body: &str) -> Result<String, ApiError> {
    let _: &RawValue = serde_json::from_str(body).map_err(|error| ApiError::internal(&error))?;
    Ok(body.replace(['\n', '\r'], " "))
}

/// Adds the batch, or finds the one that was added under the same Idempotency-Key.
async fn add(
    caller: &Caller,
    asked: NewAsync,
    terms: BatchTerms,
    state: &State,
) -> Result<BatchRow, ApiError> {
    let (now, key, input) = (state.service.now(), caller.key, terms.input);
    let window = SignedDuration::from_hours(terms.window_hours.into());
    let batch = NewBatch {
        id: BatchId::new(now, rand::random()),
        key,
        terms,
        files: [FileId::new(now, rand::random()), FileId::new(now, rand::random())],
        now,
        expires_at: now.checked_add(window).unwrap_or(jiff::Timestamp::MAX),
    };
    let added = state.service.ask_ledger(move |ledger| ledger.add_async(&batch, &asked)).await?;
    match added {
        Ok(row) if row.terms.input == input => Ok(row),
        // It was asked for before.
        Ok(row) => {
            state.service.remove_without_use(vec![input]).await?;
            Ok(row)
        }
        Err(refused) => {
            state.service.remove_without_use(vec![input]).await?;
            Err(ApiError::from(&ServiceError::from(crate::admit::Refused::from(refused))))
        }
    }
}

/// 202: where it is.
fn waiting(row: &BatchRow) -> HttpResponse {
    let id = id_of(row);
    let status = if row.status == BatchStatus::Validating { "queued" } else { "in_progress" };
    HttpResponse::Accepted().insert_header((LOCATION, format!("/v1/async/{id}"))).json(json!({
        "id": id, "object": "image.async", "endpoint": row.terms.endpoint.as_str(), "status": status,
        "created_at": row.times.created.as_second(), "expires_at": row.times.expires.as_second(),
    }))
}

fn id_of(row: &BatchRow) -> String {
    row.id.to_string().replacen("batch_", PREFIX, 1)
}

/// What the request was answered with, or would have been.
async fn answer(row: &BatchRow, state: &web::Data<State>) -> Result<HttpResponse, ApiError> {
    let file = if row.counts.completed > 0 { row.files.output } else { row.files.error };
    let unmade = || ApiError::async_unmade(row.status);
    let (key, now) = (row.key, state.service.now());
    if state.service.ask_ledger(move |ledger| ledger.file(key, file, now)).await?.is_none() {
        // A file of errors is there, unless the batch never had a line.
        return Err(if row.counts.completed > 0 { ApiError::image_gone() } else { unmade() });
    }
    let Some(mut lines) = LineSource::open(state, file).await? else { return Err(ApiError::image_gone()) };
    let line = lines.next().await.map_err(|error| ApiError::internal(&error))?;
    let (_, line) = line.ok_or_else(ApiError::image_gone)?;
    let written: WrittenLine<'_> =
        serde_json::from_slice(&line).map_err(|error| ApiError::internal(&error))?;
    let Some(WrittenResponse { status_code, body }) = written.response.filter(|_| written.error.is_none())
    else {
        return Err(unmade());
    };
    let status = StatusCode::from_u16(status_code).map_err(|error| ApiError::internal(&error))?;
    let parts = vec![Part::Text(body.get().to_owned())];
    let held = state.answer_memory.hold(&parts)?;
    let length = parts.iter().map(Part::len).sum();
    let body = pieces::stream_of(parts, web::Data::clone(state), Some(held), None);
    Ok(HttpResponse::build(status).content_type(ContentType::json()).body(SizedStream::new(length, body)))
}
