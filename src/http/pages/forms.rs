use actix_web::{HttpRequest, web};
use rand::distr::{Alphanumeric, SampleString};
use serde::{Deserialize, de::DeserializeOwned};

use super::cookies::{self, cookie, set_cookie};
use crate::http::{
    State,
    api::{auth::bearer_token, error::ApiError, read_body},
};

/// Characters of a visitor's name: 62²² is 128 bits.
const VISITOR_LEN: usize = 22;

/// A form that brings nothing but its token.
#[derive(Deserialize)]
pub(super) struct Nothing {}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    form_token: String,
}

/// Returns what a form on the answer to `request` must bring back as `form_token`. A browser's first visit gets a name,
/// which the token is bound to.
pub(super) fn form_token(request: &HttpRequest, state: &State) -> String {
    state.session_secret.form_token(&binding(request, state))
}

/// Bytes of a form that anybody may send.
const FORM_BYTES_MAX: usize = 256 << 10;
/// Bytes of a form of somebody who was let in: a year of prices by the quarter of an hour has 1.4 MB.
const LARGE_FORM_BYTES_MAX: usize = 4 << 20;

/// Reads a posted form if it is one of ours. A request with a bearer key needs no token: no browser sends a bearer key
/// by itself, so there is nothing to forge.
pub(super) async fn posted<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    state: &State,
) -> Result<T, ApiError> {
    posted_within(FORM_BYTES_MAX, request, payload, state).await
}

/// The same of somebody who was let in already, and may bring a file with it.
pub(super) async fn posted_with_file<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    state: &State,
) -> Result<T, ApiError> {
    posted_within(LARGE_FORM_BYTES_MAX, request, payload, state).await
}

async fn posted_within<T: DeserializeOwned>(
    limit: usize,
    request: &HttpRequest,
    payload: web::Payload,
    state: &State,
) -> Result<T, ApiError> {
    let body = read_text(request, payload, limit).await?;
    if bearer_token(request).is_none() {
        check_token(request, &body, state)?;
    }
    read(&body)
}

/// The same for signing in, if no header excuses the token: a browser may send one by itself, such as that of Basic
/// authentication at a proxy.
pub(super) async fn posted_with_token<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    state: &State,
) -> Result<T, ApiError> {
    let body = read_text(request, payload, FORM_BYTES_MAX).await?;
    check_token(request, &body, state)?;
    read(&body)
}

async fn read_text(request: &HttpRequest, payload: web::Payload, limit: usize) -> Result<String, ApiError> {
    let body = read_body(request, payload, limit).await?;
    String::from_utf8(body.into()).map_err(|_| ApiError::form(&"it is not UTF-8"))
}

fn check_token(request: &HttpRequest, body: &str, state: &State) -> Result<(), ApiError> {
    let Token { form_token } = read(body)?;
    if is_ours(&form_token, request, state) { Ok(()) } else { Err(ApiError::form_forged()) }
}

/// Whether `form_token` was given to this browser.
pub(super) fn is_ours(form_token: &str, request: &HttpRequest, state: &State) -> bool {
    state.session_secret.is_form_token(&binding(request, state), form_token)
}

/// A form's body is written as a query is.
fn read<T: DeserializeOwned>(body: &str) -> Result<T, ApiError> {
    Ok(web::Query::<T>::from_query(body).map_err(|error| ApiError::form(&error))?.into_inner())
}

/// What this browser's form tokens are bound to: its session, else the name that it was given.
fn binding(request: &HttpRequest, state: &State) -> String {
    let session = request.cookie(cookies::SESSION.for_request(request, state));
    let claims = session.and_then(|cookie| state.session_secret.open(cookie.value(), state.service.now()));
    if let Some(claims) = claims {
        return format!("session {}", claims.sub);
    }
    let visitor = cookies::VISITOR.for_request(request, state);
    let name = match request.cookie(visitor) {
        Some(cookie) if cookie.value().len() == VISITOR_LEN => cookie.value().to_owned(),
        _ => {
            let name = Alphanumeric.sample_string(&mut rand::rng(), VISITOR_LEN);
            set_cookie(request, cookie(visitor, name.clone(), None, request, state));
            name
        }
    };
    format!("visitor {name}")
}
