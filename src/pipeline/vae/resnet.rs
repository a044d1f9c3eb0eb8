use candle_core::{Result, Tensor};

use super::{conv::Conv, load::Loader, norm::Norm, taken::Taken};

/// Two convolutions around a residual.
pub(super) struct Resnet {
    pub(super) norm1: Norm,
    pub(super) conv1: Conv,
    pub(super) norm2: Norm,
    pub(super) conv2: Conv,
    /// Where the number of channels changes.
    shortcut: Option<Conv>,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

impl Resnet {
    pub(super) fn load(loader: &Loader, inputs: usize, outputs: usize) -> Result<Self> {
        let shortcut =
            if inputs == outputs { None } else { Some(loader.conv("conv_shortcut", inputs, outputs, 1)?) };
        Ok(Self {
            norm1: loader.norm("norm1", inputs)?,
            conv1: loader.conv("conv1", inputs, outputs, 3)?,
            norm2: loader.norm("norm2", outputs)?,
            conv2: loader.conv("conv2", outputs, outputs, 3)?,
            shortcut,
            inputs,
            outputs,
        })
    }

    /// Of a whole map. Each map is dropped once it is not needed: they are what the decoder's memory goes to.
    pub(super) fn forward(&self, x: Tensor) -> Result<Tensor> {
        let hidden = self.conv1.forward(&self.norm1.forward_silu(&x)?)?;
        let normed = self.norm2.forward_silu(&hidden)?;
        drop(hidden);
        self.conv2.forward_plus(&normed, &self.residual(x)?)
    }

    /// What is added to the second convolution.
    pub(super) fn residual(&self, x: Tensor) -> Result<Tensor> {
        match &self.shortcut {
            Some(conv) => conv.forward(&x),
            None => Ok(x),
        }
    }

    /// What [`Resnet::forward`] takes, input and output among it, from one of its steps to the next; of `number` bytes a
    /// number.
    pub(super) fn taken(&self, number: usize) -> [Taken; 5] {
        let (inputs, outputs) = (number * self.inputs, number * self.outputs);
        let norm = |norm: &Norm, channels: usize| Taken::of(channels * norm.number_bytes(number));
        let (residual, shortcut) = match &self.shortcut {
            Some(conv) => (outputs, conv.taken(number)),
            None => (inputs, Taken::default()),
        };
        [
            norm(&self.norm1, self.inputs).beside(2 * inputs),
            self.conv1.taken(number).beside(2 * inputs + outputs),
            norm(&self.norm2, self.outputs).beside(inputs + 2 * outputs),
            shortcut.beside(inputs + 2 * outputs),
            self.conv2.taken(number).beside(residual + 2 * outputs),
        ]
    }
}
