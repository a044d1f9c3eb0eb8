//! Images on disk, for links and for answers that are asked for again. One directory a day; a sweep takes whole days.
//!
//! Architecture invariant: a file is there in full or not at all, and it is on the disk before its request is settled.

mod bucket;
mod error;
mod name;
mod objects;
mod place;
mod tree;

use std::{
    fs::{self, DirEntry, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use self::name::FORMATS;
pub use self::{
    bucket::Bucket,
    error::{BucketFault, StoreError},
    name::{ImageName, ImageNameError},
    objects::{ObjectMeta, Objects},
    place::{ImagesPlace, ImagesPlaceError},
};
use crate::{
    domain::{Claim, RequestId},
    os,
};

/// The images in a directory, of one server or shared by the nodes of a cluster: rename and fsync are all that it is asked for, so
/// that a file system over a network will do.
#[derive(Debug)]
pub struct ImageStore {
    directory: PathBuf,
    free_min: u64,
}

/// An image that could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full, or as full as it may be.
    #[error("the disk under {directory} is full: {free_mib} MiB are free")]
    Full {
        /// Where images are kept.
        directory: PathBuf,
        /// What is left.
        free_mib: u64,
    },
    /// The system refused.
    #[error("{path}: {cause}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// What a sweep took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Directories, a day each.
    pub days: usize,
    /// Images in them.
    pub images: usize,
}

impl ImageStore {
    /// The images in `directory`, which is made as needed. Nothing is added where less than `free_min` bytes of the
    /// disk would be left for the ledger.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the directory cannot be made.
    pub fn open(directory: PathBuf, free_min: u64) -> Result<Self, StoreError> {
        make_directory(&directory)?;
        Ok(Self { directory, free_min })
    }

    /// Before any work: whether there is room at all.
    ///
    /// # Errors
    /// [`StoreError::Full`] if there is none.
    pub fn check_room(&self) -> Result<(), StoreError> {
        // Someone may have cleared it away.
        make_directory(&self.directory)?;
        self.check_room_for(0)
    }

    /// MiB of the disk that are free, if that is too little for another image; none if there is room.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the disk does not say.
    pub fn lacks_room(&self) -> Result<Option<u64>, StoreError> {
        match self.check_room() {
            Ok(()) => Ok(None),
            Err(StoreError::Full { free_mib, .. }) => Ok(Some(free_mib)),
            Err(error) => Err(error),
        }
    }

    fn check_room_for(&self, bytes: u64) -> Result<(), StoreError> {
        let free = fs4::available_space(&self.directory).map_err(|cause| io_error(&self.directory, cause))?;
        if free >= self.free_min.saturating_add(bytes) { Ok(()) } else { Err(self.full(free)) }
    }

    /// Keeps an image: written aside, flushed to the disk, and only then named.
    ///
    /// # Errors
    /// [`StoreError::Full`] if the disk has no room, [`StoreError::Io`] for anything else.
    pub fn put(&self, name: ImageName, file: &[u8]) -> Result<(), StoreError> {
        self.check_room_for(file.len() as u64)?;
        let day = self.day(name);
        if !day.is_dir() {
            make_directory(&day)?;
            // A new day's name is on the disk before anything is in it.
            let synced = File::open(&self.directory).and_then(|directory| directory.sync_all());
            synced.map_err(|cause| io_error(&self.directory, cause))?;
        }
        let (path, aside) = (day.join(name.to_string()), day.join(format!("{name}.part")));
        let written = || -> io::Result<()> {
            let mut part = os::open_to_write(&aside)?;
            part.write_all(file)?;
            part.sync_all()?;
            fs::rename(&aside, &path)?;
            File::open(&day)?.sync_all()
        };
        written().map_err(|cause| {
            // Half a file is of no use; that it cannot be removed changes nothing.
            fs::remove_file(&aside).ok();
            match cause.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    self.full(fs4::available_space(&self.directory).unwrap_or(0))
                }
                _ => io_error(&path, cause),
            }
        })
    }

    /// A kept image's file; none if it was never kept, or was swept.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it is there and cannot be read.
    pub fn get(&self, name: ImageName) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.day(name).join(name.to_string());
        match fs::read(&path) {
            Ok(file) => Ok(Some(file)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(io_error(&path, cause)),
        }
    }

    /// A kept image's file, open; none if it was never kept, or was swept.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it is there and cannot be opened.
    pub fn open_file(&self, name: ImageName) -> Result<Option<File>, StoreError> {
        let path = self.day(name).join(name.to_string());
        match File::open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(io_error(&path, cause)),
        }
    }

    /// The length of a kept image's file; none if it was never kept, or was swept.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it is there and cannot be looked at.
    pub fn length(&self, name: ImageName) -> Result<Option<u64>, StoreError> {
        let path = self.day(name).join(name.to_string());
        match fs::metadata(&path) {
            Ok(file) => Ok(Some(file.len())),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(io_error(&path, cause)),
        }
    }

    /// The name under which image `index` of `request` is kept, if it is: by the `claim` that counts.
    pub fn find(&self, request: RequestId, index: u32, claim: Option<Claim>) -> Option<ImageName> {
        let names = FORMATS.into_iter().map(|format| ImageName { request, index, format, claim });
        names.into_iter().find(|name| self.day(*name).join(name.to_string()).is_file())
    }

    /// All images that are kept now: their requests, and their places in the answers, in no order.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the store cannot be read.
    pub fn kept(&self) -> Result<Vec<(RequestId, u32)>, StoreError> {
        let mut kept = Vec::new();
        for day in entries(&self.directory)?.iter().filter(|entry| day_of(entry).is_some()) {
            let names = entries(&day.path())?;
            kept.extend(names.iter().filter_map(name_of).map(|name| (name.request, name.index)));
        }
        Ok(kept)
    }

    /// Takes one image away; false if it was not kept.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the file is there and cannot be removed.
    pub fn remove(&self, name: ImageName) -> Result<bool, StoreError> {
        remove_file(&self.day(name).join(name.to_string()))
    }

    /// Takes every image of `request` away, in whatever format and by whatever claim it is kept. Returns how many files there were.
    ///
    /// # Errors
    /// [`StoreError::Io`] if a file is there and cannot be removed, or the day cannot be read.
    pub fn remove_all(&self, request: RequestId) -> Result<usize, StoreError> {
        self.remove_those(request, |_| true)
    }

    fn remove_those(
        &self,
        request: RequestId,
        is_one: impl Fn(ImageName) -> bool,
    ) -> Result<usize, StoreError> {
        let mut removed = 0;
        for entry in entries(&self.day_of(request))? {
            let name = name_of(&entry).filter(|name| name.request == request);
            if name.is_some_and(&is_one) && remove_file(&entry.path())? {
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Takes away what a worker made of `request` by `claim`.
    ///
    /// # Errors
    /// As [`ImageStore::remove_all`].
    pub fn remove_claimed(&self, request: RequestId, claim: Claim) -> Result<usize, StoreError> {
        self.remove_those(request, |name| name.claim == Some(claim))
    }

    /// The images that workers made of requests from `since` on and wrote before `until`: whether the ledger names them decides
    /// what becomes of them.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the store cannot be read.
    pub fn claimed(&self, since: Timestamp, until: Timestamp) -> Result<Vec<ImageName>, StoreError> {
        let first = TimeZone::UTC.to_datetime(since).date();
        let mut names = Vec::new();
        for day in
            entries(&self.directory)?.iter().filter(|entry| day_of(entry).is_some_and(|day| day >= first))
        {
            for entry in entries(&day.path())? {
                let Some(name) = name_of(&entry).filter(|name| name.claim.is_some()) else { continue };
                let written = entry.metadata().and_then(|metadata| metadata.modified()).ok();
                let written = written.and_then(|time| Timestamp::try_from(time).ok());
                if written.is_some_and(|written| written < until) {
                    names.push(name);
                }
            }
        }
        Ok(names)
    }

    /// Takes away the days that ended before `horizon`. What is not ours is left alone, and so is, with a line in the
    /// log, what cannot be removed.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the store itself cannot be read.
    pub fn sweep(&self, horizon: Timestamp) -> Result<Swept, StoreError> {
        let first_kept = TimeZone::UTC.to_datetime(horizon).date();
        let mut swept = Swept::default();
        for entry in entries(&self.directory)? {
            let path = entry.path();
            if day_of(&entry).is_some_and(|day| day < first_kept) && path.is_dir() {
                let images = fs::read_dir(&path).map_or(0, Iterator::count);
                match fs::remove_dir_all(&path) {
                    Ok(()) => {
                        swept.days += 1;
                        swept.images += images;
                    }
                    // Another node sweeps the same directory.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => tracing::error!(%error, day = %path.display(), "a day cannot be swept"),
                }
            }
        }
        Ok(swept)
    }

    fn day(&self, name: ImageName) -> PathBuf {
        self.day_of(name.request)
    }

    fn day_of(&self, request: RequestId) -> PathBuf {
        self.directory.join(TimeZone::UTC.to_datetime(request.created_at()).date().to_string())
    }

    fn full(&self, free: u64) -> StoreError {
        StoreError::Full { directory: self.directory.clone(), free_mib: free >> 20 }
    }
}

/// What is in a directory; nothing if there is none.
fn entries(directory: &Path) -> Result<Vec<DirEntry>, StoreError> {
    match fs::read_dir(directory).and_then(Iterator::collect) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|cause| io_error(directory, cause)),
    }
}

fn name_of(entry: &DirEntry) -> Option<ImageName> {
    entry.file_name().to_str()?.parse().ok()
}

fn day_of(entry: &DirEntry) -> Option<Date> {
    entry.file_name().to_str()?.parse().ok()
}

/// False if it was not there.
fn remove_file(path: &Path) -> Result<bool, StoreError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(cause) => Err(io_error(path, cause)),
    }
}

fn make_directory(path: &Path) -> Result<(), StoreError> {
    os::create_private_directory(path).map_err(|cause| io_error(path, cause))
}

fn io_error(path: &Path, cause: io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ImageFormat;

    fn name(millis: i64, index: u32) -> ImageName {
        let now = Timestamp::from_millisecond(millis).expect("a time");
        ImageName { request: RequestId::new(now, [7; 10]), index, format: ImageFormat::Png, claim: None }
    }

    const DAY: i64 = 86_400_000;

    #[test]
    fn a_kept_image_is_given_back_until_its_day_is_swept() {
        let data = tempfile::tempdir().expect("a directory");
        let store = ImageStore::open(data.path().join("pictures"), 0).expect("a store");
        let (old, new) = (name(10 * DAY, 0), name(12 * DAY, 0));
        store.put(old, b"old").expect("kept");
        store.put(new, b"new").expect("kept");
        fs::write(data.path().join("pictures/notes.txt"), "the operator's").expect("a file");
        assert_eq!(store.get(old).expect("read").as_deref(), Some(b"old".as_slice()));
        assert_eq!((store.find(old.request, 0, None), store.find(old.request, 1, None)), (Some(old), None));
        let mut kept = store.kept().expect("listed");
        kept.sort_by_key(|(request, _)| request.created_at());
        assert_eq!(kept, [old, new].map(|name| (name.request, name.index)));
        let horizon = Timestamp::from_millisecond(12 * DAY).expect("a time");
        assert_eq!(store.sweep(horizon).expect("swept"), Swept { days: 1, images: 1 });
        assert_eq!(store.get(old).expect("read"), None);
        assert_eq!(store.get(new).expect("read").as_deref(), Some(b"new".as_slice()));
        assert!(data.path().join("pictures/notes.txt").exists());
    }

    #[test]
    fn a_disk_that_is_fuller_than_it_may_be_takes_no_image() {
        let data = tempfile::tempdir().expect("a directory");
        let store = ImageStore::open(data.path().to_owned(), u64::MAX).expect("a store");
        assert!(matches!(store.check_room(), Err(StoreError::Full { .. })));
    }

    #[test]
    fn files_of_other_claims_stand_beside_the_one_that_counts() {
        let data = tempfile::tempdir().expect("a directory");
        let store = ImageStore::open(data.path().to_owned(), 0).expect("a store");
        let single = name(10 * DAY, 0);
        let [first, second] = [1, 2].map(|claim| ImageName { claim: Some(Claim::new(claim)), ..single });
        for (name, bytes) in [(first, b"first"), (second, b"later")] {
            store.put(name, bytes).expect("kept");
        }
        assert_eq!(store.get(first).expect("read").as_deref(), Some(b"first".as_slice()));
        assert_eq!(store.find(single.request, 0, second.claim), Some(second));
        assert_eq!(store.find(single.request, 0, None), None);
        let moment = |millis| Timestamp::from_millisecond(millis).expect("a time");
        let mut claimed = store.claimed(moment(10 * DAY), Timestamp::MAX).expect("read");
        claimed.sort_by_key(|name| name.claim);
        assert_eq!(claimed, [first, second]);
        assert!(store.claimed(moment(11 * DAY), Timestamp::MAX).expect("read").is_empty());
        assert!(store.claimed(moment(0), moment(0)).expect("read").is_empty(), "none was written before");
        assert!(store.remove(first).expect("removed") && !store.remove(first).expect("gone already"));
        store.put(first, b"first").expect("kept");
        assert_eq!(store.remove_all(single.request).expect("removed"), 2);
        assert_eq!(store.remove_all(name(99 * DAY, 0).request).expect("nothing"), 0);
    }
}
