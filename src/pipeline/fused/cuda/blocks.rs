//! Weights in blocks of few bits, made dense for a product in one pass over memory. candle takes two in bf16, and one more where
//! rows do not fill their last block.

use candle_core::{
    Result, Tensor, bail,
    cuda_backend::cudarc::driver::PushKernelArg,
    quantized::{GgmlDType, QTensor},
};

use super::{
    super::super::linear::Weight,
    HalfNumber, Output, count,
    kernel::Kernel,
    launch::{FewBits, Launch},
};

/// The matrix [outputs, inputs], contiguous, in its number format of 16 bits.
pub(super) fn dense(weight: &Weight) -> Result<Tensor> {
    match weight {
        Weight::Dense(_) => weight.dense(),
        Weight::Blocks { blocks, inputs, dtype } => in_format!(*dtype, made_dense(blocks, *inputs)),
    }
}

/// The first `inputs` numbers of each row of `blocks`.
fn made_dense<T: HalfNumber>(blocks: &QTensor, inputs: usize) -> Result<Tensor> {
    let (outputs, filled) = blocks.shape().dims2()?;
    let bits = match blocks.dtype() {
        GgmlDType::Q8_0 => FewBits::Eight,
        GgmlDType::Q4K => FewBits::Four,
        dtype => bail!("no kernel makes {dtype:?} dense"),
    };
    if inputs > filled {
        bail!("{inputs} inputs in rows of {filled} numbers");
    }
    let (eights, eights_of_row) = (count(outputs * filled / 8)?, count(filled / 8)?);
    let device = blocks.device();
    let cuda = device.as_cuda_device()?;
    let stream = cuda.cuda_stream();
    let (address, _in_use) = blocks.device_ptr_with_guard(&stream)?;
    // As the driver takes it.
    let address = u64::try_from(address.addr()).map_err(candle_core::Error::msg)?;
    let mut out = Output::<T>::new(cuda, outputs * inputs)?;
    let kernel = Kernel::load(cuda, Launch::dense(bits, T::HALF, eights))?;
    let inputs_of_row = count(inputs)?;
    let mut arguments = kernel.arguments();
    arguments.arg(&address).arg(&eights).arg(&eights_of_row).arg(&inputs_of_row).arg(&mut out.0);
    kernel.run(arguments)?;
    Ok(out.tensor(cuda, &[outputs, inputs]))
}

/// They want a card: `cargo test --features cuda --lib fused::cuda`. What the kernels compute is tested without one in
/// tests/cuda_emulator.
#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::{super::super::super::linear::Format, *};
    use crate::pipeline::testing::random_tensor as random;

    #[test]
    fn a_weight_in_blocks_is_made_dense_on_a_card_as_on_the_host() -> Result<()> {
        let (card, host) = (Device::new_cuda(0).expect("a card"), Device::Cpu);
        // Whole blocks, filled rows of eights, filled rows that are not aligned, one row.
        for (outputs, inputs) in [(70, 3840), (33, 680), (5, 333), (1, 10_240)] {
            for format in [Format::EightBit, Format::FourBit] {
                for dtype in [DType::F16, DType::BF16] {
                    let weight = random(1, &[outputs, inputs]).to_dtype(dtype)?;
                    let ours = dense(&Weight::new(weight.to_device(&card)?, format)?)?.to_device(&host)?;
                    let theirs = Weight::new(weight, format)?.dense()?;
                    assert_eq!((ours.dims(), ours.dtype()), (theirs.dims(), dtype));
                    let numbers = |x: Tensor| x.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>();
                    assert_eq!(numbers(ours)?, numbers(theirs)?, "{outputs} {inputs} {format:?} {dtype:?}");
                }
            }
        }
        Ok(())
    }
}
