use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use super::error::RenderError;
use crate::domain::ImageSize;

pub use crate::domain::Pixels;

impl Pixels {
    /// Colours [1, 3, H, W] f32 in −1 to 1, clamped and rounded to 8 bits.
    pub(super) fn from_colours(colours: &Tensor, size: ImageSize, dtype: DType) -> Result<Self, RenderError> {
        let colours = colours.squeeze(0)?.permute((1, 2, 0))?.flatten_all()?;
        if colours.device().is_cpu() {
            Self::rounded(&colours.to_vec1::<f32>()?)
        } else {
            Self::rounded_on_device(&colours)?
        }
        .map(|rgb| Self { size, rgb })
        .ok_or(RenderError::NotFinite { dtype: dtype.as_str() })
    }

    /// None if a number is not finite.
    fn rounded(colours: &[f32]) -> Option<Vec<u8>> {
        /// Colours that a thread takes at a time.
        const BLOCK: usize = 1 << 14;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 255")]
        let round = |colour: &f32| (colour.clamp(-1.0, 1.0) * 127.5 + 127.5).round() as u8;
        let are_finite =
            colours.par_chunks(BLOCK).all(|colours| colours.iter().all(|colour| colour.is_finite()));
        are_finite.then(|| colours.par_iter().with_min_len(BLOCK).map(round).collect())
    }

    fn rounded_on_device(colours: &Tensor) -> candle_core::Result<Option<Vec<u8>>> {
        if !colours.abs()?.sum_all()?.to_scalar::<f32>()?.is_finite() {
            return Ok(None);
        }
        let bytes = ((colours.clamp(-1f32, 1f32)? * 127.5)? + 127.5)?.round()?;
        bytes.to_dtype(DType::U8)?.to_vec1().map(Some)
    }

    /// Colours [1, 3, H, W] f32 in −1 to 1.
    pub(super) fn to_colours(&self, device: &Device) -> candle_core::Result<Tensor> {
        let (height, width) = (self.size.height() as usize, self.size.width() as usize);
        // x / 255 · 2 − 1 in f32, in diffusers' order.
        let colours: Vec<f32> = self.rgb.iter().map(|byte| f32::from(*byte) / 255.0 * 2.0 - 1.0).collect();
        Tensor::from_vec(colours, (1, height, width, 3), device)?.permute((0, 3, 1, 2))?.contiguous()
    }
}
