use actix_web::{
    Error, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web,
};

use super::{Identity, by_session};
use crate::{
    admit::Refused,
    domain::{Caller, Scope},
    http::{
        State,
        api::{auth, error::ApiError},
        pages::{cookies::take_cookies, forms::is_ours},
    },
};

/// The public id of the key that a session asks in the name of.
const KEY: &str = "x-tintype-key";
/// What the page was given to bring back, as its forms are.
const FORM_TOKEN: &str = "x-tintype-form-token";
/// From where a browser says that it asks.
const FETCH_SITE: &str = "sec-fetch-site";

/// Stands around what the playground asks for: by a bearer key as every client, or by the browser's session, which names a
/// key. From there on all is as if that key's own client had asked: its rates, its budgets, its books.
pub(in crate::http::pages) async fn of_page<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match charged(request.request()).await {
        Ok(caller) => auth::note_page(request.request(), caller),
        Err(error) => return Ok(request.error_response(error)),
    }
    let mut response = next.call(request).await?.map_into_boxed_body();
    for cookie in take_cookies(response.request()) {
        response.response_mut().add_cookie(&cookie)?;
    }
    Ok(response)
}

/// The key that the session asks in the name of: an administrator's any, others' their own. None with a bearer key.
async fn charged(request: &HttpRequest) -> Result<Option<Caller>, ApiError> {
    if auth::bearer_token(request).is_some() {
        return Ok(None);
    }
    let state = request.app_data::<web::Data<State>>().ok_or_else(ApiError::no_key)?;
    let Identity { visitor, caller: own } = by_session(request, state).await?;
    if !is_from_here(request) || !is_ours(header(request, FORM_TOKEN), request, state) {
        return Err(ApiError::form_forged());
    }
    let wanted = header(request, KEY);
    let caller = match own {
        Some(own) if own.public_id == wanted => own,
        Some(own) if !own.scopes.contains(Scope::Admin) => return Err(Refused::Scope(Scope::Admin).into()),
        _ => {
            let found = state.service.recognise_named(wanted.to_owned()).await?;
            auth::admitted(found, wanted).ok_or_else(not_usable)?
        }
    };
    tracing::debug!(key = caller.public_id, by = visitor.actor(), "a session asks in the name of a key");
    Ok(Some(caller))
}

/// Whether the browser says that a page of this server asks; older ones say nothing.
fn is_from_here(request: &HttpRequest) -> bool {
    request.headers().get(FETCH_SITE).is_none_or(|site| site == "same-origin")
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn not_usable() -> ApiError {
    let message = "X-Tintype-Key names no active key. Choose another one.";
    ApiError::invalid("X-Tintype-Key", message)
}
