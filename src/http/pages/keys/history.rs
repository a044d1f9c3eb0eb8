use std::num::NonZeroU32;

use jiff::Timestamp;
use maud::{Markup, html};

use super::list::{budget, scopes};
use crate::{
    http::pages::frame::Words,
    ledger::{KeyChange, KeyEvent, KeyEventKind, KeyNote},
    service::Service,
};

/// What happened to a key: newest first, since what is asked is what happened last.
pub(super) fn table(words: Words, events: &[KeyEvent], service: &Service) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(words.say("keys-history")) { table.list.cards.history {
            thead { tr {
                th scope="col" { (words.say("keys-event")) }
                th scope="col" { (words.say("keys-actor")) }
                th scope="col" { (words.say("keys-when")) }
            } }
            tbody { @for event in events.iter().rev() { tr {
                th scope="row" { (words.say(name(event.kind))) (details(words, &event.notes, service)) }
                td { (actor(words, &event.actor)) }
                td { (words.moment(event.at, service.civil(event.at))) }
            } } }
        } }
    }
}

const fn name(kind: KeyEventKind) -> &'static str {
    match kind {
        KeyEventKind::Created => "keys-event-created",
        KeyEventKind::Changed => "keys-event-changed",
        KeyEventKind::Disabled => "keys-event-disabled",
        KeyEventKind::Enabled => "keys-event-enabled",
        KeyEventKind::Rotated => "keys-event-rotated",
        KeyEventKind::Revoked => "keys-event-revoked",
    }
}

fn actor(words: Words, actor: &str) -> Markup {
    let who = match actor {
        "command line" => "keys-by-command-line",
        "first start" => "keys-by-first-start",
        "operator" => "keys-by-operator",
        public_id => return html! { code { (public_id) } },
    };
    html! { (words.say(who)) }
}

fn details(words: Words, notes: &[KeyNote], service: &Service) -> Markup {
    html! {
        @if !notes.is_empty() { dl.set { @for note in notes { div {
            @if let Some(what) = label(note) { dt { (words.say(what)) } }
            dd { (value(words, note, service)) }
        } } } }
    }
}

/// What the page calls what was set; none for words of another version.
const fn label(note: &KeyNote) -> Option<&'static str> {
    Some(match note {
        KeyNote::Set(change) => match change {
            KeyChange::Name(_) => "keys-name",
            KeyChange::Scopes(_) => "keys-scopes",
            KeyChange::Budgets(_) => "keys-budgets",
            KeyChange::Expiry(_) => "keys-expires",
            KeyChange::Models(_) => "keys-models",
            KeyChange::Loras(_) => "keys-loras",
            KeyChange::RequestsPerMinute(_) => "keys-requests",
            KeyChange::ImagesPerMinute(_) => "keys-images",
            KeyChange::ConcurrentJobs(_) => "keys-concurrent",
            KeyChange::MayOverflow(_) => "keys-overflow",
        },
        KeyNote::OldSecretUntil(_) => "keys-old-secret-until",
        KeyNote::Words(_) => return None,
    })
}

/// A value as the reader writes it.
fn value(words: Words, note: &KeyNote, service: &Service) -> Markup {
    let moment = |at: Timestamp| words.moment(at, service.civil(at));
    let none = || html! { (words.say("keys-no-budget")) };
    let limit = |limit: &Option<NonZeroU32>| limit.map_or_else(none, |limit| html! { (limit) });
    match note {
        KeyNote::Set(change) => match change {
            KeyChange::Name(name) => html! { (name) },
            KeyChange::Scopes(set) => html! { (scopes(words, *set)) },
            KeyChange::Budgets(budgets) if budgets.iter().next().is_none() => none(),
            KeyChange::Budgets(budgets) => {
                let currency = service.costs().currency();
                let set: Vec<_> = budgets.iter().map(|one| budget(words, one, currency)).collect();
                html! { (words.list(&set)) }
            }
            KeyChange::Expiry(at) => at.map_or_else(none, moment),
            KeyChange::Models(names) | KeyChange::Loras(names) => {
                names.as_ref().map_or_else(none, |names| html! { (words.list(names)) })
            }
            KeyChange::RequestsPerMinute(rate) | KeyChange::ImagesPerMinute(rate) => limit(rate),
            KeyChange::ConcurrentJobs(jobs) => limit(jobs),
            KeyChange::MayOverflow(may) => {
                html! { (words.say(if *may { "keys-overflow-yes" } else { "keys-overflow-no" })) }
            }
        },
        KeyNote::OldSecretUntil(until) => moment(*until),
        KeyNote::Words(text) => html! { (text) },
    }
}
