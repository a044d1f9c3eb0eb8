use std::io::Cursor;

use image::{ImageReader, Limits, codecs::jpeg::JpegEncoder};

use super::EncodeError;
use crate::domain::ImageFormat;

/// Longest side of a thumbnail, in pixels: sharp where a page gives it half as many.
const SIDE: u32 = 160;
/// Quality of its JPEG: some 6 KiB.
const QUALITY: u8 = 80;
/// Memory that taking a file apart may use: 64 megapixels of colour, and as much again.
const DECODE_BYTES_MAX: u64 = 384 << 20;

/// A small JPEG of the image in `file`, which is of `format`. It is no larger than the image.
///
/// # Errors
/// [`EncodeError::Thumbnail`] if the file is not such an image, or is larger than any that is generated.
pub fn thumbnail(file: &[u8], format: ImageFormat) -> Result<Vec<u8>, EncodeError> {
    let format = match format {
        ImageFormat::Png => image::ImageFormat::Png,
        ImageFormat::Jpeg => image::ImageFormat::Jpeg,
        ImageFormat::Webp => image::ImageFormat::WebP,
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    let image = reader.decode().map_err(EncodeError::Thumbnail)?;
    let side = image.width().max(image.height()).min(SIDE);
    let small = image.thumbnail(side, side).into_rgb8();
    let mut jpeg = Vec::new();
    small
        .write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, QUALITY))
        .map_err(EncodeError::Thumbnail)?;
    Ok(jpeg)
}
