use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use candle_core::Result;
use serde::Serialize;

use super::{
    super::{
        error::LoadError,
        source::{ModelFiles, Parts, RawFile},
    },
    change::Change,
    keys::Role,
    layers::{ModelLayers, factors_of, family},
};

/// What a LoRA's file is, and what of it a model has.
#[derive(Debug, Serialize)]
pub struct LoraInspection {
    /// The layers that it changes, by what changes them: `LoRA`, `LoHa`, `LoKr`, `full` or a kind that is not applied.
    pub kinds: BTreeMap<&'static str, usize>,
    /// Ranks of its LoRAs.
    pub ranks: BTreeSet<usize>,
    /// Alphas that it has; none: strength is the weight alone.
    pub alphas: Vec<f32>,
    /// The other model that it looks like, by names that only that one has.
    pub other_family: Option<&'static str>,
    /// SHA-256 of the file in hexadecimal digits.
    pub sha256: String,
    /// The model's part, if one was given.
    pub model: Option<LoraMatch>,
}

/// What of a LoRA a model has.
#[derive(Debug, Serialize)]
pub struct LoraMatch {
    /// Layers of the file that the model has.
    pub matched: usize,
    /// Layers of the file.
    pub layers: usize,
    /// The first names that nothing in the model has.
    pub unmatched: Vec<String>,
    /// The root of the sum of the squares of all that it adds, at weight 1.
    pub norm: f64,
    /// Why it cannot be applied.
    pub problem: Option<String>,
}

impl LoraInspection {
    /// Inspects `file`, and holds it against the model in `model`.
    ///
    /// # Errors
    /// [`LoadError`] if `file` is not a LoRA, or `model` is not a model. That they do not fit is in the result.
    pub fn of(file: &Path, model: Option<&ModelFiles>) -> std::result::Result<Self, LoadError> {
        let invalid = |reason: String| LoadError::invalid(file.display().to_string(), reason);
        let raw = RawFile::open(file)?;
        let (factors, _) = factors_of(&raw).map_err(invalid)?;
        let names: Vec<String> = factors.keys().cloned().collect();
        let mut inspection = Self {
            kinds: BTreeMap::new(),
            ranks: BTreeSet::new(),
            alphas: Vec::new(),
            other_family: family(&names),
            sha256: raw.sha256(),
            model: None,
        };
        for factors in factors.values() {
            *inspection.kinds.entry(kind(factors.keys().copied())).or_default() += 1;
            inspection.ranks.extend(factors.get(&Role::Down).and_then(|down| down.dims().first().copied()));
            if let Some(alpha) = factors.get(&Role::Alpha) {
                let alpha = alpha.flatten_all().and_then(|alpha| alpha.to_vec1::<f32>());
                inspection.alphas.extend(alpha.map_err(|error| invalid(error.to_string()))?.first());
            }
        }
        inspection.alphas.sort_by(f32::total_cmp);
        inspection.alphas.dedup();
        inspection.model = model.map(|model| LoraMatch::of(file, model)).transpose()?;
        Ok(inspection)
    }
}

impl LoraMatch {
    fn of(file: &Path, model: &ModelFiles) -> std::result::Result<Self, LoadError> {
        let layers = ModelLayers::of(&Parts::open(model)?);
        let (matched, all, unmatched) = layers.count(file)?;
        let (norm, problem) = match layers.read(file, u64::MAX) {
            Ok(lora) => {
                let squares =
                    lora.changes.iter().map(|(_, change)| change.squared_norm()).sum::<Result<f64>>();
                let squares = squares.map_err(|error| LoadError::invalid("a LoRA", error.to_string()))?;
                (squares.sqrt(), None)
            }
            Err(error) => (0.0, Some(error.to_string())),
        };
        Ok(Self { matched, layers: all, unmatched, norm, problem })
    }
}

fn kind(mut roles: impl Iterator<Item = Role>) -> &'static str {
    roles
        .find_map(|role| match role {
            Role::Down | Role::Up => Some("LoRA"),
            Role::Diff => Some("full"),
            Role::Foreign(kind) => Some(kind),
            Role::HadaW1A | Role::HadaW1B | Role::HadaW2A | Role::HadaW2B => Some("LoHa"),
            Role::Alpha => None,
            Role::KronW1 | Role::KronW1A | Role::KronW1B | Role::KronW2 | Role::KronW2A | Role::KronW2B => {
                Some("LoKr")
            }
        })
        .unwrap_or("nothing")
}

impl Change {
    /// The sum of the squares of what it adds. Of up·down it is that of (upᵀ·up) ⊙ (down·downᵀ)'s numbers: the change itself is
    /// never made.
    fn squared_norm(&self) -> Result<f64> {
        let sum = match self {
            Self::LowRank { down, up } => {
                let (of_up, of_down) = (up.t()?.matmul(up)?, down.matmul(&down.t()?)?);
                (of_up * of_down)?.sum_all()?
            }
            Self::Dense(change) => change.sqr()?.sum_all()?,
        };
        Ok(f64::from(sum.to_scalar::<f32>()?))
    }
}
