use candle_core::{D, DType, Tensor};

use super::error::RenderError;
use crate::domain::ImageSize;

/// A finished picture: 8-bit RGB, rows from the top, [height, width, 3].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Width and height.
    pub size: ImageSize,
    /// Red, green, blue of each pixel.
    pub rgb: Vec<u8>,
}

impl Pixels {
    /// Colours [1, 3, H, W] f32 in −1 to 1, clamped and rounded to 8 bits.
    pub(super) fn from_colours(colours: &Tensor, size: ImageSize, dtype: DType) -> Result<Self, RenderError> {
        let total = colours.abs()?.sum_all()?.to_scalar::<f32>()?;
        if !total.is_finite() {
            return Err(RenderError::NotFinite { dtype: dtype.as_str() });
        }
        let bytes = ((colours.clamp(-1f32, 1f32)? * 127.5)? + 127.5)?.round()?;
        let rgb =
            bytes.squeeze(0)?.permute((1, 2, 0))?.flatten(0, D::Minus1)?.to_dtype(DType::U8)?.to_vec1()?;
        Ok(Self { size, rgb })
    }
}
