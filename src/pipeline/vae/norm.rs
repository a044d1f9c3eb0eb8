use std::sync::Arc;

use candle_core::{DType, Result, Tensor};
use candle_nn::{GroupNorm, Module, VarBuilder};

#[cfg(feature = "cuda")]
use super::super::fused::MapNorm;
use super::{
    super::{
        cpu::{self, Moments},
        fused::KernelChoice,
        ops::{Numbers, filled},
    },
    layout::Layout,
};

/// Epsilon of every norm in diffusers' decoder.
const EPS: f64 = 1e-6;

/// Group norm (Wu and He, arXiv 1803.08494), and SiLU after it if asked for.
#[derive(Debug, Clone)]
pub(super) enum Norm {
    /// Maps [batch, C, H, W].
    Candle { norm: GroupNorm, weight: Tensor, bias: Tensor, groups: usize },
    /// Maps [batch, C, H, W], by our kernels.
    #[cfg(feature = "cuda")]
    Cuda(MapNorm),
    /// Maps [batch, H, W, C].
    Cpu(Arc<cpu::GroupNorm>),
}

/// What a norm has to know of a whole map: the moments of each item's groups. Of no rows, none.
#[derive(Debug, Clone, Default)]
pub(super) struct MapMoments(Vec<Moments>);

impl MapMoments {
    /// Of both strips together.
    pub(super) fn and(self, other: Self) -> Self {
        if self.0.is_empty() {
            other
        } else {
            Self(self.0.into_iter().zip(other.0).map(|(a, b)| a.and(b)).collect())
        }
    }
}

impl Norm {
    #[cfg_attr(
        not(feature = "cuda"),
        expect(unused_variables, reason = "only a card has a choice of kernels")
    )]
    pub(super) fn load(
        vb: &VarBuilder,
        (layout, kernels): (Layout, KernelChoice),
        groups: usize,
        channels: usize,
    ) -> Result<Self> {
        let (weight, bias) = (vb.get(channels, "weight")?, vb.get(channels, "bias")?);
        // The library's checks that the groups divide the channels.
        let norm = GroupNorm::new(weight.clone(), bias.clone(), channels, groups, EPS)?;
        match layout {
            Layout::ChannelsLast => {
                let (weight, bias) = (weight.to_vec1()?, bias.to_vec1()?);
                Ok(Self::Cpu(Arc::new(cpu::GroupNorm { weight, bias, groups, eps: EPS })))
            }
            #[cfg(feature = "cuda")]
            Layout::ChannelsFirst if kernels.serves_maps(vb.device()) => {
                #[expect(clippy::cast_possible_truncation, reason = "the kernels' numbers are f32")]
                let eps = EPS as f32;
                let (weight, bias) = (weight.to_dtype(DType::F32)?, bias.to_dtype(DType::F32)?);
                Ok(Self::Cuda(MapNorm { weight, bias, groups, eps }))
            }
            Layout::ChannelsFirst => Ok(Self::Candle { norm, weight, bias, groups }),
        }
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Candle { norm, .. } => norm.forward(x),
            #[cfg(feature = "cuda")]
            Self::Cuda(norm) => on_card(norm, x, false),
            Self::Cpu(norm) => by_item(x, |x, out| norm.apply(x, false, out)),
        }
    }

    /// The norm, then x · σ(x).
    pub(super) fn forward_silu(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Candle { norm, .. } => norm.forward(x)?.silu(),
            #[cfg(feature = "cuda")]
            Self::Cuda(norm) => on_card(norm, x, true),
            Self::Cpu(norm) => by_item(x, |x, out| norm.apply(x, true, out)),
        }
    }

    /// Of a map, or of some of its rows.
    pub(super) fn moments(&self, x: &Tensor) -> Result<MapMoments> {
        match self {
            Self::Candle { groups, .. } => library_moments(x, *groups),
            #[cfg(feature = "cuda")]
            Self::Cuda(norm) => card_moments(norm, x),
            Self::Cpu(norm) => {
                let (numbers, item) = (Numbers::of(x)?, x.elem_count() / x.dim(0)?);
                Ok(MapMoments(numbers.chunks_exact(item).flat_map(|x| norm.moments(x)).collect()))
            }
        }
    }

    /// As [`Norm::forward_silu`], for rows of a map that has `moments`.
    pub(super) fn forward_silu_by(&self, moments: &MapMoments, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Candle { weight, bias, groups, .. } => {
                library_norm(x, moments, *groups, (weight, bias))?.silu()
            }
            #[cfg(feature = "cuda")]
            Self::Cuda(norm) => by_card_moments(norm, moments, x),
            Self::Cpu(norm) => {
                let mut items = moments.0.chunks_exact(norm.groups);
                by_item(x, |x, out| norm.apply_by(items.next().unwrap_or_default(), x, true, out))
            }
        }
    }

    /// Bytes that it takes for each number, beyond input and output, of `number` bytes a number.
    pub(super) fn number_bytes(&self, number: usize) -> usize {
        match self {
            // candle's has four copies in f32 beside its input, or three and two in 16 bits.
            Self::Candle { .. } => 20 - 2 * number,
            #[cfg(feature = "cuda")]
            Self::Cuda(_) => 0,
            Self::Cpu(_) => 0,
        }
    }
}

fn by_item(x: &Tensor, mut apply: impl FnMut(&[f32], &mut [f32])) -> Result<Tensor> {
    let (numbers, item) = (Numbers::of(x)?, x.elem_count() / x.dim(0)?);
    filled(x.dims(), |out| {
        for (out, x) in out.chunks_exact_mut(item).zip(numbers.chunks_exact(item)) {
            apply(x, out);
        }
    })
}

/// The norm of a whole map.
#[cfg(feature = "cuda")]
fn on_card(norm: &MapNorm, x: &Tensor, with_silu: bool) -> Result<Tensor> {
    norm.forward(x, (&norm.moments(x)?, norm.group_numbers(x)?), with_silu)
}

#[cfg(feature = "cuda")]
fn card_moments(norm: &MapNorm, x: &Tensor) -> Result<MapMoments> {
    #[expect(clippy::cast_precision_loss, reason = "a strip is far below 2⁵³")]
    let count = norm.group_numbers(x)? as f64;
    let moments = norm.moments(x)?.to_vec2::<f32>()?;
    let of = |pair: &Vec<f32>| Moments { count, mean: f64::from(pair[0]), squares: f64::from(pair[1]) };
    Ok(MapMoments(moments.iter().map(of).collect()))
}

#[cfg(feature = "cuda")]
fn by_card_moments(norm: &MapNorm, moments: &MapMoments, x: &Tensor) -> Result<Tensor> {
    #[expect(clippy::cast_possible_truncation, reason = "the kernels' numbers are f32")]
    let pairs: Vec<f32> = moments.0.iter().flat_map(|of| [of.mean as f32, of.squares as f32]).collect();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let of = moments.0.first().map_or(0.0, |of| of.count) as usize;
    let pairs = Tensor::from_vec(pairs, (moments.0.len(), 2), x.device())?;
    norm.forward(x, (&pairs, of), true)
}

/// In two passes, and row by row first: a sum in f32 over the whole strip would lose digits.
fn library_moments(x: &Tensor, groups: usize) -> Result<MapMoments> {
    let (batch, channels, height, width) = x.dims4()?;
    let rows = channels / groups * height;
    let x = x.reshape((batch * groups, rows, width))?.to_dtype(DType::F32)?;
    #[expect(clippy::cast_precision_loss, reason = "a strip is far below 2⁵³")]
    let count = (rows * width) as f64;
    let mean = (x.sum_keepdim(2)?.sum_keepdim(1)? / count)?;
    let squares = x.broadcast_sub(&mean)?.sqr()?.sum(2)?.sum(1)?.to_vec1::<f32>()?;
    let means = mean.flatten_all()?.to_vec1::<f32>()?;
    let moments = means.iter().zip(&squares).map(|(mean, squares)| Moments {
        count,
        mean: f64::from(*mean),
        squares: f64::from(*squares),
    });
    Ok(MapMoments(moments.collect()))
}

/// The library's own steps and formats, but for where the moments come from.
fn library_norm(
    x: &Tensor,
    moments: &MapMoments,
    groups: usize,
    (weight, bias): (&Tensor, &Tensor),
) -> Result<Tensor> {
    let (batch, channels, _, _) = x.dims4()?;
    let of_groups = |number: &dyn Fn(&Moments) -> f64| {
        #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
        let numbers: Vec<f32> = moments.0.iter().map(|moments| number(moments) as f32).collect();
        Tensor::from_vec(numbers, (batch, groups, 1), x.device())
    };
    let (mean, deviation) =
        (of_groups(&|moments| moments.mean)?, of_groups(&|moments| moments.deviation(EPS))?);
    let normed = x.reshape((batch, groups, ()))?.to_dtype(DType::F32)?;
    let normed = normed.broadcast_sub(&mean)?.broadcast_div(&deviation)?;
    let channels = |numbers: &Tensor| numbers.reshape((1, channels, 1, 1));
    let normed = normed.to_dtype(x.dtype())?.reshape(x.shape())?;
    normed.broadcast_mul(&channels(weight)?)?.broadcast_add(&channels(bias)?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::pipeline::testing::random_tensor as random;

    #[test]
    fn it_is_the_librarys_norm() -> Result<()> {
        let (weight, bias) = (random(1, &[12]), random(2, &[12]));
        let library = GroupNorm::new(weight.clone(), bias.clone(), 12, 4, EPS)?;
        let tensors = [("weight".into(), weight), ("bias".into(), bias)];
        let vb = VarBuilder::from_tensors(tensors.into(), DType::F32, &Device::Cpu);
        let norm = Norm::load(&vb, (Layout::ChannelsLast, KernelChoice::Auto), 4, 12)?;
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

    #[test]
    fn a_map_is_normed_strip_by_strip_as_in_one_piece() -> Result<()> {
        for layout in [Layout::ChannelsLast, Layout::ChannelsFirst] {
            let tensors = [("weight".into(), random(1, &[12])), ("bias".into(), random(2, &[12]))];
            let vb = VarBuilder::from_tensors(tensors.into(), DType::F32, &Device::Cpu);
            let norm = Norm::load(&vb, (layout, KernelChoice::Auto), 4, 12)?;
            // From 98 at the top to 102 at the bottom: no strip has the map's moments.
            let slope = Tensor::arange(0f32, 41.0, &Device::Cpu)?.reshape((1, 1, 41, 1))?;
            let x = random(3, &[2, 12, 41, 23]).broadcast_add(&((slope / 10.0)? + 98.0)?)?;
            let x = layout.arrange(x)?;
            let strips = [0..8, 8..16, 16..30, 30..41].map(|rows| layout.rows(&x, rows));
            let strips = strips.into_iter().collect::<Result<Vec<_>>>()?;
            let moments = strips.iter().map(|strip| norm.moments(strip)).collect::<Result<Vec<_>>>()?;
            let moments = moments.into_iter().fold(MapMoments::default(), MapMoments::and);
            let normed = strips.iter().map(|strip| norm.forward_silu_by(&moments, strip));
            let normed = layout.join(&normed.collect::<Result<Vec<_>>>()?)?;
            let error = (normed - norm.forward_silu(&x)?)?.abs()?.max_all()?.to_scalar::<f32>()?;
            assert!(error < 1e-4, "{layout:?} {error}");
        }
        Ok(())
    }
}
