use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    http::header,
    web,
};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    domain::{Caller, Scope},
    http::{BODY_WAIT, State, auth, error::ApiError},
};

/// The session cookie's name.
const COOKIE: &str = "tintype_session";
/// How long a session lasts: a working day.
const SESSION_SECONDS: i64 = 12 * 3600;

/// What signs sessions: 32 random bytes, kept in the data directory. Losing it only signs everyone out.
#[derive(Clone)]
pub struct SessionSecret([u8; 32]);

impl SessionSecret {
    /// The secret `bytes`.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// The claims of a session (RFC 7519).
#[derive(Serialize, Deserialize)]
struct Claims {
    /// The public id of the key that opened it.
    sub: String,
    /// Unix seconds at which it ends.
    exp: i64,
}

impl Claims {
    /// When it was opened, to the second.
    fn opened_at(&self) -> Timestamp {
        Timestamp::from_second(self.exp - SESSION_SECONDS).unwrap_or(Timestamp::MIN)
    }
}

#[derive(Deserialize)]
pub(super) struct SignIn {
    key: String,
}

/// How a request to a page ends at its door.
pub(super) enum Entrance {
    /// The caller has the admin scope.
    Open {
        /// Whether a page is wanted, not JSON.
        wants_page: bool,
    },
    /// A browser that has not signed in is sent to do so.
    SignIn(HttpResponse),
}

/// Lets a caller with the admin scope in.
pub(super) async fn enter(request: &HttpRequest, state: &State) -> Result<Entrance, ApiError> {
    let wants_page = wants_html(request);
    let is_browser = wants_page && !request.headers().contains_key(header::AUTHORIZATION);
    match admin(request, state).await {
        Err(error) if is_browser && error.is_unauthorized() => {
            Ok(Entrance::SignIn(see_other("/admin/sign-in").finish()))
        }
        signed_in => signed_in.map(|_| Entrance::Open { wants_page }),
    }
}

/// Browsers name text/html; scripts name application/json, anything, or nothing.
fn wants_html(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    accept.contains("text/html") && !accept.contains("application/json")
}

/// A caller with the admin scope: by bearer key where there is an Authorization header, else by session.
pub(super) async fn admin(request: &HttpRequest, state: &State) -> Result<Caller, ApiError> {
    if request.headers().contains_key(header::AUTHORIZATION) {
        return auth::caller(request, state, Scope::Admin).await;
    }
    let cookie = request.cookie(COOKIE).ok_or_else(ApiError::no_key)?;
    let now = state.service.now();
    let session = open(cookie.value(), &state.session_secret, now).ok_or_else(ApiError::invalid_key)?;
    let (public_id, opened_at) = (session.sub.clone(), session.opened_at());
    // Asked anew each time, so that a revoked key ends its sessions.
    let caller = state.service.ask_ledger(move |ledger| ledger.caller(&public_id, opened_at, now)).await?;
    let caller = auth::admitted(caller, &session.sub).ok_or_else(ApiError::invalid_key)?;
    state.service.door().check(&caller, Scope::Admin)?;
    Ok(caller)
}

/// GET /admin/sign-in
pub(super) async fn form() -> HttpResponse {
    sign_in_page(None)
}

/// POST /admin/sign-in: a key with the admin scope opens a session.
pub(super) async fn sign_in(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let mut payload = payload.into_inner();
    let form = timeout(BODY_WAIT, web::Form::<SignIn>::from_request(&request, &mut payload)).await;
    let form = form.map_err(|_| ApiError::body_too_slow())?.map_err(|error| ApiError::form(&error))?;
    let caller = auth::by_key(form.key.trim(), &state).await?;
    match caller {
        Some(caller) if caller.scopes.contains(Scope::Admin) => {
            let token = seal(&caller.public_id, &state.session_secret, state.service.now())?;
            let lifetime = Duration::seconds(SESSION_SECONDS);
            let cookie = session_cookie(token, lifetime, state.links.is_https());
            Ok(see_other("/admin/costs").cookie(cookie).finish())
        }
        Some(_) => {
            Ok(sign_in_page(Some("This key has no admin scope. Make one with: tintype key create --admin")))
        }
        None => Ok(sign_in_page(Some("This key is not valid. Check that all of it was pasted."))),
    }
}

/// POST /admin/sign-out
pub(super) async fn sign_out(state: web::Data<State>) -> HttpResponse {
    let cookie = session_cookie(String::new(), Duration::ZERO, state.links.is_https());
    see_other("/admin/sign-in").cookie(cookie).finish()
}

fn see_other(place: &'static str) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((header::LOCATION, place));
    response
}

/// Out of reach of scripts and of other sites' forms, and where clients come by TLS, of anyone on the way.
fn session_cookie(token: String, max_age: Duration, is_https: bool) -> Cookie<'static> {
    Cookie::build(COOKIE, token)
        .path("/admin")
        .http_only(true)
        .secure(is_https)
        .same_site(SameSite::Strict)
        .max_age(max_age)
        .finish()
}

fn sign_in_page(problem: Option<&str>) -> HttpResponse {
    let body = maud::html! {
        h1 { "Sign in" }
        form method="post" action="/admin/sign-in" class="sign-in" {
            // Password managers want a name beside a password.
            input type="text" name="user" value="operator" autocomplete="username" hidden;
            label for="key" { "A key with the admin scope" }
            input id="key" name="key" type="password" autocomplete="current-password" placeholder="tt-…" required autofocus;
            @if let Some(problem) = problem { p class="problem" role="alert" { (problem) } }
            button { "Sign in" }
        }
        p class="note" { "The server printed its first key when it first started. More are made with "
            code { "tintype key create --admin" } "." }
    };
    super::page("Sign in", &body)
}

fn seal(public_id: &str, secret: &SessionSecret, now: Timestamp) -> Result<String, ApiError> {
    let claims = Claims { sub: public_id.to_owned(), exp: now.as_second() + SESSION_SECONDS };
    encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(&secret.0))
        .map_err(|error| ApiError::internal(&error))
}

/// The claims in `token`, where we signed it and it holds at `now`.
fn open(token: &str, secret: &SessionSecret, now: Timestamp) -> Option<Claims> {
    let mut validation = Validation::new(Algorithm::HS256);
    // The time comes from our clock, not from the library's.
    validation.validate_exp = false;
    let claims = decode::<Claims>(token, &DecodingKey::from_secret(&secret.0), &validation).ok()?.claims;
    (claims.exp > now.as_second()).then_some(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

    #[test]
    fn a_session_holds_for_its_time_under_its_secret() {
        let secret = SessionSecret::new([7; 32]);
        let token = seal("abc", &secret, NOW).expect("sealed");
        let later = |seconds| NOW + jiff::SignedDuration::from_secs(seconds);
        let holds = |token: &str, secret: &SessionSecret, now| {
            open(token, secret, now).map(|claims| (claims.opened_at(), claims.sub))
        };
        assert_eq!(holds(&token, &secret, NOW), Some((NOW, "abc".into())));
        assert_eq!(holds(&token, &secret, later(SESSION_SECONDS - 1)), Some((NOW, "abc".into())));
        assert_eq!(holds(&token, &secret, later(SESSION_SECONDS)), None);
        assert_eq!(holds(&token, &SessionSecret::new([8; 32]), NOW), None);
        assert_eq!(holds(&token[..token.len() - 2], &secret, NOW), None);
    }

    #[test]
    fn an_unsigned_token_opens_nothing() {
        // {"alg":"none"} . {"sub":"abc","exp":9999999999} .
        let forged = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhYmMiLCJleHAiOjk5OTk5OTk5OTl9.";
        assert!(open(forged, &SessionSecret::new([7; 32]), NOW).is_none());
    }
}
