use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::{auth, error::ApiError};
use crate::{domain::Scope, http::State};

/// GET /v1/models
pub(super) async fn list(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    auth::caller(&request, &state, Scope::Images).await?;
    let models: Vec<_> = state.offer.names().map(|name| model(name, &state)).collect();
    Ok(HttpResponse::Ok().json(json!({ "object": "list", "data": models })))
}

/// GET /v1/models/{id}; the SDKs send a `/` in an id as `%2F`.
pub(super) async fn find(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    auth::caller(&request, &state, Scope::Images).await?;
    match state.offer.names().find(|name| *name == id.as_str()) {
        Some(name) => Ok(HttpResponse::Ok().json(model(name, &state))),
        None => Err(ApiError::model_not_found(&id, &state.offer.model)),
    }
}

fn model(name: &str, state: &State) -> Value {
    let can_edit = state.offer.can_edit;
    json!({
        "id": name,
        "object": "model",
        "created": state.offer.loaded_at,
        "owned_by": "tintype",
        // It repaints, and follows no instruction: the prompt describes the image.
        "capabilities": { "text": true, "edit": can_edit, "inpaint": can_edit, "instructions": false },
    })
}
