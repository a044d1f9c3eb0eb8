mod jpeg;

use std::io::Cursor;

use self::jpeg::JpegDecoder;
use super::{FILE_BYTES_MAX, PIXELS_MAX, colour, error::SourceError};
use crate::domain::{ImageSize, Pixels};
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, Limits,
    codecs::{png::PngDecoder, webp::WebPDecoder},
};

/// Bytes that a decoder may take for each pixel: 16-bit RGBA, and its own buffers.
const DECODER_BYTES: u64 = 16;
/// Bytes that what stands beside the pixels of a PNG may take: a few kilobytes can be the profile of a gigabyte.
const METADATA_BYTES_MAX: u64 = 64 << 20;

/// A file as it is edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceImage {
    /// Upright, in sRGB, over white.
    pub pixels: Pixels,
    /// The alpha of each pixel, rows from the top; none if the file has no alpha channel.
    pub alpha: Option<Vec<u8>>,
}

impl SourceImage {
    /// Decodes a PNG, JPEG or WebP file: turned upright by its EXIF orientation, in sRGB by its ICC profile, 8 bits.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn decode(file: &[u8]) -> Result<Self, SourceError> {
        if file.len() > FILE_BYTES_MAX {
            return Err(SourceError::TooManyBytes { bytes: file.len() as u64, max: FILE_BYTES_MAX });
        }
        match image::guess_format(file) {
            Ok(ImageFormat::Png) => {
                let decoder = PngDecoder::with_limits(Cursor::new(file), limits(METADATA_BYTES_MAX))?;
                let is_animated = decoder.is_apng()?;
                Self::decoded(decoder, is_animated)
            }
            Ok(ImageFormat::Jpeg) => Self::decoded(JpegDecoder::new(file)?, false),
            Ok(ImageFormat::WebP) => {
                let decoder = WebPDecoder::new(Cursor::new(file))?;
                let is_animated = decoder.has_animation();
                Self::decoded(decoder, is_animated)
            }
            _ => Err(SourceError::Format),
        }
    }

    fn decoded(mut decoder: impl ImageDecoder, is_animated: bool) -> Result<Self, SourceError> {
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > PIXELS_MAX {
            return Err(SourceError::TooManyPixels { width, height, max: PIXELS_MAX });
        }
        if is_animated {
            return Err(SourceError::Animated);
        }
        decoder.set_limits(limits(DECODER_BYTES * PIXELS_MAX))?;
        let orientation = decoder.orientation()?;
        let profile = decoder.icc_profile()?;
        let mut image = DynamicImage::from_decoder(decoder)?;
        image.apply_orientation(orientation);
        let mut rgb = colour::srgb(&image, profile.as_deref());
        let alpha = image.color().has_alpha().then(|| {
            image.to_rgba8().as_raw().as_chunks::<4>().0.iter().map(|[.., alpha]| *alpha).collect::<Vec<_>>()
        });
        if let Some(alpha) = &alpha {
            colour::over_white(&mut rgb, alpha);
        }
        let size = ImageSize::new(image.width(), image.height())
            .map_err(|_| SourceError::Damaged("it has no pixels".into()))?;
        Ok(Self { pixels: Pixels { size, rgb }, alpha })
    }
}

fn limits(bytes: u64) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(bytes);
    limits
}

impl From<ImageError> for SourceError {
    fn from(error: ImageError) -> Self {
        let text = error.to_string();
        Self::Damaged(text.lines().next().unwrap_or("unknown error").to_owned())
    }
}

#[cfg(test)]
mod tests;
