use super::error::RenderError;
use crate::domain::{ImageSize, RenderSpec};

/// The sizes a model can generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeLimits {
    /// Both sides are multiples of this many pixels.
    pub factor: u32,
    /// The longest side, in pixels, for which the model has positions.
    pub side_max: u32,
    /// The only size that a small model generates, if there is one; images of other sizes are scaled from it.
    pub native: Option<ImageSize>,
}

impl SizeLimits {
    /// The size at which an image of `size` is generated.
    pub fn generated_size(self, size: ImageSize) -> ImageSize {
        self.native.unwrap_or(size)
    }

    /// The work of one image of `spec` in generated pixels × steps, the unit in which time is estimated and shared.
    /// Guidance doubles it.
    pub fn work(self, spec: &RenderSpec) -> u64 {
        let pixels = self.generated(spec).pixels();
        pixels.saturating_mul(u64::from(spec.steps_run())).saturating_mul(spec.passes())
    }

    /// Whether `size` can be generated.
    ///
    /// # Errors
    /// [`RenderError::Size`] that names the multiple and the longest side.
    pub fn check(self, size: ImageSize) -> Result<(), RenderError> {
        let fits = size.width().max(size.height()) <= self.side_max;
        if size.is_multiple_of(self.factor) && fits {
            Ok(())
        } else {
            Err(RenderError::Size { size, factor: self.factor, side_max: self.side_max })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(size: &str, guidance_scale: f64) -> RenderSpec {
        let size = size.parse().expect("a size");
        RenderSpec { guidance_scale, ..RenderSpec::new("tea", size, 8) }
    }

    #[test]
    fn work_is_counted_at_the_size_that_is_generated() {
        let any = SizeLimits { factor: 16, side_max: 8192, native: None };
        let one = SizeLimits { native: Some(ImageSize::square(128)), ..any };
        assert_eq!(any.work(&spec("1024x512", 0.0)), 1024 * 512 * 8);
        assert_eq!(any.work(&spec("1024x512", 4.0)), 2 * 1024 * 512 * 8, "guidance looks twice");
        assert_eq!(one.work(&spec("1024x512", 0.0)), 128 * 128 * 8);
        assert_eq!(one.work(&spec("16x16", 0.0)), 128 * 128 * 8);
    }
}
