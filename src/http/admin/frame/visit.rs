use actix_web::{
    FromRequest, HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
    http::{Method, header},
    web,
};
use rand::distr::{Alphanumeric, SampleString};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::{attend::set_cookie, page::place_of, words::Words};
use crate::http::{BODY_WAIT, State, admin::session, error::ApiError};

/// Which colours a visitor chose.
pub(super) const THEME_COOKIE: &str = "tintype_theme";
/// What a form's token is bound to before there is a session.
const VISITOR_COOKIE: CookieName = CookieName { plain: "tintype_visitor", secured: "__Host-tintype_visitor" };
/// Characters of a visitor's name: 62²² is 128 bits.
const VISITOR_LEN: usize = 22;

/// A cookie's name. Behind TLS it has the prefix that no other host, subdomains included, can write (RFC 6265bis, 4.1.3).
#[derive(Debug, Clone, Copy)]
pub(in crate::http::admin) struct CookieName {
    pub(in crate::http::admin) plain: &'static str,
    pub(in crate::http::admin) secured: &'static str,
}

/// The colours of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Theme {
    /// The system's.
    #[default]
    System,
    Light,
    Dark,
}

/// Who visits a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) enum Visitor {
    /// Somebody who has not signed in, or does not have to.
    Stranger,
    /// A browser's session.
    Session {
        /// Its id.
        id: String,
        /// The public id of the key that opened it; none: a password or a link did.
        key: Option<String>,
    },
    /// A script with a key of the admin scope.
    Key {
        /// The key's public id.
        public_id: String,
    },
}

/// A request to a page: who sent it, in which language and colours, and what its forms must bring back.
#[derive(Debug, Clone)]
pub(in crate::http) struct Visit {
    pub(in crate::http) words: Words,
    pub(in crate::http) visitor: Visitor,
    /// Whether a page is wanted, not JSON.
    pub(in crate::http) wants_page: bool,
    pub(super) theme: Theme,
    here: String,
    form_token: String,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    form_token: String,
}

impl CookieName {
    pub(in crate::http::admin) fn get(self, state: &State) -> &'static str {
        if state.links.is_https() { self.secured } else { self.plain }
    }
}

impl Theme {
    pub(super) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name)
    }

    fn of(request: &HttpRequest) -> Self {
        request.cookie(THEME_COOKIE).and_then(|cookie| Self::from_name(cookie.value())).unwrap_or_default()
    }
}

impl Visitor {
    /// Who is written into logs of changes.
    pub(in crate::http) fn actor(&self) -> &str {
        match self {
            Self::Session { key: Some(public_id), .. } | Self::Key { public_id } => public_id,
            Self::Session { key: None, .. } | Self::Stranger => "operator",
        }
    }
}

impl Visit {
    /// The visit that `request` is. A browser's first one gets a name, which its forms' tokens are bound to.
    pub(in crate::http) fn new(request: &HttpRequest, state: &State, visitor: Visitor) -> Self {
        let here = match *request.method() {
            Method::GET => request.uri().path_and_query().map_or("/", |here| here.as_str()),
            // What a form was sent to may be no page.
            _ => place_of(request.path()).1,
        };
        Self {
            words: Words::of(request),
            wants_page: wants_page(request),
            theme: Theme::of(request),
            here: here.to_owned(),
            form_token: state.session_secret.form_token(&binding(request, state)),
            visitor,
        }
    }

    /// A visit to a page that is open to everybody.
    pub(in crate::http) fn of_stranger(request: &HttpRequest, state: &State) -> Self {
        Self::new(request, state, Visitor::Stranger)
    }

    /// What a form must bring back as `form_token`.
    pub(in crate::http) fn form_token(&self) -> &str {
        &self.form_token
    }

    /// The page's own path and query; on the answer to a form, the place of the navigation that it lies in.
    pub(in crate::http) fn here(&self) -> &str {
        &self.here
    }

    /// The session's id, where a browser has signed in.
    pub(in crate::http) fn session_id(&self) -> Option<&str> {
        match &self.visitor {
            Visitor::Session { id, .. } => Some(id),
            _ => None,
        }
    }
}

/// Browsers name text/html; scripts name application/json, anything, or nothing.
pub(in crate::http) fn wants_page(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    accept.contains("text/html") && !accept.contains("application/json")
}

/// Whether `place` is a path of this server: what a form may send a browser back to.
pub(in crate::http) fn is_local(place: &str) -> bool {
    let is_plain = place.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    place.starts_with('/') && !place.starts_with("//") && is_plain
}

/// What a form brought, where it is one of ours. With a bearer key there is nothing to forge, and no token is needed.
pub(in crate::http) async fn posted<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    state: &State,
) -> Result<T, ApiError> {
    let mut payload = payload.into_inner();
    let body = timeout(BODY_WAIT, String::from_request(request, &mut payload)).await;
    let body = body.map_err(|_| ApiError::body_too_slow())?.map_err(|error| ApiError::form(&error))?;
    if !request.headers().contains_key(header::AUTHORIZATION) {
        let Token { form_token } = read(&body)?;
        if !state.session_secret.is_form_token(&binding(request, state), &form_token) {
            return Err(ApiError::form_forged());
        }
    }
    read(&body)
}

/// A form's body is written as a query is.
fn read<T: DeserializeOwned>(body: &str) -> Result<T, ApiError> {
    Ok(web::Query::<T>::from_query(body).map_err(|error| ApiError::form(&error))?.into_inner())
}

/// What this browser's form tokens are bound to: its session, else the name that it was given.
fn binding(request: &HttpRequest, state: &State) -> String {
    if let Some(id) = session::id_in_cookie(request, state) {
        return format!("session {id}");
    }
    let name = match request.cookie(VISITOR_COOKIE.get(state)) {
        Some(cookie) if cookie.value().len() == VISITOR_LEN => cookie.value().to_owned(),
        _ => {
            let name = Alphanumeric.sample_string(&mut rand::rng(), VISITOR_LEN);
            set_cookie(request, cookie(VISITOR_COOKIE.get(state), name.clone(), None, state));
            name
        }
    };
    format!("visitor {name}")
}

/// A cookie for all pages: out of reach of scripts and of other sites' requests. Without an age it ends with the browser.
pub(in crate::http::admin) fn cookie(
    name: &'static str,
    value: String,
    age: Option<Duration>,
    state: &State,
) -> Cookie<'static> {
    let cookie = Cookie::build(name, value).path("/").http_only(true).secure(state.links.is_https());
    let cookie = cookie.same_site(SameSite::Strict);
    match age {
        Some(age) => cookie.max_age(age).finish(),
        None => cookie.finish(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_this_server_is_gone_back_to() {
        for place in ["/admin/costs", "/admin/costs?month=2026-11&by=key", "/"] {
            assert!(is_local(place), "{place}");
        }
        for place in
            ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb", "/a b", "/é"]
        {
            assert!(!is_local(place), "{place}");
        }
    }
}
