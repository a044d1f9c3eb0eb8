//! y = x·Wᵀ + b, by the CPU kernels or by candle, with the weight dense or in blocks of few bits.

mod block;
mod blocks;
mod candle;
mod four_bits;
#[cfg(any(feature = "cuda", test))]
mod low_rank;
mod side;
mod weight;

use std::sync::Arc;

use candle_core::{DType, Result, Tensor};
use candle_nn::VarBuilder;

use self::candle::CandleLinear;
#[cfg(feature = "cuda")]
pub(super) use self::low_rank::LowRank;
pub use self::side::Sides;
pub(super) use self::{
    blocks::{BlockLinear, Format},
    side::{Added, MergedLayer, SideBranch},
    weight::{Weight, paired},
};
use super::{
    cpu,
    ops::{self, Numbers},
    row_norms::ROW_NORM_MAX,
};

/// A layer between f32 activations.
#[derive(Debug, Clone)]
pub(super) struct Linear {
    /// By diffusers.
    name: Arc<str>,
    product: Product,
}

/// The product with a weight, in the weight's number format.
#[derive(Debug, Clone)]
enum Product {
    /// f32 on the CPU kernels.
    Dense(Arc<cpu::Linear>),
    /// f32 on the CPU kernels, the weight in blocks.
    Blocks(Arc<BlockLinear>),
    /// 16 bits on a CPU, and everything on a CUDA device.
    Candle(CandleLinear),
}

impl Linear {
    pub(super) fn load(vb: &VarBuilder, inputs: usize, outputs: usize) -> Result<Self> {
        let bias = vb.get(outputs, "bias")?.to_dtype(DType::F32)?;
        let product =
            Product::dense_with_norm(&vb.get((outputs, inputs), "weight")?, Some(bias), norm_in(vb)?)?;
        Ok(Self { name: vb.prefix().into(), product })
    }

    pub(super) fn load_without_bias(vb: &VarBuilder, inputs: usize, outputs: usize) -> Result<Self> {
        Self::load_in(Format::Dense, vb, inputs, outputs)
    }

    /// Without bias, the weight held in `format`.
    pub(super) fn load_in(format: Format, vb: &VarBuilder, inputs: usize, outputs: usize) -> Result<Self> {
        let product = Product::with_norm(&vb.get((outputs, inputs), "weight")?, format, norm_in(vb)?)?;
        Ok(Self { name: vb.prefix().into(), product })
    }

    /// `x` [batch, rows, inputs] or [rows, inputs] f32, contiguous → the same with outputs, f32: the product with its own
    /// weight, and what `sides` do to it.
    pub(super) fn forward(&self, x: &Tensor, sides: &Sides) -> Result<Tensor> {
        let product = || self.product.forward(x);
        match sides.of(&self.name) {
            Some(side) => side.applied(x, product),
            None => product(),
        }
    }
}

/// The norm of the weight's longest row, which products in f16 ask for, if `vb` keeps it.
fn norm_in(vb: &VarBuilder) -> Result<Option<f32>> {
    let name = format!("weight{ROW_NORM_MAX}");
    if vb.dtype() != DType::F16 || !vb.contains_tensor(&name) {
        return Ok(None);
    }
    vb.get(1, &name)?.get(0)?.to_scalar().map(Some)
}

impl Product {
    fn in_format(weight: &Tensor, format: Format) -> Result<Self> {
        Self::with_norm(weight, format, None)
    }

    /// `norm` is the longest row's if it is known.
    fn with_norm(weight: &Tensor, format: Format, norm: Option<f32>) -> Result<Self> {
        if !ops::on_cpu_kernels(weight) {
            return Ok(Self::Candle(CandleLinear::new(weight.clone(), None, format, norm)?));
        }
        match BlockLinear::new(&Numbers::of(weight)?, weight.dim(0)?, format) {
            Some(linear) => Ok(Self::Blocks(Arc::new(linear))),
            None => Self::dense(weight, None),
        }
    }

    fn dense(weight: &Tensor, bias: Option<Tensor>) -> Result<Self> {
        Self::dense_with_norm(weight, bias, None)
    }

    fn dense_with_norm(weight: &Tensor, bias: Option<Tensor>, norm: Option<f32>) -> Result<Self> {
        if !ops::on_cpu_kernels(weight) {
            return Ok(Self::Candle(CandleLinear::new(weight.clone(), bias, Format::Dense, norm)?));
        }
        let bias = bias.map(|bias| bias.to_vec1()).transpose()?;
        Ok(Self::Dense(Arc::new(cpu::Linear::new(&Numbers::of(weight)?, weight.dim(0)?, bias))))
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Dense(linear) => ops::linear(linear, x),
            Self::Blocks(linear) => ops::rows_to_rows(x, linear.size(), |x, out| linear.apply(x, out)),
            Self::Candle(linear) => linear.forward(x),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::testing::{random_tensor as random, relative_error};

    #[test]
    fn few_bits_lose_what_is_said_of_them_at_any_width() -> Result<()> {
        // Whole blocks, a short last one, less than one.
        for (inputs, outputs) in [(512, 96), (682, 70), (100, 3)] {
            let (weight, x) = (random(1, &[outputs, inputs]), random(2, &[2, 37, inputs]));
            let dense = Product::in_format(&weight, Format::Dense)?.forward(&x)?;
            for (format, least, most) in [(Format::EightBit, 1e-3, 8e-3), (Format::FourBit, 1e-2, 0.1)] {
                let ours = Product::in_format(&weight, format)?.forward(&x)?;
                let error = relative_error(&ours, &dense)?;
                assert!((least..most).contains(&error), "{format:?} {inputs}: {error}");
                // candle's product sees the same rounded weights.
                let weight = Product::Candle(CandleLinear::new(weight.clone(), None, format, None)?);
                let error = relative_error(&weight.forward(&x)?, &ours)?;
                assert!(error < 1e-5, "{format:?} {inputs}: {error}");
            }
        }
        Ok(())
    }

    #[test]
    fn a_token_beyond_half_precision_passes_through_small_weights() -> Result<()> {
        let weight = (random(1, &[64, 256]) * 1e-4)?;
        let x = (random(2, &[1, 5, 256]) * 60_000.0)?;
        assert!(x.abs()?.max_all()?.to_scalar::<f32>()? > 65_504.0);
        let exact = Product::in_format(&weight, Format::Dense)?.forward(&x)?;
        let half = Product::in_format(&weight.to_dtype(DType::F16)?, Format::Dense)?.forward(&x)?;
        assert!(relative_error(&half, &exact)? < 2e-3);
        Ok(())
    }

    #[test]
    fn blocks_in_half_precision_do_not_overflow() -> Result<()> {
        let weight = random(1, &[64, 256]);
        let x = (random(2, &[1, 5, 256]) * 60_000.0)?;
        let exact = Product::in_format(&weight, Format::EightBit)?.forward(&x)?;
        assert!(exact.abs()?.max_all()?.to_scalar::<f32>()? > 65_504.0);
        let half = Product::in_format(&weight.to_dtype(DType::F16)?, Format::EightBit)?.forward(&x)?;
        assert!(relative_error(&half, &exact)? < 2e-3);
        Ok(())
    }
}
