use std::{
    fs::{self, File},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;
use tempfile::{Builder, NamedTempFile};

use super::{error::StoreError, object_meta::ObjectMeta};
use crate::os;

/// Objects as files below a directory, of one server or shared by the nodes of a cluster: rename and fsync are all that it is asked
/// for, so that a file system over a network will do.
#[derive(Debug)]
pub struct Tree {
    directory: PathBuf,
    free_min: u64,
    /// A file that the directory has as long as it is the one that a cluster shares.
    mark: OnceLock<&'static str>,
    /// Whether the last object could not be put.
    has_failed: AtomicBool,
}

/// As much as a small image has: a full disk may still have room for a few bytes.
static TRIAL: [u8; 1 << 16] = [0; 1 << 16];

/// How a file's name ends until it is whole.
const PART: &str = ".tintype-part";

impl Tree {
    /// The files in `directory`, which is made as needed. Nothing is added where less than `free_min` bytes of the disk would be left
    /// for the ledger.
    pub(super) fn open(directory: PathBuf, free_min: u64) -> Result<Self, StoreError> {
        make_directory(&directory)?;
        Ok(Self { directory, free_min, mark: OnceLock::new(), has_failed: AtomicBool::new(false) })
    }

    /// From now on the directory is refused where it has no file `mark`: under a mount that is gone there is another one, and nobody else
    /// would find what is put there.
    pub(super) fn expect_mark(&self, mark: &'static str) {
        self.mark.set(mark).ok();
    }

    /// Whether the directory is there that is expected.
    pub(super) fn look(&self) -> Result<(), StoreError> {
        let Some(mark) = self.mark.get() else { return Ok(()) };
        let path = self.directory.join(mark);
        let found = if_there(fs::metadata(&path), &path)?;
        found.map(|_| ()).ok_or_else(|| StoreError::Unmounted { directory: self.directory.clone() })
    }

    /// What was found of an object. It may be missed only because the whole directory is.
    fn found<T>(&self, found: Option<T>) -> Result<Option<T>, StoreError> {
        if found.is_none() {
            self.look()?;
        }
        Ok(found)
    }

    /// Whether so many bytes may be added.
    pub(super) fn check_room_for(&self, bytes: u64) -> Result<(), StoreError> {
        self.look()?;
        // Someone may have cleared it away.
        make_directory(&self.directory)?;
        let free =
            fs4::available_space(&self.directory).map_err(|cause| StoreError::io(&self.directory, cause))?;
        if free < self.free_min.saturating_add(bytes) {
            return Err(self.full(free));
        }
        if self.has_failed.load(Ordering::Relaxed) { self.try_out() } else { Ok(()) }
    }

    /// Whether a file can be written. It is gone at once.
    fn try_out(&self) -> Result<(), StoreError> {
        let write = || {
            let mut part = Builder::new().suffix(PART).tempfile_in(&self.directory)?;
            part.write_all(&TRIAL)?;
            part.as_file().sync_all()
        };
        write().map_err(|cause| self.failed(&self.directory, cause))?;
        self.has_failed.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// What `cause` says of a write to `path`.
    fn failed(&self, path: &Path, cause: io::Error) -> StoreError {
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                self.full(fs4::available_space(&self.directory).unwrap_or(0))
            }
            _ => StoreError::io(path, cause),
        }
    }

    pub(super) fn put(&self, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.check_room_for(bytes.len() as u64)?;
        self.put_by(path, |part| part.write_all(bytes), rename)
    }

    /// Puts `file` from its beginning to its end.
    pub(super) fn put_file(&self, path: &str, file: &mut File) -> Result<(), StoreError> {
        let length = file.seek(SeekFrom::End(0)).map_err(|cause| StoreError::io(Path::new(path), cause))?;
        self.check_room_for(length)?;
        let copy = |part: &mut File| {
            file.rewind()?;
            io::copy(file, part).map(|_| ())
        };
        self.put_by(path, copy, rename)
    }

    /// Puts an object that is not there yet; false if it is. Of several that do so at once, one puts it.
    pub(super) fn put_new(&self, path: &str, bytes: &[u8]) -> Result<bool, StoreError> {
        match self.put_by(path, |part| part.write_all(bytes), name_new) {
            Err(StoreError::Io { cause, .. }) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            put => put.map(|()| true),
        }
    }

    /// Written aside by `write`, flushed to the disk, and only then named by `name`. Half a file is taken away again.
    fn put_by(
        &self,
        path: &str,
        write: impl FnOnce(&mut File) -> io::Result<()>,
        name: impl FnOnce(NamedTempFile, &Path) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let path = self.file(path)?;
        let folder = path.parent().unwrap_or(&self.directory);
        self.make_folder(folder).inspect_err(|_| self.has_failed.store(true, Ordering::Relaxed))?;
        let written = || -> io::Result<()> {
            // Two nodes may put the same object at once, each by a file of its own.
            let mut part = Builder::new().suffix(PART).tempfile_in(folder)?;
            write(part.as_file_mut())?;
            part.as_file().sync_all()?;
            name(part, &path)?;
            File::open(folder)?.sync_all()
        };
        let written = written();
        let is_there = |cause: &io::Error| cause.kind() == io::ErrorKind::AlreadyExists;
        self.has_failed.store(written.as_ref().is_err_and(|cause| !is_there(cause)), Ordering::Relaxed);
        written.map_err(|cause| self.failed(&path, cause))
    }

    pub(super) fn get(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.file(path)?;
        self.found(if_there(fs::read(&path), &path)?)
    }

    pub(super) fn open_file(&self, path: &str) -> Result<Option<(File, u64)>, StoreError> {
        let path = self.file(path)?;
        let opened = os::open_to_read(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
        self.found(if_there(opened, &path)?.map(|(length, file)| (file, length)))
    }

    pub(super) fn length(&self, path: &str) -> Result<Option<u64>, StoreError> {
        let path = self.file(path)?;
        let found = fs::metadata(&path).map(|found| found.is_file().then_some(found.len()));
        self.found(if_there(found, &path)?.flatten())
    }

    pub(super) fn remove(&self, path: &str) -> Result<bool, StoreError> {
        let path = self.file(path)?;
        Ok(if_there(fs::remove_file(&path), &path)?.is_some())
    }

    pub(super) fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        self.walk(prefix, false)
    }

    /// Takes away what was half written in `folder` when a process was killed before `horizon`.
    pub(super) fn remove_parts(&self, folder: &str, horizon: Timestamp) -> Result<(), StoreError> {
        let parts = self.walk(folder, true)?.into_iter().filter(|part| part.modified < horizon);
        parts.map(|part| self.remove(&part.path)).collect::<Result<Vec<_>, _>>().map(|_| ())
    }

    /// The whole files below a folder, or the half ones.
    fn walk(&self, prefix: &str, parts: bool) -> Result<Vec<ObjectMeta>, StoreError> {
        let mut found = Vec::new();
        let mut folders = vec![if prefix.is_empty() { self.directory.clone() } else { self.file(prefix)? }];
        while let Some(folder) = folders.pop() {
            for path in entries(&folder)? {
                // What is gone by now is as if it had not been there.
                let Some(file) = if_there(fs::symlink_metadata(&path), &path)? else { continue };
                if file.is_dir() {
                    folders.push(path);
                } else if file.is_file() && is_part(&path) == parts {
                    found.extend(self.described(&path, &file)?);
                }
            }
        }
        Ok(found)
    }

    /// None for a file whose name no object can have.
    fn described(&self, path: &Path, file: &fs::Metadata) -> Result<Option<ObjectMeta>, StoreError> {
        let Some(name) = path.strip_prefix(&self.directory).ok().and_then(Path::to_str) else {
            return Ok(None);
        };
        let modified = file.modified().map_err(|cause| StoreError::io(path, cause))?;
        let modified = Timestamp::try_from(modified)
            .map_err(|_| StoreError::io(path, io::Error::other("its time is out of range")))?;
        Ok(Some(ObjectMeta { path: name.to_owned(), bytes: file.len(), modified }))
    }

    /// The names directly below the root that are folders.
    pub(super) fn folders(&self) -> Result<Vec<String>, StoreError> {
        let folders = entries(&self.directory)?.into_iter().filter(|path| path.is_dir());
        Ok(folders.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    /// Takes a folder away with all that is in it. Returns how many files there were, or none if it was gone: another node sweeps
    /// the same directory.
    pub(super) fn remove_folder(&self, folder: &str) -> Result<Option<usize>, StoreError> {
        let path = self.file(folder)?;
        let files = entries(&path)?.len();
        Ok(if_there(fs::remove_dir_all(&path), &path)?.map(|()| files))
    }

    /// A new folder's name is on the disk before anything is in it.
    fn make_folder(&self, folder: &Path) -> Result<(), StoreError> {
        if folder.is_dir() {
            return Ok(());
        }
        make_directory(folder)?;
        let above = folder.ancestors().skip(1).take_while(|above| above.starts_with(&self.directory));
        for above in above {
            let synced = File::open(above).and_then(|directory| directory.sync_all());
            synced.map_err(|cause| StoreError::io(above, cause))?;
        }
        Ok(())
    }

    fn file(&self, path: &str) -> Result<PathBuf, StoreError> {
        let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains(['\\', '\0']);
        if path.split('/').all(is_name) {
            return Ok(self.directory.join(path));
        }
        let cause = io::Error::new(io::ErrorKind::InvalidInput, format!("`{path}` is no object's path"));
        Err(StoreError::io(&self.directory, cause))
    }

    fn full(&self, free: u64) -> StoreError {
        StoreError::Full { directory: self.directory.clone(), free_mib: free >> 20 }
    }
}

fn rename(part: NamedTempFile, path: &Path) -> io::Result<()> {
    Ok(part.persist(path).map(|_| ())?)
}

fn name_new(part: NamedTempFile, path: &Path) -> io::Result<()> {
    Ok(part.persist_noclobber(path).map(|_| ())?)
}

fn is_part(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.ends_with(PART))
}

/// What is in a directory; nothing if there is none.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let read = fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
    Ok(if_there(read, directory)?.unwrap_or_default())
}

/// None if it is not there.
fn if_there<T>(found: io::Result<T>, path: &Path) -> Result<Option<T>, StoreError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(StoreError::io(path, cause)),
    }
}

fn make_directory(path: &Path) -> Result<(), StoreError> {
    os::create_private_directory(path).map_err(|cause| StoreError::io(path, cause))
}
