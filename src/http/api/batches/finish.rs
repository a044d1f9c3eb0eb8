//! Lines of a batch's files, and the end of a batch.

use std::{
    collections::HashSet,
    io::{self, BufReader, BufWriter, Write},
};

use actix_web::web;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::object::errors;
use crate::{
    batches::{FileStore, InputLine, LineError, Lines},
    domain::{BatchId, BatchStatus, FileId, FilePurpose, RequestId},
    http::{
        State,
        api::{error::ApiError, wire::Part},
    },
    ledger::{BatchRow, DoneLines, FileRow},
    service::ServiceError,
};

/// What a line without a result gets.
fn unmade(end: BatchStatus) -> (&'static str, &'static str) {
    match end {
        BatchStatus::Expired => {
            ("batch_expired", "This request could not be executed before the completion window expired.")
        }
        _ => ("batch_cancelled", "This request was not executed, since the batch was cancelled."),
    }
}

/// What comes before and behind the body of an answer in its line.
pub(super) fn answered(batch: &BatchRow, line: &InputLine, request: RequestId, body: Vec<Part>) -> Vec<Part> {
    let (id, custom_id) = (line_id(batch, line), json!(line.custom_id));
    let head = format!(
        r#"{{"id":"{id}","custom_id":{custom_id},"response":{{"status_code":200,"request_id":"{request}","body":"#
    );
    let mut parts = vec![Part::Text(head)];
    parts.extend(body);
    parts.push(Part::Text("},\"error\":null}\n".into()));
    parts
}

/// The line of the file of errors for a request that was made and got `error`.
pub(super) fn refused(
    batch: &BatchRow,
    line: &InputLine,
    request: Option<RequestId>,
    error: &ApiError,
) -> String {
    let id = line_id(batch, line);
    let request = request.map_or_else(|| id.clone(), |request| request.to_string());
    let response = json!({
        "status_code": error.status().as_u16(), "request_id": request, "body": error.envelope(),
    });
    written(&id, line, &response, &Value::Null)
}

fn written(id: &str, line: &InputLine, response: &Value, error: &Value) -> String {
    let line = json!({ "id": id, "custom_id": line.custom_id, "response": response, "error": error });
    format!("{line}\n")
}

fn line_id(batch: &BatchRow, line: &InputLine) -> String {
    let batch = batch.id.to_string();
    format!("batch_req_{}_{}", batch.trim_start_matches("batch_"), line.number)
}

/// Cancels a batch whose requests are lost.
pub(super) async fn cancel_without_input(state: &State, batch: &BatchRow) -> Result<(), ServiceError> {
    let (id, now) = (batch.id, state.service.now());
    tracing::error!(batch = %id, file = %batch.terms.input, "the input file of a batch is lost; the batch is cancelled");
    let message = "The content of the input file is lost; upload it again.".into();
    let faults = errors(&[(None, LineError { code: "file_not_found", message, param: None })]);
    state.service.ask_ledger(move |ledger| ledger.cancel_batch(id, Some(&faults), now)).await
}

/// If a file of a batch is shorter than it was, as after a restore without it, its lines are written again. They are asked for under
/// the same Idempotency-Keys: what was made is not made again.
pub(super) async fn begin_again(state: &State, id: BatchId, error: ServiceError) -> Result<(), ServiceError> {
    match &error {
        ServiceError::File(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
            tracing::error!(batch = %id, %error, "a file of a batch is cut short; its lines are written again");
            let driver = state.batches.driver();
            state.service.ask_ledger(move |ledger| ledger.forget_lines(id, driver)).await
        }
        _ => Err(error),
    }
}

/// Ends a batch: lines without a result get their error, and the files are handed over.
pub(super) async fn finish(state: &web::Data<State>, batch: BatchRow) -> Result<(), ServiceError> {
    let (id, key) = (batch.id, batch.key);
    let done = state.service.ask_ledger(move |ledger| ledger.done_lines(id)).await?;
    let is_done = done.lines.len() >= batch.size.total as usize;
    let end = match (batch.status, is_done) {
        (BatchStatus::Cancelling, _) => BatchStatus::Cancelled,
        (_, true) => BatchStatus::Completed,
        (_, false) => BatchStatus::Expired,
    };
    let now = state.service.now();
    let keep = batch.terms.output_seconds.map(|seconds| SignedDuration::from_secs(seconds.into()));
    let expires_at = now.checked_add(keep.unwrap_or(state.file_terms.keep)).ok();
    let (store, files, input) = (state.service.file_store().clone(), batch.files, batch.terms.input);
    state.service.check_driver(state.batches.driver())?;
    let completed = web::block(move || complete(&store, &batch, &done, end)).await;
    let completed = match completed.map_err(io::Error::other)? {
        Ok(completed) => completed,
        Err(error) => return begin_again(state, id, error.into()).await,
    };
    let rows: Vec<_> = completed
        .into_iter()
        .map(|(file, name, kept)| FileRow {
            id: file,
            purpose: FilePurpose::BatchOutput,
            filename: format!("{id}_{name}.jsonl"),
            bytes: kept.bytes,
            sha256: kept.sha256,
            created_at: now,
            expires_at,
        })
        .collect();
    let by = (state.batches.driver(), now);
    state.service.ask_ledger(move |ledger| ledger.end_batch((id, key), end, &rows, by)).await?;
    tracing::info!(batch = %id, "a batch is {end}");
    let store = state.service.file_store().clone();
    let written = [files.output, files.error];
    let tidied = web::block(move || written.into_iter().try_for_each(|file| store.finish(file)));
    tidied.await.map_err(io::Error::other)??;
    // A file that was deleted or expired meanwhile was kept for the batch.
    state.service.remove_without_use(vec![input, files.output, files.error]).await?;
    Ok(())
}

/// Completes the files of a batch. Returns those that are not empty.
fn complete(
    store: &FileStore,
    batch: &BatchRow,
    done: &DoneLines,
    end: BatchStatus,
) -> io::Result<Vec<(FileId, &'static str, crate::batches::StoredBytes)>> {
    store.resume(batch.files.output, done.output_bytes)?.sync()?;
    let mut errors = BufWriter::new(store.resume(batch.files.error, done.error_bytes)?);
    if end != BatchStatus::Completed && batch.size.total > 0 {
        write_unmade(store, batch, &done.lines, end, &mut errors)?;
    }
    errors.into_inner().map_err(io::IntoInnerError::into_error)?.sync()?;
    let mut written = Vec::new();
    for (file, name) in [(batch.files.output, "output"), (batch.files.error, "error")] {
        match store.kept(file)? {
            Some(kept) if kept.bytes > 0 => written.push((file, name, kept)),
            _ => drop(store.remove(file)?),
        }
    }
    Ok(written)
}

/// Writes the errors of lines that were never made. If the input is lost, nothing is known of them.
fn write_unmade(
    store: &FileStore,
    batch: &BatchRow,
    done: &HashSet<u32>,
    end: BatchStatus,
    errors: &mut impl Write,
) -> io::Result<()> {
    let Some((input, _)) = store.open_file(batch.terms.input)? else { return Ok(()) };
    let (code, message) = unmade(end);
    let error = json!({ "code": code, "message": message });
    let mut lines = Lines::new(BufReader::new(input));
    while let Some((number, line)) = lines.next_line()? {
        if done.contains(&number) {
            continue;
        }
        if let Ok(line) = InputLine::parse(number, &line, batch.terms.endpoint) {
            errors.write_all(written(&line_id(batch, &line), &line, &Value::Null, &error).as_bytes())?;
        }
    }
    Ok(())
}
