//! What a model is, from the headers of its files: before anything is loaded.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    error::LoadError,
    free_memory::free_bytes,
    placement::{MemoryTier, ModelSize, Placement},
    prompt::PromptTokenizer,
    source::{Component, ModelConfig, ModelFiles, Part, Parts, sha256},
};
use crate::domain::Variant;

/// A model, part by part.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// `Z-Image`, if everything is there and fits together.
    pub family: Option<&'static str>,
    /// `turbo` or `base`, guessed from names: the weights do not tell.
    pub variant_guess: Option<&'static str>,
    /// Transformer, text encoder and autoencoder.
    pub parts: Vec<InspectedPart>,
    /// What is wrong with the model as a whole, for example a tokenizer that is missing.
    pub problem: Option<String>,
    /// Bytes that each tier of memory needs on the device. Empty if a part is missing.
    pub tiers: Vec<TierNeed>,
    /// Bytes that are free on the device; none if unknown.
    pub free_bytes: Option<u64>,
}

/// A part of a model.
#[derive(Debug, Serialize)]
pub struct InspectedPart {
    /// `transformer`, `text_encoder` or `vae`.
    pub part: &'static str,
    /// `diffusers`, `original` or `gguf`: whose names the tensors have.
    pub layout: Option<&'static str>,
    /// Tensors by the type of their numbers, for example `bf16` or `Q4_K`.
    pub types: BTreeMap<String, usize>,
    /// Numbers of all tensors.
    pub numbers: u64,
    /// Its files.
    pub files: Vec<InspectedFile>,
    /// Why it cannot be used, and what to do.
    pub problem: Option<String>,
}

/// A file of a part.
#[derive(Debug, Serialize)]
pub struct InspectedFile {
    /// The file.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal digits, if it was asked for.
    pub sha256: Option<String>,
}

/// What a tier of memory needs.
#[derive(Debug, Serialize)]
pub struct TierNeed {
    /// As it is configured, for example `8bit`.
    pub tier: &'static str,
    /// Bytes on the device, room for work included.
    pub needed_bytes: u64,
    /// Whether that many are free; none if unknown.
    pub fits: Option<bool>,
}

impl Inspection {
    /// Inspects the model in `files`, as it would be held by `placement`. With `hashes` every file is read.
    ///
    /// # Errors
    /// [`LoadError`] if the device cannot be opened. What is wrong with the model is in the result.
    pub fn of(files: &ModelFiles, placement: &Placement, hashes: bool) -> Result<Self, LoadError> {
        let device = placement.device.open()?;
        let components = [Component::Transformer, Component::TextEncoder, Component::Vae];
        let opened = components.map(|component| (component, Part::open(files, component)));
        let parts =
            opened.iter().map(|(component, part)| InspectedPart::of(*component, part, hashes)).collect();
        let [(_, transformer), (_, text_encoder), (_, vae)] = opened;
        let free_bytes = free_bytes(&device);
        let mut inspection =
            Self { family: None, variant_guess: None, parts, problem: None, tiers: Vec::new(), free_bytes };
        inspection.variant_guess = inspection.guess_variant();
        let (Ok(transformer), Ok(text_encoder), Ok(vae)) = (transformer, text_encoder, vae) else {
            return Ok(inspection);
        };
        let parts = Parts { text_encoder, transformer, vae };
        let size = ModelSize::of(&parts, placement.precision.dtype(&device));
        inspection.tiers =
            MemoryTier::CHOSEN.into_iter().map(|tier| TierNeed::of(tier, size, free_bytes)).collect();
        let described = ModelConfig::read(files, &parts)
            .and_then(|config| PromptTokenizer::load(files, config.text_encoder.vocab_size));
        match described {
            Ok(_) => inspection.family = Some("Z-Image"),
            Err(error) => inspection.problem = Some(error.to_string()),
        }
        Ok(inspection)
    }

    /// Everything that is wrong, a line each.
    pub fn problems(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| part.problem.as_deref()).chain(self.problem.as_deref())
    }

    fn guess_variant(&self) -> Option<&'static str> {
        let transformer = self.parts.first()?.files.first()?;
        Variant::named_in(&transformer.path).map(Variant::as_str)
    }
}

impl InspectedPart {
    fn of(component: Component, part: &Result<Part, LoadError>, hashes: bool) -> Self {
        let name = component.folder();
        match part {
            Ok(part) => Self {
                part: name,
                layout: Some(part.weights.layout()),
                types: part.weights.encodings(),
                numbers: part.weights.numbers(),
                files: part
                    .weights
                    .files()
                    .map(|(path, bytes)| InspectedFile {
                        path: path.to_owned(),
                        bytes: bytes.len() as u64,
                        sha256: hashes.then(|| sha256(bytes)),
                    })
                    .collect(),
                problem: None,
            },
            Err(error) => Self {
                part: name,
                layout: None,
                types: BTreeMap::new(),
                numbers: 0,
                files: Vec::new(),
                problem: Some(error.to_string()),
            },
        }
    }
}

impl TierNeed {
    fn of(tier: MemoryTier, size: ModelSize, free: Option<u64>) -> Self {
        let needed_bytes = size.needed(tier);
        Self { tier: tier.as_str(), needed_bytes, fits: free.map(|free| needed_bytes <= free) }
    }
}
