use actix_web::{HttpRequest, HttpResponse, http::header, web};

use super::{
    costs::{Question, report, year_report},
    session,
};
use crate::http::{State, error::ApiError};

/// GET /admin/costs.json: a month, in groups where `by` asks for them, or a year.
pub(super) async fn json(
    request: HttpRequest,
    question: web::Query<Question>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    session::enter(&request, &state).await?;
    Ok(match year_report(&question, &state).await? {
        Some(year) => super::json(&year),
        None => super::json(&report(&question, &state).await?),
    })
}

/// GET /admin/costs.csv: the same as a file.
pub(super) async fn csv(
    request: HttpRequest,
    question: web::Query<Question>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    session::enter(&request, &state).await?;
    let (span, file) = match year_report(&question, &state).await? {
        Some(year) => (year.year.to_string(), year.to_csv()?),
        None => {
            let month = report(&question, &state).await?;
            (month.month.to_string(), month.to_csv()?)
        }
    };
    let name = format!("attachment; filename=\"tintype-{span}.csv\"");
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(file))
}
