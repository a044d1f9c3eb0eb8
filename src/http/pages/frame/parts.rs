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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_become_code_and_everything_is_escaped() {
        assert_eq!(rich("put `a<b` there").0, "put <code>a&lt;b</code> there");
        assert_eq!(rich("`all`").0, "<code>all</code>");
    }
}
