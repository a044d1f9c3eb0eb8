use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    assets::asset,
    parts::fields,
    visit::{Theme, Visit},
    words::Language,
};
use crate::http::pages::places::{HOME, NAVIGATION, Section};

/// Nothing from elsewhere, nothing inline, no frame. Images may be shown from memory: the API sends them to scripts.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What the pages call themselves.
const NAME: &str = "Tintype";

/// A half-lit disc.
const DISPLAY_ICON: PreEscaped<&str> = PreEscaped(
    "<svg viewBox=\"0 0 20 20\" width=\"18\" height=\"18\" aria-hidden=\"true\"><circle cx=\"10\" cy=\"10\" r=\"7\" \
     fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.6\"/><path d=\"M10 3a7 7 0 0 1 0 14z\" \
     fill=\"currentColor\"/></svg>",
);

/// A page around a body: `Page::new(&visit, Section::Keys, &title).script("keys.js").show(&body)`. The body has the page's
/// only `h1`.
#[derive(Debug)]
#[must_use = "a page is shown by `show`"]
pub(in crate::http) struct Page<'a> {
    visit: &'a Visit,
    section: Section,
    title: &'a str,
    status: StatusCode,
    is_narrow: bool,
    sheets: Vec<&'static str>,
    scripts: Vec<&'static str>,
}

impl<'a> Page<'a> {
    /// A page called `title`.
    pub(in crate::http) fn new(visit: &'a Visit, section: Section, title: &'a str) -> Self {
        let (status, sheets) = (StatusCode::OK, vec!["style.css"]);
        Self { visit, section, title, status, is_narrow: false, sheets, scripts: Vec::new() }
    }

    /// As wide as a column of text.
    pub(in crate::http) fn narrow(mut self) -> Self {
        self.is_narrow = true;
        self
    }

    /// With another status than 200.
    pub(in crate::http) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// With a style sheet of its own, a name among the assets.
    pub(in crate::http) fn sheet(mut self, name: &'static str) -> Self {
        self.sheets.push(name);
        self
    }

    /// With a script, a module's name among the assets.
    pub(in crate::http) fn script(mut self, name: &'static str) -> Self {
        self.scripts.push(name);
        self
    }

    /// The answer.
    pub(in crate::http) fn show(self, body: &Markup) -> HttpResponse {
        HttpResponse::build(self.status)
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::CONTENT_LANGUAGE, self.visit.words.language().tag()))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(self.html(body).into_string())
    }

    fn html(&self, body: &Markup) -> Markup {
        let Visit { words, theme, .. } = self.visit;
        let theme = (*theme != Theme::System).then_some(theme.name());
        html! {
            (DOCTYPE)
            html lang=(words.language().tag()) data-theme=[theme] {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content=(theme.unwrap_or("light dark"));
                    title { (self.title) @if self.title != NAME { " · " (NAME) } }
                    link rel="icon" type="image/svg+xml" href=(asset("icon.svg"));
                    @for sheet in &self.sheets { link rel="stylesheet" href=(asset(sheet)); }
                    @for script in &self.scripts { script type="module" src=(asset(script)) {} }
                    script type="module" src=(asset("keep-forms.js")) {}
                }
                body {
                    a.skip href="#content" { (words.say("skip")) }
                    header.top { (self.top()) }
                    @if self.visit.example_figures.any() && self.section != Section::Settings { (self.examples()) }
                    main id="content" tabindex="-1" class=[self.is_narrow.then_some("narrow")] { (body) }
                    footer.bottom { (words.say("footer")) }
                }
            }
        }
    }

    fn top(&self) -> Markup {
        let words = self.visit.words;
        html! {
            a.brand href=(if self.visit.may_read() { HOME } else { "/" }) {
                img src=(asset("icon.svg")) alt="" width="22" height="22";
                (NAME)
            }
            nav.places aria-label=(words.say("nav-label")) {
                @for (section, href, name) in self.navigation() {
                    a href=(href) aria-current=[(section == self.section).then_some("page")] { (words.say(name)) }
                }
            }
            div.controls {
                @if !self.visit.is_signed_in() { a.quiet href="/admin/sign-in" { (words.say("nav-sign-in")) } }
                (self.other_language())
                button.icon type="button" popovertarget="menu" aria-label=(words.say("menu")) title=(words.say("menu")) {
                    (DISPLAY_ICON)
                }
            }
            (self.menu())
        }
    }

    /// That figures are the example's, and where to enter one's own.
    fn examples(&self) -> Markup {
        let (words, figures) = (self.visit.words, self.visit.example_figures);
        let key = match (figures.hardware, figures.electricity) {
            (true, false) => "examples-hardware",
            (false, _) => "examples-electricity",
            (true, true) => "examples-both",
        };
        let section = if figures.hardware { "machine" } else { "electricity" };
        html! {
            p.examples { span { (words.say(key)) } " " a href={ "/admin/settings#" (section) } { (words.say("examples-enter")) } }
        }
    }

    /// The sections that the visitor may open.
    fn navigation(&self) -> impl Iterator<Item = (Section, &'static str, &'static str)> {
        NAVIGATION.into_iter().filter(|(section, ..)| self.visit.may_open(*section))
    }

    /// One press away on every page, in the other language's own words.
    fn other_language(&self) -> Markup {
        let here = self.visit.words.language();
        html! {
            form method="post" action="/admin/preferences" {
                (fields(self.visit))
                @for language in Language::ALL {
                    @if language != here {
                        button.quiet name="language" value=(language.tag()) lang=(language.tag()) { (language.own_name()) }
                    }
                }
            }
        }
    }

    /// Colours, and the way out.
    fn menu(&self) -> Markup {
        let words = self.visit.words;
        html! {
            div.menu id="menu" popover {
                form method="post" action="/admin/preferences" {
                    (fields(self.visit))
                    fieldset.choice {
                        legend { (words.say("theme")) }
                        @for theme in Theme::ALL {
                            button name="theme" value=(theme.name()) aria-pressed=(theme == self.visit.theme) {
                                (words.say(theme_key(theme)))
                            }
                        }
                    }
                }
                @if self.visit.session_id().is_some() {
                    a href="/admin/sessions" { (words.say("nav-sessions")) }
                    form method="post" action="/admin/sign-out" {
                        (fields(self.visit))
                        button.quiet { (words.say("sign-out")) }
                    }
                }
            }
        }
    }
}

const fn theme_key(theme: Theme) -> &'static str {
    match theme {
        Theme::System => "theme-system",
        Theme::Light => "theme-light",
        Theme::Dark => "theme-dark",
    }
}
