use std::{fmt, num::NonZeroU32, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Edit, ImageSize, LoraUse};

/// Most images that one request may ask for (OpenAI's limit).
pub const IMAGES_MAX: u32 = 10;
/// Most denoising steps that a request may ask for.
pub const STEPS_MAX: u32 = 100;
/// Largest guidance scale that a request may ask for.
pub const GUIDANCE_MAX: f64 = 20.0;

/// The number that an image's noise is drawn from. Image k of a request uses the seed plus k.
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

/// OpenAI's quality words. Z-Image knows steps instead, so each word stands for a number of steps, by configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Quality {
    /// `low`.
    Low,
    /// `medium`; also `auto` and `standard`.
    #[default]
    Medium,
    /// `high`; also `hd`.
    High,
    /// `xhigh`.
    Xhigh,
    /// `max`.
    Max,
}

impl Quality {
    /// The words of OpenAI's clients.
    pub const WORDS: [&str; 8] = ["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"];

    /// The word that an answer reports; never `auto`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }
}

/// A word that is not a quality.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a quality; write low, medium, high, xhigh or max")]
pub struct QualityError(String);

impl FromStr for Quality {
    type Err = QualityError;

    fn from_str(text: &str) -> Result<Self, QualityError> {
        match text {
            "low" => Ok(Self::Low),
            "auto" | "medium" | "standard" => Ok(Self::Medium),
            "high" | "hd" => Ok(Self::High),
            "xhigh" => Ok(Self::Xhigh),
            "max" => Ok(Self::Max),
            _ => Err(QualityError(text.to_owned())),
        }
    }
}

crate::units::deserialize_from_str!(Quality);

impl serde::Serialize for Quality {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What is done for an image. Services have a price for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// It is generated from a text alone.
    #[default]
    Generate,
    /// An image is edited.
    Edit,
}

/// What of an image decides its price elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// How it came about.
    pub operation: Operation,
    /// Its size.
    pub size: ImageSize,
    /// Its quality.
    pub quality: Quality,
}

impl Operation {
    /// `generate` or `edit`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Edit => "edit",
        }
    }
}

impl Product {
    /// An image from a text alone.
    pub const fn generated(size: ImageSize, quality: Quality) -> Self {
        Self { operation: Operation::Generate, size, quality }
    }
}

/// Denoising steps for each quality: `auto` and `standard` are medium, `hd` is high.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepsByQuality {
    /// Steps of `low`.
    pub low: NonZeroU32,
    /// Steps of `medium`.
    pub medium: NonZeroU32,
    /// Steps of `high`.
    pub high: NonZeroU32,
    /// Steps of `xhigh`.
    pub xhigh: NonZeroU32,
    /// Steps of `max`.
    pub max: NonZeroU32,
}

impl StepsByQuality {
    /// Steps of `quality`.
    pub const fn of(&self, quality: Quality) -> u32 {
        match quality {
            Quality::Low => self.low.get(),
            Quality::Medium => self.medium.get(),
            Quality::High => self.high.get(),
            Quality::Xhigh => self.xhigh.get(),
            Quality::Max => self.max.get(),
        }
    }

    /// The most steps of any quality.
    pub fn largest(&self) -> u32 {
        [self.low, self.medium, self.high, self.xhigh, self.max]
            .into_iter()
            .map(NonZeroU32::get)
            .fold(0, u32::max)
    }
}

/// Everything that decides one image's pixels, but the seed.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderSpec {
    /// What to generate.
    pub prompt: String,
    /// What to avoid. Has an effect only where `guidance_scale` is above 0.
    pub negative_prompt: Option<String>,
    /// Width and height.
    pub size: ImageSize,
    /// Denoising steps, 1 to [`STEPS_MAX`].
    pub steps: u32,
    /// Classifier-free guidance (Ho and Salimans, arXiv 2207.12598); 0 turns it off, as Turbo models want.
    pub guidance_scale: f64,
    /// The image that is edited; none generates one from noise.
    pub edit: Option<Arc<Edit>>,
    /// The LoRAs that are applied together, in the request's order.
    pub loras: Vec<LoraUse>,
}

/// A request's work: the same image `images` times, with consecutive seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderJob {
    /// What to generate and how.
    pub spec: RenderSpec,
    /// Images wanted, 1 to [`IMAGES_MAX`].
    pub images: u32,
    /// The first image's seed.
    pub seed: Seed,
    /// The quality that was asked for. The steps stand in `spec`; other services charge by this.
    pub quality: Quality,
}

impl RenderJob {
    /// What other services have a price for.
    pub fn product(&self) -> Product {
        self.spec.product(self.quality)
    }
}

impl RenderSpec {
    /// An image of `prompt` from noise, without guidance or LoRAs.
    pub fn new(prompt: impl Into<String>, size: ImageSize, steps: u32) -> Self {
        Self {
            prompt: prompt.into(),
            negative_prompt: None,
            size,
            steps,
            guidance_scale: 0.0,
            edit: None,
            loras: Vec::new(),
        }
    }

    /// What other services have a price for, at `quality`.
    pub fn product(&self, quality: Quality) -> Product {
        let operation = if self.edit.is_some() { Operation::Edit } else { Operation::Generate };
        Product { operation, size: self.size, quality }
    }

    /// How often the model runs on an image in each step: twice with guidance.
    pub fn passes(&self) -> u64 {
        if self.guidance_scale > 0.0 { 2 } else { 1 }
    }

    /// The steps that are run: those of an edit begin where its strength says.
    pub fn steps_run(&self) -> u32 {
        self.steps - self.steps_left_out()
    }

    /// The steps that an edit leaves out, from the noisiest on.
    pub fn steps_left_out(&self) -> u32 {
        self.edit.as_deref().map_or(0, |edit| edit.strength.steps_left_out(self.steps))
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
    fn every_quality_word_has_its_meaning() {
        for word in Quality::WORDS {
            assert!(word.parse::<Quality>().is_ok(), "{word}");
        }
        assert_eq!("auto".parse(), Ok(Quality::Medium));
        assert_eq!("hd".parse(), Ok(Quality::High));
        assert!("best".parse::<Quality>().is_err_and(|error| error.to_string().contains("xhigh")));
    }
}
