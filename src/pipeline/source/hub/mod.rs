//! Fetching a model from the Hugging Face hub into the cache that Hugging Face's tools share.
//!
//! Architecture invariant: a hub, or a mirror of it, is a stranger. Of what it answers only a commit, an id and names that
//! were checked by their form (`names`) become parts of a path, and a large file has its name in the cache only once its
//! bytes have the SHA-256 that names it. Why not hf-hub: docs/decisions/0002-dependencies.md.

mod cache;
mod client;
mod download;
mod fault;
mod names;
mod settings;

use std::path::PathBuf;

pub use self::names::is_repository;
use self::{
    cache::RepositoryCache,
    client::Client,
    download::{Download, retried},
    fault::Fault,
    names::is_read,
    settings::Settings,
};
use super::super::error::LoadError;

const INDEX: &str = "model_index.json";
/// More files than any model of this layout has.
const FILES_MAX: usize = 1000;

/// How far a fetch is.
#[derive(Debug, Clone, Copy)]
pub struct Fetched<'a> {
    /// The file, for example `transformer/diffusion_pytorch_model-00001-of-00003.safetensors`.
    pub file: &'a str,
    /// Bytes of the file that are here.
    pub bytes: u64,
    /// Bytes of the file in all.
    pub total: u64,
}

/// Called as bytes arrive.
pub type OnFetch<'a> = &'a mut dyn FnMut(Fetched<'_>);

/// Returns the directory of `repository` in the cache, fetched if it is not complete there. A complete one is used as it is,
/// without asking the hub: a model changes when somebody fetches it, not when a server restarts.
///
/// # Errors
/// [`LoadError::Hub`], with the remedy.
pub fn fetch(repository: &str, on_fetch: OnFetch<'_>) -> Result<PathBuf, LoadError> {
    let settings = Settings::from_env();
    let cache = RepositoryCache::new(&settings.cache, repository);
    if let Some(snapshot) = cache.complete() {
        tracing::info!(repository, snapshot = %snapshot.display(), "using the cached model; the hub is not asked");
        return Ok(snapshot);
    }
    fetch_into(&cache, &settings, repository, on_fetch)
        .map_err(|fault| LoadError::Hub { repository: repository.to_owned(), reason: fault.to_string() })
}

fn fetch_into(
    cache: &RepositoryCache,
    settings: &Settings,
    repository: &str,
    on_fetch: OnFetch<'_>,
) -> Result<PathBuf, Fault> {
    if let Some(variable) = settings.offline {
        return Err(Fault::Final(format!(
            "{variable} forbids the network, and {} has no complete copy of it; unset {variable}, or copy the model \
             here and pass its directory with --model",
            settings.cache.display()
        )));
    }
    tracing::info!(
        repository,
        hub = settings.endpoint,
        seconds_at_most = client::ANSWER.as_secs(),
        "asking the hub which files the model has"
    );
    let client = Client::new(settings)?;
    let revision = retried(|| client.revision(repository))?;
    let mut files: Vec<&str> =
        revision.files.iter().map(String::as_str).filter(|file| is_read(file)).collect();
    if files.len() > FILES_MAX {
        return Err(Fault::hostile(format!("it lists {} files of weights and configurations", files.len())));
    }
    // The index comes last: other tools take it for the sign of a complete model.
    files.push(INDEX);
    for file in files {
        let commit = &revision.commit;
        Download { client: &client, cache, repository, commit, file }.run(on_fetch)?;
    }
    cache.set_main(&revision.commit)?;
    Ok(cache.snapshot(&revision.commit))
}
