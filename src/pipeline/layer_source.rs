//! The layers of a stack where they are: in a model's files.

use std::sync::Arc;

use candle_core::{DType, Device};
use candle_nn::VarBuilder;

use super::source::{LoadProgress, Weights};

/// The layers of one stack in a model's files.
#[derive(Clone)]
pub(super) struct LayerSource {
    pub(super) weights: Arc<Weights>,
    pub(super) dtype: DType,
    pub(super) device: Device,
    /// What the names of all layers begin with; then comes their number.
    pub(super) path: &'static str,
    pub(super) count: usize,
}

impl LayerSource {
    pub(super) fn builder<'a>(&self, layer: usize, progress: Option<&'a LoadProgress<'a>>) -> VarBuilder<'a> {
        let builder = self.weights.builder(self.dtype, &self.device, progress);
        builder.pp(self.path).pp(layer)
    }

    /// The names of a layer's tensors, and how many numbers each has; none if they are random.
    #[cfg(feature = "cuda")]
    pub(super) fn tensors(&self, layer: usize) -> Vec<(String, usize)> {
        self.weights.below(&format!("{}.{layer}.", self.path))
    }

    /// Has `layer` read from the disk while something else goes on, by a thread of its own: the one that asks a disk waits for it.
    pub(super) fn read_ahead(&self, layer: usize) {
        let (weights, prefix) = (Arc::clone(&self.weights), format!("{}.{layer}.", self.path));
        let reader = std::thread::Builder::new().name("read ahead".into());
        if let Err(error) = reader.spawn(move || weights.read_ahead(&prefix)) {
            tracing::debug!(%error, "weights are not read ahead");
        }
    }
}
