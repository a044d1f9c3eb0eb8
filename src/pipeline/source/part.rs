//! The parts of a model that have weights: each from a folder of the diffusers layout, or from a file of its own.

use std::path::Path;

use super::{
    super::error::LoadError,
    Component,
    by_shapes::described_by_shapes,
    description::{CONFIG, Description},
    files::ModelFiles,
    folder::Folder,
    neighbours,
    shards::shard_files,
    weights::Weights,
};

/// The weights of a part, and its configuration.
pub(in crate::pipeline) struct Part {
    pub(in crate::pipeline) weights: Weights,
    pub(super) description: Description,
}

/// All parts.
pub(in crate::pipeline) struct Parts {
    pub(in crate::pipeline) text_encoder: Part,
    pub(in crate::pipeline) transformer: Part,
    pub(in crate::pipeline) vae: Part,
}

impl Parts {
    pub(in crate::pipeline) fn open(files: &ModelFiles) -> Result<Self, LoadError> {
        Ok(Self {
            text_encoder: Part::open(files, Component::TextEncoder)?,
            transformer: Part::open(files, Component::Transformer)?,
            vae: Part::open(files, Component::Vae)?,
        })
    }

    /// Parts whose weights are drawn at random, of the shapes that `files` describe.
    pub(in crate::pipeline) fn random(files: &ModelFiles) -> Result<Self, LoadError> {
        let part = |component| Part::random(files, component);
        Ok(Self {
            text_encoder: part(Component::TextEncoder)?,
            transformer: part(Component::Transformer)?,
            vae: part(Component::Vae)?,
        })
    }

    pub(in crate::pipeline) fn total_bytes(&self) -> u64 {
        [&self.text_encoder, &self.transformer, &self.vae].iter().map(|part| part.weights.total_bytes()).sum()
    }
}

impl Part {
    pub(in crate::pipeline) fn open(files: &ModelFiles, component: Component) -> Result<Self, LoadError> {
        match (files.part(component), files.folder()) {
            (Some(path), _) if path.is_dir() => {
                let folder = Folder::directory(path)?;
                let inside = component.folder();
                if folder.contains(&format!("{inside}/{CONFIG}")) {
                    Self::in_folder(&folder, inside, component)
                } else {
                    Self::in_folder(&folder, "", component)
                }
            }
            (Some(path), _) => Self::in_file(path, component),
            (None, Some(folder)) => Self::in_folder(folder, component.folder(), component),
            (None, None) => {
                let found = neighbours::find(files.part(Component::Transformer), component)?;
                Self::in_file(&found, component)
            }
        }
    }

    fn random(files: &ModelFiles, component: Component) -> Result<Self, LoadError> {
        let folder =
            files.folder().ok_or_else(|| LoadError::invalid("random weights", "they have no files"))?;
        let description = Description::in_folder(folder, component.folder())?;
        Ok(Self { weights: Weights::random(component), description })
    }

    fn in_folder(folder: &Folder, inside: &str, component: Component) -> Result<Self, LoadError> {
        let description = Description::in_folder(folder, inside)?;
        let (shards, index) = shard_files(folder, inside, component.stem())?;
        let expected = format!("weights, or {index} that names their shards");
        let blobs = shards.iter().map(|file| Ok((folder.path_of(file), folder.open(file, &expected)?)));
        let weights = Weights::open(component, blobs.collect::<Result<_, LoadError>>()?)?;
        Ok(Self { weights, description })
    }

    fn in_file(path: &Path, component: Component) -> Result<Self, LoadError> {
        let (folder, file) = Folder::of_file(path)?;
        let blob = folder.open(&file, component.phrase())?;
        let weights = Weights::open(component, vec![(folder.path_of(&file), blob)])?;
        let description = match Description::beside(&folder, &file, component)? {
            Some(description) => description,
            None => match Description::in_header(&weights, component) {
                Some(description) => description,
                None => described_by_shapes(&weights, component)?,
            },
        };
        Ok(Self { weights, description })
    }
}
