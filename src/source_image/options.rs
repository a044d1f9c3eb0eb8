use super::{Fit, MaskError, SourceImage};
use crate::domain::{Edit, FEATHER_DEFAULT, ImageSize, Mask, MaskMode, Rect, Strength, Unchanged};

/// How an image is to be edited.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EditOptions {
    /// None is [`Strength::MASKED_DEFAULT`] with a mask, [`Strength::UNMASKED_DEFAULT`] without.
    pub strength: Option<Strength>,
    /// What becomes of pixels outside the mask.
    pub mode: MaskMode,
    /// Pixels from the mask's edge inwards over which the edit fades in.
    pub feather: u32,
    /// Whether only the mask's surroundings are edited, scaled up; none decides by the mask's size.
    pub crop: Option<bool>,
    /// How the image becomes one of another shape.
    pub fit: Fit,
}

impl Default for EditOptions {
    fn default() -> Self {
        Self { strength: None, mode: MaskMode::Exact, feather: FEATHER_DEFAULT, crop: None, fit: Fit::Cover }
    }
}

/// A mask beside an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskFile {
    /// The mask.
    pub mask: Mask,
    /// Whether it may have another size than the image, and is scaled to it.
    pub may_be_scaled: bool,
}

impl EditOptions {
    /// The edit of `image` for an answer of `size`, or of the image's own. Without a mask the image's clear pixels are
    /// the mask, if it has any.
    ///
    /// # Errors
    /// [`MaskError::Size`] for a mask of another size than the image, and where the mask repaints nothing that the
    /// answer shows.
    pub fn edit(
        &self,
        image: SourceImage,
        mask: Option<MaskFile>,
        size: Option<ImageSize>,
    ) -> Result<Edit, MaskError> {
        let mask = match mask {
            None => image.own_mask(),
            Some(file) => Some(of_size(file, image.pixels.size)?),
        };
        let (source, mask) = match size.filter(|size| *size != image.pixels.size) {
            None => (image.pixels, mask),
            Some(size) => {
                let mask = mask.map(|mask| self.fit.mask(&mask, size)).transpose()?;
                (self.fit.image(&image.pixels, size), mask)
            }
        };
        let default = if mask.is_some() { Strength::MASKED_DEFAULT } else { Strength::UNMASKED_DEFAULT };
        Ok(Edit {
            source,
            mask,
            strength: self.strength.unwrap_or(default),
            mode: self.mode,
            feather: self.feather,
            crop: self.crop,
        })
    }
}

fn of_size(MaskFile { mask, may_be_scaled }: MaskFile, size: ImageSize) -> Result<Mask, MaskError> {
    if mask.size == size {
        return Ok(mask);
    }
    if !may_be_scaled {
        return Err(MaskError::Size { mask: mask.size, image: size });
    }
    let mask = mask.placed(Rect::whole(mask.size), Rect::whole(size), size);
    match mask.repainted() {
        0 => Err(MaskError::NothingLeft { size }),
        _ => Ok(mask),
    }
}

/// How much an encoded answer to `edit` left outside the mask as it was; none if nothing is promised: without a
/// mask, in [`MaskMode::Reference`], or where the file cannot be read.
pub fn unchanged_in_file(edit: &Edit, file: &[u8]) -> Option<Unchanged> {
    if edit.mask.is_none() || edit.mode == MaskMode::Reference {
        return None;
    }
    edit.unchanged_outside_mask(&SourceImage::decode(file).ok()?.pixels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Pixels;

    /// Each pixel its own level of grey.
    fn image(width: u32, height: u32) -> SourceImage {
        let size = ImageSize::new(width, height).expect("a size");
        let rgb = (0..width * height).flat_map(|i| [u8::try_from(i % 256).expect("a byte"); 3]).collect();
        SourceImage { pixels: Pixels { size, rgb }, alpha: None }
    }

    fn file(width: u32, height: u32, may_be_scaled: bool) -> MaskFile {
        let size = ImageSize::new(width, height).expect("a size");
        let mut levels = vec![0; (width * height) as usize];
        levels[0] = 255;
        MaskFile { mask: Mask { size, levels }, may_be_scaled }
    }

    #[test]
    fn a_mask_has_the_images_size_or_is_scaled_to_it() {
        let options = EditOptions::default();
        let refused = options.edit(image(4, 4), Some(file(2, 2, false)), None);
        let message = refused.expect_err("another size").to_string();
        assert!(message.contains("2x2") && message.contains("4x4"), "{message}");
        let scaled = options.edit(image(4, 4), Some(file(2, 2, true)), None).expect("an edit");
        assert_eq!(scaled.mask.expect("a mask").size, ImageSize::square(4));
    }

    #[test]
    fn an_edit_is_weak_without_a_mask_and_whole_with_one() {
        let options = EditOptions::default();
        let strength = |mask| options.edit(image(4, 4), mask, None).expect("an edit").strength;
        assert_eq!(strength(None), Strength::UNMASKED_DEFAULT);
        assert_eq!(strength(Some(file(4, 4, false))), Strength::MASKED_DEFAULT);
        let mut own = image(4, 4);
        own.alpha = Some([vec![0], vec![255; 15]].concat());
        let edit = options.edit(own, None, None).expect("an edit");
        assert_eq!((edit.edited_pixels(), edit.strength), (1, Strength::MASKED_DEFAULT));
    }

    #[test]
    fn another_size_covers_or_contains() {
        let cover = EditOptions::default();
        let contain = EditOptions { fit: Fit::Contain, ..cover };
        let wide = ImageSize::new(8, 4).expect("a size");
        for (options, is_kept) in [(cover, false), (contain, true)] {
            let edit = options.edit(image(4, 4), Some(file(4, 4, false)), Some(wide));
            // The first pixel is cut off where the image covers, and kept where it is contained.
            assert_eq!(edit.is_ok(), is_kept, "{options:?}");
            let said = edit.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(is_kept || said.starts_with("at 8x4 nothing is left"), "{said}");
        }
        let edit = contain.edit(image(4, 4), None, Some(wide)).expect("an edit");
        assert_eq!((edit.source.size, &edit.source.rgb[..9]), (wide, &[0; 9][..]), "the edge is drawn out");
    }

    #[test]
    fn a_changed_pixel_outside_the_mask_is_counted() {
        let edit = EditOptions::default().edit(image(4, 4), Some(file(4, 4, false)), None).expect("an edit");
        let mut answer = edit.source.clone();
        answer.rgb[0] = 99;
        let counted = |answer: &Pixels| edit.unchanged_outside_mask(answer).expect("a mask");
        assert_eq!(counted(&answer), Unchanged { unchanged: 15, outside: 15 });
        answer.rgb[4] ^= 1;
        assert_eq!(counted(&answer), Unchanged { unchanged: 14, outside: 15 });
        assert!(!counted(&answer).is_all());
    }
}
