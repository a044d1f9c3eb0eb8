use png::{BitDepth, ColorType, Compression, Encoder, Filter};

use super::{EncodeError, Provenance, xmp};
use crate::pipeline::Pixels;

/// The iTXt keyword of an XMP packet (XMP specification part 3, 1.1.5).
const XMP_KEYWORD: &str = "XML:com.adobe.xmp";

/// A PNG file, 8-bit RGB.
pub(super) fn file(pixels: &Pixels, provenance: Option<&Provenance>) -> Result<Vec<u8>, EncodeError> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, pixels.size.width(), pixels.size.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(Filter::Adaptive);
    if let Some(provenance) = provenance {
        // iTXt for both: tEXt holds nothing but Latin-1.
        encoder.add_itxt_chunk("Software".to_owned(), xmp::legal(&provenance.software))?;
        encoder.add_itxt_chunk(XMP_KEYWORD.to_owned(), xmp::packet(provenance))?;
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels.rgb)?;
    writer.finish()?;
    Ok(file)
}
