use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::{
    costs::Budgets,
    domain::{RenderSpec, Seed},
    encode::{PromptRecord, Provenance},
    ledger::Keeping,
    overflow::Buyer,
    units::Millis,
};

/// What the operator decided about requests.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// What becomes of a job whose client has gone.
    pub on_disconnect: OnDisconnect,
    /// The longest time from acceptance to the answer.
    pub deadline: Millis,
    /// The longest wait for an answer other than a stream.
    pub answer_wait_max: Millis,
    /// What becomes of a prompt with more tokens than the model reads.
    pub overlong_prompt: OverlongPrompt,
    /// What files say of their making; none: nothing.
    pub provenance: Option<ProvenanceSettings>,
    /// How long images are kept.
    pub keep_images: SignedDuration,
    /// Whether prompts are kept as long as images are.
    pub keep_prompts: bool,
    /// Whether images with a star are kept until somebody deletes them.
    pub keep_favourites: bool,
    /// Whether prompts are written to the log.
    pub log_prompts: bool,
    /// What all keys together may use up.
    pub budgets: Budgets,
    /// Who runs this server, as files of the ledger name them.
    pub operator: String,
    /// Who is asked for images while there is no room here.
    pub buyer: Buyer,
    /// What the configuration states of what /admin/settings shows.
    pub stated: StatedSettings,
}

impl ServiceSettings {
    /// What this process keeps beside the books.
    pub fn keeping(&self) -> Keeping {
        let days = self.keep_images.as_hours() / 24;
        Keeping { days, favourites: self.keep_favourites, prompts: self.keep_prompts }
    }
}

/// Settings that tintype.toml or a variable states, so that no page can change them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatedSettings {
    /// Keys of the configuration, such as `costs.hardware`.
    pub keys: BTreeSet<&'static str>,
    /// Dated terms by their names, such as `exchange_rate.USD-CNY`, each with the key that states it.
    pub terms: BTreeMap<String, &'static str>,
    /// Where clients find the server; none: where a request came to.
    pub public_url: Option<String>,
}

/// What becomes of a job whose client has gone. A job with an idempotency key is always finished: its client is
/// expected back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDisconnect {
    /// It leaves the queue, or ends at the next step.
    #[default]
    Cancel,
    /// It is generated and booked as undelivered.
    Finish,
}

/// What becomes of a prompt with more tokens than the model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OverlongPrompt {
    /// It is refused.
    #[default]
    Refuse,
    /// It is cut, and the answer says so.
    Cut,
}

/// What a file says of its making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenanceSettings {
    /// How the prompt is recorded.
    pub prompt: PromptEmbedding,
    /// Who made it, as the mark for generated content names it.
    pub producer: String,
}

impl ProvenanceSettings {
    /// What a file says of an image of `spec` from `seed`, made by `model` at `now` and called `produced_id`, before it
    /// has a receipt.
    pub fn of(
        &self,
        spec: &RenderSpec,
        seed: Seed,
        model: &str,
        produced_id: String,
        now: Timestamp,
    ) -> Provenance {
        Provenance {
            prompt: match self.prompt {
                PromptEmbedding::Hash => PromptRecord::hash_of(&spec.prompt),
                PromptEmbedding::Text => PromptRecord::Text(spec.prompt.clone()),
                PromptEmbedding::None => PromptRecord::Omitted,
            },
            seed,
            steps: spec.steps,
            guidance_scale: spec.guidance_scale,
            model: model.to_owned(),
            loras: spec.loras.clone(),
            software: concat!("Tintype ", env!("CARGO_PKG_VERSION")).into(),
            producer: self.producer.clone(),
            produced_id,
            created: now,
            computation: None,
            bought_from: None,
            receipt: None,
        }
    }
}

/// How a file records its prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PromptEmbedding {
    /// As its SHA-256.
    #[default]
    Hash,
    /// As it is.
    Text,
    /// Not at all.
    None,
}
