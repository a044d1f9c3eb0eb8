use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    path::Path,
};

use candle_core::DType;

use super::{
    super::{
        error::{LoadError, short},
        source::{Part, Parts, RawFile},
    },
    Lora,
    change::{self, Change, ChangeForm, Factors},
    keys::{Layers, Role, Target, layer_and_role},
};

/// Share of a file's layers, in percent, that the model must have.
const MATCHED_PERCENT_MIN: usize = 60;
/// Names that a message shows.
const SHOWN_MAX: usize = 3;

/// The linear layers of a model, with (outputs, inputs) of each: what LoRAs can change.
pub struct ModelLayers {
    transformer: BTreeMap<String, (usize, usize)>,
    text_encoder: BTreeMap<String, (usize, usize)>,
    /// The names that files have for them.
    names: Layers,
}

impl ModelLayers {
    pub(in crate::pipeline) fn of(parts: &Parts) -> Self {
        let of = |part: &Part| part.weights.linear_layers().collect::<BTreeMap<_, _>>();
        let (transformer, text_encoder) = (of(&parts.transformer), of(&parts.text_encoder));
        let names =
            Layers::new(transformer.keys().map(String::as_str), text_encoder.keys().map(String::as_str));
        Self { transformer, text_encoder, names }
    }

    fn size(&self, layer: &str) -> Option<(usize, usize)> {
        self.transformer.get(layer).or_else(|| self.text_encoder.get(layer)).copied()
    }

    /// Bytes that copies of the layers that `lora` changes take, in `dtype`.
    pub(in crate::pipeline) fn copied_bytes(&self, lora: &Lora, dtype: DType) -> u64 {
        let numbers = lora.changes.iter().map(|(layer, _)| self.numbers(layer));
        numbers.sum::<u64>().saturating_mul(dtype.size_in_bytes() as u64)
    }

    /// How many of the layers of `file` there are, how many it has, and its first names that nothing here has.
    pub(super) fn count(&self, file: &Path) -> Result<(usize, usize, Vec<String>), LoadError> {
        let invalid = |reason: String| LoadError::invalid(file.display().to_string(), reason);
        let (factors, mut unknown) = factors_of(&RawFile::open(file)?).map_err(invalid)?;
        let (found, lost): (Vec<&String>, Vec<&String>) =
            factors.keys().partition(|name| self.names.find(name).is_some());
        let matched = found.len();
        unknown.extend(lost.into_iter().cloned());
        unknown.truncate(SHOWN_MAX);
        Ok((matched, factors.len(), unknown))
    }

    /// Reads the LoRA `file`, which may take at most `bytes_max` bytes of memory.
    ///
    /// # Errors
    /// [`LoadError`], which names the file and what was recognised of it.
    pub fn read(&self, file: &Path, bytes_max: u64) -> Result<Lora, LoadError> {
        let invalid = |reason: String| LoadError::invalid(file.display().to_string(), reason);
        let raw = RawFile::open(file)?;
        let (found, unknown) = self.match_layers(&raw).map_err(invalid)?;
        let (matched, layers) = (found.len(), found.len() + unknown.layers);
        if !unknown.names.is_empty() {
            let (unknown, shown) = (unknown.names.len(), unknown.shown());
            tracing::warn!(file = %file.display(), unknown, "parts of a LoRA are passed over: {shown}");
        }
        let bytes = found.iter().map(|found| self.foreseen_bytes(found)).fold(0, u64::saturating_add);
        if bytes > bytes_max {
            return Err(invalid(format!(
                "it would take {bytes} bytes of memory beside the model; at most {bytes_max} are allowed"
            )));
        }
        let alphas = raw.text("lora_adapter_metadata").and_then(|text| serde_json::from_str(text).ok());
        let split = split_layers(&found);
        let mut changes = Vec::new();
        for found in found.iter().filter(|found| !is_said_twice(found, &split)) {
            let alpha = alphas.as_ref().and_then(|alphas| alpha_of(alphas, &found.name));
            changes.extend(self.changes_of(found, alpha).map_err(invalid)?);
        }
        Ok(Lora { changes, sha256: raw.sha256(), layers, matched })
    }

    /// The layers of a file that the model has, and what else is in it.
    fn match_layers(&self, raw: &RawFile) -> Result<(Vec<Found>, Unknown), String> {
        let (factors, names) = factors_of(raw)?;
        let (all, mut unknown) = (factors.len(), Unknown { names, layers: 0 });
        let mut found = Vec::new();
        for (name, factors) in factors {
            match self.names.find(&name) {
                Some(target) => found.push(Found { name, target: target.clone(), factors }),
                None => {
                    unknown.names.push(name);
                    unknown.layers += 1;
                }
            }
        }
        if found.len() * 100 >= all * MATCHED_PERCENT_MIN {
            return Ok((found, unknown));
        }
        let family =
            family(&unknown.names).map_or(String::new(), |family| format!("; it looks like {family}"));
        Err(format!(
            "a LoRA of another model{family}: {} of its {all} layers are of this one; not found: {}",
            found.len(),
            unknown.shown()
        ))
    }

    /// Bytes that a layer's change takes: of its factors, or of the whole matrix if it is not a product of two.
    fn foreseen_bytes(&self, Found { target, factors, .. }: &Found) -> u64 {
        let is_low_rank = [Role::Up, Role::Down].iter().all(|role| factors.contains_key(role));
        let numbers = match (is_low_rank, target) {
            (true, _) => factors.values().map(|factor| factor.elem_count() as u64).sum(),
            (false, Target::Layer(layer)) => self.numbers(layer),
            (false, Target::Fused(thirds)) => thirds.iter().map(|layer| self.numbers(layer)).sum(),
        };
        numbers.saturating_mul(size_of::<f32>() as u64)
    }

    fn numbers(&self, layer: &str) -> u64 {
        self.size(layer).map_or(0, |(outputs, inputs)| outputs as u64 * inputs as u64)
    }

    /// What a layer of a file changes of the model's layers. `alpha` is what the file's header says, if no tensor does.
    fn changes_of(&self, found: &Found, alpha: Option<f64>) -> Result<Vec<(String, Change)>, String> {
        let Found { name, target, factors } = found;
        let of_layer = |error: candle_core::Error| format!("layer `{name}`: {error}");
        let form = ChangeForm::of(factors).map_err(of_layer)?;
        let size = form.size().map_err(of_layer)?;
        let layers = match target {
            Target::Layer(layer) => std::slice::from_ref(layer),
            Target::Fused(thirds) => thirds.as_slice(),
        };
        self.check_size(name, layers, size)?;
        let own_alpha = change::alpha_of(factors).map_err(of_layer)?;
        let change = form.change(own_alpha.or(alpha)).map_err(of_layer)?;
        if !change.is_finite().map_err(of_layer)? {
            return Err(format!("layer `{name}` has numbers that are not finite: the file is damaged"));
        }
        if let [layer] = layers {
            return Ok(vec![(layer.clone(), change)]);
        }
        let part = |(part, layer): (usize, &String)| Ok((layer.clone(), change.third(part)?));
        layers.iter().enumerate().map(part).collect::<candle_core::Result<_>>().map_err(of_layer)
    }

    /// Checks that a change of `size`, by the file's `name`, fits the model's `layers`, one after the other.
    fn check_size(&self, name: &str, layers: &[String], size: (usize, usize)) -> Result<(), String> {
        let sizes: Vec<_> = layers.iter().filter_map(|layer| self.size(layer)).collect();
        let outputs: usize = sizes.iter().map(|(outputs, _)| outputs).sum();
        match sizes.first() {
            Some((_, inputs)) if size == (outputs, *inputs) => Ok(()),
            first => Err(format!(
                "layer `{name}` changes a matrix of {} × {}; the model's `{}` is {outputs} × {}: it is of another model",
                size.0,
                size.1,
                layers.first().map_or("", String::as_str),
                first.map_or(0, |(_, inputs)| *inputs),
            )),
        }
    }
}

/// A layer of a file that the model has.
struct Found {
    /// By the file.
    name: String,
    target: Target,
    factors: Factors,
}

/// What a file has beside the layers that the model has.
struct Unknown {
    /// Of tensors and of layers.
    names: Vec<String>,
    layers: usize,
}

impl Unknown {
    fn shown(&self) -> String {
        let shown = self.names.iter().take(SHOWN_MAX).map(|name| format!("`{}`", short(name)));
        shown.collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Debug for ModelLayers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (transformer, text_encoder) = (self.transformer.len(), self.text_encoder.len());
        write!(f, "ModelLayers {{ transformer: {transformer}, text_encoder: {text_encoder} }}")
    }
}

/// The factors of each layer in a file, by the file's names, and the names of tensors that are none.
pub(super) fn factors_of(raw: &RawFile) -> Result<(BTreeMap<String, Factors>, Vec<String>), String> {
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
        return Err("not a LoRA: no tensor of it is called lora_A, lora_down, hada or lokr".to_owned());
    }
    Ok((factors, unknown))
}

/// The layers that a file names by themselves, and not as a part of queries, keys and values in one.
fn split_layers(found: &[Found]) -> HashSet<String> {
    let own = found.iter().filter(|found| !is_original(&found.name));
    own.filter_map(|found| match &found.target {
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
fn is_said_twice(Found { name, target, .. }: &Found, split: &HashSet<String>) -> bool {
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
pub(super) fn family(names: &[String]) -> Option<&'static str> {
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
