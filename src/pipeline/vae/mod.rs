//! The decoding half of diffusers' `AutoencoderKL`: latents to colours.
//!
//! Why not candle-transformers' own: docs/decisions/0003-our-own-vae-decoder.md.

mod conv;
mod norm;

use std::sync::Arc;

use candle_core::{DType, Device, Module, Result, Tensor};
use candle_nn::{Linear, VarBuilder};
use candle_transformers::models::z_image::VaeConfig;

use self::{conv::Conv, norm::Norm};
use super::{
    cpu,
    ops::{self, Numbers},
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
        weights: &Arc<Weights>,
        dtype: DType,
        device: &Device,
        progress: &LoadProgress<'_>,
    ) -> Result<Self> {
        let dtype = dtype_for(dtype, device);
        let vb = weights.builder(dtype, device, "", Some(progress));
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
        let is_cpu = latents.device().is_cpu();
        // On a CPU channels are innermost from here on.
        let latents = if is_cpu { latents.permute((0, 2, 3, 1))?.contiguous()? } else { latents };
        let latents = match &self.post_quant_conv {
            Some(conv) => conv.forward(&latents)?,
            None => latents,
        };
        let (before, attention, after) = &self.mid;
        let x = before.forward(&self.conv_in.forward(&latents)?)?;
        let x = after.forward(&attention.forward(&x)?)?;
        let x = self.up.iter().try_fold(x, |x, block| block.forward(&x))?;
        let colours = self.conv_out.forward(&self.norm_out.forward_silu(&x)?)?.to_dtype(DType::F32)?;
        if is_cpu { colours.permute((0, 3, 1, 2)) } else { Ok(colours) }
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
        let h = self.norm2.forward_silu(&h)?;
        match &self.shortcut {
            Some(conv) => self.conv2.forward_plus(&h, &conv.forward(x)?),
            None => self.conv2.forward_plus(&h, x),
        }
    }
}

/// Self-attention of one head over the places of the coarsest picture.
struct Attention {
    norm: Norm,
    to_q: Projection,
    to_k: Projection,
    to_v: Projection,
    to_out: Projection,
}

/// Channels to channels, place by place.
enum Projection {
    Library(Linear),
    Ours(Arc<cpu::Linear>),
}

impl Projection {
    fn load(vb: VarBuilder, channels: usize) -> Result<Self> {
        let (weight, bias) = (vb.get((channels, channels), "weight")?, vb.get(channels, "bias")?);
        match ops::are_ours(&weight) {
            true => {
                let linear = cpu::Linear::new(&Numbers::of(&weight)?, channels, Some(bias.to_vec1()?));
                Ok(Self::Ours(Arc::new(linear)))
            }
            false => Ok(Self::Library(Linear::new(weight, Some(bias)))),
        }
    }

    fn forward(&self, places: &Tensor) -> Result<Tensor> {
        match self {
            Self::Library(linear) => linear.forward(places),
            Self::Ours(linear) => ops::linear(linear, places),
        }
    }
}

impl Attention {
    fn load(vb: VarBuilder, groups: usize, channels: usize) -> Result<Self> {
        let linear = |name: &str| Projection::load(vb.pp(name), channels);
        Ok(Self {
            norm: Norm::load(vb.pp("group_norm"), groups, channels)?,
            to_q: linear("to_q")?,
            to_k: linear("to_k")?,
            to_v: linear("to_v")?,
            to_out: linear("to_out.0")?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let normed = self.norm.forward(x)?;
        if ops::are_ours(x) {
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
            true => Some(Conv::load_doubling(vb.pp("upsamplers.0.conv"), outputs, outputs)?),
            false => None,
        };
        Ok(Self { resnets, upsampler })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.resnets.iter().try_fold(x.clone(), |x, resnet| resnet.forward(&x))?;
        match &self.upsampler {
            Some(conv) => conv.forward(&x),
            None => Ok(x),
        }
    }
}
