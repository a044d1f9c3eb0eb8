//! Tintype's pipeline held against goldens that diffusers made (make_goldens.py): number by number, pixel by pixel.

#![expect(clippy::print_stdout, reason = "figures for whoever runs it with --nocapture")]

#[path = "../support/skip.rs"]
mod skip;
#[path = "../support/tiny_models.rs"]
mod tiny_models;

mod edits;
mod goldens;
mod layouts;
mod library;
mod loading;
mod loras;
mod memory;
mod precision;
mod tokenizer;
mod vectors;
