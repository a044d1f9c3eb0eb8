use std::ops::Range;

use half::bf16;
use rayon::prelude::*;

use super::dots::{Bf16Dots, LANES, NarrowRows, PairBlock, Pairs, pair};

/// Rows and outputs of a thread's part.
const PART: (usize, usize) = (48, 128);
/// Pairs of terms that are laid out together: a cache line of each output.
const LINE: usize = 16;
/// Numbers from which on laying them out is shared among all cores: fewer are laid out by a thread beside others.
const WORTH_SHARING: usize = 1 << 20;

/// The right-hand factor of a product in bf16, in the order in which [`Bf16Dots`] reads it: [blocks of outputs, pairs of
/// terms, outputs of a block, 2]. It takes the room of its numbers, and that of up to 15 more outputs.
#[derive(Debug)]
pub struct Paired {
    pairs: Vec<Pairs>,
    terms: usize,
    outputs: usize,
    dots: Bf16Dots,
}

/// Vectors of the block that begins where `outputs` are left.
fn vectors_of_next_block(outputs: usize) -> usize {
    match outputs.div_ceil(LANES) {
        0 | 1 => 1,
        2 | 3 => 2,
        _ => 4,
    }
}

impl Paired {
    /// `column` gives an output's terms.
    pub fn from_columns<'a>(
        dots: Bf16Dots,
        (terms, outputs): (usize, usize),
        column: impl Fn(usize) -> &'a [bf16] + Sync,
    ) -> Self {
        Self::filled(dots, (terms, outputs), |block, vectors, outputs| {
            for (part, lines) in block.chunks_mut(vectors * LINE).enumerate() {
                for (i, output) in outputs.clone().enumerate() {
                    let terms = &column(output)[..terms][2 * LINE * part..];
                    let (pairs, last) = terms.as_chunks::<2>();
                    let last = last.first().map(|last| [*last, bf16::ZERO]);
                    let places = lines[i / LANES..].iter_mut().step_by(vectors);
                    for (place, terms) in places.zip(pairs.iter().copied().chain(last)) {
                        place[i % LANES] = pair(terms);
                    }
                }
            }
        })
    }

    /// `row` gives a term's outputs.
    pub(super) fn from_rows<'a>(
        dots: Bf16Dots,
        (terms, outputs): (usize, usize),
        row: impl Fn(usize) -> &'a [bf16] + Sync,
    ) -> Self {
        Self::filled(dots, (terms, outputs), |block, vectors, outputs| {
            for (i, lines) in block.chunks_exact_mut(vectors).enumerate() {
                let first = &row(2 * i)[outputs.clone()];
                let places = lines.as_flattened_mut().iter_mut().zip(first);
                if 2 * i + 1 < terms {
                    let second = &row(2 * i + 1)[outputs.clone()];
                    places.zip(second).for_each(|((place, first), second)| *place = pair([*first, *second]));
                } else {
                    places.for_each(|(place, first)| *place = pair([*first, bf16::ZERO]));
                }
            }
        })
    }

    /// `fill` is given a block of zeros, its vectors, and which outputs it is of.
    fn filled(
        dots: Bf16Dots,
        (terms, outputs): (usize, usize),
        fill: impl Fn(&mut [Pairs], usize, Range<usize>) + Sync,
    ) -> Self {
        let height = terms.div_ceil(2);
        let mut pairs = vec![[0; LANES]; height * outputs.div_ceil(LANES)];
        let mut blocks = Vec::new();
        let (mut first, mut rest) = (0, pairs.as_mut_slice());
        while first < outputs {
            let vectors = vectors_of_next_block(outputs - first);
            let (block, after) = rest.split_at_mut(height * vectors);
            blocks.push((block, vectors, first..outputs.min(first + vectors * LANES)));
            (first, rest) = (first + vectors * LANES, after);
        }
        let fill = |(block, vectors, outputs)| fill(block, vectors, outputs);
        if terms * outputs < WORTH_SHARING {
            blocks.into_iter().for_each(fill);
        } else {
            blocks.into_par_iter().for_each(fill);
        }
        Self { pairs, terms, outputs, dots }
    }

    /// Outputs of the factor.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The blocks from that of the output `first` on, each with its first output.
    fn blocks(&self, first: usize) -> impl Iterator<Item = (usize, PairBlock<'_>)> {
        let height = self.terms.div_ceil(2);
        let (mut pairs, mut first) = (&self.pairs[height * first.div_ceil(LANES)..], first);
        std::iter::from_fn(move || {
            let left = self.outputs.checked_sub(first).filter(|left| *left > 0)?;
            let vectors = vectors_of_next_block(left);
            let (block, rest) = pairs.split_at(height * vectors);
            let block = match vectors {
                4 => PairBlock::Four(block.as_chunks().0),
                2 => PairBlock::Two(block.as_chunks().0),
                _ => PairBlock::One(block.as_chunks().0),
            };
            let at = first;
            (pairs, first) = (rest, first + vectors * LANES);
            Some((at, block))
        })
    }

    /// Writes `x` · this to `out`: each row's outputs from `first` on, where a block begins, as many as a row of `out` has.
    pub(super) fn multiply_part(&self, x: NarrowRows<'_>, first: usize, out: &mut [&mut [f32]]) {
        let last = first + out.first().map_or(0, |row| row.len());
        for (at, block) in self.blocks(first).take_while(|(at, _)| *at < last) {
            self.dots.multiply(x, block, at - first, out);
        }
    }

    /// Writes `x` · this to the first numbers of each row of `out`, whose rows are `stride` numbers apart.
    pub(super) fn multiply(&self, x: NarrowRows<'_>, out: &mut [f32], stride: usize) {
        let rows = out.chunks_mut(stride).take(x.count);
        let mut out: Vec<&mut [f32]> = rows.map(|row| &mut row[..self.outputs]).collect();
        self.multiply_part(x, 0, &mut out);
    }
}

/// `x` [rows, terms] · each of `factors`, side by side → `out` [rows, outputs of all].
pub fn multiply_paired(x: &[bf16], factors: &[&Paired], out: &mut [f32]) {
    let Some(terms) = factors.first().map(|factor| factor.terms) else { return };
    let width: usize = factors.iter().map(|factor| factor.outputs).sum();
    // A factor's columns, then the next ones': what is read of a factor stays near while rows go by.
    let mut columns: Vec<(usize, usize, Vec<_>)> = Vec::new();
    for (at, factor) in factors.iter().enumerate() {
        columns.extend((0..factor.outputs).step_by(PART.1).map(|first| (at, first, Vec::new())));
    }
    for (x, out) in x.chunks(PART.0 * terms).zip(out.chunks_mut(PART.0 * width)) {
        let rows = NarrowRows { numbers: x, count: x.len() / terms, stride: terms, terms };
        let mut left: Vec<&mut [f32]> = out.chunks_exact_mut(width).collect();
        for (at, first, parts) in &mut columns {
            let count = PART.1.min(factors[*at].outputs - *first);
            let taken = left.iter_mut().filter_map(|row| row.split_off_mut(..count));
            parts.push((rows, taken.collect::<Vec<_>>()));
        }
    }
    let parts = columns
        .into_par_iter()
        .flat_map(|(at, first, parts)| parts.into_par_iter().map(move |(rows, out)| (at, first, rows, out)));
    parts.for_each(|(at, first, rows, mut out)| factors[at].multiply_part(rows, first, &mut out));
}

/// `x` [rows, terms] · a factor that is laid out for this product alone, a block at a time: `column` gives an output's
/// terms. The bits are those of [`multiply_paired`].
pub fn multiply_by_column<'a>(
    dots: Bf16Dots,
    x: &[bf16],
    (terms, outputs): (usize, usize),
    column: impl Fn(usize) -> &'a [bf16] + Sync,
    out: &mut [f32],
) {
    /// Outputs of the widest block.
    const WIDTH: usize = 4 * LANES;
    let rows = NarrowRows { numbers: x, count: x.len() / terms, stride: terms, terms };
    let mut pieces: Vec<_> = out.chunks_exact_mut(outputs).map(|row| row.chunks_mut(WIDTH)).collect();
    let parts: Vec<(usize, Vec<&mut [f32]>)> = (0..outputs)
        .step_by(WIDTH)
        .map(|first| (first, pieces.iter_mut().filter_map(Iterator::next).collect()))
        .collect();
    parts.into_par_iter().for_each(|(first, mut out)| {
        let size = (terms, WIDTH.min(outputs - first));
        Paired::from_columns(dots, size, |output| column(first + output)).multiply_part(rows, 0, &mut out);
    });
}

#[cfg(test)]
mod tests {
    use half::slice::HalfFloatSliceExt;
    use pulp::Arch;

    use super::*;
    use crate::{domain::Seed, pipeline::standard_normal};

    fn random(seed: u64, count: usize) -> Vec<bf16> {
        let mut narrow = vec![bf16::ZERO; count];
        narrow.convert_from_f32_slice(&standard_normal(Seed::new(seed), count));
        narrow
    }

    #[test]
    fn rows_and_columns_of_one_matrix_are_laid_out_alike() {
        let Some(dots) = Bf16Dots::beside(Arch::new()) else { return };
        for (terms, outputs) in [(1, 1), (3, 5), (9, 17), (33, 40), (70, 150), (128, 64)] {
            let by_row = random(1, terms * outputs);
            let by_column: Vec<bf16> =
                (0..outputs).flat_map(|output| by_row[output..].iter().step_by(outputs)).copied().collect();
            let rows = Paired::from_rows(dots, (terms, outputs), |term| &by_row[term * outputs..][..outputs]);
            let columns =
                Paired::from_columns(dots, (terms, outputs), |output| &by_column[output * terms..][..terms]);
            assert_eq!(rows.pairs, columns.pairs, "{terms} {outputs}");
            assert_eq!(
                rows.pairs.len(),
                terms.div_ceil(2) * outputs.div_ceil(LANES),
                "no more room than its numbers"
            );
        }
    }

    #[test]
    fn a_row_has_the_same_bits_alone_and_among_others() {
        let Some(dots) = Bf16Dots::beside(Arch::new()) else { return };
        // Several parts of rows and of outputs, the last ones short, of two factors side by side.
        let (rows, terms, widths) = (101, 71, [333, 40]);
        let x = random(1, rows * terms);
        let weights = widths.map(|outputs| random(2, outputs * terms));
        let factors = weights.each_ref().map(|weight| {
            Paired::from_columns(dots, (terms, weight.len() / terms), |output| {
                &weight[output * terms..][..terms]
            })
        });
        let factors = factors.each_ref();
        let width: usize = widths.iter().sum();
        let mut together = vec![f32::NAN; rows * width];
        multiply_paired(&x, &factors, &mut together);
        let mut first = vec![f32::NAN; rows * widths[0]];
        let column = |output: usize| &weights[0][output * terms..][..terms];
        multiply_by_column(dots, &x, (terms, widths[0]), column, &mut first);
        let firsts = together.chunks_exact(width).flat_map(|row| &row[..widths[0]]);
        assert!(first.iter().eq(firsts), "by column");
        for (x, together) in x.chunks_exact(terms).zip(together.chunks_exact(width)) {
            let mut alone = vec![f32::NAN; width];
            multiply_paired(x, &factors, &mut alone);
            assert_eq!(alone, together);
            let columns = weights.iter().flat_map(|weight| weight.chunks_exact(terms));
            for (y, weight) in alone.iter().zip(columns) {
                let terms = x.iter().zip(weight).map(|(x, weight)| f64::from(*x) * f64::from(*weight));
                assert!((terms.sum::<f64>() - f64::from(*y)).abs() < 1e-4);
            }
        }
    }
}
