//! The model: Z-Image in the diffusers layout, loaded and generated on candle, equal to diffusers' `ZImagePipeline`.
//!
//! Architecture invariant: nothing here knows HTTP or money. Every dimension comes from the model's own files, so a
//! tiny random model, the embedded one and the 6B model run the same code.

mod blend;
#[cfg(any(test, feature = "cuda"))]
mod capability;
#[cfg(feature = "cuda")]
mod card;
pub mod cpu;
mod denoise;
mod devices;
mod edit;
mod error;
mod free_memory;
mod fused;
mod inspect;
mod layer_source;
mod limits;
mod linear;
mod load;
mod loading;
mod lora;
#[cfg(all(test, feature = "cuda"))]
mod lost_context;
mod noise;
mod norm;
mod ops;
mod outline;
mod pixels;
mod placement;
mod precision;
mod prompt;
mod row_norms;
mod schedule;
mod scores;
mod shapes;
mod source;
mod stack;
#[cfg(any(test, feature = "cuda"))]
mod streaming;
#[cfg(test)]
mod testing;
mod text_encoder;
mod transformer;
mod vae;

use std::{ops::ControlFlow, sync::Arc};

use candle_core::{DType, Device, Tensor};
use uuid::Uuid;

use self::{
    blend::Blend,
    edit::Start,
    free_memory::free_bytes,
    source::{ModelConfig, TransformerConfig},
    text_encoder::TextEncoder,
    transformer::{Caption, Transformer},
};
pub use self::{
    cpu::{CpuVectors, VectorsError},
    denoise::Denoising,
    devices::{DeviceChoice, DeviceKind, DeviceList},
    edit::{Frame, PreparedEdit},
    error::{LoadError, RenderError},
    free_memory::{proc_bytes, usable_bytes},
    fused::{Arithmetic, KernelChoice},
    inspect::{InspectedFile, InspectedPart, Inspection, TierNeed},
    limits::SizeLimits,
    linear::Sides,
    lora::{Lora, LoraChoice, LoraGap, LoraInspection, LoraKey, LoraMatch, LoraSet, ModelLayers},
    noise::{SEED_NOISE, standard_normal},
    outline::ModelOutline,
    pixels::Pixels,
    placement::{MemoryTier, Placement},
    precision::Precision,
    prompt::{PromptTokenizer, PromptTokens, TextTokens},
    schedule::{Schedule, Shift},
    shapes::ModelShape,
    source::{
        EMBEDDED_MODEL, EmbeddedFile, FileIdentity, HashedWeights, ModelDigest, ModelFiles, ModelSource,
        OnLoad, PROMPT_TOKENS_MAX, PartFiles, hub,
    },
    transformer::padded_tokens,
    vae::{LatentDistribution, VaeDecoder, VaeEncoder},
};
use crate::domain::{ImageSize, RenderSpec, Seed};

/// A loaded model on its device. One thread owns it.
pub struct Pipeline {
    tokenizer: Arc<PromptTokenizer>,
    /// What LoRAs can change.
    layers: Arc<ModelLayers>,
    text_encoder: TextEncoder,
    transformer: Transformer,
    vae: VaeDecoder,
    /// None for a model that cannot edit.
    encoder: Option<VaeEncoder>,
    /// Bytes that decoding may take, if that many are free; None: no limit.
    decoding_room: Option<u64>,
    config: ModelConfig,
    dtype: DType,
    device: Device,
    memory: MemoryTier,
    arithmetic: Arithmetic,
    weight_bytes: u64,
    /// LoRAs that are merged into copies of layers.
    merged: Vec<Arc<Sides>>,
}

/// A prompt's hidden states: what the text encoder gives the transformer.
#[derive(Debug, Clone)]
pub struct Conditioning {
    /// [1, tokens, hidden] f32, the real tokens only.
    hidden: Tensor,
}

impl Conditioning {
    /// The hidden states, [1, tokens, hidden] f32.
    pub fn hidden(&self) -> &Tensor {
        &self.hidden
    }

    /// Tokens of the prompt, chat template included.
    pub fn tokens(&self) -> usize {
        self.hidden.dims()[1]
    }
}

/// Latents after a step, on their way from noise to image.
#[derive(Debug)]
pub struct Step<'a> {
    /// Steps done, from 1.
    pub done: u32,
    /// Steps in all.
    pub total: u32,
    /// [1, C, h, w] f32.
    pub latents: &'a Tensor,
}

/// Called after every step; `Break` stops the image.
pub type OnStep<'a> = &'a mut dyn FnMut(Step<'_>) -> ControlFlow<()>;

impl Pipeline {
    /// The number format of the weights; never `auto`.
    pub fn precision(&self) -> Precision {
        Precision::of(self.dtype)
    }

    /// Threads that work on an image; none on a card.
    pub fn threads(&self) -> Option<usize> {
        self.device.is_cpu().then(rayon::current_num_threads)
    }

    /// Bytes of the weights in the model's files; 0 for random ones.
    pub fn weight_bytes(&self) -> u64 {
        self.weight_bytes
    }

    /// How much of the model stays on the device: the tier that was chosen, by the operator or by the free memory.
    pub fn memory_tier(&self) -> MemoryTier {
        self.memory
    }

    /// How the transformer's blocks compute.
    pub fn arithmetic(&self) -> Arithmetic {
        self.arithmetic
    }

    /// By which the driver knows the card it runs on; none on a CPU.
    pub fn card(&self) -> Option<Uuid> {
        match &self.device {
            #[cfg(feature = "cuda")]
            Device::Cuda(cuda) => card::uuid(cuda),
            _ => None,
        }
    }

    /// What kind of device it runs on.
    pub fn device_kind(&self) -> DeviceKind {
        if self.device.is_cpu() { DeviceKind::Cpu } else { DeviceKind::Cuda }
    }

    /// The tokenizer, which other threads may ask how long a prompt is.
    pub fn tokenizer(&self) -> Arc<PromptTokenizer> {
        Arc::clone(&self.tokenizer)
    }

    /// What the model can generate.
    pub fn limits(&self) -> SizeLimits {
        self.config.limits()
    }

    /// Encodes a prompt, cut to [`PROMPT_TOKENS_MAX`] tokens.
    ///
    /// # Errors
    /// [`RenderError`] if the tokenizer or the device fails.
    pub fn condition(&self, prompt: &str) -> Result<Conditioning, RenderError> {
        self.condition_tokens(self.tokenizer.encode(prompt)?.ids(), &Sides::default())
    }

    fn condition_tokens(&self, ids: &[u32], sides: &Sides) -> Result<Conditioning, RenderError> {
        Ok(Conditioning { hidden: self.text_encoder.encode(ids, sides)? })
    }

    /// The noise of `seed` for an image of `size`: [1, C, H/f, W/f] f32, f the VAE's factor, H and W as generated.
    ///
    /// # Errors
    /// [`RenderError::Size`] for a size that the model cannot generate.
    pub fn noise(&self, size: ImageSize, seed: Seed) -> Result<Tensor, RenderError> {
        let limits = self.limits();
        limits.check(size)?;
        let size = limits.generated_size(size);
        let factor = self.config.vae_factor();
        let channels = self.config.transformer.in_channels;
        let (height, width) = ((size.height() / factor) as usize, (size.width() / factor) as usize);
        let values = standard_normal(seed, channels * height * width);
        Ok(Tensor::from_vec(values, (1, channels, height, width), &self.device)?)
    }

    /// Walks `latents` [1, C, h, w] f32 down the schedule to an image's latents.
    ///
    /// With `guidance` the model also looks at a negative prompt, and the difference is amplified (arXiv 2207.12598).
    ///
    /// # Errors
    /// [`RenderError::Cancelled`] if `on_step` breaks; [`RenderError::Device`] if the device fails.
    pub fn denoise(
        &self,
        latents: Tensor,
        conditioning: &Conditioning,
        guidance: Option<(&Conditioning, f64)>,
        steps: u32,
        on_step: OnStep<'_>,
    ) -> Result<Tensor, RenderError> {
        let caption =
            |conditioning: &Conditioning| self.transformer.caption(&conditioning.hidden, &Sides::default());
        let positive = caption(conditioning)?;
        let negative = match guidance {
            Some((negative, scale)) => Some((caption(negative)?, scale)),
            None => None,
        };
        let negative = negative.as_ref().map(|(caption, scale)| (caption, *scale));
        self.walk(latents, &positive, negative, steps, on_step)
    }

    fn walk(
        &self,
        latents: Tensor,
        positive: &Caption,
        negative: Option<(&Caption, f64)>,
        steps: u32,
        on_step: OnStep<'_>,
    ) -> Result<Tensor, RenderError> {
        let negative = negative.map(|(caption, scale)| ([caption], scale));
        let negative = negative.as_ref().map(|(captions, scale)| (captions.as_slice(), *scale));
        let (_, _, height, width) = latents.dims4()?;
        let sigmas = self.config.schedule.sigmas(steps, TransformerConfig::tokens(height, width));
        Denoising::new(self, (latents, None), &[positive], negative, Arc::default(), sigmas)?.walk(on_step)
    }

    /// The model's noise schedule.
    pub fn schedule(&self) -> Schedule {
        self.config.schedule
    }

    /// Begins a batch of images of one size, one number of steps, one strength, one guidance scale and the same LoRAs,
    /// an item each: all of them edits, or none.
    ///
    /// # Errors
    /// [`RenderError::Size`] for a size that the model cannot generate; [`RenderError::Device`] for captions of unequal
    /// padded length or with different LoRAs, or if the device fails.
    pub fn begin(&self, spec: &RenderSpec, items: &[Item<'_>]) -> Result<Denoising<'_>, RenderError> {
        let sigmas = self.config.schedule.sigmas_of(spec, self.limits());
        let (mut latents, mut blends) = (Vec::new(), Vec::new());
        for item in items {
            let start = match item.edit {
                None => Start { latents: self.noise(spec.size, item.seed)?, blend: None },
                Some(edit) => edit.start(self.encoder()?, item.seed, sigmas[0])?,
            };
            latents.push(start.latents);
            blends.push(start.blend);
        }
        let start = (Tensor::cat(&latents, 0)?, Blend::join(blends)?);
        let captions: Vec<_> = items.iter().map(|item| &item.prepared.positive).collect();
        let negative: Option<Vec<_>> = items.iter().map(|item| item.prepared.negative.as_ref()).collect();
        let negative = negative.as_deref().map(|captions| (captions, spec.guidance_scale));
        let sides = items.first().map(|item| Arc::clone(&item.prepared.sides)).unwrap_or_default();
        if items.iter().any(|item| item.prepared.sides.key() != sides.key()) {
            return Err(candle_core::Error::Msg("images of one batch have the same LoRAs".into()).into());
        }
        Denoising::new(self, start, &captions, negative, sides, sigmas)
    }

    /// Decodes `latents` [1, C, h, w] f32 to an image.
    ///
    /// # Errors
    /// [`RenderError::NotFinite`] if the image would be NaN; [`RenderError::Device`] if the device fails.
    pub fn decode(&self, latents: &Tensor) -> Result<Pixels, RenderError> {
        let room = self.decoding_room();
        let colours = ops::in_pool(&self.device, || self.vae.decode(latents, room))?;
        let (_, _, height, width) = colours.dims4()?;
        let size = u32::try_from(width)
            .and_then(|width| Ok(ImageSize::new(width, u32::try_from(height)?)))
            .map_err(candle_core::Error::msg)?
            .map_err(candle_core::Error::msg)?;
        Pixels::from_colours(&colours, size, self.dtype)
    }

    /// Bytes of the device's memory that are free now; none if unknown.
    pub fn free_bytes(&self) -> Option<u64> {
        free_bytes(&self.device)
    }

    /// Bytes that decoding may take now.
    fn decoding_room(&self) -> Option<u64> {
        let free = self.free_bytes().map(usable_bytes);
        [free, self.decoding_room].into_iter().flatten().min()
    }

    /// Bytes that decoding an image of `size` takes at the least, beside the weights.
    pub fn least_decoding_bytes(&self, size: ImageSize) -> u64 {
        let (size, factor) = (self.limits().generated_size(size), self.config.vae_factor());
        let latents = (1, (size.height() / factor) as usize, (size.width() / factor) as usize);
        self.vae.foreseen_bytes(latents, Some(0))
    }

    /// Bytes that the VAE takes at the least for an image of `spec`: for an edit, to encode it, and to decode it.
    pub fn least_vae_bytes(&self, spec: &RenderSpec) -> u64 {
        let generated = self.limits().generated(spec);
        let encoding = self.encoder.as_ref().filter(|_| spec.edit.is_some()).map(|encoder| {
            encoder.foreseen_bytes((1, generated.height() as usize, generated.width() as usize), Some(0))
        });
        self.least_decoding_bytes(generated).max(encoding.unwrap_or_default())
    }

    /// Encodes what a job's images share, without LoRAs: the prompt, and the negative prompt if guidance is on.
    ///
    /// # Errors
    /// As [`Pipeline::condition`]; [`RenderError::Size`] for a size that the model cannot generate.
    pub fn prepare(&self, spec: &RenderSpec) -> Result<Prepared, RenderError> {
        self.limits().check(self.limits().generated(spec))?;
        self.prepare_tokens(&self.tokenise(spec)?, &Arc::default())
    }

    /// The first half of [`Pipeline::prepare`]: the prompts as tokens.
    ///
    /// # Errors
    /// [`RenderError::Tokenise`] if the tokenizer fails.
    pub fn tokenise(&self, spec: &RenderSpec) -> Result<PromptTokens, RenderError> {
        self.tokenizer.encode_prompts(spec)
    }

    /// The second half of [`Pipeline::prepare`]: the tokens through the text encoder, with what LoRAs add in `sides`.
    ///
    /// # Errors
    /// [`RenderError::Device`] if the device fails.
    pub fn prepare_tokens(&self, tokens: &PromptTokens, sides: &Arc<Sides>) -> Result<Prepared, RenderError> {
        let caption = |tokens: &TextTokens| {
            let conditioning = self.condition_tokens(tokens.ids(), sides)?;
            Ok::<_, RenderError>(self.transformer.caption(&conditioning.hidden, sides)?)
        };
        Ok(Prepared {
            negative: tokens.negative.as_ref().map(caption).transpose()?,
            positive: caption(&tokens.positive)?,
            sides: Arc::clone(sides),
            prompt_tokens: tokens.positive.ids().len(),
        })
    }

    /// Waits until the device has finished its work; a CPU always has.
    ///
    /// # Errors
    /// [`RenderError::Device`] if the device fails.
    pub fn synchronize(&self) -> Result<(), RenderError> {
        Ok(self.device.synchronize()?)
    }

    /// Generates one image of a job. Its pixels depend on `spec` and `seed` alone; if memory is short and decoding goes
    /// in strips, up to a last bit (docs/decisions/0009-decoding-in-strips.md).
    ///
    /// # Errors
    /// As [`Pipeline::noise`], [`Pipeline::denoise`] and [`Pipeline::decode`].
    pub fn generate(
        &self,
        spec: &RenderSpec,
        prepared: &Prepared,
        seed: Seed,
        on_step: OnStep<'_>,
    ) -> Result<Pixels, RenderError> {
        let edit = self.prepare_edit(spec)?;
        let item = Item { prepared, edit: edit.as_ref(), seed };
        let latents = self.begin(spec, &[item])?.walk(on_step)?;
        self.image(&latents, spec)
    }
}

/// One image of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// Its prompts.
    pub prepared: &'a Prepared,
    /// What it is an edit of.
    pub edit: Option<&'a PreparedEdit>,
    /// Of its noise.
    pub seed: Seed,
}

impl<'a> Item<'a> {
    /// An image that begins as noise.
    pub fn new(prepared: &'a Prepared, seed: Seed) -> Self {
        Self { prepared, edit: None, seed }
    }
}

/// A job's prompts, encoded, embedded and refined: everything about them that does not depend on the time.
#[derive(Debug, Clone)]
pub struct Prepared {
    positive: Caption,
    negative: Option<Caption>,
    /// What LoRAs add, here and in the steps.
    sides: Arc<Sides>,
    prompt_tokens: usize,
}

impl Prepared {
    /// Tokens of the prompt, chat template included.
    pub fn prompt_tokens(&self) -> usize {
        self.prompt_tokens
    }
}
