use maud::{Markup, html};

use crate::{
    domain::Scope,
    http::{
        State,
        api::error::ApiError,
        pages::frame::{Visit, Words},
    },
    ledger::{KeyRow, KeyState},
};

/// The keys in whose name a session may ask for images, and what its requests bring back.
pub(super) struct OwnKeys {
    /// The last used one first.
    keys: Vec<KeyRow>,
    form_token: String,
    /// Whether another may be made.
    may_administer: bool,
}

impl OwnKeys {
    /// Those of the visitor: an administrator's are all, others' their own. None for whoever has not signed in, or has none.
    pub(super) async fn of(visit: &Visit, state: &State) -> Result<Option<Self>, ApiError> {
        let (may_administer, own) = (visit.may_administer(), visit.visitor.key().map(str::to_owned));
        if visit.session_id().is_none() || (!may_administer && own.is_none()) {
            return Ok(None);
        }
        let now = state.service.now();
        let mut keys = state.service.ask_ledger(|ledger| ledger.keys()).await?;
        keys.retain(|key| {
            let is_reached = may_administer || own.as_ref() == Some(&key.public_id);
            is_reached && key.rules.scopes.contains(Scope::Images) && key.state(now) == KeyState::Active
        });
        if keys.is_empty() && !may_administer {
            return Ok(None);
        }
        keys.sort_by_key(|key| std::cmp::Reverse(key.last_used_at));
        Ok(Some(Self { keys, form_token: visit.form_token().to_owned(), may_administer }))
    }
}

/// The form of the key. What is in it is never sent by the browser itself.
pub(super) fn entry(words: Words, own: Option<&OwnKeys>) -> Markup {
    html! {
        form.card.key id="key-form" method="dialog" autocomplete="off" {
            @if let Some(own) = own { (choice(words, own)) }
            div.field id="key-entry" {
                label for="key" { (words.say("playground-key")) }
                div.row {
                    input id="key" type="password" autocomplete="off" autocapitalize="off" spellcheck="false"
                        placeholder="tt-…" aria-describedby="key-hint key-problem";
                    button.second id="key-use" { (words.say("playground-key-use")) }
                }
                p.hint id="key-hint" { (words.say("playground-key-hint")) }
            }
            div.row id="key-held" hidden {
                span id="key-name" {}
                button.quiet id="key-forget" type="button" { (words.say("playground-key-forget")) }
            }
            p.problem id="key-problem" role="alert" hidden {}
        }
    }
}

/// The keys to choose from. Which one is charged is the visitor's own choice, so none is made for it.
fn choice(words: Words, own: &OwnKeys) -> Markup {
    html! {
        div.field id="key-choice" {
            label for="own-key" { (words.say("playground-own-key")) }
            select id="own-key" autocomplete="off" data-form-token=(own.form_token)
                aria-describedby="own-key-hint key-problem" {
                @for key in &own.keys {
                    option value=(key.public_id) { (key.name) " · tt-" (key.public_id) "-…" }
                }
                option value="" { (words.say("playground-own-key-other")) }
            }
            p.hint id="own-key-hint" {
                (words.say("playground-own-key-hint"))
                @if own.keys.is_empty() && own.may_administer {
                    " " a href="/admin/keys#make" { (words.say("playground-own-key-none")) }
                }
            }
            p id="own-key-sign-in" hidden {
                a href="/admin/sign-in?next=/playground" { (words.say("sign-in")) }
            }
        }
    }
}
