use std::{borrow::Cow, sync::LazyLock};

use actix_web::{
    HttpRequest,
    http::header::{AcceptLanguage, Header},
};
use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};

use crate::{domain::Quality, http::pages::cookies, units::grouped};

/// A value in a message: a text, or a whole number, which chooses the plural and is written in groups.
pub(in crate::http) type Value<'a> = FluentValue<'a>;

/// A language that the pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Language {
    English,
    Chinese,
}

/// The words of the pages in one language: `words.say("sign-in")`, `words.format("sessions-count", &[("count", n.into())])`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Words(pub(super) Language);

/// A file of messages in every language, in the order of [`Language::ALL`].
type Messages = [&'static str; 2];

macro_rules! messages {
    ($($page:literal),* $(,)?) => {
        /// Every file of messages. A page has one of its own.
        const MESSAGES: &[Messages] = &[$([
            include_str!(concat!("../../", $page, "/en.ftl")),
            include_str!(concat!("../../", $page, "/zh-CN.ftl")),
        ]),*];
    };
}

messages!(
    "frame",
    "session",
    "centres",
    "costs",
    "roi",
    "keys",
    "jobs",
    "nodes",
    "batches",
    "webhooks",
    "purchases",
    "playground",
    "receipts",
    "reference",
    "settings",
    "gallery",
    "welcome"
);

static BUNDLES: LazyLock<[FluentBundle<FluentResource>; 2]> =
    LazyLock::new(|| Language::ALL.map(|language| language.bundle()));

impl Language {
    pub(super) const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// The tag of BCP 47, as in `<html lang>`.
    pub(in crate::http) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// What its speakers call it.
    pub(super) const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Chinese => "中文",
        }
    }

    pub(super) fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// The language that a visitor chose, else the one that the browser prefers, else English.
    fn of(request: &HttpRequest) -> Self {
        let chosen = request.cookie(cookies::LANGUAGE).and_then(|cookie| Self::from_tag(cookie.value()));
        chosen.or_else(|| Self::preferred(&AcceptLanguage::parse(request).ok()?)).unwrap_or(Self::English)
    }

    /// The first of a browser's languages that the pages speak. Any Chinese is better served by ours than by English.
    fn preferred(accepted: &AcceptLanguage) -> Option<Self> {
        let ranked = accepted.ranked();
        let mut tags = ranked.iter().filter_map(|preference| preference.item());
        tags.find_map(|tag| match tag.primary_language() {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            _ => None,
        })
    }

    const fn index(self) -> usize {
        match self {
            Self::English => 0,
            Self::Chinese => 1,
        }
    }

    fn bundle(self) -> FluentBundle<FluentResource> {
        let mut bundle = FluentBundle::new_concurrent(vec![self.tag().parse().unwrap_or_default()]);
        // Marks around what is put in are for mixed directions, which neither language has; they would be in the figures.
        bundle.set_use_isolating(false);
        bundle.set_formatter(Some(|value, _| match value {
            FluentValue::Number(number) => Some(grouped(&number.as_string())),
            _ => None,
        }));
        for messages in MESSAGES {
            // What cannot be read is left out and then said by its key; a test reads every file.
            let resource = FluentResource::try_new(messages[self.index()].to_owned());
            bundle.add_resource_overriding(resource.unwrap_or_else(|(readable, _)| readable));
        }
        bundle
    }
}

impl Words {
    /// The words for whoever sent `request`.
    pub(in crate::http) fn of(request: &HttpRequest) -> Self {
        Self(Language::of(request))
    }

    /// Their language.
    pub(in crate::http) const fn language(self) -> Language {
        self.0
    }

    /// The message under `key`.
    pub(in crate::http) fn say(self, key: &str) -> Cow<'static, str> {
        self.message(key, None)
    }

    /// What a quality is called.
    pub(in crate::http) fn quality(self, quality: Quality) -> Cow<'static, str> {
        self.say(match quality {
            Quality::Low => "quality-low",
            Quality::Medium => "quality-medium",
            Quality::High => "quality-high",
            Quality::Xhigh => "quality-xhigh",
            Quality::Max => "quality-max",
        })
    }

    /// The message under `key` with values for its variables.
    pub(in crate::http) fn format(self, key: &str, values: &[(&str, Value<'_>)]) -> String {
        let mut args = FluentArgs::with_capacity(values.len());
        for (name, value) in values {
            args.set(*name, value.clone());
        }
        self.message(key, Some(&args)).into_owned()
    }

    /// A key without a message is said itself: a page with a hole is better than none.
    fn message(self, key: &str, args: Option<&FluentArgs<'_>>) -> Cow<'static, str> {
        let bundle: &'static FluentBundle<FluentResource> = &BUNDLES[self.0.index()];
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            tracing::error!(key, language = self.0.tag(), "a page has no words for this");
            return key.to_owned().into();
        };
        let mut faults = Vec::new();
        let text = bundle.format_pattern(pattern, args, &mut faults).into_owned();
        if !faults.is_empty() {
            tracing::error!(key, ?faults, "a page's words lack a value");
        }
        text.into()
    }
}

#[cfg(test)]
impl Words {
    pub(in crate::http) const ENGLISH: Self = Self(Language::English);
    pub(in crate::http) const CHINESE: Self = Self(Language::Chinese);
}

#[cfg(test)]
mod tests;
