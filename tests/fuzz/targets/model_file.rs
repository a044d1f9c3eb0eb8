//! A file of weights, .safetensors or .gguf by its first bytes: a model or a line of what is wrong with it.
#![no_main]

mod scratch;

use libfuzzer_sys::fuzz_target;
use tintype::pipeline::{DeviceChoice, Inspection, ModelFiles, Placement};

fuzz_target!(|file: &[u8]| {
    let ending = if file.starts_with(b"GGUF") { "gguf" } else { "safetensors" };
    let path = scratch::file(&format!("model.{ending}"), file);
    let placement = Placement { device: DeviceChoice::Cpu, ..Placement::default() };
    if let Ok(inspection) = Inspection::of(&ModelFiles::file(&path), &placement, false) {
        assert!(inspection.problems().all(|problem| !problem.contains('\n')));
    }
});
