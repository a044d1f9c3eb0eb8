use actix_web::{HttpRequest, http::header};

use super::{State, error::ApiError};
use crate::domain::{ApiKey, Caller, Scope};

/// The caller behind `Authorization: Bearer`, with `scope`, within its rate limit. Called before any body is read.
pub(super) async fn caller(request: &HttpRequest, state: &State, scope: Scope) -> Result<Caller, ApiError> {
    let header = request.headers().get(header::AUTHORIZATION).ok_or_else(ApiError::no_key)?;
    let token = header.to_str().ok().and_then(|text| text.split_once(' '));
    let (_, token) =
        token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).ok_or_else(ApiError::no_key)?;
    let caller = by_key(token.trim(), state).await?.ok_or_else(ApiError::invalid_key)?;
    state.door.check(&caller, scope)?;
    Ok(caller)
}

/// The caller behind a key's text, where it is valid.
pub(super) async fn by_key(text: &str, state: &State) -> Result<Option<Caller>, ApiError> {
    let Ok(key) = text.parse::<ApiKey>() else {
        tracing::info!("a key of the wrong form was refused");
        return Ok(None);
    };
    let public_id = key.public_id().to_owned();
    let caller = state.service.ask_ledger(move |ledger| ledger.authenticate(&key)).await?;
    if caller.is_none() {
        tracing::info!(key = public_id, "a key was refused: unknown, wrong or revoked");
    }
    Ok(caller)
}
