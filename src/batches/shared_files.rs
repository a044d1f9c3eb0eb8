use std::{
    fs::File,
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::Arc,
};

use super::stored_bytes::StoredBytes;
use crate::{
    domain::FileId,
    image_store::{ImageStore, ObjectReader, Objects},
};

/// Where files are among the objects of the images' store.
const FOLDER: &str = "files";
/// How the folder of a growing file's parts ends.
const PARTS: &str = ".parts";
/// A part that has so many bytes grows no more. One that has fewer is put again with each line.
const PART_BYTES_MIN: u64 = 256 << 10;

/// Files beside the images that the nodes of a cluster share, so that any gateway has those that another took in or wrote.
#[derive(Debug, Clone)]
pub(super) struct SharedFiles(Arc<ImageStore>);

/// A file that grows by parts, each an object: what was put is another gateway's if this one dies.
#[derive(Debug)]
pub(super) struct PartedFile {
    files: SharedFiles,
    id: FileId,
    /// Where the last part begins.
    start: u64,
    /// The last part. It has no name, and is gone with the process.
    tail: File,
    length: u64,
    /// Whether the last part is not put as it is.
    is_changed: bool,
}

impl SharedFiles {
    pub(super) const fn new(images: Arc<ImageStore>) -> Self {
        Self(images)
    }

    fn objects(&self) -> &Objects {
        self.0.objects()
    }

    pub(super) fn put(&self, id: FileId, file: &mut File) -> io::Result<()> {
        Ok(self.objects().put_file(&whole(id), file)?)
    }

    pub(super) fn open(&self, id: FileId) -> io::Result<Option<(ObjectReader, u64)>> {
        Ok(self.objects().open(&whole(id))?)
    }

    /// Removes a file and its parts; false if there are none.
    pub(super) fn remove(&self, id: FileId) -> io::Result<bool> {
        let had_parts = self.remove_parts(id)?;
        Ok(self.objects().remove(&whole(id))? || had_parts)
    }

    /// Removes the parts of a file that is whole by now; false if there are none.
    pub(super) fn remove_parts(&self, id: FileId) -> io::Result<bool> {
        let parts = self.parts(id)?;
        for (start, _) in &parts {
            self.objects().remove(&part(id, *start))?;
        }
        Ok(!parts.is_empty())
    }

    /// The ids of all files, whole or not.
    pub(super) fn ids(&self) -> io::Result<Vec<FileId>> {
        let id = |path: String| {
            let name = path.strip_prefix(FOLDER)?.strip_prefix('/')?;
            let name = name.split_once('/').map_or(Some(name), |(parts, _)| parts.strip_suffix(PARTS));
            name?.parse::<FileId>().ok()
        };
        let mut ids: Vec<_> =
            self.objects().list(FOLDER)?.into_iter().filter_map(|object| id(object.path)).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// Length and hash of a file, which is put together if it has parts; none if it is not there. `directory` has room for it.
    pub(super) fn kept(&self, id: FileId, directory: &Path) -> io::Result<Option<StoredBytes>> {
        let parts = self.parts(id)?;
        if parts.is_empty() {
            let Some((file, _)) = self.open(id)? else { return Ok(None) };
            return StoredBytes::of(file).map(Some);
        }
        let mut file = tempfile::tempfile_in(directory)?;
        for (start, _) in parts {
            let lost = || io::Error::new(ErrorKind::UnexpectedEof, format!("{id}: a part of it is lost"));
            io::copy(&mut self.objects().open(&part(id, start))?.ok_or_else(lost)?.0, &mut file)?;
        }
        file.rewind()?;
        let kept = StoredBytes::of(&file)?;
        self.put(id, &mut file)?;
        Ok(Some(kept))
    }

    /// Goes on with a file behind its first `length` bytes. What stands behind them was never noted, and is removed.
    pub(super) fn resume(&self, id: FileId, length: u64, directory: &Path) -> io::Result<PartedFile> {
        let mut file = PartedFile {
            files: self.clone(),
            id,
            start: 0,
            tail: tempfile::tempfile_in(directory)?,
            length,
            is_changed: false,
        };
        let mut end = 0;
        for (start, bytes) in self.parts(id)? {
            if start >= length {
                self.objects().remove(&part(id, start))?;
            } else if start != end {
                break;
            } else {
                (file.start, end) = (start, start + bytes);
            }
        }
        if end < length {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, format!("{id} is shorter than it was")));
        }
        file.is_changed = end > length;
        if end - file.start >= PART_BYTES_MIN && !file.is_changed {
            file.start = length;
        } else if length > 0 {
            let last = self.objects().open(&part(id, file.start))?;
            let (last, _) = last.ok_or_else(|| io::Error::from(ErrorKind::UnexpectedEof))?;
            io::copy(&mut last.take(length - file.start), &mut file.tail)?;
        }
        Ok(file)
    }

    /// Where the parts of a file begin, in order, and how many bytes they have.
    fn parts(&self, id: FileId) -> io::Result<Vec<(u64, u64)>> {
        let folder = parts_folder(id);
        let start = |path: &str| path.strip_prefix(&folder)?.strip_prefix('/')?.parse().ok();
        let objects = self.objects().list(&folder)?.into_iter();
        let mut parts: Vec<_> =
            objects.filter_map(|object| Some((start(&object.path)?, object.bytes))).collect();
        parts.sort_unstable();
        Ok(parts)
    }
}

impl PartedFile {
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Puts what was written where another node finds it.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if !self.is_changed {
            return Ok(());
        }
        self.files.objects().put_file(&part(self.id, self.start), &mut self.tail)?;
        self.is_changed = false;
        if self.length - self.start >= PART_BYTES_MIN {
            self.start = self.length;
            self.tail.set_len(0)?;
        }
        self.tail.seek(SeekFrom::End(0)).map(|_| ())
    }
}

impl Write for PartedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.tail.write(bytes)?;
        self.length += written as u64;
        self.is_changed |= written > 0;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tail.flush()
    }
}

fn whole(id: FileId) -> String {
    format!("{FOLDER}/{id}")
}

fn parts_folder(id: FileId) -> String {
    format!("{FOLDER}/{id}{PARTS}")
}

fn part(id: FileId, start: u64) -> String {
    format!("{}/{start:016}", parts_folder(id))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use sha2::{Digest, Sha256};

    use super::*;

    /// What two gateways share, and the directory of each.
    fn shared() -> (tempfile::TempDir, SharedFiles) {
        let place = tempfile::tempdir().expect("a directory");
        let images = ImageStore::open(place.path().join("images"), 0).expect("a store");
        (place, SharedFiles::new(Arc::new(images)))
    }

    fn id(number: u8) -> FileId {
        FileId::new(Timestamp::UNIX_EPOCH, [number; 10])
    }

    fn text(files: &SharedFiles, id: FileId) -> String {
        let (mut file, length) = files.open(id).expect("asked").expect("there");
        let mut text = String::new();
        file.read_to_string(&mut text).expect("read");
        assert_eq!(text.len() as u64, length);
        text
    }

    #[test]
    fn another_gateway_goes_on_where_the_first_was_killed() {
        let (place, files) = shared();
        let mut first = files.resume(id(1), 0, place.path()).expect("begun");
        let large = "x".repeat(300 << 10);
        for line in ["one\n", "two\n", &large, "three\n"] {
            first.write_all(line.as_bytes()).expect("written");
            first.sync().expect("put");
        }
        let noted = first.length();
        first.write_all(b"never noted").expect("written");
        first.sync().expect("put");
        first.write_all(b"never put").expect("written");
        drop(first);
        let mut second = files.resume(id(1), noted, place.path()).expect("resumed");
        second.write_all(b"four\n").expect("written");
        second.sync().expect("put");
        let whole = format!("one\ntwo\n{large}three\nfour\n");
        let kept = files.kept(id(1), place.path()).expect("put together").expect("there");
        let expected = StoredBytes { bytes: whole.len() as u64, sha256: Sha256::digest(&whole).into() };
        assert_eq!((kept, second.length()), (expected, expected.bytes));
        assert!(files.parts(id(1)).expect("listed").len() == 2, "small lines share a part");
        assert!(files.remove_parts(id(1)).expect("removed"));
        assert_eq!(text(&files, id(1)), whole);
        assert_eq!(files.kept(id(1), place.path()).expect("asked"), Some(expected));
    }

    #[test]
    fn what_was_lost_is_said_and_what_was_never_noted_is_gone() {
        let (place, files) = shared();
        let mut growing = files.resume(id(1), 0, place.path()).expect("begun");
        growing.write_all(b"a line\n").expect("written");
        growing.sync().expect("put");
        let error = files.resume(id(1), 8, place.path()).expect_err("longer than it is");
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        let mut again = files.resume(id(1), 2, place.path()).expect("cut");
        again.sync().expect("put");
        let kept = files.kept(id(1), place.path()).expect("asked").expect("there");
        assert_eq!((kept.bytes, text(&files, id(1)).as_str()), (2, "a "));
        files.resume(id(1), 0, place.path()).expect("from the beginning");
        assert!(files.parts(id(1)).expect("listed").is_empty());
        assert_eq!(files.ids().expect("listed"), [id(1)]);
        assert!(files.remove(id(1)).expect("removed") && !files.remove(id(1)).expect("nothing"));
        assert_eq!(files.kept(id(1), place.path()).expect("asked"), None);
    }
}
