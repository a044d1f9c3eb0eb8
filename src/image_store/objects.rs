//! Objects by their paths, in a directory or in a bucket. What is above knows no difference.

use jiff::Timestamp;

use super::{bucket::Bucket, error::StoreError, tree::Tree};

/// Where objects are: `2026-11-30/….png`, `sources/…`, `files/…`. A path is names with `/` between them.
#[derive(Debug)]
pub enum Objects {
    /// Files below a directory.
    Directory(Tree),
    /// Objects of a bucket, below a prefix.
    Bucket(Bucket),
}

/// What a listing says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Its path.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// When it was written, by the clock of whoever keeps it.
    pub modified: Timestamp,
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
}
