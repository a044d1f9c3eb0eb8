use maud::{Markup, PreEscaped, html};

use super::terms::Terms;
use crate::http::pages::frame::{Words, rich};

/// The longer side of a shape's outline, in units of its drawing.
const OUTLINE: u32 = 16;

/// A die that shows five.
const DICE: PreEscaped<&str> = PreEscaped(
    "<svg viewBox=\"0 0 20 20\" width=\"18\" height=\"18\" aria-hidden=\"true\"><rect x=\"3\" y=\"3\" width=\"14\" \
     height=\"14\" rx=\"3\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.6\"/><g fill=\"currentColor\"><circle \
     cx=\"7\" cy=\"7\" r=\"1.3\"/><circle cx=\"13\" cy=\"7\" r=\"1.3\"/><circle cx=\"10\" cy=\"10\" r=\"1.3\"/><circle \
     cx=\"7\" cy=\"13\" r=\"1.3\"/><circle cx=\"13\" cy=\"13\" r=\"1.3\"/></g></svg>",
);
/// A padlock; its style closes it.
const LOCK: PreEscaped<&str> = PreEscaped(
    "<svg viewBox=\"0 0 20 20\" width=\"18\" height=\"18\" aria-hidden=\"true\"><path class=\"shackle\" d=\"M6.5 9V6.5a3.5 \
     3.5 0 0 1 7 0V9\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.6\"/><rect x=\"4.500\" y=\"9\" width=\"11\" \
     height=\"8\" rx=\"2\" fill=\"currentColor\"/></svg>",
);
/// The outline of no shape in particular.
pub(super) const SHAPE_OF_ANY: PreEscaped<&str> = PreEscaped(
    "<svg viewBox=\"0 0 20 20\" width=\"20\" height=\"20\" aria-hidden=\"true\"><rect x=\"2\" y=\"2\" width=\"16\" \
     height=\"16\" rx=\"1.500\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.400\" stroke-dasharray=\"3 2.400\"/></svg>",
);

/// The outline of `width` × `height`.
pub(super) fn shape(width: u32, height: u32) -> Markup {
    let longer = width.max(height).max(1);
    let (wide, high) = (width * OUTLINE / longer, height * OUTLINE / longer);
    // In the middle of 20 units.
    let middle = |side: u32| format!("{}.{}", (20 - side) / 2, (20 - side) % 2 * 5);
    html! {
        svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" {
            rect x=(middle(wide)) y=(middle(high)) width=(wide) height=(high) rx="1.5" fill="none" stroke="currentColor" stroke-width="1.4" {}
        }
    }
}

/// Prompts of several kinds to begin from; the script puts a pressed one into the form.
pub(super) fn prompts(words: Words) -> Markup {
    html! {
        details id="prompts" {
            summary { (words.say("playground-prompts")) }
            div.row {
                @for preset in words.say("playground-presets").split('|') {
                    @if let Some((name, prompt)) = preset.split_once(" = ") {
                        button.second type="button" data-idea=(prompt.trim()) { (name.trim()) }
                    }
                }
            }
        }
    }
}

pub(super) fn seed(words: Words, terms: &Terms) -> Markup {
    let button = |id: &str, name: &str, icon: Markup, pressed: Option<&str>| {
        let name = words.say(name);
        html! {
            button.icon id=(id) type="button" aria-label=(name) title=(name) aria-pressed=[pressed] { (icon) }
        }
    };
    html! {
        div.field {
            label for="seed" { (words.say("playground-seed")) }
            div.seed {
                input.number id="seed" type="text" inputmode="numeric" pattern="[0-9]{1,16}" required
                    data-max=(terms.seed_max) aria-describedby="seed-hint";
                (button("dice", "playground-dice", html! { (DICE) }, None))
                (button("lock", "playground-lock", html! { (LOCK) }, Some("false")))
            }
            p.hint id="seed-hint" { (words.say("playground-seed-hint")) }
        }
    }
}

/// The LoRAs of the visitor's key; the script fills the list.
pub(super) fn loras(words: Words, terms: &Terms) -> Markup {
    let (least, most) = (-terms.lora_weight_max, terms.lora_weight_max);
    html! {
        details id="lora-entry" hidden {
            summary { (words.say("playground-loras")) }
            ul.loras id="loras" aria-describedby="loras-hint" {}
            p.hint id="loras-hint" { (words.format("playground-loras-hint", &[("count", terms.loras_max.into())])) }
        }
        template id="lora" {
            li {
                label.check { input type="checkbox"; span translate="no" {} }
                input type="number" min=(least) max=(most) step="any" value="1" required;
            }
        }
    }
}

/// The request of the form as a program.
pub(super) fn code(words: Words) -> Markup {
    let languages = [("curl", "curl"), ("python", "Python"), ("node", "Node.js")];
    html! {
        section.code id="code" aria-labelledby="code-heading" {
            div.page-head {
                h2 id="code-heading" { (words.say("playground-code")) }
                fieldset.choice {
                    legend.hidden { (words.say("playground-code-language")) }
                    @for (id, name) in languages {
                        button type="button" data-language=(id) aria-pressed=(id == "curl") { (name) }
                    }
                }
            }
            p.hint { (rich(&words.say("playground-code-hint"))) }
            p.hint id="code-files" hidden {}
            div.listing {
                pre tabindex="0" role="group" aria-labelledby="code-heading" { code id="code-text" translate="no" {} }
                button.second id="copy" type="button" { (words.say("playground-copy")) }
            }
        }
    }
}

/// A line of an image's figures.
fn figure(words: Words, name: &str, label: &str) -> Markup {
    html! { div { dt { (words.say(label)) } dd data-part=(name) {} } }
}

/// The rest of an image's figures, which are shown if asked for.
fn receipt(words: Words) -> Markup {
    html! {
        details {
            summary { (words.say("playground-receipt")) }
            dl.receipt {
                (figure(words, "electricity", "playground-electricity"))
                (figure(words, "depreciation", "playground-depreciation"))
                (figure(words, "upkeep", "playground-upkeep"))
                (figure(words, "compared", "playground-compared"))
                (figure(words, "request", "playground-request"))
                (figure(words, "weights", "playground-weights"))
                (figure(words, "computed", "playground-computed"))
            }
            button.quiet type="button" data-part="json" { (words.say("playground-receipt-json")) }
        }
    }
}

/// An image in progress and then done; the script fills it in.
pub(super) fn image(words: Words, terms: &Terms) -> Markup {
    let figure = |name: &str, label: &str| figure(words, name, label);
    html! {
        template id="picture" {
            li.picture {
                figure {
                    div.canvas data-part="canvas" {
                        img data-part="image" alt="";
                        img.before data-part="before" alt=(words.say("playground-source")) hidden;
                        input.slider data-part="slider" type="range" min="0" max="100" step="1"
                            aria-label=(words.say("playground-compare-slider")) hidden;
                        p.wait data-part="wait" {}
                        button.second type="button" data-part="stop" { (words.say("playground-stop")) }
                        progress data-part="progress" max="1" aria-label=(words.say("playground-progress")) {}
                    }
                    figcaption {
                        p.asked data-part="prompt" {}
                        p.note.small data-part="made" {}
                        p.notice.warn data-part="warning" hidden {}
                        div data-part="done" hidden {
                            dl.receipt {
                                (figure("cost", "playground-cost"))
                                div { dt data-part="saving-label" {} dd data-part="saving" {} }
                                div {
                                    dt { (words.say("playground-energy")) }
                                    dd { span data-part="energy" {} " " span.tag data-part="source" {} }
                                }
                                (figure("edited", "playground-edited"))
                                (figure("loras", "playground-loras"))
                                (figure("seed", "playground-seed"))
                                (figure("time", "playground-time"))
                            }
                            (receipt(words))
                            div.row {
                                a.button.second data-part="save" { (words.say("playground-save")) }
                                button.second type="button" data-part="reuse" { (words.say("playground-reuse")) }
                                @if terms.edit.is_some() {
                                    button.second type="button" data-part="edit" { (words.say("playground-use-source")) }
                                }
                                button.second type="button" data-part="compare" aria-pressed="false" hidden {
                                    (words.say("playground-compare"))
                                }
                                button.quiet type="button" data-part="delete" { (words.say("playground-delete")) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The receipt as the API gives it.
pub(super) fn receipt_dialog(words: Words) -> Markup {
    html! {
        dialog id="receipt" aria-labelledby="receipt-heading" {
            form method="dialog" {
                h2 id="receipt-heading" { (words.say("playground-receipt")) }
                p.note { code id="receipt-url" translate="no" {} }
                pre tabindex="0" role="group" aria-labelledby="receipt-heading" { code id="receipt-json" translate="no" {} }
                div.row {
                    a.button.second id="receipt-save" { (words.say("playground-receipt-save")) }
                    button { (words.say("playground-close")) }
                }
            }
        }
    }
}

/// Asks before images are deleted.
pub(super) fn delete_dialog(words: Words) -> Markup {
    html! {
        dialog.narrow id="delete-dialog" aria-labelledby="delete-words" {
            form method="dialog" {
                h2 id="delete-words" {}
                img id="delete-image" alt="" hidden;
                p.note { (words.say("playground-delete-note")) }
                div.row {
                    button.danger value="delete" { (words.say("playground-delete")) }
                    button.second value="keep" { (words.say("playground-cancel")) }
                }
            }
        }
    }
}
