use std::sync::Arc;

use candle_core::{DType, Result, Tensor};
use candle_transformers::models::z_image::VaeConfig;

use super::{
    super::{cpu::Scale, load::LoadOptions, source::Weights},
    block::Block,
    conv::Conv,
    dtype_for,
    layout::{Layout, MapSize},
    load::Loader,
    map::{Map, Stored},
    mid::MidBlock,
    norm::Norm,
    room::Incoming,
};

/// The encoding half of diffusers' `AutoencoderKL`: colours to the distribution of their latents.
pub struct VaeEncoder {
    conv_in: Conv,
    down: Vec<Block>,
    mid: MidBlock,
    norm_out: Norm,
    conv_out: Conv,
    /// 1×1 convolution after the encoder; Z-Image's VAE has none, other VAEs of the class do.
    quant_conv: Option<Conv>,
    latent_channels: usize,
    scaling_factor: f64,
    shift_factor: f64,
    dtype: DType,
    layout: Layout,
}

/// What an image's latents may be: independent normal distributions, [batch, C, h, w] f32.
#[derive(Debug, Clone)]
pub struct LatentDistribution {
    mean: Tensor,
    deviation: Tensor,
}

impl LatentDistribution {
    /// The most likely latents.
    pub fn mean(&self) -> &Tensor {
        &self.mean
    }

    /// The standard deviation of each number.
    pub fn deviation(&self) -> &Tensor {
        &self.deviation
    }

    /// The latents that stand `noise` deviations from the mean, [batch, C, h, w] f32.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn sample(&self, noise: &Tensor) -> Result<Tensor> {
        &self.mean + (&self.deviation * noise)?
    }
}

impl VaeEncoder {
    /// The tensor that a model with an encoder has.
    const FIRST_WEIGHT: &str = "encoder.conv_in.weight";

    /// Whether a model's weights have one.
    pub(in crate::pipeline) fn is_in(weights: &Weights) -> bool {
        weights.contains(Self::FIRST_WEIGHT)
    }

    /// None for a model without an encoder.
    pub(in crate::pipeline) fn load(
        config: &VaeConfig,
        quant_conv: bool,
        weights: &Arc<Weights>,
        options: &LoadOptions<'_>,
    ) -> Result<Option<Self>> {
        if !Self::is_in(weights) {
            return Ok(None);
        }
        let dtype = dtype_for(options.dtype, options.device);
        let vb = weights.builder(dtype, options.device, Some(options.progress));
        let layout = Layout::on(options.device);
        let loader = Loader { vb, layout, kernels: options.kernels, groups: config.norm_num_groups };
        Self::load_with(config, quant_conv, &loader, dtype).map(Some)
    }

    pub(super) fn load_with(
        config: &VaeConfig,
        quant_conv: bool,
        loader: &Loader,
        dtype: DType,
    ) -> Result<Self> {
        let channels = &config.block_out_channels;
        let (Some(&finest), Some(&coarsest)) = (channels.first(), channels.last()) else {
            candle_core::bail!("block_out_channels is empty")
        };
        // Mean and logarithm of the variance.
        let moments = 2 * config.latent_channels;
        let quant_conv =
            if quant_conv { Some(loader.conv("quant_conv", moments, moments, 1)?) } else { None };
        let loader = loader.pp("encoder");
        let down = channels
            .iter()
            .enumerate()
            .map(|(i, &outputs)| {
                let inputs = channels[i.saturating_sub(1)];
                let halving = (i + 1 < channels.len()).then_some(("downsamplers.0.conv", Scale::Halved));
                let loader = loader.pp("down_blocks").pp(i);
                Block::load(&loader, (inputs, outputs), config.layers_per_block, halving)
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            conv_in: loader.conv("conv_in", config.in_channels, finest, 3)?,
            down,
            mid: MidBlock::load(&loader.pp("mid_block"), coarsest)?,
            norm_out: loader.norm("conv_norm_out", coarsest)?,
            conv_out: loader.conv("conv_out", coarsest, moments, 3)?,
            quant_conv,
            latent_channels: config.latent_channels,
            scaling_factor: config.scaling_factor,
            shift_factor: config.shift_factor,
            dtype,
            layout: loader.layout,
        })
    }

    /// `colours` [batch, 3, H, W] f32, −1 to 1, → the distribution of their latents [batch, C, H/f, W/f].
    ///
    /// `room` is the bytes that maps may take, as for [`super::VaeDecoder::decode`].
    ///
    /// # Errors
    /// Where the device fails.
    pub fn encode(&self, colours: &Tensor, room: Option<u64>) -> Result<LatentDistribution> {
        let colours = self.layout.arrange(colours.to_dtype(self.dtype)?)?;
        let map = Map::Stored(Stored::whole(self.layout, colours)?).through(&self.conv_in);
        let map = self.down.iter().try_fold(map, |map, block| block.forward(map, room))?;
        let x = self.norm_out.forward_silu(&self.mid.forward(map.into_whole()?)?)?;
        let moments = self.conv_out.forward(&x)?;
        let moments = match &self.quant_conv {
            Some(conv) => conv.forward(&moments)?,
            None => moments,
        };
        let moments = self.layout.channels_first(moments)?.to_dtype(DType::F32)?;
        let half = |first: usize| moments.narrow(1, first, self.latent_channels)?.contiguous();
        let deviation = (half(self.latent_channels)?.clamp(-30f32, 20f32)? * 0.5)?.exp()?;
        Ok(LatentDistribution { mean: half(0)?, deviation })
    }

    /// Latents of the encoder, [batch, C, h, w] f32, at the scale that the transformer takes.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn scale(&self, latents: &Tensor) -> Result<Tensor> {
        (latents - self.shift_factor)? * self.scaling_factor
    }

    /// Bytes that [`VaeEncoder::encode`] takes at most for colours [batch, 3, H, W] of `size` (batch, H, W) in `room`, beside
    /// weights and colours; as for [`super::VaeDecoder::foreseen_bytes`].
    pub fn foreseen_bytes(&self, (batch, height, width): (usize, usize, usize), room: Option<u64>) -> u64 {
        let number = self.dtype.size_in_bytes();
        let size = MapSize { batch, height, width };
        let mut incoming = Incoming { size, made_by: Some(&self.conv_in), number };
        let mut peak = 0;
        for block in &self.down {
            let taken = block.foreseen_bytes(incoming, room);
            (peak, incoming) = (peak.max(taken.0), taken.1);
        }
        let MapSize { batch, height, width } = incoming.size;
        peak.max(self.mid.bytes(batch * height * width, number))
    }
}
