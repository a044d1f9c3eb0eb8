use candle_core::{CpuStorage, CustomOp3, DType, Layout, Result, Shape, Tensor, bail};
use candle_nn::{GroupNorm, Module, VarBuilder};
use rayon::prelude::*;

/// Epsilon of every norm in diffusers' decoder.
const EPS: f64 = 1e-6;

/// Group norm (Wu and He, arXiv 1803.08494), and SiLU after it where asked for: one pass over memory instead of ten.
#[derive(Debug, Clone)]
pub(super) struct Norm {
    /// What a device other than the CPU runs.
    library: GroupNorm,
    weight: Tensor,
    bias: Tensor,
    groups: usize,
}

impl Norm {
    pub(super) fn load(vb: VarBuilder, groups: usize, channels: usize) -> Result<Self> {
        let (weight, bias) = (vb.get(channels, "weight")?, vb.get(channels, "bias")?);
        let library = GroupNorm::new(weight.clone(), bias.clone(), channels, groups, EPS)?;
        Ok(Self { library, weight, bias, groups })
    }

    /// `x` [batch, channels, H, W], contiguous → the same shape.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.apply(x, false)
    }

    /// The norm, then x · σ(x).
    pub(super) fn forward_silu(&self, x: &Tensor) -> Result<Tensor> {
        self.apply(x, true)
    }

    fn apply(&self, x: &Tensor, silu: bool) -> Result<Tensor> {
        match (x.device().is_cpu() && x.dtype() == DType::F32, silu) {
            (true, _) => x.apply_op3_no_bwd(&self.weight, &self.bias, &Fused { groups: self.groups, silu }),
            (false, false) => self.library.forward(x),
            (false, true) => self.library.forward(x)?.silu(),
        }
    }
}

struct Fused {
    groups: usize,
    silu: bool,
}

impl CustomOp3 for Fused {
    fn name(&self) -> &'static str {
        "group-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, channels, height, width) = x_layout.shape().dims4()?;
        let x = contiguous(x, x_layout)?;
        let (weight, bias) = (contiguous(weight, weight_layout)?, contiguous(bias, bias_layout)?);
        let (plane, group) = (height * width, channels / self.groups);
        let mut out = vec![0f32; x.len()];
        let groups = out.par_chunks_mut(group * plane).zip(x.par_chunks(group * plane)).enumerate();
        groups.for_each(|(i, (out, x))| {
            let (mean, deviation) = moments(x);
            let first = i % self.groups * group;
            for (channel, (out, x)) in (first..).zip(out.chunks_exact_mut(plane).zip(x.chunks_exact(plane))) {
                #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
                let scale = (f64::from(weight[channel]) / deviation) as f32;
                #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
                let shift = (f64::from(bias[channel]) - mean * f64::from(weight[channel]) / deviation) as f32;
                match self.silu {
                    true => each(out, x, |x| silu(x * scale + shift)),
                    false => each(out, x, |x| x * scale + shift),
                }
            }
        });
        Ok((CpuStorage::F32(out), x_layout.shape().clone()))
    }
}

fn each(out: &mut [f32], x: &[f32], f: impl Fn(f32) -> f32) {
    out.iter_mut().zip(x).for_each(|(out, x)| *out = f(*x));
}

fn silu(x: f32) -> f32 {
    x / (1.0 + (-x).exp())
}

/// Mean and √(variance + ε). Short sums in f32, their sum in f64: a group of a large picture has millions of numbers.
fn moments(x: &[f32]) -> (f64, f64) {
    let sum = |f: &dyn Fn(f32) -> f32| -> f64 {
        x.chunks(256).map(|part| f64::from(part.iter().map(|x| f(*x)).sum::<f32>())).sum()
    };
    #[expect(clippy::cast_precision_loss, reason = "a group has fewer than 2⁵³ numbers")]
    let count = x.len() as f64;
    let mean = sum(&|x| x) / count;
    #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
    let centre = mean as f32;
    let variance = sum(&|x| (x - centre) * (x - centre)) / count;
    (mean, (variance + EPS).sqrt())
}

fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(numbers), Some((start, end))) => Ok(&numbers[start..end]),
        _ => bail!("group norm takes contiguous f32"),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::{domain::Seed, pipeline::noise::standard_normal};

    #[test]
    fn it_is_the_librarys_norm() -> Result<()> {
        let random = |seed: u64, shape: &[usize]| {
            Tensor::from_vec(standard_normal(Seed::new(seed), shape.iter().product()), shape, &Device::Cpu)
        };
        let tensors = [("weight".into(), random(1, &[12])?), ("bias".into(), random(2, &[12])?)];
        let norm = Norm::load(VarBuilder::from_tensors(tensors.into(), DType::F32, &Device::Cpu), 4, 12)?;
        // Far from zero, where a variance in one pass would lose its digits.
        let x = (random(3, &[2, 12, 17, 9])? + 100.0)?;
        let library = norm.library.forward(&x)?;
        let error = |ours: Tensor, library: &Tensor| (ours - library)?.abs()?.max_all()?.to_scalar::<f32>();
        assert!(error(norm.forward(&x)?, &library)? < 1e-3);
        assert!(error(norm.forward_silu(&x)?, &library.silu()?)? < 1e-3);
        Ok(())
    }
}
