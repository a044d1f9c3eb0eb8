//! Matrix products, each on one thread: the sums of a strip of rows stay in registers until they are whole.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{
    simd::{load, store},
    vectors::arch,
};

/// Rows of a strip. Beside their sums the registers hold a row of the block and one factor: 15 of AVX2's 16.
pub(super) const STRIP: usize = 6;
/// Rows of a strip where a block is one vector wide.
pub(super) const LONG_STRIP: usize = 12;
/// Terms that are laid out together: a cache line of each output.
const LINE: usize = 16;
/// Numbers from which on laying them out is shared among all cores: fewer are laid out by a thread beside others.
const WORTH_SHARING: usize = 1 << 20;

/// The right-hand factor of a product, in the order in which it is read: [blocks of outputs, terms, outputs of a block].
///
/// A sum is one chain from its first term to its last, whatever the block and the strip: its bits depend on its row and
/// its column alone.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    numbers: Vec<f32>,
    terms: usize,
    outputs: usize,
    vectors: Vectors,
}

/// Some outputs of a [`Packed`].
#[derive(Debug, Clone, Copy)]
pub(super) struct ProductBlock<'a> {
    /// [terms, vectors · lanes].
    pub(super) numbers: &'a [f32],
    /// The first output.
    pub(super) first: usize,
    /// 1, 2 or 4 vectors of outputs.
    pub(super) vectors: usize,
}

/// The CPU's vectors.
#[derive(Debug, Clone, Copy)]
struct Vectors {
    lanes: usize,
    /// The most of them that a block has.
    of_block: usize,
}

impl Vectors {
    /// Vectors of the block that begins where `outputs` are left.
    fn of_next_block(self, outputs: usize) -> usize {
        match outputs.div_ceil(self.lanes).min(self.of_block) {
            0 | 1 => 1,
            2 | 3 => 2,
            _ => 4,
        }
    }
}

/// Asks which vectors there are.
struct FindVectors;

impl WithSimd for FindVectors {
    type Output = Vectors;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vectors {
        Vectors { lanes: S::F32_LANES, of_block: if S::REGISTER_COUNT >= 32 { 4 } else { 2 } }
    }
}

impl Packed {
    /// `row` gives a term's outputs.
    pub(super) fn from_rows<'a>(
        terms: usize,
        outputs: usize,
        row: impl Fn(usize) -> &'a [f32] + Sync,
    ) -> Self {
        Self::filled(terms, outputs, |numbers, width, outputs| {
            for (term, numbers) in numbers.chunks_exact_mut(width).enumerate() {
                numbers[..outputs.len()].copy_from_slice(&row(term)[outputs.clone()]);
            }
        })
    }

    /// `column` gives an output's terms.
    pub(super) fn from_columns<'a>(
        terms: usize,
        outputs: usize,
        column: impl Fn(usize) -> &'a [f32] + Sync,
    ) -> Self {
        Self::filled(terms, outputs, |numbers, width, outputs| {
            for (part, numbers) in numbers.chunks_mut(width * LINE).enumerate() {
                for (i, output) in outputs.clone().enumerate() {
                    for (numbers, number) in
                        numbers.chunks_exact_mut(width).zip(&column(output)[part * LINE..])
                    {
                        numbers[i] = *number;
                    }
                }
            }
        })
    }

    /// `fill` is given a block of zeros [terms, width], the width, and which outputs it is of.
    fn filled(terms: usize, outputs: usize, fill: impl Fn(&mut [f32], usize, Range<usize>) + Sync) -> Self {
        let vectors = arch().dispatch(FindVectors);
        let mut numbers = vec![0f32; terms * outputs.next_multiple_of(vectors.lanes)];
        let mut blocks = Vec::new();
        let (mut first, mut rest) = (0, numbers.as_mut_slice());
        while first < outputs {
            let width = vectors.lanes * vectors.of_next_block(outputs - first);
            let (block, after) = rest.split_at_mut(terms * width);
            blocks.push((block, width, first..outputs.min(first + width)));
            (first, rest) = (first + width, after);
        }
        let fill = |(block, width, outputs)| fill(block, width, outputs);
        if terms * outputs < WORTH_SHARING {
            blocks.into_iter().for_each(fill);
        } else {
            blocks.into_par_iter().for_each(fill);
        }
        Self { numbers, terms, outputs, vectors }
    }

    /// Outputs of the widest block on this CPU.
    pub(super) fn widest_block() -> usize {
        let vectors = arch().dispatch(FindVectors);
        vectors.of_block * vectors.lanes
    }

    pub(super) fn terms(&self) -> usize {
        self.terms
    }

    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// The blocks from that of the output `first` on.
    pub(super) fn blocks(&self, first: usize) -> impl Iterator<Item = ProductBlock<'_>> {
        let (mut numbers, mut first) = (&self.numbers[self.terms * first..], first);
        std::iter::from_fn(move || {
            let left = self.outputs.checked_sub(first).filter(|left| *left > 0)?;
            let vectors = self.vectors.of_next_block(left);
            let (block, rest) = numbers.split_at(self.terms * vectors * self.vectors.lanes);
            let block = ProductBlock { numbers: block, first, vectors };
            (numbers, first) = (rest, first + vectors * self.vectors.lanes);
            Some(block)
        })
    }
}

/// Adds to each of `sums` the product of its row, as many numbers as `block` has terms, with `block`, [terms, V vectors].
#[inline(always)]
pub(super) fn add_products<S: Simd, const V: usize, const P: usize>(
    simd: S,
    rows: [&[f32]; P],
    block: &[f32],
    mut sums: [[S::f32s; V]; P],
) -> [[S::f32s; V]; P] {
    let block = S::as_simd_f32s(block).0.as_chunks::<V>().0;
    let mut terms = rows;
    for (terms, row) in terms.iter_mut().zip(rows) {
        // All of one length, which is known where they are read.
        *terms = &row[..block.len()];
    }
    for (i, factors) in block.iter().enumerate() {
        for (sums, terms) in sums.iter_mut().zip(&terms) {
            let term = simd.splat_f32s(terms[i]);
            for (sum, factor) in sums.iter_mut().zip(factors) {
                *sum = simd.mul_add_e_f32s(term, *factor, *sum);
            }
        }
    }
    sums
}

/// Rows of numbers inside a slice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) numbers: &'a [f32],
    pub(super) count: usize,
    /// Numbers from one row to the next.
    pub(super) stride: usize,
}

/// Writes `x` · `factor` to the first numbers of each row of `out`, whose rows are `stride` numbers apart.
pub(super) fn multiply(x: Rows<'_>, factor: &Packed, out: &mut [f32], stride: usize) {
    let mut rows = out.chunks_mut(stride);
    let mut out: Vec<&mut [f32]> =
        rows.by_ref().take(x.count).map(|row| &mut row[..factor.outputs]).collect();
    multiply_part(x, factor, None, 0, &mut out);
}

/// Writes `x` · `factor`, plus `bias`, to `out`: a row's outputs from `first` on, where a block begins.
pub(super) fn multiply_part(
    x: Rows<'_>,
    factor: &Packed,
    bias: Option<&[f32]>,
    first: usize,
    out: &mut [&mut [f32]],
) {
    arch().dispatch(TiledProduct { x, factor, bias, first, out });
}

struct TiledProduct<'a, 'b> {
    x: Rows<'a>,
    factor: &'a Packed,
    bias: Option<&'a [f32]>,
    first: usize,
    out: &'a mut [&'b mut [f32]],
}

impl WithSimd for TiledProduct<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let last = self.first + self.out.first().map_or(0, |row| row.len());
        for block in self.factor.blocks(self.first).take_while(|block| block.first < last) {
            match block.vectors {
                4 => self.multiply_block::<S, 4, STRIP>(simd, block),
                2 => self.multiply_block::<S, 2, STRIP>(simd, block),
                _ => self.multiply_block::<S, 1, LONG_STRIP>(simd, block),
            }
        }
    }
}

impl TiledProduct<'_, '_> {
    #[inline(always)]
    fn multiply_block<S: Simd, const V: usize, const P: usize>(&mut self, simd: S, block: ProductBlock<'_>) {
        let start = biases::<S, V, P>(simd, self.bias, block.first);
        for first in (0..self.x.count).step_by(P) {
            let rows = strip(self.x, first);
            let sums = add_products(simd, rows, block.numbers, start);
            for (out, sums) in self.out[first..].iter_mut().zip(sums) {
                let from = block.first - self.first;
                for (at, sum) in (from..out.len()).step_by(S::F32_LANES).zip(sums) {
                    store(simd, out, at, sum);
                }
            }
        }
    }
}

/// `P` rows from `first` on; beyond the last one, that one again.
#[inline(always)]
pub(super) fn strip<const P: usize>(rows: Rows<'_>, first: usize) -> [&[f32]; P] {
    let mut strip = [rows.numbers; P];
    for (i, row) in strip.iter_mut().enumerate() {
        *row = &rows.numbers[(first + i).min(rows.count - 1) * rows.stride..];
    }
    strip
}

/// The biases of `V` vectors of outputs from `first` on, or zeros, `P` times.
#[inline(always)]
pub(super) fn biases<S: Simd, const V: usize, const P: usize>(
    simd: S,
    bias: Option<&[f32]>,
    first: usize,
) -> [[S::f32s; V]; P] {
    let mut sums = [simd.splat_f32s(0.0); V];
    if let Some(bias) = bias {
        for (at, sum) in (first..bias.len()).step_by(S::F32_LANES).zip(&mut sums) {
            *sum = load(simd, bias, at);
        }
    }
    [sums; P]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_any_width_are_the_sums_by_definition() {
        #[expect(clippy::cast_precision_loss, reason = "numbers are small")]
        let number = |i: usize, j: usize| (i * 7 + j * 3) as f32 % 5.0 - 2.0;
        for (rows, terms, outputs) in [(1, 1, 1), (2, 3, 5), (13, 9, 17), (7, 20, 33), (25, 4, 150)] {
            let x: Vec<f32> = (0..rows * (terms + 2)).map(|i| number(i, 1)).collect();
            let by_row: Vec<f32> = (0..terms * outputs).map(|i| number(i / outputs, i % outputs)).collect();
            let by_column: Vec<f32> = (0..terms * outputs).map(|i| number(i % terms, i / terms)).collect();
            let factor = Packed::from_rows(terms, outputs, |term| &by_row[term * outputs..]);
            let same = Packed::from_columns(terms, outputs, |output| &by_column[output * terms..][..terms]);
            assert_eq!(factor.numbers, same.numbers);
            let mut out = vec![9.0; rows * (outputs + 3)];
            multiply(Rows { numbers: &x, count: rows, stride: terms + 2 }, &factor, &mut out, outputs + 3);
            for (x, out) in x.chunks_exact(terms + 2).zip(out.chunks_exact(outputs + 3)) {
                for (output, product) in out[..outputs].iter().enumerate() {
                    let sum: f32 = (0..terms).map(|term| x[term] * number(term, output)).sum();
                    assert_eq!(*product, sum, "{rows} {terms} {outputs}");
                }
                assert_eq!(out[outputs..], [9.0; 3], "what is between the rows is left alone");
            }
        }
    }
}
