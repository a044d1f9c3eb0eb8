use candle_core::{DType, Result, Tensor};
use candle_nn::VarBuilder;

use super::ops;

/// Root-mean-square norm (Zhang and Sennrich, arXiv 1910.07467) with a learned weight, in f32.
#[derive(Debug, Clone)]
pub(super) struct RmsNorm {
    pub(super) weight: Tensor,
    pub(super) eps: f32,
}

impl RmsNorm {
    pub(super) fn load(vb: &VarBuilder, dim: usize, eps: f32) -> Result<Self> {
        Ok(Self { weight: vb.get(dim, "weight")?.to_dtype(DType::F32)?, eps })
    }

    /// The norm whose result is this one's times `factor` [dim]: one pass over the tokens instead of two.
    pub(super) fn times(&self, factor: &Tensor) -> Result<Self> {
        Ok(Self { weight: (&self.weight * factor)?, eps: self.eps })
    }

    /// `x` [.., dim] f32, contiguous.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if ops::on_cpu_kernels(x) {
            ops::rms_norm(x, &self.weight, self.eps)
        } else {
            candle_nn::ops::rms_norm(x, &self.weight, self.eps)
        }
    }

    /// `added` and the norm of `x`, which nobody else may hold.
    pub(super) fn added(&self, x: Tensor, added: &Tensor) -> Result<Tensor> {
        if ops::on_cpu_kernels(&x) {
            ops::add_rms_norm(x, added, &self.weight, self.eps)
        } else {
            added + candle_nn::ops::rms_norm(&x, &self.weight, self.eps)?
        }
    }
}
