//! The cache that Hugging Face's tools share: blobs by id, snapshots of links to them by commit, and refs that name commits.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    super::{folder::Folder, is_complete},
    fault::Fault,
    names::{BlobId, Commit},
};

/// One repository's part of the cache.
pub(super) struct RepositoryCache {
    root: PathBuf,
}

impl RepositoryCache {
    pub(super) fn new(cache: &Path, repository: &str) -> Self {
        Self { root: cache.join(format!("models--{}", repository.replace('/', "--"))) }
    }

    /// The snapshot of `main`, if every file that Tintype reads is in it.
    pub(super) fn complete(&self) -> Option<PathBuf> {
        let commit = fs::read_to_string(self.ref_file()).ok()?;
        let snapshot = self.snapshot(&Commit::parse(commit.trim()).ok()?);
        let folder = Folder::directory(&snapshot).ok()?;
        is_complete(&folder).then_some(snapshot)
    }

    /// Names `commit` as `main`.
    pub(super) fn set_main(&self, commit: &Commit) -> Result<(), Fault> {
        write_whole(&self.ref_file(), commit.as_str())
    }

    pub(super) fn snapshot(&self, commit: &Commit) -> PathBuf {
        self.root.join("snapshots").join(commit.as_str())
    }

    pub(super) fn blob(&self, id: &BlobId) -> PathBuf {
        self.root.join("blobs").join(id.as_str())
    }

    /// Where a blob grows until all of it is there.
    pub(super) fn partial(&self, id: &BlobId) -> PathBuf {
        self.root.join("blobs").join(format!("{}.incomplete", id.as_str()))
    }

    /// Makes `file` of the snapshot of `commit` a link to the blob `id`.
    pub(super) fn link(&self, commit: &Commit, file: &str, id: &BlobId) -> Result<(), Fault> {
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

    fn ref_file(&self) -> PathBuf {
        self.root.join("refs").join("main")
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
