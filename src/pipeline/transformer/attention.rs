use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::{super::config::TransformerConfig, linear::Linear, norm::RmsNorm, rope::RopeTable};

/// Scores held at once, over all heads. At 1024² the whole matrix of one layer would be 2 GB.
const SCORES_MAX: usize = 1 << 24;
/// Epsilon of the query and key norms, which the configuration does not set.
const QK_NORM_EPS: f32 = 1e-5;

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
    pub(super) fn load(config: &TransformerConfig, vb: VarBuilder) -> Result<Self> {
        let (dim, head_dim) = (config.dim, config.head_dim());
        let square = |name: &str| Linear::load_without_bias(vb.pp(name), dim, dim);
        let norms = match config.qk_norm {
            true => Some((
                RmsNorm::load(vb.pp("norm_q"), head_dim, QK_NORM_EPS)?,
                RmsNorm::load(vb.pp("norm_k"), head_dim, QK_NORM_EPS)?,
            )),
            false => None,
        };
        Ok(Self {
            to_q: square("to_q")?,
            to_k: square("to_k")?,
            to_v: square("to_v")?,
            to_out: square("to_out.0")?,
            norms,
            heads: config.n_heads,
            head_dim,
        })
    }

    /// `x` [batch, tokens, dim] f32 → the same shape.
    pub(super) fn forward(&self, x: &Tensor, rope: &RopeTable) -> Result<Tensor> {
        let (batch, tokens, dim) = x.dims3()?;
        let q = self.split_heads(&self.to_q.forward(x)?)?;
        let k = self.split_heads(&self.to_k.forward(x)?)?;
        let v = self.split_heads(&self.to_v.forward(x)?)?;
        let (q, k) = match &self.norms {
            Some((norm_q, norm_k)) => (norm_q.forward(&q)?, norm_k.forward(&k)?),
            None => (q, k),
        };
        let context = scaled_dot_product(&rope.turn(&q)?, &rope.turn(&k)?, &v)?;
        let context = context.transpose(1, 2)?.reshape((batch, tokens, dim))?;
        self.to_out.forward(&context)
    }

    /// [batch, tokens, dim] → [batch, heads, tokens, head_dim], contiguous.
    fn split_heads(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, tokens, _) = x.dims3()?;
        x.reshape((batch, tokens, self.heads, self.head_dim))?.transpose(1, 2)?.contiguous()
    }
}

/// softmax(q·kᵀ / √d)·v over [batch, heads, tokens, head_dim], a block of queries at a time.
///
/// Rows of a softmax do not depend on each other, so the result is the same for every block size.
fn scaled_dot_product(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
    let (batch, heads, tokens, head_dim) = q.dims4()?;
    #[expect(clippy::cast_precision_loss, reason = "head widths are small")]
    let q = (q / (head_dim as f64).sqrt())?;
    let k_transposed = k.transpose(2, 3)?;
    let block = (SCORES_MAX / (batch * heads * tokens)).clamp(1, tokens);
    let blocks = (0..tokens)
        .step_by(block)
        .map(|start| {
            let rows = block.min(tokens - start);
            let scores = q.narrow(2, start, rows)?.contiguous()?.matmul(&k_transposed)?;
            candle_nn::ops::softmax_last_dim(&scores)?.matmul(v)
        })
        .collect::<Result<Vec<_>>>()?;
    match blocks.as_slice() {
        [whole] => Ok(whole.clone()),
        _ => Tensor::cat(&blocks, 2),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{D, Device};

    use super::*;

    #[test]
    fn attention_in_blocks_of_queries_is_attention() -> Result<()> {
        // 700 tokens × 60 heads: two blocks of queries.
        let shape = (1, 60, 700, 4);
        let [q, k, v] = [1u64, 2, 3].map(|seed| {
            let values =
                crate::pipeline::noise::standard_normal(crate::domain::Seed::new(seed), 60 * 700 * 4);
            Tensor::from_vec(values, shape, &Device::Cpu)
        });
        let (q, k, v) = (q?, k?, v?);
        let whole = candle_nn::ops::softmax(&(q.matmul(&k.t()?)? * 0.5)?, D::Minus1)?.matmul(&v)?;
        let error = (scaled_dot_product(&q, &k, &v)? - whole)?.abs()?.max_all()?;
        assert!(error.to_scalar::<f32>()? < 1e-5);
        Ok(())
    }
}
