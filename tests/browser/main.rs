//! The pages in a real browser: Chromium without a screen, and the main paths in Firefox.
//!
//! Without chromium, chromedriver, firefox-esr or npm this says so and skips; with TINTYPE_REQUIRE_CLIENTS=1 that is a failure.

mod batches;
mod driver;
mod edits;
#[path = "../support/eventually.rs"]
mod eventually;
mod firefox;
mod gallery;
#[path = "../support/lora_files.rs"]
mod lora_files;
mod operator;
mod pages;
mod playground;
#[expect(dead_code, reason = "no Python here")]
#[path = "../support/script.rs"]
mod script;
#[path = "../support/server.rs"]
mod server;
mod settings;
#[path = "../support/skip.rs"]
mod skip;
mod studio;
#[path = "../support/tiny_models.rs"]
mod tiny_models;

use crate::{driver::Driver, skip::skip_or_fail};

/// A browser, or none if it is not installed.
fn browser(language: &str) -> Option<Driver> {
    Driver::start(language).map_err(|reason| skip_or_fail("a browser", &reason)).ok()
}
