//! What files call the tensors of each part, and what diffusers calls them. Here ours have diffusers' names.

use std::borrow::Cow;

use super::Component;

/// A tensor of a file, in the part's own names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named<'a> {
    Whole(Cow<'a, str>),
    /// Queries, keys and values in one: thirds of the rows.
    Thirds([String; 3]),
    /// Nothing that is read.
    Passed,
}

/// What may stand before every name of a part in a file. The longest that fits is dropped.
const fn prefixes(component: Component) -> &'static [&'static str] {
    match component {
        Component::Transformer => &["model.diffusion_model.", "diffusion_model.", "transformer."],
        Component::TextEncoder => &[
            "text_encoders.qwen3_4b.transformer.",
            "text_encoders.qwen3_4b.",
            "text_encoder.",
            "qwen3_4b.transformer.",
        ],
        Component::Vae => &["first_stage_model.", "vae."],
    }
}

/// The name without what stands before every name of `component`, and whether something did.
pub(super) fn without_prefix(component: Component, name: &str) -> (&str, bool) {
    let found = prefixes(component).iter().find_map(|prefix| name.strip_prefix(prefix));
    found.map_or((name, false), |rest| (rest, true))
}

/// The name of the tensor `name`, which has no prefix any more, of a file of `component`.
pub(super) fn translate(component: Component, name: &str) -> Named<'_> {
    match component {
        Component::Transformer => transformer(name),
        Component::TextEncoder => text_encoder(name),
        Component::Vae => vae(name),
    }
}

/// Of the original layout, which ComfyUI's files and all GGUF files have: the beginning of a name.
const TRANSFORMER_STEMS: &[(&str, &str)] =
    &[("x_embedder.", "all_x_embedder.2-1."), ("final_layer.", "all_final_layer.2-1.")];

/// Of the original layout: what stands after a block's number.
const BLOCK_PARTS: &[(&str, &str)] = &[
    ("attention.out.", "attention.to_out.0."),
    ("attention.q_norm.", "attention.norm_q."),
    ("attention.k_norm.", "attention.norm_k."),
];

fn transformer(name: &str) -> Named<'_> {
    if name == "norm_final.weight" {
        return Named::Passed;
    }
    if let Some(renamed) = with_stem(name, TRANSFORMER_STEMS) {
        return Named::Whole(renamed.into());
    }
    let Some((block, part)) = block_and_part(name) else { return Named::Whole(name.into()) };
    if let Some(rest) = part.strip_prefix("attention.qkv.") {
        let joined = ["q", "k", "v"].map(|letter| format!("{block}attention.to_{letter}.{rest}"));
        // stable-diffusion.cpp saves the three under the one's name.
        return match rest.strip_prefix("weight") {
            Some(".1") => Named::Whole(format!("{block}attention.to_k.weight").into()),
            Some(".2") => Named::Whole(format!("{block}attention.to_v.weight").into()),
            _ => Named::Thirds(joined),
        };
    }
    match with_stem(part, BLOCK_PARTS) {
        Some(renamed) => Named::Whole(format!("{block}{renamed}").into()),
        None => Named::Whole(name.into()),
    }
}

/// `layers.12.attention.qkv.weight` → (`layers.12.`, `attention.qkv.weight`).
fn block_and_part(name: &str) -> Option<(&str, &str)> {
    let after_stack = name.find('.')? + 1;
    let after_number = after_stack + name[after_stack..].find('.')? + 1;
    let number = &name[after_stack..after_number - 1];
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.split_at(after_number))
}

fn with_stem(name: &str, stems: &[(&str, &str)]) -> Option<String> {
    stems.iter().find_map(|(theirs, ours)| Some(format!("{ours}{}", name.strip_prefix(theirs)?)))
}

/// GGUF's names of Qwen3, in a layer and outside.
const QWEN3_PARTS: &[(&str, &str)] = &[
    ("attn_q.", "self_attn.q_proj."),
    ("attn_k.", "self_attn.k_proj."),
    ("attn_v.", "self_attn.v_proj."),
    ("attn_output.", "self_attn.o_proj."),
    ("attn_q_norm.", "self_attn.q_norm."),
    ("attn_k_norm.", "self_attn.k_norm."),
    ("ffn_gate.", "mlp.gate_proj."),
    ("ffn_up.", "mlp.up_proj."),
    ("ffn_down.", "mlp.down_proj."),
    ("attn_norm.", "input_layernorm."),
    ("ffn_norm.", "post_attention_layernorm."),
];

/// Files of Qwen3ForCausalLM call their tensors `model.…`, files of Qwen3Model do not.
fn text_encoder(name: &str) -> Named<'_> {
    if let Some(rest) = name.strip_prefix("token_embd.") {
        return Named::Whole(format!("model.embed_tokens.{rest}").into());
    }
    if let Some((number, part)) = name.strip_prefix("blk.").and_then(|rest| rest.split_once('.'))
        && let Some(renamed) = with_stem(part, QWEN3_PARTS)
    {
        return Named::Whole(format!("model.layers.{number}.{renamed}").into());
    }
    match name {
        "output.weight" | "output_norm.weight" | "lm_head.weight" | "rope_freqs.weight" => Named::Passed,
        _ if name.starts_with("layers.")
            || name.starts_with("embed_tokens.")
            || name.starts_with("norm.") =>
        {
            Named::Whole(format!("model.{name}").into())
        }
        _ => Named::Whole(name.into()),
    }
}

/// The original autoencoder's names (LDM) in a block or beside one.
const VAE_PARTS: &[(&str, &str)] = &[
    ("mid.block_1.", "mid_block.resnets.0."),
    ("mid.block_2.", "mid_block.resnets.1."),
    ("mid.attn_1.norm.", "mid_block.attentions.0.group_norm."),
    ("mid.attn_1.q.", "mid_block.attentions.0.to_q."),
    ("mid.attn_1.k.", "mid_block.attentions.0.to_k."),
    ("mid.attn_1.v.", "mid_block.attentions.0.to_v."),
    ("mid.attn_1.proj_out.", "mid_block.attentions.0.to_out.0."),
    ("norm_out.", "conv_norm_out."),
];

/// The decoder's blocks are counted from the finest here, and from the coarsest in diffusers: see [`turn_up_blocks`].
fn vae(name: &str) -> Named<'_> {
    let Some((half @ ("encoder" | "decoder"), rest)) = name.split_once('.') else {
        return Named::Whole(name.into());
    };
    if let Some(renamed) = with_stem(rest, VAE_PARTS) {
        return Named::Whole(format!("{half}.{renamed}").into());
    }
    let block = |kind: &str, blocks: &str, resample: (&str, &str)| {
        let (number, part) = rest.strip_prefix(kind)?.split_once('.')?;
        let part = match (part.strip_prefix("block."), part.strip_prefix(resample.0)) {
            (Some(part), _) => format!("resnets.{}", part.replacen("nin_shortcut", "conv_shortcut", 1)),
            (_, Some(part)) => format!("{}{part}", resample.1),
            _ => return None,
        };
        Some(format!("{half}.{blocks}.{number}.{part}"))
    };
    let renamed = block("down.", "down_blocks", ("downsample.conv.", "downsamplers.0.conv."))
        .or_else(|| block("up.", FINEST_FIRST, ("upsample.conv.", "upsamplers.0.conv.")));
    renamed.map_or(Named::Whole(name.into()), |renamed| Named::Whole(renamed.into()))
}

/// What the decoder's blocks are called until all of them are known.
const FINEST_FIRST: &str = "up_blocks_finest_first";

/// Counts the blocks of an autoencoder's decoder from the coarsest, given the names of all its tensors.
pub(super) fn turn_up_blocks(names: &mut [String]) {
    let stem = format!("decoder.{FINEST_FIRST}.");
    let number = |name: &str| name.strip_prefix(&stem)?.split_once('.')?.0.parse::<usize>().ok();
    let Some(last) = names.iter().filter_map(|name| number(name)).max() else { return };
    for name in names {
        if let Some(number) = number(name)
            && let Some((_, part)) = name[stem.len()..].split_once('.')
        {
            *name = format!("decoder.up_blocks.{}.{part}", last - number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(component: Component, name: &str) -> String {
        match translate(component, without_prefix(component, name).0) {
            Named::Whole(name) => name.into_owned(),
            Named::Thirds(names) => names.join(" "),
            Named::Passed => String::new(),
        }
    }

    #[test]
    fn the_original_layout_of_the_transformer_is_diffusers() {
        for (theirs, ours) in [
            ("x_embedder.weight", "all_x_embedder.2-1.weight"),
            ("model.diffusion_model.x_embedder.bias", "all_x_embedder.2-1.bias"),
            ("final_layer.adaLN_modulation.1.weight", "all_final_layer.2-1.adaLN_modulation.1.weight"),
            ("diffusion_model.layers.29.attention.out.weight", "layers.29.attention.to_out.0.weight"),
            ("noise_refiner.1.attention.q_norm.weight", "noise_refiner.1.attention.norm_q.weight"),
            ("context_refiner.0.attention.k_norm.weight", "context_refiner.0.attention.norm_k.weight"),
            ("layers.3.attention_norm1.weight", "layers.3.attention_norm1.weight"),
            ("layers.3.adaLN_modulation.0.bias", "layers.3.adaLN_modulation.0.bias"),
            ("cap_embedder.1.weight", "cap_embedder.1.weight"),
            ("norm_final.weight", ""),
            (
                "layers.0.attention.qkv.weight",
                "layers.0.attention.to_q.weight layers.0.attention.to_k.weight layers.0.attention.to_v.weight",
            ),
            ("layers.0.attention.qkv.weight.1", "layers.0.attention.to_k.weight"),
            ("layers.0.attention.to_out.0.weight", "layers.0.attention.to_out.0.weight"),
            ("all_x_embedder.2-1.weight", "all_x_embedder.2-1.weight"),
        ] {
            assert_eq!(named(Component::Transformer, theirs), ours);
        }
    }

    #[test]
    fn qwen3_has_one_name_in_all_its_files() {
        for (theirs, ours) in [
            ("model.embed_tokens.weight", "model.embed_tokens.weight"),
            ("embed_tokens.weight", "model.embed_tokens.weight"),
            ("token_embd.weight", "model.embed_tokens.weight"),
            ("layers.7.mlp.gate_proj.weight", "model.layers.7.mlp.gate_proj.weight"),
            ("blk.7.ffn_gate.weight", "model.layers.7.mlp.gate_proj.weight"),
            ("blk.7.attn_q_norm.weight", "model.layers.7.self_attn.q_norm.weight"),
            ("blk.7.attn_q.weight", "model.layers.7.self_attn.q_proj.weight"),
            ("blk.7.attn_norm.weight", "model.layers.7.input_layernorm.weight"),
            ("blk.7.ffn_norm.weight", "model.layers.7.post_attention_layernorm.weight"),
            ("lm_head.weight", ""),
        ] {
            assert_eq!(named(Component::TextEncoder, theirs), ours);
        }
    }

    #[test]
    fn the_autoencoders_blocks_are_counted_from_the_coarsest() {
        let mut names: Vec<String> = [
            "decoder.up.0.block.2.nin_shortcut.weight",
            "first_stage_model.decoder.up.3.block.0.norm1.weight",
            "vae.decoder.up.1.upsample.conv.bias",
            "decoder.mid.attn_1.proj_out.weight",
            "decoder.norm_out.bias",
            "decoder.conv_in.weight",
            "encoder.down.0.downsample.conv.weight",
            "encoder.down.3.block.1.conv2.bias",
        ]
        .map(|name| named(Component::Vae, name))
        .to_vec();
        turn_up_blocks(&mut names);
        assert_eq!(
            names,
            [
                "decoder.up_blocks.3.resnets.2.conv_shortcut.weight",
                "decoder.up_blocks.0.resnets.0.norm1.weight",
                "decoder.up_blocks.2.upsamplers.0.conv.bias",
                "decoder.mid_block.attentions.0.to_out.0.weight",
                "decoder.conv_norm_out.bias",
                "decoder.conv_in.weight",
                "encoder.down_blocks.0.downsamplers.0.conv.weight",
                "encoder.down_blocks.3.resnets.1.conv2.bias",
            ]
        );
    }
}
