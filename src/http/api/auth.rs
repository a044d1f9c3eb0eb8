use actix_web::{HttpMessage, HttpRequest, http::header};

use super::{error::ApiError, rates::Standings};
use crate::{
    domain::{ApiKey, Caller, Scope},
    http::State,
    ledger::KeyRefusal,
};

/// That a page of this server asks, and in the name of which key if the browser's session says so.
struct OfPage {
    charged: Option<Caller>,
}

/// Notes that a page asks; in the name of `charged`, or of a bearer key as every client does.
pub(in crate::http) fn note_page(request: &HttpRequest, charged: Option<Caller>) {
    request.extensions_mut().insert(OfPage { charged });
}

/// Whether a page of this server asks.
pub(super) fn is_of_page(request: &HttpRequest) -> bool {
    request.extensions().contains::<OfPage>()
}

/// The caller behind `Authorization: Bearer`, or the one that a page's session was let in for, with `scope`, within its rate
/// limit. Called before any body is read.
pub(in crate::http) async fn caller(
    request: &HttpRequest,
    state: &State,
    scope: Scope,
) -> Result<Caller, ApiError> {
    let charged = request.extensions().get::<OfPage>().and_then(|page| page.charged.clone());
    let caller = match charged {
        Some(caller) => caller,
        None => {
            let token = bearer_token(request).ok_or_else(ApiError::no_key)?;
            by_key(token, state).await?.ok_or_else(ApiError::invalid_key)?
        }
    };
    admit(request, state, &caller, scope).await?;
    Ok(caller)
}

/// Refuses a caller without `scope`, or beyond its rate limit.
pub(in crate::http) async fn admit(
    request: &HttpRequest,
    state: &State,
    caller: &Caller,
    scope: Scope,
) -> Result<(), ApiError> {
    let checked = state.service.check_at_door(caller, scope).await?;
    Standings::note_requests(&mut request.extensions_mut(), &checked);
    checked?;
    Ok(())
}

/// Returns the text behind `Authorization: Bearer`. Other schemes are for proxies in front, which let the header through.
pub(in crate::http) fn bearer_token(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The caller behind a key's text, if it is valid.
pub(in crate::http) async fn by_key(text: &str, state: &State) -> Result<Option<Caller>, ApiError> {
    let Ok(key) = text.parse::<ApiKey>() else {
        tracing::info!("a key of the wrong form was refused");
        return Ok(None);
    };
    let public_id = key.public_id().to_owned();
    Ok(admitted(state.service.recognise(key).await?, &public_id))
}

/// Which way a key was refused stays in the log.
pub(in crate::http) fn admitted(caller: Result<Caller, KeyRefusal>, public_id: &str) -> Option<Caller> {
    caller.inspect_err(|refusal| tracing::info!(key = public_id, "a key was refused: {refusal}")).ok()
}
