use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};
use img_parts::{
    Bytes,
    jpeg::{Jpeg, JpegSegment, markers},
};

use super::{EncodeError, Provenance, xmp};
use crate::pipeline::Pixels;

/// What an APP1 segment with XMP begins with (XMP specification part 3, 1.1.3).
const XMP_SIGNATURE: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// Most bytes of content in a segment: its length has 16 bits and counts itself.
const SEGMENT_BYTES_MAX: usize = 65_533;

/// A JPEG file, baseline, 4:4:4.
pub(super) fn file(
    pixels: &Pixels,
    quality: u8,
    provenance: Option<&Provenance>,
) -> Result<Vec<u8>, EncodeError> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality.clamp(1, 100)).write_image(
        &pixels.rgb,
        pixels.size.width(),
        pixels.size.height(),
        ExtendedColorType::Rgb8,
    )?;
    match provenance {
        Some(provenance) => with_xmp(file, &xmp::packet(provenance)),
        None => Ok(file),
    }
}

/// `file` with an XMP packet right behind the JFIF header, where readers look for it.
fn with_xmp(file: Vec<u8>, packet: &str) -> Result<Vec<u8>, EncodeError> {
    let content = [XMP_SIGNATURE, packet.as_bytes()].concat();
    if content.len() > SEGMENT_BYTES_MAX {
        return Err(EncodeError::ProvenanceTooLong { bytes: packet.len() });
    }
    let mut jpeg = Jpeg::from_bytes(file.into())?;
    let segments = jpeg.segments_mut();
    let place = segments.iter().take_while(|segment| segment.marker() == markers::APP0).count();
    segments.insert(place, JpegSegment::new_with_contents(markers::APP1, Bytes::from(content)));
    Ok(jpeg.encoder().bytes().to_vec())
}
