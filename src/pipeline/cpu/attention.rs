use half::bf16;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{
    dots::{Bf16Dots, NarrowRows},
    narrow::narrow_bf16,
    paired::Paired,
    product::{Packed, Rows, multiply},
    scratch::{with_both_scratches, with_scratch},
    simd::{exp, map, sum},
    vectors::arch,
};

/// Scores held at once by a thread, 1 MB of them: they stay in its cache.
const SCORES_MAX: usize = 1 << 18;
/// Queries of a block, at least and at most.
const QUERIES: (usize, usize) = (12, 96);

/// softmax(q·kᵀ / √d)·v for each head. `q`, `k`, `v` and the result are [tokens, heads · d].
///
/// A thread takes a block of queries through one head after the other, so no sequence² matrix is held. Rows of a softmax
/// do not depend on each other: the result is the same for every size of block.
pub fn attend(q: &[f32], k: &[f32], v: &[f32], (tokens, heads): (usize, usize), out: &mut [f32]) {
    let width = q.len() / tokens;
    let head_dim = width / heads;
    let factor = factor(head_dim);
    let heads: Vec<(Packed, Packed)> = (0..width / head_dim)
        .into_par_iter()
        .map(|head| {
            let first = head * head_dim;
            let keys = |token| &k[token * width + first..][..head_dim];
            let values = |token| &v[token * width + first..][..head_dim];
            (Packed::from_columns(head_dim, tokens, keys), Packed::from_rows(tokens, head_dim, values))
        })
        .collect();
    let queries = queries_of_block(tokens);
    out.par_chunks_mut(queries * width).zip(q.par_chunks(queries * width)).for_each(|(out, q)| {
        let count = q.len() / width;
        with_scratch(count * tokens, |scores| {
            for (head, (keys, values)) in heads.iter().enumerate() {
                let first = head * head_dim;
                multiply(Rows { numbers: &q[first..], count, stride: width }, keys, scores, tokens);
                let sums = arch().dispatch(Exponentials { scores, tokens, factor });
                let out = &mut out[first..];
                multiply(Rows { numbers: scores, count, stride: tokens }, values, out, width);
                arch().dispatch(Quotients { out, width, head_dim, sums });
            }
        });
    });
}

/// [`attend`] of bf16 by products of bf16, with probabilities, not yet divided by their sum, rounded to bf16.
pub fn attend_bf16(
    dots: Bf16Dots,
    [q, k, v]: [&[bf16]; 3],
    (tokens, heads): (usize, usize),
    out: &mut [f32],
) {
    let width = q.len() / tokens;
    let head_dim = width / heads;
    let factor = factor(head_dim);
    let heads: Vec<(Paired, Paired)> = (0..width / head_dim)
        .into_par_iter()
        .map(|head| {
            let first = head * head_dim;
            let keys = |token| &k[token * width + first..][..head_dim];
            let values = |token| &v[token * width + first..][..head_dim];
            (
                Paired::from_columns(dots, (head_dim, tokens), keys),
                Paired::from_rows(dots, (tokens, head_dim), values),
            )
        })
        .collect();
    let queries = queries_of_block(tokens);
    out.par_chunks_mut(queries * width).zip(q.par_chunks(queries * width)).for_each(|(out, q)| {
        let count = q.len() / width;
        let scores = count * tokens;
        with_both_scratches((scores, scores), |scores, narrow| {
            for (head, (keys, values)) in heads.iter().enumerate() {
                let first = head * head_dim;
                let q = NarrowRows { numbers: &q[first..], count, stride: width, terms: head_dim };
                keys.multiply(q, scores, tokens);
                let sums = arch().dispatch(Exponentials { scores, tokens, factor });
                narrow_bf16(scores, narrow);
                let out = &mut out[first..];
                let narrow = NarrowRows { numbers: narrow, count, stride: tokens, terms: tokens };
                values.multiply(narrow, out, width);
                arch().dispatch(Quotients { out, width, head_dim, sums });
            }
        });
    });
}

/// 1 / √d.
#[expect(clippy::cast_precision_loss, reason = "head widths are small")]
fn factor(head_dim: usize) -> f32 {
    (head_dim as f32).sqrt().recip()
}

fn queries_of_block(tokens: usize) -> usize {
    (SCORES_MAX / tokens).clamp(QUERIES.0, QUERIES.1).min(tokens)
}

/// Puts e^(factor · (score − largest of its row)) in the place of each score, and returns each row's sum.
struct Exponentials<'a> {
    scores: &'a mut [f32],
    tokens: usize,
    factor: f32,
}

impl WithSimd for Exponentials<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        let factor = simd.splat_f32s(self.factor);
        let mut sums = Vec::with_capacity(self.scores.len() / self.tokens);
        for row in self.scores.chunks_exact_mut(self.tokens) {
            let largest = simd.splat_f32s(largest(simd, row));
            map(
                simd,
                row,
                #[inline(always)]
                |x| exp(simd, simd.mul_f32s(simd.sub_f32s(x, largest), factor)),
            );
            sums.push(sum(
                simd,
                row,
                #[inline(always)]
                |x| x,
            ));
        }
        sums
    }
}

#[inline(always)]
fn largest<S: Simd>(simd: S, row: &[f32]) -> f32 {
    let (body, tail) = S::as_simd_f32s(row);
    let mut largest = simd.splat_f32s(f32::NEG_INFINITY);
    for x in body {
        largest = simd.max_f32s(largest, *x);
    }
    tail.iter().fold(simd.reduce_max_f32s(largest), |largest, x| largest.max(*x))
}

/// Divides each row of a head's output by its sum.
struct Quotients<'a> {
    out: &'a mut [f32],
    width: usize,
    head_dim: usize,
    sums: Vec<f32>,
}

impl WithSimd for Quotients<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (row, sum) in self.out.chunks_mut(self.width).zip(&self.sums) {
            let factor = simd.splat_f32s(sum.recip());
            map(
                simd,
                &mut row[..self.head_dim],
                #[inline(always)]
                |x| simd.mul_f32s(x, factor),
            );
        }
    }
}
