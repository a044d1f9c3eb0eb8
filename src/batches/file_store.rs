//! Bytes of files: one file each in the data directory, readable by the server's user alone, or objects that the nodes of a cluster
//! share.
//!
//! Architecture invariant: an uploaded file is there in full or not at all, and it is safe before its row is in the ledger.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    shared_files::{PartedFile, SharedFiles},
    stored_bytes::StoredBytes,
};
use crate::{
    domain::FileId,
    image_store::{ImageStore, ObjectReader},
    os,
};

/// The files of a data directory, or of a cluster.
#[derive(Debug, Clone)]
pub struct FileStore {
    directory: PathBuf,
    free_min: u64,
    /// Where they are once they are whole; none: in the directory.
    shared: Option<SharedFiles>,
}

/// A file that is being written. Dropping it removes it, unless it was kept.
#[derive(Debug)]
pub struct Draft {
    file: File,
    part: PathBuf,
    path: PathBuf,
    /// Where it goes when it is whole; none: to `path`.
    shared: Option<(SharedFiles, FileId)>,
    is_kept: bool,
    written: StoredBytes,
    hash: Sha256,
}

/// A file that grows line by line.
#[derive(Debug)]
pub struct Growing(Grown);

#[derive(Debug)]
enum Grown {
    /// Under its name from the start.
    File { file: File, path: PathBuf, length: u64 },
    /// By parts that other nodes see.
    Parts(PartedFile),
}

impl FileStore {
    /// The files in `directory`, which is made as needed. Uploads that an earlier process left half done are removed. Nothing
    /// is added if less than `free_min` bytes of the disk would stay free.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn open(directory: PathBuf, free_min: u64) -> io::Result<Self> {
        make_directory(&directory)?;
        let store = Self { directory, free_min, shared: None };
        for path in store.entries()? {
            if path.extension().is_some_and(|extension| extension == "part") {
                fs::remove_file(&path).map_err(|cause| at(&path, &cause))?;
            }
        }
        Ok(store)
    }

    /// The same files among the objects of `images`, which all nodes of a cluster have. What is not whole yet is in the directory.
    #[must_use]
    pub fn shared_with(self, images: Arc<ImageStore>) -> Self {
        Self { shared: Some(SharedFiles::new(images)), ..self }
    }

    /// The files in `directory`, for whoever only removes some, beside a server that may be writing others.
    pub const fn at(directory: PathBuf) -> Self {
        Self { directory, free_min: 0, shared: None }
    }

    /// Whether so many bytes may be added.
    ///
    /// # Errors
    /// [`ErrorKind::StorageFull`] if not; else the system's, with the path.
    pub fn check_room_for(&self, bytes: u64) -> io::Result<()> {
        let free = fs4::available_space(&self.directory).map_err(|cause| at(&self.directory, &cause))?;
        if free >= self.free_min.saturating_add(bytes) {
            return Ok(());
        }
        let message = format!("{}: {} MiB are free", self.directory.display(), free >> 20);
        Err(io::Error::new(ErrorKind::StorageFull, message))
    }

    /// Begins the file `id`.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn begin(&self, id: FileId) -> io::Result<Draft> {
        make_directory(&self.directory)?;
        let path = self.path(id);
        let part = self.directory.join(format!("{id}.part"));
        let file = os::create_new(&part).map_err(|cause| at(&part, &cause))?;
        let shared = self.shared.clone().map(|shared| (shared, id));
        let written = StoredBytes::default();
        Ok(Draft { file, part, path, shared, is_kept: false, written, hash: Sha256::new() })
    }

    /// Goes on with the file `id`, which is made as needed, behind its first `length` bytes. What stands behind them was never
    /// noted, and is cut off.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn resume(&self, id: FileId, length: u64) -> io::Result<Growing> {
        make_directory(&self.directory)?;
        if let Some(shared) = &self.shared {
            return shared.resume(id, length, &self.directory).map(|parts| Growing(Grown::Parts(parts)));
        }
        let path = self.path(id);
        let resume = || -> io::Result<File> {
            let mut file = os::open_to_continue(&path)?;
            if file.metadata()?.len() < length {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, "it is shorter than it was"));
            }
            file.set_len(length)?;
            file.seek(SeekFrom::Start(length))?;
            File::open(&self.directory)?.sync_all()?;
            Ok(file)
        };
        let file = resume().map_err(|cause| at(&path, &cause))?;
        Ok(Growing(Grown::File { file, path, length }))
    }

    /// Length and hash of the file `id`, read from its beginning to its end; none if it is not here.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn kept(&self, id: FileId) -> io::Result<Option<StoredBytes>> {
        if let Some(shared) = &self.shared {
            return shared.kept(id, &self.directory);
        }
        let Some((file, _)) = self.open_file(id)? else { return Ok(None) };
        StoredBytes::of(file).map(Some).map_err(|cause| at(&self.path(id), &cause))
    }

    /// Removes what only a growing file needs: `id` is whole, and its row is in the ledger.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn finish(&self, id: FileId) -> io::Result<()> {
        self.shared.as_ref().map_or(Ok(()), |shared| shared.remove_parts(id).map(|_| ()))
    }

    /// The file `id`, open, with its length; none if its bytes are not here.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn open_file(&self, id: FileId) -> io::Result<Option<(ObjectReader, u64)>> {
        if let Some(shared) = &self.shared {
            return shared.open(id);
        }
        let path = self.path(id);
        match os::open_to_read(&path).and_then(|file| Ok((file.metadata()?.len(), file))) {
            Ok((length, file)) => Ok(Some((ObjectReader::of_file(file), length))),
            Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(at(&path, &cause)),
        }
    }

    /// Removes the bytes of `id`; false if there are none.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn remove(&self, id: FileId) -> io::Result<bool> {
        if let Some(shared) = &self.shared {
            return shared.remove(id);
        }
        let path = self.path(id);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(false),
            Err(cause) => Err(at(&path, &cause)),
        }
    }

    /// The files that were begun before `horizon`, by their ids: the file system's clock may be another.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn begun_before(&self, horizon: Timestamp) -> io::Result<Vec<FileId>> {
        let id = |path: PathBuf| path.file_name()?.to_str()?.parse::<FileId>().ok();
        let ids = match &self.shared {
            Some(shared) => shared.ids()?,
            None => self.entries()?.into_iter().filter_map(id).collect(),
        };
        Ok(ids.into_iter().filter(|id| id.created_at() < horizon).collect())
    }

    fn entries(&self) -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.directory).map_err(|cause| at(&self.directory, &cause))?;
        let path =
            |entry: io::Result<fs::DirEntry>| Ok(entry.map_err(|cause| at(&self.directory, &cause))?.path());
        entries.map(path).collect()
    }

    fn path(&self, id: FileId) -> PathBuf {
        self.directory.join(id.to_string())
    }
}

impl Draft {
    /// The bytes so far.
    pub fn length(&self) -> u64 {
        self.written.bytes
    }

    /// Puts the file in its place: it is safe, and in full, when this returns.
    ///
    /// # Errors
    /// The system's, with the path; then nothing is kept.
    pub fn keep(mut self) -> io::Result<StoredBytes> {
        let kept = StoredBytes { sha256: self.hash.clone().finalize().into(), ..self.written };
        if let Some((shared, id)) = &self.shared {
            let mut part = os::open_to_read(&self.part).map_err(|cause| at(&self.part, &cause))?;
            shared.put(*id, &mut part)?;
            return Ok(kept);
        }
        let keep = || -> io::Result<()> {
            self.file.sync_all()?;
            fs::rename(&self.part, &self.path)?;
            self.path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
        };
        keep().map_err(|cause| at(&self.path, &cause))?;
        self.is_kept = true;
        Ok(kept)
    }
}

impl Growing {
    /// Its length with what was written last.
    pub const fn length(&self) -> u64 {
        match &self.0 {
            Grown::File { length, .. } => *length,
            Grown::Parts(parts) => parts.length(),
        }
    }

    /// Makes what was written safe.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn sync(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Grown::File { file, path, .. } => file.sync_data().map_err(|cause| at(path, &cause)),
            Grown::Parts(parts) => parts.sync(),
        }
    }
}

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Grown::File { file, path, length } => {
                let written = file.write(bytes).map_err(|cause| at(path, &cause))?;
                *length += written as u64;
                Ok(written)
            }
            Grown::Parts(parts) => parts.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Grown::File { file, .. } => file.flush(),
            Grown::Parts(parts) => parts.flush(),
        }
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.written.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed now is at the next start.
            fs::remove_file(&self.part).ok();
        }
    }
}

fn make_directory(path: &Path) -> io::Result<()> {
    os::create_private_directory(path).map_err(|cause| at(path, &cause))
}

/// `cause` with the path that it is about.
fn at(path: &Path, cause: &io::Error) -> io::Error {
    let kind = match cause.kind() {
        ErrorKind::QuotaExceeded => ErrorKind::StorageFull,
        kind => kind,
    };
    io::Error::new(kind, format!("{}: {cause}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn id(number: u8) -> FileId {
        FileId::new(Timestamp::UNIX_EPOCH, [number; 10])
    }

    fn store() -> (tempfile::TempDir, FileStore) {
        let place = tempfile::tempdir().expect("a directory");
        let store = FileStore::open(place.path().join("files"), 0).expect("opened");
        (place, store)
    }

    #[test]
    fn a_kept_file_is_whole_and_its_owners_alone() {
        let (place, store) = store();
        let mut draft = store.begin(id(1)).expect("begun");
        draft.write_all(b"{}\n").expect("written");
        assert!(store.open_file(id(1)).expect("looked").is_none(), "not before it is whole");
        let kept = draft.keep().expect("kept");
        assert_eq!(kept, StoredBytes { bytes: 3, sha256: Sha256::digest(b"{}\n").into() });
        let (mut file, length) = store.open_file(id(1)).expect("looked").expect("there");
        let mut text = String::new();
        file.read_to_string(&mut text).expect("read");
        assert_eq!((text.as_str(), length), ("{}\n", 3));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
            let directory = place.path().join("files");
            assert_eq!((mode(&directory), mode(&directory.join(id(1).to_string()))), (0o700, 0o600));
        }
        assert!(store.remove(id(1)).expect("removed") && !store.remove(id(1)).expect("nothing"));
    }

    #[test]
    fn half_a_file_is_gone_with_its_draft_or_at_the_next_start() {
        let (place, store) = store();
        let files = || fs::read_dir(place.path().join("files")).expect("listed").count();
        let mut draft = store.begin(id(1)).expect("begun");
        draft.write_all(b"half").expect("written");
        drop(draft);
        assert_eq!(files(), 0);
        std::mem::forget(store.begin(id(2)).expect("begun"));
        assert_eq!(files(), 1, "as a killed process leaves it");
        FileStore::open(place.path().join("files"), 0).expect("opened");
        assert_eq!(files(), 0);
    }

    #[test]
    fn a_growing_file_goes_on_behind_what_was_noted() {
        let (_place, store) = store();
        let mut growing = store.resume(id(1), 0).expect("begun");
        growing.write_all(b"noted\n").expect("written");
        let noted = growing.length();
        growing.write_all(b"never no").expect("written");
        growing.sync().expect("synced");
        let mut growing = store.resume(id(1), noted).expect("resumed");
        growing.write_all(b"second\n").expect("written");
        let kept = store.kept(id(1)).expect("read").expect("there");
        assert_eq!(kept, StoredBytes { bytes: 13, sha256: Sha256::digest(b"noted\nsecond\n").into() });
        assert_eq!(store.kept(id(2)).expect("looked"), None);
        assert!(store.resume(id(1), 14).is_err(), "something has cut it short");
    }

    #[test]
    fn what_was_begun_long_ago_is_found_and_a_full_disk_is_said_to_be() {
        let (place, store) = store();
        store.begin(id(1)).expect("begun").keep().expect("kept");
        fs::write(place.path().join("files/notes.txt"), "not ours").expect("written");
        let second = |second| Timestamp::from_second(second).expect("a time");
        assert_eq!(store.begun_before(second(1)).expect("listed"), [id(1)]);
        assert_eq!(store.begun_before(second(0)).expect("listed"), []);
        let full = FileStore::open(place.path().join("files"), u64::MAX).expect("opened");
        assert_eq!(full.check_room_for(1).expect_err("full").kind(), ErrorKind::StorageFull);
        assert!(store.check_room_for(1).is_ok());
    }
}
