use candle_core::{Result, Tensor};

use super::{attention::Attention, load::Loader, resnet::Resnet, taken::Taken};

/// The coarsest part of the decoder and of the encoder: attention between two resnets. It runs over whole maps, since
/// attention needs all of one.
pub(super) struct MidBlock {
    before: Resnet,
    attention: Attention,
    after: Resnet,
}

impl MidBlock {
    pub(super) fn load(loader: &Loader, channels: usize) -> Result<Self> {
        let resnet = |name: &str| Resnet::load(&loader.pp("resnets").pp(name), channels, channels);
        Ok(Self {
            before: resnet("0")?,
            attention: Attention::load(&loader.pp("attentions.0"), channels)?,
            after: resnet("1")?,
        })
    }

    pub(super) fn forward(&self, x: Tensor) -> Result<Tensor> {
        self.after.forward(self.attention.forward(&self.before.forward(x)?)?)
    }

    /// Bytes that it takes over `places` places, of `number` bytes a number: nine maps of it, or what a resnet takes.
    pub(super) fn bytes(&self, places: usize, number: usize) -> u64 {
        let attention = Taken::of(9 * number * self.before.outputs);
        let steps = self.before.taken(number).into_iter().chain([attention]);
        steps.map(|step| step.bytes(places)).max().unwrap_or_default() as u64
    }
}
