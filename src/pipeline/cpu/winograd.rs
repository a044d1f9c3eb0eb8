use std::marker::PhantomData;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{
    product::{Packed, Rows, multiply},
    scratch::with_scratch,
    simd::{load, store},
    tiling::{Doubled, Same, Tiling},
    vectors::arch,
};

/// Numbers of a thread's scratch, 1 MB of them.
const SCRATCH_NUMBERS: usize = 1 << 18;
/// Tiles that are multiplied at once, at least and at most.
const TILES: (usize, usize) = (24, 240);
/// Bands of a map at least, where that leaves a band [`TILES`], so that several threads have work.
const BANDS: usize = 8;

/// A convolution by tiles: fewer products than a sum has terms, each of them a matrix product (tiles × inputs) ·
/// (inputs × outputs).
#[derive(Debug, Clone)]
pub(super) struct Winograd {
    /// Inputs to outputs, one for each product of a tile.
    kernels: Vec<Packed>,
    bias: Vec<f32>,
    inputs: usize,
    doubles: bool,
}

impl Winograd {
    /// `weight` [outputs, inputs, 3, 3], `bias` [outputs]; `doubles` where the input is first doubled.
    pub(super) fn new(weight: &[f32], bias: Vec<f32>, doubles: bool) -> Self {
        let inputs = weight.len() / (9 * bias.len());
        let kernels = if doubles {
            kernels::<3, Doubled>(weight, inputs, bias.len())
        } else {
            kernels::<4, Same>(weight, inputs, bias.len())
        };
        Self { kernels, bias, inputs, doubles }
    }

    /// As [`super::Convolution::apply`].
    pub(super) fn apply(&self, x: &[f32], size: (usize, usize), added: Option<&[f32]>, out: &mut [f32]) {
        if self.doubles {
            self.apply_tiled::<3, Doubled>(x, size, added, out);
        } else {
            self.apply_tiled::<4, Same>(x, size, added, out);
        }
    }

    fn apply_tiled<const N: usize, T: Tiling<N>>(
        &self,
        x: &[f32],
        size: (usize, usize),
        added: Option<&[f32]>,
        out: &mut [f32],
    ) {
        let (inputs, outputs) = (self.inputs, self.bias.len());
        let width = if self.doubles { 2 * size.1 } else { size.1 };
        let columns = width.div_ceil(2);
        let tiles = (SCRATCH_NUMBERS / (N * N * (inputs + outputs))).clamp(TILES.0, TILES.1);
        let bands_rows = (out.len() / (width * outputs)).div_ceil(2 * BANDS).max(TILES.0.div_ceil(columns));
        let rows = (tiles / columns).clamp(1, bands_rows);
        let band = 2 * rows * width * outputs;
        let zeros = vec![0f32; inputs];
        out.par_chunks_mut(band).enumerate().for_each(|(i, out)| {
            let added = added.map(|added| &added[i * band..][..out.len()]);
            let last = (out.len() / (width * outputs)).div_ceil(2) * columns;
            let tiles = tiles.min(last);
            with_scratch(N * N * tiles * (inputs + outputs), |scratch| {
                let (met, products) = scratch.split_at_mut(N * N * tiles * inputs);
                for first in (0..last).step_by(tiles) {
                    let here = Tiles { first, count: tiles.min(last - first), columns, width };
                    let in_map = Tiles { first: first + i * rows * columns, ..here };
                    let tiling = PhantomData::<T>;
                    arch().dispatch(Inward { x, size, zeros: &zeros, tiles: in_map, met, tiling });
                    self.multiply(met, here.count, products);
                    let bias = &self.bias;
                    arch().dispatch(Outward { products, bias, added, tiles: here, out, tiling });
                }
            });
        });
    }

    /// What tiles met, [products, tiles, inputs], to [products, tiles, outputs]; of each `count` tiles.
    fn multiply(&self, met: &[f32], count: usize, products: &mut [f32]) {
        let (inputs, outputs) = (self.inputs, self.bias.len());
        let parts = (met.len() / self.kernels.len(), products.len() / self.kernels.len());
        let parts = met.chunks_exact(parts.0).zip(products.chunks_exact_mut(parts.1));
        for ((numbers, products), kernel) in parts.zip(&self.kernels) {
            multiply(Rows { numbers, count, stride: inputs }, kernel, products, outputs);
        }
    }
}

/// What the tiling makes of each kernel.
fn kernels<const N: usize, T: Tiling<N>>(weight: &[f32], inputs: usize, outputs: usize) -> Vec<Packed> {
    let mut products = vec![vec![0f32; inputs * outputs]; N * N];
    for (i, kernel) in weight.chunks_exact(9).enumerate() {
        let (output, input) = (i / inputs, i % inputs);
        let row = |y: usize| T::kernel([0, 1, 2].map(|x| f64::from(kernel[3 * y + x])));
        let rows = [row(0), row(1), row(2)];
        for x in 0..N {
            for (y, number) in T::kernel(rows.map(|row| row[x])).into_iter().enumerate() {
                #[expect(clippy::cast_possible_truncation, reason = "products are f32")]
                let number = number as f32;
                products[y * N + x][input * outputs + output] = number;
            }
        }
    }
    let packed = |numbers: &Vec<f32>| Packed::from_rows(inputs, outputs, |input| &numbers[input * outputs..]);
    products.iter().map(packed).collect()
}

/// Tiles of 2 × 2 outputs, row by row.
#[derive(Debug, Clone, Copy)]
struct Tiles {
    first: usize,
    count: usize,
    /// Tiles of a row.
    columns: usize,
    /// Outputs of a row.
    width: usize,
}

impl Tiles {
    /// Row and column of each.
    fn places(self) -> impl Iterator<Item = (usize, usize)> {
        (self.first..self.first + self.count).map(move |tile| (tile / self.columns, tile % self.columns))
    }
}

/// Inputs of tiles, as they are multiplied: [products, tiles, inputs].
struct Inward<'a, const N: usize, T> {
    x: &'a [f32],
    size: (usize, usize),
    /// A place outside of the map.
    zeros: &'a [f32],
    tiles: Tiles,
    met: &'a mut [f32],
    tiling: PhantomData<T>,
}

impl<const N: usize, T: Tiling<N>> WithSimd for Inward<'_, N, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (inputs, (height, width)) = (self.zeros.len(), self.size);
        let stride = self.met.len() / (N * N);
        for (tile, (row, column)) in self.tiles.places().enumerate() {
            let mut places = [[self.zeros; N]; N];
            for (y, places) in (row * T::STRIDE..).zip(&mut places) {
                for (x, place) in (column * T::STRIDE..).zip(places) {
                    // Coordinates are one too large: a tile begins one before its place.
                    if (1..=height).contains(&y) && (1..=width).contains(&x) {
                        *place = &self.x[((y - 1) * width + x - 1) * inputs..][..inputs];
                    }
                }
            }
            for at in (0..inputs).step_by(S::F32_LANES) {
                let mut rows = [[simd.splat_f32s(0.0); N]; N];
                for (row, places) in rows.iter_mut().zip(&places) {
                    for (x, place) in row.iter_mut().zip(places) {
                        *x = load(simd, place, at);
                    }
                    *row = T::inward(simd, *row);
                }
                for j in 0..N {
                    let mut column = [simd.splat_f32s(0.0); N];
                    for (x, row) in column.iter_mut().zip(&rows) {
                        *x = row[j];
                    }
                    for (i, met) in T::inward(simd, column).into_iter().enumerate() {
                        let place = &mut self.met[(i * N + j) * stride + tile * inputs..][..inputs];
                        store(simd, place, at, met);
                    }
                }
            }
        }
    }
}

/// Products of tiles to outputs, with the bias.
struct Outward<'a, const N: usize, T> {
    products: &'a [f32],
    bias: &'a [f32],
    added: Option<&'a [f32]>,
    /// Counted from the first row of `out`.
    tiles: Tiles,
    out: &'a mut [f32],
    tiling: PhantomData<T>,
}

impl<const N: usize, T: Tiling<N>> WithSimd for Outward<'_, N, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (outputs, width) = (self.bias.len(), self.tiles.width);
        let height = self.out.len() / (width * outputs);
        let stride = self.products.len() / (N * N);
        for (tile, (row, column)) in self.tiles.places().enumerate() {
            for at in (0..outputs).step_by(S::F32_LANES) {
                let mut columns = [[simd.splat_f32s(0.0); N]; 2];
                let [left, right] = &mut columns;
                for (i, (left, right)) in left.iter_mut().zip(right).enumerate() {
                    let mut products = [simd.splat_f32s(0.0); N];
                    for (j, product) in products.iter_mut().enumerate() {
                        let place = &self.products[(i * N + j) * stride + tile * outputs..][..outputs];
                        *product = load(simd, place, at);
                    }
                    [*left, *right] = T::outward(simd, products);
                }
                let bias = load(simd, self.bias, at);
                for (x, products) in (2 * column..width).zip(columns) {
                    for (y, number) in (2 * row..height).zip(T::outward(simd, products)) {
                        let first = (y * width + x) * outputs;
                        let mut number = simd.add_f32s(number, bias);
                        if let Some(added) = self.added {
                            number = simd.add_f32s(number, load(simd, &added[first..][..outputs], at));
                        }
                        store(simd, &mut self.out[first..][..outputs], at, number);
                    }
                }
            }
        }
    }
}
