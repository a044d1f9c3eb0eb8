//! LoRAs that are merged into copies of the layers that they change: no time is lost to them, and memory is.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};

use super::{
    super::{
        error::LoadError,
        fused::{Arithmetic, BlockForm},
        linear::{Format, MergedLayer, SideBranch, Sides},
        source::Weights,
    },
    Adapter, LoraChoice, LoraSet, ModelLayers,
};

/// The layers of a model while it is loaded: what copies are made of.
pub(in crate::pipeline) struct BaseLayers<'a> {
    pub(in crate::pipeline) text_encoder: &'a Arc<Weights>,
    pub(in crate::pipeline) transformer: &'a Arc<Weights>,
    /// Of the transformer's blocks.
    pub(in crate::pipeline) form: BlockForm,
    /// Of the text encoder's layers.
    pub(in crate::pipeline) encoder_arithmetic: Arithmetic,
    pub(in crate::pipeline) dtype: DType,
    pub(in crate::pipeline) device: &'a Device,
}

/// LoRAs that are to be merged, each by itself.
pub(in crate::pipeline) struct PinnedLoras {
    sets: Vec<LoraSet>,
    /// Bytes that the copies take at most.
    pub(in crate::pipeline) copied_bytes: u64,
}

impl ModelLayers {
    /// Reads the LoRAs `pinned`, for a model whose weights are `dtype`.
    pub(in crate::pipeline) fn read_pinned(
        &self,
        pinned: &[LoraChoice],
        dtype: DType,
    ) -> std::result::Result<PinnedLoras, LoadError> {
        let (mut sets, mut copied_bytes) = (Vec::new(), 0_u64);
        for LoraChoice { file, weight } in pinned {
            let lora = self.read(file, u64::MAX)?;
            let bytes = self.copied_bytes(&lora, dtype);
            let (layers, mib) = (lora.changes.len(), bytes >> 20);
            tracing::info!(file = %file.display(), weight, layers, mib, "a LoRA is merged into copies of layers");
            copied_bytes = copied_bytes.saturating_add(bytes);
            sets.push(LoraSet::new(vec![(Arc::new(lora), *weight)]));
        }
        Ok(PinnedLoras { sets, copied_bytes })
    }
}

impl PinnedLoras {
    /// What each of them makes of `base`.
    pub(in crate::pipeline) fn merged_into(&self, base: &BaseLayers<'_>) -> Result<Vec<Arc<Sides>>> {
        self.sets.iter().map(|set| Ok(Arc::new(set.merged_into(base)?))).collect()
    }
}

impl LoraSet {
    /// Copies of the layers of `base` that these LoRAs change, with them merged into it. The sum of both is rounded to the number
    /// format of the layer.
    fn merged_into(&self, base: &BaseLayers<'_>) -> Result<Sides> {
        let branch = |(layer, adapter): (String, Adapter)| {
            let merged = base.merged(&layer, &adapter)?;
            Ok((layer, SideBranch::Merged(merged)))
        };
        Ok(Sides::new(self.key(), self.sum()?.into_iter().map(branch).collect::<Result<_>>()?))
    }
}

impl BaseLayers<'_> {
    fn merged(&self, layer: &str, adapter: &Adapter) -> Result<MergedLayer> {
        let is_transformers = self.transformer.contains(&format!("{layer}.weight"));
        let weights = if is_transformers { self.transformer } else { self.text_encoder };
        let vb = weights.builder(self.dtype, self.device, None).pp(layer);
        let change = adapter.matrix()?;
        let own = vb.get(change.dims(), "weight")?;
        let sum = (own.to_device(&Device::Cpu)?.to_dtype(DType::F32)? + change)?;
        let sum = sum.to_dtype(own.dtype())?.to_device(self.device)?;
        // The others are dense, whatever the tier.
        let is_of_block =
            is_transformers && [".attention.", ".feed_forward."].iter().any(|part| layer.contains(part));
        let format = if is_of_block { self.form.format } else { Format::Dense };
        let arithmetic = match (is_transformers, is_of_block) {
            (true, true) => self.form.arithmetic,
            (true, false) => Arithmetic::Plain,
            (false, _) => self.encoder_arithmetic,
        };
        if arithmetic == Arithmetic::Mixed {
            return MergedLayer::fused(sum, format);
        }
        let has_bias = weights.contains(&format!("{layer}.bias"));
        let bias = has_bias.then(|| vb.get(sum.dim(0)?, "bias")?.to_dtype(DType::F32)).transpose()?;
        MergedLayer::product(&sum, bias, format)
    }
}

impl Adapter {
    /// All that is added, [outputs, inputs] f32 on the CPU.
    fn matrix(&self) -> Result<Tensor> {
        let low_rank = self.low_rank.as_ref().map(|(down, up)| up.matmul(down)).transpose()?;
        match (low_rank, self.dense.clone()) {
            (Some(low_rank), Some(dense)) => low_rank + dense,
            (Some(only), None) | (None, Some(only)) => Ok(only),
            (None, None) => candle_core::bail!("a change without a matrix"),
        }
    }
}
