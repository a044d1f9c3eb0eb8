//! A model that is large beside the program: 140 million weights, half of them the text encoder's, in bf16.
//!
//! What it generates is noise. Tokenizer and VAE are the embedded model's.

use std::{
    fs,
    path::{Path, PathBuf},
};

use safetensors::{Dtype, tensor::TensorView};
use serde_json::{Value, json};

use crate::tiny_models;

/// Width and layers of the text encoder, of which the last is never used.
const TEXT: (usize, usize) = (1024, 6);
const TEXT_INNER: usize = 3072;
/// Width and layers of the transformer.
const DIM: usize = 768;
const LAYERS: usize = 6;
const HEADS: usize = 12;

/// Writes the model into `target`.
fn write(target: &Path) {
    let embedded = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/embedded");
    for file in [
        "scheduler/scheduler_config.json",
        "tokenizer/tokenizer.json",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    ] {
        let to = target.join(file);
        fs::create_dir_all(to.parent().expect("a parent")).expect("a directory");
        fs::copy(embedded.join(file), to).expect("the embedded model's file");
    }
    let read = |file: &str| -> Value {
        serde_json::from_slice(&fs::read(embedded.join(file)).expect("a file")).expect("JSON")
    };
    let mut index = read("model_index.json");
    index.as_object_mut().expect("an object").remove("_tintype");
    let mut text = read("text_encoder/config.json");
    let vocabulary =
        text["vocab_size"].as_u64().and_then(|number| usize::try_from(number).ok()).expect("a number");
    merge(
        &mut text,
        json!({
            "hidden_size": TEXT.0, "num_hidden_layers": TEXT.1, "intermediate_size": TEXT_INNER,
            "num_attention_heads": 16, "num_key_value_heads": 16, "head_dim": 64,
        }),
    );
    let mut transformer = read("transformer/config.json");
    merge(
        &mut transformer,
        json!({ "dim": DIM, "n_layers": LAYERS, "n_heads": HEADS, "n_kv_heads": HEADS, "cap_feat_dim": TEXT.0 }),
    );
    let refiners = transformer["n_refiner_layers"]
        .as_u64()
        .and_then(|number| usize::try_from(number).ok())
        .expect("a number");
    for (file, json) in [
        ("model_index.json", index),
        ("text_encoder/config.json", text),
        ("transformer/config.json", transformer),
    ] {
        let to = target.join(file);
        fs::create_dir_all(to.parent().expect("a parent")).expect("a directory");
        fs::write(to, json.to_string()).expect("a file");
    }
    save(&target.join("text_encoder/model.safetensors"), &text_tensors(vocabulary));
    save(&target.join("transformer/diffusion_pytorch_model.safetensors"), &transformer_tensors(refiners));
}

fn merge(json: &mut Value, changes: Value) {
    let (Value::Object(json), Value::Object(changes)) = (json, changes) else { panic!("objects") };
    json.extend(changes);
}

type Tensors = Vec<(String, Vec<usize>)>;

fn text_tensors(vocabulary: usize) -> Tensors {
    let (hidden, layers) = TEXT;
    let mut tensors = vec![("model.embed_tokens.weight".to_owned(), vec![vocabulary, hidden])];
    for layer in 0..layers {
        let mut add = |name: &str, shape: &[usize]| {
            tensors.push((format!("model.layers.{layer}.{name}.weight"), shape.to_vec()));
        };
        for name in ["q_proj", "k_proj", "v_proj", "o_proj"] {
            add(&format!("self_attn.{name}"), &[hidden, hidden]);
        }
        add("self_attn.q_norm", &[64]);
        add("self_attn.k_norm", &[64]);
        add("mlp.gate_proj", &[TEXT_INNER, hidden]);
        add("mlp.up_proj", &[TEXT_INNER, hidden]);
        add("mlp.down_proj", &[hidden, TEXT_INNER]);
        add("input_layernorm", &[hidden]);
        add("post_attention_layernorm", &[hidden]);
    }
    tensors
}

fn transformer_tensors(refiners: usize) -> Tensors {
    let mut tensors: Tensors = Vec::new();
    let mut add = |name: String, shape: &[usize]| tensors.push((name, shape.to_vec()));
    let mut linear = |name: &str, outputs: usize, inputs: usize| {
        add(format!("{name}.weight"), &[outputs, inputs]);
        add(format!("{name}.bias"), &[outputs]);
    };
    linear("t_embedder.mlp.0", 1024, 256);
    linear("t_embedder.mlp.2", 256, 1024);
    linear("cap_embedder.1", DIM, TEXT.0);
    linear("all_x_embedder.2-1", DIM, 64);
    linear("all_final_layer.2-1.adaLN_modulation.1", DIM, 256);
    linear("all_final_layer.2-1.linear", 64, DIM);
    let modulated = (0..LAYERS).map(|i| format!("layers.{i}"));
    for block in modulated.clone().chain((0..refiners).map(|i| format!("noise_refiner.{i}"))) {
        linear(&format!("{block}.adaLN_modulation.0"), 4 * DIM, 256);
    }
    add("cap_embedder.0.weight".into(), &[TEXT.0]);
    add("cap_pad_token".into(), &[1, DIM]);
    add("x_pad_token".into(), &[1, DIM]);
    let refined = (0..refiners).flat_map(|i| [format!("noise_refiner.{i}"), format!("context_refiner.{i}")]);
    for block in modulated.chain(refined) {
        for (name, shape) in [
            ("attention.to_q", [DIM, DIM]),
            ("attention.to_k", [DIM, DIM]),
            ("attention.to_v", [DIM, DIM]),
            ("attention.to_out.0", [DIM, DIM]),
            ("feed_forward.w1", [DIM / 3 * 8, DIM]),
            ("feed_forward.w2", [DIM, DIM / 3 * 8]),
            ("feed_forward.w3", [DIM / 3 * 8, DIM]),
        ] {
            add(format!("{block}.{name}.weight"), &shape);
        }
        for name in ["attention.norm_q", "attention.norm_k"] {
            add(format!("{block}.{name}.weight"), &[DIM / HEADS]);
        }
        for name in ["attention_norm1", "attention_norm2", "ffn_norm1", "ffn_norm2"] {
            add(format!("{block}.{name}.weight"), &[DIM]);
        }
    }
    tensors
}

/// Matrices even between ± √(3 / inputs), which keeps the size of what they multiply; norms 1, biases 0.
#[expect(clippy::cast_precision_loss, reason = "widths are small")]
fn save(path: &Path, tensors: &Tensors) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(name, shape)| {
            let count: usize = shape.iter().product();
            let bf16 = |number: f32| ((number.to_bits() >> 16) as u16).to_le_bytes();
            match shape.as_slice() {
                [_] => bf16(if name.ends_with("bias") { 0.0 } else { 1.0 }).repeat(count),
                [.., inputs] => {
                    let most = (3.0 / *inputs as f32).sqrt();
                    let mut draw = |_| {
                        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
                        bf16(((state >> 40) as f32 / (1 << 23) as f32 - 1.0) * most)
                    };
                    (0..count).flat_map(&mut draw).collect()
                }
                [] => panic!("{name} has no shape"),
            }
        })
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape), bytes)| {
        (name.clone(), TensorView::new(Dtype::BF16, shape.clone(), bytes).expect("a tensor"))
    });
    safetensors::serialize_to_file(views, None, path).expect("the disk has room");
}

/// The model's directory, written on the first call of a test run.
pub fn directory() -> PathBuf {
    tiny_models::written_once("large", write)
}
