use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Bytes},
};
use futures_util::TryStreamExt;

use super::{AskedRange, CostsQuery, month, report, year_report};
use crate::{
    domain::Scope,
    http::{
        State,
        api::error::ApiError,
        pages::{self, CSV, download, session},
    },
    ledger::focus_metadata,
};

/// GET /admin/costs.json: a month, in groups if `by` asks for them, or a year; with `format=focus-metadata` what FOCUS files
/// of this server look like.
pub(in crate::http::pages) async fn json(
    request: HttpRequest,
    question: web::Query<CostsQuery>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    session::enter(&request, &state, Scope::Costs).await?;
    match question.format.as_deref() {
        None => {}
        Some("focus-metadata") => return Ok(pages::json(&focus_metadata()?)),
        Some(_) => {
            return Err(refused("format", "format can be focus-metadata here; leave it out for the report."));
        }
    }
    if let Some(asked) = AskedRange::of(&question, &state)? {
        return Ok(pages::json(&asked.grouped(&question, &state).await?));
    }
    Ok(match year_report(&question, &state).await? {
        Some(year) => pages::json(&year),
        None => pages::json(&report(&question, &state).await?),
    })
}

/// GET /admin/costs.csv: the same as a file, or with `format=focus` every entry of a month as a row of FOCUS 1.4.
pub(in crate::http::pages) async fn csv(
    request: HttpRequest,
    question: web::Query<CostsQuery>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    session::enter(&request, &state, Scope::Costs).await?;
    match question.format.as_deref() {
        None => {
            let (name, file) = statement(&question, &state).await?;
            Ok(download(CSV, &name).body(file))
        }
        Some("focus") => focus(&question, &state).await,
        Some(_) => Err(refused("format", "format can be focus; leave it out for the statement.")),
    }
}

/// What the file is called, and the file.
async fn statement(question: &CostsQuery, state: &State) -> Result<(String, String), ApiError> {
    if let Some(asked) = AskedRange::of(question, state)? {
        let report = asked.grouped(question, state).await?;
        return Ok((format!("{}-to-{}.csv", report.from, report.to), report.to_csv()?));
    }
    Ok(match year_report(question, state).await? {
        Some(year) => (format!("{}.csv", year.span).replace(" to ", "-to-"), year.to_csv()?),
        None => {
            let month = report(question, state).await?;
            (format!("{}.csv", month.month), month.to_csv()?)
        }
    })
}

async fn focus(question: &CostsQuery, state: &State) -> Result<HttpResponse, ApiError> {
    if question.is_span() || question.by.is_some() || !question.only().is_empty() {
        return Err(refused(
            "format",
            "format=focus has a row for each entry of a month; leave all but month out.",
        ));
    }
    let month = month(question, state)?;
    let rows = state.service.focus_csv(month).await?;
    Ok(download(CSV, &format!("focus-{month}.csv")).streaming(rows.map_ok(Bytes::from)))
}

fn refused(parameter: &'static str, message: &str) -> ApiError {
    ApiError::invalid(parameter, message.to_owned())
}
