//! /v1/files: what clients upload for batches, and what batches write.

mod upload;

use actix_web::{HttpRequest, HttpResponse, body::SizedStream, http::header, web};
use serde::Serialize;
use serde_json::json;

pub use self::upload::FileTerms;
use self::upload::Upload;
use super::{
    auth,
    error::ApiError,
    images,
    lists::{ListBody, ListTerms},
    pieces,
};
use crate::{
    domain::{FileId, FilePurpose, KeyId, Scope},
    http::State,
    ledger::FileRow,
};

/// Files of a page, unless fewer are asked for; and at most.
const LIMIT_MAX: u32 = 10_000;

/// A file, as OpenAI describes one. `sha256` is ours.
#[derive(Debug, Serialize)]
struct FileBody {
    id: String,
    object: &'static str,
    bytes: u64,
    created_at: i64,
    expires_at: Option<i64>,
    filename: String,
    purpose: &'static str,
    status: &'static str,
    sha256: String,
}

impl From<FileRow> for FileBody {
    fn from(file: FileRow) -> Self {
        Self {
            id: file.id.to_string(),
            object: "file",
            bytes: file.bytes,
            created_at: file.created_at.as_second(),
            expires_at: file.expires_at.map(|at| at.as_second()),
            filename: file.filename,
            purpose: file.purpose.as_str(),
            // A file is only there once it is whole.
            status: "processed",
            sha256: base16ct::lower::encode_string(&file.sha256),
        }
    }
}

/// POST /v1/files
pub(super) async fn upload(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let key = auth::caller(&request, &state, Scope::Images).await?.key;
    let (now, max) = (state.service.now(), state.file_terms.bytes_max_of_key);
    let announced = images::announced_length(request.headers()).unwrap_or(0) as u64;
    // Before the bytes come: the client should not send them for nothing.
    let bytes = announced.saturating_sub(upload::OTHER_BYTES);
    state.service.ask_ledger(move |ledger| ledger.check_upload(key, bytes, max, now)).await?;
    let id = FileId::new(now, rand::random());
    let Upload { draft, filename, expires_after } = Upload::receive(&request, payload, &state, id).await?;
    let kept = web::block(move || draft.keep()).await.map_err(|error| ApiError::internal(&error))?;
    let kept = kept.map_err(|error| ApiError::body_unkept(&error))?;
    let created_at = state.service.now();
    let file = FileRow {
        id,
        purpose: FilePurpose::Batch,
        filename,
        bytes: kept.bytes,
        sha256: kept.sha256,
        created_at,
        expires_at: created_at.checked_add(expires_after).ok(),
    };
    let row = file.clone();
    let added = state.service.ask_ledger(move |ledger| ledger.add_upload(key, &row, max)).await;
    if let Err(error) = added {
        // The key has others since the first look.
        state.service.remove_without_use(vec![id]).await?;
        return Err(error.into());
    }
    Ok(HttpResponse::Ok().json(FileBody::from(file)))
}

/// GET /v1/files
pub(super) async fn list(
    request: HttpRequest,
    terms: web::Query<ListTerms>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let key = auth::caller(&request, &state, Scope::Images).await?.key;
    let page = terms.page(LIMIT_MAX, LIMIT_MAX)?;
    let purpose = terms.purpose.as_deref();
    let purpose =
        purpose.map(|purpose| purpose.parse().map_err(|error: String| upload::refused_purpose(&error)));
    let (purpose, now) = (purpose.transpose()?, state.service.now());
    let files = state.service.ask_ledger(move |ledger| ledger.files(key, purpose, page, now)).await?;
    let files = files.into_iter().map(FileBody::from).collect();
    Ok(HttpResponse::Ok().json(ListBody::of(files, &page, |file: &FileBody| file.id.clone())))
}

/// GET /v1/files/{id}
pub(super) async fn find(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let key = auth::caller(&request, &state, Scope::Images).await?.key;
    Ok(HttpResponse::Ok().json(FileBody::from(file_of(key, &id, &state).await?)))
}

/// GET /v1/files/{id}/content
pub(super) async fn content(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let key = auth::caller(&request, &state, Scope::Images).await?.key;
    let row = file_of(key, &id, &state).await?;
    sent(&row, &state).await
}

/// The bytes of a file, as a download.
pub(in crate::http) async fn sent(row: &FileRow, state: &State) -> Result<HttpResponse, ApiError> {
    let (file, length) =
        state.service.open_stored_file(row.id).await?.ok_or_else(|| ApiError::file_lost(row.id))?;
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.jsonl\"", row.id)))
        .body(SizedStream::new(length, pieces::bytes_of(file))))
}

/// DELETE /v1/files/{id}
pub(super) async fn delete(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let key = auth::caller(&request, &state, Scope::Images).await?.key;
    let (file, now) = (file_of(key, &id, &state).await?.id, state.service.now());
    // Another request may have deleted it meanwhile: it is gone either way.
    state.service.ask_ledger(move |ledger| ledger.delete_file(key, file, now)).await?;
    state.service.remove_without_use(vec![file]).await?;
    Ok(HttpResponse::Ok().json(json!({ "id": file.to_string(), "object": "file", "deleted": true })))
}

/// The file of `key` that a client calls `id`.
pub(super) async fn file_of(key: KeyId, id: &str, state: &State) -> Result<FileRow, ApiError> {
    let not_found = || ApiError::file_not_found(id);
    let (file, now) = (id.parse::<FileId>().map_err(|_| not_found())?, state.service.now());
    let found = state.service.ask_ledger(move |ledger| ledger.file(key, file, now)).await?;
    found.ok_or_else(not_found)
}
