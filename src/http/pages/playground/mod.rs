//! Generating images by hand, for anyone with an API key. The page asks the API as every client does: the key is the
//! visitor's own, stays in the browser's tab, and is in no cookie and no address. Whoever has signed in may choose a key instead,
//! and never sees its secret.

mod edit;
mod keys;
mod parts;
mod terms;

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, PreEscaped, html};
use serde_json::json;

use self::{
    keys::OwnKeys,
    terms::{FORMATS, QUALITIES, Terms, script_words},
};
use super::{
    frame::{Page, Visit, Words, fields},
    places::{OWN_GALLERY, Section},
    session,
};
use crate::{
    domain::{ImageFormat, Quality},
    http::{State, api::error::ApiError},
};

/// GET /playground: the page, or what it goes by as JSON.
pub(super) async fn show(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    // Open to everybody; whoever has signed in keeps the way out.
    let visit = session::visit(&request, &state).await;
    let currency = state.service.costs().currency().to_string();
    let terms = Terms::new(&state.offer, state.address.base(&request), currency);
    if !visit.wants_page {
        return Ok(super::json(&terms));
    }
    let keys = OwnKeys::of(&visit, &state).await?;
    let title = visit.words.say("playground-title");
    let page = Page::new(&visit, Section::Playground, &title).sheet("playground.css").script("playground.js");
    Ok(page.show(&html! { (body(visit.words, &terms, keys.as_ref())) (own_gallery(&visit)) }))
}

/// The way to the images that are kept here: for whoever has signed in a link, for whoever has a key a form that signs in with it.
/// The script puts the key into it when it is sent, and at no other time.
fn own_gallery(visit: &Visit) -> Markup {
    let words = visit.words;
    let place = if visit.may_administer() { "/admin/gallery" } else { OWN_GALLERY };
    html! {
        @if visit.is_signed_in() && (visit.may_administer() || visit.may_open(Section::OwnGallery)) {
            p { a.button.second id="own-gallery" href=(place) { (words.say("playground-own-gallery")) } }
        } @else {
            form.row id="gallery-form" method="post" action="/admin/sign-in" autocomplete="off" {
                (fields(visit))
                input type="hidden" name="next" value=(OWN_GALLERY);
                input type="hidden" name="secret" id="gallery-secret";
                button.second { (words.say("playground-own-gallery")) }
                span.hint { (words.say("playground-own-gallery-hint")) }
            }
        }
    }
}

fn body(words: Words, terms: &Terms, keys: Option<&OwnKeys>) -> Markup {
    html! {
        div.page-head {
            h1 { (words.say("playground-title")) }
            span.note id="model" { (words.format("playground-model", &[("model", terms.model.as_str().into())])) }
        }
        @if terms.is_demo { (demo(words)) }
        noscript {
            div.notice.without-script {
                p { (words.say("playground-no-script")) }
                pre tabindex="0" { code { (curl(words, terms)) } }
            }
        }
        div.playground id="playground" {
            div.settings {
                (keys::entry(words, keys))
                (settings(words, terms))
            }
            section.pictures aria-labelledby="pictures-heading" {
                @if let Some(terms) = &terms.edit { (edit::panel(words, terms)) }
                h2.hidden id="pictures-heading" { (words.say("playground-images")) }
                p.empty id="empty" { (words.say("playground-empty")) }
                ol.gallery id="gallery" {}
                div.gallery-foot id="gallery-foot" hidden {
                    button.second id="show-more" type="button" hidden {}
                    p.hint id="kept" { (words.say("playground-kept")) }
                    button.danger id="delete-all" type="button" { (words.say("playground-delete-all")) }
                }
            }
        }
        (parts::code(words))
        (parts::image(words, terms))
        (parts::receipt_dialog(words))
        (parts::delete_dialog(words))
        (data(words, terms))
    }
}

/// What the demo model is, and prompts that it knows; the script puts a pressed one into the form.
fn demo(words: Words) -> Markup {
    html! {
        div.notice id="demo" {
            p { (words.say("playground-demo")) }
            div.row {
                @for idea in words.say("playground-ideas").split('|') {
                    button.second type="button" data-idea { (idea.trim()) }
                }
            }
        }
    }
}

/// The request for whoever has no script.
fn curl(words: Words, terms: &Terms) -> String {
    let body = json!({ "prompt": words.say("playground-example"), "response_format": "url" });
    format!(
        "curl {}/v1/images/generations \\\n  -H \"Authorization: Bearer $TINTYPE_KEY\" \\\n  -H \"Content-Type: \
         application/json\" \\\n  -d '{body}'",
        terms.base_url
    )
}

fn settings(words: Words, terms: &Terms) -> Markup {
    html! {
        form.card.stack id="paint-form" method="dialog" autocomplete="off" aria-label=(words.say("playground-settings")) {
            div.field {
                label for="prompt" { (words.say("playground-prompt")) }
                textarea id="prompt" rows="4" placeholder=(words.say("playground-example"))
                    aria-keyshortcuts="Control+Enter Meta+Enter" aria-describedby=[terms.is_demo.then_some("unknown")] {}
                @if terms.is_demo { p.hint id="unknown" role="status" hidden {} }
            }
            @if !terms.is_demo { (parts::prompts(words)) }
            @if terms.edit.is_some() { (edit::entry(words)) }
            div.bar {
                div.row {
                    button id="paint" { (words.say("playground-generate")) }
                    button.second id="stop" type="button" hidden { (words.say("playground-stop")) }
                    span.hint.shortcut { kbd { "Ctrl" } " + " kbd { "Enter" } }
                }
                p.hint id="quote-refused" hidden {
                    span.tag.warn { (words.say("playground-quote-refused")) } " "
                    span id="quote-refused-why" lang="en" {}
                }
                p.hint id="quote" hidden {
                    span.number id="quote-text" {} " " span.tag id="quote-source" {} " "
                    span.tag.warn id="quote-over" hidden { (words.say("playground-quote-over")) }
                }
            }
            p.problem id="problem" role="alert" hidden {}
            p.hint id="status" role="status" {}
            hr;
            (size(words, terms))
            div.inputs.few {
                (quality(words, terms))
                div.field {
                    label for="count" { (words.say("playground-count")) }
                    input id="count" type="number" min="1" max=(terms.images_max) step="1" value="1" required;
                }
                div.field {
                    label for="format" { (words.say("playground-format")) }
                    select id="format" {
                        @for format in FORMATS {
                            option value=(format.as_str()) { (format_name(format)) }
                        }
                    }
                }
            }
            (parts::seed(words, terms))
            (parts::loras(words, terms))
            (more(words, terms))
        }
    }
}

fn size(words: Words, terms: &Terms) -> Markup {
    let is_preset = |size: &str| terms.presets.iter().any(|preset| preset.size() == size);
    let custom = !is_preset(&terms.default_size);
    let (width, height) = terms.default_size.split_once('x').unwrap_or_default();
    let side = |id: &str, label: &str, value: &str| {
        html! {
            div.field {
                label for=(id) { (words.say(label)) }
                input id=(id) type="number" min=(terms.size_factor) max=(terms.side_max) step=(terms.size_factor) value=(value);
            }
        }
    };
    let hint = [("factor", terms.size_factor.into()), ("pixels", terms.pixels_max.into())];
    html! {
        fieldset.sizes id="sizes" {
            legend.label { (words.say("playground-size")) }
            div.shapes {
                @for preset in &terms.presets {
                    label {
                        input type="radio" name="size" value=(preset.size()) checked[preset.size() == terms.default_size];
                        (parts::shape(preset.width, preset.height))
                        span { (words.say(preset.name)) }
                        small { (preset.width) "×" (preset.height) }
                    }
                }
                @if terms.edit.is_some() {
                    label id="size-auto" hidden {
                        input type="radio" name="size" value="auto";
                        (parts::SHAPE_OF_ANY)
                        span { (words.say("playground-size-source")) }
                        small { (words.say("playground-size-source-note")) }
                    }
                }
                label {
                    input type="radio" name="size" value="custom" checked[custom];
                    (parts::SHAPE_OF_ANY)
                    span { (words.say("playground-custom")) }
                    small { "W×H" }
                }
            }
            div.inputs.sides id="sides" hidden[!custom] {
                (side("width", "playground-width", width))
                (side("height", "playground-height", height))
                p.hint { (words.format("playground-size-hint", &hint)) }
            }
        }
    }
}

fn quality(words: Words, terms: &Terms) -> Markup {
    let label = |quality: Quality| {
        let steps = terms.steps.get(quality.as_str()).copied().unwrap_or_default();
        let values = [("quality", words.quality(quality).into()), ("steps", steps.into())];
        words.format("playground-quality-steps", &values)
    };
    html! {
        div.field {
            label for="quality" { (words.say("playground-quality")) }
            select id="quality" {
                @for quality in QUALITIES {
                    option value=(quality.as_str()) selected[quality == Quality::default()] { (label(quality)) }
                }
            }
        }
    }
}

const fn format_name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Webp => "WebP",
    }
}

fn more(words: Words, terms: &Terms) -> Markup {
    html! {
        details id="more" {
            summary { (words.say("playground-more")) }
            div.stack {
                div.inputs {
                    div.field {
                        label for="steps" { (words.say("playground-steps")) }
                        input id="steps" type="number" min="1" max=(terms.steps_max) step="1";
                    }
                    div.field {
                        label for="guidance" { (words.say("playground-guidance")) }
                        input id="guidance" type="number" min="0" max=(terms.guidance_max) step="any"
                            value=(terms.guidance_scale) aria-describedby="guidance-hint" required;
                    }
                }
                p.hint id="guidance-hint" { (words.say("playground-guidance-hint")) }
                div.field id="negative-entry" hidden[terms.guidance_scale <= 0.0] {
                    label for="negative" { (words.say("playground-negative")) }
                    textarea id="negative" rows="2" {}
                }
                div {
                    label.check for="preview" {
                        input id="preview" type="checkbox" checked aria-describedby="preview-hint";
                        (words.say("playground-preview"))
                    }
                    p.hint id="preview-hint" { (words.say("playground-preview-hint")) }
                }
                div {
                    label.check for="keep" {
                        input id="keep" type="checkbox" aria-describedby="keep-hint";
                        (words.say("playground-keep"))
                    }
                    p.hint id="keep-hint" { (words.say("playground-keep-hint")) }
                }
            }
        }
    }
}

/// What the script goes by. A block of data runs nothing, so the policy lets it stand; its text must not end it.
fn data(words: Words, terms: &Terms) -> Markup {
    let data = json!({ "terms": terms, "words": script_words(words) }).to_string().replace('<', "\\u003c");
    html! { script type="application/json" id="playground-data" { (PreEscaped(data)) } }
}

#[cfg(test)]
mod tests {
    use super::{terms::tests::offer, *};
    use crate::http::pages::text;

    fn page(words: Words, default_size: &str) -> Markup {
        let terms = Terms::new(&offer(default_size), "https://paint.example".into(), "CNY".into());
        body(words, &terms, None)
    }

    /// The page without what only its script reads.
    fn shown(words: Words) -> String {
        let page = page(words, "1024x1024").0;
        let (shown, _) = page.split_once("<script").expect("the data");
        text(&PreEscaped(shown.to_owned()))
    }

    #[test]
    fn the_page_offers_what_the_server_offers() {
        insta::assert_snapshot!(shown(Words::ENGLISH));
        insta::assert_snapshot!("the_page_in_chinese", shown(Words::CHINESE));
    }

    #[test]
    fn what_the_script_reads_cannot_end_its_block() {
        let mut offer = offer("1024x1024");
        offer.model = "</script><script>alert(1)".into();
        let terms = Terms::new(&offer, "https://paint.example".into(), "CNY".into());
        let block = data(Words::ENGLISH, &terms).0;
        assert_eq!(block.matches('<').count(), 2, "{block}");
        let (_, json) = block.split_once('>').expect("a block");
        let json = json.strip_suffix("</script>").expect("its end");
        let data: serde_json::Value = serde_json::from_str(json).expect("JSON");
        assert_eq!(data["terms"]["model"], offer.model);
    }

    #[test]
    fn a_default_size_of_no_shape_is_chosen_by_its_sides() {
        let page = page(Words::ENGLISH, "1024x1040").0;
        assert!(page.contains("value=\"custom\" checked") && !page.contains("id=\"sides\" hidden"), "{page}");
        assert!(page.contains("value=\"1024\"") && page.contains("value=\"1040\""), "{page}");
    }

    #[test]
    fn no_field_that_holds_the_key_has_a_name_to_be_sent_under() {
        let key = keys::entry(Words::ENGLISH, None).0;
        assert!(!key.contains(" name="), "{key}");
    }
}
