//! Convolutions of maps [batch, channels, height, width]: bias, residual and doubling in the pass that convolves. candle's writes
//! every term of every sum to memory first.

use candle_core::{
    CudaDevice, DType, Result, Tensor, bail,
    cuda::gemm_reduced_precision_f32,
    cuda_backend::CudaDType,
    cuda_backend::cudarc::driver::{DeviceRepr, PushKernelArg},
};
use half::{bf16, f16};

use super::{
    super::super::cpu::Scale,
    Input, Output, count,
    kernel::Kernel,
    launch::{Launch, Taps, Term},
};

/// Places of an item's map, at most: the kernels count the numbers of a chunk of channels in 32 bits.
const PLACES_MAX: usize = 1 << 27;

/// A convolution of kernel 1 or 3 whose output is as large as its input, twice as large or half as large.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct MapConvolution {
    /// As [`Launch::convolution`] takes it.
    weight: Tensor,
    /// [outputs] f32.
    bias: Tensor,
    inputs: usize,
    outputs: usize,
    taps: Taps,
    scale: Scale,
    term: Term,
}

impl MapConvolution {
    /// `weight` [outputs, inputs, kernel, kernel] in the maps' format: f32, f16 or bf16; `bias` [outputs].
    ///
    /// Products of f32 are tf32's where candle's are: beside a model in 16 bits.
    pub(in crate::pipeline) fn new(weight: &Tensor, bias: &Tensor, scale: Scale) -> Result<Self> {
        let term = match weight.dtype() {
            DType::F32 if gemm_reduced_precision_f32() && has_tf32(weight.device().as_cuda_device()?) => {
                Term::Tf32
            }
            DType::F32 => Term::F32,
            DType::F16 => Term::F16,
            DType::BF16 => Term::Bf16,
            dtype => bail!("no convolution of maps in {dtype:?}"),
        };
        Self::of_terms(weight, bias, scale, term)
    }

    fn of_terms(weight: &Tensor, bias: &Tensor, scale: Scale, term: Term) -> Result<Self> {
        let (outputs, inputs, kernel, _) = weight.dims4()?;
        let taps = match (kernel, scale) {
            (1, Scale::Same) => Taps::Point,
            (3, Scale::Same | Scale::Doubled) => Taps::Square,
            (3, Scale::Halved) => Taps::Halved,
            _ => bail!("no convolution of kernel {kernel} for maps that are {scale:?}"),
        };
        let bias = bias.to_dtype(DType::F32)?.force_contiguous()?;
        Ok(Self { weight: ordered(weight, term)?, bias, inputs, outputs, taps, scale, term })
    }

    pub(in crate::pipeline) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(in crate::pipeline) fn scale(&self) -> Scale {
        self.scale
    }

    /// Whether a place of the output is made of one place.
    pub(in crate::pipeline) fn is_point(&self) -> bool {
        self.taps == Taps::Point
    }

    /// The convolution of `x`, plus `added`.
    pub(in crate::pipeline) fn forward(&self, x: &Tensor, added: Option<&Tensor>) -> Result<Tensor> {
        match self.term {
            Term::F32 | Term::Tf32 => self.convolved::<f32>(x, added),
            Term::F16 => self.convolved::<f16>(x, added),
            Term::Bf16 => self.convolved::<bf16>(x, added),
        }
    }

    fn convolved<T: CudaDType + DeviceRepr>(&self, x: &Tensor, added: Option<&Tensor>) -> Result<Tensor> {
        let (batch, inputs, height, width) = x.dims4()?;
        let shape = [batch, self.outputs, self.scale.of(height), self.scale.of(width)];
        if inputs != self.inputs
            || height * width > PLACES_MAX
            || shape.contains(&0)
            || added.is_some_and(|added| added.dims() != shape)
        {
            bail!("a convolution of {} channels, {:?} to {shape:?}", self.inputs, x.dims());
        }
        let cuda = x.device().as_cuda_device()?;
        let (x, added) = (x.contiguous()?, added.map(Tensor::contiguous).transpose()?);
        let with_added = u32::from(added.is_some());
        // Nobody reads it if nothing is added, but it must be there.
        let added = added.as_ref().unwrap_or(&x);
        let (numbers, added) = (Input::<T>::of(&x)?, Input::<T>::of(added)?);
        let (weight, bias) =
            (Input::<T>::of(&self.weight)?, Input::<f32>::of(&self.bias)?.sized(self.outputs)?);
        let (numbers, added, weight, bias) = (numbers.view()?, added.view()?, weight.view()?, bias.view()?);
        let mut out = Output::<T>::new(cuda, shape.iter().product())?;
        let launch = Launch::convolution(
            self.term,
            self.taps,
            [count(shape[0])?, count(shape[1])?, count(shape[2])?, count(shape[3])?],
        );
        let (inputs, outputs) = (count(inputs)?, count(self.outputs)?);
        let (height, width, doubled) =
            (count(height)?, count(width)?, u32::from(self.scale == Scale::Doubled));
        let kernel = Kernel::load(cuda, launch)?;
        let mut arguments = kernel.arguments();
        arguments.arg(&numbers).arg(&weight).arg(&bias).arg(&added).arg(&with_added);
        arguments.arg(&inputs).arg(&outputs).arg(&height).arg(&width).arg(&doubled).arg(&mut out.0);
        kernel.run(arguments)?;
        Ok(out.tensor(cuda, &shape))
    }
}

/// Whether its tensor cores take tf32 (PTX ISA: sm_80).
fn has_tf32(cuda: &CudaDevice) -> bool {
    matches!(cuda.cuda_stream().context().compute_capability(), Ok((8.., _)))
}

/// `weight` [outputs, inputs, kernel, kernel] as [chunks, kernel · kernel, outputs, depth]: a chunk is `depth` inputs, the last
/// one's filled up with zeros.
fn ordered(weight: &Tensor, term: Term) -> Result<Tensor> {
    let (outputs, inputs, height, width) = weight.dims4()?;
    let (taps, depth) = (height * width, term.depth() as usize);
    let chunks = inputs.div_ceil(depth);
    let weight = match term {
        Term::Tf32 => shortened(weight)?,
        _ => weight.clone(),
    };
    let weight = weight.reshape((outputs, inputs, taps))?.pad_with_zeros(1, 0, chunks * depth - inputs)?;
    weight.reshape((outputs, chunks, depth, taps))?.permute((1, 3, 0, 2))?.force_contiguous()
}

/// Rounded to the 11 bits that a product of tf32 takes, by Veltkamp's splitting (Dekker 1971): it would cut them off.
fn shortened(weight: &Tensor) -> Result<Tensor> {
    let far = (weight * f64::from((1 << 13) + 1))?;
    &far - (&far - weight)?
}

/// They want a card: `cargo test --features cuda --lib fused::cuda`. What the kernels compute is tested without one in
/// tests/cuda_emulator.
#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::pipeline::testing::{random_tensor as random, relative_error};

    const TERMS: [(Term, DType, f32); 4] = [
        (Term::F32, DType::F32, 1e-5),
        (Term::Tf32, DType::F32, 1e-3),
        (Term::F16, DType::F16, 1e-3),
        (Term::Bf16, DType::BF16, 8e-3),
    ];

    fn library(x: &Tensor, weight: &Tensor, bias: &Tensor, scale: Scale) -> Result<Tensor> {
        let (_, _, height, width) = x.dims4()?;
        let padding = weight.dim(3)? / 2;
        let out = match scale {
            Scale::Same => x.conv2d(weight, padding, 1, 1, 1)?,
            Scale::Doubled => {
                x.upsample_nearest2d(2 * height, 2 * width)?.conv2d(weight, padding, 1, 1, 1)?
            }
            Scale::Halved => {
                x.pad_with_zeros(3, 0, 1)?.pad_with_zeros(2, 0, 1)?.conv2d(weight, 0, 2, 1, 1)?
            }
        };
        out.broadcast_add(&bias.reshape((1, bias.elem_count(), 1, 1))?)
    }

    #[test]
    fn a_convolution_on_a_card_is_the_librarys_on_the_host() -> Result<()> {
        let card = Device::new_cuda(0).expect("a card");
        for (inputs, outputs, height, width) in
            [(3, 5, 4, 6), (40, 33, 11, 35), (16, 3, 65, 64), (129, 150, 17, 20), (512, 512, 32, 32)]
        {
            for (kernel, scale) in
                [(1, Scale::Same), (3, Scale::Same), (3, Scale::Doubled), (3, Scale::Halved)]
            {
                for (term, dtype, bound) in TERMS {
                    let [weight, bias, x] = [
                        random(1, &[outputs, inputs, kernel, kernel]),
                        random(2, &[outputs]),
                        random(3, &[2, inputs, height, width]),
                    ];
                    // As the card has them.
                    let rounded = |x: &Tensor| x.to_dtype(dtype)?.to_dtype(DType::F32);
                    let theirs = library(&rounded(&x)?, &rounded(&weight)?, &bias, scale)?;
                    let added = random(4, theirs.dims());
                    let on_card = |x: &Tensor| x.to_dtype(dtype)?.to_device(&card);
                    let ours =
                        MapConvolution::of_terms(&on_card(&weight)?, &bias.to_device(&card)?, scale, term)?;
                    let case = format!("{inputs} {outputs} {height} {width} {kernel} {scale:?} {term:?}");
                    let host = |x: Tensor| x.to_device(&Device::Cpu)?.to_dtype(DType::F32);
                    let alone = host(ours.forward(&on_card(&x)?, None)?)?;
                    assert!(relative_error(&alone, &theirs)? < bound, "{case}");
                    let both = host(ours.forward(&on_card(&x)?, Some(&on_card(&added)?))?)?;
                    assert!(relative_error(&both, &(theirs + rounded(&added)?)?)? < bound, "{case}, added");
                }
            }
        }
        Ok(())
    }
}
