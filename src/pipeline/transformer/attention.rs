use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::{
    super::{
        linear::{Format, Linear, Sides},
        norm::RmsNorm,
        ops,
        scores::scaled_dot_product,
        source::TransformerConfig,
    },
    rope::RopeTable,
};

/// Epsilon of the query and key norms, which the configuration does not set.
const QK_NORM_EPS: f32 = 1e-5;

/// The norms of queries and keys, where the model has them.
pub(super) fn load_norms(config: &TransformerConfig, vb: &VarBuilder) -> Result<Option<(RmsNorm, RmsNorm)>> {
    let load = |name: &str| RmsNorm::load(&vb.pp(name), config.head_dim(), QK_NORM_EPS);
    config.qk_norm.then(|| Ok((load("norm_q")?, load("norm_k")?))).transpose()
}

/// Self-attention with normalised queries and keys and rotary positions. No mask: every pad is attended to, and items
/// of unequal length are never put into one batch.
#[derive(Debug, Clone)]
pub(super) struct Attention {
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
    norms: Option<(RmsNorm, RmsNorm)>,
    heads: usize,
    head_dim: usize,
}

impl Attention {
    pub(super) fn load(config: &TransformerConfig, format: Format, vb: &VarBuilder) -> Result<Self> {
        let (dim, head_dim) = (config.dim, config.head_dim());
        let square = |name: &str| Linear::load_in(format, &vb.pp(name), dim, dim);
        Ok(Self {
            to_q: square("to_q")?,
            to_k: square("to_k")?,
            to_v: square("to_v")?,
            to_out: square("to_out.0")?,
            norms: load_norms(config, vb)?,
            heads: config.n_heads,
            head_dim,
        })
    }

    /// `x` [batch, tokens, dim] f32 → the same shape.
    pub(super) fn forward(&self, x: &Tensor, rope: &RopeTable, sides: &Sides) -> Result<Tensor> {
        let project = |layer: &Linear| layer.forward(x, sides);
        let (q, k, v) = (project(&self.to_q)?, project(&self.to_k)?, project(&self.to_v)?);
        let context = if ops::on_cpu_kernels(x) {
            self.attend_on_cpu((q, k, v), rope)?
        } else {
            self.attend(&q, &k, &v, rope)?
        };
        self.to_out.forward(&context, sides)
    }

    fn attend_on_cpu(&self, (q, k, v): (Tensor, Tensor, Tensor), rope: &RopeTable) -> Result<Tensor> {
        let (norm_q, norm_k) =
            self.norms.as_ref().map(|(q, k)| ((&q.weight, q.eps), (&k.weight, k.eps))).unzip();
        let q = ops::turn(q, norm_q, &rope.cos, &rope.sin)?;
        let k = ops::turn(k, norm_k, &rope.cos, &rope.sin)?;
        ops::attend(&q, &k, &v, self.heads)
    }

    fn attend(&self, q: &Tensor, k: &Tensor, v: &Tensor, rope: &RopeTable) -> Result<Tensor> {
        let (q, k, v) = (self.split_heads(q)?, self.split_heads(k)?, self.split_heads(v)?);
        let (q, k) = match &self.norms {
            Some((norm_q, norm_k)) => (norm_q.forward(&q)?, norm_k.forward(&k)?),
            None => (q, k),
        };
        let context = scaled_dot_product(&rope.turn(&q)?, &rope.turn(&k)?, &v)?;
        context.transpose(1, 2)?.flatten_from(2)
    }

    /// [batch, tokens, dim] → [batch, heads, tokens, head_dim], contiguous.
    fn split_heads(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, tokens, _) = x.dims3()?;
        x.reshape((batch, tokens, self.heads, self.head_dim))?.transpose(1, 2)?.contiguous()
    }
}
