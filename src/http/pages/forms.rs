use actix_web::{FromRequest, HttpRequest, web};
use rand::distr::{Alphanumeric, SampleString};
use serde::{Deserialize, de::DeserializeOwned};

use super::cookies::{self, cookie, set_cookie};
use crate::http::{
    State,
    api::{auth::bearer_token, error::ApiError},
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

/// Reads a posted form if it is one of ours. A request with a bearer key needs no token: no browser sends a bearer key
/// by itself, so there is nothing to forge.
pub(super) async fn posted<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    state: &State,
) -> Result<T, ApiError> {
    let body = read_body(request, payload).await?;
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
    let body = read_body(request, payload).await?;
    check_token(request, &body, state)?;
    read(&body)
}

async fn read_body(request: &HttpRequest, payload: web::Payload) -> Result<String, ApiError> {
    let mut payload = payload.into_inner();
    let body = String::from_request(request, &mut payload).await;
    body.map_err(|error| match error.as_error() {
        Some(unread) => ApiError::body_unread(Some(unread)),
        None => ApiError::form(&error),
    })
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
