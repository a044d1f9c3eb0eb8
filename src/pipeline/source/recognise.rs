//! What a file is, by the names in it: so that a wrong one is refused by name.

use super::{super::error::short, Component, weights::Contents};

impl Contents<'_> {
    /// Why these files, given as a `component`, are not one.
    pub(super) fn refusal(&self, component: Component) -> Option<String> {
        let has_any =
            |parts: &[&str]| self.tensors.keys().any(|name| parts.iter().any(|part| name.contains(part)));
        let refused =
            |what: &str, instead: &str| Some(format!("{what}, not {}; {instead}", component.phrase()));
        if self.text("quantization_config").is_some() || has_any(&[".qweight", ".wscales"]) {
            return Some(
                "a Nunchaku (SVDQuant) file, packed for its own CUDA kernels; take the model as bf16, fp8 or GGUF"
                    .into(),
            );
        }
        if has_any(&LORA_PARTS) {
            return refused("a LoRA", "pass it with --lora, and its base model with --model");
        }
        if has_any(&["control_all_x_embedder.", "control_layers.", "control_noise_refiner."]) {
            return refused("a ControlNet", "ControlNets are not supported; pass the base model");
        }
        match component {
            Component::Transformer => self.transformer_refusal(),
            Component::TextEncoder if has_any(&["embed_tokens.weight", "token_embd.weight"]) => None,
            Component::TextEncoder => refused(
                &format!(
                    "a file{} without `model.embed_tokens.weight` or `token_embd.weight`",
                    self.architecture()
                ),
                "pass Qwen3-4B's weights, such as qwen_3_4b.safetensors",
            ),
            Component::Vae if has_any(&["decoder.conv_in.weight"]) => None,
            Component::Vae => refused(
                "a file without `decoder.conv_in.weight`",
                "pass the Flux.1 autoencoder, such as ae.safetensors",
            ),
        }
    }

    fn transformer_refusal(&self) -> Option<String> {
        let has = |name: &str| self.tensors.contains_key(name);
        let starts = |stem: &str| self.tensors.keys().any(|name| name.starts_with(stem));
        let family = |what: &str| {
            Some(format!(
                "{what}, not Z-Image; pass a Z-Image transformer, such as z_image_turbo_bf16.safetensors"
            ))
        };
        if starts("siglip_embedder.") {
            return family("an Omni model (it has a siglip_embedder)");
        }
        if has("dec_net.cond_embed.weight") {
            return family("Zeta-Chroma, which works on pixels");
        }
        if ["double_blocks.", "single_blocks.", "single_transformer_blocks."].into_iter().any(starts) {
            return family("a Flux model");
        }
        if self.tensors.keys().any(|name| name.starts_with("transformer_blocks.") && name.contains("img_mod"))
        {
            return family("a Qwen-Image model");
        }
        let ends = |ending: &str| self.tensors.keys().any(|name| name.ends_with(ending));
        if ends("decoder.conv_in.weight") {
            return Some("an autoencoder, not a transformer; pass it with --vae".into());
        }
        if ends("embed_tokens.weight") || ends("token_embd.weight") {
            return Some("a text encoder, not a transformer; pass it with --text-encoder".into());
        }
        let Some((_, embedder)) =
            self.tensors.get("cap_embedder.1.weight").filter(|_| starts("noise_refiner."))
        else {
            return family(&format!("a file{} without a Z-Image transformer's tensors", self.architecture()));
        };
        if embedder.shape.first() == Some(&LUMINA_2_WIDTH) {
            return family("Lumina 2 (its width is 2304)");
        }
        if !has("cap_pad_token") {
            return family("a relative of Lumina without cap_pad_token");
        }
        None
    }

    fn architecture(&self) -> String {
        let architecture = self.text("general.architecture");
        architecture.map_or(String::new(), |name| format!(" of architecture {}", short(name)))
    }
}

const LORA_PARTS: [&str; 6] =
    [".lora_A.", ".lora_down.", ".lora.down.", ".hada_w1_a", ".lokr_w", ".dora_scale"];

/// The width of Lumina 2, which has Z-Image's names.
const LUMINA_2_WIDTH: usize = 2304;
