use candle_core::{DType, Result, Tensor};
use candle_nn::VarBuilder;

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
        candle_nn::ops::rms_norm(x, &self.weight, self.eps)
    }

    /// The norm times `factor` [dim]: one pass over `x` instead of two.
    pub(super) fn forward_times(&self, x: &Tensor, factor: &Tensor) -> Result<Tensor> {
        candle_nn::ops::rms_norm(x, &(&self.weight * factor)?, self.eps)
    }
}
