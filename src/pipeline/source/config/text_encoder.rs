use candle_transformers::models::z_image::TextEncoderConfig;
use serde::Deserialize;

use super::{LAYERS_MAX, PROMPT_TOKENS_MAX, WIDTH_MAX};
use crate::pipeline::{
    error::{LoadError, short},
    source::description::Description,
};

#[derive(Deserialize)]
struct RopeParameters {
    rope_theta: Option<f64>,
    rope_type: Option<String>,
    /// What older files call the type.
    r#type: Option<String>,
}

/// What candle's configuration does not have.
#[derive(Deserialize)]
struct Extra {
    model_type: String,
    rope_parameters: Option<RopeParameters>,
    /// What older files call the parameters.
    rope_scaling: Option<RopeParameters>,
    #[serde(default)]
    use_sliding_window: bool,
}

/// text_encoder/config.json of transformers' Qwen3. Version 5 keeps rope's θ in `rope_parameters`, version 4 beside it.
pub(super) fn read(description: &Description) -> Result<TextEncoderConfig, LoadError> {
    let invalid = |reason: String| LoadError::invalid(&description.name, reason);
    let extra: Extra = description.parse()?;
    if extra.model_type != "qwen3" {
        return Err(invalid(format!(
            "model_type is `{}`; expected `qwen3`, the text encoder of Z-Image",
            short(&extra.model_type)
        )));
    }
    if extra.use_sliding_window {
        return Err(invalid("use_sliding_window is true; only full attention is supported".into()));
    }
    let mut config: TextEncoderConfig = description.parse()?;
    if let Some(rope) = extra.rope_parameters.or(extra.rope_scaling) {
        match rope.rope_type.or(rope.r#type).as_deref() {
            None | Some("default") => {}
            Some(other) => {
                return Err(invalid(format!("rope_type is `{}`; only `default` is supported", short(other))));
            }
        }
        config.rope_theta = rope.rope_theta.unwrap_or(config.rope_theta);
    }
    check(&config).map_err(invalid)?;
    // Positions are tabled up to here; a prompt has no more.
    config.max_position_embeddings = PROMPT_TOKENS_MAX;
    Ok(config)
}

/// What is wrong with the numbers of `config`.
fn check(config: &TextEncoderConfig) -> Result<(), String> {
    if !(2..=LAYERS_MAX).contains(&config.num_hidden_layers) {
        return Err(format!(
            "num_hidden_layers must be 2 to {LAYERS_MAX}: the last but one is the conditioning"
        ));
    }
    if config.num_key_value_heads == 0
        || !config.num_attention_heads.is_multiple_of(config.num_key_value_heads)
        || config.head_dim % 2 == 1
    {
        return Err(format!(
            "num_attention_heads {} must be a multiple of num_key_value_heads {}, and head_dim {} even",
            config.num_attention_heads, config.num_key_value_heads, config.head_dim
        ));
    }
    let widths = [
        config.vocab_size,
        config.hidden_size,
        config.intermediate_size,
        config.head_dim,
        config.num_attention_heads,
    ];
    if widths.iter().any(|width| !(1..=WIDTH_MAX).contains(width)) {
        return Err(format!(
            "vocab_size, hidden_size, intermediate_size, head_dim and num_attention_heads must be 1 to {WIDTH_MAX}; \
             they are {widths:?}"
        ));
    }
    if !(config.rope_theta.is_finite() && config.rope_theta > 0.0 && config.rms_norm_eps.is_finite()) {
        return Err("rope_theta and rms_norm_eps must be numbers above 0".into());
    }
    Ok(())
}
