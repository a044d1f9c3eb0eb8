use actix_web::{HttpRequest, HttpResponse, http::header, web};

use super::{auth, error::ApiError, wire};
use crate::{
    domain::{RequestId, Scope},
    http::State,
};

/// GET /v1/receipts/{id}: what a request's images cost, for the key that asked for them and for no other.
pub(super) async fn find(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let caller = auth::caller(&request, &state, Scope::Images).await?;
    let id = RequestId::from_digits(&id).ok_or_else(ApiError::receipt_not_found)?;
    let request = state.service.stored_request(id, caller.key).await?;
    let request = request.ok_or_else(ApiError::receipt_not_found)?;
    let body = wire::receipts(&request, state.service.costs().currency());
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body))
}
