use super::MaskError;
use crate::domain::{ImageSize, Mask, Pixels, Rect};

/// How an image becomes one of another shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fit {
    /// It covers the new shape: what stands over is cut off, on both sides.
    #[default]
    Cover,
    /// It fits inside the new shape: its edges are drawn out to the border.
    Contain,
}

impl Fit {
    /// Which part of an image of `size` is shown in one of `shape`, and where.
    fn frame(self, size: ImageSize, shape: ImageSize) -> (Rect, Rect) {
        match self {
            Self::Cover => (Rect::covering(size, shape), Rect::whole(shape)),
            Self::Contain => (Rect::whole(size), Rect::fitted(size, shape)),
        }
    }

    /// `image` at `size`.
    pub fn image(self, image: &Pixels, size: ImageSize) -> Pixels {
        let (part, place) = self.frame(image.size, size);
        image.part(part).resized(place.size).drawn_out(place, size)
    }

    /// `mask`, of an image that becomes one of `size`. What is drawn out is not repainted.
    ///
    /// # Errors
    /// [`MaskError::NothingLeft`] if nothing that is repainted is left.
    pub fn mask(self, mask: &Mask, size: ImageSize) -> Result<Mask, MaskError> {
        let (part, place) = self.frame(mask.size, size);
        let mask = mask.placed(part, place, size);
        match mask.repainted() {
            0 => Err(MaskError::NothingLeft { size }),
            _ => Ok(mask),
        }
    }
}

crate::domain::words!(Fit, "a fit": Cover = "cover", Contain = "contain");
