//! The text encoder's passes on a CPU: the reference for the CUDA kernels.

use candle_core::{DType, Device, Result, Tensor, bail};
use rayon::prelude::*;

use super::{
    super::{cpu, norm::RmsNorm, ops::Numbers, scores},
    Kernels, Narrow, Sums,
    cpu::{Cpu, multiplied, narrowed, part, rounded, widened},
    prompt::{GroupedHeads, GroupedTurn, PromptKernels},
};

impl PromptKernels for Cpu {
    fn add(&self, x: &Tensor, sums: &Sums) -> Result<Tensor> {
        let (mut sum, before): (_, Numbers) = (sums.scaled()?, Numbers::of(x)?);
        sum.iter_mut().zip(before.iter()).for_each(|(sum, before)| *sum += before);
        Tensor::from_vec(sum, x.dims(), x.device())
    }

    fn add_then_norm(
        &self,
        x: &Tensor,
        sums: &Sums,
        norm: &RmsNorm,
        dtype: DType,
    ) -> Result<(Tensor, Narrow)> {
        let x = self.add(x, sums)?;
        let normed = self.norm(&x, norm, dtype)?;
        Ok((x, normed))
    }

    fn turn_halves(&self, sums: &Sums, turn: GroupedTurn<'_>) -> Result<GroupedHeads> {
        let (batch, tokens, all) = sums.numbers.dims3()?;
        let head_dim = all / (turn.heads + 2 * turn.key_heads);
        let (width, key_width) = (turn.heads * head_dim, turn.key_heads * head_dim);
        if all != width + 2 * key_width || !head_dim.is_multiple_of(2) {
            bail!("{all} numbers in {} heads and twice {} of keys", turn.heads, turn.key_heads);
        }
        let scaled = sums.scaled()?;
        let queries = turned(&part(&scaled, all, 0, width), &turn.norms.0, width, turn)?;
        let keys = turned(&part(&scaled, all, width, key_width), &turn.norms.1, key_width, turn)?;
        let values = part(&scaled, all, width + key_width, key_width);
        Ok(GroupedHeads {
            queries: rounded(&queries, &[batch, tokens, width], turn.dtype)?,
            keys: rounded(&keys, &[batch, tokens, key_width], turn.dtype)?,
            values: narrowed(&values, &[batch, tokens, key_width], turn.dtype)?,
            heads: turn.heads,
            key_heads: turn.key_heads,
        })
    }

    fn look_back(&self, heads: &GroupedHeads) -> Result<Narrow> {
        let (batch, tokens, width) = heads.queries.dims3()?;
        let head_dim = width / heads.heads;
        let split = |numbers: Vec<f32>, heads: usize| {
            let x = Tensor::from_vec(numbers, (batch, tokens, heads, head_dim), &Device::Cpu)?;
            x.transpose(1, 2)?.contiguous()
        };
        let values = multiplied(widened(&heads.values.numbers)?, &heads.values.scale)?;
        let (q, k) =
            (split(widened(&heads.queries)?, heads.heads)?, split(widened(&heads.keys)?, heads.key_heads)?);
        let v = split(values, heads.key_heads)?;
        let mask = scores::later_keys(tokens, &Device::Cpu)?;
        let items =
            (0..batch).map(|item| scores::grouped(&q.get(item)?, &k.get(item)?, &v.get(item)?, &mask));
        let context = Tensor::stack(&items.collect::<Result<Vec<_>>>()?, 0)?;
        let context = context.transpose(1, 2)?.flatten_all()?.to_vec1::<f32>()?;
        narrowed(&context, heads.queries.dims(), heads.queries.dtype())
    }
}

/// Heads [.., head_dim] of rows of `width` numbers, normed, and the pairs that their halves make turned by the angles of their
/// token.
fn turned(rows: &[f32], norm: &RmsNorm, width: usize, turn: GroupedTurn<'_>) -> Result<Vec<f32>> {
    let (weight, cos, sin): (Numbers, Numbers, Numbers) =
        (Numbers::of(&norm.weight)?, Numbers::of(turn.cos)?, Numbers::of(turn.sin)?);
    let (cos, sin) = (&*cos, &*sin);
    let (head_dim, pairs) = (weight.len(), weight.len() / 2);
    let mut normed = vec![0f32; rows.len()];
    cpu::rms_norm(rows, &weight, norm.eps, &mut normed);
    normed.par_chunks_mut(width).enumerate().for_each(|(row, heads)| {
        let angles = row * pairs % cos.len();
        for head in heads.chunks_exact_mut(head_dim) {
            let (first, second) = head.split_at_mut(pairs);
            let angles = cos[angles..].iter().zip(&sin[angles..]);
            for ((x, y), (cos, sin)) in first.iter_mut().zip(second).zip(angles) {
                (*x, *y) = (*x * cos - *y * sin, *x * sin + *y * cos);
            }
        }
    });
    Ok(normed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::testing::{random_tensor as random, relative_error};

    #[test]
    fn grouped_heads_are_the_librarys() -> Result<()> {
        let (batch, tokens, heads, key_heads, head_dim) = (2, 9, 6, 2, 10);
        let all = (heads + 2 * key_heads) * head_dim;
        let sums = Sums {
            numbers: random(1, &[batch, tokens, all]),
            scale: Tensor::ones((batch, tokens), DType::F32, &Device::Cpu)?,
        };
        let norm = |seed| {
            Ok::<_, candle_core::Error>(RmsNorm { weight: (random(seed, &[head_dim]) + 1.0)?, eps: 1e-6 })
        };
        let norms = (norm(2)?, norm(3)?);
        let (cos, sin) = (random(4, &[tokens, head_dim / 2]), random(5, &[tokens, head_dim / 2]));
        let turn = GroupedTurn { norms: &norms, cos: &cos, sin: &sin, heads, key_heads, dtype: DType::F16 };
        let ours = Cpu.turn_halves(&sums, turn)?;
        for (ours, norm, first, heads) in
            [(&ours.queries, &norms.0, 0, heads), (&ours.keys, &norms.1, heads * head_dim, key_heads)]
        {
            let x = sums.numbers.narrow(2, first, heads * head_dim)?.contiguous()?;
            let x = x.reshape((batch, tokens, heads, head_dim))?;
            let x = candle_nn::ops::rms_norm(&x, &norm.weight, norm.eps)?.transpose(1, 2)?.contiguous()?;
            let library = candle_nn::rotary_emb::rope(&x, &cos, &sin)?.transpose(1, 2)?;
            let library = library.reshape((batch, tokens, heads * head_dim))?;
            assert!(relative_error(&ours.to_dtype(DType::F32)?, &library)? < 5e-4);
        }
        Ok(())
    }
}
