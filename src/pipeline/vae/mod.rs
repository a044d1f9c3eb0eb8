//! The decoding half of diffusers' `AutoencoderKL`: latents to colours.
//!
//! Why not candle-transformers' own: docs/decisions/0003-our-own-vae-decoder.md.

mod conv;
mod norm;

use candle_core::{DType, Device, Module, Result, Tensor};
use candle_nn::{Linear, VarBuilder};
use candle_transformers::models::z_image::VaeConfig;

use self::{conv::Conv, norm::Norm};
use super::{
    scores::scaled_dot_product,
    weights::{LoadProgress, Weights},
};

/// The decoder, and the scale of its latents.
pub(super) struct VaeDecoder {
    /// 1×1 convolution before the decoder; Z-Image's VAE has none, other VAEs of the class do.
    post_quant_conv: Option<Conv>,
    conv_in: Conv,
    mid: (Resnet, Attention, Resnet),
    up: Vec<UpBlock>,
    norm_out: Norm,
    conv_out: Conv,
    scaling_factor: f64,
    shift_factor: f64,
    dtype: DType,
}

impl VaeDecoder {
    pub(super) fn load(
        config: &VaeConfig,
        post_quant_conv: bool,
        weights: &Weights,
        dtype: DType,
        device: &Device,
        progress: &LoadProgress<'_>,
    ) -> Result<Self> {
        let dtype = dtype_for(dtype, device);
        let vb = weights.builder(dtype, device, "", progress);
        let (latent, groups) = (config.latent_channels, config.norm_num_groups);
        let post_quant_conv = match post_quant_conv {
            true => Some(Conv::load(vb.pp("post_quant_conv"), latent, latent, 1)?),
            false => None,
        };
        let vb = vb.pp("decoder");
        // From the coarsest block to the finest: the encoder's order turned round.
        let channels: Vec<usize> = config.block_out_channels.iter().rev().copied().collect();
        let (coarsest, finest) = match channels.as_slice() {
            [first, .., last] => (*first, *last),
            [only] => (*only, *only),
            [] => candle_core::bail!("block_out_channels is empty"),
        };
        let mid = vb.pp("mid_block");
        let resnet = |name: &str| Resnet::load(mid.pp("resnets").pp(name), groups, coarsest, coarsest);
        let up = channels
            .iter()
            .enumerate()
            .map(|(i, &outputs)| {
                let inputs = channels[i.saturating_sub(1)];
                let doubles = i + 1 < channels.len();
                UpBlock::load(
                    vb.pp("up_blocks").pp(i),
                    groups,
                    (inputs, outputs),
                    config.layers_per_block + 1,
                    doubles,
                )
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            post_quant_conv,
            conv_in: Conv::load(vb.pp("conv_in"), latent, coarsest, 3)?,
            mid: (resnet("0")?, Attention::load(mid.pp("attentions.0"), groups, coarsest)?, resnet("1")?),
            up,
            norm_out: Norm::load(vb.pp("conv_norm_out"), groups, finest)?,
            conv_out: Conv::load(vb.pp("conv_out"), finest, config.out_channels, 3)?,
            scaling_factor: config.scaling_factor,
            shift_factor: config.shift_factor,
            dtype,
        })
    }

    /// `latents` [batch, C, h, w] f32 → colours [batch, 3, H, W] f32, −1 to 1 where the picture is in range.
    pub(super) fn decode(&self, latents: &Tensor) -> Result<Tensor> {
        let latents = ((latents / self.scaling_factor)? + self.shift_factor)?.to_dtype(self.dtype)?;
        let latents = match &self.post_quant_conv {
            Some(conv) => conv.forward(&latents)?,
            None => latents,
        };
        let (before, attention, after) = &self.mid;
        let x = before.forward(&self.conv_in.forward(&latents)?)?;
        let x = after.forward(&attention.forward(&x)?)?;
        let x = self.up.iter().try_fold(x, |x, block| block.forward(&x))?;
        self.conv_out.forward(&self.norm_out.forward_silu(&x)?)?.to_dtype(DType::F32)
    }
}

/// f32 on a CPU, whose half-precision convolutions are slower, and for f16, which the decoder overflows.
fn dtype_for(dtype: DType, device: &Device) -> DType {
    match dtype {
        DType::BF16 if !device.is_cpu() => DType::BF16,
        _ => DType::F32,
    }
}

/// Two convolutions around a residual.
struct Resnet {
    norm1: Norm,
    conv1: Conv,
    norm2: Norm,
    conv2: Conv,
    /// Where the number of channels changes.
    shortcut: Option<Conv>,
}

impl Resnet {
    fn load(vb: VarBuilder, groups: usize, inputs: usize, outputs: usize) -> Result<Self> {
        let shortcut = match inputs == outputs {
            true => None,
            false => Some(Conv::load(vb.pp("conv_shortcut"), inputs, outputs, 1)?),
        };
        Ok(Self {
            norm1: Norm::load(vb.pp("norm1"), groups, inputs)?,
            conv1: Conv::load(vb.pp("conv1"), inputs, outputs, 3)?,
            norm2: Norm::load(vb.pp("norm2"), groups, outputs)?,
            conv2: Conv::load(vb.pp("conv2"), outputs, outputs, 3)?,
            shortcut,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let h = self.conv1.forward(&self.norm1.forward_silu(x)?)?;
        let h = self.conv2.forward(&self.norm2.forward_silu(&h)?)?;
        match &self.shortcut {
            Some(conv) => conv.forward(x)? + h,
            None => x + h,
        }
    }
}

/// Self-attention of one head over the places of the coarsest picture.
struct Attention {
    norm: Norm,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
}

impl Attention {
    fn load(vb: VarBuilder, groups: usize, channels: usize) -> Result<Self> {
        let linear = |name: &str| candle_nn::linear(channels, channels, vb.pp(name));
        Ok(Self {
            norm: Norm::load(vb.pp("group_norm"), groups, channels)?,
            to_q: linear("to_q")?,
            to_k: linear("to_k")?,
            to_v: linear("to_v")?,
            to_out: linear("to_out.0")?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, channels, height, width) = x.dims4()?;
        let places = self.norm.forward(x)?.flatten_from(2)?.transpose(1, 2)?.contiguous()?;
        let head = |linear: &Linear| linear.forward(&places)?.unsqueeze(1);
        let context = scaled_dot_product(&head(&self.to_q)?, &head(&self.to_k)?, &head(&self.to_v)?)?;
        let out = self.to_out.forward(&context.squeeze(1)?)?;
        x + out.transpose(1, 2)?.contiguous()?.reshape((batch, channels, height, width))?
    }
}

/// Resnets, then twice the width and height, but for the last block.
struct UpBlock {
    resnets: Vec<Resnet>,
    upsampler: Option<Conv>,
}

impl UpBlock {
    fn load(
        vb: VarBuilder,
        groups: usize,
        (inputs, outputs): (usize, usize),
        resnets: usize,
        doubles: bool,
    ) -> Result<Self> {
        let resnets = (0..resnets)
            .map(|i| {
                let inputs = if i == 0 { inputs } else { outputs };
                Resnet::load(vb.pp("resnets").pp(i), groups, inputs, outputs)
            })
            .collect::<Result<_>>()?;
        let upsampler = match doubles {
            true => Some(Conv::load(vb.pp("upsamplers.0.conv"), outputs, outputs, 3)?),
            false => None,
        };
        Ok(Self { resnets, upsampler })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.resnets.iter().try_fold(x.clone(), |x, resnet| resnet.forward(&x))?;
        let Some(conv) = &self.upsampler else { return Ok(x) };
        let (_, _, height, width) = x.dims4()?;
        conv.forward(&x.upsample_nearest2d(2 * height, 2 * width)?)
    }
}
