//! Signing in and sessions: a short-lived signed cookie over a row of the ledger, which can be ended at once.

mod agent;
mod attempts;
mod list;
mod of_page;
mod sign_in;

use actix_web::{HttpRequest, cookie::time::Duration, web};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;

pub use self::attempts::Attempts;
pub(super) use self::{
    list::{end, end_all, show as show_list},
    of_page::of_page,
    sign_in::{form, sign_in, sign_out},
};
use super::{
    cookies::{SESSION, cookie, set_cookie},
    forms::posted_with_file,
    frame::{Visit, Visitor},
    signing::{Claims, IDLE},
};
use crate::{
    domain::{Caller, Scope, Scopes},
    http::{
        State,
        api::{auth, error::ApiError},
    },
    ledger::{KeyRefusal, LedgerError, SessionRow},
};

/// How long a session lasts whatever its use: a working day.
const LIFETIME: SignedDuration = SignedDuration::from_hours(12);
/// The age at which a cookie is signed again. Each time costs a write to the disk.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_mins(1);

/// Who sent a request.
struct Identity {
    visitor: Visitor,
    /// The key that was sent, or that opened the session; none: the operator's password or a link opened it.
    caller: Option<Caller>,
}

/// What the ledger says of a session.
enum SessionStanding {
    /// It was opened with a password or a link, and holds.
    Operator,
    /// It was opened with a key that holds too.
    OfKey(Box<Caller>),
    /// It was ended, is too old, or was never there.
    Over,
    /// Its key opens nothing any more.
    KeyRefused(String, KeyRefusal),
}

/// Lets a caller with `scope` in: by bearer key if there is one, else by session. A browser without either is sent to
/// sign in by [`super::attend`]. A session that the password or a link opened has every scope.
pub(in crate::http) async fn enter(
    request: &HttpRequest,
    state: &State,
    scope: Scope,
) -> Result<Visit, ApiError> {
    if let Some(caller) = identify(request, state).await?.caller {
        auth::admit(request, state, &caller, scope).await?;
    }
    Ok(with_examples(Visit::new(request, state), state).await)
}

/// Returns the visit to a page that is open to everybody.
pub(in crate::http) async fn visit(request: &HttpRequest, state: &State) -> Visit {
    // Whoever is not signed in is a stranger there.
    let _: Result<Identity, ApiError> = identify(request, state).await;
    with_examples(Visit::new(request, state), state).await
}

/// The same visit to a page that says whether its figures are the example's.
async fn with_examples(mut visit: Visit, state: &State) -> Visit {
    if visit.wants_page && visit.may_read() {
        match state.service.example_figures().await {
            Ok(figures) => visit.example_figures = figures,
            Err(error) => tracing::warn!(%error, "the ledger does not say whether figures are the example's"),
        }
    }
    visit
}

/// Lets an administrator in who sends a form, and returns what the form brought.
pub(in crate::http) async fn enter_with<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    state: &State,
) -> Result<(Visit, T), ApiError> {
    let visit = enter(request, state, Scope::Admin).await?;
    Ok((visit, posted_with_file(request, payload, state).await?))
}

/// Finds out who sent `request`, whatever they may do.
async fn identify(request: &HttpRequest, state: &State) -> Result<Identity, ApiError> {
    let identity = match auth::bearer_token(request) {
        Some(token) => by_key(token, state).await?,
        None => by_session(request, state).await?,
    };
    let scopes = identity.caller.as_ref().map_or(Scopes::ALL, |caller| caller.scopes);
    Visit::identify(request, identity.visitor.clone(), scopes);
    Ok(identity)
}

async fn by_key(token: &str, state: &State) -> Result<Identity, ApiError> {
    let caller = auth::by_key(token, state).await?.ok_or_else(ApiError::invalid_key)?;
    Ok(Identity { visitor: Visitor::Key { public_id: caller.public_id.clone() }, caller: Some(caller) })
}

async fn by_session(request: &HttpRequest, state: &State) -> Result<Identity, ApiError> {
    let found = request.cookie(SESSION.for_request(request, state)).ok_or_else(ApiError::no_key)?;
    let now = state.service.now();
    let claims = state.session_secret.open(found.value(), now).ok_or_else(ApiError::invalid_key)?;
    let caller = match standing(&claims, state, now).await? {
        SessionStanding::Operator => None,
        SessionStanding::OfKey(caller) => Some(*caller),
        SessionStanding::Over => return Err(ApiError::invalid_key()),
        SessionStanding::KeyRefused(public_id, refusal) => {
            let _: Option<Caller> = auth::admitted(Err(refusal), &public_id);
            return Err(ApiError::invalid_key());
        }
    };
    renew(&claims, request, state, now).await?;
    let key = caller.as_ref().map(|caller| caller.public_id.clone());
    Ok(Identity { visitor: Visitor::Session { id: claims.sub, key }, caller })
}

/// Asked again each time, so that an ended session and a revoked key's end at once.
async fn standing(claims: &Claims, state: &State, now: Timestamp) -> Result<SessionStanding, ApiError> {
    let id = claims.sub.clone();
    let standing = state.service.ask_ledger(move |ledger| {
        let Some(session) = ledger.session(&id)?.filter(|session| is_open(session, now)) else {
            return Ok::<_, LedgerError>(SessionStanding::Over);
        };
        let Some(public_id) = session.key else { return Ok(SessionStanding::Operator) };
        Ok(match ledger.caller(&public_id, session.key_secret, now)? {
            Ok(caller) => SessionStanding::OfKey(Box::new(caller)),
            Err(refusal) => SessionStanding::KeyRefused(public_id, refusal),
        })
    });
    Ok(standing.await?)
}

fn is_open(session: &SessionRow, now: Timestamp) -> bool {
    session.ended_at.is_none() && now.duration_since(session.opened_at) < LIFETIME
}

/// Signs the cookie again and notes the use.
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
    let age = Duration::seconds(IDLE.as_secs());
    set_cookie(request, cookie(SESSION.for_request(request, state), token, Some(age), request, state));
    Ok(())
}

/// Has the browser forget its session.
fn take_cookie(request: &HttpRequest, state: &State) {
    let name = SESSION.for_request(request, state);
    set_cookie(request, cookie(name, String::new(), Some(Duration::ZERO), request, state));
}
