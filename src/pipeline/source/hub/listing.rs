use std::collections::BTreeSet;

use super::{
    super::{files::INDEX_FILE, layout::is_read},
    fault::Fault,
    names::{BlobId, Commit},
};

/// More files than any model of this layout has.
const FILES_MAX: usize = 1000;

/// What a hub says of a repository at a revision.
#[derive(Debug)]
pub(super) struct Listing {
    /// The commit of the whole, if the hub names one.
    pub(super) commit: Option<Commit>,
    /// The files that Tintype reads. The index is the last one.
    pub(super) files: Vec<RemoteFile>,
}

/// A file of a repository.
#[derive(Debug)]
pub(super) struct RemoteFile {
    /// Its place in the model's directory.
    pub(super) path: String,
    /// Where its bytes are asked for.
    pub(super) url: String,
    pub(super) id: BlobId,
    pub(super) bytes: u64,
}

/// The files of `names` that Tintype reads. The index comes last: other tools take it for the sign of a complete model.
pub(super) fn wanted(names: impl Iterator<Item = String>) -> Result<Vec<String>, Fault> {
    let mut files: BTreeSet<String> = names.filter(|file| is_read(file)).collect();
    if files.len() > FILES_MAX {
        return Err(Fault::hostile(format!("it lists {} files of weights and configurations", files.len())));
    }
    match files.take(INDEX_FILE) {
        Some(index) => Ok(files.into_iter().chain([index]).collect()),
        None => Err(Fault::Final(format!(
            "the repository has no {INDEX_FILE}, so it is not a model in the diffusers layout; if it has single files, \
             download those and pass them with --model, --text-encoder, --vae and --tokenizer"
        ))),
    }
}
