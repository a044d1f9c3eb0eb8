use candle_core::{DType, Result, Tensor};
use candle_nn::VarBuilder;

use super::{
    super::linear::{Format, Sides, Weight},
    Narrow, Sums, kernels,
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

    /// `x` [batch, tokens, inputs] → [batch, tokens, outputs of all layers], with what `sides` adds.
    pub(in crate::pipeline) fn forward(&self, x: &Narrow, sides: &Sides) -> Result<Sums> {
        let sums = kernels(x.numbers.device()).multiply(x, &self.weight.dense()?)?;
        let branches: Vec<_> = self.names.iter().map(|name| sides.of(name)).collect();
        if branches.iter().all(Option::is_none) {
            return Ok(sums);
        }
        // Sums have the scale of the rows that go in, and so have what is added to them.
        let (batch, tokens, _) = x.numbers.dims3()?;
        let wide = x.numbers.to_dtype(DType::F32)?;
        let added = branches.into_iter().map(|branch| match branch {
            Some(branch) => branch.forward(&wide),
            None => Tensor::zeros((batch, tokens, self.outputs), DType::F32, wide.device()),
        });
        let added = Tensor::cat(&added.collect::<Result<Vec<_>>>()?, 2)?;
        Ok(Sums { numbers: (sums.numbers + added)?, scale: sums.scale })
    }
}
