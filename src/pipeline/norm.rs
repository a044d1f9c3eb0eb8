use candle_core::{DType, Result, Tensor};
use candle_nn::VarBuilder;

use super::ops;

/// Root-mean-square norm (Zhang and Sennrich, arXiv 1910.07467) with a learned weight, in f32.
#[derive(Debug, Clone)]
pub(super) struct RmsNorm {
    weight: Tensor,
    eps: f32,
}

impl RmsNorm {
    pub(super) fn load(vb: VarBuilder, dim: usize, eps: f32) -> Result<Self> {
        Ok(Self { weight: vb.get(dim, "weight")?.to_dtype(DType::F32)?, eps })
    }

    /// `x` [.., dim] f32, contiguous.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        rms_norm(x, &self.weight, self.eps)
    }

    /// The norm times `factor` [dim]: one pass over `x` instead of two.
    pub(super) fn forward_times(&self, x: &Tensor, factor: &Tensor) -> Result<Tensor> {
        rms_norm(x, &(&self.weight * factor)?, self.eps)
    }

    /// `added` and the norm of `x`, which nobody else may hold.
    pub(super) fn added(&self, x: Tensor, added: &Tensor) -> Result<Tensor> {
        add_rms_norm(x, added, &self.weight, self.eps)
    }

    /// `added` and the norm of `x`, which nobody else may hold, times `factor` [dim].
    pub(super) fn added_times(&self, x: Tensor, added: &Tensor, factor: &Tensor) -> Result<Tensor> {
        add_rms_norm(x, added, &(&self.weight * factor)?, self.eps)
    }

    /// The weight and ε.
    pub(super) fn parts(&self) -> (&Tensor, f32) {
        (&self.weight, self.eps)
    }
}

fn rms_norm(x: &Tensor, weight: &Tensor, eps: f32) -> Result<Tensor> {
    match ops::are_ours(x) {
        true => ops::rms_norm(x, weight, eps),
        false => candle_nn::ops::rms_norm(x, weight, eps),
    }
}

fn add_rms_norm(x: Tensor, added: &Tensor, weight: &Tensor, eps: f32) -> Result<Tensor> {
    match ops::are_ours(&x) {
        true => ops::add_rms_norm(x, added, weight, eps),
        false => added + candle_nn::ops::rms_norm(&x, weight, eps)?,
    }
}
