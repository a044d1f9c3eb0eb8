//! Mixed precision (Micikevicius et al., arXiv 1710.03740): what enters a product has 16 bits, its sums have 32, and so
//! has everything between products.
//!
//! In f16 the published weights overflow: activations pass 65,504. A row that would is divided by a power of two on its
//! way into a product, and whoever reads the product's sums multiplies them again. Nothing is clamped, and but for what
//! f16 cannot hold at either end it is exact.

/// Calls a function for the number format `$dtype`, f16 or bf16.
macro_rules! in_format {
    ($dtype:expr, $function:ident($($argument:expr),*)) => {
        match $dtype {
            candle_core::DType::F16 => $function::<half::f16>($($argument),*),
            candle_core::DType::BF16 => $function::<half::bf16>($($argument),*),
            dtype => candle_core::bail!("mixed precision in {dtype:?}"),
        }
    };
}
mod choice;
mod cpu;
mod cpu_prompt;
#[cfg(feature = "cuda")]
mod cuda;
mod linear;
mod prompt;

use candle_core::{DType, Device, Result, Tensor};

pub use self::choice::{Arithmetic, KernelChoice};
#[cfg(feature = "cuda")]
pub(super) use self::cuda::{MapConvolution, MapNorm};
use self::prompt::PromptKernels;
pub(super) use self::{linear::FusedLinear, prompt::GroupedTurn};
use super::{
    linear::{Format, Weight},
    norm::RmsNorm,
};

/// How the matrices of a transformer's block are held, and how they are multiplied.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockForm {
    pub(super) format: Format,
    pub(super) arithmetic: Arithmetic,
}

/// Numbers of 16 bits on their way into a product.
#[derive(Debug)]
pub(super) struct Narrow {
    /// [batch, tokens, width] f16 or bf16, contiguous.
    numbers: Tensor,
    /// [batch, tokens] f32, powers of two, by which a row is to be multiplied.
    scale: Tensor,
}

/// What a product gave.
#[derive(Debug)]
pub(super) struct Sums {
    /// [batch, tokens, width] f32, contiguous.
    numbers: Tensor,
    /// As [`Narrow`]'s: of the rows that went in.
    scale: Tensor,
}

/// Queries, keys and values, each [batch, tokens, heads · head_dim].
#[derive(Debug)]
pub(super) struct Heads {
    /// Normalised and turned.
    queries: Tensor,
    /// As the queries.
    keys: Tensor,
    values: Narrow,
    heads: usize,
}

/// What becomes of queries and keys before they meet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn<'a> {
    /// Over each head of the queries, and of the keys.
    pub(super) norms: &'a (RmsNorm, RmsNorm),
    /// [tokens, head_dim / 2] f32.
    pub(super) cos: &'a Tensor,
    /// As `cos`.
    pub(super) sin: &'a Tensor,
    pub(super) heads: usize,
    pub(super) dtype: DType,
}

/// The passes over memory between a block's products. `dtype` is f16 or bf16; tokens are [batch, tokens, dim] f32.
pub(super) trait Kernels: PromptKernels {
    /// The norm of `x`.
    fn norm(&self, x: &Tensor, norm: &RmsNorm, dtype: DType) -> Result<Narrow>;

    /// `x` and the norm of `sums`.
    fn add_norm(&self, x: &Tensor, sums: &Sums, norm: &RmsNorm) -> Result<Tensor>;

    /// `x` and the first norm of `sums`, and the second norm of that.
    fn add_norm_norm(
        &self,
        x: &Tensor,
        sums: &Sums,
        norms: (&RmsNorm, &RmsNorm),
        dtype: DType,
    ) -> Result<(Tensor, Narrow)>;

    /// silu(gate) · up, where the first half of each row of `sums` is the gate.
    fn gate(&self, sums: &Sums, dtype: DType) -> Result<Narrow>;

    /// Queries, keys and values, which are thirds of each row of `sums`; the first two normalised and turned.
    fn turn(&self, sums: &Sums, turn: Turn<'_>) -> Result<Heads>;

    /// softmax(q·kᵀ / √d)·v of each head, [batch, tokens, heads · d].
    fn attend(&self, heads: &Heads) -> Result<Narrow>;

    /// The matrix of `weight`, contiguous, in its number format.
    fn dense(&self, weight: &Weight) -> Result<Tensor> {
        weight.dense()
    }

    /// x·Wᵀ; `weight` [outputs, inputs] in the format of `x`, contiguous. On a CPU an item's sums do not depend on its
    /// neighbours; on a card as far as cuBLAS computes items alike.
    fn multiply(&self, x: &Narrow, weight: &Tensor) -> Result<Sums>;
}

/// The kernels of `device`.
pub(super) fn kernels(device: &Device) -> &'static dyn Kernels {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(_) => &cuda::Cuda,
        _ => &cpu::Cpu,
    }
}
