use serde_json::Value;

/// A part of a model that has weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::pipeline) enum Component {
    TextEncoder,
    Transformer,
    Vae,
}

impl Component {
    /// Its folder in the diffusers layout.
    pub(in crate::pipeline) const fn folder(self) -> &'static str {
        match self {
            Self::TextEncoder => "text_encoder",
            Self::Transformer => "transformer",
            Self::Vae => "vae",
        }
    }

    /// As [`Component::folder`], for messages.
    pub(super) const fn as_str(self) -> &'static str {
        self.folder()
    }

    /// What the names of its files begin with in that folder.
    pub(super) const fn stem(self) -> &'static str {
        match self {
            Self::TextEncoder => "model",
            Self::Transformer | Self::Vae => "diffusion_pytorch_model",
        }
    }

    /// What it is, in a sentence.
    pub(super) const fn phrase(self) -> &'static str {
        match self {
            Self::TextEncoder => "Z-Image's text encoder (Qwen3)",
            Self::Transformer => "a Z-Image transformer",
            Self::Vae => "Z-Image's autoencoder",
        }
    }

    /// How it is passed, and a file that it may be.
    pub(super) const fn flag(self) -> &'static str {
        match self {
            Self::TextEncoder => "--text-encoder qwen_3_4b.safetensors",
            Self::Transformer => "--model z_image_turbo_bf16.safetensors",
            Self::Vae => "--vae ae.safetensors",
        }
    }

    /// Folders that ComfyUI keeps its files in.
    pub(super) const fn comfy_folders(self) -> &'static [&'static str] {
        match self {
            Self::TextEncoder => &["text_encoders", "clip"],
            Self::Transformer => &["diffusion_models", "unet"],
            Self::Vae => &["vae"],
        }
    }

    /// Whether `config` says that it is this component's.
    pub(super) fn is_named_by(self, config: &Value) -> bool {
        let text = |key: &str| config.get(key).and_then(Value::as_str);
        match self {
            Self::Transformer => text("_class_name") == Some("ZImageTransformer2DModel"),
            Self::Vae => text("_class_name") == Some("AutoencoderKL"),
            Self::TextEncoder => {
                let architectures = config.get("architectures").and_then(Value::as_array);
                let mut names = architectures.into_iter().flatten().filter_map(Value::as_str);
                text("model_type") == Some("qwen3") || names.any(|name| name.starts_with("Qwen3"))
            }
        }
    }
}
