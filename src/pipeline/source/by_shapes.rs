//! What the shapes of weights tell of their part, as the JSON that a configuration would be.
//!
//! What they cannot tell is Z-Image's: axes, θ, ε, groups of norms, scale and shift of latents.

use serde_json::{Value, json};

use super::{super::error::LoadError, Component, description::Description, weights::Weights};

/// The width of a head of Z-Image's and Qwen3's attention. Another width means another model, whose axes and heads
/// cannot be read from shapes.
const HEAD: usize = 128;

/// The configuration of the part that `weights` are of.
pub(super) fn described_by_shapes(weights: &Weights, component: Component) -> Result<Description, LoadError> {
    let json = match component {
        Component::Transformer => transformer(weights),
        Component::TextEncoder => text_encoder(weights),
        Component::Vae => vae(weights),
    };
    Ok(Description {
        name: weights.paths(),
        json: json.map_err(|reason| LoadError::invalid(weights.paths(), reason))?,
    })
}

/// Side `side` of the tensor `name`.
fn side(weights: &Weights, name: &str, side: usize) -> Result<usize, String> {
    let shape = weights.shape(name).ok_or_else(|| format!("no tensor `{name}`"))?;
    shape.get(side).copied().ok_or_else(|| format!("tensor `{name}` has shape {shape:?}"))
}

/// The numbers of a vector, however it is written.
fn length(weights: &Weights, name: &str) -> Result<usize, String> {
    let shape = weights.shape(name).ok_or_else(|| format!("no tensor `{name}`"))?;
    Ok(shape.iter().product())
}

fn check_head(head: usize, what: &str) -> Result<(), String> {
    match head {
        HEAD => Ok(()),
        _ => Err(format!(
            "its heads have {head} numbers, not {HEAD}, so it is not a published {what}; put its configuration beside it, \
             under its own name with .json at the end"
        )),
    }
}

fn transformer(weights: &Weights) -> Result<Value, String> {
    let norm = "layers.0.attention.norm_q.weight";
    let dim = length(weights, "x_pad_token")?;
    let head = if weights.contains(norm) { length(weights, norm)? } else { HEAD };
    check_head(head, "Z-Image transformer")?;
    Ok(json!({
        "_class_name": "ZImageTransformer2DModel",
        "dim": dim,
        "n_heads": dim / head,
        "n_kv_heads": dim / head,
        "n_layers": weights.layers("layers."),
        "n_refiner_layers": weights.layers("noise_refiner."),
        "qk_norm": weights.contains(norm),
        "cap_feat_dim": side(weights, "cap_embedder.1.weight", 1)?,
        // A token is a patch of 2 × 2.
        "in_channels": side(weights, "all_x_embedder.2-1.weight", 1)? / 4,
    }))
}

fn text_encoder(weights: &Weights) -> Result<Value, String> {
    let layer = |name: &str| format!("model.layers.0.{name}");
    let head = length(weights, &layer("self_attn.q_norm.weight"))?;
    check_head(head, "Qwen3 text encoder")?;
    Ok(json!({
        "model_type": "qwen3",
        "vocab_size": side(weights, "model.embed_tokens.weight", 0)?,
        "hidden_size": side(weights, "model.embed_tokens.weight", 1)?,
        "intermediate_size": side(weights, &layer("mlp.gate_proj.weight"), 0)?,
        "num_hidden_layers": weights.layers("model.layers."),
        "num_attention_heads": side(weights, &layer("self_attn.q_proj.weight"), 0)? / head,
        "num_key_value_heads": side(weights, &layer("self_attn.k_proj.weight"), 0)? / head,
        "head_dim": head,
        "attention_bias": weights.contains(&layer("self_attn.q_proj.bias")),
        "rms_norm_eps": 1e-6,
        "rope_theta": 1_000_000.0,
    }))
}

fn vae(weights: &Weights) -> Result<Value, String> {
    let blocks = weights.layers("decoder.up_blocks.");
    let resnets = weights.layers("decoder.up_blocks.0.resnets.");
    if blocks == 0 || resnets == 0 {
        return Err("no blocks `decoder.up_blocks.N` (`decoder.up.N`)".to_owned());
    }
    // From the finest block to the coarsest.
    let channels = (0..blocks)
        .rev()
        .map(|block| side(weights, &format!("decoder.up_blocks.{block}.resnets.0.conv1.weight"), 0));
    Ok(json!({
        "_class_name": "AutoencoderKL",
        "in_channels": 3,
        "out_channels": side(weights, "decoder.conv_out.weight", 0)?,
        "latent_channels": side(weights, "decoder.conv_in.weight", 1)?,
        "block_out_channels": channels.collect::<Result<Vec<_>, _>>()?,
        "layers_per_block": resnets - 1,
        "norm_num_groups": 32,
        "scaling_factor": 0.3611,
        "shift_factor": 0.1159,
        "use_post_quant_conv": weights.contains("post_quant_conv.weight"),
        "use_quant_conv": weights.contains("quant_conv.weight"),
    }))
}
