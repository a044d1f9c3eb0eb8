//! Images on disk, for links and for answers that are asked for again. One directory a day; a sweep takes whole days.
//!
//! Architecture invariant: a file is there in full or not at all, and it is on the disk before its request is settled.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    str::FromStr,
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    domain::{ImageFormat, RequestId},
    os,
};

/// What images are kept as.
const FORMATS: [ImageFormat; 3] = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Webp];

/// The images of a data directory.
#[derive(Debug)]
pub struct ImageStore {
    directory: PathBuf,
    free_min: u64,
}

/// The name of a stored image: `019ab…_0.png`, the request's id in 32 hexadecimal digits and the image's index. The
/// id is of UUID version 7, so the name contains the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageName {
    /// The request that it answers.
    pub request: RequestId,
    /// Its place in the answer.
    pub index: u32,
    /// What kind of file it is.
    pub format: ImageFormat,
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

    /// The name under which image `index` of `request` is kept, if it is.
    pub fn find(&self, request: RequestId, index: u32) -> Option<ImageName> {
        let names = FORMATS.into_iter().map(|format| ImageName { request, index, format });
        names.into_iter().find(|name| self.day(*name).join(name.to_string()).is_file())
    }

    /// The names of all images that are kept now, in no order.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the store cannot be read.
    pub fn names(&self) -> Result<Vec<ImageName>, StoreError> {
        let read = |directory: &Path| fs::read_dir(directory).map_err(|cause| io_error(directory, cause));
        let mut names = Vec::new();
        for day in read(&self.directory)? {
            let day = day.map_err(|cause| io_error(&self.directory, cause))?;
            if day.file_name().to_str().is_none_or(|name| name.parse::<Date>().is_err()) {
                continue;
            }
            for file in read(&day.path())? {
                let file = file.map_err(|cause| io_error(&day.path(), cause))?;
                names.extend(file.file_name().to_str().and_then(|name| name.parse::<ImageName>().ok()));
            }
        }
        Ok(names)
    }

    /// Takes image `index` of `request` away, in whatever format it is kept. Returns how many files there were.
    ///
    /// # Errors
    /// [`StoreError::Io`] if a file is there and cannot be removed.
    pub fn remove(&self, request: RequestId, index: u32) -> Result<usize, StoreError> {
        let mut removed = 0;
        for format in FORMATS {
            let name = ImageName { request, index, format };
            let path = self.day(name).join(name.to_string());
            match fs::remove_file(&path) {
                Ok(()) => removed += 1,
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
                Err(cause) => return Err(io_error(&path, cause)),
            }
        }
        Ok(removed)
    }

    /// Takes away the days that ended before `horizon`. What is not ours is left alone, and so is, with a line in the
    /// log, what cannot be removed.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the store itself cannot be read.
    pub fn sweep(&self, horizon: Timestamp) -> Result<Swept, StoreError> {
        let first_kept = TimeZone::UTC.to_datetime(horizon).date();
        let mut swept = Swept::default();
        for entry in fs::read_dir(&self.directory).map_err(|cause| io_error(&self.directory, cause))? {
            let path = entry.map_err(|cause| io_error(&self.directory, cause))?.path();
            let day = path.file_name().and_then(|name| name.to_str()?.parse::<Date>().ok());
            if day.is_some_and(|day| day < first_kept) && path.is_dir() {
                let images = fs::read_dir(&path).map_or(0, Iterator::count);
                match fs::remove_dir_all(&path) {
                    Ok(()) => {
                        swept.days += 1;
                        swept.images += images;
                    }
                    Err(error) => tracing::error!(%error, day = %path.display(), "a day cannot be swept"),
                }
            }
        }
        Ok(swept)
    }

    fn day(&self, name: ImageName) -> PathBuf {
        self.directory.join(TimeZone::UTC.to_datetime(name.request.created_at()).date().to_string())
    }

    fn full(&self, free: u64) -> StoreError {
        StoreError::Full { directory: self.directory.clone(), free_mib: free >> 20 }
    }
}

fn make_directory(path: &Path) -> Result<(), StoreError> {
    os::create_private_directory(path).map_err(|cause| io_error(path, cause))
}

fn io_error(path: &Path, cause: io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), cause }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}.{}", self.request.to_digits(), self.index, self.format.extension())
    }
}

/// A name that is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an image")]
pub struct ImageNameError;

impl FromStr for ImageName {
    type Err = ImageNameError;

    fn from_str(text: &str) -> Result<Self, ImageNameError> {
        let parse = || {
            let (stem, extension) = text.split_once('.')?;
            let (request, index) = stem.split_once('_')?;
            let format = FORMATS.into_iter().find(|format| format.extension() == extension)?;
            Some(Self { request: RequestId::from_digits(request)?, index: index.parse().ok()?, format })
        };
        // A name has one spelling, so that no other one reaches the same file.
        parse().filter(|name: &Self| name.to_string() == text).ok_or(ImageNameError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(millis: i64, index: u32) -> ImageName {
        let now = Timestamp::from_millisecond(millis).expect("a time");
        ImageName { request: RequestId::new(now, [7; 10]), index, format: ImageFormat::Png }
    }

    const DAY: i64 = 86_400_000;

    #[test]
    fn a_name_is_read_back_and_nothing_else_is_a_name() {
        let name = name(1_790_000_000_000, 3);
        let text = name.to_string();
        assert_eq!(text.parse(), Ok(name));
        assert_eq!((text.len(), text.ends_with("_3.png")), (32 + 6, true));
        let upper = text.to_uppercase();
        for bad in [
            "",
            "x.png",
            "../../etc/passwd",
            &upper,
            &text.replace(".png", ".jpeg"),
            &text.replace('_', "_+"),
        ] {
            assert_eq!(bad.parse::<ImageName>(), Err(ImageNameError), "{bad}");
        }
    }

    #[test]
    fn a_kept_image_is_given_back_until_its_day_is_swept() {
        let data = tempfile::tempdir().expect("a directory");
        let store = ImageStore::open(data.path().join("pictures"), 0).expect("a store");
        let (old, new) = (name(10 * DAY, 0), name(12 * DAY, 0));
        store.put(old, b"old").expect("kept");
        store.put(new, b"new").expect("kept");
        fs::write(data.path().join("pictures/notes.txt"), "the operator's").expect("a file");
        assert_eq!(store.get(old).expect("read").as_deref(), Some(b"old".as_slice()));
        assert_eq!((store.find(old.request, 0), store.find(old.request, 1)), (Some(old), None));
        let mut kept = store.names().expect("listed");
        kept.sort_by_key(|name| name.request.created_at());
        assert_eq!(kept, [old, new]);
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
}
