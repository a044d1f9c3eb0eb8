//! Images as files: PNG, JPEG and WebP, which carry a record of where they come from and what they cost.
//!
//! The record is one XMP packet (ISO 16684-1), the same in every format, at the format's own place for it: an iTXt
//! chunk, an APP1 segment, an `XMP ` chunk. Files of the same arguments are the same, byte for byte.

mod aigc;
mod jpeg;
mod png;
mod provenance;
mod thumbnail;
mod webp;
mod xmp;

pub use provenance::{PromptRecord, Provenance, ReceiptRecord};
pub use thumbnail::thumbnail;
pub use xmp::PROMPT_BYTES_MAX;

use crate::{
    domain::{Encoding, ImageFormat, ImageSize},
    pipeline::Pixels,
};

/// Most pixels on a side of a JPEG: its header has 16 bits for each.
const JPEG_SIDE_MAX: u32 = 65_535;
/// Most pixels on a side of a WebP: its header has 14 bits for each, less one.
const WEBP_SIDE_MAX: u32 = 16_383;

/// An image that could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A side is longer than the format can say.
    #[error("size {size} is too large for {}; ask for at most {side_max} pixels a side, or for png", .format.as_str())]
    SideTooLong {
        /// The format asked for.
        format: ImageFormat,
        /// The image's size.
        size: ImageSize,
        /// Most pixels on a side.
        side_max: u32,
    },
    /// The pixels do not fill the size: a defect.
    #[error("the image has {bytes} bytes of colour, which do not fill {size}")]
    NotFilled {
        /// The image's size.
        size: ImageSize,
        /// Bytes of red, green and blue.
        bytes: usize,
    },
    /// The provenance, less its prompt, is too long for a JPEG.
    #[error("the provenance takes {bytes} bytes; shorten the producer's, model's or software's name")]
    ProvenanceTooLong {
        /// Bytes of the XMP packet.
        bytes: usize,
    },
    /// The PNG encoder failed.
    #[error("the image could not be encoded as png: {0}")]
    Png(#[from] ::png::EncodingError),
    /// The JPEG encoder failed.
    #[error("the image could not be encoded as jpeg: {0}")]
    Jpeg(#[from] image::ImageError),
    /// The JPEG encoder's file could not be taken apart.
    #[error("the provenance could not be put into the jpeg: {0}")]
    JpegSegments(#[from] img_parts::Error),
    /// A kept file could not be made small.
    #[error("the image could not be made small: {0}")]
    Thumbnail(image::ImageError),
    /// The WebP encoder failed.
    #[error("the image could not be encoded as webp: {0}")]
    Webp(#[from] webpx::At<webpx::Error>),
}

/// A file of `pixels`. With `provenance` it says what made it; without, it holds the image and nothing else.
///
/// PNG is lossless whatever the quality. JPEG takes a quality of 0 as 1 and keeps colours at full resolution. WebP is
/// lossless at quality 100 and lossy below. A quality above 100 counts as 100.
///
/// # Errors
/// [`EncodeError`], with [`EncodeError::SideTooLong`] if the format has no room for the size.
pub fn encode(
    pixels: &Pixels,
    encoding: Encoding,
    provenance: Option<&Provenance>,
) -> Result<Vec<u8>, EncodeError> {
    let Encoding { format, quality } = encoding;
    check(pixels, format)?;
    match format {
        ImageFormat::Png => png::file(pixels, provenance),
        ImageFormat::Jpeg => jpeg::file(pixels, quality, provenance),
        ImageFormat::Webp => webp::file(pixels, quality, provenance),
    }
}

/// Refuses what an encoder below would panic at.
fn check(pixels: &Pixels, format: ImageFormat) -> Result<(), EncodeError> {
    let (size, bytes) = (pixels.size, pixels.rgb.len());
    let side_max = match format {
        ImageFormat::Png => u32::MAX,
        ImageFormat::Jpeg => JPEG_SIDE_MAX,
        ImageFormat::Webp => WEBP_SIDE_MAX,
    };
    if size.width().max(size.height()) > side_max {
        return Err(EncodeError::SideTooLong { format, size, side_max });
    }
    if size.pixels().checked_mul(3) == u64::try_from(bytes).ok() {
        Ok(())
    } else {
        Err(EncodeError::NotFilled { size, bytes })
    }
}

#[cfg(test)]
mod tests;
