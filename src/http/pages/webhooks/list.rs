use jiff::{Timestamp, civil::DateTime};
use maud::{Markup, html};

use super::{HERE, Problem, WebhooksView};
use crate::{
    domain::{EndpointId, EventKind},
    http::pages::frame::{Visit, Words, fields},
    ledger::{EndpointStanding, UndeliveredEvent},
};

/// Reads a moment from the clock on the wall.
type Civil<'a> = &'a dyn Fn(Timestamp) -> DateTime;

/// Endpoints, what was given up, and the form for another endpoint.
pub(super) fn body(visit: &Visit, view: &WebhooksView, civil: Civil<'_>) -> Markup {
    let words = visit.words;
    html! {
        div.page-head { h1 { (words.say("nav-webhooks")) } }
        p.note { (words.say("webhooks-what")) }
        section id="endpoints" aria-labelledby="endpoints-title" {
            h2 id="endpoints-title" { (words.say("webhooks-endpoints")) }
            @if view.endpoints.is_empty() { p.empty { (words.say("webhooks-none")) } }
            div.stack { @for one in &view.endpoints { (endpoint(visit, one, view, civil)) } }
        }
        section id="dead" aria-labelledby="dead-title" {
            h2 id="dead-title" { (words.say("webhooks-dead")) }
            p.note { (words.say("webhooks-dead-what")) }
            @if view.dead.is_empty() { p.empty { (words.say("webhooks-none-dead")) } } @else { (dead(words, &view.dead, civil)) }
        }
        @if view.may_administer {
            section id="make" aria-labelledby="make-title" {
                h2 id="make-title" { (words.say("webhooks-make")) }
                (form(visit, view))
            }
        }
    }
}

fn endpoint(visit: &Visit, one: &EndpointStanding, view: &WebhooksView, civil: Civil<'_>) -> Markup {
    let (words, endpoint) = (visit.words, &one.endpoint);
    let all = EventKind::chosen().all(|kind| endpoint.kinds.contains(&kind));
    html! {
        article.card.endpoint id=(endpoint.id) {
            div.head {
                h3 { code { (endpoint.url) } " " (state(words, one)) }
                @if view.may_administer { div.row { (acts(visit, one, view)) } }
            }
            dl.facts.wide {
                dt { (words.say("webhooks-whose")) }
                dd { @match view.key_of(endpoint) {
                    Some(key) => (key.name),
                    None => (words.say("webhooks-everybody")),
                } }
                dt { (words.say("webhooks-events")) }
                dd { @if all { (words.say("webhooks-all-events")) } @else {
                    @for kind in &endpoint.kinds { code { (kind) } " " }
                } }
                @if let Some(at) = one.delivered_at {
                    dt { (words.say("webhooks-delivered")) }
                    dd { (words.moment(at, civil(at))) }
                }
                @if one.is_failing() {
                    dt { (words.say("webhooks-failed")) }
                    dd {
                        @if let Some(at) = one.failed_at { (words.moment(at, civil(at))) }
                        @if let Some(error) = &one.error { small.loss lang="en" { (error) } }
                    }
                }
                @if one.waiting > 0 {
                    dt { (words.say("webhooks-waiting")) }
                    dd.number { (words.count(one.waiting)) }
                }
            }
            @if view.may_administer && !endpoint.url.starts_with("mailto:") { (secret(words, endpoint.id, &endpoint.secret)) }
        }
    }
}

fn state(words: Words, one: &EndpointStanding) -> Markup {
    let (class, key) = match (one.is_failing(), one.delivered_at) {
        (true, _) => ("tag bad", "webhooks-state-failing"),
        (false, Some(_)) => ("tag good", "webhooks-state-works"),
        (false, None) => ("tag", "webhooks-state-untried"),
    };
    html! { span class=(class) { (words.say(key)) } }
}

/// Buttons: a test, what was given up once more, and the end.
fn acts(visit: &Visit, one: &EndpointStanding, view: &WebhooksView) -> Markup {
    let (words, id) = (visit.words, one.endpoint.id);
    let has_dead = view.dead.iter().any(|dead| dead.endpoint == id);
    let act = |act: &str, class: &str, label: &str| {
        html! {
            form method="post" action={ (HERE) "/" (id) "/" (act) } {
                (fields(visit))
                button class=(class) { (words.say(label)) }
            }
        }
    };
    html! {
        (act("test", "second", "webhooks-test"))
        @if has_dead { (act("retry", "second", "webhooks-retry")) }
        (act("remove", "danger", "webhooks-remove"))
    }
}

fn secret(words: Words, id: EndpointId, secret: &str) -> Markup {
    let field = format!("secret-{id}");
    html! {
        details {
            summary { (words.say("webhooks-secret")) }
            p.hint { (words.say("webhooks-secret-what")) }
            div.row.secret {
                input type="text" id=(field) value=(secret) readonly spellcheck="false" autocomplete="off"
                    aria-label=(words.say("webhooks-secret"));
                button.second type="button" data-copy=(field) data-copied=(words.say("copied")) hidden { (words.say("copy")) }
            }
        }
    }
}

fn dead(words: Words, dead: &[UndeliveredEvent], civil: Civil<'_>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby="dead-title" { table.list {
            thead { tr {
                th scope="col" { (words.say("webhooks-event")) }
                th scope="col" { (words.say("webhooks-endpoint")) }
                th scope="col" { (words.say("webhooks-attempts")) }
                th scope="col" { (words.say("webhooks-error")) }
            } }
            tbody { @for event in dead { tr {
                th scope="row" { code { (event.kind) } small { (words.moment(event.created_at, civil(event.created_at))) } }
                td { (event.url) }
                td.number { (words.count(event.attempts)) }
                td lang="en" { (event.error.as_deref().unwrap_or("–")) }
            } } }
        } }
    }
}

fn form(visit: &Visit, view: &WebhooksView) -> Markup {
    let (words, form) = (visit.words, &view.form);
    let problem = |field: &str| view.problem.as_ref().filter(|problem| problem.field == field);
    let kinds: Vec<_> = EventKind::chosen().map(EventKind::as_str).collect();
    html! {
        form.card.stack method="post" action=(HERE) {
            (fields(visit))
            div.field {
                label for="url" { (words.say("webhooks-url")) }
                input type="text" inputmode="url" id="url" name="url" value=(form.url) required placeholder="https://" autocomplete="off"
                    aria-invalid=[problem("url").map(|_| "true")] aria-describedby="url-hint";
                p.hint id="url-hint" { (words.say("webhooks-url-hint")) }
                (said(words, problem("url")))
            }
            div.field {
                label for="key" { (words.say("webhooks-whose")) }
                select id="key" name="key" {
                    option value="" { (words.say("webhooks-everybody")) }
                    @for key in view.keys.iter().filter(|key| key.revoked_at.is_none()) {
                        option value=(key.public_id) selected[key.public_id == form.key] { (key.name) }
                    }
                }
                (said(words, problem("key")))
            }
            div.field {
                label for="events" { (words.say("webhooks-events")) }
                input type="text" id="events" name="events" value=(form.events) autocomplete="off" spellcheck="false"
                    aria-invalid=[problem("events").map(|_| "true")] aria-describedby="events-hint";
                p.hint id="events-hint" { (words.say("webhooks-events-hint")) " " (kinds.join(" ")) }
                (said(words, problem("events")))
            }
            div.row { button { (words.say("webhooks-make-button")) } }
        }
    }
}

fn said(words: Words, problem: Option<&Problem>) -> Markup {
    html! { @if let Some(problem) = problem {
        p.problem role="alert" { (words.say(problem.words)) small lang="en" { " (" (problem.detail) ")" } }
    } }
}
