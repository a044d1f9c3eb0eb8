//! What is done to each token by itself, in one pass over memory.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{
    simd::{load, silu, store, sum},
    vectors::arch,
};

/// Numbers that a thread takes at a time.
const BLOCK: usize = 1 << 14;

/// Whole rows of `width` numbers, about [`BLOCK`] numbers of them.
fn block(width: usize) -> usize {
    (BLOCK / width).max(1) * width
}

/// x / √(mean x² + ε) · weight for each row of `x`, as wide as `weight`.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    let block = block(weight.len());
    out.par_chunks_mut(block)
        .zip(x.par_chunks(block))
        .for_each(|(out, x)| arch().dispatch(Norm { out, x: Some(x), added: None, weight, eps }));
}

/// Puts `added` + norm(x) · weight in the place of `x`: the norm of [`rms_norm`].
pub fn add_rms_norm(x: &mut [f32], added: &[f32], weight: &[f32], eps: f32) {
    let block = block(weight.len());
    x.par_chunks_mut(block).zip(added.par_chunks(block)).for_each(|(out, added)| {
        arch().dispatch(Norm { out, x: None, added: Some(added), weight, eps });
    });
}

struct Norm<'a> {
    out: &'a mut [f32],
    /// None if the rows are in `out`.
    x: Option<&'a [f32]>,
    added: Option<&'a [f32]>,
    weight: &'a [f32],
    eps: f32,
}

impl WithSimd for Norm<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { out, x, added, weight, eps } = self;
        let width = weight.len();
        for (i, out) in out.chunks_exact_mut(width).enumerate() {
            let row = i * width..(i + 1) * width;
            if let Some(x) = x {
                out.copy_from_slice(&x[row.clone()]);
            }
            let factor = simd.splat_f32s(inverse_deviation(simd, out, eps));
            for at in (0..width).step_by(S::F32_LANES) {
                let x = simd.mul_f32s(load(simd, out, at), factor);
                let weight = load(simd, weight, at);
                let y = match added {
                    Some(added) => simd.mul_add_e_f32s(x, weight, load(simd, &added[row.clone()], at)),
                    None => simd.mul_f32s(x, weight),
                };
                store(simd, out, at, y);
            }
        }
    }
}

/// 1 / √(mean x² + ε).
#[inline(always)]
fn inverse_deviation<S: Simd>(simd: S, row: &[f32], eps: f32) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "rows are short")]
    let count = row.len() as f32;
    (sum(
        simd,
        row,
        #[inline(always)]
        |x| simd.mul_f32s(x, x),
    ) / count
        + eps)
        .sqrt()
        .recip()
}

/// Puts silu(gate) · up in the place of `gate`.
pub fn gate(gate: &mut [f32], up: &[f32]) {
    gate.par_chunks_mut(BLOCK)
        .zip(up.par_chunks(BLOCK))
        .for_each(|(gate, up)| arch().dispatch(Gate { gate, up }));
}

struct Gate<'a> {
    gate: &'a mut [f32],
    up: &'a [f32],
}

impl WithSimd for Gate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for at in (0..self.gate.len()).step_by(S::F32_LANES) {
            let y = simd.mul_f32s(silu(simd, load(simd, self.gate, at)), load(simd, self.up, at));
            store(simd, self.gate, at, y);
        }
    }
}

/// The largest |x| of a row; 0 of none. A NaN is passed over or is the answer.
pub fn largest_magnitude(row: &[f32]) -> f32 {
    arch().dispatch(Largest(row))
}

struct Largest<'a>(&'a [f32]);

impl WithSimd for Largest<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let (body, tail) = S::as_simd_f32s(self.0);
        let mut largest = simd.splat_f32s(0.0);
        for x in body {
            largest = simd.max_f32s(simd.abs_f32s(*x), largest);
        }
        tail.iter().fold(simd.reduce_max_f32s(largest), |largest, x| largest.max(x.abs()))
    }
}

/// Each head's norm and rotation: queries or keys on their way to attention.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// Of the norm over a head, and its ε; none if heads are not normalised.
    pub norm: Option<(&'a [f32], f32)>,
    /// [tokens, head_dim / 2] each.
    pub cos: &'a [f32],
    /// As `cos`.
    pub sin: &'a [f32],
    /// Numbers of a head.
    pub head_dim: usize,
    /// Numbers of a token, all heads.
    pub width: usize,
}

impl Turn<'_> {
    /// Normalises and turns `x` [items, tokens, width] in place.
    pub fn apply(self, x: &mut [f32]) {
        let (block, half) = (block(self.width), self.head_dim / 2);
        let tokens = self.cos.len() / half;
        x.par_chunks_mut(tokens * self.width).for_each(|item| {
            let angles = block / self.width * half;
            let tables = self.cos.par_chunks(angles).zip(self.sin.par_chunks(angles));
            item.par_chunks_mut(block)
                .zip(tables)
                .for_each(|(x, (cos, sin))| arch().dispatch(TurnRows { turn: self, x, cos, sin }));
        });
    }
}

struct TurnRows<'a> {
    turn: Turn<'a>,
    x: &'a mut [f32],
    cos: &'a [f32],
    sin: &'a [f32],
}

impl WithSimd for TurnRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Turn { norm, head_dim, width, .. } = self.turn;
        let angles = self.cos.chunks_exact(head_dim / 2).zip(self.sin.chunks_exact(head_dim / 2));
        for (token, (cos, sin)) in self.x.chunks_exact_mut(width).zip(angles) {
            for head in token.chunks_exact_mut(head_dim) {
                if let Some((weight, eps)) = norm {
                    let factor = simd.splat_f32s(inverse_deviation(simd, head, eps));
                    for at in (0..head_dim).step_by(S::F32_LANES) {
                        let x = simd.mul_f32s(load(simd, head, at), factor);
                        store(simd, head, at, simd.mul_f32s(x, load(simd, weight, at)));
                    }
                }
                for (pair, (cos, sin)) in head.chunks_exact_mut(2).zip(cos.iter().zip(sin)) {
                    let (x, y) = (pair[0], pair[1]);
                    pair[0] = x * cos - y * sin;
                    pair[1] = x * sin + y * cos;
                }
            }
        }
    }
}
