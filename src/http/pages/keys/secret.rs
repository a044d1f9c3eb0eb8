use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use parking_lot::Mutex;
use rand::distr::{Alphanumeric, SampleString};
use serde::Deserialize;
use serde_json::json;

use super::back_to;
use crate::{
    domain::{ApiKey, Scope},
    http::{
        State,
        api::error::ApiError,
        pages::{
            self,
            frame::{Page, Visit},
            places::Section,
            see_other,
            session::enter,
        },
    },
};

/// How long a new secret waits for its page.
const KEPT_FOR: SignedDuration = SignedDuration::from_mins(5);
/// Characters of a ticket: 62²² is 128 bits.
const TICKET_LEN: usize = 22;

/// Secrets of keys that were just created or rotated. Each is shown by one page, once, and loading that page again
/// creates nothing.
#[derive(Default)]
pub struct NewSecrets(Mutex<HashMap<String, NewSecret>>);

struct NewSecret {
    key: ApiKey,
    /// The key of the page's title.
    title: &'static str,
    made_at: Timestamp,
}

#[derive(Deserialize)]
pub(in crate::http::pages) struct SecretQuery {
    ticket: String,
}

impl NewSecrets {
    /// Keeps a secret, and returns the ticket for it.
    fn put(&self, key: ApiKey, title: &'static str, now: Timestamp) -> String {
        let ticket = Alphanumeric.sample_string(&mut rand::rng(), TICKET_LEN);
        let mut secrets = self.0.lock();
        secrets.retain(|_, secret| now.duration_since(secret.made_at) < KEPT_FOR);
        secrets.insert(ticket.clone(), NewSecret { key, title, made_at: now });
        ticket
    }

    /// Takes the secret of `public_id` for its ticket, if it is still there.
    fn take(&self, public_id: &str, ticket: &str, now: Timestamp) -> Option<NewSecret> {
        let mut secrets = self.0.lock();
        secrets.get(ticket).filter(|secret| secret.key.public_id() == public_id)?;
        secrets.remove(ticket).filter(|secret| now.duration_since(secret.made_at) < KEPT_FOR)
    }
}

/// Answers the form that created or rotated `key`: a browser is sent to the page that shows the secret, a script gets it.
pub(super) fn answer(visit: &Visit, state: &State, key: ApiKey, title: &'static str) -> HttpResponse {
    let public_id = key.public_id().to_owned();
    if !visit.wants_page {
        return pages::json(&json!({ "public_id": public_id, "key": key.reveal() }));
    }
    let ticket = state.new_secrets.put(key, title, state.service.now());
    see_other(&format!("/admin/keys/{public_id}/secret?ticket={ticket}"))
}

/// GET /admin/keys/{public_id}/secret: a secret in clear, once; after that, the key's page.
pub(in crate::http::pages) async fn show(
    request: HttpRequest,
    public_id: web::Path<String>,
    query: web::Query<SecretQuery>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = enter(&request, &state, Scope::Admin).await?;
    if request.method() == Method::HEAD {
        return Ok(HttpResponse::Ok().finish());
    }
    match state.new_secrets.take(&public_id, &query.ticket, state.service.now()) {
        Some(NewSecret { key, title, .. }) => Ok(page(&visit, &key, title, &state.address.base(&request))),
        None => Ok(back_to(&public_id)),
    }
}

fn page(visit: &Visit, key: &ApiKey, title: &str, base: &str) -> HttpResponse {
    let words = visit.words;
    let title = words.say(title);
    let copy = |id: &str| {
        html! {
            button.second type="button" data-copy=(id) data-copied=(words.say("copied")) hidden { (words.say("copy")) }
        }
    };
    let body: Markup = html! {
        div.page-head { h1 { (title) } }
        div.card.stack {
            p { (words.say("keys-secret-once")) }
            div.field {
                label for="secret" { (words.say("keys-secret")) }
                div.row.secret {
                    input type="text" id="secret" value=(key.reveal()) readonly spellcheck="false" autocomplete="off";
                    (copy("secret"))
                }
            }
            div.field {
                label for="variables" { (words.say("keys-secret-use")) }
                div.row.secret {
                    textarea id="variables" rows="3" readonly spellcheck="false" autocomplete="off" {
                        "OPENAI_BASE_URL=" (base) "/v1\nOPENAI_API_KEY=" (key.reveal())
                    }
                    (copy("variables"))
                }
            }
        }
        p { a.button href={ "/admin/keys/" (key.public_id()) } { (words.say("keys-to-key")) } }
    };
    Page::new(visit, Section::Keys, &title)
        .narrow()
        .sheet("charts.css")
        .sheet("keys.css")
        .script("copy.js")
        .show(&body)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

    #[test]
    fn a_secret_is_taken_once_and_within_its_time() {
        let secrets = NewSecrets::default();
        let key = ApiKey::generate(&mut rand::rng());
        let ticket = secrets.put(key.clone(), "keys-made", NOW);
        assert!(secrets.take("another", &ticket, NOW).is_none());
        let taken = secrets.take(key.public_id(), &ticket, NOW).expect("the secret");
        assert_eq!(taken.key.reveal(), key.reveal());
        assert!(secrets.take(key.public_id(), &ticket, NOW).is_none());
        let ticket = secrets.put(key.clone(), "keys-made", NOW);
        assert!(secrets.take(key.public_id(), &ticket, NOW + KEPT_FOR).is_none());
    }
}
