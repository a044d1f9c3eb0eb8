use maud::{Markup, PreEscaped, html};

use super::terms::EditTerms;
use crate::{domain::MaskMode, http::pages::frame::Words};

/// An arrow that turns back; mirrored it turns forth.
const ARROW: PreEscaped<&str> = PreEscaped(
    "<svg viewBox=\"0 0 20 20\" width=\"18\" height=\"18\" aria-hidden=\"true\"><path d=\"M7 4 3.500 7.500 7 11M4 \
     7.500h7.500a4.500 4.500 0 0 1 0 9H8\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.6\"/></svg>",
);
/// Keys, and the messages of what they do.
const KEYS: [(&[&str], &str); 7] = [
    (&["←", "↑", "↓", "→"], "playground-keys-move"),
    (&["Shift"], "playground-keys-far"),
    (&["Space"], "playground-keys-press"),
    (&["B", "E"], "playground-keys-tool"),
    (&["[", "]"], "playground-keys-size"),
    (&["Ctrl Z", "Ctrl Y"], "playground-keys-undo"),
    (&["I", "Delete"], "playground-keys-all"),
];

/// The way to an edit, in the form.
pub(super) fn entry(words: Words) -> Markup {
    html! {
        div.row.source-entry {
            label.button.second {
                (words.say("playground-edit-choose"))
                input.hidden id="source-file" type="file" accept="image/png,image/jpeg,image/webp";
            }
            span.hint { (words.say("playground-edit-drop")) }
        }
    }
}

/// The image that is edited, with its mask, and what is said of the edit.
pub(super) fn panel(words: Words, terms: &EditTerms) -> Markup {
    html! {
        section.card.stack.edit id="edit" aria-labelledby="edit-heading" hidden {
            div.page-head {
                h2 id="edit-heading" { (words.say("playground-edit")) }
                button.quiet id="source-remove" type="button" { (words.say("playground-edit-remove")) }
            }
            p.hint id="source-name" {}
            (tools(words))
            div.paper id="paper" {
                img id="source" alt=(words.say("playground-source"));
                canvas id="mask" tabindex="0" role="application" aria-label=(words.say("playground-mask"))
                    aria-describedby="mask-status mask-hint" {}
                div.ring id="ring" hidden {}
            }
            p.hint id="mask-status" role="status" {}
            p.hint id="mask-hint" { (words.say("playground-mask-hint")) }
            (keys(words))
            (strength(words))
            (options(words, terms))
            div.row {
                button id="paint-edit" form="paint-form" { (words.say("playground-generate")) }
                a.button.second id="save-source" { (words.say("playground-save-source")) }
                button.second id="save-mask" type="button" { (words.say("playground-save-mask")) }
            }
        }
    }
}

fn tools(words: Words) -> Markup {
    let icon = |id: &str, name: &str| {
        let name = words.say(name);
        html! { button.icon id=(id) type="button" aria-label=(name) title=(name) { (ARROW) } }
    };
    html! {
        div.tools role="toolbar" aria-label=(words.say("playground-tools")) aria-controls="mask" {
            fieldset.choice {
                legend.hidden { (words.say("playground-tool")) }
                button id="brush" type="button" aria-pressed="true" { (words.say("playground-brush")) }
                button id="eraser" type="button" aria-pressed="false" { (words.say("playground-eraser")) }
            }
            label.size for="brush-size" {
                (words.say("playground-brush-size"))
                input id="brush-size" type="range" step="1";
                output.number id="brush-pixels" for="brush-size" {}
            }
            div.row {
                (icon("undo", "playground-undo"))
                (icon("redo", "playground-redo"))
                button.second id="invert" type="button" { (words.say("playground-invert")) }
                button.second id="clear" type="button" { (words.say("playground-clear")) }
            }
        }
    }
}

fn keys(words: Words) -> Markup {
    html! {
        details {
            summary { (words.say("playground-keys")) }
            dl.keys {
                @for (keys, what) in KEYS {
                    div {
                        dt { @for key in keys { kbd { (key) } " " } }
                        dd { (words.say(what)) }
                    }
                }
            }
        }
    }
}

fn strength(words: Words) -> Markup {
    html! {
        div.field {
            label for="strength" { (words.say("playground-strength")) }
            input id="strength" type="range" min="0.05" max="1" step="0.05" aria-describedby="strength-steps strength-hint";
            output.hint id="strength-steps" for="strength" {}
            p.hint id="strength-hint" { (words.say("playground-strength-hint")) }
            p.hint.warn id="strength-all" hidden { (words.say("playground-strength-all")) }
        }
    }
}

fn options(words: Words, terms: &EditTerms) -> Markup {
    let mode = |mode: MaskMode| match mode {
        MaskMode::Exact => words.say("playground-mode-exact"),
        MaskMode::Reference => words.say("playground-mode-reference"),
    };
    let crops =
        [("auto", "playground-crop-auto"), ("yes", "playground-crop-yes"), ("no", "playground-crop-no")];
    html! {
        div.inputs {
            div.field {
                label for="mask-mode" { (words.say("playground-mode")) }
                select id="mask-mode" {
                    @for one in [MaskMode::Exact, MaskMode::Reference] {
                        option value=(one.as_str()) { (mode(one)) }
                    }
                }
            }
            div.field {
                label for="crop" { (words.say("playground-crop")) }
                select id="crop" {
                    @for (value, name) in crops { option value=(value) { (words.say(name)) } }
                }
            }
            div.field {
                label for="feather" { (words.say("playground-feather")) }
                input id="feather" type="number" form="paint-form" min="0" max=(terms.feather_max) step="1"
                    placeholder=(terms.feather);
            }
        }
    }
}
