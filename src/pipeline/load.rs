use candle_core::{DType, Device};

use super::source::LoadProgress;

/// How a part of a model is loaded.
#[derive(Clone, Copy)]
pub(super) struct LoadOptions<'a> {
    /// The number format of the weights.
    pub(super) dtype: DType,
    pub(super) device: &'a Device,
    pub(super) progress: &'a LoadProgress<'a>,
}
