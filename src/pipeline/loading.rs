//! A model, from its files to a device.

use std::sync::Arc;

use candle_core::{DType, Device};

#[cfg(feature = "cuda")]
use super::card;
use super::{
    LoadError, ModelFiles, ModelLayers, ModelShape, OnLoad, Pipeline, Placement, PromptTokenizer, VaeDecoder,
    VaeEncoder,
    free_memory::free_bytes,
    fused::BlockForm,
    load::LoadOptions,
    lora::BaseLayers,
    placement::ModelSize,
    source::{LoadProgress, ModelConfig, Parts},
    text_encoder::TextEncoder,
    transformer::Transformer,
};

impl Pipeline {
    /// Loads a model onto a device.
    ///
    /// # Errors
    /// [`LoadError`], one line that names the file and what was expected of it.
    pub fn load(files: &ModelFiles, placement: &Placement, on_load: OnLoad<'_>) -> Result<Self, LoadError> {
        Self::load_parts(files, Parts::open(files)?, placement, on_load)
    }

    /// A model of `shape` with random weights, drawn on the device: it generates noise, as fast as a real one.
    ///
    /// # Errors
    /// [`LoadError`] if the device cannot be opened, or has no room.
    pub fn random(shape: ModelShape, placement: &Placement) -> Result<Self, LoadError> {
        let files = shape.files();
        Self::load_parts(&files, Parts::random(&files)?, placement, &|_, _| {})
    }

    fn load_parts(
        files: &ModelFiles,
        parts: Parts,
        placement: &Placement,
        on_load: OnLoad<'_>,
    ) -> Result<Self, LoadError> {
        let config = ModelConfig::read(files, &parts)?;
        let tokenizer = Arc::new(PromptTokenizer::load(files, config.text_encoder.vocab_size)?);
        let (device, dtype) = open_device(placement)?;
        let total = parts.total_bytes();
        let layers = Arc::new(ModelLayers::of(&parts));
        let pinned = layers.read_pinned(&placement.merged, dtype)?;
        let free = free_bytes(&device).map(|free| free.saturating_sub(pinned.copied_bytes));
        let memory = placement.memory.resolve_and_warn(ModelSize::of(&parts, dtype), free);
        let plan = memory.plan();
        let arithmetic = placement.kernels.arithmetic(&config.transformer, dtype, &device);
        let progress = LoadProgress::new(on_load, total);
        let options = LoadOptions { dtype, device: &device, kernels: placement.kernels, progress: &progress };
        let [text_weights, transformer_weights, vae_weights] =
            [parts.text_encoder, parts.transformer, parts.vae].map(|part| Arc::new(part.weights));
        let text_encoder =
            TextEncoder::load(&config.text_encoder, &text_weights, plan.text_encoder, &options)
                .map_err(|error| LoadError::from_candle("text_encoder", &error))?;
        let form = BlockForm { format: plan.format, arithmetic };
        let transformer =
            Transformer::load(&config.transformer, &transformer_weights, plan.transformer, form, &options)
                .map_err(|error| LoadError::from_candle("transformer", &error))?;
        let base = BaseLayers {
            text_encoder: &text_weights,
            transformer: &transformer_weights,
            form,
            encoder_arithmetic: text_encoder.arithmetic(),
            dtype,
            device: &device,
        };
        let merged = pinned
            .merged_into(&base)
            .map_err(|error| LoadError::from_candle("model.loras_merged", &error))?;
        let vae = VaeDecoder::load(&config.vae, config.post_quant_conv, &vae_weights, &options)
            .map_err(|error| LoadError::from_candle("vae", &error))?;
        let encoder = VaeEncoder::load(&config.vae, config.quant_conv, &vae_weights, &options)
            .map_err(|error| LoadError::from_candle("vae", &error))?;
        on_load(total, total);
        Ok(Self {
            tokenizer,
            layers,
            text_encoder,
            transformer,
            vae,
            encoder,
            decoding_room: [placement.work_bytes_max, memory.decoding_room()].into_iter().flatten().min(),
            config,
            dtype,
            device,
            memory,
            arithmetic,
            weight_bytes: total,
            merged,
        })
    }
}

/// The device, and the number format of weights on it.
fn open_device(placement: &Placement) -> Result<(Device, DType), LoadError> {
    let device = placement.device.open()?;
    let dtype = placement.precision.dtype(&device);
    #[cfg(feature = "cuda")]
    card::prepare(&device, dtype)
        .map_err(|reason| LoadError::Device { device: placement.device.to_string(), reason })?;
    Ok((device, dtype))
}
