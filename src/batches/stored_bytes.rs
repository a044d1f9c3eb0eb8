use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// Bytes that are read at a time.
const PIECE: usize = 1 << 20;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoredBytes {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
}

impl StoredBytes {
    /// Reads a file to its end.
    pub(super) fn of(mut file: impl Read) -> io::Result<Self> {
        let (mut hash, mut piece, mut bytes) = (Sha256::new(), vec![0; PIECE], 0);
        loop {
            let read = file.read(&mut piece)?;
            if read == 0 {
                return Ok(Self { bytes, sha256: hash.finalize().into() });
            }
            hash.update(&piece[..read]);
            bytes += read as u64;
        }
    }
}
