use super::{Mask, Pixels};

/// Pixels from the mask's edge inwards over which an edit fades in, unless a request says otherwise.
pub const FEATHER_DEFAULT: u32 = 4;
/// Most pixels that a request may ask an edit to fade in over.
pub const FEATHER_MAX: u32 = 64;

/// An image that is to be changed, where, and how strongly.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// The image as the answer shows it outside the mask: oriented, over white, at the answer's size.
    pub source: Pixels,
    /// What is repainted; none repaints everything.
    pub mask: Option<Mask>,
    /// How much of the noise schedule is run.
    pub strength: Strength,
    /// What becomes of pixels outside the mask.
    pub mode: MaskMode,
    /// Pixels from the mask's edge inwards over which the edit fades in, in [`MaskMode::Exact`].
    pub feather: u32,
    /// Whether only the mask's surroundings are edited, scaled up; none decides by the mask's size.
    pub crop: Option<bool>,
}

/// What becomes of pixels outside the mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MaskMode {
    /// They are the source's, byte for byte, and every cell of the model that the mask touches is repainted.
    #[default]
    Exact,
    /// They are decoded with the rest, as diffusers' `ZImageInpaintPipeline` has it.
    Reference,
}

crate::domain::words!(MaskMode, "a mask mode": Exact = "exact", Reference = "reference");

/// The share of the noise schedule that an edit runs: above 0, up to 1.
///
/// ```
/// use tintype::domain::Strength;
///
/// assert_eq!(Strength::UNMASKED_DEFAULT.steps_left_out(10), 4, "6 of 10 steps are run");
/// assert!(Strength::new(0.0).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strength(f64);

/// A number that is not a strength.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a strength is above 0 and at most 1")]
pub struct StrengthError;

impl Strength {
    /// What an edit without a mask has by default, as in diffusers.
    pub const UNMASKED_DEFAULT: Self = Self(0.6);
    /// What an edit with a mask has by default, as in diffusers.
    pub const MASKED_DEFAULT: Self = Self(1.0);

    /// The strength `share`.
    ///
    /// # Errors
    /// [`StrengthError`] if it is not above 0 and at most 1.
    pub fn new(share: f64) -> Result<Self, StrengthError> {
        if share > 0.0 && share <= 1.0 { Ok(Self(share)) } else { Err(StrengthError) }
    }

    /// The share.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The steps of `steps` that are left out, from the noisiest on; at least one is run.
    ///
    /// int(max(N − min(N · s, N), 0)) in f64. Source: diffusers' `ZImageImg2ImgPipeline.get_timesteps`.
    pub fn steps_left_out(self, steps: u32) -> u32 {
        let all = f64::from(steps);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to steps")]
        let left_out = (all - (all * self.0).min(all)).max(0.0) as u32;
        left_out.min(steps.saturating_sub(1))
    }
}

impl Edit {
    /// Whether the answer has every pixel outside the mask as the source has it, byte for byte.
    pub fn keeps_outside(&self) -> bool {
        self.mask.is_some() && self.mode == MaskMode::Exact
    }

    /// Bytes of memory that it holds.
    pub fn held_bytes(&self) -> usize {
        self.source.rgb.len() + self.mask.as_ref().map_or(0, |mask| mask.levels.len())
    }

    /// How many pixels are repainted.
    pub fn edited_pixels(&self) -> u64 {
        match &self.mask {
            Some(mask) => mask.repainted(),
            None => self.source.size.pixels(),
        }
    }

    /// How many pixels outside the mask `answer` has as the source has them, and how many there are; none if there is no
    /// mask, or where the answer has another size.
    pub fn unchanged_outside_mask(&self, answer: &Pixels) -> Option<Unchanged> {
        let mask = self.mask.as_ref().filter(|_| answer.size == self.source.size)?;
        let (before, after) = (self.source.rgb.as_chunks::<3>().0, answer.rgb.as_chunks::<3>().0);
        let outside = before.iter().zip(after).zip(mask.repaints()).filter(|(_, is_repainted)| !is_repainted);
        let mut counted = Unchanged { unchanged: 0, outside: 0 };
        for ((before, after), _) in outside {
            counted.outside += 1;
            counted.unchanged += u64::from(before == after);
        }
        Some(counted)
    }
}

/// Pixels outside a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unchanged {
    /// Those that are the source's, byte for byte.
    pub unchanged: u64,
    /// All of them.
    pub outside: u64,
}

impl Unchanged {
    /// Whether nothing outside the mask has changed.
    pub const fn is_all(self) -> bool {
        self.unchanged == self.outside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strengths_leave_out_the_steps_that_diffusers_leaves_out() {
        let left_out = |share, steps| Strength::new(share).expect("a strength").steps_left_out(steps);
        let run: Vec<u32> = (1..=10).map(|tenth| 8 - left_out(f64::from(tenth) / 10.0, 8)).collect();
        assert_eq!(run, [1, 2, 3, 4, 4, 5, 6, 7, 8, 8]);
        assert_eq!(left_out(0.75, 8), 2);
        // 8 − 8 · 1e-20 is 8 in f64, and diffusers has no step left; we run the last.
        assert_eq!(left_out(1e-20, 8), 7);
        assert_eq!((left_out(0.1, 1), left_out(1.0, 1)), (0, 0));
        for bad in [0.0, -0.1, 1.01, f64::NAN, f64::INFINITY] {
            assert_eq!(Strength::new(bad), Err(StrengthError), "{bad}");
        }
    }
}
