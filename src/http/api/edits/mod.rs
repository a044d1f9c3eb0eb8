//! Edits: bodies of parts or of JSON, kept on the disk until they are read, to a job that has its source.

mod body;
mod remote;
mod spool;

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderName, HeaderValue},
    web,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::body::Body;
pub(super) use self::body::broken as broken_form;
use super::{
    code::Code,
    error::ApiError,
    images::{self, Head, Received},
    wire::{self, Asked, EditKind},
};
use crate::{domain::Edit, http::State};

/// Images that are decoded at one time; each may take half a gigabyte.
const DECODED_AT_ONCE: usize = 2;
/// Requests whose images are fetched at one time.
const FETCHED_AT_ONCE: usize = 4;
/// Bytes that images which wait to be edited may hold together.
const SOURCE_BYTES_MAX: usize = 1 << 30;
/// The unit in which that memory is counted.
const UNIT: usize = 1 << 10;

/// What images that are edited may hold of the memory.
#[derive(Debug, Clone)]
pub struct SourceMemory {
    decoders: Arc<Semaphore>,
    fetchers: Arc<Semaphore>,
    /// A permit for each KiB.
    sources: Arc<Semaphore>,
}

impl Default for SourceMemory {
    fn default() -> Self {
        let sources = Arc::new(Semaphore::new(SOURCE_BYTES_MAX / UNIT));
        let [decoders, fetchers] =
            [DECODED_AT_ONCE, FETCHED_AT_ONCE].map(|most| Arc::new(Semaphore::new(most)));
        Self { decoders, fetchers, sources }
    }
}

impl SourceMemory {
    /// Does `work` that holds a whole body or an image in memory, off the caller's thread, when its turn comes.
    async fn decoding<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = Arc::clone(&self.decoders).acquire_owned().await;
        let turn = turn.map_err(|error| ApiError::internal(&error))?;
        let work = move || {
            let done = work();
            drop(turn);
            done
        };
        web::block(work).await.map_err(|error| ApiError::internal(&error))
    }

    /// Waits for a turn to fetch images.
    async fn fetching(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let turn = Arc::clone(&self.fetchers).acquire_owned().await;
        turn.map_err(|error| ApiError::internal(&error))
    }

    /// Takes the memory for `edit` until the permit is dropped.
    ///
    /// # Errors
    /// 503 if other sources hold it.
    fn hold(&self, edit: &Edit) -> Result<OwnedSemaphorePermit, ApiError> {
        let units = u32::try_from(edit.held_bytes().div_ceil(UNIT)).unwrap_or(u32::MAX);
        let sources = Arc::clone(&self.sources);
        sources.try_acquire_many_owned(units).map_err(|_| ApiError::too_many_sources())
    }
}

/// POST /v1/images/edits
pub(super) async fn edit(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    answer(request, payload, state, EditKind::Edit).await
}

/// POST /v1/images/variations: an edit without a prompt, for old clients.
pub(super) async fn vary(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let mut response = answer(request, payload, state, EditKind::Variation).await?;
    // RFC 9745: deprecated since OpenAI's own route takes no requests any more, 2026-05-12.
    let since = HeaderValue::from_static("@1778544000");
    response.headers_mut().insert(HeaderName::from_static("deprecation"), since);
    Ok(response)
}

async fn answer(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
    kind: EditKind,
) -> Result<HttpResponse, ApiError> {
    let head = Head::read(&request, &state).await?;
    check_model(&state)?;
    let body = Body::receive(&request, payload, &state).await?;
    let received = read(body, kind, &state).await?;
    images::answer(&request, &state, head, received).await
}

/// Takes in the body of an edit as JSON; of a form, what stands for the same in JSON.
pub(super) async fn receive_json(
    request: &HttpRequest,
    payload: web::Payload,
    state: &State,
) -> Result<String, ApiError> {
    check_model(state)?;
    let body = Body::receive(request, payload, state).await?;
    let written = state.source_memory.decoding(move || wire::as_json(body.read()?)).await??;
    wire::into_text(written)
}

/// Reads the JSON body of an edit.
pub(super) async fn read_json(body: &str, state: &State) -> Result<Received, ApiError> {
    check_model(state)?;
    read(Body::of_json(body, state)?, EditKind::Edit, state).await
}

/// Reads the JSON body of an edit as far as that goes without fetching images.
pub(super) async fn check_json(body: &str, state: &State) -> Result<Asked, ApiError> {
    check_model(state)?;
    let (body, offer) = (body.to_owned(), state.offer.clone());
    let fetches = !state.elsewhere.images.is_off();
    let check = move || wire::check_edit(body.as_bytes(), fetches, &offer, images::draw_seed);
    state.source_memory.decoding(check).await?
}

fn check_model(state: &State) -> Result<(), ApiError> {
    if state.offer.can_edit {
        return Ok(());
    }
    let message = "This model cannot edit images: its VAE has no encoder. Use a model with a whole VAE.";
    Err(ApiError::parameter("model", Code::UnsupportedValue, message))
}

/// Reads a body that has arrived. Images that it names are fetched, and decoded.
async fn read(body: Body, kind: EditKind, state: &State) -> Result<Received, ApiError> {
    let body_sha256 = body.sha256(kind);
    let body = body.with_images(state).await?;
    let (offer, memory) = (state.offer.clone(), state.source_memory.clone());
    let read = move || {
        let asked = wire::parse_edit(body.read()?, kind, &offer, images::draw_seed)?;
        let source_memory = asked.job.spec.edit.as_deref().map(|edit| memory.hold(edit)).transpose()?;
        Ok::<_, ApiError>((asked, source_memory))
    };
    let (asked, source_memory) = state.source_memory.decoding(read).await??;
    Ok(Received { asked, body_sha256, source_memory })
}
