//! A LoRA's file, against the embedded model.
#![no_main]

mod scratch;

use libfuzzer_sys::fuzz_target;
use tintype::pipeline::{EMBEDDED_MODEL, LoraInspection};

fuzz_target!(|file: &[u8]| {
    let path = scratch::file("lora.safetensors", file);
    let _matched = LoraInspection::of(&path, Some(&EMBEDDED_MODEL));
});
