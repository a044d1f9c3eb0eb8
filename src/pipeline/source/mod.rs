//! Where a model's files are, and how they are read: a directory, the hub's cache, or the binary.

mod config;
mod embedded;
mod files;
pub mod hub;
mod model_source;
mod weights;

pub use self::{
    config::PROMPT_TOKENS_MAX,
    embedded::EMBEDDED_MODEL,
    files::{EmbeddedFile, ModelFiles},
    model_source::ModelSource,
    weights::OnLoad,
};
pub(super) use self::{
    config::{ModelConfig, TransformerConfig},
    weights::{LoadProgress, Weights},
};
