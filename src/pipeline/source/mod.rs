//! Where a model's files are, and how they are read: a folder in the diffusers layout, on disk, in the hub's cache or in the
//! binary, or single files of safetensors or GGUF in any layout. `Weights` is one map of tensors for all of them.

mod by_shapes;
mod component;
mod config;
mod description;
mod embedded;
mod encoding;
mod files;
mod folder;
mod gguf;
mod hashes;
mod header;
pub mod hub;
mod layout;
mod model_source;
mod names;
mod neighbours;
mod part;
mod pin;
mod raw;
mod recognise;
mod scales;
mod shards;
mod weights;

pub(super) use self::{
    component::Component,
    config::{ModelConfig, TransformerConfig},
    header::RawFile,
    part::{Part, Parts},
    pin::sha256,
    weights::{LoadProgress, Weights},
};
pub use self::{
    config::PROMPT_TOKENS_MAX,
    embedded::EMBEDDED_MODEL,
    files::{ModelFiles, PartFiles},
    folder::EmbeddedFile,
    hashes::{FileIdentity, HashedWeights},
    model_source::ModelSource,
    pin::ModelDigest,
    weights::OnLoad,
};
use self::{folder::Folder, shards::shard_files};

/// Whether every file that is read of a model in the diffusers layout is in `folder`.
fn is_complete(folder: &Folder) -> bool {
    let described = [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "tokenizer/tokenizer.json",
        "text_encoder/config.json",
        "transformer/config.json",
        "vae/config.json",
    ];
    let components = [Component::TextEncoder, Component::Transformer, Component::Vae];
    described.iter().all(|file| folder.contains(file))
        && components.iter().all(|component| {
            let shards = shard_files(folder, component.folder(), component.stem());
            shards.is_ok_and(|(shards, _)| shards.iter().all(|shard| folder.contains(shard)))
        })
}
