//! Images that people send to be edited, or name by a URL: PNG, JPEG and WebP files to upright 8-bit sRGB over white, and
//! their masks.
//!
//! Everything that can be refused is refused before a pixel is decoded: the format, the size, animation, CMYK.

mod colour;
mod error;
mod file;
mod options;
mod placed;
mod remote;

pub use self::{
    error::{MaskError, SourceError},
    file::SourceImage,
    options::{EditOptions, MaskFile, unchanged_in_file},
    placed::Fit,
    remote::{FetchError, ImageFetcher},
};
use crate::domain::Mask;

/// Bytes of one file, at most; OpenAI's limit.
pub const FILE_BYTES_MAX: usize = 50_000_000;
/// Pixels of one file, at most. Decoding takes up to eight bytes for each.
pub const PIXELS_MAX: u64 = 64_000_000;

impl SourceImage {
    /// The mask that the image itself holds: its clear pixels. None if there are none.
    pub fn own_mask(&self) -> Option<Mask> {
        let mask = Mask::of_alpha(self.pixels.size, self.alpha.as_deref()?);
        (mask.repainted() > 0).then_some(mask)
    }

    /// The mask by OpenAI's rule: pixels that are more than half clear are repainted.
    ///
    /// # Errors
    /// [`MaskError::NoAlpha`] if the file has no alpha channel, [`MaskError::AllOpaque`] if nothing is clear.
    pub fn alpha_mask(&self) -> Result<Mask, MaskError> {
        match &self.alpha {
            None => Err(MaskError::NoAlpha),
            Some(_) => self.own_mask().ok_or(MaskError::AllOpaque),
        }
    }

    /// The mask by lightness: light pixels are repainted.
    ///
    /// # Errors
    /// [`MaskError::AllDark`] if no pixel is light.
    pub fn luminance_mask(&self) -> Result<Mask, MaskError> {
        let mask = Mask::of_luminance(&self.pixels);
        match mask.repainted() {
            0 => Err(MaskError::AllDark),
            _ => Ok(mask),
        }
    }

    /// The mask by clear pixels where there are any, else by lightness.
    ///
    /// # Errors
    /// [`MaskError::AllDark`] if no pixel is clear and none is light.
    pub fn any_mask(&self) -> Result<Mask, MaskError> {
        match self.own_mask() {
            Some(mask) => Ok(mask),
            None => self.luminance_mask(),
        }
    }
}
