//! A browser without a screen: it keeps cookies, and sends the forms of the pages that it was shown.

use std::collections::BTreeMap;

use crate::{
    client::{Request, Response},
    server::TestServer,
};

const ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

pub struct Browser<'a> {
    server: &'a TestServer,
    cookies: BTreeMap<String, String>,
    /// What forms bring back, from the page that was shown last.
    form_token: String,
    /// Sent with every request, as a proxy in front would.
    headers: Vec<(&'static str, String)>,
}

impl<'a> Browser<'a> {
    pub fn new(server: &'a TestServer) -> Self {
        Self { server, cookies: BTreeMap::new(), form_token: String::new(), headers: Vec::new() }
    }

    /// The same behind a proxy that adds the header `name`.
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// One that has signed in with the first key.
    pub fn signed_in(server: &'a TestServer) -> Self {
        let mut browser = Self::new(server);
        assert_eq!(browser.sign_in(&server.key).status, 303);
        browser
    }

    pub fn open(&mut self, path: &str) -> Response {
        let request = self.server.get(path);
        self.send(request, String::new())
    }

    /// Sends a form of the page that was shown last.
    pub fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let mut fields: Vec<_> = fields.to_vec();
        let token = self.form_token.clone();
        fields.extend([("form_token", token.as_str()), ("back", "/admin/costs")]);
        self.submit_only(path, &fields)
    }

    /// Sends these fields and no token.
    pub fn submit_only(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let encode = |text: &str| text.replace('%', "%25").replace('&', "%26").replace('+', "%2B");
        let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let request = self.server.post(path).header("content-type", "application/x-www-form-urlencoded");
        self.send(request, body.join("&"))
    }

    /// Opens the page and types `secret`, a key or a password.
    pub fn sign_in(&mut self, secret: &str) -> Response {
        self.open("/admin/sign-in");
        self.submit("/admin/sign-in", &[("secret", secret)])
    }

    pub fn cookie(&self, name: &str) -> Option<&String> {
        self.cookies.get(name)
    }

    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    fn send(&mut self, request: Request, body: String) -> Response {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header("accept", ACCEPT).header("cookie", &cookies.join("; "));
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let response = request.send(body);
        for set in response.headers.get_all("set-cookie") {
            let set = set.to_str().expect("text");
            let (name, value) =
                set.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            if set.contains("Max-Age=0") {
                self.cookies.remove(name)
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned())
            };
        }
        if let Some((_, rest)) = response.text.split_once("name=\"form_token\" value=\"") {
            self.form_token = rest.split('"').next().expect("a value").to_owned();
        }
        response
    }
}

/// The whole `Set-Cookie` of the cookie `name`.
pub fn set_cookie(response: &Response, name: &str) -> String {
    let sets = response.headers.get_all("set-cookie").iter();
    let found = sets.map(|set| set.to_str().expect("text")).find(|set| set.starts_with(&format!("{name}=")));
    found.unwrap_or_default().to_owned()
}
