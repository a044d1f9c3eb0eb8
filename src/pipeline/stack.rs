use std::sync::Arc;

use candle_core::{DType, Device, Result};
use candle_nn::VarBuilder;

use super::source::{LoadProgress, Weights};
#[cfg(feature = "cuda")]
use super::streaming::Belt;

/// Where layers are while they do not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Residence {
    /// On the device.
    Resident,
    /// In the model's files, mapped: each comes to the device when its turn comes, and leaves it after.
    Streamed,
}

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
    fn builder<'a>(&self, layer: usize, progress: Option<&'a LoadProgress<'a>>) -> VarBuilder<'a> {
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

type Load<L> = Box<dyn Fn(&VarBuilder<'_>) -> Result<L> + Send + Sync>;

/// Layers that run one after the other.
pub(super) enum Stack<L> {
    Resident(Vec<L>),
    Streamed {
        source: LayerSource,
        load: Load<L>,
        #[cfg(feature = "cuda")]
        belt: Box<Belt>,
    },
}

impl<L> Stack<L> {
    /// Loads every layer, or, where they come one by one later, the first, and checks that the others are like it: so that a
    /// file that does not do is found now and not in the middle of an image.
    pub(super) fn load(
        source: LayerSource,
        residence: Residence,
        progress: &LoadProgress<'_>,
        load: impl Fn(&VarBuilder<'_>) -> Result<L> + Send + Sync + 'static,
    ) -> Result<Self> {
        let mut layers = (0..source.count).map(|layer| {
            if residence == Residence::Resident {
                // The disk reads the next layer while this one is decoded.
                source.read_ahead(layer + 1);
            }
            load(&source.builder(layer, Some(progress)))
        });
        match residence {
            Residence::Resident => Ok(Self::Resident(layers.collect::<Result<_>>()?)),
            Residence::Streamed => {
                layers.next().transpose()?;
                source.weights.expect_alike(source.path, source.count, progress)?;
                Ok(Self::Streamed {
                    source,
                    load: Box::new(load),
                    #[cfg(feature = "cuda")]
                    belt: Box::default(),
                })
            }
        }
    }

    /// What `step` makes of `start` with each layer in its turn.
    pub(super) fn run<T>(&self, start: T, mut step: impl FnMut(T, &L) -> Result<T>) -> Result<T> {
        match self {
            Self::Resident(layers) => layers.iter().try_fold(start, step),
            Self::Streamed {
                source,
                load,
                #[cfg(feature = "cuda")]
                belt,
            } => {
                #[cfg(feature = "cuda")]
                if let Some(way) = belt.open(source) {
                    return way.run(source, load, start, step);
                }
                (0..source.count).try_fold(start, |x, layer| {
                    let loaded = load(&source.builder(layer, None))?;
                    source.read_ahead((layer + 1) % source.count);
                    step(x, &loaded)
                })
            }
        }
    }
}
