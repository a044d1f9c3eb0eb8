use actix_web::{HttpResponse, http::StatusCode};
use maud::{Markup, html};

use super::{
    form::{KeyForm, Problem},
    history,
    list::{budgets, state_tag},
};
use crate::{
    http::{
        State,
        api::error::ApiError,
        pages::{
            frame::{Page, Visit, fields},
            places::Section,
        },
    },
    ledger::{KeyEvent, KeyStanding, KeyState},
    service::Service,
};

/// Hours for which an old secret may still open, and the words for them.
const GRACES: [(u16, &str); 4] =
    [(24, "keys-grace-day"), (168, "keys-grace-week"), (1, "keys-grace-hour"), (0, "keys-grace-none")];

/// One key: its standing, its rules, what can be done with it, and its history.
pub(super) async fn page(
    visit: &Visit,
    key: &KeyStanding,
    form: &KeyForm,
    problems: &[Problem],
    state: &State,
) -> Result<HttpResponse, ApiError> {
    let public_id = key.row.public_id.clone();
    let events = state.service.ask_ledger(move |ledger| ledger.key_events(Some(&public_id))).await?;
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let body = body(visit, key, form, problems, &events, &state.service);
    Ok(Page::new(visit, Section::Keys, &key.row.name)
        .sheet("charts.css")
        .sheet("keys.css")
        .status(status)
        .show(&body))
}

fn body(
    visit: &Visit,
    key: &KeyStanding,
    form: &KeyForm,
    problems: &[Problem],
    events: &[KeyEvent],
    service: &Service,
) -> Markup {
    let (words, row) = (visit.words, &key.row);
    let here = format!("/admin/keys/{}", row.public_id);
    let state = row.state(service.now());
    html! {
        div.page-head {
            h1 { (row.name) " " (state_tag(words, state)) }
            a href="/admin/keys" { (words.say("keys-back")) }
        }
        dl.summary {
            div { dt { (words.say("keys-public-id")) } dd { code { (row.public_id) } } }
            div { dt { (words.say("keys-created")) } dd { (words.moment(row.created_at, service.civil(row.created_at))) } }
            @if let Some(until) = row.previous_until.filter(|until| *until > service.now()) {
                div { dt { (words.say("keys-old-secret-until")) } dd { (words.moment(until, service.civil(until))) } }
            }
            div { dt { (words.say("keys-budgets")) } dd { (budgets(words, &key.budgets, service.costs().currency())) } }
        }
        @if visit.may_administer() && state != KeyState::Revoked {
            section {
                h2 { (words.say("keys-rules")) }
                (form.show(visit, (&here, &words.say("keys-save")), service.costs().currency(), problems))
            }
            section {
                h2 { (words.say("keys-secret")) }
                div.columns {
                    (rotation(visit, &here))
                    (closing(visit, &here, state))
                }
            }
        }
        section {
            h2 { (words.say("keys-history")) }
            (history::table(words, events, service))
        }
    }
}

fn rotation(visit: &Visit, here: &str) -> Markup {
    let words = visit.words;
    html! {
        form.card.stack method="post" action={ (here) "/rotate" } {
            (fields(visit))
            h3 { (words.say("keys-rotate")) }
            p { (words.say("keys-rotate-how")) }
            div.field {
                label for="grace_hours" { (words.say("keys-grace")) }
                select id="grace_hours" name="grace_hours" {
                    @for (hours, key) in GRACES { option value=(hours) { (words.say(key)) } }
                }
            }
            div.row { button.second { (words.say("keys-rotate-button")) } }
        }
    }
}

fn closing(visit: &Visit, here: &str, state: KeyState) -> Markup {
    let words = visit.words;
    let (action, button, how) = match state {
        KeyState::Disabled => ("/enable", "keys-enable", "keys-enable-how"),
        _ => ("/disable", "keys-disable", "keys-disable-how"),
    };
    html! {
        div.card.stack {
            h3 { (words.say("keys-close")) }
            form.stack method="post" action={ (here) (action) } {
                (fields(visit))
                p { (words.say(how)) }
                div.row { button.second { (words.say(button)) } }
            }
            hr;
            form.stack method="post" action={ (here) "/revoke" } {
                (fields(visit))
                p { (words.say("keys-revoke-how")) }
                label.check { input type="checkbox" name="sure" required; (words.say("keys-revoke-sure")) }
                div.row { button.danger { (words.say("keys-revoke")) } }
            }
        }
    }
}
