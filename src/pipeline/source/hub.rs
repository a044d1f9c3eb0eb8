//! Fetching a model from the Hugging Face hub into its shared cache. HF_ENDPOINT and HF_HOME are honoured.

use std::path::{Path, PathBuf};

use hf_hub::{
    Cache, Repo, RepoType,
    api::{
        Progress,
        sync::{ApiBuilder, ApiError, ApiRepo},
    },
};

use super::super::error::LoadError;

/// Where a fetch has come to.
#[derive(Debug, Clone, Copy)]
pub struct Fetched<'a> {
    /// The file, for example `transformer/diffusion_pytorch_model-00001-of-00003.safetensors`.
    pub file: &'a str,
    /// Bytes of the file that are here.
    pub bytes: u64,
    /// Bytes of the file in all.
    pub total: u64,
}

/// Told as bytes arrive.
pub type OnFetch<'a> = &'a mut dyn FnMut(Fetched<'_>);

/// Whether `model` names a repository on the hub (`owner/name`) and not a directory.
pub fn is_repository(model: &str) -> bool {
    let part = |text: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !text.is_empty() && !text.starts_with('.') && text.chars().all(allowed)
    };
    matches!(model.split_once('/'), Some((owner, name)) if part(owner) && part(name))
}

/// Brings what Tintype reads of `repository` into the cache and returns the model's directory there. What is in the
/// cache already is not fetched again; with no network, a cached model is used as it is.
///
/// # Errors
/// [`LoadError::Hub`], with what to do about it.
pub fn fetch(repository: &str, on_fetch: OnFetch<'_>) -> Result<PathBuf, LoadError> {
    const INDEX: &str = "model_index.json";
    let error = |cause: ApiError| LoadError::Hub {
        repository: repository.to_owned(),
        reason: format!(
            "{}; check the network, or set HF_ENDPOINT to a mirror, or copy the model here and pass its \
             directory with --model",
            one_line(&cause)
        ),
    };
    let api = ApiBuilder::from_env().with_progress(false).with_retries(3).build().map_err(error)?;
    let cache = Cache::from_env().model(repository.to_owned());
    let info = match (api.model(repository.to_owned()).info(), cache.get(INDEX)) {
        (Ok(info), _) => info,
        (Err(_), Some(index)) => return Ok(directory_of(index)),
        (Err(cause), None) => return Err(error(cause)),
    };
    // One revision from here on, whatever is pushed meanwhile.
    let repo = api.repo(Repo::with_revision(repository.to_owned(), RepoType::Model, info.sha.clone()));
    let snapshot = cache.pointer_path(&info.sha);
    let files = info.siblings.iter().map(|sibling| sibling.rfilename.as_str());
    for file in files.filter(|file| *file != INDEX && is_read(file)) {
        fetch_file(&repo, &snapshot, file, on_fetch).map_err(error)?;
    }
    // Last, so that a cached index stands for a complete model.
    fetch_file(&repo, &snapshot, INDEX, on_fetch).map_err(error)?;
    cache.create_ref(&info.sha).map_err(|cause| error(cause.into()))?;
    Ok(snapshot)
}

fn directory_of(mut file: PathBuf) -> PathBuf {
    file.pop();
    file
}

/// The files of the diffusers layout that Tintype reads: no .bin, .gguf or .onnx twins, no example pictures.
fn is_read(file: &str) -> bool {
    match file.split_once('/') {
        Some((_, name)) if name.contains(['/', '\\']) => false,
        Some(("tokenizer" | "scheduler", name)) => name.ends_with(".json"),
        Some(("text_encoder" | "transformer" | "vae", name)) => {
            name.ends_with(".json") || name.ends_with(".safetensors")
        }
        _ => false,
    }
}

fn fetch_file(repo: &ApiRepo, snapshot: &Path, file: &str, on_fetch: OnFetch<'_>) -> Result<(), ApiError> {
    let reporter = Reporter { file, bytes: 0, total: 0, on_fetch };
    match snapshot.join(file).exists() {
        true => Ok(()),
        false => repo.download_with_progress(file, reporter).map(|_| ()),
    }
}

struct Reporter<'a> {
    file: &'a str,
    bytes: u64,
    total: u64,
    on_fetch: OnFetch<'a>,
}

impl Reporter<'_> {
    fn report(&mut self) {
        (self.on_fetch)(Fetched { file: self.file, bytes: self.bytes, total: self.total });
    }
}

impl Progress for Reporter<'_> {
    fn init(&mut self, size: usize, _: &str) {
        self.total = size as u64;
        self.report();
    }

    fn update(&mut self, size: usize) {
        self.bytes += size as u64;
        self.report();
    }

    fn finish(&mut self) {
        self.bytes = self.total;
        self.report();
    }
}

fn one_line(error: &ApiError) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or("unknown error").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_told_from_directories() {
        assert!(is_repository("Tongyi-MAI/Z-Image-Turbo"));
        for path in ["./model", "../model", "/models/z", "models/z/turbo", "model", "~/model", "a/"] {
            assert!(!is_repository(path), "{path}");
        }
    }

    #[test]
    fn only_what_is_read_is_fetched() {
        assert!(is_read("transformer/diffusion_pytorch_model-00001-of-00003.safetensors"));
        assert!(is_read("tokenizer/tokenizer.json"));
        assert!(!is_read("tokenizer/merges.txt"));
        assert!(!is_read("assets/example.png"));
        assert!(!is_read("README.md"));
        assert!(!is_read("transformer/../../evil.json"));
    }
}
