use actix_web::{
    HttpMessage, HttpRequest,
    http::{Method, header},
};

use super::words::Words;
use crate::{
    domain::{Scope, Scopes},
    http::{
        State,
        pages::{
            cookies, forms,
            places::{Section, section_of},
        },
    },
    service::ExampleFigures,
};

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
    /// A script with a key.
    Key {
        /// The key's public id.
        public_id: String,
    },
}

/// Who a request was found to come from. Kept with it, so that a refusal's page knows it too.
#[derive(Debug, Clone)]
struct Identified {
    visitor: Visitor,
    scopes: Scopes,
}

/// A request to a page: who sent it, in which language and colours, and what its forms must bring back.
#[derive(Debug, Clone)]
pub(in crate::http) struct Visit {
    pub(in crate::http) words: Words,
    pub(in crate::http) visitor: Visitor,
    scopes: Scopes,
    /// Whether a page is wanted, not JSON.
    pub(in crate::http) wants_page: bool,
    /// What is still counted with the example's figures.
    pub(in crate::http) example_figures: ExampleFigures,
    pub(super) theme: Theme,
    here: String,
    form_token: String,
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
        request.cookie(cookies::THEME).and_then(|cookie| Self::from_name(cookie.value())).unwrap_or_default()
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

    /// The public id of the visitor's key; none for an operator without one, and for strangers.
    pub(in crate::http) fn key(&self) -> Option<&str> {
        match self {
            Self::Session { key: Some(public_id), .. } | Self::Key { public_id } => Some(public_id),
            Self::Session { key: None, .. } | Self::Stranger => None,
        }
    }
}

impl Visit {
    /// Notes who sent `request`.
    pub(in crate::http) fn identify(request: &HttpRequest, visitor: Visitor, scopes: Scopes) {
        request.extensions_mut().insert(Identified { visitor, scopes });
    }

    /// The visit that `request` is. A browser's first one gets a name, which its forms' tokens are bound to.
    pub(in crate::http) fn new(request: &HttpRequest, state: &State) -> Self {
        let found = request.extensions().get::<Identified>().cloned();
        let Identified { visitor, scopes } =
            found.unwrap_or(Identified { visitor: Visitor::Stranger, scopes: Scopes::default() });
        let here = match *request.method() {
            Method::GET | Method::HEAD => request.uri().path_and_query().map_or("/", |here| here.as_str()),
            // What a form was sent to may be no page.
            _ => section_of(request.path()).1,
        };
        Self {
            words: Words::of(request),
            wants_page: wants_page(request),
            example_figures: ExampleFigures::default(),
            theme: Theme::of(request),
            here: here.to_owned(),
            form_token: forms::form_token(request, state),
            visitor,
            scopes,
        }
    }

    /// Whether the visitor may change keys, jobs and sessions, and see everyone's images.
    pub(in crate::http) const fn may_administer(&self) -> bool {
        self.scopes.contains(Scope::Admin)
    }

    /// Whether the visitor may read the operator's pages.
    pub(in crate::http) const fn may_read(&self) -> bool {
        self.scopes.contains(Scope::Costs) || self.scopes.contains(Scope::Admin)
    }

    /// Whether the visitor may open pages of `section`.
    pub(in crate::http) fn may_open(&self, section: Section) -> bool {
        match section {
            Section::Playground | Section::Reference => true,
            // An operator has everybody's.
            Section::OwnGallery => {
                self.scopes.contains(Scope::Images) && self.visitor.key().is_some() && !self.may_administer()
            }
            _ => self.may_read(),
        }
    }

    /// What a form must bring back as `form_token`.
    pub(in crate::http) fn form_token(&self) -> &str {
        &self.form_token
    }

    /// The page's own path and query; on the answer to a form, the place of the navigation that it lies in.
    pub(in crate::http) fn here(&self) -> &str {
        &self.here
    }

    /// Whether the visitor has signed in, or sent a key.
    pub(in crate::http) fn is_signed_in(&self) -> bool {
        self.visitor != Visitor::Stranger
    }

    /// The session's id, if a browser has signed in.
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
