use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, quantized::QTensor};
use half::bf16;

use super::{
    super::{
        cpu::{Paired, bf16_dots},
        ops::Numbers,
    },
    blocks::Format,
};

/// A matrix [outputs, inputs].
#[derive(Debug, Clone)]
pub(in crate::pipeline) enum Weight {
    Dense(Tensor),
    /// Rows filled up with zeros to whole blocks; made dense for each product, in `dtype`.
    Blocks {
        blocks: Arc<QTensor>,
        inputs: usize,
        dtype: DType,
    },
}

impl Weight {
    pub(in crate::pipeline) fn new(dense: Tensor, format: Format) -> Result<Self> {
        let Some(quantize) = format.quantizer() else { return Ok(Self::Dense(dense)) };
        let (device, dtype, (outputs, inputs)) = (dense.device().clone(), dense.dtype(), dense.dims2()?);
        let rows = dense.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.contiguous()?;
        let blocks = Arc::new(quantize(&Numbers::of(&rows)?, outputs, &device)?);
        Ok(Self::Blocks { blocks, inputs, dtype })
    }

    pub(super) fn dtype(&self) -> DType {
        match self {
            Self::Dense(weight) => weight.dtype(),
            Self::Blocks { dtype, .. } => *dtype,
        }
    }

    /// The matrix, contiguous, on its device, in its number format.
    pub(in crate::pipeline) fn dense(&self) -> Result<Tensor> {
        match self {
            Self::Dense(weight) => Ok(weight.clone()),
            Self::Blocks { blocks, inputs, dtype } => {
                let device = blocks.device();
                let rows = match dtype {
                    DType::F16 => blocks.dequantize_f16(&device)?,
                    dtype => blocks.dequantize(&device)?.to_dtype(*dtype)?,
                };
                // candle's CUDA matmul rejects strided rows.
                rows.narrow(1, 0, *inputs)?.contiguous()
            }
        }
    }
}

/// `dense` [outputs, inputs] laid out for a CPU that multiplies bf16 itself; none for another device or number format.
pub(in crate::pipeline) fn paired(dense: &Tensor, format: Format) -> Result<Option<Arc<Paired>>> {
    let dots = match (dense.device(), dense.dtype(), format) {
        (Device::Cpu, DType::BF16, Format::Dense) => bf16_dots(),
        _ => None,
    };
    let Some(dots) = dots else { return Ok(None) };
    let (outputs, inputs) = dense.dims2()?;
    let numbers = Numbers::<bf16>::of(dense)?;
    let numbers = &*numbers;
    let column = |output: usize| &numbers[output * inputs..][..inputs];
    Ok(Some(Arc::new(Paired::from_columns(dots, (inputs, outputs), column))))
}
