use serde::{Deserialize, Serialize};

use super::{ImageSize, LoraUse, Quality, RenderJob};

/// What a request asked for, as it is kept where prompts are: enough to ask for the same again, the source of an edit apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskedFor {
    /// What to generate.
    pub prompt: String,
    /// What to avoid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<String>,
    /// Width and height.
    pub size: ImageSize,
    /// The quality that was asked for.
    pub quality: Quality,
    /// Denoising steps.
    pub steps: u32,
    /// Classifier-free guidance; 0 turns it off.
    pub guidance_scale: f64,
    /// The first image's seed.
    pub seed: u64,
    /// Images asked for.
    pub images: u32,
    /// The LoRAs that were applied.
    pub loras: Vec<LoraUse>,
    /// How strongly an image was edited, above 0 to 1; none for images from noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strength: Option<f64>,
}

impl From<&RenderJob> for AskedFor {
    fn from(job: &RenderJob) -> Self {
        let spec = &job.spec;
        Self {
            prompt: spec.prompt.clone(),
            negative_prompt: spec.negative_prompt.clone(),
            size: spec.size,
            quality: job.quality,
            steps: spec.steps,
            guidance_scale: spec.guidance_scale,
            seed: job.seed.get(),
            images: job.images,
            loras: spec.loras.clone(),
            strength: spec.edit.as_deref().map(|edit| edit.strength.get()),
        }
    }
}
