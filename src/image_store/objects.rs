//! Objects by their paths, in a directory or in a bucket. What is above knows no difference.

use std::fs::File;

use super::{bucket::Bucket, error::StoreError, object_meta::ObjectMeta, reader::ObjectReader, tree::Tree};

/// Where objects are: `2026-11-30/….png`, `sources/…`, `files/…`. A path is names with `/` between them.
#[derive(Debug)]
pub enum Objects {
    /// Files below a directory.
    Directory(Tree),
    /// Objects of a bucket, below a prefix.
    Bucket(Bucket),
}

impl Objects {
    /// Keeps an object, in full or not at all; one that had the path is replaced. It is safe when this returns.
    ///
    /// # Errors
    /// [`StoreError::Full`] if there is no room, else what the system or the bucket says.
    pub fn put(&self, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        match self {
            Self::Directory(tree) => tree.put(path, bytes),
            Self::Bucket(bucket) => bucket.put(path, bytes),
        }
    }

    /// An object's bytes; none if it is not there.
    ///
    /// # Errors
    /// What the system or the bucket says.
    pub fn get(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Directory(tree) => tree.get(path),
            Self::Bucket(bucket) => bucket.get(path),
        }
    }

    /// An object's length in bytes; none if it is not there.
    ///
    /// # Errors
    /// What the system or the bucket says.
    pub fn length(&self, path: &str) -> Result<Option<u64>, StoreError> {
        match self {
            Self::Directory(tree) => tree.length(path),
            Self::Bucket(bucket) => bucket.length(path),
        }
    }

    /// Takes an object away; false if it was not there.
    ///
    /// # Errors
    /// What the system or the bucket says.
    pub fn remove(&self, path: &str) -> Result<bool, StoreError> {
        match self {
            Self::Directory(tree) => tree.remove(path),
            Self::Bucket(bucket) => bucket.remove(path),
        }
    }

    /// All objects below the folder `prefix`, at any depth, in no order; below the root if it is empty. None that is half written.
    ///
    /// # Errors
    /// What the system or the bucket says.
    pub fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        match self {
            Self::Directory(tree) => tree.list(prefix),
            Self::Bucket(bucket) => bucket.list(prefix),
        }
    }
    /// Keeps a file as an object, from its beginning to its end and by pieces, as [`Objects::put`] does.
    ///
    /// # Errors
    /// As [`Objects::put`].
    pub fn put_file(&self, path: &str, file: &mut File) -> Result<(), StoreError> {
        match self {
            Self::Directory(tree) => tree.put_file(path, file),
            Self::Bucket(bucket) => bucket.put_file(path, file),
        }
    }

    /// Keeps an object that is not there yet; false if it is.
    ///
    /// # Errors
    /// As [`Objects::put`].
    pub fn put_new(&self, path: &str, bytes: &[u8]) -> Result<bool, StoreError> {
        match self {
            Self::Directory(tree) => tree.put_new(path, bytes),
            Self::Bucket(bucket) => bucket.put_new(path, bytes),
        }
    }

    /// An object's bytes; if it is not there, it is put first. Several nodes may do so at once: one of them puts it, and all read it.
    ///
    /// # Errors
    /// As [`Objects::put`].
    pub fn get_or_put_new(&self, path: &str, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        if let Some(found) = self.get(path)? {
            return Ok(found);
        }
        self.put_new(path, bytes)?;
        Ok(self.get(path)?.unwrap_or_default())
    }

    /// An object, open to be read by pieces, and its length in bytes; none if it is not there.
    ///
    /// # Errors
    /// What the system or the bucket says.
    pub fn open(&self, path: &str) -> Result<Option<(ObjectReader, u64)>, StoreError> {
        match self {
            Self::Directory(tree) => {
                Ok(tree.open_file(path)?.map(|(file, length)| (ObjectReader::of_file(file), length)))
            }
            Self::Bucket(bucket) => Ok(bucket
                .length(path)?
                .map(|length| (ObjectReader::of_bucket(bucket.clone(), path.to_owned(), length), length))),
        }
    }

    /// The lengths of several objects, in their order; none of those that are not there.
    pub(super) fn lengths(&self, paths: &[String]) -> Result<Vec<Option<u64>>, StoreError> {
        match self {
            Self::Directory(tree) => paths.iter().map(|path| tree.length(path)).collect(),
            Self::Bucket(bucket) => bucket.lengths(paths),
        }
    }

    /// The names directly below the root that are folders.
    pub(super) fn folders(&self) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Directory(tree) => tree.folders(),
            Self::Bucket(bucket) => bucket.folders(),
        }
    }

    /// Takes a folder away with all that is in it. Returns how many objects there were; none if it was gone: another node sweeps too.
    pub(super) fn remove_folder(&self, folder: &str) -> Result<Option<usize>, StoreError> {
        match self {
            Self::Directory(tree) => tree.remove_folder(folder),
            Self::Bucket(bucket) => {
                let objects = bucket.list(folder)?.into_iter().map(|object| object.path).collect();
                bucket.remove_those(objects).map(Some)
            }
        }
    }
}
