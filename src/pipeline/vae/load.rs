use candle_core::Result;
use candle_nn::VarBuilder;

use super::{
    super::{cpu::Scale, fused::KernelChoice},
    conv::Conv,
    layout::Layout,
    norm::Norm,
};

/// Where the layers come from, and which kernels they are for.
#[derive(Clone)]
pub(super) struct Loader<'a> {
    pub(super) vb: VarBuilder<'a>,
    pub(super) layout: Layout,
    /// Whose kernels norm and convolve maps on a card.
    pub(super) kernels: KernelChoice,
    /// Of every norm.
    pub(super) groups: usize,
}

impl Loader<'_> {
    /// What is below `name`.
    pub(super) fn pp(&self, name: impl ToString) -> Self {
        Self { vb: self.vb.pp(name), ..*self }
    }

    pub(super) fn conv(&self, name: &str, inputs: usize, outputs: usize, kernel: usize) -> Result<Conv> {
        Conv::load(&self.vb.pp(name), (self.layout, self.kernels), (inputs, outputs), kernel)
    }

    /// A convolution of kernel 3 that changes a map's size.
    pub(super) fn scaling(&self, name: &str, channels: usize, scale: Scale) -> Result<Conv> {
        Conv::load_scaling(&self.vb.pp(name), (self.layout, self.kernels), channels, scale)
    }

    pub(super) fn norm(&self, name: &str, channels: usize) -> Result<Norm> {
        Norm::load(&self.vb.pp(name), (self.layout, self.kernels), self.groups, channels)
    }
}
