//! What a CPU runs instead of candle's own kernels: over slices, without candle, on every core.
//!
//! Each thread's part is fixed by the shapes alone, and each product runs on one thread, so an image's bits do not
//! depend on how many threads there are. Vectors are as wide as the CPU has them, found out at run time.

mod attention;
mod by_row;
mod convolution;
mod direct;
#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "other CPUs have no such products"))]
mod dots;
mod groups;
mod linear;
mod narrow;
mod paired;
mod product;
mod rows;
mod scale;
mod scratch;
mod simd;
mod tiling;
mod vectors;
mod winograd;

pub use self::{
    attention::{attend, attend_bf16},
    by_row::multiply_by_row,
    convolution::{Convolution, Method},
    dots::Bf16Dots,
    groups::{GroupNorm, Moments},
    linear::Linear,
    narrow::narrow_bf16,
    paired::{Paired, multiply_by_column, multiply_paired},
    rows::{Turn, add_rms_norm, gate, largest_magnitude, rms_norm},
    scale::Scale,
    vectors::{CpuVectors, VectorsError, arch, bf16_dots},
};
