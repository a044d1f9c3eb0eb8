use std::{
    io::{self, Read, Seek, Write},
    path::Path,
};

use actix_web::web;
use sha2::{Digest, Sha256};
use tempfile::SpooledTempFile;

use crate::http::api::error::ApiError;

/// Bytes that are kept in memory; more go to the disk.
const MEMORY_MAX: usize = 64 << 10;

/// Bytes that have arrived: few in memory, more in a file without a name, which is gone with the process at the latest.
/// Nobody else can read it (mode 0600).
#[derive(Debug)]
pub(super) struct Spool {
    file: SpooledTempFile,
    length: usize,
    hash: Sha256,
}

impl Spool {
    /// An empty one, whose file would lie in `directory`.
    pub(super) fn new(directory: &Path) -> Self {
        let file = tempfile::spooled_tempfile_in(MEMORY_MAX, directory);
        Self { file, length: 0, hash: Sha256::new() }
    }

    /// The bytes so far.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The SHA-256 of the bytes so far.
    pub(super) fn sha256(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    /// Takes in more bytes; what goes to the disk keeps no other connection waiting.
    pub(super) async fn push(&mut self, bytes: web::Bytes) -> Result<(), ApiError> {
        self.note(&bytes);
        if self.length <= MEMORY_MAX {
            return self.file.write_all(&bytes).map_err(|error| ApiError::body_unkept(&error));
        }
        let mut file = std::mem::replace(&mut self.file, SpooledTempFile::new(0));
        let written = web::block(move || file.write_all(&bytes).map(|()| file)).await;
        let written = written.map_err(|error| ApiError::internal(&error))?;
        self.file = written.map_err(|error| ApiError::body_unkept(&error))?;
        Ok(())
    }

    fn note(&mut self, bytes: &[u8]) {
        self.length += bytes.len();
        self.hash.update(bytes);
    }

    /// All bytes. It reads the disk.
    pub(super) fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.length);
        self.file.rewind()?;
        self.file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// For whoever may wait for the disk.
impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.note(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn what_is_long_lies_on_the_disk_without_a_name_and_is_read_back_whole() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut spool = Spool::new(directory.path());
        let mut whole = Vec::new();
        for piece in 0..10_u8 {
            let bytes = vec![piece; 10_000];
            whole.extend_from_slice(&bytes);
            spool.push(bytes.into()).await.expect("taken in");
            assert_eq!(spool.file.is_rolled(), whole.len() > MEMORY_MAX);
        }
        assert_eq!(std::fs::read_dir(directory.path()).expect("a directory").count(), 0);
        assert_eq!(spool.sha256(), <[u8; 32]>::from(Sha256::digest(&whole)));
        assert_eq!((spool.length(), spool.read().expect("read")), (whole.len(), whole));
    }
}
