use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder,
    body::SizedStream,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ContentType, HeaderMap, HeaderValue},
    web,
};
use percent_encoding::{CONTROLS, utf8_percent_encode};
use sha2::{Digest, Sha256};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    auth,
    error::ApiError,
    links::LinkIn,
    pieces,
    rates::Standings,
    stream,
    wire::{self, Asked, Delivery, Part},
};
use crate::{
    admit::Refused,
    domain::{Caller, CostTag, Scope, Seed, Variant},
    engine::{Engine, Priority},
    http::State,
    service::{Accepted, Answer, GenerateRequest, PartialLora},
};

/// What the client should know of an answer that is given all the same.
const WARNING: &str = "x-tintype-warning";

/// Who made an answer's images, and why they.
const MADE_BY: &str = "x-tintype-made-by";

/// Longest Idempotency-Key that is kept.
const IDEMPOTENCY_KEY_MAX: usize = 255;

/// What a request's head says, or its batch.
pub(super) struct Head {
    pub(super) caller: Caller,
    pub(super) idempotency_key: Option<String>,
    pub(super) tag: Option<CostTag>,
    pub(super) priority: Priority,
}

impl Head {
    /// Lets the caller in. Called before any body is read.
    pub(super) async fn read(request: &HttpRequest, state: &State) -> Result<Self, ApiError> {
        let caller = auth::caller(request, state, Scope::Images).await?;
        let idempotency_key = idempotency_key(request.headers())?;
        Ok(Self { caller, idempotency_key, tag: cost_tag(request.headers())?, priority: Priority::Live })
    }
}

/// A request that was read and says nothing wrong.
pub(super) struct Received {
    pub(super) asked: Asked,
    pub(super) body_sha256: [u8; 32],
    /// Of the image that is edited.
    pub(super) source_memory: Option<OwnedSemaphorePermit>,
}

impl Received {
    /// What is asked of the service for it.
    pub(super) fn into_request(self, head: Head) -> (Asked, GenerateRequest) {
        let Head { caller, idempotency_key, tag, priority } = head;
        let Self { asked, body_sha256, source_memory } = self;
        let generate = GenerateRequest {
            caller,
            job: asked.job.clone(),
            priority,
            tag: tag.or_else(|| asked.user_tag.clone()),
            encoding: asked.encoding,
            keep: asked.is_kept || asked.delivery == Delivery::Links,
            partials: match asked.delivery {
                Delivery::Stream { partials } => Some(partials),
                Delivery::Inline | Delivery::Links => None,
            },
            idempotency_key,
            body_sha256,
            source_memory,
            is_of_this_model: asked.is_of_this_model,
        };
        (asked, generate)
    }
}

/// POST /v1/images/generations
pub(super) async fn generate(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let head = Head::read(&request, &state).await?;
    tracing::trace!("key recognised");
    if !is_json(request.headers()) {
        return Err(ApiError::content_type());
    }
    let body = read_body(&request, payload, state.offer.body_bytes_max).await?;
    tracing::trace!("body read");
    answer(&request, &state, head, read(&body, &state)?).await
}

/// Reads the body of a generation.
pub(super) fn read(body: &[u8], state: &State) -> Result<Received, ApiError> {
    let asked = wire::parse(body, &state.offer, draw_seed)?;
    Ok(Received { asked, body_sha256: Sha256::digest(body).into(), source_memory: None })
}

/// Generates or edits what was asked for, and answers with it.
pub(super) async fn answer(
    request: &HttpRequest,
    state: &web::Data<State>,
    head: Head,
    received: Received,
) -> Result<HttpResponse, ApiError> {
    check_rights(&head.caller, &received.asked, state)?;
    if received.asked.is_dry_run {
        // The playground asks for prices by itself, as its form changes.
        if auth::is_of_page(request) {
            let counted = state.service.count_as_quote(&head.caller).await?;
            Standings::note_quotes(&mut request.extensions_mut(), &counted);
            counted?;
        }
        return quote(&head, &received.asked, state).await;
    }
    let (asked, generate) = received.into_request(head);
    tracing::trace!("request parsed");
    let accepted = state.service.accept(generate, rand::random()).await;
    Standings::note_images(&mut request.extensions_mut(), &accepted);
    let accepted = accepted.map_err(|error| ApiError::from(&*error))?;
    let mut response = HttpResponse::Ok();
    warn_of_cut_prompt(&mut response, accepted.cut_from_tokens);
    warn_of_guidance(&mut response, &asked, state.offer.usual.variant);
    warn_of_loras(&mut response, &accepted.partial_loras);
    warn_of_budgets(&mut response, &accepted);
    match asked.delivery {
        Delivery::Stream { .. } => Ok(stream::answer(response, accepted, asked, state)),
        Delivery::Inline | Delivery::Links => {
            let pass = accepted.pass();
            let answer = accepted.answer().await.map_err(|error| ApiError::from(&*error))?;
            tracing::trace!("outcome received");
            state.service.check_kept(&answer).await?;
            say_who_made(&mut response, &answer);
            let base = state.address.base(request);
            let parts = parts_of(&asked, &answer, state, (&base, LinkIn::Answer)).await?;
            let held = state.answer_memory.hold(&parts)?;
            let length = parts.iter().map(Part::len).sum();
            let body = pieces::stream_of(parts, web::Data::clone(state), Some(held), pass);
            Ok(response.content_type(ContentType::json()).body(SizedStream::new(length, body)))
        }
    }
}

/// The body of an answer, with links if they were asked for: to `base`, unless they lead elsewhere.
pub(super) async fn parts_of(
    asked: &Asked,
    answer: &Answer,
    state: &State,
    (base, stands_in): (&str, LinkIn),
) -> Result<Vec<Part>, ApiError> {
    let links = if asked.delivery == Delivery::Links {
        let names = answer.images.iter().filter_map(|image| image.file.name()).collect();
        Some(state.links.to(&state.service, names, base, stands_in).await?)
    } else {
        None
    };
    let parts = wire::answer(asked, answer, &state.offer, state.service.costs().currency(), links.as_deref());
    parts.map_err(|error| ApiError::internal(&error))
}

/// What the request would take and cost. It does not ask for images yet, so its Idempotency-Key is not looked up.
async fn quote(head: &Head, asked: &Asked, state: &State) -> Result<HttpResponse, ApiError> {
    let tag = head.tag.as_ref().or(asked.user_tag.as_ref());
    let quoted = state.service.quote(asked.job.clone(), &head.caller, tag).await?;
    let mut response = HttpResponse::Ok();
    warn_of_cut_prompt(&mut response, quoted.cut_from_tokens);
    warn_of_guidance(&mut response, asked, state.offer.usual.variant);
    warn_of_loras(&mut response, &quoted.partial_loras);
    let currency = state.service.costs().currency();
    Ok(response.json(wire::quote(asked, &quoted, &state.offer, currency)))
}

/// A seed that any client can read and send again: JavaScript's numbers are exact below 2⁵³.
pub(super) fn draw_seed() -> Seed {
    Seed::new(rand::random::<u64>() >> 11)
}

/// The length that a body announces.
pub(super) fn announced_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Codings that bodies are compressed with (IANA's registry). Other words are there by mistake, such as `utf-8`.
const COMPRESSIONS: [&str; 8] = ["gzip", "x-gzip", "deflate", "br", "zstd", "dcz", "compress", "x-compress"];

/// Refuses a body that is said to be compressed, or to have more than `limit` bytes.
pub(super) fn check_announced(headers: &HeaderMap, limit: usize) -> Result<(), ApiError> {
    let codings = headers.get_all(CONTENT_ENCODING).filter_map(|value| value.to_str().ok());
    let compression = codings
        .flat_map(|value| value.split(','))
        .find_map(|coding| COMPRESSIONS.into_iter().find(|known| coding.trim().eq_ignore_ascii_case(known)));
    match compression {
        Some(compression) => Err(ApiError::compressed(compression)),
        None if announced_length(headers).is_some_and(|bytes| bytes > limit) => {
            Err(ApiError::body_too_large(limit))
        }
        None => Ok(()),
    }
}

/// A body of at most `limit` bytes.
pub(in crate::http) async fn read_body(
    request: &HttpRequest,
    payload: web::Payload,
    limit: usize,
) -> Result<web::Bytes, ApiError> {
    check_announced(request.headers(), limit)?;
    match payload.to_bytes_limited(limit).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) => Err(ApiError::body_unread(error.as_error())),
        Err(_) => Err(ApiError::body_too_large(limit)),
    }
}

/// Refuses what the caller's key may not use.
pub(super) fn check_rights(caller: &Caller, asked: &Asked, state: &State) -> Result<(), ApiError> {
    check_model(caller, asked, state)?;
    check_loras(caller, asked)
}

/// A key that is bound to models may name one by its id, its repository, or the alias that it is bound to.
fn check_model(caller: &Caller, asked: &Asked, state: &State) -> Result<(), ApiError> {
    let by_alias = asked.model.as_deref().is_some_and(|name| caller.may_use(name));
    let mut own_names = std::iter::once(&state.offer.model).chain(&state.offer.repository);
    if by_alias || own_names.any(|name| caller.may_use(name)) {
        return Ok(());
    }
    Err(Refused::Model.into())
}

/// Refuses the first LoRA that a key which is bound to some may not use, whether or not there is one of that name.
fn check_loras(caller: &Caller, asked: &Asked) -> Result<(), ApiError> {
    let refused = asked.job.spec.loras.iter().find(|lora| !caller.may_apply(&lora.name));
    refused.map_or(Ok(()), |lora| {
        let allowed = caller.loras.clone().unwrap_or_default();
        Err(Refused::Lora { name: lora.name.clone(), allowed }.into())
    })
}

fn warn_of_cut_prompt(response: &mut HttpResponseBuilder, cut_from_tokens: Option<usize>) {
    if let Some(tokens) = cut_from_tokens {
        let max = Engine::PROMPT_TOKENS_MAX;
        response.append_header((WARNING, format!("prompt cut from {tokens} tokens to {max}")));
    }
}

fn warn_of_guidance(response: &mut HttpResponseBuilder, asked: &Asked, variant: Variant) {
    if let Some(warning) = variant.warning(&asked.job.spec) {
        response.append_header((WARNING, warning));
    }
}

/// Where the images were made, and why there.
fn say_who_made(response: &mut HttpResponseBuilder, answer: &Answer) {
    let made_by = answer.made_by.to_string();
    response.insert_header((MADE_BY, utf8_percent_encode(&made_by, CONTROLS).to_string()));
}

/// A LoRA's name may have any letters, and a header has ASCII only: others are percent-encoded.
fn warn_of_loras(response: &mut HttpResponseBuilder, partial: &[PartialLora]) {
    for lora in partial {
        let warning = lora.to_string();
        response.append_header((WARNING, utf8_percent_encode(&warning, CONTROLS).to_string()));
    }
}

fn warn_of_budgets(response: &mut HttpResponseBuilder, accepted: &Accepted) {
    for over in &accepted.passed_budgets {
        response.append_header((WARNING, over.to_string()));
    }
}

/// `application/json`, with or without a charset.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    is_of_type(headers, "application/json")
}

/// Whether a body is of media type `expected`, whatever its parameters.
pub(super) fn is_of_type(headers: &HeaderMap, expected: &str) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(expected)
}

/// The value of header `name`, which decides what is charged, and so may not be there twice.
fn only_value<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a HeaderValue>, ApiError> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(ApiError::invalid(name, format!("`{name}` is given twice; send it once."))),
        (value, None) => Ok(value),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = only_value(headers, "Idempotency-Key")? else { return Ok(None) };
    match value.to_str() {
        Ok(text) if !text.is_empty() && text.len() <= IDEMPOTENCY_KEY_MAX => Ok(Some(text.to_owned())),
        _ => Err(ApiError::invalid(
            "Idempotency-Key",
            format!("An Idempotency-Key is 1 to {IDEMPOTENCY_KEY_MAX} printable characters."),
        )),
    }
}

/// What the request is filed under. Read as UTF-8, which HTTP leaves open, so that a tag may be in any script.
pub(super) fn cost_tag(headers: &HeaderMap) -> Result<Option<CostTag>, ApiError> {
    let Some(value) = only_value(headers, "X-Cost-Tag")? else { return Ok(None) };
    let tag = std::str::from_utf8(value.as_bytes()).ok().and_then(|text| text.parse().ok());
    tag.map(Some).ok_or_else(|| {
        let message = "An X-Cost-Tag is 1 to 128 characters, none of which controls how text is shown.";
        ApiError::invalid("X-Cost-Tag", message)
    })
}
