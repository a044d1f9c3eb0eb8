//! The parts that lie near a transformer's file, as ComfyUI keeps them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    super::error::LoadError, Component, folder::Folder, names::without_prefix, raw::Header, weights::Contents,
};

/// The file of `component` that goes with the transformer in `transformer`: that very file, or the only one beside it or in
/// the folder that ComfyUI keeps such files in.
pub(super) fn find(transformer: Option<&Path>, component: Component) -> Result<PathBuf, LoadError> {
    let Some(transformer) = transformer else {
        let reason = format!("it is missing; pass it with {}", component.flag());
        return Err(LoadError::invalid(component.as_str(), reason));
    };
    if holds_prefixed(transformer, component) {
        return Ok(transformer.to_owned());
    }
    let mut found: Vec<PathBuf> = folders(transformer, component)
        .into_iter()
        .flat_map(|folder| weight_files(&folder))
        .filter(|file| file != transformer && holds(file, component))
        .collect();
    found.sort();
    found.dedup();
    let shown = transformer.display().to_string();
    match found.as_slice() {
        [only] => {
            tracing::info!(file = %only.display(), "found {} beside the model", component.phrase());
            Ok(only.clone())
        }
        [] => Err(LoadError::invalid(
            shown,
            format!("a transformer alone; pass {} with {}", component.phrase(), component.flag()),
        )),
        several => {
            let names: Vec<_> = several.iter().map(|file| file.display().to_string()).collect();
            Err(LoadError::invalid(
                shown,
                format!(
                    "several files beside it may be {}: {}; pass one with {}",
                    component.phrase(),
                    names.join(", "),
                    component.flag()
                ),
            ))
        }
    }
}

/// A tokenizer.json near the transformer's or the text encoder's file.
pub(super) fn tokenizer(files: [Option<&Path>; 2]) -> Option<PathBuf> {
    let folders = files
        .into_iter()
        .flatten()
        .filter_map(Path::parent)
        .flat_map(|folder| [folder.to_owned(), folder.join("tokenizer"), folder.join("../tokenizer")]);
    folders.map(|folder| folder.join("tokenizer.json")).find(|file| file.is_file())
}

fn folders(transformer: &Path, component: Component) -> Vec<PathBuf> {
    let own = transformer.parent().unwrap_or_else(|| Path::new(""));
    let names = component.comfy_folders().iter().copied().chain([component.folder()]);
    let beside = names.flat_map(|name| [own.join(name), own.join("..").join(name)]);
    std::iter::once(own.to_owned())
        .chain(beside)
        .filter(|folder| folder.as_os_str().is_empty() || folder.is_dir())
        .collect()
}

fn weight_files(folder: &Path) -> Vec<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let paths = entries.map(|entry| entry.path());
    paths
        .filter(|path| {
            path.extension().is_some_and(|extension| extension == "safetensors" || extension == "gguf")
        })
        .filter_map(|path| path.canonicalize().ok())
        .collect()
}

fn header(file: &Path) -> Option<Header> {
    let (folder, name) = Folder::of_file(file).ok()?;
    Header::read(&folder.open(&name, "weights").ok()?).ok()
}

fn holds(file: &Path, component: Component) -> bool {
    header(file).is_some_and(|header| Contents::of(component, &[header]).refusal(component).is_none())
}

/// Whether the file has more than one component, this one under its own prefix.
fn holds_prefixed(file: &Path, component: Component) -> bool {
    header(file).is_some_and(|header| header.tensors.keys().any(|name| without_prefix(component, name).1))
}
