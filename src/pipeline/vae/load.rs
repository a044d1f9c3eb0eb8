use candle_core::Result;
use candle_nn::VarBuilder;

use super::{conv::Conv, layout::Layout, norm::Norm};

/// Where the decoder's layers come from, and which kernels they are for.
#[derive(Clone)]
pub(super) struct Loader<'a> {
    pub(super) vb: VarBuilder<'a>,
    pub(super) layout: Layout,
    /// Of every norm.
    pub(super) groups: usize,
}

impl Loader<'_> {
    /// What is below `name`.
    pub(super) fn pp(&self, name: impl ToString) -> Self {
        Self { vb: self.vb.pp(name), ..*self }
    }

    pub(super) fn conv(&self, name: &str, inputs: usize, outputs: usize, kernel: usize) -> Result<Conv> {
        Conv::load(self.vb.pp(name), self.layout, (inputs, outputs), kernel)
    }

    /// A convolution of kernel 3 whose input is first doubled in width and height.
    pub(super) fn doubling(&self, name: &str, channels: usize) -> Result<Conv> {
        Conv::load_doubling(self.vb.pp(name), self.layout, channels)
    }

    pub(super) fn norm(&self, name: &str, channels: usize) -> Result<Norm> {
        Norm::load(self.vb.pp(name), self.layout, self.groups, channels)
    }
}
