//! Tintype: an OpenAI-compatible image API on your own GPU, with the true cost of every image.
//!
//! The modules stand in the order of a request; docs/architecture.md walks through them.

pub mod units;

pub mod domain;

pub mod clock;
pub mod os;
pub mod toml_text;

pub mod admit;
pub mod engine;
pub mod pipeline;

pub mod batches;
pub mod cluster;
pub mod costs;
pub mod encode;
pub mod image_store;
pub mod ledger;
pub mod lora_library;
pub mod meter;
pub mod notify;
pub mod outbound;
pub mod overflow;
pub mod source_image;
pub mod statements;
pub mod telemetry;

pub mod app;
pub mod cli;
pub mod config;
pub mod http;
pub mod service;
