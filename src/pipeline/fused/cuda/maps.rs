//! Group norm over maps [batch, channels, height, width], with SiLU behind it, in one pass over memory beside the one for its
//! moments. candle's takes about ten.

use candle_core::{
    CudaDevice, DType, Result, Tensor, bail,
    cuda_backend::CudaDType,
    cuda_backend::cudarc::driver::{DeviceRepr, PushKernelArg},
};
use half::bf16;

use super::{
    Input, Output, count,
    kernel::Kernel,
    launch::{Launch, MapNumber},
};

/// A map's number, as the kernels have it.
trait Number: CudaDType + DeviceRepr {
    const NUMBER: MapNumber;
}

impl Number for f32 {
    const NUMBER: MapNumber = MapNumber::F32;
}

impl Number for bf16 {
    const NUMBER: MapNumber = MapNumber::Bf16;
}

/// A group norm's weights, and how many groups the channels are in.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct MapNorm {
    /// [channels] f32.
    pub(in crate::pipeline) weight: Tensor,
    /// [channels] f32.
    pub(in crate::pipeline) bias: Tensor,
    pub(in crate::pipeline) groups: usize,
    pub(in crate::pipeline) eps: f32,
}

impl MapNorm {
    /// Mean and squared distances from it of each group of each item of `x` f32 or bf16, contiguous: [batch · groups, 2] f32.
    pub(in crate::pipeline) fn moments(&self, x: &Tensor) -> Result<Tensor> {
        match x.dtype() {
            DType::F32 => self.moments_of::<f32>(x),
            DType::BF16 => self.moments_of::<bf16>(x),
            dtype => bail!("no norm of maps in {dtype:?}"),
        }
    }

    /// The norm of `x`, whose groups have `moments` of `of` numbers each; times its sigmoid if `with_silu`.
    pub(in crate::pipeline) fn forward(
        &self,
        x: &Tensor,
        (moments, of): (&Tensor, usize),
        with_silu: bool,
    ) -> Result<Tensor> {
        match x.dtype() {
            DType::F32 => self.normed::<f32>(x, (moments, of), with_silu),
            DType::BF16 => self.normed::<bf16>(x, (moments, of), with_silu),
            dtype => bail!("no norm of maps in {dtype:?}"),
        }
    }

    /// Numbers of a group of `x`.
    pub(in crate::pipeline) fn group_numbers(&self, x: &Tensor) -> Result<usize> {
        let (_, channels, height, width) = x.dims4()?;
        Ok(channels / self.groups * height * width)
    }

    /// Groups of all items, and numbers of each.
    fn sizes(&self, x: &Tensor) -> Result<(u32, u32)> {
        Ok((count(x.dim(0)? * self.groups)?, count(self.group_numbers(x)?)?))
    }

    fn moments_of<T: Number>(&self, x: &Tensor) -> Result<Tensor> {
        let ((groups, size), cuda) = (self.sizes(x)?, x.device().as_cuda_device()?);
        let slices = Launch::slices(size);
        let numbers = Input::<T>::of(x)?;
        let numbers = numbers.view()?;
        let mut of_slices = pairs(cuda, groups, slices)?;
        let kernel = Kernel::load(cuda, Launch::group_moments(T::NUMBER, groups, size))?;
        let mut arguments = kernel.arguments();
        arguments.arg(&numbers).arg(&size).arg(&mut of_slices.0);
        kernel.run(arguments)?;
        let mut moments = pairs(cuda, groups, 1)?;
        let kernel = Kernel::load(cuda, Launch::merge_moments(groups))?;
        let mut arguments = kernel.arguments();
        arguments.arg(&of_slices.0).arg(&size).arg(&slices).arg(&mut moments.0);
        kernel.run(arguments)?;
        Ok(moments.tensor(cuda, &[groups as usize, 2]))
    }

    fn normed<T: Number>(
        &self,
        x: &Tensor,
        (moments, of): (&Tensor, usize),
        with_silu: bool,
    ) -> Result<Tensor> {
        let ((groups, size), cuda) = (self.sizes(x)?, x.device().as_cuda_device()?);
        let (_, channels, height, width) = x.dims4()?;
        let (of_item, places) = (count(self.groups)?, count(height * width)?);
        #[expect(clippy::cast_precision_loss, reason = "a mean over so many numbers does not feel it")]
        let of = of as f32;
        let (numbers, moments) = (Input::<T>::of(x)?, Input::<f32>::of(moments)?.sized(2 * groups as usize)?);
        let (weight, bias) = (
            Input::<f32>::of(&self.weight)?.sized(channels)?,
            Input::<f32>::of(&self.bias)?.sized(channels)?,
        );
        let (numbers, moments) = (numbers.view()?, moments.view()?);
        let (weight, bias) = (weight.view()?, bias.view()?);
        let mut out = Output::<T>::new(cuda, x.elem_count())?;
        let kernel = Kernel::load(cuda, Launch::group_norm(T::NUMBER, groups, size))?;
        let with_silu = u32::from(with_silu);
        let mut arguments = kernel.arguments();
        arguments.arg(&numbers).arg(&moments).arg(&of).arg(&size).arg(&weight).arg(&bias).arg(&self.eps);
        arguments.arg(&of_item).arg(&places).arg(&with_silu).arg(&mut out.0);
        kernel.run(arguments)?;
        Ok(out.tensor(cuda, x.dims()))
    }
}

/// Room for the moments of `slices` slices of each of `groups` groups.
fn pairs(cuda: &CudaDevice, groups: u32, slices: u32) -> Result<Output<f32>> {
    Output::new(cuda, 2 * groups as usize * slices as usize)
}

/// They want a card: `cargo test --features cuda --lib fused::cuda`.
#[cfg(test)]
mod tests {
    use candle_core::Device;
    use candle_nn::{GroupNorm, Module};

    use super::*;
    use crate::pipeline::testing::{random_tensor as random, relative_error};

    #[test]
    fn a_norm_of_maps_on_a_card_is_the_librarys_on_the_host() -> Result<()> {
        let card = Device::new_cuda(0).expect("a card");
        for (shape, groups) in [([2, 12, 57, 49], 4), ([1, 64, 128, 128], 32), ([1, 3, 1, 1], 1)] {
            let (weight, bias) = (random(1, &shape[1..2]), random(2, &shape[1..2]));
            let library = GroupNorm::new(weight.clone(), bias.clone(), shape[1], groups, 1e-6)?;
            let x = (random(3, &shape) + 3.0)?;
            let norm =
                MapNorm { weight: weight.to_device(&card)?, bias: bias.to_device(&card)?, groups, eps: 1e-6 };
            for (dtype, bound) in [(DType::F32, 1e-4), (DType::BF16, 1e-2)] {
                let x = x.to_dtype(dtype)?;
                let theirs = library.forward(&x.to_dtype(DType::F32)?)?.silu()?;
                let x = x.to_device(&card)?;
                let ours = norm.forward(&x, (&norm.moments(&x)?, norm.group_numbers(&x)?), true)?;
                let ours = ours.to_device(&Device::Cpu)?.to_dtype(DType::F32)?;
                assert!(relative_error(&ours, &theirs)? < bound, "{shape:?} {dtype:?}");
            }
        }
        Ok(())
    }
}
