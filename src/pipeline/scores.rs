//! Attention that never holds a sequence² matrix, and that of prompts, which are short.

use candle_core::{D, Device, Result, Tensor};

/// Scores held at once, over all heads. At 1024² the whole matrix of one layer would be 2 GB.
const SCORES_MAX: usize = 1 << 24;

/// softmax(q·kᵀ / √d)·v over [batch, heads, tokens, head_dim], a block of queries at a time.
///
/// Rows of a softmax do not depend on each other, so the result is the same for every block size.
pub(super) fn scaled_dot_product(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
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

/// What is added to the scores of `tokens` queries so that each sees its own key and those before: [tokens, tokens], 0 where a token may
/// look, −∞ at those after it.
pub(super) fn later_keys(tokens: usize, device: &Device) -> Result<Tensor> {
    let mask = (0..tokens)
        .flat_map(|query| (0..tokens).map(move |key| if key <= query { 0.0 } else { f32::NEG_INFINITY }));
    Tensor::from_iter(mask, device)?.reshape((tokens, tokens))
}

/// softmax(q·kᵀ / √d + mask)·v: `q` [heads, tokens, d], `k` and `v` [key_heads, tokens, d], each head of which serves as many
/// neighbouring heads of `q`, `mask` [tokens, tokens] → as `q`.
pub(super) fn grouped(q: &Tensor, k: &Tensor, v: &Tensor, mask: &Tensor) -> Result<Tensor> {
    let ((heads, tokens, head_dim), key_heads) = (q.dims3()?, k.dim(0)?);
    // The queries that share a key's head go through it as one long sequence.
    let together = heads / key_heads;
    #[expect(clippy::cast_precision_loss, reason = "head widths are small")]
    let q = (q.reshape((key_heads, together * tokens, head_dim))? / (head_dim as f64).sqrt())?;
    let scores = q.matmul(&k.transpose(1, 2)?)?;
    let scores = scores.reshape((heads, tokens, tokens))?.broadcast_add(mask)?;
    let weights = candle_nn::ops::softmax(&scores, D::Minus1)?;
    let context = weights.reshape((key_heads, together * tokens, tokens))?.matmul(v)?;
    context.reshape((heads, tokens, head_dim))
}

#[cfg(test)]
mod tests {
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
