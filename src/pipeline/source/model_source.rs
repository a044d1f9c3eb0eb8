use std::path::Path;

use super::{
    super::{
        error::{LoadError, RenderError},
        limits::SizeLimits,
    },
    embedded::EMBEDDED_MODEL,
    files::ModelFiles,
    hub,
};
use crate::domain::ImageSize;

/// Side of an image if nothing is said: what Z-Image was trained for.
const DEFAULT_SIDE: u32 = 1024;
/// The same for the embedded model.
const EMBEDDED_DEFAULT_SIDE: u32 = 256;
/// The embedded model's id.
const EMBEDDED_ID: &str = "z-image-embedded";

/// Where a model comes from and what it is called.
#[derive(Debug, Clone)]
pub struct ModelSource {
    path: Option<String>,
    /// The id under /v1/models.
    pub id: String,
    /// The hub repository that it comes from.
    pub repository: Option<String>,
    configured_size: Option<ImageSize>,
}

impl ModelSource {
    /// The model at `path`, a directory or a repository on the hub; without one, the embedded model. `id` and
    /// `default_size` take the place of what follows from the model.
    pub fn new(path: Option<&str>, id: Option<&str>, default_size: Option<ImageSize>) -> Self {
        let repository = path.and_then(repository_of);
        let from_path = path.map(|path| {
            let name = repository.as_deref().unwrap_or(path);
            let last = name.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            if last.is_empty() || last.starts_with('.') { "z-image" } else { last }
        });
        let id = id.or(from_path).unwrap_or(EMBEDDED_ID).to_owned();
        Self { path: path.map(str::to_owned), id, repository, configured_size: default_size }
    }

    /// The size of an image if none is asked for: the configured one, or the usual one within the model's limits.
    ///
    /// # Errors
    /// [`RenderError::Size`] if the model cannot make the configured size.
    pub fn default_size(&self, limits: SizeLimits) -> Result<ImageSize, RenderError> {
        if let Some(size) = self.configured_size {
            limits.check(size)?;
            return Ok(size);
        }
        let usual = if self.is_embedded() { EMBEDDED_DEFAULT_SIDE } else { DEFAULT_SIDE };
        let side = usual.min(limits.side_max);
        Ok(ImageSize::square((side - side % limits.factor).max(limits.factor)))
    }

    /// Whether it is the model compiled into the binary.
    pub fn is_embedded(&self) -> bool {
        self.path.is_none()
    }

    /// The model's files: embedded, in a directory, or fetched from the hub.
    ///
    /// # Errors
    /// [`LoadError`] if there is no such directory, or the hub cannot be reached.
    pub fn files(&self, on_fetch: hub::OnFetch<'_>) -> Result<ModelFiles, LoadError> {
        match self.path.as_deref() {
            None => Ok(EMBEDDED_MODEL),
            Some(path) if !Path::new(path).is_dir() && hub::is_repository(path) => {
                ModelFiles::directory(&hub::fetch(path, on_fetch)?)
            }
            Some(path) => ModelFiles::directory(Path::new(path)),
        }
    }
}

/// The hub repository behind `path`: one by name, or a snapshot in a cache of Hugging Face's,
/// `…/models--OWNER--NAME/snapshots/COMMIT`.
fn repository_of(path: &str) -> Option<String> {
    if !Path::new(path).is_dir() {
        return hub::is_repository(path).then(|| path.to_owned());
    }
    let mut parents = Path::new(path).components().rev().skip(1).map(|part| part.as_os_str().to_str());
    if parents.next()? != Some("snapshots") {
        return None;
    }
    let (owner, name) = parents.next()??.strip_prefix("models--")?.split_once("--")?;
    Some(format!("{owner}/{name}"))
}
