//! Latents to colours.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use candle_core::{DType, Tensor};
use candle_transformers::models::z_image::VaeConfig;

use super::{
    super::{
        cpu::Scale,
        devices::DeviceChoice,
        error::LoadError,
        fused::KernelChoice,
        load::LoadOptions,
        precision::Precision,
        shapes::ModelShape,
        source::{LoadProgress, ModelConfig, Parts, Weights},
    },
    block::Block,
    conv::Conv,
    dtype_for,
    layout::{Layout, MapSize},
    load::Loader,
    map::{Map, Stored},
    mid::MidBlock,
    norm::Norm,
    room::{Demand, Incoming, Way},
    strips,
};

/// The decoder, and the scale of its latents.
pub struct VaeDecoder {
    /// 1×1 convolution before the decoder; Z-Image's VAE has none, other VAEs of the class do.
    post_quant_conv: Option<Conv>,
    conv_in: Conv,
    mid: MidBlock,
    up: Vec<Block>,
    norm_out: Norm,
    conv_out: Conv,
    /// (input, output) channels of `conv_out`.
    channels_out: (usize, usize),
    scaling_factor: f64,
    shift_factor: f64,
    dtype: DType,
    layout: Layout,
}

impl VaeDecoder {
    pub(in crate::pipeline) fn load(
        config: &VaeConfig,
        post_quant_conv: bool,
        weights: &Arc<Weights>,
        options: &LoadOptions<'_>,
    ) -> candle_core::Result<Self> {
        let dtype = dtype_for(options.dtype, options.device);
        let vb = weights.builder(dtype, options.device, Some(options.progress));
        let layout = Layout::on(options.device);
        let loader = Loader { vb, layout, kernels: options.kernels, groups: config.norm_num_groups };
        Self::load_with(config, post_quant_conv, &loader, dtype)
    }

    /// The decoder of a model of `shape`, whose weights are drawn at random, on the device.
    ///
    /// # Errors
    /// [`LoadError`] if the device cannot be opened, or has no room.
    pub fn random(shape: ModelShape, device: DeviceChoice, precision: Precision) -> Result<Self, LoadError> {
        let (files, device) = (shape.files(), device.open()?);
        let parts = Parts::random(&files)?;
        let (config, dtype) = (ModelConfig::read(&files, &parts)?, precision.dtype(&device));
        let progress = LoadProgress::new(&|_, _| {}, parts.total_bytes());
        let kernels = KernelChoice::Auto;
        let options = LoadOptions { dtype, device: &device, kernels, progress: &progress };
        Self::load(&config.vae, config.post_quant_conv, &Arc::new(parts.vae.weights), &options)
            .map_err(|error| LoadError::from_candle("vae", &error))
    }

    fn load_with(
        config: &VaeConfig,
        post_quant_conv: bool,
        loader: &Loader,
        dtype: DType,
    ) -> candle_core::Result<Self> {
        let latent = config.latent_channels;
        let post_quant_conv =
            if post_quant_conv { Some(loader.conv("post_quant_conv", latent, latent, 1)?) } else { None };
        let loader = loader.pp("decoder");
        // From the coarsest block to the finest: the encoder's order turned round.
        let channels: Vec<usize> = config.block_out_channels.iter().rev().copied().collect();
        let (coarsest, finest) = match channels.as_slice() {
            [first, .., last] => (*first, *last),
            [only] => (*only, *only),
            [] => candle_core::bail!("block_out_channels is empty"),
        };
        let up = channels
            .iter()
            .enumerate()
            .map(|(i, &outputs)| {
                let inputs = channels[i.saturating_sub(1)];
                let doubling = (i + 1 < channels.len()).then_some(("upsamplers.0.conv", Scale::Doubled));
                let loader = loader.pp("up_blocks").pp(i);
                Block::load(&loader, (inputs, outputs), config.layers_per_block + 1, doubling)
            })
            .collect::<candle_core::Result<_>>()?;
        Ok(Self {
            post_quant_conv,
            conv_in: loader.conv("conv_in", latent, coarsest, 3)?,
            mid: MidBlock::load(&loader.pp("mid_block"), coarsest)?,
            up,
            norm_out: loader.norm("conv_norm_out", finest)?,
            conv_out: loader.conv("conv_out", finest, config.out_channels, 3)?,
            channels_out: (finest, config.out_channels),
            scaling_factor: config.scaling_factor,
            shift_factor: config.shift_factor,
            dtype,
            layout: loader.layout,
        })
    }

    /// `latents` [batch, C, h, w] f32 → colours [batch, 3, H, W] f32, −1 to 1 where the image is in range.
    ///
    /// `room` is the bytes that maps may take. Parts of the decoder whose maps take more run strip by strip, which takes
    /// longer, and where even strips take more, in the least that they can. None is room for everything.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn decode(&self, latents: &Tensor, room: Option<u64>) -> candle_core::Result<Tensor> {
        let latents = ((latents / self.scaling_factor)? + self.shift_factor)?.to_dtype(self.dtype)?;
        let latents = self.layout.arrange(latents)?;
        let latents = match &self.post_quant_conv {
            Some(conv) => conv.forward(&latents)?,
            None => latents,
        };
        let x = self.mid.forward(self.conv_in.forward(&latents)?)?;
        let map = Map::Stored(Stored::whole(self.layout, x)?);
        let map = self.up.iter().try_fold(map, |map, block| block.forward(map, room))?;
        let colours = self.colours(map, room)?.to_dtype(DType::F32)?;
        self.layout.channels_first(colours)
    }

    fn colours(&self, map: Map<'_>, room: Option<u64>) -> candle_core::Result<Tensor> {
        let head = (&self.norm_out, &self.conv_out);
        match Demand::of_head(head, self.channels_out, map.incoming()).plan(room).0 {
            Way::Whole => head.1.forward(&head.0.forward_silu(&map.into_whole()?)?),
            Way::Strips(how) => strips::head(head, map, &how)?.into_whole(),
        }
    }

    /// Bytes that [`VaeDecoder::decode`] takes at most for latents [batch, C, h, w] of `size` (batch, h, w) in `room`, beside
    /// weights and latents. None says what whole maps take; 0, what the least is.
    ///
    /// They are counted: the maps that are held at once in the part that holds most of them. In the part before the
    /// first doubling, which never runs strip by strip, they are nine maps of it.
    pub fn foreseen_bytes(&self, (batch, height, width): (usize, usize, usize), room: Option<u64>) -> u64 {
        let number = self.dtype.size_in_bytes();
        let size = MapSize { batch, height, width };
        let mut incoming = Incoming { size, made_by: None, number };
        let mut peak = self.mid.bytes(batch * height * width, number);
        for block in &self.up {
            let taken = block.foreseen_bytes(incoming, room);
            (peak, incoming) = (peak.max(taken.0), taken.1);
        }
        let head = (&self.norm_out, &self.conv_out);
        peak.max(Demand::of_head(head, self.channels_out, incoming).plan(room).1)
    }
}
