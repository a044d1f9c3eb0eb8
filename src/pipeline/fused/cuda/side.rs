//! What LoRAs add to a product: two kernels a layer.

use std::sync::Arc;

use candle_core::{
    CpuStorage, CudaDevice, CudaStorage, InplaceOp1, Layout, Result, bail,
    cuda_backend::cudarc::driver::PushKernelArg,
};

use super::{
    super::{super::linear::LowRank, Narrow, Sums},
    HalfNumber, Input, Output, Rows, count,
    kernel::Kernel,
    launch::Launch,
};

/// `sums`, which nobody else may hold, and what each of `sides` adds to its columns from the first on.
pub(in crate::pipeline::fused) fn add_low_ranks(
    x: &Narrow,
    sums: Sums,
    sides: &[(usize, Arc<LowRank>)],
) -> Result<Sums> {
    for (first, side) in sides {
        in_format!(x.numbers.dtype(), add_low_rank(x, &sums, *first, side))?;
    }
    Ok(sums)
}

fn add_low_rank<T: HalfNumber>(x: &Narrow, sums: &Sums, first: usize, side: &LowRank) -> Result<()> {
    let (size, cuda) = (Rows::of(&x.numbers)?, x.numbers.device().as_cuda_device()?);
    let ((ranks, inputs), outputs) = (side.down.dims2()?, side.up.dim(0)?);
    if inputs != size.width as usize || first + outputs > sums.numbers.dim(2)? {
        bail!("a LoRA's {inputs} inputs and {outputs} outputs from {first} on, of a layer of others");
    }
    let ranks = count(ranks)?;
    let (numbers, down) = (Input::<T>::of(&x.numbers)?, Input::<T>::of(&side.down)?);
    let (numbers, down) = (numbers.view()?, down.view()?);
    let mut h = Output::<f32>::new(cuda, size.rows as usize * ranks as usize)?;
    let kernel = Kernel::load(cuda, Launch::side_down(T::HALF, size.rows, ranks))?;
    let mut arguments = kernel.arguments();
    arguments.arg(&numbers).arg(&down).arg(&size.rows).arg(&size.width).arg(&ranks).arg(&mut h.0);
    kernel.run(arguments)?;
    let h = h.tensor(cuda, &[size.rows as usize, ranks as usize]);
    sums.numbers.inplace_op1(&Up::<T> {
        h: Input::of(&h)?,
        up: Input::of(&side.up)?,
        side,
        size,
        first,
        cuda,
    })
}

/// The way up, added where the sums lie.
struct Up<'a, T> {
    h: Input<'a, f32>,
    up: Input<'a, T>,
    side: &'a LowRank,
    /// Of what came in.
    size: Rows,
    first: usize,
    cuda: &'a CudaDevice,
}

impl<T: HalfNumber> InplaceOp1 for Up<'_, T> {
    fn name(&self) -> &'static str {
        "side-up"
    }

    fn cpu_fwd(&self, _: &mut CpuStorage, _: &Layout) -> Result<()> {
        bail!("a card's kernel on a CPU")
    }

    fn cuda_fwd(&self, storage: &mut CudaStorage, layout: &Layout) -> Result<()> {
        let (outputs, ranks) = self.side.up.dims2()?;
        let (rows, first) = (self.size.rows, count(self.first)?);
        let (outputs, ranks) = (count(outputs)?, count(ranks)?);
        let width = count(layout.dims().last().copied().unwrap_or_default())?;
        let Some((0, end)) = layout.contiguous_offsets() else {
            bail!("a LoRA is added to contiguous sums, alone in their memory")
        };
        if end != rows as usize * width as usize {
            bail!("a LoRA's {rows} rows are added to {end} sums in rows of {width}");
        }
        let (h, up) = (self.h.view()?, self.up.view()?);
        let sums = storage.as_cuda_slice_mut::<f32>()?;
        let kernel = Kernel::load(self.cuda, Launch::side_up(T::HALF, rows, outputs))?;
        let mut arguments = kernel.arguments();
        arguments.arg(&h).arg(&up).arg(&self.side.factor).arg(&rows).arg(&ranks);
        arguments.arg(&outputs).arg(&width).arg(&first).arg(sums);
        kernel.run(arguments)
    }
}

/// They want a card: `cargo test --features cuda --lib fused::cuda`.
#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::{
        super::super::{super::linear::Added, Kernels, cpu::Cpu as Host},
        *,
    };
    use crate::pipeline::testing::{random_tensor as random, relative_error};

    #[test]
    fn what_a_lora_adds_on_a_card_is_what_it_adds_on_the_host() -> Result<()> {
        let card = Device::new_cuda(0).expect("a card");
        let (rows, inputs, rank, outputs) = (97, 328, 20, 130);
        let x = random(1, &[2, rows, inputs]);
        let (down, up) = ((random(2, &[rank, inputs]) * 0.05)?, (random(3, &[outputs, rank]) * 0.05)?);
        let norm = crate::pipeline::norm::RmsNorm {
            weight: Tensor::ones(inputs, DType::F32, &Device::Cpu)?,
            eps: 1e-6,
        };
        let before = random(4, &[2, rows, 3 * outputs]);
        for (dtype, bound) in [(DType::F16, 2e-3), (DType::BF16, 1.6e-2)] {
            let host = Host.norm(&x, &norm, dtype)?;
            let exact = Added::new(Some(&(down.clone(), up.clone())), None, &Device::Cpu)?
                .forward(&host.numbers.to_dtype(DType::F32)?)?;
            let on_card =
                Narrow { numbers: host.numbers.to_device(&card)?, scale: host.scale.to_device(&card)? };
            let sums = Sums { numbers: before.to_device(&card)?, scale: on_card.scale.clone() };
            let side = Added::new(Some(&(down.clone(), up.clone())), None, &card)?;
            let side = side.low_rank_in(dtype, &card)?.expect("inputs that the kernels take");
            let after = add_low_ranks(&on_card, sums, &[(outputs, side)])?.numbers.to_device(&Device::Cpu)?;
            let changed = (after - &before)?;
            let ours = changed.narrow(2, outputs, outputs)?.contiguous()?;
            assert!(relative_error(&ours, &exact)? < bound, "{dtype:?}");
            for first in [0, 2 * outputs] {
                assert_eq!(changed.narrow(2, first, outputs)?.abs()?.max_all()?.to_scalar::<f32>()?, 0.0);
            }
        }
        Ok(())
    }
}
