use actix_web::{
    HttpMessage, HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
};

use crate::http::State;

/// The session of a browser that has signed in.
pub(super) const SESSION: CookieName =
    CookieName { plain: "tintype_session", secured: "__Host-tintype_session" };
/// What a form's token is bound to before there is a session.
pub(super) const VISITOR: CookieName =
    CookieName { plain: "tintype_visitor", secured: "__Host-tintype_visitor" };
/// The language that a visitor chose.
pub(super) const LANGUAGE: &str = "tintype_language";
/// The colours that a visitor chose.
pub(super) const THEME: &str = "tintype_theme";

/// A cookie's name. Over TLS it has the prefix that no other host, subdomains included, can write (RFC 6265bis, 4.1.3).
#[derive(Debug, Clone, Copy)]
pub(super) struct CookieName {
    plain: &'static str,
    secured: &'static str,
}

/// Cookies that the answer to a request is to set.
#[derive(Default)]
struct Cookies(Vec<Cookie<'static>>);

impl CookieName {
    /// Returns the name under which the browser that sent `request` keeps the cookie.
    pub(super) fn for_request(self, request: &HttpRequest, state: &State) -> &'static str {
        if state.address.is_https(request) { self.secured } else { self.plain }
    }
}

/// Returns a cookie for all pages, out of reach of scripts and of other sites' requests. Without an age it ends with the
/// browser.
pub(super) fn cookie(
    name: &'static str,
    value: String,
    age: Option<Duration>,
    request: &HttpRequest,
    state: &State,
) -> Cookie<'static> {
    let is_https = state.address.is_https(request);
    let cookie = Cookie::build(name, value).path("/").http_only(true).secure(is_https);
    let cookie = cookie.same_site(SameSite::Strict);
    match age {
        Some(age) => cookie.max_age(age).finish(),
        None => cookie.finish(),
    }
}

/// Adds `cookie` to the answer to `request`. A later cookie replaces an earlier one of the same name.
pub(super) fn set_cookie(request: &HttpRequest, cookie: Cookie<'static>) {
    let mut extensions = request.extensions_mut();
    match extensions.get_mut::<Cookies>() {
        Some(cookies) => {
            cookies.0.retain(|other| other.name() != cookie.name());
            cookies.0.push(cookie);
        }
        None => {
            extensions.insert(Cookies(vec![cookie]));
        }
    }
}

/// Takes the cookies that the answer to `request` is to set.
pub(super) fn take_cookies(request: &HttpRequest) -> Vec<Cookie<'static>> {
    request.extensions_mut().remove::<Cookies>().unwrap_or_default().0
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_later_cookie_replaces_an_earlier_one_of_its_name() {
        let request = TestRequest::default().to_http_request();
        for value in ["one", "two"] {
            set_cookie(&request, Cookie::new("name", value));
        }
        let cookies = take_cookies(&request);
        assert_eq!(cookies.iter().map(Cookie::value).collect::<Vec<_>>(), ["two"]);
        assert!(take_cookies(&request).is_empty());
    }
}
