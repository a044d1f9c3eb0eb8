//! Real clients against the real server: the OpenAI SDKs for Python and Node, LiteLLM, LangChain, Vercel's AI SDK, and
//! Open WebUI's calls.
//!
//! Each test runs one script of this folder; what its checks generate is all that the ledger then holds. Without
//! python3, node or their registries this says so and skips; with TINTYPE_REQUIRE_CLIENTS=1 that is a failure.

#![expect(clippy::print_stdout, reason = "figures for whoever runs it with --nocapture")]

#[expect(dead_code, reason = "tests/api looks into what is asked for, and lets it fail")]
#[path = "../support/commercial_api.rs"]
mod commercial_api;
#[path = "../support/eventually.rs"]
mod eventually;
#[path = "../support/lora_files.rs"]
mod lora_files;
mod node;
mod python;
#[path = "../support/script.rs"]
mod script;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/skip.rs"]
mod skip;
#[path = "../support/tiny_models.rs"]
mod tiny_models;
#[expect(dead_code, reason = "tests/api looks into what arrives")]
#[path = "../support/webhook_receiver.rs"]
mod webhook_receiver;
mod webhooks;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use rand::{SeedableRng, rngs::StdRng};
use tintype::{
    domain::{ApiKey, Scopes},
    ledger::{KeyChange, KeyRules, NewKey},
};

use crate::{
    commercial_api::CommercialApi, node::node, python::python, script::run, server::TestServer,
    skip::skip_or_fail,
};

/// tests/clients of this repository.
fn clients_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// examples/ of this repository.
fn examples_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// A key of `server` beside its first one.
fn key(server: &TestServer, seed: u64, name: &str, scopes: Scopes, budgets: &str) -> String {
    let key = ApiKey::generate(&mut StdRng::seed_from_u64(seed));
    let ledger = server.ledger();
    let rules = KeyRules { scopes, budgets: budgets.parse().expect("budgets"), ..KeyRules::default() };
    let new = NewKey { key: &key, name, rules };
    ledger.create_key(&new, "command line", jiff::Timestamp::now()).expect("a key");
    key.reveal()
}

/// Runs a client's script against `server`: all of its `checks` pass, and `images` images are booked.
fn pass(script: Result<Command, String>, server: &TestServer, checks: usize, images: i64) {
    let mut script = match script {
        Ok(script) => script,
        Err(reason) => return skip_or_fail("a real client", &reason),
    };
    let images_only = Scopes::IMAGES;
    let reader = Scopes::COSTS;
    script
        .env("TINTYPE_URL", &server.url)
        .env("TINTYPE_KEY", &server.key)
        .env("TINTYPE_BROKE_KEY", key(server, 1, "no money", images_only, "0"))
        .env("TINTYPE_READER_KEY", key(server, 2, "no images", reader, "none"))
        // A proxy of the outer environment knows nothing of this machine.
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1");
    let output = run(&mut script).unwrap_or_else(|error| panic!("{error}"));
    println!("{output}");
    assert_eq!(output.lines().filter(|line| line.starts_with("ok ")).count(), checks);
    assert_eq!(server.totals().images, images);
}

#[test]
fn the_python_sdk_generates_and_reads_every_answer() {
    // 1 + 2 + 1 + 1, 8 words for quality, 3 with extensions, 3 and 1 by seed, 2 raw, 8 at once.
    pass(python("openai_sdk.py"), &TestServer::start(), 11, 30);
}

#[test]
fn the_python_sdk_gets_urls_and_every_format() {
    pass(python("openai_formats.py"), &TestServer::start(), 9, 19);
}

#[test]
fn the_python_sdk_streams() {
    pass(python("openai_streaming.py"), &TestServer::start(), 10, 17);
}

#[test]
fn the_python_sdk_takes_bought_images_for_ordinary_ones() {
    let api = CommercialApi::start();
    let directory = tempfile::TempDir::new().expect("a directory");
    let overflow = api.overflow(&directory.path().join("key"), &serde_json::json!({}));
    let server = TestServer::start_with(|config| {
        config.overflow = vec![serde_json::from_value(overflow).expect("an overflow")];
    });
    let public_id = server.key.split('-').nth(1).expect("a public id").to_owned();
    let may = [KeyChange::MayOverflow(true)];
    server.ledger().change_key(&public_id, &may, "command line", jiff::Timestamp::now()).expect("changed");
    pass(python("openai_overflow.py"), &server, 2, 0);
}

#[test]
fn the_python_sdk_raises_its_own_errors() {
    pass(python("openai_errors.py"), &TestServer::start(), 6, 0);
}

#[test]
fn the_python_sdk_keeps_to_rate_limits() {
    let server = TestServer::start_with(|config| {
        config.limits.requests_per_minute = 60.try_into().ok();
        config.limits.images_per_minute = 30.try_into().ok();
    });
    let script = python("openai_limits.py").map(|mut script| {
        script.env("TINTYPE_LIMITS", "requests=60,images=30");
        script
    });
    pass(script, &server, 3, 1);
}

#[test]
fn the_python_sdk_tries_again_and_pays_once() {
    pass(python("openai_retries.py"), &TestServer::start(), 6, 6);
}

#[test]
fn langchain_gets_the_urls_that_it_needs() {
    pass(python("langchain_dalle.py"), &TestServer::start(), 4, 4);
}

#[test]
fn the_node_sdk_generates_and_reads_every_answer() {
    // 1 + 2, 4 with extensions, 2 formats, 2 by URL, 8 at once, 1 and 1 under an Idempotency-Key.
    pass(node("openai_sdk.mjs"), &TestServer::start(), 11, 21);
}

#[test]
fn the_python_sdk_edits_and_so_does_open_webui() {
    // 1, 2, 2 by list and alone, 2 by stream and plain, 1, 2 variations, 1, 2 and 1 as Open WebUI.
    pass(python("openai_edits.py"), &TestServer::start(), 10, 14);
}

#[test]
fn the_python_sdk_drives_files_and_batches() {
    // 1 and 2 by two lines, 1 live.
    pass(python("openai_batches.py"), &TestServer::start(), 4, 4);
}

#[test]
fn the_node_sdk_drives_files_and_batches() {
    pass(node("openai_batches.mjs"), &TestServer::start(), 4, 3);
}

#[test]
fn litellm_generates_and_edits() {
    // 2, 2 within a mask, 4 with fields of ours, 1.
    pass(python("litellm_edits.py"), &TestServer::start(), 5, 9);
}

#[test]
fn the_node_sdk_edits() {
    // 1, 2, 2 by list and alone, 2 by stream and plain, 1 variation.
    pass(node("openai_edits.mjs"), &TestServer::start(), 5, 8);
}

#[test]
fn vercels_ai_sdk_generates_and_edits() {
    pass(node("vercel_ai.mjs"), &TestServer::start(), 4, 4);
}

#[test]
fn the_node_sdk_streams() {
    pass(node("openai_streaming.mjs"), &TestServer::start(), 6, 13);
}

/// Runs a file of examples/ in an empty folder: the files that it left there.
fn run_example(script: Result<Command, String>, server: &TestServer) -> Option<Vec<String>> {
    let mut script = script.map_err(|reason| skip_or_fail("a real client", &reason)).ok()?;
    let folder = tempfile::TempDir::new().expect("a folder");
    script.current_dir(folder.path());
    script.env("OPENAI_BASE_URL", format!("{}/v1", server.url)).env("OPENAI_API_KEY", &server.key);
    script.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    println!("{}", run(&mut script).unwrap_or_else(|error| panic!("{error}")));
    let entries = std::fs::read_dir(folder.path()).expect("the folder");
    let mut files: Vec<String> =
        entries.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    files.sort_unstable();
    Some(files)
}

#[test]
fn the_python_example_runs_as_it_is() {
    let server = TestServer::start();
    if let Some(files) = run_example(python::example("openai_client.py"), &server) {
        assert_eq!(files, ["image.png", "preview-0.png"], "two steps leave room for one preview");
        assert_eq!(server.totals().images, 1);
    }
}

#[test]
fn the_node_example_runs_as_it_is() {
    let server = TestServer::start();
    if let Some(files) = run_example(node::example("openai_client.mjs"), &server) {
        assert_eq!(files, ["image-42.png", "image-43.png"]);
        assert_eq!(server.totals().images, 2);
    }
}

#[test]
fn the_playground_generates_as_any_client_and_its_programs_run() {
    let script = node("playground.mjs").and_then(|mut script| {
        script.env("TINTYPE_PYTHON", python::interpreter()?);
        script.env("TINTYPE_PAGES", Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/pages/playground"));
        Ok(script)
    });
    let server = TestServer::start();
    let loras = server.data.path().join("loras");
    std::fs::create_dir_all(&loras).expect("a directory");
    lora_files::write_lora(&loras.join("ink (2) 墨.safetensors"), "layers.0.attention.to_q", 0);
    // 1, 2 and 2, then one to see its LoRA, then 2 by the page and by each of its three programs; the same for an edit, with one
    // more by the stream. What is stopped is no image.
    pass(script, &server, 10, 23);
}
