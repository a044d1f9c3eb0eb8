//! Edits: image to image, and repainting inside a mask, equal to diffusers' `ZImageImg2ImgPipeline` and
//! `ZImageInpaintPipeline` in [`MaskMode::Reference`]; docs/edits.md says what [`MaskMode::Exact`] adds.
//!
//! Each image draws from one generator, first the VAE's noise, then the schedule's. The reference draws in the text
//! encoder's format; we draw in f32, so that a seed is one image in every precision.

mod frame;
mod mask;
mod put_back;

use candle_core::Tensor;

pub use self::frame::Frame;
use super::{
    Pipeline, Pixels,
    blend::{Blend, noisy},
    error::RenderError,
    noise::Normals,
    ops,
    vae::{LatentDistribution, VaeEncoder},
};
use crate::domain::{Mask, MaskMode, RenderSpec, Seed};

/// An edit's source and mask as the model sees them: everything about them that does not depend on the seed.
#[derive(Debug, Clone)]
pub struct PreparedEdit {
    /// Of the framed source.
    distribution: LatentDistribution,
    /// [1, 1, h, w] f32, 1 where latents are repainted; none repaints all.
    mask: Option<Tensor>,
}

/// Latents on their way from a source, not from noise alone.
pub(super) struct Start {
    /// [1, C, h, w] f32, at the first step's noise level.
    pub(super) latents: Tensor,
    pub(super) blend: Option<Blend>,
}

impl PreparedEdit {
    /// The latents that `seed` begins with at noise level `sigma`.
    pub(super) fn start(&self, encoder: &VaeEncoder, seed: Seed, sigma: f32) -> candle_core::Result<Start> {
        let mean = self.distribution.mean();
        let mut normals = Normals::new(seed);
        let mut draw = || Tensor::from_vec(normals.draw(mean.elem_count()), mean.shape(), mean.device());
        let clean = encoder.scale(&self.distribution.sample(&draw()?)?)?;
        let noise = draw()?;
        let latents = noisy(&clean, &noise, sigma)?;
        let blend = self.mask.clone().map(|mask| Blend { clean, noise, mask });
        Ok(Start { latents, blend })
    }
}

impl Pipeline {
    /// Whether the model can edit: its VAE has an encoder.
    pub fn can_edit(&self) -> bool {
        self.encoder.is_some()
    }

    /// Encodes what a job's edits share: the source and its mask. None for a job without a source.
    ///
    /// # Errors
    /// [`RenderError::NoEncoder`] for a model that cannot edit, [`RenderError::Size`] for a source whose size the model cannot
    /// generate, [`RenderError::Device`] if the device fails.
    pub fn prepare_edit(&self, spec: &RenderSpec) -> Result<Option<PreparedEdit>, RenderError> {
        let Some(edit) = spec.edit.as_deref() else { return Ok(None) };
        let frame = self.limits().frame(edit);
        self.limits().check(frame.canvas)?;
        let distribution = self.encode(&frame.source(&edit.source))?;
        let mask = match &edit.mask {
            None => None,
            Some(mask) => Some(self.latent_mask(mask, &frame, edit.mode)?),
        };
        Ok(Some(PreparedEdit { distribution, mask }))
    }

    fn latent_mask(&self, mask: &Mask, frame: &Frame, mode: MaskMode) -> candle_core::Result<Tensor> {
        let factor = self.config.vae_factor();
        let latents = match mode {
            MaskMode::Exact => mask::touched_cells(mask, frame, self.limits().factor, factor),
            MaskMode::Reference => mask::nearest(mask, frame, factor),
        };
        let shape =
            (1, 1, (frame.canvas.height() / factor) as usize, (frame.canvas.width() / factor) as usize);
        Tensor::from_vec(latents, shape, &self.device)
    }

    /// The distribution of an image's latents, [1, C, H/f, W/f], f the VAE's factor.
    ///
    /// # Errors
    /// [`RenderError::NoEncoder`] for a model that cannot edit, [`RenderError::Device`] if the device fails.
    pub fn encode(&self, image: &Pixels) -> Result<LatentDistribution, RenderError> {
        let (encoder, colours) = (self.encoder()?, image.to_colours(&self.device)?);
        let room = self.decoding_room();
        Ok(ops::in_pool(&self.device, || encoder.encode(&colours, room))?)
    }

    pub(super) fn encoder(&self) -> Result<&VaeEncoder, RenderError> {
        self.encoder.as_ref().ok_or(RenderError::NoEncoder)
    }

    /// Decodes `latents` to the image that `spec` asks for: for an edit, put back into its source.
    ///
    /// # Errors
    /// As [`Pipeline::decode`].
    pub fn image(&self, latents: &Tensor, spec: &RenderSpec) -> Result<Pixels, RenderError> {
        let decoded = self.decode(latents)?;
        Ok(match spec.edit.as_deref() {
            None => decoded.fitted(spec.size),
            Some(edit) => put_back::put_back(edit, &self.limits().frame(edit), spec.size, decoded),
        })
    }
}
