//! What the tensors of a LoRA file are for: which layer, and which factor of its change.
//!
//! Every writer has names of its own. They are matched against the layers that the model has, not rewritten: names with
//! underscores in them (`feed_forward`, `to_q`) make any replacement wrong somewhere.

use std::collections::HashMap;

/// A factor of a layer's change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Role {
    /// [rank, inputs].
    Down,
    /// [outputs, rank].
    Up,
    /// The factor is alpha / rank.
    Alpha,
    /// LoHa (arXiv 2108.06098): (w1a·w1b) ⊙ (w2a·w2b).
    HadaW1A,
    HadaW1B,
    HadaW2A,
    HadaW2B,
    /// LoKr (arXiv 2309.14859): w1 ⊗ w2, each whole or a product of two.
    KronW1,
    KronW1A,
    KronW1B,
    KronW2,
    KronW2A,
    KronW2B,
    /// The change itself.
    Diff,
    /// Of a kind that is not applied, for example DoRA.
    Foreign(&'static str),
}

/// How names end, the longer before the shorter.
const ENDINGS: &[(&str, Role)] = &[
    (".lora_down.weight", Role::Down),
    (".lora_up.weight", Role::Up),
    (".lora.down.weight", Role::Down),
    (".lora.up.weight", Role::Up),
    (".lora_linear_layer.down.weight", Role::Down),
    (".lora_linear_layer.up.weight", Role::Up),
    (".lora_A.weight", Role::Down),
    (".lora_B.weight", Role::Up),
    (".lora_A", Role::Down),
    (".lora_B", Role::Up),
    (".alpha", Role::Alpha),
    (".hada_w1_a", Role::HadaW1A),
    (".hada_w1_b", Role::HadaW1B),
    (".hada_w2_a", Role::HadaW2A),
    (".hada_w2_b", Role::HadaW2B),
    (".lokr_w1", Role::KronW1),
    (".lokr_w1_a", Role::KronW1A),
    (".lokr_w1_b", Role::KronW1B),
    (".lokr_w2", Role::KronW2),
    (".lokr_w2_a", Role::KronW2A),
    (".lokr_w2_b", Role::KronW2B),
    (".diff", Role::Diff),
    (".dora_scale", Role::Foreign("DoRA")),
    (".lora_magnitude_vector", Role::Foreign("DoRA")),
    (".lora_magnitude_vector.weight", Role::Foreign("DoRA")),
    (".lora_mid.weight", Role::Foreign("a Tucker decomposition")),
    (".hada_t1", Role::Foreign("a Tucker decomposition")),
    (".hada_t2", Role::Foreign("a Tucker decomposition")),
    (".lokr_t2", Role::Foreign("a Tucker decomposition")),
    (".oft_blocks", Role::Foreign("OFT")),
    (".oft_diag", Role::Foreign("OFT")),
    (".diff_b", Role::Foreign("a change of a bias")),
];

/// The part of a name that is its layer's, and the factor.
pub(super) fn layer_and_role(name: &str) -> Option<(&str, Role)> {
    let found = ENDINGS.iter().find_map(|(ending, role)| Some((name.strip_suffix(ending)?, *role)));
    // peft puts an adapter's name before the last word: lora_A.default.weight.
    found.or_else(|| {
        let (rest, _) = name.strip_suffix(".weight").unwrap_or(name).rsplit_once('.')?;
        [(".lora_A", Role::Down), (".lora_B", Role::Up), (".lora_magnitude_vector", Role::Foreign("DoRA"))]
            .into_iter()
            .find_map(|(ending, role)| Some((rest.strip_suffix(ending)?, role)))
    })
}

/// What writers put before a layer's name, with dots as underscores.
const PREFIXES: &[&str] = &[
    "base_model_model_",
    "model_diffusion_model_",
    "diffusion_model_",
    "transformer_",
    "lora_unet__",
    "lora_unet_",
    "lora_transformer_",
    "lycoris_",
    "unet_",
];

/// The same for the text encoder's.
const TEXT_PREFIXES: &[&str] =
    &["text_encoders_qwen3_4b_transformer_", "text_encoder_", "lora_te_", "lora_te1_", "te_"];

/// The layers of a model, under every name that a LoRA's file may have for them.
pub(super) struct Layers {
    transformer: HashMap<String, Target>,
    text_encoder: HashMap<String, Target>,
}

/// What a name of a LoRA's file stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A layer by diffusers' name.
    Layer(String),
    /// Queries, keys and values in one, by diffusers' names: thirds of the outputs.
    Fused([String; 3]),
}

/// Parts of names of the original layout, and diffusers' name of the same layer.
const ORIGINAL: &[(&str, &str)] = &[
    (".attention.to_out.0", ".attention.out"),
    ("all_x_embedder.2-1", "x_embedder"),
    ("all_final_layer.2-1.", "final_layer."),
];

impl Layers {
    /// From the names of the layers that the transformer and the text encoder have.
    pub(super) fn new<'a>(
        transformer: impl Iterator<Item = &'a str>,
        text_encoder: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut layers = Self { transformer: HashMap::new(), text_encoder: HashMap::new() };
        for layer in transformer {
            let target = Target::Layer(layer.to_owned());
            for (ours, theirs) in ORIGINAL.iter().filter(|(ours, _)| layer.contains(ours)) {
                layers.transformer.insert(flat(&layer.replacen(ours, theirs, 1)), target.clone());
            }
            if let Some(block) = layer.strip_suffix(".attention.to_q") {
                let fused = ["q", "k", "v"].map(|letter| format!("{block}.attention.to_{letter}"));
                layers.transformer.insert(flat(&format!("{block}.attention.qkv")), Target::Fused(fused));
            }
            layers.transformer.insert(flat(layer), target);
        }
        for layer in text_encoder {
            let target = Target::Layer(layer.to_owned());
            if let Some(inner) = layer.strip_prefix("model.") {
                layers.text_encoder.insert(flat(inner), target.clone());
            }
            layers.text_encoder.insert(flat(layer), target);
        }
        layers
    }

    /// The layer that `name` stands for.
    pub(super) fn find(&self, name: &str) -> Option<&Target> {
        let name = flat(name);
        let mut rest = name.as_str();
        loop {
            if let Some(target) = self.transformer.get(rest) {
                return Some(target);
            }
            if let Some(inner) = TEXT_PREFIXES.iter().find_map(|prefix| rest.strip_prefix(prefix)) {
                return self.text_encoder.get(inner);
            }
            rest = PREFIXES.iter().find_map(|prefix| rest.strip_prefix(prefix))?;
        }
    }
}

/// Dots and underscores are one: kohya's names have no dots.
fn flat(name: &str) -> String {
    name.replace('.', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers() -> Layers {
        let transformer = [
            "layers.0.attention.to_q",
            "layers.0.attention.to_k",
            "layers.0.attention.to_v",
            "layers.0.attention.to_out.0",
            "layers.0.feed_forward.w1",
            "layers.0.adaLN_modulation.0",
            "noise_refiner.1.attention.to_q",
            "all_x_embedder.2-1",
            "all_final_layer.2-1.linear",
            "cap_embedder.1",
        ];
        Layers::new(transformer.into_iter(), ["model.layers.3.self_attn.q_proj"].into_iter())
    }

    #[test]
    fn every_writers_names_are_known() {
        for (name, layer, role) in [
            ("diffusion_model.layers.0.attention.to_q.lora_A.weight", "layers.0.attention.to_q", Role::Down),
            (
                "transformer.layers.0.attention.to_q.lora_B.default.weight",
                "layers.0.attention.to_q",
                Role::Up,
            ),
            ("layers.0.attention.to_q.lora_A.default.weight", "layers.0.attention.to_q", Role::Down),
            ("lora_unet_layers_0_attention_to_q.lora_down.weight", "layers.0.attention.to_q", Role::Down),
            ("lora_unet__layers_0_feed_forward_w1.lora_up.weight", "layers.0.feed_forward.w1", Role::Up),
            ("lora_unet_layers_0_attention_to_out_0.alpha", "layers.0.attention.to_out.0", Role::Alpha),
            ("lora_unet_layers_0_attention_out.lora_up.weight", "layers.0.attention.to_out.0", Role::Up),
            (
                "base_model.model.transformer.layers.0.adaLN_modulation.0.lora_A.weight",
                "layers.0.adaLN_modulation.0",
                Role::Down,
            ),
            (
                "transformer.noise.refiner.1.attention.to_q.lora.down.weight",
                "noise_refiner.1.attention.to_q",
                Role::Down,
            ),
            ("model.diffusion_model.x_embedder.lora_A.weight", "all_x_embedder.2-1", Role::Down),
            ("diffusion_model.final_layer.linear.lora_B.weight", "all_final_layer.2-1.linear", Role::Up),
            ("transformer.all_final_layer.2-1.linear.lora_B.weight", "all_final_layer.2-1.linear", Role::Up),
            ("lycoris_cap_embedder_1.lokr_w2_a", "cap_embedder.1", Role::KronW2A),
            ("lycoris_cap_embedder_1.hada_w1_b", "cap_embedder.1", Role::HadaW1B),
            (
                "text_encoder.model.layers.3.self_attn.q_proj.lora_A.weight",
                "model.layers.3.self_attn.q_proj",
                Role::Down,
            ),
            (
                "text_encoder.layers.3.self_attn.q_proj.lora_A.weight",
                "model.layers.3.self_attn.q_proj",
                Role::Down,
            ),
            (
                "lora_te_layers_3_self_attn_q_proj.lora_down.weight",
                "model.layers.3.self_attn.q_proj",
                Role::Down,
            ),
        ] {
            let (key, found) = layer_and_role(name).expect(name);
            assert_eq!((layers().find(key), found), (Some(&Target::Layer(layer.to_owned())), role), "{name}");
        }
        let (key, _) = layer_and_role("lora_unet_layers_0_attention_qkv.lora_down.weight").expect("a role");
        let thirds = ["q", "k", "v"].map(|letter| format!("layers.0.attention.to_{letter}"));
        assert_eq!(layers().find(key), Some(&Target::Fused(thirds)));
    }

    #[test]
    fn layers_that_the_model_does_not_have_are_not_found() {
        for name in
            ["diffusion_model.layers.9.attention.to_q", "lora_unet_double_blocks_0_img_attn_qkv", "layers"]
        {
            assert_eq!(layers().find(name), None, "{name}");
        }
        assert_eq!(layer_and_role("transformer.layers.0.attention.to_q.weight"), None);
        let dora = layer_and_role("transformer.layers.0.attention.to_q.lora_magnitude_vector.default.weight");
        assert!(matches!(dora, Some((_, Role::Foreign("DoRA")))));
        let bias = layer_and_role("diffusion_model.cap_embedder.1.diff_b");
        assert_eq!(bias, Some(("diffusion_model.cap_embedder.1", Role::Foreign("a change of a bias"))));
    }
}
