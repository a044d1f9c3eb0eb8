use std::{
    fs::File,
    io::{self, Read},
};

use bytes::{Buf, Bytes};

use super::bucket::Bucket;

/// Bytes that are asked of a bucket at a time.
const PIECE: u64 = 1 << 20;

/// An object, open to be read from its beginning to its end. One of a bucket is read a piece at a time, on the reader's thread.
#[derive(Debug)]
pub struct ObjectReader(Origin);

#[derive(Debug)]
enum Origin {
    File(File),
    Bucket { bucket: Bucket, path: String, at: u64, length: u64, piece: Bytes },
}

impl ObjectReader {
    /// A file, from where it stands.
    pub const fn of_file(file: File) -> Self {
        Self(Origin::File(file))
    }

    pub(super) const fn of_bucket(bucket: Bucket, path: String, length: u64) -> Self {
        Self(Origin::Bucket { bucket, path, at: 0, length, piece: Bytes::new() })
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (bucket, path, at, length, piece) = match &mut self.0 {
            Origin::File(file) => return file.read(buffer),
            Origin::Bucket { bucket, path, at, length, piece } => (bucket, path, at, *length, piece),
        };
        if piece.is_empty() && *at < length {
            let end = length.min(*at + PIECE);
            let got = bucket.get_range(path, *at..end).map_err(io::Error::from)?;
            *piece = got.filter(|got| !got.is_empty()).ok_or(io::ErrorKind::NotFound)?;
            *at += piece.len() as u64;
        }
        let count = piece.len().min(buffer.len());
        piece.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
