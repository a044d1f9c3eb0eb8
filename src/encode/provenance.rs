use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::domain::Seed;

/// What a picture's file says of its making.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    /// What was asked for.
    pub prompt: PromptRecord,
    /// The seed of the picture's noise.
    pub seed: Seed,
    /// Denoising steps.
    pub steps: u32,
    /// Classifier-free guidance; 0 is none.
    pub guidance_scale: f64,
    /// The model's name.
    pub model: String,
    /// The program that painted it, with its version.
    pub software: String,
    /// Who answers for the service: a name, or the code of GB 45438-2025.
    pub producer: String,
    /// The producer's own number of this picture.
    pub produced_id: String,
    /// When it was painted.
    pub created: Timestamp,
}

/// How much of the prompt goes into the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromptRecord {
    /// Its words, up to [`PROMPT_BYTES_MAX`](super::PROMPT_BYTES_MAX).
    Text(String),
    /// SHA-256 of its UTF-8: whoever knows the prompt can prove it, nobody can read it.
    Sha256([u8; 32]),
    /// Nothing.
    Omitted,
}

impl PromptRecord {
    /// The hash of `prompt`.
    pub fn hash_of(prompt: &str) -> Self {
        Self::Sha256(Sha256::digest(prompt.as_bytes()).into())
    }
}
