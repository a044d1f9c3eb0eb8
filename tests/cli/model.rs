//! `tintype model inspect`: what files are, before they are loaded.

use std::fs;

use tempfile::TempDir;

use crate::{complaint, out, run, tiny_models};

#[test]
fn a_whole_model_is_told_part_by_part() {
    let place = TempDir::new().expect("a directory");
    let model = tiny_models::directory("sharded").display().to_string();
    let text = out(&run(place.path(), &["model", "inspect", &model]));
    for part in ["family        Z-Image", "transformer", "text_encoder", "vae", "f32", "resident", "fits"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("sha256"), "{text}");

    let json = out(&run(place.path(), &["model", "inspect", &model, "--json", "--hash"]));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["family"], "Z-Image");
    let transformer = &json["parts"][0];
    assert_eq!((&transformer["part"], &transformer["layout"]), (&"transformer".into(), &"diffusers".into()));
    assert_eq!(transformer["files"].as_array().map(Vec::len), Some(3), "{transformer}");
    let hash = transformer["files"][0]["sha256"].as_str().expect("a hash");
    assert!(hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
    assert_eq!(json["tiers"].as_array().map(Vec::len), Some(5));
}

#[test]
fn what_is_missing_is_said_and_the_exit_code_tells_programs() {
    let place = TempDir::new().expect("a directory");
    let model = tiny_models::directory("base");
    let file = place.path().join("z_image_turbo.safetensors");
    fs::copy(model.join("transformer/diffusion_pytorch_model.safetensors"), &file).expect("copied");
    fs::copy(model.join("transformer/config.json"), file.with_extension("json")).expect("copied");
    let alone = run(place.path(), &["model", "inspect", "z_image_turbo.safetensors"]);
    complaint(&alone, 1);
    let text = String::from_utf8(alone.stdout).expect("UTF-8");
    for part in ["turbo, guessed", "--text-encoder", "--vae"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
