//! LoRAs (arXiv 2106.09685) and their relatives: small changes to a model's linear layers.
//!
//! A layer computes W·x + up·(down·x): its own weights are never changed, whatever type they have. Each LoRA's strength is
//! in `up`, and those of one layer stand side by side, so that a layer has one side branch however many LoRAs there are.

mod change;
mod inspect;
mod keys;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::{Path, PathBuf},
};

use candle_core::{Result, Tensor};

pub use self::inspect::{LoraInspection, LoraMatch};
use self::{
    change::{Change, Factors},
    keys::{Layers, Target, layer_and_role},
};
use super::{
    error::{LoadError, short},
    source::{Part, Parts, RawFile},
};

/// A LoRA's file, and how strongly it is applied.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraChoice {
    /// The file.
    pub file: PathBuf,
    /// 1 is as it was trained.
    pub weight: f64,
}

/// What is added to each layer of a component, by diffusers' names.
pub(super) type Adapters = HashMap<String, Adapter>;

/// What is added to a layer, in f32 on the CPU.
#[derive(Debug, Clone, Default)]
pub(super) struct Adapter {
    /// [rank, inputs], and [outputs, rank].
    pub(super) low_rank: Option<(Tensor, Tensor)>,
    /// [outputs, inputs].
    pub(super) dense: Option<Tensor>,
}

/// Share of a file's layers, in percent, that the model must have.
const MATCHED_PERCENT_MIN: usize = 60;
/// Names that a message shows.
const SHOWN_MAX: usize = 3;

/// Puts `loras` beside the layers of `parts`.
///
/// # Errors
/// [`LoadError`], which names the file and what was recognised of it.
pub(super) fn apply(loras: &[LoraChoice], parts: &mut Parts) -> std::result::Result<(), LoadError> {
    if loras.is_empty() {
        return Ok(());
    }
    let layers = ModelLayers::of(parts);
    let mut adapters = Adapters::new();
    for LoraChoice { file, weight } in loras {
        let changes = layers.changes(file)?;
        tracing::info!(file = %file.display(), weight, layers = changes.len(), "a LoRA is applied");
        for (layer, change) in changes {
            let added = adapters.entry(layer).or_default().add(change, *weight);
            added.map_err(|error| LoadError::invalid(file.display().to_string(), error.to_string()))?;
        }
    }
    let (transformer, text_encoder) =
        adapters.into_iter().partition(|(layer, _)| layers.transformer.contains_key(layer));
    parts.transformer.weights.adapt(transformer);
    parts.text_encoder.weights.adapt(text_encoder);
    Ok(())
}

/// The linear layers of a model, with (outputs, inputs) of each.
struct ModelLayers {
    transformer: BTreeMap<String, (usize, usize)>,
    text_encoder: BTreeMap<String, (usize, usize)>,
    /// The names that files have for them.
    names: Layers,
}

impl ModelLayers {
    fn of(parts: &Parts) -> Self {
        let of = |part: &Part| part.weights.linear_layers().collect::<BTreeMap<_, _>>();
        let (transformer, text_encoder) = (of(&parts.transformer), of(&parts.text_encoder));
        let names =
            Layers::new(transformer.keys().map(String::as_str), text_encoder.keys().map(String::as_str));
        Self { transformer, text_encoder, names }
    }

    fn size(&self, layer: &str) -> Option<(usize, usize)> {
        self.transformer.get(layer).or_else(|| self.text_encoder.get(layer)).copied()
    }

    /// How many of the layers of `file` there are, how many it has, and its first names that nothing here has.
    fn count(&self, file: &Path) -> std::result::Result<(usize, usize, Vec<String>), LoadError> {
        let invalid = |reason: String| LoadError::invalid(file.display().to_string(), reason);
        let (factors, mut unknown) = factors_of(&RawFile::open(file)?).map_err(invalid)?;
        let (found, lost): (Vec<&String>, Vec<&String>) =
            factors.keys().partition(|name| self.names.find(name).is_some());
        let matched = found.len();
        unknown.extend(lost.into_iter().cloned());
        unknown.truncate(SHOWN_MAX);
        Ok((matched, factors.len(), unknown))
    }

    /// What `file` changes of each layer.
    fn changes(&self, file: &Path) -> std::result::Result<Vec<(String, Change)>, LoadError> {
        let invalid = |reason: String| LoadError::invalid(file.display().to_string(), reason);
        let raw = RawFile::open(file)?;
        let (factors, mut unknown) = factors_of(&raw).map_err(invalid)?;
        let all = factors.len();
        let mut found: Vec<(String, Target, Factors)> = Vec::new();
        for (name, factors) in factors {
            match self.names.find(&name) {
                Some(target) => found.push((name, target.clone(), factors)),
                None => unknown.push(name),
            }
        }
        let shown = unknown.iter().take(SHOWN_MAX).map(|name| format!("`{}`", short(name)));
        let shown = shown.collect::<Vec<_>>().join(", ");
        if found.len() * 100 < all * MATCHED_PERCENT_MIN {
            let family = family(&unknown).map_or(String::new(), |family| format!("; it looks like {family}"));
            return Err(invalid(format!(
                "a LoRA of another model{family}: {} of its {all} layers are of this one; not found: {shown}",
                found.len()
            )));
        }
        if !unknown.is_empty() {
            let unknown = unknown.len();
            tracing::warn!(file = %file.display(), unknown, "parts of a LoRA are passed over: {shown}");
        }
        let alphas = raw.text("lora_adapter_metadata").and_then(|text| serde_json::from_str(text).ok());
        let split = split_layers(&found);
        let mut changes = Vec::new();
        for (name, target, factors) in
            found.iter().filter(|(name, target, _)| !is_said_twice(name, target, &split))
        {
            let of_layer = |error: candle_core::Error| invalid(format!("layer `{name}`: {error}"));
            let alpha = alphas.as_ref().and_then(|alphas| alpha_of(alphas, name));
            let change = Change::of(factors, alpha).map_err(of_layer)?;
            let parts = match target {
                Target::Layer(layer) => vec![(layer.clone(), change)],
                Target::Fused(thirds) => {
                    let parts = thirds
                        .iter()
                        .enumerate()
                        .map(|(part, layer)| Ok((layer.clone(), change.third(part)?)));
                    parts.collect::<Result<_>>().map_err(of_layer)?
                }
            };
            for (layer, change) in &parts {
                self.check_size(name, layer, change.size().map_err(of_layer)?).map_err(invalid)?;
            }
            changes.extend(parts);
        }
        Ok(changes)
    }

    /// Checks that a change of `size`, by the file's `name`, fits the model's `layer`.
    fn check_size(&self, name: &str, layer: &str, size: (usize, usize)) -> std::result::Result<(), String> {
        match self.size(layer) {
            Some(expected) if expected == size => Ok(()),
            expected => {
                let (outputs, inputs) = expected.unwrap_or_default();
                Err(format!(
                    "layer `{name}` changes a matrix of {} × {}; the model's `{layer}` is {outputs} × {inputs}: it is of \
                     another model",
                    size.0, size.1
                ))
            }
        }
    }
}

/// The factors of each layer in a file, by the file's names, and the names of tensors that are none.
fn factors_of(raw: &RawFile) -> std::result::Result<(BTreeMap<String, Factors>, Vec<String>), String> {
    let mut factors: BTreeMap<String, Factors> = BTreeMap::new();
    let mut unknown = Vec::new();
    for name in raw.names() {
        let Some((layer, role)) = layer_and_role(name) else {
            unknown.push(name.to_owned());
            continue;
        };
        let tensor = raw.tensor(name).map_err(|error| format!("tensor `{name}`: {error}"))?;
        factors.entry(layer.to_owned()).or_default().insert(role, tensor);
    }
    if factors.is_empty() {
        Err("not a LoRA: no tensor of it is called lora_A, lora_down, hada or lokr".to_owned())
    } else {
        Ok((factors, unknown))
    }
}

/// The layers that a file names by themselves, and not as a part of queries, keys and values in one.
fn split_layers(found: &[(String, Target, Factors)]) -> HashSet<String> {
    let own = found.iter().filter(|(name, ..)| !is_original(name));
    own.filter_map(|(_, target, _)| match target {
        Target::Layer(layer) => Some(layer.clone()),
        Target::Fused(_) => None,
    })
    .collect()
}

/// Whether a name is of the original layout, which diffusers has other names for.
fn is_original(name: &str) -> bool {
    ["attention.qkv", "attention_qkv", "attention.out", "attention_out"].iter().any(|end| name.ends_with(end))
}

/// Some files have a change twice, by both layouts' names. diffusers' count.
fn is_said_twice(name: &str, target: &Target, split: &HashSet<String>) -> bool {
    is_original(name)
        && match target {
            Target::Layer(layer) => split.contains(layer),
            Target::Fused(thirds) => thirds.iter().any(|layer| split.contains(layer)),
        }
}

/// Alpha of `layer` by the header that diffusers and peft write.
fn alpha_of(metadata: &serde_json::Value, layer: &str) -> Option<f64> {
    let (prefix, inner) = match layer.split_once('.') {
        Some((prefix @ ("transformer" | "text_encoder"), inner)) => (format!("{prefix}."), inner),
        _ => (String::new(), layer),
    };
    let value = |key: &str| metadata.get(format!("{prefix}{key}"));
    let own =
        value("alpha_pattern").and_then(|pattern| pattern.get(inner)).and_then(serde_json::Value::as_f64);
    own.or_else(|| value("lora_alpha").and_then(serde_json::Value::as_f64))
}

/// The model that a LoRA is of, by names that only its own have.
fn family(names: &[String]) -> Option<&'static str> {
    const FAMILIES: [(&str, &str); 6] = [
        ("double_blocks", "Flux's"),
        ("single_transformer_blocks", "Flux's"),
        ("img_mod", "Qwen-Image's"),
        ("lora_te1_", "SDXL's"),
        ("down_blocks", "Stable Diffusion's"),
        ("blocks_0_self_attn", "Wan's"),
    ];
    FAMILIES
        .into_iter()
        .find(|(part, _)| names.iter().any(|name| name.contains(part)))
        .map(|(_, family)| family)
}

impl Adapter {
    fn add(&mut self, change: Change, weight: f64) -> Result<()> {
        match change {
            Change::LowRank { down, up } => {
                let up = (up * weight)?;
                self.low_rank = Some(match self.low_rank.take() {
                    None => (down, up),
                    Some((downs, ups)) => (Tensor::cat(&[downs, down], 0)?, Tensor::cat(&[ups, up], 1)?),
                });
            }
            Change::Dense(change) => {
                let change = (change * weight)?;
                self.dense = Some(match self.dense.take() {
                    None => change,
                    Some(sum) => (sum + change)?,
                });
            }
        }
        Ok(())
    }
}
