use std::{fmt, str::FromStr};

use super::ImageSize;

/// Most pictures that one request may ask for (OpenAI's limit).
pub const IMAGES_MAX: u32 = 10;
/// Most denoising steps that a request may ask for.
pub const STEPS_MAX: u32 = 100;
/// Largest guidance scale that a request may ask for.
pub const GUIDANCE_MAX: f64 = 20.0;

/// The number that a picture's noise is drawn from. Image k of a request uses the seed plus k.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seed(u64);

impl Seed {
    /// Largest seed that a request may give, 2⁶³ − 1.
    pub const MAX: u64 = i64::MAX as u64;

    /// The seed `value`; bits past 63 are dropped, so that every seed fits a signed column and JSON reader.
    pub const fn new(value: u64) -> Self {
        Self(value & Self::MAX)
    }

    /// The seed's number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The seed of image `index` in a request that began with this one.
    pub const fn for_image(self, index: u32) -> Self {
        Self::new(self.0.wrapping_add(index as u64))
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// OpenAI's quality words. Z-Image-Turbo knows steps instead, so each word stands for a number of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quality {
    /// Half the model's own steps.
    Low,
    /// The model's own steps; also `auto` and `standard`.
    #[default]
    Medium,
    /// A quarter more than the model's own steps; also `xhigh`, `max` and `hd`.
    High,
}

impl Quality {
    /// Steps for this quality, where a model is trained for `model_steps`.
    pub fn steps(self, model_steps: u32) -> u32 {
        let steps = match self {
            Self::Low => model_steps.div_ceil(2),
            Self::Medium => model_steps,
            Self::High => model_steps + model_steps.div_ceil(4),
        };
        steps.clamp(1, STEPS_MAX)
    }

    /// The word that an answer reports; never `auto`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl FromStr for Quality {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "low" => Ok(Self::Low),
            "auto" | "medium" | "standard" => Ok(Self::Medium),
            "high" | "xhigh" | "max" | "hd" => Ok(Self::High),
            _ => Err(()),
        }
    }
}

/// Everything that decides one picture's pixels, but the seed.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderSpec {
    /// What to paint.
    pub prompt: String,
    /// What to avoid. Has an effect only where `guidance_scale` is above 0.
    pub negative_prompt: Option<String>,
    /// Width and height.
    pub size: ImageSize,
    /// Denoising steps, 1 to [`STEPS_MAX`].
    pub steps: u32,
    /// Classifier-free guidance (Ho and Salimans, arXiv 2207.12598); 0 turns it off, as Turbo models want.
    pub guidance_scale: f64,
}

/// A request's work: the same picture `images` times, with consecutive seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderJob {
    /// What to paint and how.
    pub spec: RenderSpec,
    /// Pictures wanted, 1 to [`IMAGES_MAX`].
    pub images: u32,
    /// The first picture's seed.
    pub seed: Seed,
}

impl RenderJob {
    /// The work in pixel-steps, the unit in which time per job is foreseen. Guidance doubles it.
    pub fn pixel_steps(&self) -> u64 {
        let passes = if self.spec.guidance_scale > 0.0 { 2 } else { 1 };
        self.spec
            .size
            .pixels()
            .saturating_mul(u64::from(self.spec.steps) * passes)
            .saturating_mul(u64::from(self.images))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_of_a_batch_are_consecutive_and_stay_in_range() {
        assert_eq!(Seed::new(41).for_image(1), Seed::new(42));
        assert_eq!(Seed::new(Seed::MAX).for_image(1), Seed::new(0));
    }

    #[test]
    fn quality_words_become_steps() {
        assert_eq!(Quality::Low.steps(8), 4);
        assert_eq!("auto".parse(), Ok(Quality::Medium));
        assert_eq!(Quality::Medium.steps(8), 8);
        assert_eq!("hd".parse(), Ok(Quality::High));
        assert_eq!(Quality::High.steps(8), 10);
        assert_eq!("best".parse::<Quality>(), Err(()));
    }
}
