//! What a CPU runs instead of candle's own kernels: over slices, without candle, on every core.
//!
//! Each thread's part is fixed by the shapes alone, and each product runs on one thread, so an image's bits do not
//! depend on how many threads there are. Vectors are as wide as the CPU has them, found out at run time.

mod attention;
mod by_row;
mod convolution;
mod direct;
mod groups;
mod linear;
mod product;
mod rows;
mod scale;
mod scratch;
mod simd;
mod tiling;
mod vectors;
mod winograd;

pub use self::{
    attention::attend,
    by_row::multiply_by_row,
    convolution::{Convolution, Method},
    groups::{GroupNorm, Moments},
    linear::Linear,
    rows::{Turn, add_rms_norm, gate, rms_norm},
    scale::Scale,
    vectors::{CpuVectors, VectorsError, arch},
};
