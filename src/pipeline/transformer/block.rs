use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::{
    super::{
        config::TransformerConfig,
        linear::{Format, Linear},
        norm::RmsNorm,
        ops,
    },
    attention::Attention,
    rope::RopeTable,
};

/// Attention and a gated feed-forward layer, each between two norms ("sandwich"), around a residual stream.
#[derive(Debug, Clone)]
pub(super) struct Block {
    attention: Attention,
    feed_forward: FeedForward,
    attention_norm1: RmsNorm,
    attention_norm2: RmsNorm,
    ffn_norm1: RmsNorm,
    ffn_norm2: RmsNorm,
}

/// A block that is told the time: its norms are scaled, its branches gated (adaptive layer norm, arXiv 2212.09748).
#[derive(Debug, Clone)]
pub(super) struct ModulatedBlock {
    block: Block,
    modulation: Linear,
}

/// Factors on the norms of one block at one time, each [dim].
struct Modulation {
    scale_attention: Tensor,
    gate_attention: Tensor,
    scale_ffn: Tensor,
    gate_ffn: Tensor,
}

impl Block {
    pub(super) fn load(config: &TransformerConfig, format: Format, vb: VarBuilder) -> Result<Self> {
        let norm = |name: &str| RmsNorm::load(vb.pp(name), config.dim, config.norm_eps);
        Ok(Self {
            attention: Attention::load(config, format, vb.pp("attention"))?,
            feed_forward: FeedForward::load(config, format, vb.pp("feed_forward"))?,
            attention_norm1: norm("attention_norm1")?,
            attention_norm2: norm("attention_norm2")?,
            ffn_norm1: norm("ffn_norm1")?,
            ffn_norm2: norm("ffn_norm2")?,
        })
    }

    /// `x` [batch, tokens, dim] f32 → the same shape.
    pub(super) fn forward(&self, x: &Tensor, rope: &RopeTable) -> Result<Tensor> {
        let attended = self.attention.forward(&self.attention_norm1.forward(x)?, rope)?;
        let x = self.attention_norm2.added(attended, x)?;
        let fed = self.feed_forward.forward(&self.ffn_norm1.forward(&x)?)?;
        self.ffn_norm2.added(fed, &x)
    }

    fn forward_modulated(&self, x: &Tensor, rope: &RopeTable, m: &Modulation) -> Result<Tensor> {
        let normed = self.attention_norm1.forward_times(x, &m.scale_attention)?;
        let attended = self.attention.forward(&normed, rope)?;
        let x = self.attention_norm2.added_times(attended, x, &m.gate_attention)?;
        let normed = self.ffn_norm1.forward_times(&x, &m.scale_ffn)?;
        let fed = self.feed_forward.forward(&normed)?;
        self.ffn_norm2.added_times(fed, &x, &m.gate_ffn)
    }
}

impl ModulatedBlock {
    pub(super) fn load(
        config: &TransformerConfig,
        time_dim: usize,
        format: Format,
        vb: VarBuilder,
    ) -> Result<Self> {
        Ok(Self {
            modulation: Linear::load(vb.pp("adaLN_modulation.0"), time_dim, 4 * config.dim)?,
            block: Block::load(config, format, vb)?,
        })
    }

    /// `x` [batch, tokens, dim], `time` [1, time_dim], both f32 → the shape of `x`.
    ///
    /// One time for the whole batch, so that scales and gates are vectors and melt into the norms' weights.
    pub(super) fn forward(&self, x: &Tensor, rope: &RopeTable, time: &Tensor) -> Result<Tensor> {
        let parts = self.modulation.forward(time)?.squeeze(0)?.chunk(4, 0)?;
        let [scale_attention, gate_attention, scale_ffn, gate_ffn] = parts.as_slice() else {
            candle_core::bail!("the modulation has {} parts, not 4", parts.len());
        };
        let modulation = Modulation {
            scale_attention: (scale_attention + 1.0)?,
            gate_attention: gate_attention.tanh()?,
            scale_ffn: (scale_ffn + 1.0)?,
            gate_ffn: gate_ffn.tanh()?,
        };
        self.block.forward_modulated(x, rope, &modulation)
    }
}

/// SwiGLU (Shazeer, arXiv 2002.05202): w2(silu(w1·x) ⊙ w3·x).
#[derive(Debug, Clone)]
struct FeedForward {
    w1: Linear,
    w2: Linear,
    w3: Linear,
}

impl FeedForward {
    fn load(config: &TransformerConfig, format: Format, vb: VarBuilder) -> Result<Self> {
        let (dim, hidden) = (config.dim, config.feed_forward_dim());
        Ok(Self {
            w1: Linear::load_in(format, vb.pp("w1"), dim, hidden)?,
            w2: Linear::load_in(format, vb.pp("w2"), hidden, dim)?,
            w3: Linear::load_in(format, vb.pp("w3"), dim, hidden)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (gate, up) = (self.w1.forward(x)?, self.w3.forward(x)?);
        let product = match ops::are_ours(&gate) {
            true => ops::gate(gate, &up)?,
            false => (gate.silu()? * up)?,
        };
        self.w2.forward(&product)
    }
}
