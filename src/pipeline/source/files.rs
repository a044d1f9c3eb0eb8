use std::path::{Path, PathBuf};

use super::{
    super::error::LoadError,
    Component,
    folder::{Blob, EmbeddedFile, Folder},
    neighbours,
};

/// Files, or folders, that each stand for a part of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartFiles {
    /// Weights of the transformer, alone or with other parts in one file.
    pub transformer: Option<PathBuf>,
    /// Weights of the text encoder.
    pub text_encoder: Option<PathBuf>,
    /// Weights of the autoencoder.
    pub vae: Option<PathBuf>,
    /// A tokenizer.json, or a folder that has one.
    pub tokenizer: Option<PathBuf>,
}

/// A model's files: a folder in the diffusers layout, files that stand for parts of it, or both.
#[derive(Debug, Clone)]
pub struct ModelFiles {
    folder: Option<Folder>,
    parts: PartFiles,
}

impl ModelFiles {
    /// The model in directory `path`.
    ///
    /// # Errors
    /// [`LoadError::Missing`] if there is no such directory.
    pub fn directory(path: &Path) -> Result<Self, LoadError> {
        Ok(Self::in_folder(Folder::directory(path)?))
    }

    /// The model whose transformer is the file `path`, alone or with other parts.
    pub fn file(path: &Path) -> Self {
        // A file of a diffusers directory has the other parts around it.
        let around = path.parent().and_then(Path::parent).filter(|root| root.join(INDEX_FILE).is_file());
        Self {
            folder: around.map(|root| Folder::Directory(root.to_owned())),
            parts: PartFiles { transformer: Some(path.to_owned()), ..PartFiles::default() },
        }
    }

    /// The same with `parts` in the place of its own.
    #[must_use]
    pub fn with_parts(self, parts: PartFiles) -> Self {
        Self {
            parts: PartFiles {
                transformer: parts.transformer.or(self.parts.transformer),
                text_encoder: parts.text_encoder.or(self.parts.text_encoder),
                vae: parts.vae.or(self.parts.vae),
                tokenizer: parts.tokenizer.or(self.parts.tokenizer),
            },
            ..self
        }
    }

    const fn in_folder(folder: Folder) -> Self {
        let parts = PartFiles { transformer: None, text_encoder: None, vae: None, tokenizer: None };
        Self { folder: Some(folder), parts }
    }

    /// A model that is compiled into the binary; messages call it `name`.
    pub(in crate::pipeline) const fn embedded(name: &'static str, files: &'static [EmbeddedFile]) -> Self {
        Self::in_folder(Folder::Embedded { name, files })
    }

    /// The folder in the diffusers layout, if there is one.
    pub(in crate::pipeline) const fn folder(&self) -> Option<&Folder> {
        self.folder.as_ref()
    }

    /// The file or folder that stands for `component`.
    pub(super) fn part(&self, component: Component) -> Option<&Path> {
        match component {
            Component::TextEncoder => self.parts.text_encoder.as_deref(),
            Component::Transformer => self.parts.transformer.as_deref(),
            Component::Vae => self.parts.vae.as_deref(),
        }
    }

    /// The tokenizer's bytes, and the name for messages.
    pub(in crate::pipeline) fn tokenizer(&self) -> Result<(String, Blob), LoadError> {
        const FILE: &str = "tokenizer.json";
        let expected = "Qwen's tokenizer as one JSON file";
        if let (None, Some(folder)) = (&self.parts.tokenizer, &self.folder) {
            let file = format!("tokenizer/{FILE}");
            return Ok((folder.path_of(&file), folder.open(&file, expected)?));
        }
        let near = [Component::Transformer, Component::TextEncoder].map(|component| self.part(component));
        let path = self.parts.tokenizer.clone().or_else(|| neighbours::tokenizer(near));
        let Some(path) = path else {
            let reason =
                "it is missing; pass --tokenizer with a tokenizer.json of Qwen3, or a folder that has one";
            return Err(LoadError::invalid("tokenizer", reason));
        };
        let inside = [FILE.to_owned(), format!("tokenizer/{FILE}")].map(|file| path.join(file));
        let file = inside.into_iter().find(|file| file.is_file()).unwrap_or(path);
        let (folder, name) = Folder::of_file(&file)?;
        Ok((folder.path_of(&name), folder.open(&name, expected)?))
    }
}

/// Describes a whole model of the diffusers layout.
pub(super) const INDEX_FILE: &str = "model_index.json";
