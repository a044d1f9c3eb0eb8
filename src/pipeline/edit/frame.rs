use super::super::limits::SizeLimits;
use crate::domain::{Edit, ImageSize, Mask, MaskMode, Pixels, Rect, RenderSpec};

/// The side of the square whose area a cropped edit is scaled up to, for models of every size.
const CROP_SIDE: u32 = 1024;
/// Pixels around the mask that a cropped edit keeps in view, at least, and as a share of the mask's sides.
const MARGIN_MIN: u32 = 32;
const MARGIN_SHARE: u32 = 4;
/// An edit is cropped of itself where the mask and its margin are at most this share of the image.
const CROP_SHARE: u64 = 16;

/// Which part of a source is edited, and where the model sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The part of the source.
    pub part: Rect,
    /// What the model generates.
    pub canvas: ImageSize,
    /// Where in it the part lies; beyond it the part's edges are drawn out.
    pub place: Rect,
}

impl SizeLimits {
    /// How `edit` is framed.
    pub fn frame(self, edit: &Edit) -> Frame {
        let size = edit.source.size;
        let whole = Rect::whole(size);
        if let (MaskMode::Reference, None) = (edit.mode, self.native) {
            // Scaled to the next smaller size that the model generates; a smaller source is scaled up to one cell.
            let cells = |side: u32| (side / self.factor).max(1) * self.factor;
            let canvas = ImageSize::at_least_one(cells(size.width()), cells(size.height()));
            return Frame { part: whole, canvas, place: Rect::whole(canvas) };
        }
        let part = match edit.mode {
            MaskMode::Exact => cropped(edit).unwrap_or(whole),
            MaskMode::Reference => whole,
        };
        if let Some(native) = self.native {
            return Frame { part, canvas: native, place: Rect::fitted(part.size, native) };
        }
        let place = if part == whole { size } else { self.scaled_up(part.size) };
        let cells = |side: u32| side.next_multiple_of(self.factor);
        Frame {
            part,
            canvas: ImageSize::at_least_one(cells(place.width()), cells(place.height())),
            place: Rect::whole(place),
        }
    }

    /// The size at which an image of `spec` is generated.
    pub fn generated(self, spec: &RenderSpec) -> ImageSize {
        match spec.edit.as_deref() {
            Some(edit) => self.frame(edit).canvas,
            None => self.generated_size(spec.size),
        }
    }

    /// The size of the answer to `edit`: the source's, but for the reference, which answers as generated.
    pub fn answered(self, edit: &Edit) -> ImageSize {
        match (edit.mode, self.native) {
            (MaskMode::Reference, None) => self.frame(edit).canvas,
            _ => edit.source.size,
        }
    }

    /// `size` scaled up to the area at which models do well.
    fn scaled_up(self, size: ImageSize) -> ImageSize {
        let side_max = self.side_max - self.side_max % self.factor;
        let area = f64::from(CROP_SIDE.min(side_max)).powi(2);
        let longest = f64::from(size.width().max(size.height()));
        #[expect(clippy::cast_precision_loss, reason = "areas are far below 2⁵³")]
        let by_area = (area / size.pixels() as f64).sqrt().max(1.0);
        let scale = by_area.min(f64::from(side_max) / longest);
        ImageSize::at_least_one(scaled(size.width(), scale), scaled(size.height(), scale))
    }
}

/// The mask and its surroundings, where only they are edited.
fn cropped(edit: &Edit) -> Option<Rect> {
    let bounds = edit.mask.as_ref().filter(|_| edit.crop != Some(false)).and_then(Mask::bounds)?;
    let size = edit.source.size;
    let part = with_margin(bounds, size);
    let is_small = part.size.pixels() * CROP_SHARE <= size.pixels();
    (edit.crop == Some(true) || is_small).then_some(part)
}

fn with_margin(bounds: Rect, within: ImageSize) -> Rect {
    let along = |first: u32, side: u32, all: u32| {
        let margin = (side / MARGIN_SHARE).max(MARGIN_MIN);
        let begin = first.saturating_sub(margin);
        (begin, first.saturating_add(side).saturating_add(margin).min(all) - begin)
    };
    let (left, width) = along(bounds.left, bounds.size.width(), within.width());
    let (top, height) = along(bounds.top, bounds.size.height(), within.height());
    Rect { left, top, size: ImageSize::at_least_one(width, height) }
}

fn scaled(side: u32, scale: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sides are small and positive"
    )]
    let scaled = (f64::from(side) * scale).floor() as u32;
    scaled.max(1)
}

impl Frame {
    /// What the model sees of `source`.
    pub(super) fn source(&self, source: &Pixels) -> Pixels {
        source.part(self.part).resized(self.place.size).drawn_out(self.place, self.canvas)
    }

    /// The part's pixels of a generated image.
    pub(super) fn part_of(&self, generated: &Pixels) -> Pixels {
        generated.part(self.place).resized(self.part.size)
    }
}
