use std::sync::Arc;

use super::{
    LoadError, ModelFiles, ModelLayers, PromptTokenizer, Schedule, SizeLimits, VaeEncoder,
    source::{ModelConfig, Parts},
};

/// A model as far as its tokenizer and the headers of its files describe it: enough to take requests for it, without a device and
/// without its weights.
#[derive(Clone)]
pub struct ModelOutline {
    /// The sizes it can generate.
    pub limits: SizeLimits,
    /// Its noise schedule.
    pub schedule: Schedule,
    /// Whether it edits: its VAE has an encoder.
    pub can_edit: bool,
    /// Whether its transformer is as large as Z-Image's.
    pub is_published_shape: bool,
    /// Splits prompts into tokens.
    pub tokenizer: Arc<PromptTokenizer>,
    /// The layers that LoRAs can change.
    pub layers: Arc<ModelLayers>,
}

impl ModelOutline {
    /// Reads the headers of `files`, and the tokenizer.
    ///
    /// # Errors
    /// [`LoadError`] as [`Pipeline::load`](super::Pipeline::load)'s, as far as headers show it.
    pub fn read(files: &ModelFiles) -> Result<Self, LoadError> {
        let parts = Parts::open(files)?;
        let config = ModelConfig::read(files, &parts)?;
        Ok(Self {
            limits: config.limits(),
            schedule: config.schedule,
            can_edit: VaeEncoder::is_in(&parts.vae.weights),
            is_published_shape: config.is_published_shape(),
            tokenizer: Arc::new(PromptTokenizer::load(files, config.text_encoder.vocab_size)?),
            layers: Arc::new(ModelLayers::of(&parts)),
        })
    }
}
