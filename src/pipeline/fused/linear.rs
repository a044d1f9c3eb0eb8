use candle_core::{DType, Result, Tensor};
use candle_nn::VarBuilder;

use super::{
    super::linear::{Added, Format, SideBranch, Sides, Weight},
    Kernels, Narrow, Sums, kernels,
};

/// Layers without bias that see the same rows, as one product.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct FusedLinear {
    weight: Weight,
    /// Each layer's, by diffusers.
    names: Vec<String>,
    /// Of one layer.
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
        let weights = names.iter().map(|name| vb.pp(name).get((outputs, inputs), "weight"));
        let weight = match weights.collect::<Result<Vec<_>>>()?.as_slice() {
            [only] => only.clone(),
            several => Tensor::cat(several, 0)?,
        };
        let names = names.iter().map(|name| vb.pp(name).prefix()).collect();
        Ok(Self { weight: Weight::new(weight, format)?, names, outputs })
    }

    /// `x` [batch, tokens, inputs] → [batch, tokens, outputs of all layers], with what `sides` do to it.
    pub(in crate::pipeline) fn forward(&self, x: &Narrow, sides: &Sides) -> Result<Sums> {
        let kernels = kernels(x.numbers.device());
        let branches: Vec<_> = self.names.iter().map(|name| sides.of(name)).collect();
        let is_merged = |branch: &Option<&SideBranch>| matches!(branch, Some(SideBranch::Merged(_)));
        if branches.iter().any(is_merged) {
            return self.forward_merged(x, &branches, kernels);
        }
        let sums = kernels.multiply(x, &self.weight.dense()?)?;
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
        let (batch, tokens, _) = x.numbers.dims3()?;
        let wide = x.numbers.to_dtype(DType::F32)?;
        let added = added.iter().map(|added| match added {
            Some(added) => added.forward(&wide),
            None => Tensor::zeros((batch, tokens, self.outputs), DType::F32, wide.device()),
        });
        let added = Tensor::cat(&added.collect::<Result<Vec<_>>>()?, 2)?;
        Ok(Sums { numbers: (sums.numbers + added)?, scale: sums.scale })
    }

    /// Layer by layer, since some have copies in their places.
    fn forward_merged(
        &self,
        x: &Narrow,
        branches: &[Option<&SideBranch>],
        kernels: &dyn Kernels,
    ) -> Result<Sums> {
        let own = self.weight.dense()?;
        let sums = branches.iter().enumerate().map(|(place, branch)| {
            let weight = match branch {
                None => own.narrow(0, place * self.outputs, self.outputs)?.contiguous()?,
                Some(SideBranch::Merged(merged)) => match merged.fused_weight() {
                    Some(weight) => weight.dense()?,
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
