//! Winograd's short convolutions (Lavin and Gray, arXiv 1509.09308): two outputs of a kernel of three from N products.

use pulp::Simd;

/// One dimension of a convolution. Two dimensions are one after the other, so a tile of 2 × 2 outputs takes N² products.
pub(super) trait Tiling<const N: usize> {
    /// Input numbers from one tile to the next. A tile's first input is the one before its place.
    const STRIDE: usize;

    /// Inputs to what is multiplied.
    fn inward<S: Simd>(simd: S, x: [S::f32s; N]) -> [S::f32s; N];

    /// Products to outputs.
    fn outward<S: Simd>(simd: S, m: [S::f32s; N]) -> [S::f32s; 2];

    /// A kernel to what is multiplied.
    fn kernel(g: [f64; 3]) -> [f64; N];
}

/// F(2, 3): 16 products for a tile instead of 36.
pub(super) struct Same;

impl Tiling<4> for Same {
    const STRIDE: usize = 2;

    #[inline(always)]
    fn inward<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
        [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, d)]
    }

    #[inline(always)]
    fn outward<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 2] {
        [simd.add_f32s(simd.add_f32s(a, b), c), simd.sub_f32s(simd.sub_f32s(b, c), d)]
    }

    fn kernel([a, b, c]: [f64; 3]) -> [f64; 4] {
        [a, (a + b + c) / 2.0, (a - b + c) / 2.0, c]
    }
}

/// A convolution of the input with each number doubled (nearest upsampling). Of F(2, 3)'s inputs the middle two are
/// then one number, so one product is always zero: 9 products for a tile.
pub(super) struct Doubled;

impl Tiling<3> for Doubled {
    const STRIDE: usize = 1;

    #[inline(always)]
    fn inward<S: Simd>(simd: S, [a, b, c]: [S::f32s; 3]) -> [S::f32s; 3] {
        [simd.sub_f32s(a, b), b, simd.sub_f32s(b, c)]
    }

    #[inline(always)]
    fn outward<S: Simd>(simd: S, [a, b, c]: [S::f32s; 3]) -> [S::f32s; 2] {
        [simd.add_f32s(a, b), simd.sub_f32s(b, c)]
    }

    fn kernel([a, b, c]: [f64; 3]) -> [f64; 3] {
        [a, a + b + c, c]
    }
}
