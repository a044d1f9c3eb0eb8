//! LoRAs: the library, what is said of a file, and `generate --lora`.

use std::fs;

use tempfile::TempDir;

use crate::{complaint, lora_files::write_lora, out, pixels, run, tiny_models};

#[test]
fn a_lora_is_added_listed_inspected_applied_by_name_and_removed() {
    let place = TempDir::new().expect("a directory");
    let model = tiny_models::directory("base").display().to_string();
    let tintype = |arguments: &[&str]| run(place.path(), arguments);
    write_lora(&place.path().join("style.v1.safetensors"), "layers.0.attention.to_q", 0);
    assert_eq!(out(&tintype(&["lora", "list"])), "");
    assert_eq!(out(&tintype(&["lora", "add", "style.v1.safetensors", "--name", "style"])), "style\n");
    complaint(&tintype(&["lora", "add", "style.v1.safetensors", "--name", "style"]), 2);
    complaint(&tintype(&["lora", "add", "style.v1.safetensors", "--name", "../style"]), 2);
    let listed = out(&tintype(&["lora", "list"]));
    assert!(listed.starts_with("style ") && listed.contains("1 LoRA, rank 2"), "{listed}");
    let said = out(&tintype(&["lora", "inspect", "style", "--model", &model]));
    assert!(said.contains("matched       1 of 1 layers") && said.contains("sha256"), "{said}");

    let image = |lora: &[&str]| {
        let arguments =
            ["generate", "tea", "--model", &model, "--size", "32x32", "--steps", "2", "--seed", "1"];
        out(&tintype(&[&arguments, lora].concat()));
        pixels(&place.path().join("picture.png"))
    };
    let (without, with) = (image(&[]), image(&["--lora", "style:3"]));
    assert_ne!(without, with);
    assert_eq!(image(&["--lora", "style.v1.safetensors:3"]), with);
    assert_eq!(image(&["--lora", "style:0"]), without);

    assert!(complaint(&tintype(&["lora", "remove", "stile"]), 2).contains("did you mean `style`?"));
    out(&tintype(&["lora", "remove", "style"]));
    let gone = complaint(&tintype(&["generate", "tea", "--model", &model, "--lora", "style"]), 2);
    assert!(gone.contains("style.safetensors") && gone.contains("loras"), "{gone}");
}

#[test]
fn what_is_not_a_lora_or_of_another_model_is_said() {
    let place = TempDir::new().expect("a directory");
    let model = tiny_models::directory("base");
    let tintype = |arguments: &[&str]| run(place.path(), arguments);
    let vae = model.join("vae/diffusion_pytorch_model.safetensors").display().to_string();
    let said = complaint(&tintype(&["lora", "add", &vae]), 2);
    assert!(said.contains("not a LoRA"), "{said}");

    write_lora(&place.path().join("other.safetensors"), "double_blocks.0.img_attn.qkv", 0);
    let model = model.display().to_string();
    let inspected = tintype(&["lora", "inspect", "other.safetensors", "--model", &model, "--json"]);
    complaint(&inspected, 1);
    let json: serde_json::Value = serde_json::from_slice(&inspected.stdout).expect("JSON");
    assert_eq!((&json["other_family"], &json["model"]["matched"]), (&"Flux's".into(), &0.into()));
    assert!(json["model"]["problem"].as_str().is_some_and(|problem| problem.contains("another model")));
    fs::remove_file(place.path().join("other.safetensors")).expect("there");
}
