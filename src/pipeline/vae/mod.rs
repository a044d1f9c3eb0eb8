//! The autoencoder between images and latents: diffusers' `AutoencoderKL`.
//!
//! Why not candle-transformers' own: docs/decisions/0003-our-own-vae-decoder.md. Whole maps are fastest and take the most
//! memory. A part whose maps do not fit runs strip by strip: docs/decisions/0009-decoding-in-strips.md.

mod attention;
mod block;
mod conv;
mod decoder;
mod encoder;
mod layout;
mod load;
mod map;
mod mid;
mod norm;
mod resnet;
mod room;
mod strips;
mod taken;

use candle_core::{DType, Device};

pub use self::{
    decoder::VaeDecoder,
    encoder::{LatentDistribution, VaeEncoder},
};

/// f32 on a CPU, whose half-precision convolutions are slower, and for f16, which the decoder overflows.
fn dtype_for(dtype: DType, device: &Device) -> DType {
    match dtype {
        DType::BF16 if !device.is_cpu() => DType::BF16,
        _ => DType::F32,
    }
}
