use candle_core::{DType, Result, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::z_image::TextEncoderConfig;

use super::{
    super::{
        fused::{self, FusedLinear, GroupedTurn},
        linear::{Format, Sides},
        norm::RmsNorm,
    },
    layer::{Places, eps},
};

/// A layer of Qwen3 in mixed precision, what belongs together in one kernel: four products, and six passes over memory around
/// them.
pub(super) struct FusedLayer {
    input_norm: RmsNorm,
    /// Queries, keys and values.
    to_qkv: FusedLinear,
    /// Of queries and keys.
    norms: (RmsNorm, RmsNorm),
    to_out: FusedLinear,
    post_attention_norm: RmsNorm,
    to_gate_and_up: FusedLinear,
    to_down: FusedLinear,
    heads: usize,
    key_heads: usize,
    dtype: DType,
}

impl FusedLayer {
    pub(super) fn load(config: &TextEncoderConfig, vb: &VarBuilder) -> Result<Self> {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let (heads, key_heads) = (config.num_attention_heads, config.num_key_value_heads);
        let (width, key_width) = (heads * config.head_dim, key_heads * config.head_dim);
        let (attention, feed_forward) = (vb.pp("self_attn"), vb.pp("mlp"));
        let norm = |vb: VarBuilder, dim| RmsNorm::load(&vb, dim, eps(config));
        let linear = |vb: &VarBuilder, layers: &[(&str, usize)], inputs| {
            FusedLinear::load_each(Format::Dense, vb, layers, inputs)
        };
        let qkv = [("q_proj", width), ("k_proj", key_width), ("v_proj", key_width)];
        Ok(Self {
            input_norm: norm(vb.pp("input_layernorm"), hidden)?,
            to_qkv: linear(&attention, &qkv, hidden)?,
            norms: (
                norm(attention.pp("q_norm"), config.head_dim)?,
                norm(attention.pp("k_norm"), config.head_dim)?,
            ),
            to_out: linear(&attention, &[("o_proj", hidden)], width)?,
            post_attention_norm: norm(vb.pp("post_attention_layernorm"), hidden)?,
            to_gate_and_up: linear(&feed_forward, &[("gate_proj", inner), ("up_proj", inner)], hidden)?,
            to_down: linear(&feed_forward, &[("down_proj", hidden)], inner)?,
            heads,
            key_heads,
            dtype: vb.dtype(),
        })
    }

    /// `x` [1, tokens, hidden] f32 → the same shape.
    pub(super) fn forward(&self, x: &Tensor, places: &Places, sides: &Sides) -> Result<Tensor> {
        let kernels = fused::kernels(x.device());
        let turn = GroupedTurn {
            norms: &self.norms,
            cos: &places.cos,
            sin: &places.sin,
            heads: self.heads,
            key_heads: self.key_heads,
            dtype: self.dtype,
        };
        let normed = kernels.norm(x, &self.input_norm, self.dtype)?;
        let heads = kernels.turn_halves(&self.to_qkv.forward(&normed, sides)?, turn)?;
        let attended = self.to_out.forward(&kernels.look_back(&heads)?, sides)?;
        let (x, normed) = kernels.add_then_norm(x, &attended, &self.post_attention_norm, self.dtype)?;
        let gated = kernels.gate(&self.to_gate_and_up.forward(&normed, sides)?, self.dtype)?;
        kernels.add(&x, &self.to_down.forward(&gated, sides)?)
    }
}
