//! What is wrong with a model is said in one line that names the file.

use std::{fs, path::Path};

use tempfile::TempDir;
use tintype::pipeline::{DeviceChoice, MemoryTier, ModelFiles, Pipeline, Placement, Precision};

use crate::tiny_models;

fn damaged(model: &str, damage: impl Fn(&Path)) -> String {
    damaged_in(MemoryTier::Resident, model, damage)
}

fn damaged_in(memory: MemoryTier, model: &str, damage: impl Fn(&Path)) -> String {
    let directory = TempDir::new().expect("a temporary directory");
    tiny_models::write(model, directory.path());
    damage(directory.path());
    let files = ModelFiles::directory(directory.path()).expect("a directory");
    let placement = Placement { memory, ..Placement::resident(DeviceChoice::Cpu, Precision::F32) };
    let error =
        Pipeline::load(&files, &placement, &|_, _| {}).err().expect("the damage is noticed").to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

fn edit_json(path: &Path, field: &str, value: serde_json::Value) {
    let text = fs::read(path).expect("a file");
    let mut json: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    json[field] = value;
    fs::write(path, json.to_string()).expect("writable");
}

#[test]
fn a_missing_file_is_named() {
    for file in [
        "model_index.json",
        "tokenizer/tokenizer.json",
        "transformer/config.json",
        "vae/diffusion_pytorch_model.safetensors",
        "scheduler/scheduler_config.json",
    ] {
        let error = damaged("base", |root| fs::remove_file(root.join(file)).expect("there"));
        assert!(error.contains(file) && error.contains("no such file"), "{error}");
    }
}

#[test]
fn a_missing_shard_is_named() {
    let shard = "transformer/diffusion_pytorch_model-00002-of-00003.safetensors";
    let error = damaged("sharded", |root| fs::remove_file(root.join(shard)).expect("there"));
    assert!(error.contains(shard), "{error}");
}

#[test]
fn a_truncated_file_is_named_with_both_lengths() {
    let file = "vae/diffusion_pytorch_model.safetensors";
    let error = damaged("base", |root| {
        let bytes = fs::read(root.join(file)).expect("there");
        fs::write(root.join(file), &bytes[..bytes.len() - 100]).expect("writable");
    });
    assert!(error.contains(file) && error.contains("truncated"), "{error}");
}

#[test]
fn an_empty_or_garbled_file_is_no_panic() {
    let file = "transformer/diffusion_pytorch_model.safetensors";
    for bytes in [&b""[..], b"1234567", b"\xff\xff\xff\xff\xff\xff\xff\xff{}", b"\x02\0\0\0\0\0\0\0{}"] {
        let error = damaged("base", |root| fs::write(root.join(file), bytes).expect("writable"));
        assert!(error.contains(file), "{error}");
    }
    let error = damaged("base", |root| fs::write(root.join("vae/config.json"), "{").expect("writable"));
    assert!(error.contains("vae/config.json"), "{error}");
}

#[test]
fn a_layer_that_lacks_a_tensor_is_found_at_the_start_wherever_layers_are_held() {
    for (file, tensor, other) in [
        ("text_encoder/model.safetensors", "layers.1.mlp.up_proj.weight", "layers.1.mlp.xp_proj.weight"),
        (
            "transformer/diffusion_pytorch_model.safetensors",
            "layers.1.feed_forward.w2.weight",
            "layers.1.feed_forward.x2.weight",
        ),
    ] {
        for memory in [MemoryTier::Resident, MemoryTier::EightBit, MemoryTier::Low] {
            let error = damaged_in(memory, "base", |root| {
                let path = root.join(file);
                let mut bytes = fs::read(&path).expect("there");
                let at = bytes.windows(tensor.len()).position(|name| name == tensor.as_bytes());
                let at = at.expect("a second layer");
                bytes[at..at + tensor.len()].copy_from_slice(other.as_bytes());
                fs::write(&path, bytes).expect("writable");
            });
            assert!(error.contains(file) && error.contains(tensor), "{memory}: {error}");
        }
    }
}

#[test]
fn a_wrong_shape_names_the_tensor_and_both_shapes() {
    let error = damaged("base", |root| {
        edit_json(&root.join("vae/config.json"), "layers_per_block", 7.into());
    });
    assert!(error.contains("vae/") && error.contains("no tensor"), "{error}");
    let error = damaged("base", |root| {
        edit_json(&root.join("text_encoder/config.json"), "intermediate_size", 10.into());
    });
    assert!(error.contains("text_encoder/model.safetensors") && error.contains("shape"), "{error}");
}

#[test]
fn a_model_that_is_not_z_image_is_refused_by_name() {
    let flux = damaged("base", |root| {
        edit_json(&root.join("model_index.json"), "_class_name", "FluxPipeline".into());
    });
    assert!(flux.contains("model_index.json") && flux.contains("FluxPipeline"), "{flux}");
    let scheduler = damaged("base", |root| {
        let file = root.join("scheduler/scheduler_config.json");
        edit_json(&file, "_class_name", "DDIMScheduler".into());
    });
    assert!(
        scheduler.contains("scheduler_config.json") && scheduler.contains("DDIMScheduler"),
        "{scheduler}"
    );
    let encoder = damaged("base", |root| {
        edit_json(&root.join("text_encoder/config.json"), "model_type", "t5".into());
    });
    assert!(encoder.contains("text_encoder/config.json") && encoder.contains("t5"), "{encoder}");
}

#[test]
fn a_configuration_that_cannot_be_is_refused() {
    let heads = damaged("base", |root| {
        edit_json(&root.join("transformer/config.json"), "n_heads", 3.into());
    });
    assert!(heads.contains("transformer/config.json") && heads.contains("axes_dims"), "{heads}");
    let width = damaged("base", |root| {
        edit_json(&root.join("text_encoder/config.json"), "hidden_size", 48.into());
    });
    assert!(width.contains("cap_feat_dim") && width.contains("hidden_size"), "{width}");
    let tokens = damaged("base", |root| {
        edit_json(&root.join("text_encoder/config.json"), "vocab_size", 10.into());
    });
    assert!(tokens.contains("tokenizer.json") && tokens.contains("vocab_size"), "{tokens}");
}

#[test]
fn a_pointer_of_git_lfs_is_called_one() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef\nsize 15570888\n";
    for file in ["transformer/diffusion_pytorch_model.safetensors", "tokenizer/tokenizer.json"] {
        let error = damaged("base", |root| fs::write(root.join(file), pointer).expect("writable"));
        assert!(error.contains(file) && error.contains("git lfs pull"), "{error}");
    }
}

#[test]
fn an_index_names_files_beside_it_and_no_others() {
    let index = "transformer/diffusion_pytorch_model.safetensors.index.json";
    let outside = tiny_models::directory("base").join("vae/diffusion_pytorch_model.safetensors");
    let outside = outside.display().to_string();
    for shard in [
        "../vae/diffusion_pytorch_model.safetensors",
        &outside,
        "..",
        ".",
        "a/b",
        "a\\b",
        "",
        "a/",
        "./a",
        "a\0b",
    ] {
        let error = damaged("base", |root| {
            let weight_map = serde_json::json!({ "weight_map": { "x_pad_token": shard } });
            fs::write(root.join(index), weight_map.to_string()).expect("writable");
        });
        assert!(error.contains(index) && error.contains("not a file beside it"), "{shard:?}: {error}");
    }
}

#[test]
fn a_file_that_quotes_itself_is_cut_short() {
    let long = "x".repeat(1_000_000);
    for (file, field) in [
        ("model_index.json", "_class_name"),
        ("transformer/config.json", "_class_name"),
        ("transformer/config.json", "dim"),
        ("text_encoder/config.json", "model_type"),
        ("vae/config.json", "act_fn"),
        ("scheduler/scheduler_config.json", "time_shift_type"),
    ] {
        let error = damaged("base", |root| edit_json(&root.join(file), field, long.as_str().into()));
        assert!(error.contains(file) && error.len() < 1000, "{} bytes", error.len());
    }
    let error = damaged("base", |root| {
        fs::write(root.join("vae/config.json"), format!("{{\"x\": \"{}\"}}", "x".repeat(17 << 20)))
            .expect("writable");
    });
    assert!(error.contains("vae/config.json") && error.len() < 1000, "{} bytes", error.len());
}

#[test]
fn absurd_numbers_are_refused() {
    let values: [(&str, &str, serde_json::Value); 14] = [
        ("transformer/config.json", "axes_lens", serde_json::json!([0, 0, 0])),
        ("transformer/config.json", "axes_lens", serde_json::json!([1024, 0, 512])),
        ("transformer/config.json", "axes_lens", serde_json::json!([1024, 512, 99_999_999_999_u64])),
        ("transformer/config.json", "dim", (1_u64 << 40).into()),
        ("transformer/config.json", "n_layers", (1_u64 << 40).into()),
        ("transformer/config.json", "rope_theta", 0.into()),
        ("transformer/config.json", "norm_eps", serde_json::json!(-1.0)),
        ("text_encoder/config.json", "head_dim", 0.into()),
        ("text_encoder/config.json", "vocab_size", (1_u64 << 50).into()),
        ("vae/config.json", "scaling_factor", 0.into()),
        ("vae/config.json", "block_out_channels", serde_json::json!([0])),
        ("scheduler/scheduler_config.json", "shift", serde_json::json!(1e39)),
        ("scheduler/scheduler_config.json", "num_train_timesteps", 0.into()),
        ("model_index.json", "_tintype", serde_json::json!({ "native_size": "65520x65520" })),
    ];
    for (file, field, value) in values {
        let error = damaged("base", |root| edit_json(&root.join(file), field, value.clone()));
        assert!(error.contains(file), "{file} {field} {value}: {error}");
    }
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let error = ModelFiles::directory(Path::new("/nowhere/at-all")).expect_err("not there").to_string();
    assert!(error.contains("/nowhere/at-all"), "{error}");
}

#[test]
fn progress_goes_from_nothing_to_everything() {
    let seen = std::sync::Mutex::new(Vec::new());
    let files = ModelFiles::directory(&tiny_models::directory("base")).expect("a directory");
    let on_load = |done, total| seen.lock().expect("no panic").push((done, total));
    Pipeline::load(&files, &Placement::resident(DeviceChoice::Cpu, Precision::F32), &on_load)
        .expect("loaded");
    let seen = seen.into_inner().expect("no panic");
    assert_eq!(seen.first().map(|(done, _)| *done), Some(0));
    assert!(seen.len() > 50 && seen.is_sorted());
    assert!(matches!(seen.last(), Some((done, total)) if done == total));
}
