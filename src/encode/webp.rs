use webpx::{EncoderConfig, Unstoppable};

use super::{EncodeError, Provenance, xmp};
use crate::{domain::Encoding, pipeline::Pixels};

/// A WebP file. libwebp works on one thread here, so that equal images are equal files.
pub(super) fn file(
    pixels: &Pixels,
    quality: u8,
    provenance: Option<&Provenance>,
) -> Result<Vec<u8>, EncodeError> {
    let mut config = if quality >= Encoding::LOSSLESS_QUALITY {
        EncoderConfig::new_lossless()
    } else {
        EncoderConfig::new().quality(f32::from(quality))
    };
    if let Some(provenance) = provenance {
        config = config.xmp(xmp::packet(provenance));
    }
    let (width, height) = (pixels.size.width(), pixels.size.height());
    Ok(config.encode_rgb(&pixels.rgb, width, height, Unstoppable)?)
}
