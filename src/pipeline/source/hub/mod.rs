//! Fetching a model from the Hugging Face hub, a mirror of it, or ModelScope.
//!
//! Architecture invariant: a hub, or a mirror of it, is a stranger. Of what it answers only a commit, an id and names that
//! were checked by their form (`names`) become parts of a path, and a large file gets its name only once its bytes have the
//! SHA-256 that the hub promised; with a pin, no file gets its name before all of them together have the digest that was
//! pinned. Why not hf-hub: docs/decisions/0014-models-from-strangers.md.

mod download;
mod fault;
mod huggingface;
mod listing;
mod modelscope;
mod names;
mod parallel;
mod plan;
mod settings;
mod store;
mod web;

use std::path::PathBuf;

pub use self::{
    names::{Hub, Repository},
    plan::{FetchedFile, FetchedModel, Place, Plan, PlannedFile},
};
use self::{
    settings::Settings,
    store::{RepositoryCache, is_complete_directory},
};
use super::{super::error::LoadError, pin::ModelDigest};

/// How far a fetch is.
#[derive(Debug, Clone, Copy)]
pub struct Fetched<'a> {
    /// A file, for example `transformer/diffusion_pytorch_model-00001-of-00003.safetensors`.
    pub file: &'a str,
    /// Bytes of the model that are here.
    pub bytes: u64,
    /// Bytes of the model in all.
    pub total: u64,
}

/// Called as bytes arrive.
pub type OnFetch<'a> = &'a mut dyn FnMut(Fetched<'_>);

/// Returns the directory of `repository` in a hub's cache, fetched if it is not complete there. A complete one is used as it
/// is, without asking the hub: a model changes when somebody fetches it, not when a server restarts.
///
/// # Errors
/// [`LoadError::Hub`], with the remedy.
pub fn fetch(
    repository: &Repository,
    pin: Option<&ModelDigest>,
    on_fetch: OnFetch<'_>,
) -> Result<PathBuf, LoadError> {
    if let Some(directory) = cached(repository) {
        tracing::info!(%repository, directory = %directory.display(), "using the cached model; the hub is not asked");
        return Ok(directory);
    }
    let plan = Plan::make(repository, &Place::default())?;
    Ok(plan.run(pin, on_fetch)?.directory)
}

/// The directory of a complete `repository` in a cache of this machine. What is in Hugging Face's cache comes first, then a
/// model of the same name that ModelScope's tools have fetched.
pub fn cached(repository: &Repository) -> Option<PathBuf> {
    let settings = Settings::from_env(repository.hub);
    let revision = repository.revision.as_deref();
    let in_cache = || RepositoryCache::new(&settings.cache, &repository.name).complete(repository.revision());
    let in_directory = || {
        let mut directories = settings.modelscope_directories(repository).into_iter();
        directories.find(|directory| is_complete_directory(directory, revision))
    };
    match (repository.hub, revision) {
        (Hub::HuggingFace, None) => in_cache().or_else(in_directory),
        (Hub::HuggingFace, Some(_)) => in_cache(),
        (Hub::ModelScope, _) => in_directory(),
    }
}
