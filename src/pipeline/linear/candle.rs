use candle_core::{DType, Result, Tensor};

use super::{
    super::row_norms::{row_norm_max, row_norms},
    Format,
    weight::Weight,
};

/// Half of f16's largest number: room for the rounding of a sum that is bounded in exact arithmetic.
const F16_SAFE: f64 = 32_768.0;

/// The layer by candle's product.
///
/// In f16 the published weights overflow: sums pass 65,504. By Cauchy and Schwarz no sum of a token exceeds
/// ‖x‖·max‖Wᵢ‖, so a token whose bound is too large is divided by bound / 32,768 before the product and multiplied
/// again after it, in f32. Where all ‖Wᵢ‖ are under 1, ‖x‖ is the bound: the token itself must fit. Nothing is clamped, and
/// ordinary tokens are left alone.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct CandleLinear {
    weight: Weight,
    bias: Option<Tensor>,
    /// max‖Wᵢ‖ over the rows, where the weight is f16.
    row_norm_max: Option<f64>,
}

impl CandleLinear {
    /// `norm` is max‖Wᵢ‖ if it is known.
    pub(super) fn new(
        weight: Tensor,
        bias: Option<Tensor>,
        format: Format,
        norm: Option<f32>,
    ) -> Result<Self> {
        let row_norm_max = match (weight.dtype(), norm) {
            (DType::F16, Some(norm)) => Some(f64::from(norm)),
            (DType::F16, None) => Some(f64::from(row_norm_max(&weight)?)),
            _ => None,
        };
        Ok(Self { weight: Weight::new(weight, format)?, bias, row_norm_max })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = match self.row_norm_max {
            Some(row_norm_max) => self.product_in_range(x, row_norm_max)?,
            None => self.product(x)?,
        };
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }

    /// A product for each item of a batch, not one for all their rows: how a matrix product blocks its sums depends on
    /// the number of rows, and an item's bits must not depend on its neighbours.
    fn product(&self, x: &Tensor) -> Result<Tensor> {
        let (x, weight) = (x.to_dtype(self.weight.dtype())?, self.weight.dense()?.t()?);
        let y = match *x.dims() {
            [1, rows, inputs] => {
                let y = x.reshape((rows, inputs))?.matmul(&weight)?;
                y.unsqueeze(0)?
            }
            [batch, _, inputs] => x.matmul(&weight.expand((batch, inputs, weight.dim(1)?))?)?,
            _ => x.matmul(&weight)?,
        };
        y.to_dtype(DType::F32)
    }

    fn product_in_range(&self, x: &Tensor, row_norm_max: f64) -> Result<Tensor> {
        let bound = row_norms(x)?.affine(row_norm_max.max(1.0) / F16_SAFE, 0.0)?;
        let excess = bound.maximum(1f32)?;
        self.product(&x.broadcast_div(&excess)?)?.broadcast_mul(&excess)
    }
}
