//! Signing in, and who has: a signed cookie that is short and renewed, over a row that can be ended at once.

mod agent;
mod attempts;
mod list;
mod secret;
mod sign_in;

use actix_web::{HttpRequest, cookie, http::header, web};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;

use self::secret::Claims;
pub use self::{attempts::Attempts, secret::SessionSecret};
pub(super) use self::{
    list::{end, end_all, show as show_list},
    sign_in::{form, sign_in, sign_out},
};
use super::frame::{CookieName, Visit, Visitor, cookie as page_cookie, posted, set_cookie};
use crate::{
    domain::{Caller, Scope},
    http::{State, auth, error::ApiError},
    ledger::{KeyRefusal, LedgerError, SessionRow},
};

/// The session's cookie.
const COOKIE: CookieName = CookieName { plain: "tintype_session", secured: "__Host-tintype_session" };
/// How long a session lasts whatever its use: a working day.
const LIFETIME: SignedDuration = SignedDuration::from_hours(12);
/// How old a cookie is before it is signed anew. Each time costs a write to the disk.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_mins(1);

/// What the ledger says of a session.
enum Standing {
    /// It was opened with a password or a link, and holds.
    Operator,
    /// It was opened with a key that holds too.
    OfKey(Box<Caller>),
    /// It was ended, is too old, or was never there.
    Over,
    /// Its key opens nothing any more.
    KeyRefused(String, KeyRefusal),
}

/// Lets a caller with the admin scope in: by bearer key where there is an Authorization header, else by session. A browser
/// without one is sent to sign in by [`super::frame::attend`].
pub(in crate::http) async fn enter(request: &HttpRequest, state: &State) -> Result<Visit, ApiError> {
    if request.headers().contains_key(header::AUTHORIZATION) {
        let Caller { public_id, .. } = auth::caller(request, state, Scope::Admin).await?;
        return Ok(Visit::new(request, state, Visitor::Key { public_id }));
    }
    let found = request.cookie(COOKIE.get(state)).ok_or_else(ApiError::no_key)?;
    let now = state.service.now();
    let claims = state.session_secret.open(found.value(), now).ok_or_else(ApiError::invalid_key)?;
    let key = match standing(&claims, state, now).await? {
        Standing::Operator => None,
        Standing::OfKey(caller) => {
            state.service.door().check(&caller, Scope::Admin)?;
            Some(caller.public_id)
        }
        Standing::Over => return Err(ApiError::invalid_key()),
        Standing::KeyRefused(public_id, refusal) => {
            let _: Option<Caller> = auth::admitted(Err(refusal), &public_id);
            return Err(ApiError::invalid_key());
        }
    };
    renew(&claims, request, state, now).await?;
    Ok(Visit::new(request, state, Visitor::Session { id: claims.sub, key }))
}

/// The same for what a form of a page brought.
pub(in crate::http) async fn enter_with<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    state: &State,
) -> Result<(Visit, T), ApiError> {
    let visit = enter(request, state).await?;
    Ok((visit, posted(request, payload, state).await?))
}

/// The session that a request's cookie names, signed by us and not yet too old. It may have been ended.
pub(super) fn id_in_cookie(request: &HttpRequest, state: &State) -> Option<String> {
    let cookie = request.cookie(COOKIE.get(state))?;
    Some(state.session_secret.open(cookie.value(), state.service.now())?.sub)
}

/// Asked anew each time, so that an ended session and a revoked key's end at once.
async fn standing(claims: &Claims, state: &State, now: Timestamp) -> Result<Standing, ApiError> {
    let id = claims.sub.clone();
    let standing = state.service.ask_ledger(move |ledger| {
        let Some(session) = ledger.session(&id)?.filter(|session| is_open(session, now)) else {
            return Ok::<_, LedgerError>(Standing::Over);
        };
        let Some(public_id) = session.key else { return Ok(Standing::Operator) };
        Ok(match ledger.caller(&public_id, session.opened_at, now)? {
            Ok(caller) => Standing::OfKey(Box::new(caller)),
            Err(refusal) => Standing::KeyRefused(public_id, refusal),
        })
    });
    Ok(standing.await?)
}

fn is_open(session: &SessionRow, now: Timestamp) -> bool {
    session.ended_at.is_none() && now.duration_since(session.opened_at) < LIFETIME
}

/// Signs the cookie anew and notes the use.
async fn renew(
    claims: &Claims,
    request: &HttpRequest,
    state: &State,
    now: Timestamp,
) -> Result<(), ApiError> {
    if now.as_second() - claims.iat < RENEWED_AFTER.as_secs() {
        return Ok(());
    }
    let id = claims.sub.clone();
    state.service.ask_ledger(move |ledger| ledger.note_session_use(&id, now)).await?;
    give_cookie(&claims.sub, request, state, now)
}

/// Has the answer carry the cookie of session `id`.
fn give_cookie(id: &str, request: &HttpRequest, state: &State, now: Timestamp) -> Result<(), ApiError> {
    let token = state.session_secret.seal(id, now)?;
    let age = cookie::time::Duration::seconds(secret::IDLE.as_secs());
    set_cookie(request, page_cookie(COOKIE.get(state), token, Some(age), state));
    Ok(())
}

/// Has the browser forget its session.
fn take_cookie(request: &HttpRequest, state: &State) {
    let gone = page_cookie(COOKIE.get(state), String::new(), Some(cookie::time::Duration::ZERO), state);
    set_cookie(request, gone);
}
