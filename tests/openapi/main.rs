//! The document under /openapi.json, and schemathesis, which draws requests from it and holds the answers to it.
//!
//! Without python3 or the registry this says so and skips; with TINTYPE_REQUIRE_CLIENTS=1 that is a failure.

#[path = "../support/script.rs"]
mod script;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/skip.rs"]
mod skip;
#[path = "../support/tiny_models.rs"]
mod tiny_models;

use std::{collections::BTreeSet, path::Path, process::Command};

use serde_json::Value;

use crate::{
    script::{python_programs, run},
    server::TestServer,
    skip::skip_or_fail,
};

fn document() -> Value {
    serde_json::from_str(include_str!("../../src/http/api/openapi.json")).expect("JSON")
}

/// Every `$ref` under `value`.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_reference_resolves_and_every_component_is_used() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in &found {
        let pointer =
            reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} is not in the document"));
        assert!(document.pointer(pointer).is_some(), "{reference} does not resolve");
    }
    for kind in ["schemas", "responses", "parameters", "headers"] {
        for name in document["components"][kind].as_object().expect("components").keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(found.contains(reference.as_str()), "nothing uses {reference}");
        }
    }
}

#[test]
fn the_document_is_served_with_the_programs_version() {
    let server = TestServer::start();
    let mut answer = ureq::get(format!("{}/openapi.json", server.url)).call().expect("an answer");
    let served: Value = answer.body_mut().read_json().expect("JSON");
    let mut document = document();
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    assert_eq!(served, document);
}

#[test]
fn whatever_the_document_allows_is_generated_and_all_else_is_refused() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi");
    let programs = match python_programs("openapi-venv", &here) {
        Ok(programs) => programs,
        Err(reason) => return skip_or_fail("schemathesis", &reason),
    };
    // Requests are drawn to the document's limits, ten images of a hundred steps too: they must be small.
    let server = TestServer::start_with(|config| config.limits.pixels_max = 64 * 64);
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let report = run(Command::new(programs.join("schemathesis"))
        .arg("--config-file")
        .arg(here.join("schemathesis.toml"))
        .args(["run", "--no-color", &format!("{}/openapi.json", server.url)])
        .env("TINTYPE_KEY", &server.key)
        .env("TINTYPE_HOOKS", here.join("hooks.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // It writes a folder of its own where it stands.
        .current_dir(scratch.path()));
    if let Err(report) = report {
        panic!("{report}");
    }
    // Had every request been refused, no answer would have been looked at.
    assert!(server.totals().images > 100, "{:?}", server.totals());
}
