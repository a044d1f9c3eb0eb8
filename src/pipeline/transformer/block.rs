use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::{
    super::{
        fused::{Arithmetic, BlockForm},
        linear::{Format, Linear, Sides},
        ops,
        source::TransformerConfig,
    },
    attention::Attention,
    fused::FusedLayers,
    norms::Norms,
    rope::RopeTable,
};

/// Attention and a gated feed-forward layer, each between two norms ("sandwich"), around a residual stream.
#[derive(Debug, Clone)]
pub(super) struct Block {
    norms: Norms,
    layers: Layers,
}

/// What is between the norms.
#[derive(Debug, Clone)]
enum Layers {
    /// Each operation by itself.
    Plain(Box<PlainLayers>),
    /// In 16 bits, what belongs together in one kernel.
    Fused(Box<FusedLayers>),
}

#[derive(Debug, Clone)]
struct PlainLayers {
    attention: Attention,
    feed_forward: FeedForward,
}

/// A block that depends on the time: its norms are scaled, its branches gated (adaptive layer norm, arXiv 2212.09748).
#[derive(Debug, Clone)]
pub(super) struct ModulatedBlock {
    block: Block,
    modulation: Linear,
}

impl Block {
    pub(super) fn load(config: &TransformerConfig, form: BlockForm, vb: &VarBuilder) -> Result<Self> {
        let norms = Norms::load(config, vb)?;
        let layers = match form.arithmetic {
            Arithmetic::Mixed => Layers::Fused(Box::new(FusedLayers::load(config, form.format, vb)?)),
            Arithmetic::Plain => Layers::Plain(Box::new(PlainLayers {
                attention: Attention::load(config, form.format, &vb.pp("attention"))?,
                feed_forward: FeedForward::load(config, form.format, &vb.pp("feed_forward"))?,
            })),
        };
        Ok(Self { norms, layers })
    }

    /// `x` [batch, tokens, dim] f32 → the same shape.
    pub(super) fn forward(&self, x: &Tensor, rope: &RopeTable, sides: &Sides) -> Result<Tensor> {
        self.layers.forward(x, rope, &self.norms, sides)
    }
}

impl Layers {
    fn forward(&self, x: &Tensor, rope: &RopeTable, norms: &Norms, sides: &Sides) -> Result<Tensor> {
        match self {
            Self::Plain(layers) => {
                let attended = layers.attention.forward(&norms.attention1.forward(x)?, rope, sides)?;
                let x = norms.attention2.added(attended, x)?;
                let fed = layers.feed_forward.forward(&norms.ffn1.forward(&x)?, sides)?;
                norms.ffn2.added(fed, &x)
            }
            Self::Fused(layers) => layers.forward(x, rope, norms, sides),
        }
    }
}

impl ModulatedBlock {
    pub(super) fn load(
        config: &TransformerConfig,
        time_dim: usize,
        form: BlockForm,
        vb: &VarBuilder,
    ) -> Result<Self> {
        Ok(Self {
            modulation: Linear::load(&vb.pp("adaLN_modulation.0"), time_dim, 4 * config.dim)?,
            block: Block::load(config, form, vb)?,
        })
    }

    /// `x` [batch, tokens, dim], `time` [1, time_dim], both f32 → the shape of `x`.
    ///
    /// One time for the whole batch, so that scales and gates are vectors and melt into the norms' weights.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        rope: &RopeTable,
        time: &Tensor,
        sides: &Sides,
    ) -> Result<Tensor> {
        let parts = self.modulation.forward(time, sides)?.squeeze(0)?.chunk(4, 0)?;
        let [scale_attention, gate_attention, scale_ffn, gate_ffn] = parts.as_slice() else {
            candle_core::bail!("the modulation has {} parts, not 4", parts.len());
        };
        let Norms { attention1, attention2, ffn1, ffn2 } = &self.block.norms;
        let norms = Norms {
            attention1: attention1.times(&(scale_attention + 1.0)?)?,
            attention2: attention2.times(&gate_attention.tanh()?)?,
            ffn1: ffn1.times(&(scale_ffn + 1.0)?)?,
            ffn2: ffn2.times(&gate_ffn.tanh()?)?,
        };
        self.block.layers.forward(x, rope, &norms, sides)
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
    fn load(config: &TransformerConfig, format: Format, vb: &VarBuilder) -> Result<Self> {
        let (dim, hidden) = (config.dim, config.feed_forward_dim());
        Ok(Self {
            w1: Linear::load_in(format, &vb.pp("w1"), dim, hidden)?,
            w2: Linear::load_in(format, &vb.pp("w2"), hidden, dim)?,
            w3: Linear::load_in(format, &vb.pp("w3"), dim, hidden)?,
        })
    }

    fn forward(&self, x: &Tensor, sides: &Sides) -> Result<Tensor> {
        let (gate, up) = (self.w1.forward(x, sides)?, self.w3.forward(x, sides)?);
        let product = if ops::on_cpu_kernels(&gate) { ops::gate(gate, &up)? } else { (gate.silu()? * up)? };
        self.w2.forward(&product, sides)
    }
}
