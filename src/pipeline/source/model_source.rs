use std::path::{Path, PathBuf};

use super::{
    super::{
        error::{LoadError, RenderError},
        limits::SizeLimits,
    },
    embedded::EMBEDDED_MODEL,
    files::{ModelFiles, PartFiles},
    hub::{self, Repository},
    pin::ModelDigest,
};
use crate::domain::{ImageSize, Variant};

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
    parts: PartFiles,
    pin: Option<ModelDigest>,
    /// The id under /v1/models.
    pub id: String,
    /// The hub repository that it comes from, for example `Tongyi-MAI/Z-Image-Turbo`; also that of a snapshot in the hub's
    /// cache.
    pub repository: Option<String>,
    configured_size: Option<ImageSize>,
}

impl ModelSource {
    /// The model at `path`: a directory, a repository on the hub or a file of weights; without one, the embedded model.
    /// `id` and `default_size` take the place of what follows from the model.
    pub fn new(path: Option<&str>, id: Option<&str>, default_size: Option<ImageSize>) -> Self {
        let repository = path.and_then(repository_of);
        let id = id.or(path.map(name_of)).unwrap_or(EMBEDDED_ID).to_owned();
        let parts = PartFiles::default();
        Self {
            path: path.map(str::to_owned),
            parts,
            pin: None,
            id,
            repository,
            configured_size: default_size,
        }
    }

    /// The same, accepted only if its files have the SHA-256 `pin`.
    #[must_use]
    pub fn with_pin(self, pin: Option<ModelDigest>) -> Self {
        Self { pin, ..self }
    }

    /// The same with files of its own for some parts.
    #[must_use]
    pub fn with_parts(self, parts: PartFiles) -> Self {
        Self { parts, ..self }
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

    /// The variant that its path or repository says.
    pub fn named_variant(&self) -> Option<Variant> {
        self.path.as_deref().and_then(Variant::named_in)
    }

    /// Whether it is the model compiled into the binary.
    pub fn is_embedded(&self) -> bool {
        self.path.is_none()
    }

    /// The model's files: embedded, in a directory, or fetched from the hub.
    ///
    /// # Errors
    /// [`LoadError`] if there is no such directory, the hub cannot be reached, or the files are not the pinned ones.
    pub fn files(&self, on_fetch: hub::OnFetch<'_>) -> Result<ModelFiles, LoadError> {
        let path = match self.fetched_repository() {
            Some(repository) => Some(hub::fetch(&repository, self.pin.as_ref(), on_fetch)?),
            None => self.path.as_ref().map(PathBuf::from),
        };
        self.pin.iter().zip(&path).try_for_each(|(pin, path)| pin.check(path))?;
        self.files_at(path.as_deref())
    }

    /// The model's files as they are on this machine: nothing is fetched, and nothing compared with the pin. None if they are a
    /// repository's that is in no cache.
    ///
    /// # Errors
    /// [`LoadError`] if there is no such directory.
    pub fn files_here(&self) -> Result<Option<ModelFiles>, LoadError> {
        match self.fetched_repository() {
            Some(repository) => hub::cached(&repository).map(|path| self.files_at(Some(&path))).transpose(),
            None => self.files_at(self.path.as_deref().map(Path::new)).map(Some),
        }
    }

    /// Compares the files on this machine with the pin, by reading all of them. False if there is nothing to compare.
    ///
    /// # Errors
    /// [`LoadError::Pinned`] if they are others, [`LoadError::Unreadable`] if they cannot be read.
    pub fn check_pin(&self) -> Result<bool, LoadError> {
        let path = match self.fetched_repository() {
            Some(repository) => hub::cached(&repository),
            None => self.path.as_ref().map(PathBuf::from),
        };
        match self.pin.as_ref().zip(path) {
            Some((pin, path)) => pin.check(&path).map(|()| true),
            None => Ok(false),
        }
    }

    fn fetched_repository(&self) -> Option<Repository> {
        self.path.as_deref().and_then(fetched_repository)
    }

    /// The model at `path`; without one, the embedded model.
    fn files_at(&self, path: Option<&Path>) -> Result<ModelFiles, LoadError> {
        let files = match path {
            None => EMBEDDED_MODEL,
            Some(path) if path.is_file() => ModelFiles::file(path),
            Some(path) => ModelFiles::directory(path)?,
        };
        Ok(files.with_parts(self.parts.clone()))
    }
}

/// The repository that `path` names, if nothing on the disk has that name.
fn fetched_repository(path: &str) -> Option<Repository> {
    if Path::new(path).exists() { None } else { Repository::parse(path) }
}

/// The repository of `path`, `owner/name`.
fn repository_of(path: &str) -> Option<String> {
    match cached_repository(path) {
        Some(name) => name.split_once("--").map(|(owner, name)| format!("{owner}/{name}")),
        None => fetched_repository(path).map(|repository| repository.name),
    }
}

/// What a model at `path` is called.
fn name_of(path: &str) -> &str {
    let last = || {
        let path = match fetched_repository(path) {
            Some(_) => path.split('@').next().unwrap_or_default(),
            None => path,
        };
        let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        [".safetensors", ".gguf"].iter().find_map(|ending| last.strip_suffix(ending)).unwrap_or(last)
    };
    let name = cached_repository(path).map_or_else(last, |name| name.rsplit("--").next().unwrap_or_default());
    if name.is_empty() || name.starts_with('.') { "z-image" } else { name }
}

/// `owner--name` of a snapshot in the hub's cache, `…/models--owner--name/snapshots/COMMIT`.
fn cached_repository(path: &str) -> Option<&str> {
    let parts: Vec<&str> =
        path.trim_end_matches('/').rsplit('/').filter(|part| *part != ".").take(3).collect();
    match parts.as_slice() {
        [_, "snapshots", repository] => repository.strip_prefix("models--"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str) -> (String, Option<String>) {
        let source = ModelSource::new(Some(path), None, None);
        (source.id, source.repository)
    }

    #[test]
    fn a_model_is_called_by_its_directory_or_repository() {
        assert_eq!(named("/models/my-model/"), ("my-model".into(), None));
        assert_eq!(named("."), ("z-image".into(), None));
        assert_eq!(named("/m/diffusion_models/z_image_turbo_bf16.safetensors").0, "z_image_turbo_bf16");
        assert_eq!(named("z-image-turbo-Q4_K_M.gguf").0, "z-image-turbo-Q4_K_M");
        let repository = Some("Tongyi-MAI/Z-Image-Turbo".to_owned());
        assert_eq!(named("Tongyi-MAI/Z-Image-Turbo"), ("Z-Image-Turbo".into(), repository.clone()));
        assert_eq!(
            named("modelscope:Tongyi-MAI/Z-Image-Turbo"),
            ("Z-Image-Turbo".into(), repository.clone())
        );
        assert_eq!(named("Tongyi-MAI/Z-Image-Turbo@v1.0"), ("Z-Image-Turbo".into(), repository.clone()));
        let snapshot =
            "/hub/models--Tongyi-MAI--Z-Image-Turbo/snapshots/5f4b9cbb80cc95ba44fe6667dfd75710f7db2947";
        assert_eq!(named(snapshot), ("Z-Image-Turbo".into(), repository.clone()));
        assert_eq!(named(&format!("{snapshot}/")), ("Z-Image-Turbo".into(), repository));
        assert_eq!(ModelSource::new(Some(snapshot), Some("z"), None).id, "z");
        assert_eq!(ModelSource::new(None, None, None).id, "z-image-embedded");
    }
}
