use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{
    Scale,
    product::{LONG_STRIP, Packed, ProductBlock, Rows, STRIP, add_products, biases, strip},
    scratch::with_scratch,
    simd::{load, store},
    vectors::arch,
};

/// Numbers of the input's rows that a thread copies at a time, 128 kB of them.
const BAND_NUMBERS: usize = 1 << 15;
/// Rows of a band at most, so that there are bands for several threads.
const ROWS_MAX: usize = 8;

/// A convolution term by term: strips of neighbouring outputs whose sums stay in registers until they are whole.
///
/// Where the input is doubled, an output of even or odd row and column meets only 2 × 2 different inputs: four kernels
/// of 2, a phase each, instead of one of 3.
#[derive(Debug, Clone)]
pub(super) struct Direct {
    /// Kernels [rows, columns · inputs] to outputs, one or four.
    phases: Vec<Packed>,
    bias: Vec<f32>,
    inputs: usize,
    scale: Scale,
}

impl Direct {
    /// `weight` [outputs, inputs, 3, 3], `bias` [outputs].
    pub(super) fn new(weight: &[f32], bias: Vec<f32>, scale: Scale) -> Self {
        let inputs = weight.len() / (9 * bias.len());
        let phases = match scale {
            Scale::Doubled => [(0, 0), (0, 1), (1, 0), (1, 1)]
                .map(|phase| packed(&doubled(weight, phase), 2, (inputs, bias.len())))
                .to_vec(),
            Scale::Same | Scale::Halved => vec![packed(weight, 3, (inputs, bias.len()))],
        };
        Self { phases, bias, inputs, scale }
    }

    /// As [`super::Convolution::apply`].
    pub(super) fn apply(
        &self,
        x: &[f32],
        (height, width): (usize, usize),
        added: Option<&[f32]>,
        out: &mut [f32],
    ) {
        let stride = (width + 2) * self.inputs;
        let rows = (BAND_NUMBERS / stride).clamp(1, ROWS_MAX).next_multiple_of(self.step());
        let band = self.scale.of(rows) * self.scale.of(width) * self.bias.len();
        if band == 0 {
            return;
        }
        out.par_chunks_mut(band).enumerate().for_each(|(i, out)| {
            let added = added.map(|added| &added[i * band..][..out.len()]);
            with_scratch((rows + 2) * stride, |copy| {
                self.copy_band(x, (height, width), i * rows, copy.chunks_exact_mut(stride));
                for (phase, kernel) in self.phases.iter().enumerate() {
                    let phase = (phase / 2, phase % 2);
                    arch().dispatch(Band { conv: self, kernel, phase, copy, stride, width, added, out });
                }
            });
        });
    }

    /// Input rows from one output's window to the next one's.
    fn step(&self) -> usize {
        match self.scale {
            Scale::Halved => 2,
            Scale::Same | Scale::Doubled => 1,
        }
    }

    /// Rows from the one before `first` on, a zero on either side; zeros for those that are none.
    fn copy_band<'a>(
        &self,
        x: &[f32],
        (height, width): (usize, usize),
        first: usize,
        copy: impl Iterator<Item = &'a mut [f32]>,
    ) {
        let row = width * self.inputs;
        for (y, copy) in (first..).zip(copy) {
            copy.fill(0.0);
            // Coordinates are one too large.
            if (1..=height).contains(&y) {
                copy[self.inputs..][..row].copy_from_slice(&x[(y - 1) * row..][..row]);
            }
        }
    }
}

/// [outputs, inputs, side, side] as terms of each output, channels innermost.
fn packed(weight: &[f32], side: usize, (inputs, outputs): (usize, usize)) -> Packed {
    let (places, terms) = (side * side, side * side * inputs);
    let columns: Vec<f32> = weight
        .chunks_exact(terms)
        .flat_map(|kernel| (0..terms).map(|term| kernel[term % inputs * places + term / inputs]))
        .collect();
    Packed::from_columns(terms, outputs, |output| &columns[output * terms..][..terms])
}

/// The 2 × 2 kernel that outputs of `phase` (row, column) meet where the input was doubled.
fn doubled(weight: &[f32], (row, column): (usize, usize)) -> Vec<f32> {
    // Of three neighbours the first two are one input, or the last two.
    let place = |phase: usize, i: usize| (i + 1 - phase) / 2;
    weight
        .chunks_exact(9)
        .flat_map(|kernel| {
            let mut sums = [0f32; 4];
            for (i, weight) in kernel.iter().enumerate() {
                sums[2 * place(row, i / 3) + place(column, i % 3)] += weight;
            }
            sums
        })
        .collect()
}

/// One phase of a band.
struct Band<'a> {
    conv: &'a Direct,
    kernel: &'a Packed,
    phase: (usize, usize),
    /// Rows of the input, `stride` numbers apart.
    copy: &'a [f32],
    stride: usize,
    /// Inputs of a row.
    width: usize,
    added: Option<&'a [f32]>,
    out: &'a mut [f32],
}

impl WithSimd for Band<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for block in self.kernel.blocks(0) {
            match block.vectors {
                4 => self.convolve_block::<S, 4, STRIP>(simd, block),
                2 => self.convolve_block::<S, 2, STRIP>(simd, block),
                _ => self.convolve_block::<S, 1, LONG_STRIP>(simd, block),
            }
        }
    }
}

impl Band<'_> {
    #[inline(always)]
    fn convolve_block<S: Simd, const V: usize, const P: usize>(&mut self, simd: S, block: ProductBlock<'_>) {
        let (inputs, outputs, step) = (self.conv.inputs, self.conv.bias.len(), self.conv.step());
        // Where the first window begins in the copy, which has a zero before each row and a row before the first.
        let (side, factor, begin) = match self.conv.scale {
            Scale::Same => (3, 1, (0, 0)),
            Scale::Doubled => (2, 2, self.phase),
            Scale::Halved => (3, 1, (1, 1)),
        };
        let (row, windows) = (self.conv.scale.of(self.width) * outputs, self.width / step);
        let start = biases::<S, V, P>(simd, Some(&self.conv.bias), block.first);
        for y in 0..self.out.len() / (factor * row) {
            for first in (0..windows).step_by(P) {
                let mut sums = start;
                for (i, kernel) in block.numbers.chunks_exact(block.numbers.len() / side).enumerate() {
                    let numbers = &self.copy[(step * y + begin.0 + i) * self.stride + begin.1 * inputs..];
                    let rows = strip(Rows { numbers, count: windows, stride: step * inputs }, first);
                    sums = add_products(simd, rows, kernel, sums);
                }
                for (x, sums) in (first..windows).zip(sums) {
                    let place = (factor * y + self.phase.0) * row + (factor * x + self.phase.1) * outputs;
                    for (at, sum) in (block.first..outputs).step_by(S::F32_LANES).zip(sums) {
                        let number = match self.added {
                            Some(added) => simd.add_f32s(sum, load(simd, &added[place..][..outputs], at)),
                            None => sum,
                        };
                        store(simd, &mut self.out[place..][..outputs], at, number);
                    }
                }
            }
        }
    }
}
