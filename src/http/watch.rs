use std::panic::AssertUnwindSafe;

use actix_web::{
    Error, HttpMessage, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        ConnectionType,
        header::{HeaderName, HeaderValue, TRANSFER_ENCODING},
    },
    middleware::Next,
    web,
};
use futures_util::FutureExt;
use tracing::Instrument;

use super::{
    State,
    error::{ApiError, Refusal},
    rates::Standings,
};
use crate::units::Millis;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Stands around every request: a fresh `x-request-id` on the answer and on every log line, never an echo of the
/// client's; where the key stands with its limits; one log line; the metrics. A handler that panics answers 500.
pub(super) async fn watch<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = format!("req_{}", uuid::Uuid::now_v7().simple());
    let span = tracing::info_span!("request", id);
    let state = request.app_data::<web::Data<State>>().cloned();
    let began = state.as_ref().map(|state| state.service.monotonic());
    let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let id = HeaderValue::try_from(id).map_err(|error| ApiError::internal(&error))?;
    let answered = AssertUnwindSafe(next.call(request)).catch_unwind().instrument(span.clone()).await;
    let Ok(answer) = answered else {
        let mut response = ApiError::internal(&"a handler panicked").error_response();
        response.headers_mut().insert(X_REQUEST_ID, id);
        return Err(InternalError::from_response("a handler panicked", response).into());
    };
    let mut response = answer?.map_into_boxed_body();
    if is_chunked && response.status().is_client_error() {
        // The body was not read to its end, and its length is not known: the connection is of no more use, and a slow
        // sender must not hold it.
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    response.headers_mut().insert(X_REQUEST_ID, id);
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
        match path.starts_with("/v1/") {
            true => tracing::info!(%method, path, status, took_ms = took.get(), "answered"),
            false => tracing::debug!(%method, path, status, took_ms = took.get(), "answered"),
        }
        state.service.metrics().note_answer(route, status, took);
    }
    Ok(response)
}
