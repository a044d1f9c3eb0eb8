use candle_core::{DType, Result, Tensor};
use candle_nn::VarBuilder;

use super::{
    super::{
        fused::{self, FusedLinear, Turn},
        linear::{Format, Sides},
        norm::RmsNorm,
        source::TransformerConfig,
    },
    attention::load_norms,
    norms::Norms,
    rope::RopeTable,
};

/// A block's attention and feed-forward layer in mixed precision, what belongs together in one kernel: four products, and
/// between them one pass over memory each.
#[derive(Debug, Clone)]
pub(super) struct FusedLayers {
    /// Queries, keys and values.
    to_qkv: FusedLinear,
    to_out: FusedLinear,
    /// SwiGLU's w1 and w3.
    to_gate_and_up: FusedLinear,
    to_down: FusedLinear,
    /// Of queries and keys.
    norms: (RmsNorm, RmsNorm),
    heads: usize,
    dtype: DType,
}

impl FusedLayers {
    pub(super) fn load(config: &TransformerConfig, format: Format, vb: &VarBuilder) -> Result<Self> {
        let (dim, hidden) = (config.dim, config.feed_forward_dim());
        let (attention, feed_forward) = (vb.pp("attention"), vb.pp("feed_forward"));
        let Some(norms) = load_norms(config, &attention)? else {
            candle_core::bail!("mixed precision wants norms of queries and keys");
        };
        let linear = |vb: &VarBuilder, names: &[&str], size| FusedLinear::load(format, vb, names, size);
        Ok(Self {
            to_qkv: linear(&attention, &["to_q", "to_k", "to_v"], (dim, dim))?,
            to_out: linear(&attention, &["to_out.0"], (dim, dim))?,
            to_gate_and_up: linear(&feed_forward, &["w1", "w3"], (dim, hidden))?,
            to_down: linear(&feed_forward, &["w2"], (hidden, dim))?,
            norms,
            heads: config.n_heads,
            dtype: vb.dtype(),
        })
    }

    /// `x` [batch, tokens, dim] f32 → the same shape, between the norms `norms`.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        rope: &RopeTable,
        norms: &Norms,
        sides: &Sides,
    ) -> Result<Tensor> {
        let kernels = fused::kernels(x.device());
        let turn =
            Turn { norms: &self.norms, cos: &rope.cos, sin: &rope.sin, heads: self.heads, dtype: self.dtype };
        let normed = kernels.norm(x, &norms.attention1, self.dtype)?;
        let heads = kernels.turn(&self.to_qkv.forward(&normed, sides)?, turn)?;
        let attended = self.to_out.forward(&kernels.attend(&heads)?, sides)?;
        let (x, normed) =
            kernels.add_norm_norm(x, &attended, (&norms.attention2, &norms.ffn1), self.dtype)?;
        let gated = kernels.gate(&self.to_gate_and_up.forward(&normed, sides)?, self.dtype)?;
        kernels.add_norm(&x, &self.to_down.forward(&gated, sides)?, &norms.ffn2)
    }
}
