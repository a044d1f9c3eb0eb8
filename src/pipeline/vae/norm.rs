use std::sync::Arc;

use candle_core::{Result, Tensor};
use candle_nn::{GroupNorm, Module, VarBuilder};

use super::super::{
    cpu,
    ops::{Numbers, filled},
};

/// Epsilon of every norm in diffusers' decoder.
const EPS: f64 = 1e-6;

/// Group norm (Wu and He, arXiv 1803.08494), and SiLU after it where asked for.
#[derive(Debug, Clone)]
pub(super) enum Norm {
    /// Maps [batch, C, H, W].
    Library(GroupNorm),
    /// Maps [batch, H, W, C].
    Ours(Arc<cpu::GroupNorm>),
}

impl Norm {
    pub(super) fn load(vb: VarBuilder, groups: usize, channels: usize) -> Result<Self> {
        let (weight, bias) = (vb.get(channels, "weight")?, vb.get(channels, "bias")?);
        // The library's checks that the groups divide the channels.
        let library = GroupNorm::new(weight.clone(), bias.clone(), channels, groups, EPS)?;
        match vb.device().is_cpu() {
            true => {
                let (weight, bias) = (weight.to_vec1()?, bias.to_vec1()?);
                Ok(Self::Ours(Arc::new(cpu::GroupNorm { weight, bias, groups, eps: EPS })))
            }
            false => Ok(Self::Library(library)),
        }
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Library(norm) => norm.forward(x),
            Self::Ours(norm) => apply(norm, x, false),
        }
    }

    /// The norm, then x · σ(x).
    pub(super) fn forward_silu(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Library(norm) => norm.forward(x)?.silu(),
            Self::Ours(norm) => apply(norm, x, true),
        }
    }
}

fn apply(norm: &cpu::GroupNorm, x: &Tensor, with_silu: bool) -> Result<Tensor> {
    let (numbers, item) = (Numbers::of(x)?, x.elem_count() / x.dim(0)?);
    filled(x.dims(), |out| {
        for (out, x) in out.chunks_exact_mut(item).zip(numbers.chunks_exact(item)) {
            norm.apply(x, with_silu, out);
        }
    })
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::pipeline::noise::random_tensor as random;

    #[test]
    fn it_is_the_librarys_norm() -> Result<()> {
        let (weight, bias) = (random(1, &[12]), random(2, &[12]));
        let library = GroupNorm::new(weight.clone(), bias.clone(), 12, 4, EPS)?;
        let tensors = [("weight".into(), weight), ("bias".into(), bias)];
        let norm = Norm::load(VarBuilder::from_tensors(tensors.into(), DType::F32, &Device::Cpu), 4, 12)?;
        // Several blocks of places, far from zero, where a variance in one pass would lose its digits.
        let x = (random(3, &[2, 57, 49, 12]) + 100.0)?;
        let theirs = library.forward(&x.permute((0, 3, 1, 2))?.contiguous()?)?;
        let error = |ours: Tensor, theirs: &Tensor| {
            (ours.permute((0, 3, 1, 2))? - theirs)?.abs()?.max_all()?.to_scalar::<f32>()
        };
        assert!(error(norm.forward(&x)?, &theirs)? < 1e-3);
        assert!(error(norm.forward_silu(&x)?, &theirs.silu()?)? < 1e-3);
        Ok(())
    }
}
