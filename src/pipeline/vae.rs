use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Conv2d, Module};
use candle_transformers::models::z_image::{VaeConfig, vae::Decoder};

use super::weights::{LoadProgress, Weights};

/// The decoding half of diffusers' `AutoencoderKL`. The layers are candle-transformers' own, which equal the reference.
pub(super) struct VaeDecoder {
    decoder: Decoder,
    /// 1×1 convolution before the decoder; Z-Image's VAE has none, other VAEs of the class do.
    post_quant_conv: Option<Conv2d>,
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
        let channels = config.latent_channels;
        let post_quant_conv = match post_quant_conv {
            true => {
                Some(candle_nn::conv2d(channels, channels, 1, Default::default(), vb.pp("post_quant_conv"))?)
            }
            false => None,
        };
        Ok(Self {
            decoder: Decoder::new(config, vb.pp("decoder"))?,
            post_quant_conv,
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
        self.decoder.forward(&latents)?.to_dtype(DType::F32)
    }
}

/// f32 on a CPU, whose half-precision convolutions are slower, and for f16, which the decoder overflows.
fn dtype_for(dtype: DType, device: &Device) -> DType {
    match dtype {
        DType::BF16 if !device.is_cpu() => DType::BF16,
        _ => DType::F32,
    }
}
