use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{super::error::LoadError, Component, folder::Folder, weights::Weights};

pub(super) const CONFIG: &str = "config.json";

/// A part's configuration: a JSON file, or what the shapes of its weights tell.
#[derive(Debug, Clone)]
pub(super) struct Description {
    /// The name for messages.
    pub(super) name: String,
    pub(super) json: Value,
}

impl Description {
    /// The configuration as a `T`.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, LoadError> {
        T::deserialize(&self.json)
            .map_err(|error| LoadError::invalid(&self.name, format!("not the JSON expected: {error}")))
    }

    pub(super) fn in_folder(folder: &Folder, inside: &str) -> Result<Self, LoadError> {
        let file = if inside.is_empty() { CONFIG.to_owned() } else { format!("{inside}/{CONFIG}") };
        Ok(Self { name: folder.path_of(&file), json: folder.json(&file)? })
    }

    /// What the weights' own file carries, if it names the component.
    pub(super) fn in_header(weights: &Weights, component: Component) -> Option<Self> {
        let json: Value = serde_json::from_str(weights.config()?).ok()?;
        component.is_named_by(&json).then(|| Self { name: weights.paths(), json })
    }

    /// For `x.safetensors` it is `x.json`, or the `config.json` beside it that names the component.
    pub(super) fn beside(
        folder: &Folder,
        file: &str,
        component: Component,
    ) -> Result<Option<Self>, LoadError> {
        let own = Path::new(file).with_extension("json").display().to_string();
        if folder.contains(&own) {
            return Ok(Some(Self { name: folder.path_of(&own), json: folder.json(&own)? }));
        }
        if !folder.contains(CONFIG) {
            return Ok(None);
        }
        let description = Self { name: folder.path_of(CONFIG), json: folder.json(CONFIG)? };
        Ok(Some(description).filter(|description| component.is_named_by(&description.json)))
    }
}
