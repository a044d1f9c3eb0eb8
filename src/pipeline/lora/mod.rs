//! LoRAs (arXiv 2106.09685) and their relatives: small changes to a model's linear layers.
//!
//! A layer computes W·x + up·(down·x): its own weights are never changed, whatever type they have. Each LoRA's strength
//! is in `up`, and those of one layer stand side by side, so that a layer has one side branch however many LoRAs there
//! are.

mod change;
mod inspect;
mod keys;
mod layers;
mod merge;

use std::{collections::HashMap, fmt, path::PathBuf, sync::Arc};

use candle_core::{Result, Tensor};

use self::change::Change;
pub(super) use self::merge::BaseLayers;
pub use self::{
    inspect::{LoraInspection, LoraMatch},
    layers::ModelLayers,
};
use super::{
    Pipeline,
    error::{LoadError, RenderError},
    linear::{Added, SideBranch, Sides},
};

/// A LoRA's file, and how strongly it is applied.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraChoice {
    /// The file.
    pub file: PathBuf,
    /// 1 is as it was trained.
    pub weight: f64,
}

/// A LoRA that fits a model: what it changes of each layer, in the host's memory.
#[derive(Debug)]
pub struct Lora {
    /// By diffusers' names of the layers.
    changes: Vec<(String, Change)>,
    /// SHA-256 of the file in hexadecimal digits.
    sha256: String,
    /// Layers of the file.
    layers: usize,
    /// Layers of the file that the model has.
    matched: usize,
}

impl Lora {
    /// SHA-256 of the file in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What of the file the model has no layers for; none if all of it is applied.
    pub fn gap(&self) -> Option<LoraGap> {
        let Self { matched, layers, .. } = *self;
        (matched < layers).then_some(LoraGap { matched, layers })
    }

    /// Bytes of memory that it takes, here and on a device.
    pub fn bytes(&self) -> u64 {
        self.changes.iter().map(|(_, change)| change.bytes()).sum()
    }
}

/// A LoRA that fits the model, but not with all of its layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoraGap {
    /// Layers of the file that the model has.
    pub matched: usize,
    /// All layers of the file.
    pub layers: usize,
}

impl fmt::Display for LoraGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { matched, layers } = self;
        write!(f, "only {matched} of its {layers} layers are in this model; the others have no effect")
    }
}

/// LoRAs that are applied together, each at its weight.
#[derive(Debug, Clone, Default)]
pub struct LoraSet(Vec<(Arc<Lora>, f64)>);

/// What distinguishes sets of LoRAs: the files' hashes, and the weights' bits. Of no LoRA it is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LoraKey(Vec<(String, u64)>);

impl LoraSet {
    /// `loras`, each at its weight: 1 is as it was trained.
    pub fn new(loras: Vec<(Arc<Lora>, f64)>) -> Self {
        Self(loras)
    }

    /// What distinguishes it from others.
    pub fn key(&self) -> LoraKey {
        LoraKey(self.0.iter().map(|(lora, weight)| (lora.sha256.clone(), weight.to_bits())).collect())
    }

    /// SHA-256 of each file, in hexadecimal digits.
    pub fn hashes(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(lora, _)| lora.sha256.clone())
    }

    /// What the model has no layers for, of each LoRA.
    pub fn gaps(&self) -> impl Iterator<Item = Option<LoraGap>> {
        self.0.iter().map(|(lora, _)| lora.gap())
    }

    /// Bytes of memory that it takes on a device.
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|(lora, _)| lora.bytes()).sum()
    }

    /// What is added to each layer, by diffusers' names.
    fn sum(&self) -> Result<HashMap<String, Adapter>> {
        let mut layers = HashMap::<String, Adapter>::new();
        for (lora, weight) in &self.0 {
            for (layer, change) in &lora.changes {
                layers.entry(layer.clone()).or_default().add(change, *weight)?;
            }
        }
        Ok(layers)
    }
}

impl LoraKey {
    /// Whether it is that of no LoRA.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What is added to a layer, in f32 on the CPU.
#[derive(Debug, Clone, Default)]
struct Adapter {
    /// [rank, inputs], and [outputs, rank].
    low_rank: Option<(Tensor, Tensor)>,
    /// [outputs, inputs].
    dense: Option<Tensor>,
}

impl Adapter {
    fn add(&mut self, change: &Change, weight: f64) -> Result<()> {
        match change {
            Change::LowRank { down, up } => {
                let up = (up * weight)?;
                self.low_rank = Some(match self.low_rank.take() {
                    None => (down.clone(), up),
                    Some((downs, ups)) => (Tensor::cat(&[&downs, down], 0)?, Tensor::cat(&[ups, up], 1)?),
                });
            }
            Change::Dense(change) => {
                let change = (change * weight)?;
                self.dense = Some(match self.dense.take() {
                    None => change,
                    Some(sum) => (sum + change)?,
                });
            }
        }
        Ok(())
    }
}

impl Pipeline {
    /// The layers that LoRAs can change. Any thread may read LoRAs with them.
    pub fn layers(&self) -> Arc<ModelLayers> {
        Arc::clone(&self.layers)
    }

    /// Copies what LoRAs add to the device, unless they were merged into copies of layers when the model was loaded.
    ///
    /// # Errors
    /// [`RenderError::Device`] if the device fails.
    pub fn sides(&self, loras: &LoraSet) -> std::result::Result<Arc<Sides>, RenderError> {
        let key = loras.key();
        if let Some(merged) = self.merged.iter().find(|merged| *merged.key() == key) {
            return Ok(Arc::clone(merged));
        }
        let branch = |(layer, Adapter { low_rank, dense }): (String, Adapter)| {
            let added = Added::new(low_rank.as_ref(), dense.as_ref(), &self.device)?;
            Ok((layer, SideBranch::Added(added)))
        };
        let branches = loras.sum()?.into_iter().map(branch).collect::<Result<_>>()?;
        Ok(Arc::new(Sides::new(key, branches)))
    }

    /// Reads the files of `loras`.
    ///
    /// # Errors
    /// [`LoadError`], which names the file and what was recognised of it.
    pub fn read_loras(&self, loras: &[LoraChoice]) -> std::result::Result<LoraSet, LoadError> {
        let read = |LoraChoice { file, weight }: &LoraChoice| {
            let lora = self.layers.read(file, u64::MAX)?;
            tracing::info!(file = %file.display(), weight, layers = lora.changes.len(), "a LoRA is applied");
            Ok((Arc::new(lora), *weight))
        };
        Ok(LoraSet(loras.iter().map(read).collect::<std::result::Result<_, LoadError>>()?))
    }
}
