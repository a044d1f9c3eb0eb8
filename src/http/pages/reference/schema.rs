use maud::{Markup, html};
use serde_json::Value;

use super::{document::Document, is_empty};
use crate::http::pages::frame::{Words, rich};

/// Where the schemas of the document are.
const SCHEMAS: &str = "#/components/schemas/";

/// What links lead to the schema `name` by.
pub(super) fn id(name: &str) -> String {
    format!("schema-{name}")
}

/// A schema's name as a link, or its fields if it has no name.
pub(super) fn reference_or_fields(
    words: Words,
    document: &Document<'_>,
    schema: &Value,
    region: &str,
) -> Markup {
    html! { @match name_of(schema) {
        Some(name) => p { (link(name)) },
        None => (fields(words, document, schema, region)),
    } }
}

/// The fields of an object, or what else the schema allows.
pub(super) fn fields(words: Words, document: &Document<'_>, schema: &Value, region: &str) -> Markup {
    let is_required = |name: &str| {
        schema["required"].as_array().is_some_and(|names| names.iter().any(|one| one.as_str() == Some(name)))
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    let mut rows: Vec<_> =
        properties.map(|(name, field)| (name.as_str(), field, is_required(name))).collect();
    // A stable sort: those that are required come first.
    rows.sort_by_key(|(_, _, is_required)| !is_required);
    html! {
        @if let Some(description) = schema["description"].as_str() { p { (rich(description)) } }
        @if is_empty(&schema["properties"]) { p { (type_of(document, schema)) (limits(schema)) } }
        @else { (table(words, region, &rows, document)) }
    }
}

pub(super) fn parameters(
    words: Words,
    document: &Document<'_>,
    parameters: &[&Value],
    region: &str,
) -> Markup {
    let row = |parameter: &'_ &Value| {
        let is_required = parameter["required"].as_bool().unwrap_or(false);
        (
            parameter["name"].as_str().unwrap_or_default().to_owned(),
            parameter["in"].as_str().unwrap_or_default().to_owned(),
            is_required,
        )
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label={ (words.say("reference-parameters")) " " (region) } { table.list { tbody {
            @for parameter in parameters {
                @let (name, place, is_required) = row(parameter);
                tr {
                    th scope="row" { code { (name) } @if is_required { (required(words)) } small { (place) } }
                    td {
                        (type_of(document, &parameter["schema"])) (limits(document.resolved(&parameter["schema"])))
                        @if let Some(text) = parameter["description"].as_str() { p { (rich(text)) } }
                    }
                }
            }
        } } }
    }
}

fn table(words: Words, region: &str, rows: &[(&str, &Value, bool)], document: &Document<'_>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label={ (words.say("reference-fields")) " " (region) } { table.list { tbody {
            @for (name, field, is_required) in rows {
                tr {
                    th scope="row" { code { (name) } @if *is_required { (required(words)) } }
                    td {
                        (type_of(document, field)) (limits(field))
                        @if let Some(text) = field.get("description").or(document.resolved(field).get("description")).and_then(Value::as_str) { p { (rich(text)) } }
                    }
                }
            }
        } } }
    }
}

fn required(words: Words) -> Markup {
    html! { " " span.tag lang=(words.language().tag()) { (words.say("reference-required")) } }
}

/// What a value may be: `string or null`, `array of Image`, `"low" or "high"`.
pub(super) fn type_of(document: &Document<'_>, schema: &Value) -> Markup {
    if let Some(name) = name_of(schema) {
        return link(name);
    }
    let schema = document.resolved(schema);
    let several = ["oneOf", "anyOf", "allOf"].into_iter().find_map(|key| schema[key].as_array());
    if let Some(several) = several {
        let said = several.iter().filter(|one| says_type(one));
        return alternatives(said.map(|one| type_of(document, one)));
    }
    if let Some(values) = schema["enum"].as_array() {
        return alternatives(values.iter().map(|value| html! { code { (value) } }));
    }
    if !schema["const"].is_null() {
        return html! { code { (schema["const"]) } };
    }
    let items = || html! { "array of " (type_of(document, &schema["items"])) };
    let word = |word: &str| {
        if word == "array" {
            items()
        } else {
            html! { (word) }
        }
    };
    match &schema["type"] {
        Value::String(one) => word(one),
        Value::Array(words) => alternatives(words.iter().filter_map(Value::as_str).map(word)),
        _ => html! { "any value" },
    }
}

/// Whether `schema` says what a value is, not only what it must hold beside that.
pub(super) fn says_type(schema: &Value) -> bool {
    ["$ref", "type", "enum", "const", "oneOf", "anyOf", "allOf"].into_iter().any(|key| !schema[key].is_null())
}

fn alternatives(all: impl Iterator<Item = Markup>) -> Markup {
    html! { @for (index, one) in all.enumerate() { @if index > 0 { " or " } (one) } }
}

/// The limits of a number or a text, and what counts if it is left out.
fn limits(schema: &Value) -> Markup {
    let named = [
        ("minimum", "at least "),
        ("exclusiveMinimum", "above "),
        ("maximum", "at most "),
        ("minLength", "characters at least "),
        ("maxLength", "characters at most "),
        ("maxItems", "items at most "),
        ("default", "default "),
    ];
    html! { @for (key, words) in named {
        @if !schema[key].is_null() { span.small.soft { ", " (words) code { (schema[key]) } } }
    } }
}

fn name_of(schema: &Value) -> Option<&str> {
    // What refers to a part of a schema has no name of its own.
    schema["$ref"].as_str()?.strip_prefix(SCHEMAS).filter(|name| !name.contains('/'))
}

fn link(name: &str) -> Markup {
    html! { a href={ "#" (id(name)) } { code { (name) } } }
}
