use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CONTENT_TYPE, HeaderMap},
    web,
};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::{State, auth, error::ApiError, wire};
use crate::{
    domain::{Scope, Seed},
    service::PaintRequest,
};

/// How long a body may take to arrive.
const BODY_WAIT: Duration = Duration::from_secs(60);
/// Longest Idempotency-Key that is kept.
const IDEMPOTENCY_KEY_MAX: usize = 255;

/// POST /v1/images/generations
pub(super) async fn generate(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let caller = auth::caller(&request, &state, Scope::Images).await?;
    check_content_type(request.headers())?;
    let idempotency_key = idempotency_key(request.headers())?;
    let limit = state.offer.body_bytes_max;
    let body = match timeout(BODY_WAIT, payload.to_bytes_limited(limit)).await {
        Ok(Ok(Ok(body))) => body,
        Ok(Ok(Err(_))) => return Err(ApiError::body("The body ended early.")),
        Ok(Err(_)) => return Err(ApiError::body_too_large(limit)),
        Err(_) => return Err(ApiError::body_too_slow()),
    };
    let asked = wire::parse(&body, &state.offer, || Seed::new(rand::random()))?;
    let paint = PaintRequest {
        caller,
        job: asked.job.clone(),
        idempotency_key,
        body_sha256: Sha256::digest(&body).into(),
    };
    let answer = state.service.paint(paint, rand::random()).await?;
    let currency = state.service.costs().currency();
    Ok(HttpResponse::Ok().json(wire::answer(&asked, &answer, &state.offer, currency)))
}

/// `application/json`, with or without a charset.
fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    match essence.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => Err(ApiError::content_type()),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(text) if !text.is_empty() && text.len() <= IDEMPOTENCY_KEY_MAX => Ok(Some(text.to_owned())),
        _ => Err(ApiError::parameter(
            "Idempotency-Key",
            "invalid_value",
            format!("An Idempotency-Key is 1 to {IDEMPOTENCY_KEY_MAX} printable characters."),
        )),
    }
}
