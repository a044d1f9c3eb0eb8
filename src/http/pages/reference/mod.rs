//! /docs: the API's description as a page.

mod document;
mod schema;

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde_json::Value;

use self::document::{Document, Operation};
use super::{
    frame::{Page, Visit, Words, rich},
    places::Section,
    session,
};
use crate::http::{
    State,
    api::{error::ApiError, openapi::described},
};

/// GET /docs
pub(super) async fn show(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    let visit = session::visit(&request, &state).await;
    let described = described()?;
    let base = state.address.base(&request);
    let title = visit.words.say("reference-title");
    let body = body(&visit, &Document(&described), &base);
    Ok(Page::new(&visit, Section::Reference, &title).sheet("reference.css").show(&body))
}

fn body(visit: &Visit, document: &Document<'_>, base: &str) -> Markup {
    let words = visit.words;
    let tags = document.tags();
    html! {
        div.page-head {
            h1 { (words.say("reference-title")) }
            a href="/openapi.json" { "openapi.json" }
        }
        p { (words.say("reference-lead")) }
        pre tabindex="0" { code { "OPENAI_BASE_URL=" (base) "/v1\nOPENAI_API_KEY=tt-…" } }
        div.reference {
            nav.contents aria-label=(words.say("reference-contents")) {
                @for (tag, _) in &tags {
                    strong lang="en" { (tag) }
                    ul { @for operation in document.operations(tag) { li { a href={ "#" (operation.id()) } { (name(&operation)) } } } }
                }
                strong { (words.say("reference-schemas")) }
                ul { @for name in document.schemas() { li { a href={ "#" (schema::id(name)) } { code { (name) } } } } }
            }
            div lang="en" {
                @for (tag, description) in &tags {
                    section aria-labelledby={ "tag-" (tag) } {
                        h2 id={ "tag-" (tag) } { (tag) }
                        p { (rich(description)) }
                        @for operation in document.operations(tag) { (show_operation(words, document, &operation, base)) }
                    }
                }
                section aria-labelledby="schemas" {
                    h2 id="schemas" lang=(words.language().tag()) { (words.say("reference-schemas")) }
                    @for name in document.schemas() {
                        article.card id=(schema::id(name)) {
                            h3 { code { (name) } }
                            (schema::fields(words, document, document.schema(name), name))
                        }
                    }
                }
            }
        }
    }
}

fn name(operation: &Operation<'_>) -> Markup {
    html! { span.method { (operation.method) } " " code { (operation.path) } }
}

fn show_operation(words: Words, document: &Document<'_>, operation: &Operation<'_>, base: &str) -> Markup {
    let own = words.language().tag();
    let parameters = document.parameters(operation);
    html! {
        article.card id=(operation.id()) {
            h3 { (name(operation)) }
            p { strong { (operation.text("summary").trim_end_matches('.')) "." } }
            @if !operation.text("description").is_empty() { p { (rich(operation.text("description"))) } }
            pre tabindex="0" { code { (example(operation, base)) } }
            @if !parameters.is_empty() {
                h4 lang=(own) { (words.say("reference-parameters")) }
                (schema::parameters(words, document, &parameters, &operation.id()))
            }
            @for (media_type, schema) in document.bodies(operation) {
                h4 { span lang=(own) { (words.say("reference-body")) } " " code { (media_type) } }
                (schema::reference_or_fields(words, document, schema, &operation.id()))
            }
            h4 lang=(own) { (words.say("reference-responses")) }
            (responses(document, operation))
        }
    }
}

fn responses(document: &Document<'_>, operation: &Operation<'_>) -> Markup {
    html! {
        ul.responses { @for (status, response) in document.responses(operation) {
            li {
                code { (status) } " "
                (rich(response["description"].as_str().unwrap_or_default()))
                @for (media_type, schema) in document.contents(response) {
                    " " small.soft { (media_type) @if schema::says_type(schema) { " " (schema::type_of(document, schema)) } }
                }
            }
        } }
    }
}

/// A line to paste into a terminal.
fn example(operation: &Operation<'_>, base: &str) -> String {
    let method = if operation.method == "GET" { String::new() } else { format!("-X {} ", operation.method) };
    let key = if operation.needs_key() { " -H \"Authorization: Bearer $OPENAI_API_KEY\"" } else { "" };
    let body = match operation.path {
        "/v1/images/generations" | "/v1/async/images/generations" => {
            " \\\n  -H 'Content-Type: application/json' -d '{\"prompt\": \"a red apple\"}'"
        }
        "/v1/images/edits" | "/v1/async/images/edits" => {
            " \\\n  -F image=@photo.png -F prompt='a green apple'"
        }
        "/v1/images/variations" => " \\\n  -F image=@photo.png",
        "/v1/files" if operation.method == "POST" => " \\\n  -F purpose=batch -F file=@requests.jsonl",
        "/v1/batches" if operation.method == "POST" => {
            " \\\n  -H 'Content-Type: application/json' \\\n  -d '{\"input_file_id\": \"file-…\", \"endpoint\": \"/v1/images/generations\", \"completion_window\": \"24h\"}'"
        }
        _ => "",
    };
    format!("curl {method}{base}{}{key}{body}", operation.path)
}

/// Whether `value` is an object with nothing in it, or none.
fn is_empty(value: &Value) -> bool {
    value.as_object().is_none_or(serde_json::Map::is_empty)
}

#[cfg(test)]
mod tests;
