use jiff::Timestamp;
use maud::{Markup, html};

use super::list::{budget, scopes};
use crate::{
    costs::Budgets,
    domain::Scopes,
    http::pages::frame::Words,
    ledger::{KeyEvent, KeyEventKind},
    service::Service,
};

/// What the log says was set, by the words before it, and what the page calls that.
const SET: [(&str, &str); 9] = [
    ("name ", "keys-name"),
    ("scopes ", "keys-scopes"),
    ("budgets ", "keys-budgets"),
    ("expires ", "keys-expires"),
    ("models ", "keys-models"),
    ("requests a minute ", "keys-requests"),
    ("images a minute ", "keys-images"),
    ("concurrent jobs ", "keys-concurrent"),
    ("old secret until ", "keys-old-secret-until"),
];

/// What happened to a key: newest first, since what is asked is what happened last.
pub(super) fn table(words: Words, events: &[KeyEvent], service: &Service) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(words.say("keys-history")) { table.list.history {
            thead { tr {
                th scope="col" { (words.say("keys-event")) }
                th scope="col" { (words.say("keys-actor")) }
                th scope="col" { (words.say("keys-when")) }
            } }
            tbody { @for event in events.iter().rev() { tr {
                th scope="row" { (words.say(name(event.kind))) (details(words, &event.detail, service)) }
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

fn details(words: Words, detail: &str, service: &Service) -> Markup {
    html! {
        @if !detail.is_empty() { dl.set { @for (what, value) in settings(detail) { div {
            @if let Some(what) = what { dt { (words.say(what)) } }
            dd { (setting(words, what, value, service)) }
        } } } }
    }
}

/// `name studio; budgets 20.00 a month` as what was set and to what. A name may have a semicolon in it: what begins like
/// nothing that can be set goes on with what stands before it.
fn settings(detail: &str) -> Vec<(Option<&'static str>, &str)> {
    let known = |at: usize| SET.iter().find(|(words, _)| detail[at..].starts_with(words));
    let breaks = detail.match_indices("; ").map(|(at, _)| (at, at + 2));
    let begins = std::iter::once((0, 0)).chain(breaks.filter(|(_, begin)| known(*begin).is_some()));
    let begins: Vec<_> = begins.collect();
    let ends = begins.iter().skip(1).map(|(end, _)| *end).chain([detail.len()]);
    begins
        .iter()
        .zip(ends)
        .map(|((_, begin), end)| match known(*begin) {
            Some((words, what)) => (Some(*what), &detail[begin + words.len()..end]),
            None => (None, &detail[*begin..end]),
        })
        .collect()
}

/// A value as the reader writes it, or as it is logged if it cannot be read.
fn setting(words: Words, what: Option<&str>, value: &str, service: &Service) -> Markup {
    let moment = |at: Timestamp| words.moment(at, service.civil(at));
    let read = match what {
        Some("keys-name") => None,
        Some("keys-scopes") => value.parse::<Scopes>().ok().map(|set| html! { (scopes(words, set)) }),
        _ if value == "none" => Some(html! { (words.say("keys-no-budget")) }),
        Some("keys-budgets") => value.parse::<Budgets>().ok().map(|set| {
            let set: Vec<_> = set.iter().map(|one| budget(words, one, service.costs().currency())).collect();
            html! { (words.list(&set)) }
        }),
        Some("keys-expires" | "keys-old-secret-until") => value.parse().ok().map(moment),
        Some("keys-models") => {
            Some(html! { (words.list(&value.split(',').map(str::to_owned).collect::<Vec<_>>())) })
        }
        _ => None,
    };
    read.unwrap_or_else(|| html! { (value) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::KeyChange;

    #[test]
    fn everything_that_can_be_set_is_told_apart_in_the_log() {
        let limit = std::num::NonZeroU32::new(4);
        let changes = [
            KeyChange::Name("scopes; or not; 工作室".into()),
            KeyChange::Scopes(Scopes::ALL),
            KeyChange::Budgets("20 a month, soft 5 kWh a day".parse().expect("budgets")),
            KeyChange::Expiry(None),
            KeyChange::Models(Some(vec!["a".into(), "b".into()])),
            KeyChange::RequestsPerMinute(limit),
            KeyChange::ImagesPerMinute(limit),
            KeyChange::ConcurrentJobs(None),
        ];
        let log = changes.map(|change| change.to_string()).join("; ");
        let told: Vec<_> =
            settings(&log).into_iter().map(|(what, value)| (what.expect("known"), value)).collect();
        assert_eq!(
            told,
            [
                ("keys-name", "scopes; or not; 工作室"),
                ("keys-scopes", "images,costs,admin"),
                ("keys-budgets", "20.00 a month, soft 5 kWh a day"),
                ("keys-expires", "none"),
                ("keys-models", "a,b"),
                ("keys-requests", "4"),
                ("keys-images", "4"),
                ("keys-concurrent", "none"),
            ]
        );
        assert_eq!(settings("old secret until 2026-11-24T09:41:00Z")[0].0, Some("keys-old-secret-until"));
        assert_eq!(settings("words of a later version"), [(None, "words of a later version")]);
    }
}
