//! Which of the ended jobs are shown: the query of the page's address, the form that writes it, and the way to older ones.

use jiff::{civil::Date, tz::TimeZone};
use maud::{Markup, html};
use serde::{Deserialize, Deserializer};
use url::form_urlencoded::Serializer;

use crate::{
    domain::{RequestId, Seed},
    http::{api::error::ApiError, pages::frame::Words},
    ledger::{KeyRow, RequestFilter, RequestOutcome},
};

/// The query of /admin/jobs. A field of the form that was left empty is as good as absent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::http::pages) struct JobsQuery {
    #[serde(deserialize_with = "filled")]
    before: Option<String>,
    #[serde(deserialize_with = "filled")]
    state: Option<String>,
    #[serde(deserialize_with = "filled")]
    key: Option<String>,
    #[serde(deserialize_with = "filled")]
    tag: Option<String>,
    #[serde(deserialize_with = "filled")]
    day: Option<String>,
    #[serde(deserialize_with = "filled")]
    q: Option<String>,
    #[serde(deserialize_with = "filled")]
    prompt: Option<String>,
    #[serde(deserialize_with = "filled")]
    favourite: Option<String>,
}

/// What the form of a page offers beside what every page's does.
pub(in crate::http::pages) struct FilterOffer<'a> {
    /// Where the page is.
    pub(in crate::http::pages) place: &'static str,
    /// Keys to choose from; none where only one's jobs are shown.
    pub(in crate::http::pages) keys: &'a [KeyRow],
    /// Whether prompts are kept, and may be searched.
    pub(in crate::http::pages) prompts: bool,
    /// Whether images have stars.
    pub(in crate::http::pages) stars: bool,
}

/// Characters of a prompt that is searched for.
const PROMPT_MAX: usize = 200;

fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}

impl JobsQuery {
    /// Whether it begins with the newest.
    pub(in crate::http::pages) fn is_newest(&self) -> bool {
        self.before.is_none()
    }

    /// Whether it asks for images with a star only.
    pub(in crate::http::pages) fn is_favourite(&self) -> bool {
        self.favourite.is_some()
    }

    /// What it asks the ledger for; days are those of `zone`.
    pub(in crate::http::pages) fn filter(&self, zone: &TimeZone) -> Result<RequestFilter, ApiError> {
        let before = self.before.as_deref().map(|id| {
            RequestId::from_digits(id).ok_or_else(|| refused("before", "`before` is the id of a request."))
        });
        let outcome = self.state.as_deref().map(|state| {
            state.parse::<RequestOutcome>().map_err(|error| refused("state", &format!("`state`: {error}.")))
        });
        let came = self.day.as_deref().map(|day| {
            let date = day.parse::<Date>().ok();
            let bounds = date.and_then(|date| {
                let start = zone.to_timestamp(date.into()).ok()?;
                Some((start, zone.to_timestamp(date.tomorrow().ok()?.into()).ok()?))
            });
            bounds.ok_or_else(|| refused("day", "`day` is a date such as 2026-11-29."))
        });
        if self.prompt.as_deref().is_some_and(|prompt| prompt.chars().count() > PROMPT_MAX) {
            return Err(refused("prompt", &format!("`prompt` has at most {PROMPT_MAX} characters.")));
        }
        let (id, seed) = self.q.as_deref().map_or(Ok((None, None)), id_or_seed)?;
        Ok(RequestFilter {
            before: before.transpose()?,
            id,
            seed,
            outcome: outcome.transpose()?,
            key: self.key.clone(),
            tag: self.tag.clone(),
            came: came.transpose()?,
            prompt: self.prompt.clone(),
            is_favourite: self.is_favourite(),
        })
    }

    /// The address of the page at `place` of those before `before`; of the newest if there is none.
    pub(in crate::http::pages) fn address(&self, place: &str, before: Option<RequestId>) -> String {
        let before = before.map(RequestId::to_text);
        let fields = [
            ("state", &self.state),
            ("key", &self.key),
            ("tag", &self.tag),
            ("day", &self.day),
            ("q", &self.q),
            ("prompt", &self.prompt),
            ("favourite", &self.favourite),
            ("before", &before),
        ];
        let mut query = Serializer::new(String::new());
        for (name, value) in fields {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        if query.is_empty() { place.to_owned() } else { format!("{place}?{query}") }
    }

    /// Whether it asks for some of them only.
    pub(in crate::http::pages) fn is_any(&self) -> bool {
        let fields = [&self.state, &self.key, &self.tag, &self.day, &self.q, &self.prompt, &self.favourite];
        fields.into_iter().any(Option::is_some)
    }

    /// The form that asks the page for some of them.
    pub(in crate::http::pages) fn form(&self, words: Words, offer: &FilterOffer<'_>) -> Markup {
        html! {
            form.filter method="get" action=(offer.place) role="search" aria-label=(words.say("jobs-filter")) {
                @if offer.prompts {
                    div.field {
                        label for="filter-prompt" { (words.say("jobs-prompt")) }
                        input id="filter-prompt" name="prompt" type="search" value=[self.prompt.as_deref()] maxlength=(PROMPT_MAX);
                    }
                }
                div.field {
                    label for="filter-q" { (words.say("jobs-find")) }
                    input id="filter-q" name="q" type="search" value=[self.q.as_deref()] maxlength="64";
                }
                (self.outcomes(words))
                @if !offer.keys.is_empty() { (self.keys(words, offer.keys)) }
                div.field {
                    label for="filter-tag" { (words.say("jobs-tag")) }
                    input id="filter-tag" name="tag" value=[self.tag.as_deref()] maxlength="64";
                }
                div.field {
                    label for="filter-day" { (words.say("jobs-day")) }
                    input id="filter-day" name="day" type="date" value=[self.day.as_deref()];
                }
                @if offer.stars {
                    label.check for="filter-favourite" {
                        input id="filter-favourite" name="favourite" type="checkbox" value="1" checked[self.is_favourite()];
                        (words.say("jobs-favourites"))
                    }
                }
                div.row {
                    button.second { (words.say("jobs-show")) }
                    @if self.is_any() { a href=(offer.place) { (words.say("jobs-show-all")) } }
                }
            }
        }
    }

    fn outcomes(&self, words: Words) -> Markup {
        html! {
            div.field {
                label for="filter-state" { (words.say("jobs-state")) }
                select id="filter-state" name="state" {
                    option value="" { (words.say("jobs-any")) }
                    @for outcome in RequestOutcome::ALL {
                        option value=(outcome) selected[self.state.as_deref() == Some(outcome.as_str())] {
                            (words.say(super::recent::word_of(outcome)))
                        }
                    }
                }
            }
        }
    }

    fn keys(&self, words: Words, keys: &[KeyRow]) -> Markup {
        html! {
            div.field {
                label for="filter-key" { (words.say("jobs-key")) }
                select id="filter-key" name="key" {
                    option value="" { (words.say("jobs-any")) }
                    @for key in keys {
                        option value=(key.public_id) selected[self.key.as_ref() == Some(&key.public_id)] { (key.name) }
                    }
                }
            }
        }
    }
}

/// The id of a request or a seed: a seed is a number of up to 16 digits, and an id has 32.
fn id_or_seed(text: &str) -> Result<(Option<RequestId>, Option<Seed>), ApiError> {
    let id = RequestId::from_digits(text.trim_start_matches("req_"));
    let seed = if id.is_none() { text.parse().ok().map(Seed::new) } else { None };
    if id.is_none() && seed.is_none() {
        return Err(refused("q", "`q` is the id of a request, or a seed."));
    }
    Ok((id, seed))
}

fn refused(parameter: &'static str, message: &str) -> ApiError {
    ApiError::invalid(parameter, message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> JobsQuery {
        actix_web::web::Query::<JobsQuery>::from_query(text).expect("a query").into_inner()
    }

    fn filter(text: &str) -> Result<RequestFilter, ApiError> {
        query(text).filter(&TimeZone::UTC)
    }

    const ID: &str = "01a2277a-c0fb-75d1-9a88-fe09afff62b7";

    #[test]
    fn fields_that_were_left_empty_restrict_nothing() {
        let all = filter("state=&key=&tag=+&day=&q=").expect("a filter");
        assert_eq!(all, RequestFilter::default());
        assert_eq!(query("state=&q=").address("/admin/jobs", None), "/admin/jobs");
    }

    #[test]
    fn every_field_restricts_and_goes_along_to_older_ones() {
        let text =
            "state=cancelled&key=O1z1TrT7XU&tag=client+12&day=2026-11-29&q=7&prompt=red+apple&favourite=1";
        let found = filter(text).expect("a filter");
        assert_eq!(
            (found.outcome, found.tag.as_deref()),
            (Some(RequestOutcome::Cancelled), Some("client 12"))
        );
        let [from, to] =
            ["2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z"].map(|at| at.parse().expect("a time"));
        assert_eq!((found.came, found.seed), (Some((from, to)), Some(Seed::new(7))));
        assert_eq!((found.prompt.as_deref(), found.is_favourite), (Some("red apple"), true));
        let older = RequestId::from_digits(ID);
        assert_eq!(query(text).address("/admin/jobs", older), format!("/admin/jobs?{text}&before={ID}"));
    }

    #[test]
    fn an_id_is_found_as_logs_and_answers_write_it() {
        let id = RequestId::from_digits(ID);
        for text in [ID.to_owned(), ID.replace('-', ""), format!("req_{}", ID.replace('-', ""))] {
            assert_eq!(filter(&format!("q={text}")).expect("a filter").id, id, "{text}");
        }
    }

    #[test]
    fn what_no_field_can_be_is_refused_by_its_name() {
        for field in ["before=1", "state=lost", "day=yesterday", "q=a+red+apple"] {
            let name = field.split('=').next().expect("a name");
            let refused = format!("{:?}", filter(field).expect_err("refused"));
            assert!(refused.contains(name), "{refused}");
        }
    }
}
