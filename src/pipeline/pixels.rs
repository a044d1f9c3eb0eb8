use candle_core::{DType, Tensor};
use image::{RgbImage, imageops};
use rayon::prelude::*;

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
        let colours = colours.squeeze(0)?.permute((1, 2, 0))?.flatten_all()?;
        if colours.device().is_cpu() {
            Self::rounded(&colours.to_vec1::<f32>()?)
        } else {
            Self::rounded_on_device(&colours)?
        }
        .map(|rgb| Self { size, rgb })
        .ok_or(RenderError::NotFinite { dtype: dtype.as_str() })
    }

    /// None where a number is not finite.
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

    /// The picture at `size`: made larger or smaller by a Lanczos filter until it just fits, its edges drawn out to the
    /// border where the shape differs.
    #[must_use]
    pub fn fitted(self, size: ImageSize) -> Self {
        let (width, height) = (self.size.width(), self.size.height());
        if self.size == size {
            return self;
        }
        let Some(picture) = RgbImage::from_raw(width, height, self.rgb) else {
            unreachable!("pixels hold width × height × 3 bytes");
        };
        let share = |side: u32, of: u32, to: u32| {
            u32::try_from(u64::from(side) * u64::from(to) / u64::from(of)).unwrap_or(to).max(1)
        };
        let by_width =
            u64::from(size.width()) * u64::from(height) <= u64::from(size.height()) * u64::from(width);
        let (fitted_width, fitted_height) = if by_width {
            (size.width(), share(height, width, size.width()))
        } else {
            (share(width, height, size.height()), size.height())
        };
        let fitted = imageops::resize(&picture, fitted_width, fitted_height, imageops::FilterType::Lanczos3);
        let (left, top) = ((size.width() - fitted_width) / 2, (size.height() - fitted_height) / 2);
        let drawn_out = RgbImage::from_fn(size.width(), size.height(), |x, y| {
            *fitted.get_pixel(
                x.saturating_sub(left).min(fitted_width - 1),
                y.saturating_sub(top).min(fitted_height - 1),
            )
        });
        Self { size, rgb: drawn_out.into_raw() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red above, blue below.
    fn two_halves(width: u32, height: u32) -> Pixels {
        let row = |y| if y < height / 2 { [255, 0, 0] } else { [0, 0, 255] };
        let rgb = (0..height).flat_map(|y| (0..width).flat_map(move |_| row(y))).collect();
        Pixels { size: ImageSize::new(width, height).expect("a size"), rgb }
    }

    #[test]
    fn a_picture_of_the_size_asked_for_is_left_as_it_is() {
        let picture = two_halves(8, 8);
        assert_eq!(picture.clone().fitted(picture.size), picture);
    }

    #[test]
    fn a_picture_of_another_shape_is_enlarged_whole_and_its_edges_drawn_out() {
        for (width, height) in [(16, 16), (48, 16), (16, 48), (4, 4), (40, 24)] {
            let fitted = two_halves(8, 8).fitted(ImageSize::new(width, height).expect("a size"));
            let (first, last) = (&fitted.rgb[..3], &fitted.rgb[fitted.rgb.len() - 3..]);
            assert_eq!(fitted.rgb.len() as u64, fitted.size.pixels() * 3);
            assert_eq!((first, last), (&[255, 0, 0][..], &[0, 0, 255][..]), "{width}x{height}");
        }
    }
}
