use candle_core::Result;
use candle_nn::VarBuilder;

pub(super) use super::layer_source::LayerSource;
use super::source::LoadProgress;
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
