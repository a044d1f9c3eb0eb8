//! CUDA kernels for the passes between two products, and their products. tests/cuda_emulator runs the same kernels on a
//! CPU.

mod blocks;
mod convolution;
mod kernel;
mod launch;
mod maps;
mod prompt;
mod side;

use std::{marker::PhantomData, ops::Deref};

use candle_core::{
    CudaDevice, CudaStorage, DType, Result, Storage, Tensor, bail,
    cuda_backend::{
        CudaDType, WrapErr,
        cudarc::{
            cublas::{result::gemm_strided_batched_ex, sys},
            driver::{CudaSlice, CudaView, DevicePtr, DevicePtrMut, DeviceRepr, PushKernelArg},
        },
    },
    op::BackpropOp,
};
use half::{bf16, f16};

pub(in crate::pipeline::fused) use self::side::add_low_ranks;
pub(in crate::pipeline) use self::{convolution::MapConvolution, maps::MapNorm};
use self::{
    kernel::Kernel,
    launch::{Half, Launch},
};
use super::{
    super::{linear::Weight, norm::RmsNorm},
    Heads, Kernels, Narrow, Sums, Turn,
};

/// The passes on a CUDA device: the kernels of rows.cu and attention.cu, and cuBLAS.
pub(super) struct Cuda;

/// A number of 16 bits.
trait HalfNumber: CudaDType + DeviceRepr {
    const HALF: Half;
    const CUBLAS: sys::cudaDataType_t;
}

impl HalfNumber for f16 {
    const HALF: Half = Half::F16;
    const CUBLAS: sys::cudaDataType_t = sys::cudaDataType_t::CUDA_R_16F;
}

impl HalfNumber for bf16 {
    const HALF: Half = Half::Bf16;
    const CUBLAS: sys::cudaDataType_t = sys::cudaDataType_t::CUDA_R_16BF;
}

impl Kernels for Cuda {
    fn norm(&self, x: &Tensor, norm: &RmsNorm, dtype: DType) -> Result<Narrow> {
        in_format!(dtype, normed(x, norm))
    }

    fn add_norm(&self, x: &Tensor, sums: &Sums, norm: &RmsNorm) -> Result<Tensor> {
        let (size, cuda) = (Rows::of(x)?, x.device().as_cuda_device()?);
        let (residual, sums, scale) =
            (Input::<f32>::of(x)?, size.like(&sums.numbers)?, size.scale(&sums.scale)?);
        let weight = size.weight(&norm.weight)?;
        let (residual, sums, scale, weight) = (residual.view()?, sums.view()?, scale.view()?, weight.view()?);
        let mut out = Output::<f32>::new(cuda, x.elem_count())?;
        let kernel = Kernel::load(cuda, Launch::add_norm(size.rows))?;
        let mut arguments = kernel.arguments();
        arguments.arg(&sums).arg(&scale).arg(&weight).arg(&norm.eps).arg(&size.width);
        arguments.arg(&residual).arg(&mut out.0);
        kernel.run(arguments)?;
        Ok(out.tensor(cuda, x.dims()))
    }

    fn add_norm_norm(
        &self,
        x: &Tensor,
        sums: &Sums,
        norms: (&RmsNorm, &RmsNorm),
        dtype: DType,
    ) -> Result<(Tensor, Narrow)> {
        in_format!(dtype, added_and_normed(x, sums, norms))
    }

    fn gate(&self, sums: &Sums, dtype: DType) -> Result<Narrow> {
        in_format!(dtype, gated(sums))
    }

    fn turn(&self, sums: &Sums, turn: Turn<'_>) -> Result<Heads> {
        in_format!(turn.dtype, turned(sums, turn))
    }

    fn attend(&self, heads: &Heads) -> Result<Narrow> {
        in_format!(heads.queries.dtype(), attended(heads))
    }

    fn dense(&self, weight: &Weight) -> Result<Tensor> {
        blocks::dense(weight)
    }

    fn multiply(&self, x: &Narrow, weight: &Tensor) -> Result<Sums> {
        in_format!(weight.dtype(), multiplied(x, weight))
    }
}

fn normed<T: HalfNumber>(x: &Tensor, norm: &RmsNorm) -> Result<Narrow> {
    let (size, cuda) = (Rows::of(x)?, x.device().as_cuda_device()?);
    let (numbers, weight) = (Input::<f32>::of(x)?, size.weight(&norm.weight)?);
    let (numbers, weight) = (numbers.view()?, weight.view()?);
    let (mut out, mut scale) = size.narrow::<T>(cuda)?;
    let kernel = Kernel::load(cuda, Launch::norm(T::HALF, size.rows))?;
    let mut arguments = kernel.arguments();
    arguments.arg(&numbers).arg(&weight).arg(&norm.eps).arg(&size.width).arg(&mut out.0).arg(&mut scale.0);
    kernel.run(arguments)?;
    Ok(size.narrowed(cuda, out, scale))
}

fn added_and_normed<T: HalfNumber>(
    x: &Tensor,
    sums: &Sums,
    (norm, next): (&RmsNorm, &RmsNorm),
) -> Result<(Tensor, Narrow)> {
    if norm.eps.to_bits() != next.eps.to_bits() {
        bail!("the norms of a block have one ε");
    }
    let (size, cuda) = (Rows::of(x)?, x.device().as_cuda_device()?);
    let (residual, sums, scale) = (Input::<f32>::of(x)?, size.like(&sums.numbers)?, size.scale(&sums.scale)?);
    let (weight, next_weight) = (size.weight(&norm.weight)?, size.weight(&next.weight)?);
    let (residual, sums, scale) = (residual.view()?, sums.view()?, scale.view()?);
    let (weight, next_weight) = (weight.view()?, next_weight.view()?);
    let mut out = Output::<f32>::new(cuda, x.elem_count())?;
    let (mut next_out, mut next_scale) = size.narrow::<T>(cuda)?;
    let kernel = Kernel::load(cuda, Launch::add_norm_norm(T::HALF, size.rows))?;
    let mut arguments = kernel.arguments();
    arguments.arg(&sums).arg(&scale).arg(&weight).arg(&norm.eps).arg(&size.width);
    arguments.arg(&residual).arg(&mut out.0);
    arguments.arg(&next_weight).arg(&mut next_out.0).arg(&mut next_scale.0);
    kernel.run(arguments)?;
    Ok((out.tensor(cuda, x.dims()), size.narrowed(cuda, next_out, next_scale)))
}

fn gated<T: HalfNumber>(sums: &Sums) -> Result<Narrow> {
    let (both, cuda) = (Rows::of(&sums.numbers)?, sums.numbers.device().as_cuda_device()?);
    let size = both.part(2)?;
    let (numbers, scale) = (Input::<f32>::of(&sums.numbers)?, size.scale(&sums.scale)?);
    let (numbers, scale) = (numbers.view()?, scale.view()?);
    let (mut out, mut out_scale) = size.narrow::<T>(cuda)?;
    let kernel = Kernel::load(cuda, Launch::gate(T::HALF, size.rows))?;
    let mut arguments = kernel.arguments();
    arguments.arg(&numbers).arg(&scale).arg(&size.width).arg(&mut out.0).arg(&mut out_scale.0);
    kernel.run(arguments)?;
    Ok(size.narrowed(cuda, out, out_scale))
}

fn turned<T: HalfNumber>(sums: &Sums, turn: Turn<'_>) -> Result<Heads> {
    let (all, cuda) = (Rows::of(&sums.numbers)?, sums.numbers.device().as_cuda_device()?);
    let (size, heads) = (all.part(3)?, count(turn.heads)?);
    let head_dim = size.width / heads;
    let (norm_q, norm_k) = turn.norms;
    if norm_q.eps.to_bits() != norm_k.eps.to_bits() {
        bail!("the norms of queries and keys have one ε");
    }
    if head_dim * heads != size.width {
        bail!("{} numbers in {heads} heads", size.width);
    }
    let head = Rows { width: head_dim, ..size };
    let (numbers, scale) = (Input::<f32>::of(&sums.numbers)?, size.scale(&sums.scale)?);
    let (weight_q, weight_k) = (head.weight(&norm_q.weight)?, head.weight(&norm_k.weight)?);
    let (cos, sin) = (size.angles(turn.cos, head_dim)?, size.angles(turn.sin, head_dim)?);
    let (numbers, scale) = (numbers.view()?, scale.view()?);
    let (weight_q, weight_k, cos, sin) = (weight_q.view()?, weight_k.view()?, cos.view()?, sin.view()?);
    let (mut queries, mut keys) = (size.numbers::<T>(cuda)?, size.numbers::<T>(cuda)?);
    let (mut values, mut values_scale) = size.narrow::<T>(cuda)?;
    let kernel = Kernel::load(cuda, Launch::turn(T::HALF, size.rows))?;
    let mut arguments = kernel.arguments();
    arguments.arg(&numbers).arg(&scale).arg(&weight_q).arg(&weight_k).arg(&norm_q.eps).arg(&cos).arg(&sin);
    arguments.arg(&size.tokens).arg(&heads).arg(&head_dim);
    arguments.arg(&mut queries.0).arg(&mut keys.0).arg(&mut values.0).arg(&mut values_scale.0);
    kernel.run(arguments)?;
    Ok(Heads {
        queries: queries.tensor(cuda, &size.shape()),
        keys: keys.tensor(cuda, &size.shape()),
        values: size.narrowed(cuda, values, values_scale),
        heads: turn.heads,
    })
}

fn attended<T: HalfNumber>(heads: &Heads) -> Result<Narrow> {
    let (size, cuda) = (Rows::of(&heads.queries)?, heads.queries.device().as_cuda_device()?);
    let count = count(heads.heads)?;
    let head_dim = size.width / count;
    let (queries, keys) = (Input::<T>::of(&heads.queries)?, Input::<T>::of(&heads.keys)?);
    let (values, values_scale) = (Input::<T>::of(&heads.values.numbers)?, size.scale(&heads.values.scale)?);
    let (queries, keys, values, values_scale) =
        (queries.view()?, keys.view()?, values.view()?, values_scale.view()?);
    #[expect(clippy::cast_precision_loss, reason = "head widths are small")]
    let factor = (head_dim as f32).sqrt().recip();
    let (mut out, mut scale) = size.narrow::<T>(cuda)?;
    let Some(launch) = Launch::attention(T::HALF, size.batch(), size.tokens, count, head_dim) else {
        bail!("no attention kernel for heads of {head_dim} numbers");
    };
    let kernel = Kernel::load(cuda, launch)?;
    let mut arguments = kernel.arguments();
    arguments.arg(&queries).arg(&keys).arg(&values).arg(&values_scale);
    arguments.arg(&size.tokens).arg(&count).arg(&factor).arg(&mut out.0).arg(&mut scale.0);
    kernel.run(arguments)?;
    Ok(size.narrowed(cuda, out, scale))
}

/// cuBLAS counts columns first: of its matrices, ours are the transposed ones, and outᵀ = W·xᵀ. A product an item,
/// since how sums are split depends on a product's size.
fn multiplied<T: HalfNumber>(x: &Narrow, weight: &Tensor) -> Result<Sums> {
    use sys::cublasOperation_t::{CUBLAS_OP_N, CUBLAS_OP_T};
    let (size, cuda) = (Rows::of(&x.numbers)?, x.numbers.device().as_cuda_device()?);
    let (outputs, inputs) = weight.dims2()?;
    if inputs != size.width as usize {
        bail!("a layer of {inputs} inputs over {}", size.width);
    }
    let shape = [size.batch() as usize, size.tokens as usize, outputs];
    let (numbers, weight) = (Input::<T>::of(&x.numbers)?, Input::<T>::of(weight)?);
    let (numbers, weight) = (numbers.view()?, weight.view()?);
    let mut out = Output::<f32>::new(cuda, shape.iter().product())?;
    let (stream, blas) = (cuda.cuda_stream(), cuda.cublas_handle());
    let int = |x: usize| i32::try_from(x).map_err(candle_core::Error::msg);
    let (m, n, k) = (int(outputs)?, int(shape[1])?, int(inputs)?);
    let (one, zero) = (1f32, 0f32);
    {
        let (weight, _weight_in_use) = weight.device_ptr(&stream);
        let (numbers, _numbers_in_use) = numbers.device_ptr(&stream);
        let (out, _out_in_use) = out.0.device_ptr_mut(&stream);
        // SAFETY: weight is [outputs, inputs], numbers [batch, tokens, inputs], out [batch, tokens, outputs], all
        // contiguous and on this stream's card, as the views and the lines above have them.
        #[expect(unsafe_code, reason = "cudarc's safe products give what they take: 16 bits")]
        unsafe {
            gemm_strided_batched_ex(
                *blas.handle(),
                CUBLAS_OP_T,
                CUBLAS_OP_N,
                m,
                n,
                k,
                (&raw const one).cast(),
                weight as *const _,
                T::CUBLAS,
                k,
                0,
                numbers as *const _,
                T::CUBLAS,
                k,
                i64::from(n) * i64::from(k),
                (&raw const zero).cast(),
                out as *mut _,
                sys::cudaDataType_t::CUDA_R_32F,
                m,
                i64::from(n) * i64::from(m),
                int(shape[0])?,
                sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
                sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT_TENSOR_OP,
            )
            .w()?;
        }
    }
    Ok(Sums { numbers: out.tensor(cuda, &shape), scale: x.scale.clone() })
}

/// The size of [batch, tokens, width].
#[derive(Debug, Clone, Copy)]
struct Rows {
    /// Of all items.
    rows: u32,
    tokens: u32,
    width: u32,
}

impl Rows {
    fn of(x: &Tensor) -> Result<Self> {
        let (batch, tokens, width) = x.dims3()?;
        Ok(Self { rows: count(batch * tokens)?, tokens: count(tokens)?, width: count(width)? })
    }

    /// One of `parts` equal parts of each row.
    fn part(self, parts: u32) -> Result<Self> {
        match self.width % parts {
            0 => Ok(Self { width: self.width / parts, ..self }),
            _ => bail!("rows of {} numbers in {parts} parts", self.width),
        }
    }

    fn batch(self) -> u32 {
        self.rows / self.tokens.max(1)
    }

    fn shape(self) -> [usize; 3] {
        [self.batch(), self.tokens, self.width].map(|n| n as usize)
    }

    /// Rows of this size.
    fn like(self, x: &Tensor) -> Result<Input<'_, f32>> {
        Input::of(x)?.sized(self.rows as usize * self.width as usize)
    }

    /// A number a row.
    fn scale(self, x: &Tensor) -> Result<Input<'_, f32>> {
        Input::of(x)?.sized(self.rows as usize)
    }

    /// A number a column.
    fn weight(self, x: &Tensor) -> Result<Input<'_, f32>> {
        Input::of(x)?.sized(self.width as usize)
    }

    /// An angle a pair of a head, for each token.
    fn angles(self, x: &Tensor, head_dim: u32) -> Result<Input<'_, f32>> {
        Input::of(x)?.sized(self.tokens as usize * (head_dim / 2) as usize)
    }

    fn numbers<T: HalfNumber>(self, cuda: &CudaDevice) -> Result<Output<T>> {
        Output::new(cuda, self.rows as usize * self.width as usize)
    }

    /// Room for numbers of 16 bits and their scale.
    fn narrow<T: HalfNumber>(self, cuda: &CudaDevice) -> Result<(Output<T>, Output<f32>)> {
        Ok((self.numbers(cuda)?, Output::new(cuda, self.rows as usize)?))
    }

    fn narrowed<T: HalfNumber>(self, cuda: &CudaDevice, numbers: Output<T>, scale: Output<f32>) -> Narrow {
        let [batch, tokens, _] = self.shape();
        Narrow { numbers: numbers.tensor(cuda, &self.shape()), scale: scale.tensor(cuda, &[batch, tokens]) }
    }
}

fn count(n: usize) -> Result<u32> {
    u32::try_from(n).map_err(candle_core::Error::msg)
}

/// A tensor's memory, held while a kernel that reads it is launched.
struct Input<'a, T> {
    storage: Box<dyn Deref<Target = Storage> + 'a>,
    range: (usize, usize),
    of: PhantomData<T>,
}

impl<'a, T: CudaDType> Input<'a, T> {
    /// Of a contiguous tensor whose memory is aligned to 16 bytes: what begins with its storage, or far enough into it.
    fn of(x: &'a Tensor) -> Result<Self> {
        let (storage, layout) = x.storage_and_layout();
        match layout.contiguous_offsets() {
            Some(range) if (range.0 * size_of::<T>()).is_multiple_of(16) => {
                Ok(Self { storage: Box::new(storage), range, of: PhantomData })
            }
            _ => bail!("the CUDA kernels take contiguous numbers, aligned to 16 bytes"),
        }
    }

    /// Itself, if it has `numbers` numbers.
    fn sized(self, numbers: usize) -> Result<Self> {
        match self.range.1 - self.range.0 {
            all if all == numbers => Ok(self),
            other => bail!("{other} numbers for a kernel that takes {numbers}"),
        }
    }

    fn view(&self) -> Result<CudaView<'_, T>> {
        match &**self.storage {
            Storage::Cuda(storage) => Ok(storage.as_cuda_slice::<T>()?.slice(self.range.0..self.range.1)),
            _ => bail!("a tensor that is not on the card"),
        }
    }
}

/// Memory that a kernel fills.
struct Output<T>(CudaSlice<T>);

impl<T: CudaDType + DeviceRepr> Output<T> {
    fn new(cuda: &CudaDevice, numbers: usize) -> Result<Self> {
        // SAFETY: the kernels write every number of what they are given before anybody reads it.
        #[expect(unsafe_code, reason = "to fill it with zeros first would be a pass over memory")]
        unsafe {
            Ok(Self(cuda.alloc(numbers)?))
        }
    }

    fn tensor(self, cuda: &CudaDevice, shape: &[usize]) -> Tensor {
        let storage = CudaStorage::wrap_cuda_slice(self.0, cuda.clone());
        Tensor::from_storage(Storage::Cuda(storage), shape, BackpropOp::none(), false)
    }
}

/// They want a card: `cargo test --features cuda --lib fused::cuda`. What the kernels compute is tested without one in
/// tests/cuda_emulator.
#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::{super::cpu::Cpu as Host, Cuda as Card, *};
    use crate::pipeline::testing::{random_tensor as random, relative_error};

    /// What rounding to 16 bits may change, relative, of one pass and of attention.
    const ROUNDING: [(DType, f32); 2] = [(DType::F16, 1e-3), (DType::BF16, 8e-3)];

    fn card() -> Device {
        Device::new_cuda(0).expect("a card")
    }

    fn norm(seed: u64, width: usize, device: &Device) -> Result<RmsNorm> {
        Ok(RmsNorm { weight: random(seed, &[width]).to_device(device)?, eps: 1e-5 })
    }

    /// With a row in five far beyond f16.
    fn sums(seed: u64, shape: &[usize], device: &Device) -> Result<Sums> {
        let scale: Vec<f32> =
            (0..shape[0] * shape[1]).map(|row| [1.0, 2.0, 64.0, 1.0, 1e6][row % 5]).collect();
        let scale = Tensor::from_vec(scale, &shape[..2], device)?;
        Ok(Sums { numbers: random(seed, shape).to_device(device)?, scale })
    }

    /// The numbers that these stand for, on the CPU.
    fn product(numbers: &Tensor, scale: &Tensor) -> Result<Tensor> {
        let numbers = numbers.to_device(&Device::Cpu)?.to_dtype(DType::F32)?;
        numbers.broadcast_mul(&scale.to_device(&Device::Cpu)?.unsqueeze(2)?)
    }

    fn meant(narrow: &Narrow) -> Result<Tensor> {
        product(&narrow.numbers, &narrow.scale)
    }

    fn assert_close(ours: &Tensor, host: &Tensor, bound: f32) -> Result<()> {
        let error = relative_error(&ours.to_device(&Device::Cpu)?, host)?;
        assert!(error < bound, "{error:.1e}");
        Ok(())
    }

    #[test]
    fn each_pass_on_a_card_is_the_hosts() -> Result<()> {
        let (card, cpu) = (card(), Device::Cpu);
        for (dtype, bound) in ROUNDING {
            for width in [256, 3840] {
                let x = random(1, &[2, 33, width]);
                let on_card = x.to_device(&card)?;
                let ours = Card.norm(&on_card, &norm(2, width, &card)?, dtype)?;
                assert_close(&meant(&ours)?, &meant(&Host.norm(&x, &norm(2, width, &cpu)?, dtype)?)?, bound)?;

                let shape = [2, 33, width];
                let ours = Card.add_norm(&on_card, &sums(3, &shape, &card)?, &norm(2, width, &card)?)?;
                let host = Host.add_norm(&x, &sums(3, &shape, &cpu)?, &norm(2, width, &cpu)?)?;
                assert_close(&ours, &host, 1e-5)?;

                let norms = (norm(2, width, &card)?, norm(4, width, &card)?);
                let (ours, next) =
                    Card.add_norm_norm(&on_card, &sums(3, &shape, &card)?, (&norms.0, &norms.1), dtype)?;
                assert_close(&ours, &host, 1e-5)?;
                assert_close(
                    &meant(&next)?,
                    &meant(&Host.norm(&host, &norm(4, width, &cpu)?, dtype)?)?,
                    bound,
                )?;

                let shape = [2, 33, 2 * width];
                let ours = Card.gate(&sums(5, &shape, &card)?, dtype)?;
                assert_close(&meant(&ours)?, &meant(&Host.gate(&sums(5, &shape, &cpu)?, dtype)?)?, bound)?;

                let weight = random(6, &[70, width]).to_dtype(dtype)?;
                let host = Host.multiply(&Host.gate(&sums(5, &shape, &cpu)?, dtype)?, &weight)?;
                let ours = Card.multiply(&ours, &weight.to_device(&card)?)?;
                let (ours, host) =
                    (product(&ours.numbers, &ours.scale)?, product(&host.numbers, &host.scale)?);
                assert_close(&ours, &host, bound)?;
            }
        }
        Ok(())
    }

    #[test]
    fn attention_on_a_card_is_the_hosts() -> Result<()> {
        let (card, cpu) = (card(), Device::Cpu);
        for (dtype, bound) in ROUNDING {
            for head_dim in [64, 128] {
                let (tokens, heads) = (161, 3);
                let attended = |device: &Device, kernels: &dyn Kernels| {
                    let norms = (norm(1, head_dim, device)?, norm(2, head_dim, device)?);
                    let [cos, sin] =
                        [3, 4].map(|seed| random(seed, &[tokens, head_dim / 2]).to_device(device));
                    let (cos, sin) = (cos?, sin?);
                    let turn = Turn { norms: &norms, cos: &cos, sin: &sin, heads, dtype };
                    let heads = kernels.turn(&sums(5, &[2, tokens, 3 * heads * head_dim], device)?, turn)?;
                    meant(&kernels.attend(&heads)?)
                };
                assert_close(&attended(&card, &Card)?, &attended(&cpu, &Host)?, 2.0 * bound)?;
            }
        }
        Ok(())
    }
}
