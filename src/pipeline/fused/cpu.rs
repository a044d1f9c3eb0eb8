use candle_core::{DType, Device, Result, Tensor, WithDType, bail};
use half::{bf16, f16, slice::HalfFloatSliceExt, vec::HalfBitsVecExt};
use rayon::prelude::*;

use super::{
    super::{
        cpu::{self, Bf16Dots, Paired},
        norm::RmsNorm,
        ops::{Numbers, filled},
    },
    Heads, Kernels, Narrow, Sums, Turn,
};

/// The passes on a CPU: the f32 kernels of [`cpu`], between roundings to 16 bits, and products of bf16 where the CPU has them.
/// The reference for the CUDA kernels.
pub(super) struct Cpu;

/// A number of 16 bits.
trait Half: WithDType {
    /// A row with numbers beyond this is divided by a power of two.
    const SAFE: f32;

    /// Zeros that no thread has written yet: the system hands them out where they are first touched.
    fn zeros(count: usize) -> Vec<Self>;

    fn widen(narrow: &[Self], wide: &mut [f32]);

    fn narrow(wide: &[f32], narrow: &mut [Self]);
}

impl Half for f16 {
    /// Half of the largest number.
    const SAFE: f32 = 32_768.0;

    fn zeros(count: usize) -> Vec<Self> {
        vec![0u16; count].reinterpret_into()
    }

    fn widen(narrow: &[Self], wide: &mut [f32]) {
        narrow.convert_to_f32_slice(wide);
    }

    fn narrow(wide: &[f32], narrow: &mut [Self]) {
        narrow.convert_from_f32_slice(wide);
    }
}

impl Half for bf16 {
    /// Its range is that of f32.
    const SAFE: f32 = f32::INFINITY;

    fn zeros(count: usize) -> Vec<Self> {
        vec![0u16; count].reinterpret_into()
    }

    fn widen(narrow: &[Self], wide: &mut [f32]) {
        narrow.convert_to_f32_slice(wide);
    }

    fn narrow(wide: &[f32], narrow: &mut [Self]) {
        cpu::narrow_bf16(wide, narrow);
    }
}

impl Kernels for Cpu {
    fn norm(&self, x: &Tensor, norm: &RmsNorm, dtype: DType) -> Result<Narrow> {
        let (numbers, weight): (Numbers, Numbers) = (Numbers::of(x)?, Numbers::of(&norm.weight)?);
        let (numbers, weight) = (&*numbers, &*weight);
        let write = |row: usize, out: &mut [f32]| {
            cpu::rms_norm(&numbers[row * out.len()..][..out.len()], weight, norm.eps, out);
        };
        in_format!(dtype, narrow_rows(x.dims(), write))
    }

    fn add_norm(&self, x: &Tensor, sums: &Sums, norm: &RmsNorm) -> Result<Tensor> {
        let (added, weight): (Numbers, Numbers) = (Numbers::of(x)?, Numbers::of(&norm.weight)?);
        let (sums, added, weight) = (HeldSums::of(sums)?, &*added, &*weight);
        let rows = sums.rows();
        filled(x.dims(), |out: &mut [f32]| {
            let width = rows.width;
            let pairs = out.par_chunks_mut(width).zip(added.par_chunks(width)).enumerate();
            pairs.for_each(|(row, (out, added))| {
                rows.copy(row, 0, out);
                cpu::add_rms_norm(out, added, weight, norm.eps);
            });
        })
    }

    fn add_norm_norm(
        &self,
        x: &Tensor,
        sums: &Sums,
        (norm, next): (&RmsNorm, &RmsNorm),
        dtype: DType,
    ) -> Result<(Tensor, Narrow)> {
        let x = self.add_norm(x, sums, norm)?;
        let normed = self.norm(&x, next, dtype)?;
        Ok((x, normed))
    }

    fn gate(&self, sums: &Sums, dtype: DType) -> Result<Narrow> {
        let (batch, tokens, both) = sums.numbers.dims3()?;
        let (width, sums) = (both / 2, HeldSums::of(sums)?);
        let rows = sums.rows();
        let write = |row: usize, out: &mut [f32]| {
            rows.copy(row, 0, out);
            cpu::gate(out, &rows.numbers[row * both..][width..both]);
            // The second half's, which was read as it lies there.
            scale(out, rows.scales[row]);
        };
        in_format!(dtype, narrow_rows(&[batch, tokens, width], write))
    }

    fn turn(&self, sums: &Sums, turn: Turn<'_>) -> Result<Heads> {
        let (batch, tokens, all) = sums.numbers.dims3()?;
        let (width, shape, sums) = (all / 3, [batch, tokens, all / 3], HeldSums::of(sums)?);
        let rows = sums.rows();
        let (cos, sin): (Numbers, Numbers) = (Numbers::of(turn.cos)?, Numbers::of(turn.sin)?);
        let (cos, sin, head_dim) = (&*cos, &*sin, width / turn.heads);
        let turned = |third: usize, norm: &RmsNorm| {
            let weight: Numbers = Numbers::of(&norm.weight)?;
            let norm = Some((&*weight, norm.eps));
            let write = |row: usize, out: &mut [f32]| {
                rows.copy(row, third * width, out);
                let angles = row % tokens * (head_dim / 2)..(row % tokens + 1) * (head_dim / 2);
                let (cos, sin) = (&cos[angles.clone()], &sin[angles]);
                cpu::Turn { norm, cos, sin, head_dim, width }.apply(out);
            };
            in_format!(turn.dtype, round_rows(&shape, write))
        };
        let values = |row: usize, out: &mut [f32]| rows.copy(row, 2 * width, out);
        Ok(Heads {
            queries: turned(0, &turn.norms.0)?,
            keys: turned(1, &turn.norms.1)?,
            values: in_format!(turn.dtype, narrow_rows(&shape, values))?,
            heads: turn.heads,
        })
    }

    fn attend(&self, heads: &Heads) -> Result<Narrow> {
        let (_, tokens, width) = heads.queries.dims3()?;
        let dots = cpu::bf16_dots().filter(|_| heads.queries.dtype() == DType::BF16);
        if let Some(dots) = dots {
            return attend_bf16(dots, heads);
        }
        let (queries, keys) = (widened(&heads.queries)?, widened(&heads.keys)?);
        let values = multiplied(widened(&heads.values.numbers)?, &heads.values.scale)?;
        let mut attended = vec![0f32; queries.len()];
        let item = tokens * width;
        let items = queries.chunks_exact(item).zip(keys.chunks_exact(item)).zip(values.chunks_exact(item));
        for (out, ((q, k), v)) in attended.chunks_exact_mut(item).zip(items) {
            cpu::attend(q, k, v, (tokens, heads.heads), out);
        }
        narrowed(&attended, heads.queries.dims(), heads.queries.dtype())
    }

    fn multiply(&self, x: &Narrow, weight: &Tensor) -> Result<Sums> {
        match (weight.dtype(), cpu::bf16_dots()) {
            (DType::BF16, Some(dots)) => multiply_bf16(dots, x, weight),
            (dtype, _) => in_format!(dtype, multiply(x, weight)),
        }
    }
}

/// x·Wᵀ by products of bf16.
fn multiply_bf16(dots: Bf16Dots, x: &Narrow, weight: &Tensor) -> Result<Sums> {
    let (batch, tokens, inputs) = x.numbers.dims3()?;
    let outputs = weight.dim(0)?;
    let (rows, weight) = (Numbers::<bf16>::of(&x.numbers)?, Numbers::<bf16>::of(weight)?);
    let weight = &*weight;
    let numbers = filled(&[batch, tokens, outputs], |out| {
        let column = |output: usize| &weight[output * inputs..][..inputs];
        cpu::multiply_by_column(dots, &rows, (inputs, outputs), column, out);
    })?;
    Ok(Sums { numbers, scale: x.scale.clone() })
}

/// x·Wᵀ of each of `weights`, side by side, by products of bf16. A row of bf16 needs no scale.
pub(super) fn multiply_paired(x: &Narrow, weights: &[&Paired]) -> Result<Sums> {
    let (batch, tokens, _) = x.numbers.dims3()?;
    let rows = Numbers::<bf16>::of(&x.numbers)?;
    let outputs = weights.iter().map(|weight| weight.outputs()).sum();
    let numbers = filled(&[batch, tokens, outputs], |out| cpu::multiply_paired(&rows, weights, out))?;
    Ok(Sums { numbers, scale: x.scale.clone() })
}

/// Attention of heads of bf16 by products of bf16.
fn attend_bf16(dots: Bf16Dots, heads: &Heads) -> Result<Narrow> {
    let (_, tokens, width) = heads.queries.dims3()?;
    let [queries, keys, values] =
        [&heads.queries, &heads.keys, &heads.values.numbers].map(Numbers::<bf16>::of);
    let (queries, keys, values) = (queries?, keys?, values?);
    let item = tokens * width;
    let mut attended = vec![0f32; queries.len()];
    let items = queries.chunks_exact(item).zip(keys.chunks_exact(item)).zip(values.chunks_exact(item));
    for (out, ((q, k), v)) in attended.chunks_exact_mut(item).zip(items) {
        cpu::attend_bf16(dots, [q, k, v], (tokens, heads.heads), out);
    }
    narrowed(&attended, heads.queries.dims(), DType::BF16)
}

fn multiply<T: Half>(x: &Narrow, weight: &Tensor) -> Result<Sums> {
    let (batch, tokens, inputs) = x.numbers.dims3()?;
    let outputs = weight.dim(0)?;
    let (wide, weight) = (widened(&x.numbers)?, Numbers::<T>::of(weight)?);
    let weight = &*weight;
    let row = |output: usize, row: &mut [f32]| T::widen(&weight[output * inputs..][..inputs], row);
    let numbers = filled(&[batch, tokens, outputs], |out| {
        cpu::multiply_by_row(&wide, (inputs, outputs), row, out);
    })?;
    Ok(Sums { numbers, scale: x.scale.clone() })
}

/// Sums while they are read.
struct HeldSums<'a> {
    numbers: Numbers<'a>,
    scales: Numbers<'a>,
    /// Numbers of a row.
    width: usize,
}

impl<'a> HeldSums<'a> {
    fn of(sums: &'a Sums) -> Result<Self> {
        let (numbers, scales) = (Numbers::of(&sums.numbers)?, Numbers::of(&sums.scale)?);
        Ok(Self { numbers, scales, width: sums.numbers.dims3()?.2 })
    }

    fn rows(&self) -> SumRows<'_> {
        SumRows { numbers: &self.numbers, scales: &self.scales, width: self.width }
    }
}

/// The rows of sums, for any thread.
#[derive(Debug, Clone, Copy)]
struct SumRows<'a> {
    numbers: &'a [f32],
    scales: &'a [f32],
    width: usize,
}

impl SumRows<'_> {
    /// Writes the sums of a row from the column `first` on, as they would be had the row gone in as it was.
    fn copy(self, row: usize, first: usize, out: &mut [f32]) {
        out.copy_from_slice(&self.numbers[row * self.width + first..][..out.len()]);
        scale(out, self.scales[row]);
    }
}

fn scale(row: &mut [f32], scale: f32) {
    if scale != 1.0 {
        row.iter_mut().for_each(|x| *x *= scale);
    }
}

impl Sums {
    /// The sums of what was meant to go in.
    pub(super) fn scaled(&self) -> Result<Vec<f32>> {
        multiplied(Numbers::of(&self.numbers)?.to_vec(), &self.scale)
    }
}

/// Rows, each times its number of `scale`.
pub(super) fn multiplied(mut rows: Vec<f32>, scale: &Tensor) -> Result<Vec<f32>> {
    let scale: Numbers = Numbers::of(scale)?;
    let width = rows.len() / scale.len().max(1);
    rows.par_chunks_mut(width).zip(scale.par_iter()).for_each(|(row, by)| self::scale(row, *by));
    Ok(rows)
}

/// `width` numbers from `first` on of each row of `all` numbers.
pub(super) fn part(rows: &[f32], all: usize, first: usize, width: usize) -> Vec<f32> {
    let mut part = vec![0f32; rows.len() / all * width];
    part.par_chunks_mut(width)
        .zip(rows.par_chunks(all))
        .for_each(|(part, row)| part.copy_from_slice(&row[first..][..width]));
    part
}

/// Rows in 16 bits, each divided by a power of two where it would not fit.
pub(super) fn narrowed(rows: &[f32], shape: &[usize], dtype: DType) -> Result<Narrow> {
    in_format!(dtype, narrow_rows(shape, |row, out: &mut [f32]| copy_row(rows, row, out)))
}

/// The nearest numbers of 16 bits.
pub(super) fn rounded(rows: &[f32], shape: &[usize], dtype: DType) -> Result<Tensor> {
    in_format!(dtype, round_rows(shape, |row, out: &mut [f32]| copy_row(rows, row, out)))
}

fn copy_row(rows: &[f32], row: usize, out: &mut [f32]) {
    out.copy_from_slice(&rows[row * out.len()..][..out.len()]);
}

/// As [`narrowed`], of rows that `write` writes by their places.
fn narrow_rows<T: Half>(shape: &[usize], write: impl Fn(usize, &mut [f32]) + Sync) -> Result<Narrow> {
    let [leading @ .., width] = shape else { bail!("rows of no width") };
    let mut numbers = T::zeros(shape.iter().product());
    let scale = filled(leading, |scales: &mut [f32]| {
        let rows = numbers.par_chunks_mut(*width).zip(scales).enumerate();
        rows.for_each_init(
            || vec![0f32; *width],
            |wide, (row, (narrow, scale))| {
                write(row, wide);
                *scale = power_of_two(wide, T::SAFE);
                if *scale != 1.0 {
                    wide.iter_mut().for_each(|x| *x /= *scale);
                }
                T::narrow(wide, narrow);
            },
        );
    })?;
    Ok(Narrow { numbers: Tensor::from_vec(numbers, shape, &Device::Cpu)?, scale })
}

/// As [`rounded`], of rows that `write` writes by their places.
fn round_rows<T: Half>(shape: &[usize], write: impl Fn(usize, &mut [f32]) + Sync) -> Result<Tensor> {
    let Some(width) = shape.last() else { bail!("rows of no width") };
    let mut numbers = T::zeros(shape.iter().product());
    numbers.par_chunks_mut(*width).enumerate().for_each_init(
        || vec![0f32; *width],
        |wide, (row, narrow)| {
            write(row, wide);
            T::narrow(wide, narrow);
        },
    );
    Tensor::from_vec(numbers, shape, &Device::Cpu)
}

/// The smallest power of two, 1 or more, that brings a row within `safe`; 1 where a number is infinite or none.
fn power_of_two(row: &[f32], safe: f32) -> f32 {
    if safe == f32::INFINITY {
        return 1.0;
    }
    let largest = cpu::largest_magnitude(row);
    if largest.is_finite() && largest > safe {
        // Past the next power of two, unless it is one: by the bits, which round nothing.
        f32::from_bits(((largest / safe).to_bits() + 0x007f_ffff) & 0xff80_0000)
    } else {
        1.0
    }
}

/// The numbers as f32.
pub(super) fn widened(narrow: &Tensor) -> Result<Vec<f32>> {
    in_format!(narrow.dtype(), widened_from(narrow))
}

fn widened_from<T: Half>(narrow: &Tensor) -> Result<Vec<f32>> {
    let narrow = Numbers::<T>::of(narrow)?;
    let mut wide = vec![0f32; narrow.len()];
    wide.par_chunks_mut(BLOCK)
        .zip(narrow.par_chunks(BLOCK))
        .for_each(|(wide, narrow)| T::widen(narrow, wide));
    Ok(wide)
}

/// Numbers that a thread converts at a time.
const BLOCK: usize = 1 << 14;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::testing::{random_tensor as random, relative_error};

    /// The numbers that `narrow` stands for.
    fn meant(narrow: &Narrow) -> Result<Tensor> {
        let numbers = multiplied(widened(&narrow.numbers)?, &narrow.scale)?;
        Tensor::from_vec(numbers, narrow.numbers.dims(), narrow.numbers.device())
    }

    /// What rounding to 16 bits may change, relative.
    const ROUNDING: [(DType, f32); 2] = [(DType::F16, 5e-4), (DType::BF16, 4e-3)];

    #[test]
    fn rows_beyond_16_bits_are_halved_until_they_fit_and_others_left_alone() -> Result<()> {
        let rows = vec![1.0, -32_768.0, 3.0, 32_769.0, 1e9, -1.0, f32::INFINITY, 1e6];
        let narrow = narrowed(&rows, &[1, 4, 2], DType::F16)?;
        assert_eq!(Numbers::<f32>::of(&narrow.scale)?.to_vec(), [1.0, 2.0, 32_768.0, 1.0]);
        let meant = Numbers::<f32>::of(&meant(&narrow)?)?.to_vec();
        assert_eq!(meant[..3], rows[..3]);
        assert!(
            (meant[4] / 1e9 - 1.0).abs() < 5e-4 && meant[6..].iter().all(|x| x.is_infinite()),
            "{meant:?}"
        );
        let narrow = narrowed(&rows, &[1, 4, 2], DType::BF16)?;
        assert_eq!(Numbers::<f32>::of(&narrow.scale)?.to_vec(), [1.0; 4], "bf16 has the range of f32");
        Ok(())
    }

    #[test]
    fn a_product_is_that_of_rounded_numbers_in_32_bits_at_any_scale() -> Result<()> {
        let (weight, x) = (random(1, &[70, 33]), random(2, &[2, 9, 33]));
        for (dtype, rounding) in ROUNDING {
            for factor in [1.0, 3e5] {
                let x = (&x * factor)?;
                let narrow = narrowed(&Numbers::of(&x)?, x.dims(), dtype)?;
                let sums = Cpu.multiply(&narrow, &weight.to_dtype(dtype)?)?;
                let ours = Tensor::from_vec(sums.scaled()?, (2, 9, 70), x.device())?;
                let exact = x.broadcast_matmul(&weight.t()?)?;
                assert!(relative_error(&ours, &exact)? < 2.0 * rounding, "{dtype:?} {factor}");
            }
        }
        Ok(())
    }

    #[test]
    fn a_gate_beyond_16_bits_keeps_its_signal() -> Result<()> {
        let sums = Sums {
            numbers: (random(1, &[1, 6, 40]) * 1e3)?,
            scale: Tensor::from_vec(vec![1f32, 2.0, 4.0, 1.0, 1.0, 64.0], (1, 6), &candle_core::Device::Cpu)?,
        };
        let scaled = sums.numbers.broadcast_mul(&sums.scale.unsqueeze(2)?)?;
        let (gate, up) = (scaled.narrow(2, 0, 20)?, scaled.narrow(2, 20, 20)?);
        let exact = (gate.contiguous()?.silu()? * up)?;
        assert!(exact.abs()?.max_all()?.to_scalar::<f32>()? > 65_504.0);
        for (dtype, rounding) in ROUNDING {
            assert!(relative_error(&meant(&Cpu.gate(&sums, dtype)?)?, &exact)? < rounding, "{dtype:?}");
        }
        Ok(())
    }

    #[test]
    fn norms_see_the_scale_that_was_taken_out() -> Result<()> {
        let (x, sums, scale) = (random(1, &[1, 5, 64]), random(2, &[1, 5, 64]), 1024.0);
        let norm = |seed, eps| RmsNorm { weight: random(seed, &[64]), eps };
        // An ε that a scale forgotten would make felt.
        let (first, second) = (norm(3, 10.0), norm(4, 10.0));
        let scaled = Sums {
            numbers: (&sums / scale)?,
            scale: (Tensor::ones((1, 5), DType::F32, x.device())? * scale)?,
        };
        let expected = (&x + first.forward(&sums)?)?;
        assert!(relative_error(&Cpu.add_norm(&x, &scaled, &first)?, &expected)? < 1e-6);
        for (dtype, rounding) in ROUNDING {
            let (sum, next) = Cpu.add_norm_norm(&x, &scaled, (&first, &second), dtype)?;
            assert!(relative_error(&sum, &expected)? < 1e-6);
            assert!(relative_error(&meant(&next)?, &second.forward(&expected)?)? < rounding);
        }
        Ok(())
    }
}
