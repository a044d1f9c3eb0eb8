//! The files of the diffusers layout.

use super::files::INDEX_FILE;

/// Whether `text` may be a part of a path or of a repository's name.
pub(super) fn is_part(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && !text.starts_with('.') && text.chars().all(allowed)
}

/// Whether Tintype reads `file` of a repository in the diffusers layout: no .bin, .gguf or .onnx twins, no example images.
pub(super) fn is_read(file: &str) -> bool {
    let Some((component, name)) = file.split_once('/') else { return file == INDEX_FILE };
    is_part(name)
        && match component {
            "tokenizer" => matches!(name, "tokenizer.json" | "tokenizer_config.json"),
            "scheduler" => name == "scheduler_config.json",
            "text_encoder" | "transformer" | "vae" => {
                name == "config.json"
                    || name.ends_with(".safetensors")
                    || name.ends_with(".safetensors.index.json")
            }
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_read_is_fetched() {
        assert!(is_read("transformer/diffusion_pytorch_model-00001-of-00003.safetensors"));
        assert!(is_read("transformer/diffusion_pytorch_model.safetensors.index.json"));
        assert!(is_read("tokenizer/tokenizer.json"));
        assert!(is_read("model_index.json"));
        for file in [
            "config.json",
            "tokenizer/merges.txt",
            "tokenizer/x.json",
            "assets/example.png",
            "README.md",
            "transformer/../../evil.json",
            "transformer/..\\evil.safetensors",
            "transformer/.safetensors",
            "transformer/a\0.safetensors",
            "../transformer/config.json",
        ] {
            assert!(!is_read(file), "{file:?}");
        }
    }
}
