use actix_web::{HttpRequest, HttpResponse, http::header, web};

use super::{
    costs::{Question, report},
    session,
};
use crate::http::{State, error::ApiError};

/// GET /admin/costs.json: a month, in groups where `by` asks for them.
pub(super) async fn json(
    request: HttpRequest,
    question: web::Query<Question>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    session::enter(&request, &state).await?;
    let report = report(&question, &state).await?;
    Ok(super::json(&report))
}

/// GET /admin/costs.csv: the same as a file.
pub(super) async fn csv(
    request: HttpRequest,
    question: web::Query<Question>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    session::enter(&request, &state).await?;
    let report = report(&question, &state).await?;
    let name = format!("attachment; filename=\"tintype-{}.csv\"", report.month);
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(report.to_csv()?))
}
