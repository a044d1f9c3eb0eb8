//! Where a fetched model is kept: in the cache that Hugging Face's tools share (blobs by id, snapshots of links to them by
//! commit, and refs that name commits), or as plain files in a directory, as ModelScope's tools keep it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    super::{folder::Folder, is_complete},
    fault::Fault,
    listing::RemoteFile,
    names::{BlobId, Commit},
};

/// In which ModelScope's tools note the revision of what a directory holds.
const VERSION_FILE: &str = ".mv";

/// Where a model is kept.
pub(super) enum Store {
    /// In Hugging Face's cache, as this commit.
    Cache(RepositoryCache, Commit),
    /// In a directory.
    Directory(PathBuf),
}

impl Store {
    /// The directory that has the model in the diffusers layout.
    pub(super) fn directory(&self) -> PathBuf {
        match self {
            Self::Cache(cache, commit) => cache.snapshot(commit),
            Self::Directory(directory) => directory.clone(),
        }
    }

    /// Where the bytes of `file` are once all of them are here.
    pub(super) fn kept(&self, file: &RemoteFile) -> PathBuf {
        match self {
            Self::Cache(cache, _) => cache.blob(&file.id),
            Self::Directory(directory) => directory.join(&file.path),
        }
    }

    /// Where they grow until then. The id is in its name: bytes of another version are not its beginning.
    pub(super) fn partial(&self, file: &RemoteFile) -> PathBuf {
        match self {
            Self::Cache(cache, _) => cache.partial(&file.id),
            Self::Directory(directory) => {
                directory.join(format!("{}.{:.12}.incomplete", file.path, file.id.as_str()))
            }
        }
    }

    /// Whether the name of kept bytes says what they are. In a directory it is a path, which any version has.
    pub(super) fn is_named_by_id(&self) -> bool {
        matches!(self, Self::Cache(..))
    }

    /// Makes kept bytes the model's `file`.
    pub(super) fn publish(&self, file: &RemoteFile) -> Result<(), Fault> {
        match self {
            Self::Cache(cache, commit) => cache.link(commit, &file.path, &file.id),
            Self::Directory(_) => Ok(()),
        }
    }

    /// Notes that the model is complete as `revision`.
    pub(super) fn finish(&self, revision: &str) -> Result<(), Fault> {
        match self {
            // A commit needs no name.
            Self::Cache(_, commit) if commit.as_str() == revision => Ok(()),
            Self::Cache(cache, commit) => write_whole(&cache.ref_file(revision), commit.as_str()),
            Self::Directory(directory) => {
                write_whole(&directory.join(VERSION_FILE), &format!("Revision:{revision}"))
            }
        }
    }
}

/// Whether `directory` has a complete model. `revision` is held against what ModelScope's tools, or [`Store::finish`], noted.
pub(super) fn is_complete_directory(directory: &Path, revision: Option<&str>) -> bool {
    let is_that_revision = |revision: &str| {
        let noted = fs::read_to_string(directory.join(VERSION_FILE)).unwrap_or_default();
        noted.strip_prefix("Revision:").and_then(|rest| rest.split(',').next()) == Some(revision)
    };
    Folder::directory(directory).is_ok_and(|folder| is_complete(&folder))
        && revision.is_none_or(is_that_revision)
}

/// One repository's part of the cache.
pub(super) struct RepositoryCache {
    root: PathBuf,
}

impl RepositoryCache {
    pub(super) fn new(cache: &Path, repository: &str) -> Self {
        Self { root: cache.join(format!("models--{}", repository.replace('/', "--"))) }
    }

    /// The snapshot of `revision`, if every file that Tintype reads is in it.
    pub(super) fn complete(&self, revision: &str) -> Option<PathBuf> {
        let commit = Commit::parse(revision).or_else(|fault| {
            let named = fs::read_to_string(self.ref_file(revision)).map_err(|_| fault)?;
            Commit::parse(named.trim())
        });
        let snapshot = self.snapshot(&commit.ok()?);
        is_complete_directory(&snapshot, None).then_some(snapshot)
    }

    fn snapshot(&self, commit: &Commit) -> PathBuf {
        self.root.join("snapshots").join(commit.as_str())
    }

    fn blob(&self, id: &BlobId) -> PathBuf {
        self.root.join("blobs").join(id.as_str())
    }

    fn partial(&self, id: &BlobId) -> PathBuf {
        self.root.join("blobs").join(format!("{}.incomplete", id.as_str()))
    }

    /// Makes `file` of the snapshot of `commit` a link to the blob `id`.
    fn link(&self, commit: &Commit, file: &str, id: &BlobId) -> Result<(), Fault> {
        let path = self.snapshot(commit).join(file);
        let make = || -> io::Result<()> {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            if path.symlink_metadata().is_ok() {
                fs::remove_file(&path)?;
            }
            let up: PathBuf = std::iter::repeat_n("..", file.split('/').count() + 1).collect();
            link_to(&up.join("blobs").join(id.as_str()), &self.blob(id), &path)
        };
        make().map_err(|error| Fault::disk(&error, &path))
    }

    fn ref_file(&self, revision: &str) -> PathBuf {
        self.root.join("refs").join(revision)
    }
}

#[cfg(unix)]
fn link_to(target: &Path, _blob: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(not(unix))]
fn link_to(_target: &Path, blob: &Path, path: &Path) -> io::Result<()> {
    fs::hard_link(blob, path).or_else(|_| fs::copy(blob, path).map(drop))
}

/// Writes a small file in full, or not at all.
fn write_whole(path: &Path, text: &str) -> Result<(), Fault> {
    let write = || -> io::Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let draft = path.with_extension("draft");
        fs::write(&draft, text)?;
        fs::rename(&draft, path)
    };
    write().map_err(|error| Fault::disk(&error, path))
}
