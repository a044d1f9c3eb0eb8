use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::{
    super::linear::{Format, Weight},
    Narrow, Sums, kernels,
};

/// Layers without bias that see the same rows, as one product.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct FusedLinear {
    weight: Weight,
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
        Ok(Self { weight: Weight::new(weight, format)? })
    }

    /// `x` [batch, tokens, inputs] → [batch, tokens, outputs of all layers].
    pub(in crate::pipeline) fn forward(&self, x: &Narrow) -> Result<Sums> {
        kernels(x.numbers.device()).multiply(x, &self.weight.dense()?)
    }
}
