use super::{ImageSize, Pixels, Rect, lanczos};

/// A mask of an image's size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    /// Width and height.
    pub size: ImageSize,
    /// A level for each pixel, rows from the top; from [`Mask::THRESHOLD`] up the pixel is repainted.
    pub levels: Vec<u8>,
}

impl Mask {
    /// The lowest level that is repainted.
    pub const THRESHOLD: u8 = 128;

    /// The mask that repaints where `alpha` is low, as OpenAI has it: a level for each pixel.
    pub fn of_alpha(size: ImageSize, alpha: &[u8]) -> Self {
        Self { size, levels: alpha.iter().map(|alpha| 255 - alpha).collect() }
    }

    /// The mask that repaints where `image` is light. Source: Pillow's conversion to `L`, ITU-R BT.601.
    pub fn of_luminance(image: &Pixels) -> Self {
        let luminance = |[red, green, blue]: &[u8; 3]| {
            let sum = 19_595 * u32::from(*red) + 38_470 * u32::from(*green) + 7_471 * u32::from(*blue);
            u8::try_from((sum + 0x8000) >> 16).unwrap_or(u8::MAX)
        };
        Self { size: image.size, levels: image.rgb.as_chunks::<3>().0.iter().map(luminance).collect() }
    }

    /// Whether each pixel is repainted, rows from the top.
    pub fn repaints(&self) -> impl Iterator<Item = bool> {
        self.levels.iter().map(|level| *level >= Self::THRESHOLD)
    }

    /// How many pixels are repainted.
    pub fn repainted(&self) -> u64 {
        self.repaints().filter(|is_repainted| *is_repainted).count() as u64
    }

    /// The smallest rectangle that holds all pixels that are repainted; none if there are none.
    pub fn bounds(&self) -> Option<Rect> {
        let width = self.size.width() as usize;
        let rows = || self.levels.chunks_exact(width);
        let is_repainted = |level: &u8| *level >= Self::THRESHOLD;
        let top = rows().position(|row| row.iter().any(is_repainted))?;
        let bottom = rows().rposition(|row| row.iter().any(is_repainted))?;
        let left = rows().filter_map(|row| row.iter().position(is_repainted)).min()?;
        let right = rows().filter_map(|row| row.iter().rposition(is_repainted)).max()?;
        let number = |pixels: usize| u32::try_from(pixels).ok();
        let size = ImageSize::new(number(right + 1 - left)?, number(bottom + 1 - top)?).ok()?;
        Some(Rect { left: number(left)?, top: number(top)?, size })
    }

    /// A part of the mask, at `place` on a mask of `canvas`: scaled by a Lanczos filter where the sizes differ. Beyond the
    /// place nothing is repainted.
    #[must_use]
    pub fn placed(&self, part: Rect, place: Rect, canvas: ImageSize) -> Self {
        let width = part.size.width() as usize;
        let rows = part.row_starts(self.size.width()).flat_map(|first| &self.levels[first..][..width]);
        let levels = lanczos::resized::<1>(rows.copied().collect(), part.size.sides(), place.size.sides());
        let mut placed = vec![0; canvas.width() as usize * canvas.height() as usize];
        let width = place.size.width() as usize;
        for (first, row) in place.row_starts(canvas.width()).zip(levels.chunks_exact(width)) {
            placed[first..][..width].copy_from_slice(row);
        }
        Self { size: canvas, levels: placed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_bounded_by_its_outermost_pixels() {
        let size = ImageSize::new(4, 3).expect("a size");
        let mut levels = vec![127; 12];
        assert_eq!(Mask { size, levels: levels.clone() }.bounds(), None);
        (levels[5], levels[10]) = (128, 255);
        let mask = Mask { size, levels };
        let bounds = mask.bounds().expect("two pixels");
        assert_eq!((bounds.left, bounds.top, bounds.size), (1, 1, ImageSize::square(2)));
        assert_eq!(mask.repainted(), 2);
    }
}
