//! Small models in the real diffusers layout, whose weights are a function of their names.
//!
//! tests/parity/make_goldens.py computes the same weights in Python, so that only configurations and goldens are
//! committed. Each model is written once into target/ and reused.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use safetensors::{Dtype, tensor::TensorView};
use serde::Deserialize;

#[derive(Deserialize)]
struct Manifest {
    tensors: Vec<TensorSpec>,
}

#[derive(Deserialize)]
struct TensorSpec {
    file: String,
    name: String,
    shape: Vec<usize>,
    mean: f64,
    scale: f64,
}

/// tests/parity of this repository, where cargo or whoever runs a packed test says that it is.
pub fn parity_dir() -> PathBuf {
    let root = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&root).join("tests/parity")
}

/// The directory of model `name`, written on the first call of a test run.
pub fn directory(name: &str) -> PathBuf {
    written_once(name, |target| write(name, target))
}

/// The directory of model `name`, which `write` fills on the first call of a test run.
pub fn written_once(name: &str, write: impl FnOnce(&Path)) -> PathBuf {
    let scratch = env::var_os("CARGO_TARGET_TMPDIR").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    let models = Path::new(&scratch).join("models");
    let target = models.join(format!("{:016x}", fingerprint())).join(name);
    if !target.is_dir() {
        // Tests run side by side: each writes its own copy, and the first rename wins.
        let parent = target.parent().expect("a parent");
        fs::create_dir_all(parent).expect("target is writable");
        let draft = tempfile::tempdir_in(parent).expect("target is writable");
        write(draft.path());
        let moved = fs::rename(draft.path(), &target);
        assert!(moved.is_ok() || target.is_dir(), "{moved:?}");
    }
    target
}

/// Of everything that the models are made of: where a target directory is kept, models of an older description are not used.
fn fingerprint() -> u64 {
    let mut models: Vec<PathBuf> = fs::read_dir(parity_dir().join("models"))
        .expect("the models")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    models.sort();
    let described =
        models.iter().flat_map(|model| ["weights.json", "vae/config.json"].map(|file| model.join(file)));
    fnv1a(&described.map(|file| fs::read_to_string(file).expect("a description")).collect::<String>())
}

/// Writes model `name` into `target`.
pub fn write(name: &str, target: &Path) {
    let source = parity_dir().join("models").join(name);
    for file in [
        "model_index.json",
        "transformer/config.json",
        "text_encoder/config.json",
        "vae/config.json",
        "scheduler/scheduler_config.json",
    ] {
        copy(&source.join(file), &target.join(file));
    }
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        let tokenizer = parity_dir().join("tokenizer").join(file);
        copy(&tokenizer, &target.join("tokenizer").join(file));
    }
    let manifest = fs::read(source.join("weights.json")).expect("weights.json");
    let manifest: Manifest = serde_json::from_slice(&manifest).expect("a manifest");
    let mut files: BTreeMap<&str, Vec<&TensorSpec>> = BTreeMap::new();
    for tensor in &manifest.tensors {
        files.entry(&tensor.file).or_default().push(tensor);
    }
    for (file, tensors) in &files {
        write_safetensors(name, &target.join(file), tensors);
    }
    write_shard_indexes(target, &manifest.tensors);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a parent")).expect("target is writable");
    fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

fn write_safetensors(model: &str, path: &Path, tensors: &[&TensorSpec]) {
    let data: Vec<(&TensorSpec, Vec<u8>)> =
        tensors.iter().map(|tensor| (*tensor, values(model, tensor))).collect();
    let views = data.iter().map(|(tensor, bytes)| {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).expect("a view");
        (&tensor.name, view)
    });
    fs::create_dir_all(path.parent().expect("a parent")).expect("target is writable");
    safetensors::serialize_to_file(views, None, path).expect("target is writable");
}

/// `diffusion_pytorch_model-00001-of-00003.safetensors` → `diffusion_pytorch_model.safetensors.index.json`.
fn write_shard_indexes(target: &Path, tensors: &[TensorSpec]) {
    let mut indexes: BTreeMap<String, BTreeMap<&str, &str>> = BTreeMap::new();
    for tensor in tensors {
        let (component, file) = tensor.file.split_once('/').expect("component/file");
        if let Some((stem, _)) = file.split_once("-00") {
            let index = format!("{component}/{stem}.safetensors.index.json");
            indexes.entry(index).or_default().insert(&tensor.name, file);
        }
    }
    for (index, weight_map) in indexes {
        let json = serde_json::json!({ "metadata": {}, "weight_map": weight_map });
        fs::write(target.join(index), json.to_string()).expect("target is writable");
    }
}

/// mean + scale·(2u − 1) with u from splitmix64 over FNV-1a of the tensor's name, little-endian f32.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "24 bits are an f32")]
fn values(model: &str, tensor: &TensorSpec) -> Vec<u8> {
    let component = tensor.file.split('/').next().expect("component/file");
    let origin = fnv1a(&format!("{model}/{component}/{}", tensor.name));
    let count: usize = tensor.shape.iter().product();
    (1..=count as u64)
        .flat_map(|i| {
            let random = splitmix64(origin.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
            let unit = (random >> 40) as f64 / f64::from(1 << 24);
            ((tensor.mean + tensor.scale * (2.0 * unit - 1.0)) as f32).to_le_bytes()
        })
        .collect()
}

fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

fn splitmix64(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
