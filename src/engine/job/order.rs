use std::sync::Arc;

use crate::{
    domain::{Edit, ImageSize, KeyId, RenderJob},
    engine::shape::Shape,
    pipeline::{LoraKey, LoraSet, PromptTokens, SizeLimits, TextTokens, padded_tokens},
};

/// Whether somebody waits for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Priority {
    /// Somebody does.
    #[default]
    Live,
    /// It can wait: every live job goes before it.
    Background,
}

/// A job and the key whose turn it takes.
#[derive(Debug, Clone)]
pub struct Order {
    /// What is asked for.
    pub job: Arc<RenderJob>,
    /// Whose turn it takes.
    pub key: KeyId,
    /// Whether it can wait.
    pub priority: Priority,
    /// The prompts as the model reads them.
    pub tokens: Arc<PromptTokens>,
    /// The LoRAs that are applied, in the host's memory.
    pub loras: LoraSet,
    /// Partial images to show of each image, at most; 0 for none.
    pub partials: u32,
}

/// What images must have in common to share a batch.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::engine) struct Group {
    size: ImageSize,
    steps: u32,
    guidance_scale: f64,
    edit: SameEdit,
    /// LoRAs, and their weights.
    pub(in crate::engine) loras: LoraKey,
    /// Bytes that those take on a device.
    pub(in crate::engine) lora_bytes: u64,
    /// Tokens of the prompt and of the negative prompt, as they are padded.
    padded: (usize, Option<usize>),
    /// What decides the memory of its images.
    pub(in crate::engine) shape: Shape,
}

/// The edit of a job, equal to itself alone: images of other edits share no batch with it.
#[derive(Debug, Clone)]
struct SameEdit(Option<Arc<Edit>>);

impl PartialEq for SameEdit {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(edit), Some(other)) => Arc::ptr_eq(edit, other),
            _ => false,
        }
    }
}

impl Order {
    /// What requests must have in common to share a batch on any machine, as text. An edit shares none.
    pub fn shape(&self, limits: SizeLimits) -> String {
        let Group { size, steps, guidance_scale, edit, padded, .. } =
            self.group(Shape::of(&self.job.spec, limits));
        let loras = self.job.spec.loras.iter().map(ToString::to_string).collect::<Vec<_>>().join(";");
        let (positive, negative) = (padded.0, padded.1.map_or("-".into(), |tokens| tokens.to_string()));
        let edit = if edit.0.is_some() { "edit" } else { "" };
        format!("{size}/{steps}/{guidance_scale}/{positive}/{negative}/{loras}/{edit}")
    }

    pub(super) fn group(&self, shape: Shape) -> Group {
        let spec = &self.job.spec;
        let padded = |tokens: &TextTokens| padded_tokens(tokens.ids().len());
        let padded = (padded(&self.tokens.positive), self.tokens.negative.as_ref().map(padded));
        let (size, steps, guidance_scale) = (spec.size, spec.steps, spec.guidance_scale);
        Group {
            size,
            steps,
            guidance_scale,
            edit: SameEdit(spec.edit.clone()),
            loras: self.loras.key(),
            lora_bytes: self.loras.bytes(),
            padded,
            shape,
        }
    }
}
