use std::{fmt, str::FromStr};

/// Width and height of an image in pixels, neither of them 0.
///
/// ```
/// use tintype::domain::ImageSize;
///
/// let size: ImageSize = "768x512".parse().expect("a size");
/// assert_eq!((size.width(), size.height(), size.pixels()), (768, 512, 393_216));
/// let refused = "768×0".parse::<ImageSize>().unwrap_err();
/// assert_eq!(refused.to_string(), "`768×0` is not a size; write WIDTHxHEIGHT in pixels, such as 1024x1024");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImageSize {
    width: u32,
    height: u32,
}

/// A size that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a size; write WIDTHxHEIGHT in pixels, such as 1024x1024")]
pub struct SizeError(String);

impl ImageSize {
    /// A size of `width` × `height` pixels.
    ///
    /// # Errors
    /// [`SizeError`] if a side is 0.
    pub fn new(width: u32, height: u32) -> Result<Self, SizeError> {
        match (width, height) {
            (0, _) | (_, 0) => Err(SizeError(format!("{width}x{height}"))),
            _ => Ok(Self { width, height }),
        }
    }

    /// `width` × `height` pixels; a side of 0 is 1.
    pub(crate) const fn at_least_one(width: u32, height: u32) -> Self {
        const fn side(side: u32) -> u32 {
            if side == 0 { 1 } else { side }
        }
        Self { width: side(width), height: side(height) }
    }

    /// A square of `side` pixels.
    ///
    /// # Panics
    /// At compile time, where `side` is 0; the function is for constants.
    pub const fn square(side: u32) -> Self {
        assert!(side > 0, "an image has a side");
        Self { width: side, height: side }
    }

    /// Pixels from left to right.
    pub const fn width(self) -> u32 {
        self.width
    }

    /// Pixels from top to bottom.
    pub const fn height(self) -> u32 {
        self.height
    }

    /// Width and height.
    pub(crate) const fn sides(self) -> (usize, usize) {
        (self.width as usize, self.height as usize)
    }

    /// Pixels in all.
    pub const fn pixels(self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// Whether both sides are multiples of `factor`.
    pub const fn is_multiple_of(self, factor: u32) -> bool {
        self.width.is_multiple_of(factor) && self.height.is_multiple_of(factor)
    }
}

impl fmt::Display for ImageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for ImageSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let error = || SizeError(text.to_owned());
        let (width, height) = text.split_once('x').ok_or_else(error)?;
        let side = |digits: &str| {
            if digits.bytes().all(|b| b.is_ascii_digit()) {
                digits.parse().map_err(|_| error())
            } else {
                Err(error())
            }
        };
        Self::new(side(width)?, side(height)?).map_err(|_| error())
    }
}

crate::units::deserialize_from_str!(ImageSize);
crate::units::serialize_as_text!(ImageSize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_positive_numbers_make_a_size() {
        let size: ImageSize = "640x1024".parse().expect("a size");
        assert_eq!((size.width(), size.height()), (640, 1024));
        assert_eq!(size.to_string(), "640x1024");
        for bad in ["", "x", "512", "0x16", "16x0", "+16x16", "16 x16", "16X16", "1e3x16", "99999999999x16"] {
            assert!(bad.parse::<ImageSize>().is_err(), "{bad}");
        }
    }
}
