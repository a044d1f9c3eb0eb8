use super::{files::ModelFiles, folder::EmbeddedFile};

/// The model compiled into the binary, for the first minute: no download, no account. models/embedded/model.md
/// describes it.
pub const EMBEDDED_MODEL: ModelFiles = ModelFiles::embedded("embedded model", FILES);

macro_rules! embed {
    ($($file:literal),* $(,)?) => {
        &[$(($file, include_bytes!(concat!("../../../models/embedded/", $file)))),*]
    };
}

const FILES: &[EmbeddedFile] = embed![
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/tokenizer.json",
    "transformer/config.json",
    "transformer/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
];
