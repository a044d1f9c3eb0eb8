use std::sync::Arc;

use candle_core::{Module, Result, Tensor};
use candle_nn::Linear;

use super::{
    super::{
        cpu,
        ops::{self, Numbers},
        scores::scaled_dot_product,
    },
    layout::Layout,
    load::Loader,
    norm::Norm,
};

/// Self-attention of one head over the places of the coarsest image.
pub(super) struct Attention {
    norm: Norm,
    to_q: Projection,
    to_k: Projection,
    to_v: Projection,
    to_out: Projection,
    layout: Layout,
}

/// Channels to channels, place by place.
enum Projection {
    Candle(Linear),
    Cpu(Arc<cpu::Linear>),
}

impl Projection {
    fn load(loader: &Loader, channels: usize) -> Result<Self> {
        let weight = loader.vb.get((channels, channels), "weight")?;
        let bias = loader.vb.get(channels, "bias")?;
        match loader.layout {
            Layout::ChannelsLast => {
                let linear = cpu::Linear::new(&Numbers::of(&weight)?, channels, Some(bias.to_vec1()?));
                Ok(Self::Cpu(Arc::new(linear)))
            }
            Layout::ChannelsFirst => Ok(Self::Candle(Linear::new(weight, Some(bias)))),
        }
    }

    fn forward(&self, places: &Tensor) -> Result<Tensor> {
        match self {
            Self::Candle(linear) => linear.forward(places),
            Self::Cpu(linear) => ops::linear(linear, places),
        }
    }
}

impl Attention {
    pub(super) fn load(loader: &Loader, channels: usize) -> Result<Self> {
        let linear = |name: &str| Projection::load(&loader.pp(name), channels);
        Ok(Self {
            norm: loader.norm("group_norm", channels)?,
            to_q: linear("to_q")?,
            to_k: linear("to_k")?,
            to_v: linear("to_v")?,
            to_out: linear("to_out.0")?,
            layout: loader.layout,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let normed = self.norm.forward(x)?;
        if self.layout == Layout::ChannelsLast {
            let places = normed.flatten(1, 2)?;
            let (q, k) = (self.to_q.forward(&places)?, self.to_k.forward(&places)?);
            let context = ops::attend(&q, &k, &self.to_v.forward(&places)?, 1)?;
            return x + self.to_out.forward(&context)?.reshape(x.shape())?;
        }
        let places = normed.flatten_from(2)?.transpose(1, 2)?.contiguous()?;
        let head = |linear: &Projection| linear.forward(&places)?.unsqueeze(1);
        let context = scaled_dot_product(&head(&self.to_q)?, &head(&self.to_k)?, &head(&self.to_v)?)?;
        let out = self.to_out.forward(&context.squeeze(1)?)?;
        x + out.transpose(1, 2)?.contiguous()?.reshape(x.shape())?
    }
}
