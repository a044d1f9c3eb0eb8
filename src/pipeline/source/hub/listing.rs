use std::collections::BTreeSet;

use super::{
    super::{files::INDEX_FILE, layout::is_read},
    fault::Fault,
    names::{BlobId, Commit, is_inside, shown},
};

/// More files than any model of this layout has.
const FILES_MAX: usize = 1000;
/// Names that a message shows.
const FILES_SHOWN: usize = 10;

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

/// What is asked for of a repository.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// A model in the diffusers layout.
    Model,
    /// One file of weights; without a name, the only one that the repository has.
    File(Option<&'a str>),
}

impl Wanted<'_> {
    /// The files of `names` that are fetched.
    pub(super) fn of(self, names: impl Iterator<Item = String>) -> Result<Vec<String>, Fault> {
        match self {
            Self::Model => model_files(names),
            Self::File(name) => one_file(names, name).map(|file| vec![file]),
        }
    }
}

/// The files that Tintype reads. The index comes last: other tools take it for the sign of a complete model.
fn model_files(names: impl Iterator<Item = String>) -> Result<Vec<String>, Fault> {
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

/// The .safetensors file that is called `name`, or the only one.
fn one_file(names: impl Iterator<Item = String>, name: Option<&str>) -> Result<String, Fault> {
    let is_one = |file: &String| file.ends_with(".safetensors") && is_inside(file);
    let files: BTreeSet<String> = names.filter(is_one).collect();
    let shown_files =
        || files.iter().take(FILES_SHOWN).map(|file| shown(file)).collect::<Vec<_>>().join(", ");
    match (name, files.len()) {
        (_, 0) => Err(Fault::Final("the repository has no .safetensors file; name another one".into())),
        (Some(name), _) => files.get(name).cloned().ok_or_else(|| {
            Fault::Final(format!("the repository has no file {}; it has {}", shown(name), shown_files()))
        }),
        (None, 1) => Ok(files.into_iter().next().unwrap_or_default()),
        (None, count) => Err(Fault::Final(format!(
            "the repository has {count} .safetensors files: {}; choose one with --file",
            shown_files()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(names: &[&str], name: Option<&str>) -> Result<Vec<String>, String> {
        let wanted = Wanted::File(name).of(names.iter().map(ToString::to_string));
        wanted.map_err(|fault| fault.to_string())
    }

    #[test]
    fn the_one_file_of_weights_is_chosen_or_the_one_that_is_named() {
        let one = ["README.md", "images/a.png", "画风 v1.safetensors"];
        assert_eq!(chosen(&one, None), Ok(vec!["画风 v1.safetensors".to_owned()]));
        let two = ["a.safetensors", "old/b.safetensors"];
        let error = chosen(&two, None).expect_err("which?");
        assert!(error.contains("2 .safetensors files") && error.contains("--file"), "{error}");
        assert_eq!(chosen(&two, Some("old/b.safetensors")), Ok(vec!["old/b.safetensors".to_owned()]));
        assert!(chosen(&two, Some("c.safetensors")).expect_err("none").contains("old/b.safetensors"));
        assert!(chosen(&["README.md"], None).is_err());
        for hostile in [
            "../a.safetensors",
            "/a.safetensors",
            "a/../../b.safetensors",
            "a\\b.safetensors",
            "a\n.safetensors",
        ] {
            assert!(chosen(&[hostile], None).is_err(), "{hostile:?}");
            assert!(chosen(&[hostile], Some(hostile)).is_err(), "{hostile:?}");
        }
    }
}
