use maud::{Markup, html};

use super::{Visit, Words};

/// A row of a table of figures: a name, how the figure is made, the figure.
pub(in crate::http) fn row(name: &str, how: &str, value: &Markup) -> Markup {
    html! {
        tr { th scope="row" { (name) @if !how.is_empty() { small { (how) } } } td { (value) } }
    }
}

/// A figure that explains on hover and on tap how it is calculated. `id` must be unique on the page.
pub(in crate::http) fn explained(words: Words, id: &str, value: &str, how: &str) -> Markup {
    html! {
        button.explained type="button" popovertarget=(id) title=(how) { (value) }
        div.how popover id=(id) {
            strong { (words.say("how-heading")) }
            p { (how) }
        }
    }
}

/// A message's text with what stands in backticks as code.
pub(in crate::http) fn rich(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// What a form must bring back: the token that no other site knows, and the page to return to.
pub(in crate::http) fn fields(visit: &Visit) -> Markup {
    html! {
        input type="hidden" name="form_token" value=(visit.form_token());
        input type="hidden" name="back" value=(visit.here());
    }
}

/// How fresh the lists are whose ids are `sections`; the script `live.js` keeps them so.
pub(in crate::http) fn live_status(visit: &Visit, sections: &str) -> Markup {
    let words = visit.words;
    html! {
        p.note id="live-status" data-sections=(sections) data-live=(words.say("live-on")) data-paused=(words.say("live-paused"))
            data-lost=(words.say("live-lost")) {
            span id="live-pace" role="status" {} " "
            a id="live-refresh" href=(visit.here()) { (words.say("live-refresh")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_become_code_and_everything_is_escaped() {
        assert_eq!(rich("put `a<b` there").0, "put <code>a&lt;b</code> there");
        assert_eq!(rich("`all`").0, "<code>all</code>");
    }
}
