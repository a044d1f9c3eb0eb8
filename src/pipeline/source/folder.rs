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

/// How a file begins that git-lfs has not fetched.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";
/// More than any configuration or index has.
const JSON_BYTES_MAX: usize = 16 << 20;

/// A folder of files, on disk or in the binary. Both are read by the same code.
#[derive(Debug, Clone)]
pub(in crate::pipeline) enum Folder {
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
    Mapped { map: Mmap, file: File },
    Static(&'static [u8]),
}

impl Blob {
    /// Checks that the file still has the bytes that were mapped. To read what was cut off under the map would end the
    /// process (SIGBUS).
    pub(in crate::pipeline) fn check_whole(&self) -> std::io::Result<()> {
        let Self::Mapped { map, file } = self else { return Ok(()) };
        if file.metadata()?.len() >= map.len() as u64 {
            Ok(())
        } else {
            Err(std::io::Error::other("the file was cut short while it was in use; restore it and restart"))
        }
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped { map, .. } => map,
            Self::Static(bytes) => bytes,
        }
    }
}

impl Folder {
    /// The directory `path`.
    ///
    /// # Errors
    /// [`LoadError::Missing`] if there is no such directory.
    pub(super) fn directory(path: &Path) -> Result<Self, LoadError> {
        if path.is_dir() {
            Ok(Self::Directory(path.to_owned()))
        } else {
            Err(LoadError::missing_directory(
                path,
                "a Z-Image model in the diffusers layout, with model_index.json in it, or a file of weights",
            ))
        }
    }

    /// The folder that has the file `path`, and its name there.
    pub(super) fn of_file(path: &Path) -> Result<(Self, String), LoadError> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name =
            name.ok_or_else(|| LoadError::missing_file(path.display().to_string(), "a file of weights"))?;
        Ok((Self::Directory(path.parent().unwrap_or_else(|| Path::new("")).to_owned()), name.to_owned()))
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
        let blob = match self {
            Self::Directory(root) => {
                let handle = File::open(root.join(file));
                #[expect(
                    unsafe_code,
                    reason = "20 GB of weights are mapped, not copied; a file that changes under a map is \
                              the operator's doing, and Hugging Face's cache never rewrites a blob"
                )]
                let mapped =
                    handle.and_then(|file| Ok(Blob::Mapped { map: unsafe { Mmap::map(&file)? }, file }));
                mapped.map_err(|source| LoadError::Unreadable { path: path.clone(), source })
            }
            Self::Embedded { files, .. } => files
                .iter()
                .find(|(path, _)| *path == file)
                .map(|(_, bytes)| Blob::Static(bytes))
                .ok_or_else(|| LoadError::missing_file(&path, expected)),
        }?;
        if blob.starts_with(LFS_POINTER) {
            Err(LoadError::invalid(
                path,
                "a pointer of git-lfs, not the file itself; run `git lfs pull` in the model's directory",
            ))
        } else {
            Ok(blob)
        }
    }

    /// The JSON file `file` as a `T`.
    pub(in crate::pipeline) fn json<T: DeserializeOwned>(&self, file: &str) -> Result<T, LoadError> {
        let blob = self.open(file, "a JSON file of the diffusers layout")?;
        if blob.len() > JSON_BYTES_MAX {
            let reason = format!("{} bytes; a configuration has at most {JSON_BYTES_MAX}", blob.len());
            return Err(LoadError::invalid(self.path_of(file), reason));
        }
        serde_json::from_slice(&blob).map_err(|error| {
            LoadError::invalid(self.path_of(file), format!("not the JSON expected: {error}"))
        })
    }
}
