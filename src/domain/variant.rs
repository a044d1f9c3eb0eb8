use std::num::NonZeroU32;

use serde::Deserialize;

use super::{
    Quality,
    render::{RenderSpec, StepsByQuality},
};

/// Which Z-Image a model is. They want other steps and other guidance, and their tensors do not tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// Z-Image-Turbo: few steps, no guidance.
    Turbo,
    /// Z-Image: more steps, with guidance and negative prompts.
    Base,
}

impl Variant {
    /// The variant that the name or path of a model's files says.
    pub fn named_in(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        match () {
            () if has(&["turbo"]) => Some(Self::Turbo),
            () if has(&["base", "z-image", "z_image", "zimage"]) => Some(Self::Base),
            () => None,
        }
    }

    /// `turbo` or `base`
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Turbo => "turbo",
            Self::Base => "base",
        }
    }

    /// Its steps by default. Turbo was trained for 8; Base is recommended 28 to 50.
    pub const fn steps(self) -> StepsByQuality {
        const fn steps([low, medium, high, xhigh, max]: [u32; 5]) -> StepsByQuality {
            const fn above_zero(steps: u32) -> NonZeroU32 {
                NonZeroU32::new(steps).expect("above 0")
            }
            StepsByQuality {
                low: above_zero(low),
                medium: above_zero(medium),
                high: above_zero(high),
                xhigh: above_zero(xhigh),
                max: above_zero(max),
            }
        }
        match self {
            Self::Turbo => const { steps([4, 8, 10, 12, 16]) },
            Self::Base => const { steps([20, 28, 36, 42, 50]) },
        }
    }

    /// What a client should read of the guidance in `spec`: it costs a second prediction at each step, and a negative prompt
    /// has an effect only with it.
    pub fn warning(self, spec: &RenderSpec) -> Option<&'static str> {
        let is_guided = spec.guidance_scale > 0.0;
        let has_negative = spec.negative_prompt.as_deref().is_some_and(|text| !text.trim().is_empty());
        match (is_guided, has_negative, self) {
            (true, _, Self::Turbo) => {
                Some("guidance doubles the time, and a Turbo model is made for guidance_scale 0")
            }
            (false, true, _) => {
                Some("negative_prompt has no effect without guidance_scale above 0, which doubles the time")
            }
            _ => None,
        }
    }

    /// Its guidance by default. Base is recommended 3 to 5.
    pub const fn guidance_scale(self) -> f64 {
        match self {
            Self::Turbo => 0.0,
            Self::Base => 4.0,
        }
    }
}

/// Those of Z-Image-Turbo.
impl Default for StepsByQuality {
    fn default() -> Self {
        Variant::Turbo.steps()
    }
}

/// How images are generated if a request does not say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// Which Z-Image the model is.
    pub variant: Variant,
    /// Steps for each quality.
    pub steps: StepsByQuality,
    /// Classifier-free guidance.
    pub guidance_scale: f64,
}

impl Usual {
    /// Steps of `quality`.
    pub const fn steps_of(&self, quality: Quality) -> u32 {
        self.steps.of(quality)
    }
}

/// Configured steps for each quality; none: the variant's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfiguredSteps {
    /// Steps of `low`.
    pub low: Option<NonZeroU32>,
    /// Steps of `medium`.
    pub medium: Option<NonZeroU32>,
    /// Steps of `high`.
    pub high: Option<NonZeroU32>,
    /// Steps of `xhigh`.
    pub xhigh: Option<NonZeroU32>,
    /// Steps of `max`.
    pub max: Option<NonZeroU32>,
}

impl ConfiguredSteps {
    /// The steps of `variant`, where these say nothing else.
    pub fn over(&self, variant: Variant) -> StepsByQuality {
        let usual = variant.steps();
        StepsByQuality {
            low: self.low.unwrap_or(usual.low),
            medium: self.medium.unwrap_or(usual.medium),
            high: self.high.unwrap_or(usual.high),
            xhigh: self.xhigh.unwrap_or(usual.xhigh),
            max: self.max.unwrap_or(usual.max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ImageSize;

    #[test]
    fn a_name_says_the_variant_or_nothing() {
        for (name, variant) in [
            ("Tongyi-MAI/Z-Image-Turbo", Some(Variant::Turbo)),
            ("Tongyi-MAI/Z-Image", Some(Variant::Base)),
            ("diffusion_models/z_image_turbo_bf16.safetensors", Some(Variant::Turbo)),
            ("diffusion_models/z_image_bf16.safetensors", Some(Variant::Base)),
            ("/models/mine", None),
        ] {
            assert_eq!(Variant::named_in(name), variant, "{name}");
        }
    }

    #[test]
    fn guidance_on_turbo_and_negative_prompts_without_guidance_are_warned_of() {
        let warning = |variant: Variant, guidance_scale: f64, negative: Option<&str>| {
            let spec = RenderSpec {
                negative_prompt: negative.map(str::to_owned),
                guidance_scale,
                ..RenderSpec::new("tea", ImageSize::square(64), 8)
            };
            variant.warning(&spec).unwrap_or_default()
        };
        for negative in [None, Some("fog")] {
            assert!(warning(Variant::Turbo, 1.0, negative).contains("doubles the time"));
            assert_eq!(warning(Variant::Base, 4.0, negative), "");
        }
        for variant in [Variant::Turbo, Variant::Base] {
            assert!(warning(variant, 0.0, Some("fog")).starts_with("negative_prompt has no effect"));
            assert_eq!((warning(variant, 0.0, None), warning(variant, 0.0, Some(" "))), ("", ""));
        }
    }

    #[test]
    fn configured_steps_stand_over_those_of_the_variant() {
        let configured = ConfiguredSteps { medium: NonZeroU32::new(30), ..ConfiguredSteps::default() };
        let steps = configured.over(Variant::Base);
        assert_eq!((steps.of(Quality::Low), steps.of(Quality::Medium), steps.of(Quality::Max)), (20, 30, 50));
        assert_eq!(ConfiguredSteps::default().over(Variant::Turbo), StepsByQuality::default());
    }
}
