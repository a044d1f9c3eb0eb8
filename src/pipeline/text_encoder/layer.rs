use candle_core::{Device, Module, Result, Tensor};
use candle_nn::{Activation, VarBuilder};
use candle_transformers::models::z_image::TextEncoderConfig;

use super::super::{
    linear::{Linear, Sides},
    norm::RmsNorm,
    ops, scores,
};

/// A layer of Qwen3: attention that looks back, and a gated feed-forward layer, each behind a norm.
pub(super) struct Layer {
    attention: SelfAttention,
    feed_forward: FeedForward,
    input_norm: RmsNorm,
    post_attention_norm: RmsNorm,
}

/// What every layer needs to know of the places of a sequence.
pub(super) struct Places {
    /// [tokens, head_dim / 2] each.
    pub(super) cos: Tensor,
    pub(super) sin: Tensor,
}

impl Places {
    /// The first `tokens` places. Angles are f32 throughout, as in the reference.
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "as the reference")]
    pub(super) fn new(config: &TextEncoderConfig, tokens: usize, device: &Device) -> Result<Self> {
        let dim = config.head_dim;
        let frequency = |i: usize| 1.0 / config.rope_theta.powf(i as f64 / dim as f64) as f32;
        let frequencies: Vec<f32> = (0..dim).step_by(2).map(frequency).collect();
        let angles = (0..tokens).flat_map(|place| frequencies.iter().map(move |f| place as f32 * f));
        let (cos, sin): (Vec<f32>, Vec<f32>) = angles.map(|angle| (angle.cos(), angle.sin())).unzip();
        let shape = (tokens, frequencies.len());
        Ok(Self { cos: Tensor::from_vec(cos, shape, device)?, sin: Tensor::from_vec(sin, shape, device)? })
    }
}

impl Layer {
    pub(super) fn load(config: &TextEncoderConfig, vb: &VarBuilder) -> Result<Self> {
        let norm = |name: &str| RmsNorm::load(&vb.pp(name), config.hidden_size, eps(config));
        Ok(Self {
            attention: SelfAttention::load(config, &vb.pp("self_attn"))?,
            feed_forward: FeedForward::load(config, &vb.pp("mlp"))?,
            input_norm: norm("input_layernorm")?,
            post_attention_norm: norm("post_attention_layernorm")?,
        })
    }

    /// `x` [1, tokens, hidden] f32 → the same shape. `mask` keeps tokens from looking ahead.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        (places, mask): (&Places, &Tensor),
        sides: &Sides,
    ) -> Result<Tensor> {
        let x = (x + self.attention.forward(&self.input_norm.forward(x)?, (places, mask), sides)?)?;
        let fed = self.feed_forward.forward(&self.post_attention_norm.forward(&x)?, sides)?;
        x + fed
    }
}

#[expect(clippy::cast_possible_truncation, reason = "norms are f32")]
pub(super) fn eps(config: &TextEncoderConfig) -> f32 {
    config.rms_norm_eps as f32
}

/// Self-attention of grouped queries (Ainslie et al., arXiv 2305.13245) with normalised queries and keys.
struct SelfAttention {
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
    norm_q: RmsNorm,
    norm_k: RmsNorm,
    heads: usize,
    /// Heads of keys and of values; each serves as many neighbouring heads of queries.
    key_heads: usize,
    head_dim: usize,
}

impl SelfAttention {
    fn load(config: &TextEncoderConfig, vb: &VarBuilder) -> Result<Self> {
        let (heads, key_heads, head_dim) =
            (config.num_attention_heads, config.num_key_value_heads, config.head_dim);
        let linear = |name: &str, inputs, outputs| {
            if config.attention_bias {
                Linear::load(&vb.pp(name), inputs, outputs)
            } else {
                Linear::load_without_bias(&vb.pp(name), inputs, outputs)
            }
        };
        let hidden = config.hidden_size;
        Ok(Self {
            to_q: linear("q_proj", hidden, heads * head_dim)?,
            to_k: linear("k_proj", hidden, key_heads * head_dim)?,
            to_v: linear("v_proj", hidden, key_heads * head_dim)?,
            to_out: linear("o_proj", heads * head_dim, hidden)?,
            norm_q: RmsNorm::load(&vb.pp("q_norm"), head_dim, eps(config))?,
            norm_k: RmsNorm::load(&vb.pp("k_norm"), head_dim, eps(config))?,
            heads,
            key_heads,
            head_dim,
        })
    }

    fn forward(&self, x: &Tensor, (places, mask): (&Places, &Tensor), sides: &Sides) -> Result<Tensor> {
        let (_, tokens, _) = x.dims3()?;
        let (heads, key_heads, head_dim) = (self.heads, self.key_heads, self.head_dim);
        let split = |x: Tensor, heads: usize| x.reshape((1, tokens, heads, head_dim));
        let turn = |x: Tensor, norm: &RmsNorm| {
            let x = norm.forward(&x)?.transpose(1, 2)?.contiguous()?;
            candle_nn::rotary_emb::rope(&x, &places.cos, &places.sin)
        };
        let q = turn(split(self.to_q.forward(x, sides)?, heads)?, &self.norm_q)?;
        let k = turn(split(self.to_k.forward(x, sides)?, key_heads)?, &self.norm_k)?;
        let v = split(self.to_v.forward(x, sides)?, key_heads)?.transpose(1, 2)?.contiguous()?;
        let context = scores::grouped(&q.squeeze(0)?, &k.squeeze(0)?, &v.squeeze(0)?, mask)?;
        let context = context.transpose(0, 1)?.contiguous()?;
        self.to_out.forward(&context.reshape((1, tokens, heads * head_dim))?, sides)
    }
}

/// w2(act(w1·x) ⊙ w3·x) (Shazeer, arXiv 2002.05202).
struct FeedForward {
    gate: Linear,
    up: Linear,
    down: Linear,
    activation: Activation,
}

impl FeedForward {
    fn load(config: &TextEncoderConfig, vb: &VarBuilder) -> Result<Self> {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        Ok(Self {
            gate: Linear::load_without_bias(&vb.pp("gate_proj"), hidden, inner)?,
            up: Linear::load_without_bias(&vb.pp("up_proj"), hidden, inner)?,
            down: Linear::load_without_bias(&vb.pp("down_proj"), inner, hidden)?,
            activation: config.hidden_act,
        })
    }

    fn forward(&self, x: &Tensor, sides: &Sides) -> Result<Tensor> {
        let (gate, up) = (self.gate.forward(x, sides)?, self.up.forward(x, sides)?);
        let product = match (self.activation, ops::on_cpu_kernels(&gate)) {
            (Activation::Silu, true) => ops::gate(gate, &up)?,
            (activation, _) => (activation.forward(&gate)? * up)?,
        };
        self.down.forward(&product, sides)
    }
}
