use std::{
    fs::File,
    ops::Deref,
    path::{Path, PathBuf},
};

use memmap2::Mmap;
use serde::de::DeserializeOwned;

use super::super::error::LoadError;

/// A file that is compiled into the binary: its path inside the model directory, and its bytes.
pub type EmbeddedFile = (&'static str, &'static [u8]);

/// A model in the diffusers directory layout, on disk or in the binary. Both are read by the same code.
#[derive(Debug, Clone)]
pub enum ModelFiles {
    /// A directory.
    Directory(PathBuf),
    /// Files compiled into the binary.
    Embedded {
        /// What messages call it.
        name: &'static str,
        /// The files.
        files: &'static [EmbeddedFile],
    },
}

/// A file's bytes, mapped or compiled in.
#[derive(Debug)]
pub(in crate::pipeline) enum Blob {
    Mapped(Mmap),
    Static(&'static [u8]),
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Static(bytes) => bytes,
        }
    }
}

impl ModelFiles {
    /// The model in directory `path`.
    ///
    /// # Errors
    /// [`LoadError::Missing`] where there is no such directory.
    pub fn directory(path: &Path) -> Result<Self, LoadError> {
        match path.is_dir() {
            true => Ok(Self::Directory(path.to_owned())),
            false => Err(LoadError::missing_directory(
                path,
                "a Z-Image model in the diffusers layout, with model_index.json in it",
            )),
        }
    }

    /// The name for messages of `file`, a path inside the model.
    pub(in crate::pipeline) fn path_of(&self, file: &str) -> String {
        match self {
            Self::Directory(root) => root.join(file).display().to_string(),
            Self::Embedded { name, .. } => format!("{name}/{file}"),
        }
    }

    pub(in crate::pipeline) fn contains(&self, file: &str) -> bool {
        match self {
            Self::Directory(root) => root.join(file).is_file(),
            Self::Embedded { files, .. } => files.iter().any(|(path, _)| *path == file),
        }
    }

    /// The bytes of `file`; a file on disk is mapped, not read.
    pub(in crate::pipeline) fn open(&self, file: &str, expected: &str) -> Result<Blob, LoadError> {
        let path = self.path_of(file);
        if !self.contains(file) {
            return Err(LoadError::missing_file(path, expected));
        }
        match self {
            Self::Directory(root) => {
                let handle = File::open(root.join(file));
                #[expect(
                    unsafe_code,
                    reason = "20 GB of weights are mapped, not copied; a file that changes under a map is \
                              the operator's doing, and Hugging Face's cache never rewrites a blob"
                )]
                let map = handle.and_then(|handle| unsafe { Mmap::map(&handle) });
                map.map(Blob::Mapped).map_err(|source| LoadError::Unreadable { path, source })
            }
            Self::Embedded { files, .. } => files
                .iter()
                .find(|(path, _)| *path == file)
                .map(|(_, bytes)| Blob::Static(bytes))
                .ok_or_else(|| LoadError::missing_file(path, expected)),
        }
    }

    /// The JSON file `file` as a `T`.
    pub(in crate::pipeline) fn json<T: DeserializeOwned>(&self, file: &str) -> Result<T, LoadError> {
        let blob = self.open(file, "a JSON file of the diffusers layout")?;
        serde_json::from_slice(&blob).map_err(|error| {
            LoadError::invalid(self.path_of(file), format!("not the JSON expected: {error}"))
        })
    }
}
