use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{
    costs::Breakdown,
    domain::{Computation, EnergySource, LoraUse, RequestId, Seed},
    units::{Currency, Energy, Millis, Money},
};

/// What an image's file says about how it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    /// What was asked for.
    pub prompt: PromptRecord,
    /// The seed of the image's noise.
    pub seed: Seed,
    /// Denoising steps.
    pub steps: u32,
    /// Classifier-free guidance; 0 is none.
    pub guidance_scale: f64,
    /// The model's name.
    pub model: String,
    /// The LoRAs that were applied.
    pub loras: Vec<LoraUse>,
    /// The program that generated it, with its version.
    pub software: String,
    /// Who answers for the service: a name, or the code of GB 45438-2025.
    pub producer: String,
    /// The producer's own number of this image.
    pub produced_id: String,
    /// When it was generated.
    pub created: Timestamp,
    /// What decided its pixels; none for an image on its way.
    pub computation: Option<Computation>,
    /// The service that it was bought from, which has no seed or steps of ours; none if it was made here.
    pub bought_from: Option<String>,
    /// What it cost; none for a preview, whose cost is not known yet.
    pub receipt: Option<ReceiptRecord>,
}

/// What an image cost, as its receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptRecord {
    /// The request, by which the whole receipt is found.
    pub request: RequestId,
    /// The currency of all amounts.
    pub currency: Currency,
    /// What the image cost.
    pub cost: Breakdown,
    /// The three together: the standard cost.
    pub total: Money,
    /// Energy of the device.
    pub energy: Energy,
    /// Energy at the plug.
    pub wall_energy: Energy,
    /// How the energy was obtained.
    pub energy_source: EnergySource,
    /// Time of the device.
    pub duration: Millis,
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
