use actix_web::{HttpMessage, HttpRequest, http::header};

use super::{State, error::ApiError, rates::Standings};
use crate::{
    domain::{ApiKey, Caller, Scope},
    ledger::KeyRefusal,
};

/// The caller behind `Authorization: Bearer`, with `scope`, within its rate limit. Called before any body is read.
pub(super) async fn caller(request: &HttpRequest, state: &State, scope: Scope) -> Result<Caller, ApiError> {
    let header = request.headers().get(header::AUTHORIZATION).ok_or_else(ApiError::no_key)?;
    let token = header.to_str().ok().and_then(|text| text.split_once(' '));
    let (_, token) =
        token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).ok_or_else(ApiError::no_key)?;
    let caller = by_key(token.trim(), state)?.ok_or_else(ApiError::invalid_key)?;
    let checked = state.service.door().check(&caller, scope);
    Standings::note_requests(&mut request.extensions_mut(), &checked);
    checked?;
    Ok(caller)
}

/// The caller behind a key's text, where it is valid.
pub(super) fn by_key(text: &str, state: &State) -> Result<Option<Caller>, ApiError> {
    let Ok(key) = text.parse::<ApiKey>() else {
        tracing::info!("a key of the wrong form was refused");
        return Ok(None);
    };
    Ok(admitted(state.service.recognise(&key)?, key.public_id()))
}

/// Which way a key was refused stays in the log.
pub(super) fn admitted(caller: Result<Caller, KeyRefusal>, public_id: &str) -> Option<Caller> {
    caller.inspect_err(|refusal| tracing::info!(key = public_id, "a key was refused: {refusal}")).ok()
}
