use actix_web::{HttpResponse, web};
use serde_json::json;

use super::{State, api::error::ApiError};

/// The OpenMetrics text format, which Prometheus asks for by this name.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// GET /healthz: the process answers.
pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// GET /readyz: the model has generated an image, so the next one will come out too, and can be kept; and
/// nobody drains this node.
pub(super) async fn ready(state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    if let Some(reason) = state.service.unready() {
        return Err(reason.into());
    }
    state.service.look_at_images().await?;
    let devices = state.service.studio().devices();
    let body = json!({ "status": "ready", "devices": devices.all, "devices_painting": devices.generating });
    Ok(HttpResponse::Ok().json(body))
}

/// GET /metrics
pub(super) async fn metrics(state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    let studio = state.service.studio();
    let devices = studio.devices();
    let by_state = [("starting", devices.starting), ("painting", devices.generating), ("lost", devices.lost)];
    let text = state.service.metrics().render(studio.queue_depth(), studio.is_ready(), by_state);
    let text = text.map_err(|error| ApiError::internal(&error))?;
    Ok(HttpResponse::Ok().content_type(OPEN_METRICS).body(text))
}
