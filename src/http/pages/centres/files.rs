use actix_web::{HttpRequest, HttpResponse, web};

use super::{CentresQuery, charges};
use crate::{
    domain::Scope,
    http::{
        State,
        api::error::ApiError,
        pages::{self, CSV, download, session},
    },
    statements::{ChargeStatement, StatementLanguage},
};

/// GET /admin/centres.json
pub(in crate::http::pages) async fn all_json(
    request: HttpRequest,
    question: web::Query<CentresQuery>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    session::enter(&request, &state, Scope::Costs).await?;
    Ok(pages::json(&charges(&question, &state).await?))
}

/// GET /admin/centres.csv
pub(in crate::http::pages) async fn all_csv(
    request: HttpRequest,
    question: web::Query<CentresQuery>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    session::enter(&request, &state, Scope::Costs).await?;
    let charges = charges(&question, &state).await?;
    Ok(download(CSV, &format!("cost-centres-{}.csv", charges.month)).body(charges.to_csv()?))
}

/// GET /admin/centres/{id}/{month}.{kind}: the statement of one cost centre as a PDF, a workbook or CSV.
pub(in crate::http::pages) async fn one(
    request: HttpRequest,
    path: web::Path<(i64, String, String)>,
    question: web::Query<CentresQuery>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    session::enter(&request, &state, Scope::Costs).await?;
    let (centre, month, kind) = path.into_inner();
    let language = question.lang.as_deref().map(str::parse::<StatementLanguage>).transpose();
    let language =
        language.map_err(|error| ApiError::invalid("lang", format!("{error}.")))?.unwrap_or_default();
    let charges = charges(&CentresQuery { month: Some(month), lang: None }, &state).await?;
    let Some(charge) = charges.of_centre(centre) else {
        return Err(ApiError::invalid("id", format!("no cost centre {centre}; /admin/centres lists them.")));
    };
    let operator = state.service.operator();
    let statement = ChargeStatement { charges: &charges, charge, operator, language };
    let name = format!("statement-{centre}-{}.{kind}", charges.month);
    match kind.as_str() {
        "pdf" => Ok(download("application/pdf", &name).body(statement.to_pdf()?)),
        "xlsx" => Ok(download(XLSX, &name).body(statement.to_xlsx()?)),
        _ => Ok(download(CSV, &name).body(charges.one_to_csv(charge)?)),
    }
}

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
