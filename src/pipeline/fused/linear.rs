use std::sync::Arc;

use candle_core::{DType, Result, Tensor};
use candle_nn::VarBuilder;

#[cfg(feature = "cuda")]
use super::{super::linear::LowRank, cuda};
use super::{
    super::{
        cpu::Paired,
        linear::{Added, Format, SideBranch, Sides, Weight, paired},
    },
    Kernels, Narrow, Sums,
    cpu::multiply_paired,
    kernels,
};

/// What is added to a layer's sums on a card, and its first column.
#[cfg(feature = "cuda")]
type PlacedLowRank = (usize, Arc<LowRank>);

/// Layers without bias that see the same rows, as one product.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct FusedLinear {
    held: HeldWeights,
    /// One after the other.
    layers: Vec<FusedPart>,
}

/// How their matrices are held.
#[derive(Debug, Clone)]
enum HeldWeights {
    /// In one matrix.
    Joined(Weight),
    /// Each by itself, for a CPU that multiplies bf16 itself.
    Paired(Vec<Arc<Paired>>),
}

impl HeldWeights {
    fn new(weights: &[Tensor], format: Format) -> Result<Self> {
        let each = weights.iter().map(|weight| paired(weight, format));
        if let Some(each) = each.collect::<Result<Option<Vec<_>>>>()? {
            return Ok(Self::Paired(each));
        }
        let weight = match weights {
            [only] => only.clone(),
            several => Tensor::cat(several, 0)?,
        };
        Ok(Self::Joined(Weight::new(weight, format)?))
    }
}

/// One of the layers.
#[derive(Debug, Clone)]
struct FusedPart {
    /// By diffusers.
    name: String,
    /// Where among the outputs of all layers its own begin.
    first: usize,
    outputs: usize,
}

impl FusedLinear {
    /// The layers `names` of `vb`, each of the size (inputs, outputs), one after the other.
    pub(in crate::pipeline) fn load(
        format: Format,
        vb: &VarBuilder,
        names: &[&str],
        (inputs, outputs): (usize, usize),
    ) -> Result<Self> {
        let layers: Vec<_> = names.iter().map(|name| (*name, outputs)).collect();
        Self::load_each(format, vb, &layers, inputs)
    }

    /// Layers of `vb` by their names, each with its outputs.
    pub(in crate::pipeline) fn load_each(
        format: Format,
        vb: &VarBuilder,
        layers: &[(&str, usize)],
        inputs: usize,
    ) -> Result<Self> {
        let weights = layers.iter().map(|(name, outputs)| vb.pp(name).get((*outputs, inputs), "weight"));
        let held = HeldWeights::new(&weights.collect::<Result<Vec<_>>>()?, format)?;
        let layers = layers.iter().scan(0, |first, (name, outputs)| {
            let part = FusedPart { name: vb.pp(name).prefix(), first: *first, outputs: *outputs };
            *first += outputs;
            Some(part)
        });
        Ok(Self { layers: layers.collect(), held })
    }

    /// `x` [batch, tokens, inputs] → [batch, tokens, outputs of all layers], with what `sides` do to it.
    pub(in crate::pipeline) fn forward(&self, x: &Narrow, sides: &Sides) -> Result<Sums> {
        let kernels = kernels(x.numbers.device());
        let branches: Vec<_> = self.layers.iter().map(|layer| sides.of(&layer.name)).collect();
        let is_merged = |branch: &Option<&SideBranch>| matches!(branch, Some(SideBranch::Merged(_)));
        let is_merged = branches.iter().any(is_merged);
        let sums = match &self.held {
            HeldWeights::Joined(weight) if is_merged => {
                return self.forward_merged(x, weight, &branches, kernels);
            }
            HeldWeights::Joined(weight) => kernels.multiply(x, &kernels.dense(weight)?)?,
            HeldWeights::Paired(each) => multiply_paired(x, &with_merged(each, &branches)?)?,
        };
        let added: Vec<_> = branches
            .iter()
            .map(|branch| match branch {
                Some(SideBranch::Added(added)) => Some(added),
                _ => None,
            })
            .collect();
        if added.iter().all(Option::is_none) { Ok(sums) } else { self.with_added(x, sums, &added) }
    }

    /// Sums have the scale of the rows that go in, and so have what is added to them.
    fn with_added(&self, x: &Narrow, sums: Sums, added: &[Option<&Added>]) -> Result<Sums> {
        #[cfg(feature = "cuda")]
        if let Some(places) = self.places_of_low_ranks(x, added)? {
            return cuda::add_low_ranks(x, sums, &places);
        }
        let (batch, tokens, _) = x.numbers.dims3()?;
        let wide = x.numbers.to_dtype(DType::F32)?;
        let added = self.layers.iter().zip(added).map(|(layer, added)| match added {
            Some(added) => added.forward(&wide),
            None => Tensor::zeros((batch, tokens, layer.outputs), DType::F32, wide.device()),
        });
        let added = Tensor::cat(&added.collect::<Result<Vec<_>>>()?, 2)?;
        Ok(Sums { numbers: (sums.numbers + added)?, scale: sums.scale })
    }

    /// On a card, what is added to the layers' sums, each with its first column, where all of it is for our kernels.
    #[cfg(feature = "cuda")]
    fn places_of_low_ranks(
        &self,
        x: &Narrow,
        added: &[Option<&Added>],
    ) -> Result<Option<Vec<PlacedLowRank>>> {
        if !x.numbers.device().is_cuda() {
            return Ok(None);
        }
        let there = self.layers.iter().zip(added).filter_map(|(layer, added)| Some((layer.first, (*added)?)));
        there
            .map(|(first, added)| {
                Ok(added.low_rank_in(x.numbers.dtype(), x.numbers.device())?.map(|side| (first, side)))
            })
            .collect()
    }

    /// Layer by layer, since some have copies in their places.
    fn forward_merged(
        &self,
        x: &Narrow,
        own: &Weight,
        branches: &[Option<&SideBranch>],
        kernels: &dyn Kernels,
    ) -> Result<Sums> {
        let own = kernels.dense(own)?;
        let sums = self.layers.iter().zip(branches).map(|(layer, branch)| {
            let weight = match branch {
                None => own.narrow(0, layer.first, layer.outputs)?.contiguous()?,
                Some(SideBranch::Merged(merged)) => match merged.fused_weight() {
                    Some(weight) => kernels.dense(weight)?,
                    None => candle_core::bail!("a merged layer of another kind"),
                },
                Some(SideBranch::Added(_)) => candle_core::bail!("a merged layer beside one that is not"),
            };
            Ok(kernels.multiply(x, &weight)?.numbers)
        });
        let numbers = Tensor::cat(&sums.collect::<Result<Vec<_>>>()?, 2)?;
        Ok(Sums { numbers, scale: x.scale.clone() })
    }
}

/// `own`, some with their copies in their places.
fn with_merged<'a>(own: &'a [Arc<Paired>], branches: &[Option<&'a SideBranch>]) -> Result<Vec<&'a Paired>> {
    let with_copy = |(own, branch): (&'a Arc<Paired>, &Option<&'a SideBranch>)| match branch {
        Some(SideBranch::Merged(merged)) => match merged.fused_paired() {
            Some(paired) => Ok(&**paired),
            None => candle_core::bail!("a merged layer of another kind"),
        },
        Some(SideBranch::Added(_)) | None => Ok(&**own),
    };
    own.iter().zip(branches).map(with_copy).collect()
}
