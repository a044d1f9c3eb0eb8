use std::panic::AssertUnwindSafe;

use actix_web::{
    Error, HttpMessage,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        ConnectionType, Version,
        header::{HeaderValue, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::Next,
    web,
};
use futures_util::FutureExt;
use tracing::Instrument;

use super::{
    State,
    api::{
        error::{ApiError, Refusal},
        rates::Standings,
    },
    connections,
    request_id::{X_REQUEST_ID, request_id},
};
use crate::units::Millis;

/// Stands around every request: a fresh `x-request-id` on the answer and on every log line, never an echo of the
/// client's; where the key stands with its limits; one log line; the metrics. A handler that panics answers 500.
pub(super) async fn watch<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let connection = connections::begin(&mut request);
    let id = request_id();
    let span = tracing::info_span!("request", id);
    tracing::trace!(parent: &span, "head read");
    let state = request.app_data::<web::Data<State>>().cloned();
    let began = state.as_ref().map(|state| {
        state.header_notes.note(request.request(), state.service.now());
        state.service.monotonic()
    });
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let id = HeaderValue::try_from(id).map_err(|error| ApiError::internal(&error))?;
    let answered = AssertUnwindSafe(next.call(request)).catch_unwind().instrument(span.clone()).await;
    let answered = answered.unwrap_or_else(|_| Err(ApiError::internal(&"a handler panicked").into()));
    let response = answered.map_err(|error| {
        let mut response = error.error_response();
        response.headers_mut().insert(X_REQUEST_ID, id.clone());
        let response = connections::finish(response, connection.as_ref());
        InternalError::from_response(error, response)
    })?;
    let mut response = response.map_into_boxed_body();
    response.headers_mut().insert(X_REQUEST_ID, id);
    if let Some(value) = state.as_ref().and_then(|state| state.address.hsts(response.request())).cloned() {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, value);
    }
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if response.request().version() < Version::HTTP_11
        && response.response().body().size() == BodySize::Stream
    {
        // RFC 9112, 6.1: no chunks before HTTP/1.1. The end of the connection ends the body.
        let head = response.response_mut().head_mut();
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
    let standings = response.request().extensions().get::<Standings>().copied();
    if let Some(standings) = standings {
        standings.write(response.headers_mut());
    }
    if let (Some(state), Some(began)) = (state, began) {
        let took = Millis::new(state.service.monotonic().get().saturating_sub(began.get()));
        let status = response.status().as_u16();
        let route = response.request().match_pattern().unwrap_or_else(|| "unknown".into());
        if let Some(Refusal(code)) = response.response().extensions().get::<Refusal>() {
            state.service.metrics().note_refusal(code);
        }
        let _entered = span.enter();
        if path.starts_with("/v1/") || path.starts_with("/playground/v1/") {
            tracing::info!(%method, path, status, took_ms = took.get(), "answered");
        } else {
            tracing::debug!(%method, path, status, took_ms = took.get(), "answered");
        }
        state.service.metrics().note_answer(route, status, took);
    }
    let (request, response) = response.into_parts();
    Ok(ServiceResponse::new(request, connections::finish(response, connection.as_ref())))
}
