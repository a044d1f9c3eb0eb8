//! The kernels of [`super::cpu`] over candle's tensors.

use std::{marker::PhantomData, ops::Deref};

use candle_core::{CpuStorage, DType, Device, InplaceOp1, Layout, Result, Storage, Tensor, WithDType, bail};

use super::cpu;

/// Whether the kernels of [`super::cpu`] take `x`: f32 on a CPU. candle computes everything else.
pub(super) fn on_cpu_kernels(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32
}

/// Runs `work` on a thread of the pool where `device` is a CPU: the kernels in it need not wake the pool up from outside,
/// each by itself.
pub(super) fn in_pool<R: Send>(device: &Device, work: impl FnOnce() -> R + Send) -> R {
    if device.is_cpu() { rayon::scope(|_| work()) } else { work() }
}

/// A tensor's numbers, while they are read.
pub(super) struct Numbers<'a, T = f32> {
    storage: Box<dyn Deref<Target = Storage> + 'a>,
    range: (usize, usize),
    of: PhantomData<T>,
}

impl<'a, T: WithDType> Numbers<'a, T> {
    /// Of a contiguous tensor of `T` on the CPU.
    pub(super) fn of(x: &'a Tensor) -> Result<Self> {
        let (storage, layout) = x.storage_and_layout();
        match (numbers_of::<T>(&storage), layout.contiguous_offsets()) {
            (Some(_), Some(range)) => Ok(Self { storage: Box::new(storage), range, of: PhantomData }),
            _ => bail!("the CPU kernels take contiguous {:?}", T::DTYPE),
        }
    }
}

fn numbers_of<T: WithDType>(storage: &Storage) -> Option<&[T]> {
    match storage {
        Storage::Cpu(storage) => T::cpu_storage_as_slice(storage).ok(),
        _ => None,
    }
}

impl<T: WithDType> Deref for Numbers<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        numbers_of(&self.storage).map_or(&[], |numbers| &numbers[self.range.0..self.range.1])
    }
}

/// A new tensor on the CPU of `shape`, which `write` fills.
pub(super) fn filled<T: WithDType>(shape: &[usize], write: impl FnOnce(&mut [T])) -> Result<Tensor> {
    let mut numbers = vec![T::zero(); shape.iter().product()];
    write(&mut numbers);
    Tensor::from_vec(numbers, shape, &Device::Cpu)
}

/// Writes over `x`, which nobody else may hold.
fn changed(x: Tensor, write: impl Fn(&mut [f32])) -> Result<Tensor> {
    x.inplace_op1(&InPlace(write))?;
    Ok(x)
}

struct InPlace<F>(F);

impl<F: Fn(&mut [f32])> InplaceOp1 for InPlace<F> {
    fn name(&self) -> &'static str {
        "in-place"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        match (storage, layout.contiguous_offsets()) {
            (CpuStorage::F32(numbers), Some((start, end))) => (self.0)(&mut numbers[start..end]),
            _ => bail!("the CPU kernels take contiguous f32"),
        }
        Ok(())
    }
}

/// softmax(q·kᵀ / √d)·v for each head, all [batch, tokens, heads · d].
pub(super) fn attend(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize) -> Result<Tensor> {
    let (_, tokens, width) = q.dims3()?;
    let (q_numbers, k, v) = (Numbers::of(q)?, Numbers::of(k)?, Numbers::of(v)?);
    filled(q.dims(), |out| {
        let item = tokens * width;
        let items = q_numbers.chunks_exact(item).zip(k.chunks_exact(item)).zip(v.chunks_exact(item));
        for (out, ((q, k), v)) in out.chunks_exact_mut(item).zip(items) {
            cpu::attend(q, k, v, (tokens, heads), out);
        }
    })
}

/// x·Wᵀ + b over the last dimension.
pub(super) fn linear(linear: &cpu::Linear, x: &Tensor) -> Result<Tensor> {
    rows_to_rows(x, (linear.inputs(), linear.outputs()), |x, out| linear.apply(x, out))
}

/// A new tensor whose last dimension has `outputs` numbers where that of `x` has `inputs`, filled by `write`.
pub(super) fn rows_to_rows(
    x: &Tensor,
    (inputs, outputs): (usize, usize),
    write: impl FnOnce(&[f32], &mut [f32]),
) -> Result<Tensor> {
    let mut shape = x.dims().to_vec();
    match shape.last_mut() {
        Some(numbers) if *numbers == inputs => *numbers = outputs,
        _ => bail!("a layer of {inputs} inputs over {:?}", x.dims()),
    }
    let x = Numbers::of(x)?;
    filled(&shape, |out| write(&x, out))
}

/// x / √(mean x² + ε) · weight over the last dimension.
pub(super) fn rms_norm(x: &Tensor, weight: &Tensor, eps: f32) -> Result<Tensor> {
    let (numbers, weight) = (Numbers::of(x)?, Numbers::of(weight)?);
    filled(x.dims(), |out| cpu::rms_norm(&numbers, &weight, eps, out))
}

/// `added` + norm(x) · weight, in the place of `x`, which nobody else may hold.
pub(super) fn add_rms_norm(x: Tensor, added: &Tensor, weight: &Tensor, eps: f32) -> Result<Tensor> {
    let (added, weight) = (Numbers::of(added)?, Numbers::of(weight)?);
    changed(x, |x| cpu::add_rms_norm(x, &added, &weight, eps))
}

/// silu(gate) · up, in the place of `gate`, which nobody else may hold.
pub(super) fn gate(gate: Tensor, up: &Tensor) -> Result<Tensor> {
    let up = Numbers::of(up)?;
    changed(gate, |gate| cpu::gate(gate, &up))
}

/// Normalises by `norm`, a weight [head_dim] and ε, if there is one, and turns, each head of `x` [batch, tokens, heads · head_dim] by `cos` and `sin`
/// [tokens, head_dim / 2], in the place of `x`, which nobody else may hold.
pub(super) fn turn(x: Tensor, norm: Option<(&Tensor, f32)>, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    let (width, head_dim) = (x.dim(2)?, 2 * cos.dim(1)?);
    let norm = norm.map(|(weight, eps)| Numbers::of(weight).map(|weight| (weight, eps))).transpose()?;
    let norm = norm.as_ref().map(|(weight, eps)| (&**weight, *eps));
    let (cos, sin) = (Numbers::of(cos)?, Numbers::of(sin)?);
    changed(x, |x| cpu::Turn { norm, cos: &cos, sin: &sin, head_dim, width }.apply(x))
}

/// Rows `items` of the first dimension.
pub(super) fn select(tensor: &Tensor, items: &[usize]) -> Result<Tensor> {
    let rows = items.iter().map(|&item| tensor.narrow(0, item, 1)).collect::<Result<Vec<_>>>()?;
    Tensor::cat(&rows, 0)
}

#[cfg(test)]
mod tests {
    use candle_core::D;

    use super::*;
    use crate::pipeline::{scores::scaled_dot_product, testing::random_tensor as random};

    fn error(a: &Tensor, b: &Tensor) -> Result<f32> {
        (a - b)?.abs()?.max_all()?.to_scalar()
    }

    #[test]
    fn attention_is_the_librarys_at_any_width() -> Result<()> {
        // 300 tokens: several blocks of queries, the last one short.
        for (batch, tokens, heads, head_dim) in [(2, 300, 3, 10), (1, 1, 1, 4), (1, 33, 2, 128)] {
            let [q, k, v] = [1, 2, 3].map(|seed| random(seed, &[batch, tokens, heads * head_dim]));
            let split =
                |x: &Tensor| x.reshape((batch, tokens, heads, head_dim))?.transpose(1, 2)?.contiguous();
            let library = scaled_dot_product(&split(&q)?, &split(&k)?, &split(&v)?)?;
            let library = library.transpose(1, 2)?.reshape(q.dims())?;
            assert!(error(&attend(&q, &k, &v, heads)?, &library)? < 1e-5, "{tokens} {heads} {head_dim}");
        }
        Ok(())
    }

    #[test]
    fn attention_keeps_what_is_no_number() -> Result<()> {
        let (x, nan) = (random(1, &[1, 40, 8]), (random(1, &[1, 40, 8]) * f64::NAN)?);
        assert!(attend(&nan, &x, &x, 2)?.sum_all()?.to_scalar::<f32>()?.is_nan());
        Ok(())
    }

    #[test]
    fn norms_gates_and_turns_are_the_librarys() -> Result<()> {
        for (tokens, heads, head_dim) in [(3, 2, 6), (70, 3, 40), (9, 1, 128)] {
            let width = heads * head_dim;
            let (x, y) = (random(1, &[2, tokens, width]), random(2, &[2, tokens, width]));
            let weight = random(3, &[width]);
            let normed = candle_nn::ops::rms_norm(&x, &weight, 1e-5)?;
            assert!(error(&rms_norm(&x, &weight, 1e-5)?, &normed)? < 1e-5);
            assert!(error(&add_rms_norm(x.copy()?, &y, &weight, 1e-5)?, &(normed + &y)?)? < 1e-5);
            assert!(error(&gate(x.copy()?, &y)?, &(x.silu()? * &y)?)? < 1e-5);

            let (cos, sin) = (random(4, &[tokens, head_dim / 2]), random(5, &[tokens, head_dim / 2]));
            let heads_first = x.reshape((2, tokens, heads, head_dim))?.transpose(1, 2)?.contiguous()?;
            let weight = random(6, &[head_dim]);
            let normed = candle_nn::ops::rms_norm(&heads_first, &weight, 1e-5)?;
            for (norm, x_heads) in [(None, heads_first), (Some((&weight, 1e-5)), normed)] {
                let turned = candle_nn::rotary_emb::rope_i(&x_heads, &cos, &sin)?;
                let turned = turned.transpose(1, 2)?.reshape(x.dims())?;
                assert!(error(&turn(x.copy()?, norm, &cos, &sin)?, &turned)? < 1e-5);
            }
        }
        Ok(())
    }

    #[test]
    fn a_softmax_of_far_numbers_is_exact_enough() -> Result<()> {
        // Scores from −200 to 200: where e^x leaves f32's range.
        let q = (random(1, &[1, 50, 4]) * 60.0)?;
        let split = |x: &Tensor| x.reshape((1, 50, 1, 4))?.transpose(1, 2)?.contiguous();
        let (q4, v) = (split(&q)?, random(2, &[1, 50, 4]));
        let scores = (q4.matmul(&q4.transpose(2, 3)?)? * 0.5)?;
        let library = candle_nn::ops::softmax(&scores, D::Minus1)?.matmul(&split(&v)?)?;
        assert!(error(&attend(&q, &q, &v, 1)?, &library.reshape((1, 50, 4))?)? < 1e-5);
        Ok(())
    }
}
