use candle_core::{DType, Device};

use super::{fused::KernelChoice, source::LoadProgress};

/// How a part of a model is loaded.
#[derive(Clone, Copy)]
pub(super) struct LoadOptions<'a> {
    /// The number format of the weights.
    pub(super) dtype: DType,
    pub(super) device: &'a Device,
    /// Whose kernels compute what is not the transformer's.
    pub(super) kernels: KernelChoice,
    pub(super) progress: &'a LoadProgress<'a>,
}
