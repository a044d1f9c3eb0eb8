use std::path::{Path, PathBuf};

use clap::Args;

use super::CliError;
use crate::{
    domain::{Edit, FEATHER_DEFAULT, FEATHER_MAX, ImageSize, MaskMode, Strength},
    source_image::{EditOptions, FILE_BYTES_MAX, Fit, MaskFile, SourceError, SourceImage},
};

/// An image to change instead of noise.
#[derive(Debug, Args)]
pub(super) struct EditArgs {
    /// Image to edit: PNG, JPEG or WebP
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// What to repaint: the mask's transparent pixels if it has any, else its light ones [default: the image's own
    /// transparent pixels, or all of it]
    #[arg(long, value_name = "FILE", requires = "image")]
    mask: Option<PathBuf>,
    /// How much to change, above 0 and at most 1 [default: 1 with a mask, 0.6 without]
    #[arg(long, requires = "image", value_parser = parse_strength)]
    strength: Option<Strength>,
    /// Outside the mask: `exact` keeps every pixel, `reference` decodes all of them as diffusers does
    #[arg(long, value_name = "MODE", requires = "image", default_value = "exact")]
    mask_mode: MaskMode,
    /// Edit only the mask's surroundings, scaled up to the model's size [default: if the mask is small]
    #[arg(long, requires = "mask")]
    crop: bool,
    /// Pixels from the mask's edge inwards over which the edit fades in
    #[arg(long, value_name = "PIXELS", requires = "image", default_value_t = FEATHER_DEFAULT,
        value_parser = clap::value_parser!(u32).range(..=i64::from(FEATHER_MAX)))]
    feather: u32,
}

fn parse_strength(text: &str) -> Result<Strength, String> {
    let share = text.parse().map_err(|_| "write a number above 0 and at most 1".to_owned())?;
    Strength::new(share).map_err(|error| error.to_string())
}

impl EditArgs {
    /// The edit that was asked for, for an answer of `size`, or of the image's own.
    pub(super) fn edit(&self, size: Option<ImageSize>) -> Result<Option<Edit>, CliError> {
        let Some(file) = &self.image else { return Ok(None) };
        let image = read(file)?;
        let refused = |file: &Path, error: &dyn std::error::Error| {
            CliError::Usage(format!("{}: {error}", file.display()))
        };
        let mask = match &self.mask {
            None => None,
            Some(file) => {
                let mask = read(file)?.any_mask().map_err(|error| refused(file, &error))?;
                Some(MaskFile { mask, may_be_scaled: false })
            }
        };
        let options = EditOptions {
            strength: self.strength,
            mode: self.mask_mode,
            feather: self.feather,
            crop: self.crop.then_some(true),
            fit: Fit::Cover,
        };
        let edit = options.edit(image, mask, size);
        Ok(Some(edit.map_err(|error| refused(self.mask.as_ref().unwrap_or(file), &error))?))
    }
}

fn read(file: &Path) -> Result<SourceImage, CliError> {
    let failed = |reason: String| CliError::Usage(format!("{}: {reason}", file.display()));
    let bytes = std::fs::metadata(file).map_err(|error| failed(format!("cannot be read: {error}")))?.len();
    if bytes > FILE_BYTES_MAX as u64 {
        return Err(failed(SourceError::TooManyBytes { bytes, max: FILE_BYTES_MAX }.to_string()));
    }
    let bytes = std::fs::read(file).map_err(|error| failed(format!("cannot be read: {error}")))?;
    SourceImage::decode(&bytes).map_err(|error| failed(error.to_string()))
}
