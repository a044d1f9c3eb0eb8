//! JPEG files as [`ImageDecoder`] wants them, decoded as libjpeg-turbo decodes them: a source's pixels are what browsers, Pillow
//! and most viewers show, to the last bit. The file's structure and metadata are read by `img-parts`.

use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageResult, Limits, error::DecodingError};
use img_parts::{
    ImageEXIF, ImageICC,
    jpeg::{Jpeg, markers},
};
use libjpeg_turbo_rs::{DecodeLimits, Decoder, PixelFormat};

use super::SourceError;

/// Scans that a progressive file may have; encoders write about ten. Each takes a pass over all of the image's coefficients.
const SCANS_MAX: usize = 100;

/// A JPEG file of one or three colours that has not been decoded yet.
pub(super) struct JpegDecoder<'a> {
    file: &'a [u8],
    parts: Jpeg,
    width: u16,
    height: u16,
    is_grey: bool,
    memory_max: Option<u64>,
}

impl<'a> JpegDecoder<'a> {
    /// Reads the frame header (ITU-T T.81, B.2.2).
    pub(super) fn new(file: &'a [u8]) -> Result<Self, SourceError> {
        let parts = Jpeg::from_bytes(file.to_vec().into());
        let parts = parts.map_err(|error| SourceError::Damaged(error.to_string()))?;
        let is_frame = |marker: u8| {
            (markers::SOF0..=markers::SOF15).contains(&marker)
                && ![markers::DHT, markers::JPG, markers::DAC].contains(&marker)
        };
        let frame = parts.segments().iter().find(|segment| is_frame(segment.marker()));
        let frame = frame.and_then(|frame| frame.contents().first_chunk::<6>());
        let Some(&[precision, height_high, height_low, width_high, width_low, components]) = frame else {
            return Err(SourceError::Damaged("it has no frame header".into()));
        };
        if components == 4 {
            return Err(SourceError::Cmyk);
        }
        if precision != 8 {
            return Err(SourceError::Damaged(format!(
                "it has {precision} bits for each colour; save it with 8"
            )));
        }
        let [width, height] = [[width_high, width_low], [height_high, height_low]].map(u16::from_be_bytes);
        Ok(Self { file, parts, width, height, is_grey: components == 1, memory_max: None })
    }
}

impl ImageDecoder for JpegDecoder<'_> {
    fn dimensions(&self) -> (u32, u32) {
        (self.width.into(), self.height.into())
    }

    fn color_type(&self) -> ColorType {
        if self.is_grey { ColorType::L8 } else { ColorType::Rgb8 }
    }

    fn icc_profile(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.parts.icc_profile().map(|profile| profile.to_vec()))
    }

    fn exif_metadata(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.parts.exif().map(|exif| exif.to_vec()))
    }

    fn set_limits(&mut self, limits: Limits) -> ImageResult<()> {
        limits.check_dimensions(self.width.into(), self.height.into())?;
        self.memory_max = limits.max_alloc;
        Ok(())
    }

    fn read_image(self, buf: &mut [u8]) -> ImageResult<()> {
        let limits = DecodeLimits {
            max_width: self.width.into(),
            max_height: self.height.into(),
            max_scans: SCANS_MAX,
            max_memory: self.memory_max,
            ..DecodeLimits::default()
        };
        let mut decoder = Decoder::new_with_limits(self.file, limits).map_err(damaged)?;
        decoder.set_output_format(if self.is_grey { PixelFormat::Grayscale } else { PixelFormat::Rgb });
        let decoded = decoder.decode_image_into(buf).map_err(damaged)?;
        if (decoded.width, decoded.height) != (self.width.into(), self.height.into()) {
            return Err(damaged("its frame headers differ"));
        }
        Ok(())
    }

    fn read_image_boxed(self: Box<Self>, buf: &mut [u8]) -> ImageResult<()> {
        (*self).read_image(buf)
    }
}

fn damaged(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ImageError {
    ImageError::Decoding(DecodingError::new(ImageFormat::Jpeg.into(), why))
}
