//! Pictures as files.

use std::io::Cursor;

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use crate::pipeline::Pixels;

/// A picture that could not be encoded; a defect, since every picture of ours is 8-bit RGB of its size.
#[derive(Debug, thiserror::Error)]
#[error("the picture could not be encoded: {0}")]
pub struct EncodeError(#[from] image::ImageError);

/// A PNG file, 8-bit RGB, lossless.
///
/// # Errors
/// [`EncodeError`] where the pixels do not fill the size.
pub fn png(pixels: &Pixels) -> Result<Vec<u8>, EncodeError> {
    let mut file = Cursor::new(Vec::new());
    PngEncoder::new(&mut file).write_image(
        &pixels.rgb,
        pixels.size.width(),
        pixels.size.height(),
        ExtendedColorType::Rgb8,
    )?;
    Ok(file.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ImageSize;

    #[test]
    fn a_png_gives_back_every_pixel() {
        let size = ImageSize::new(3, 2).expect("a size");
        let pixels = Pixels { size, rgb: (0..18).collect() };
        let file = png(&pixels).expect("encoded");
        let read = image::load_from_memory(&file).expect("a PNG").to_rgb8();
        assert_eq!((read.width(), read.height()), (3, 2));
        assert_eq!(read.into_raw(), pixels.rgb);
    }
}
