use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::{auth, error::ApiError};
use crate::{
    domain::{Caller, Scope},
    http::State,
    lora_library::LoraLibrary,
    pipeline::LoraInspection,
    service::ServiceError,
};

/// GET /v1/loras
pub(super) async fn list(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    let caller = auth::caller(&request, &state, Scope::Images).await?;
    let library = state.service.lora_library().clone();
    // Files that were not read before are read, which takes a while.
    let loras = web::block(move || allowed(&library, &caller)).await.map_err(|_| ServiceError::Lost)?;
    Ok(HttpResponse::Ok().json(json!({ "object": "list", "data": loras })))
}

/// Those that `caller` may use.
fn allowed(library: &LoraLibrary, caller: &Caller) -> Vec<Value> {
    let lora = |(name, file): (String, std::path::PathBuf)| match library.inspect(&file) {
        Ok(inspection) => described(&name, &inspection),
        Err(error) => json!({ "id": name, "object": "lora", "problem": error.reason() }),
    };
    library.all().into_iter().filter(|(name, _)| caller.may_apply(name)).map(lora).collect()
}

fn described(name: &str, inspection: &LoraInspection) -> Value {
    let LoraInspection { kinds, ranks, alphas, other_family, sha256, .. } = inspection;
    json!({
        "id": name,
        "object": "lora",
        "kinds": kinds,
        "ranks": ranks,
        "alphas": alphas,
        "other_family": other_family,
        "sha256": sha256,
    })
}
