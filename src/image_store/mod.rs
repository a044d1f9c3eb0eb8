//! Images in a directory or a bucket, for links and for answers that are asked for again. One folder a day; a sweep takes whole days.
//!
//! Architecture invariant: a file is there in full or not at all, and it is safe before its request is settled.

mod bucket;
mod error;
mod fault;
mod name;
mod object_meta;
mod objects;
mod place;
mod reader;
mod tree;

use std::{collections::BTreeSet, path::PathBuf};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

pub use self::{
    bucket::Bucket,
    error::{BucketFault, StoreError},
    name::{ImageName, ImageNameError},
    object_meta::ObjectMeta,
    objects::Objects,
    place::{BucketPlace, ImagesPlace, ImagesPlaceError, LinkKind},
    reader::ObjectReader,
};
use self::{name::FORMATS, tree::Tree};
use crate::{
    domain::{Claim, RequestId},
    units::Millis,
};

/// What says which images these are, among those that nodes share.
const MARK: &str = "cluster.images";

/// The images in a directory or a bucket, of one server or shared by the nodes of a cluster.
#[derive(Debug)]
pub struct ImageStore(Objects);

/// What a sweep took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Folders, a day each.
    pub days: usize,
    /// Images in them.
    pub images: usize,
}

/// Whose image is looked for: a request, its place in the answer, and the claim that counts.
pub type WantedImage = (RequestId, u32, Option<Claim>);

impl ImageStore {
    /// The images in `directory`, which is made as needed. Nothing is added where less than `free_min` bytes of the
    /// disk would be left for the ledger.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the directory cannot be made.
    pub fn open(directory: PathBuf, free_min: u64) -> Result<Self, StoreError> {
        Tree::open(directory, free_min).map(|tree| Self(Objects::Directory(tree)))
    }

    /// The images in the bucket at `place`, if it answers. `variables` named AWS_… say where its server is, and give the credentials.
    ///
    /// # Errors
    /// [`StoreError::Bucket`], one line with the remedy.
    pub fn in_bucket(
        place: &BucketPlace,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, StoreError> {
        let bucket = Bucket::new(place, variables)?;
        bucket.look()?;
        Ok(Self(Objects::Bucket(bucket)))
    }

    /// What it is made of: objects by their paths.
    pub fn objects(&self) -> &Objects {
        &self.0
    }

    /// At a start: whether images can be written and removed.
    ///
    /// # Errors
    /// [`StoreError`], one line with the remedy.
    pub fn try_out(&self) -> Result<(), StoreError> {
        match &self.0 {
            Objects::Directory(_) => Ok(()),
            Objects::Bucket(bucket) => bucket.try_out(),
        }
    }

    /// Which images these are, for nodes that are to share them: what the first of them drew. From now on a directory counts as away
    /// where it is another one, as under a mount that is gone.
    ///
    /// # Errors
    /// What the system or the bucket says.
    pub fn share(&self, drawn: [u8; 16]) -> Result<String, StoreError> {
        let drawn = base16ct::lower::encode_string(&drawn);
        let mark = self.0.get_or_put_new(MARK, drawn.as_bytes())?;
        if let Objects::Directory(tree) = &self.0 {
            tree.expect_mark(MARK);
        }
        Ok(String::from_utf8_lossy(&mark).trim().to_owned())
    }

    /// Whether the bucket answers now, or the directory is the one that is shared.
    ///
    /// # Errors
    /// [`StoreError::Bucket`] or [`StoreError::Unmounted`] if not.
    pub fn look(&self) -> Result<(), StoreError> {
        match &self.0 {
            Objects::Directory(tree) => tree.look(),
            Objects::Bucket(bucket) => bucket.look(),
        }
    }

    /// Before any work: whether there is room at all. A bucket is asked only if its last answer was an error.
    ///
    /// # Errors
    /// [`StoreError::Full`] if there is none, [`StoreError::Bucket`] if it does not answer.
    pub fn check_room(&self) -> Result<(), StoreError> {
        match &self.0 {
            Objects::Directory(tree) => tree.check_room_for(0),
            Objects::Bucket(bucket) if bucket.was_away() => bucket.look(),
            Objects::Bucket(_) => Ok(()),
        }
    }

    /// MiB of the disk that are free, if that is too little for another image; none if there is room. A bucket has no such figure.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the disk does not say.
    pub fn lacks_room(&self) -> Result<Option<u64>, StoreError> {
        let Objects::Directory(tree) = &self.0 else { return Ok(None) };
        match tree.check_room_for(0) {
            Ok(()) => Ok(None),
            Err(StoreError::Full { free_mib, .. }) => Ok(Some(free_mib)),
            Err(error) => Err(error),
        }
    }

    /// Keeps an image, in full or not at all: it is safe when this returns.
    ///
    /// # Errors
    /// [`StoreError::Full`] if the disk has no room, else what the system or the bucket says.
    pub fn put(&self, name: ImageName, file: &[u8]) -> Result<(), StoreError> {
        self.0.put(&path(name), file)
    }

    /// A kept image's file; none if it was never kept, or was swept.
    ///
    /// # Errors
    /// What the system or the bucket says.
    pub fn get(&self, name: ImageName) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(&path(name))
    }

    /// A kept image's file, open; none if it was never kept, or was swept.
    ///
    /// # Errors
    /// What the system or the bucket says.
    pub fn open_file(&self, name: ImageName) -> Result<Option<ObjectReader>, StoreError> {
        Ok(self.0.open(&path(name))?.map(|(reader, _)| reader))
    }

    /// The length of a kept image's file; none if it was never kept, or was swept.
    ///
    /// # Errors
    /// What the system or the bucket says.
    pub fn length(&self, name: ImageName) -> Result<Option<u64>, StoreError> {
        self.0.length(&path(name))
    }

    /// A URL of the bucket by which whoever has it may read the image for `lifetime`, seven days at most; none of a directory.
    ///
    /// # Errors
    /// [`StoreError::Bucket`] if there are no credentials to sign it with.
    pub fn presigned(&self, name: ImageName, lifetime: Millis) -> Result<Option<String>, StoreError> {
        match &self.0 {
            Objects::Directory(_) => Ok(None),
            Objects::Bucket(bucket) => bucket.link(&path(name), lifetime).map(Some),
        }
    }

    /// The names under which the images are kept that are `wanted`, in their order; none of those that are not.
    ///
    /// # Errors
    /// What the system or the bucket says.
    pub fn find(&self, wanted: &[WantedImage]) -> Result<Vec<Option<ImageName>>, StoreError> {
        let mut found = vec![None; wanted.len()];
        // Nearly all are of the first format: the others are asked for only where it is not.
        for format in FORMATS {
            let open: Vec<_> = (0..wanted.len()).filter(|index| found[*index].is_none()).collect();
            let names: Vec<_> = open
                .iter()
                .map(|place| {
                    let (request, index, claim) = wanted[*place];
                    ImageName { request, index, format, claim }
                })
                .collect();
            let paths: Vec<_> = names.iter().copied().map(path).collect();
            for ((place, name), length) in open.into_iter().zip(names).zip(self.0.lengths(&paths)?) {
                found[place] = length.map(|_| name);
            }
        }
        Ok(found)
    }

    /// All images that are kept now: their requests, and their places in the answers, in no order.
    ///
    /// # Errors
    /// What the system or the bucket says.
    pub fn kept(&self) -> Result<Vec<(RequestId, u32)>, StoreError> {
        Ok(self.walk(Date::MIN)?.into_iter().map(|(name, _)| (name.request, name.index)).collect())
    }

    /// Images of the day `first` and later ones, with what a listing says of them. What is not ours is passed over.
    fn walk(&self, first: Date) -> Result<Vec<(ImageName, ObjectMeta)>, StoreError> {
        let folders = self.0.folders()?.into_iter();
        let mut images = Vec::new();
        for folder in folders.filter(|folder| folder.parse::<Date>().is_ok_and(|day| day >= first)) {
            images.extend(self.images_in(&folder)?);
        }
        Ok(images)
    }

    fn images_in(&self, folder: &str) -> Result<Vec<(ImageName, ObjectMeta)>, StoreError> {
        let name = |object: &ObjectMeta| object.path.strip_prefix(folder)?.strip_prefix('/')?.parse().ok();
        let objects = self.0.list(folder)?.into_iter();
        Ok(objects.filter_map(|object| Some((name(&object)?, object))).collect())
    }

    /// Takes one image away; false if it was not kept.
    ///
    /// # Errors
    /// What the system or the bucket says.
    pub fn remove(&self, name: ImageName) -> Result<bool, StoreError> {
        self.0.remove(&path(name))
    }

    /// Takes every image of `requests` away, in whatever format and by whatever claim it is kept. Returns how many files there were.
    ///
    /// # Errors
    /// What the system or the bucket says.
    pub fn remove_all(&self, requests: &BTreeSet<RequestId>) -> Result<usize, StoreError> {
        let days: BTreeSet<_> = requests.iter().map(|request| day_of(*request)).collect();
        days.iter().map(|day| self.remove_on(day, |name| requests.contains(&name.request))).sum()
    }

    /// Takes away what a worker made of `request` by `claim`. Returns how many files there were.
    ///
    /// # Errors
    /// As [`ImageStore::remove_all`].
    pub fn remove_claimed(&self, request: RequestId, claim: Claim) -> Result<usize, StoreError> {
        self.remove_on(&day_of(request), |name| name.request == request && name.claim == Some(claim))
    }

    /// Takes away the images of `day` that `is_one` picks, by one listing of the day. Returns how many there were.
    fn remove_on(&self, day: &str, is_one: impl Fn(ImageName) -> bool) -> Result<usize, StoreError> {
        let mut removed = 0;
        for (name, _) in self.images_in(day)? {
            if is_one(name) && self.remove(name)? {
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// The images that workers made of requests from `since` on and wrote before `until`: whether the ledger names them decides
    /// what becomes of them.
    ///
    /// # Errors
    /// What the system or the bucket says.
    pub fn claimed(&self, since: Timestamp, until: Timestamp) -> Result<Vec<ImageName>, StoreError> {
        let images = self.walk(TimeZone::UTC.to_datetime(since).date())?.into_iter();
        let is_one = |name: &ImageName, object: &ObjectMeta| name.claim.is_some() && object.modified < until;
        Ok(images.filter(|(name, object)| is_one(name, object)).map(|(name, _)| name).collect())
    }

    /// Whether any image of `request` is kept.
    ///
    /// # Errors
    /// What the system or the bucket says.
    pub fn has_any(&self, request: RequestId) -> Result<bool, StoreError> {
        Ok(self.images_in(&day_of(request))?.iter().any(|(name, _)| name.request == request))
    }

    /// Takes away the days that ended before `horizon`, images apart that `spared` has by their requests and places. What is not
    /// ours is left alone, and so is, with a line in the log, what cannot be removed.
    ///
    /// # Errors
    /// What the system or the bucket says if the store itself cannot be read.
    pub fn sweep(
        &self,
        horizon: Timestamp,
        spared: &BTreeSet<(RequestId, u32)>,
    ) -> Result<Swept, StoreError> {
        let first_kept = TimeZone::UTC.to_datetime(horizon).date();
        let spared_days: BTreeSet<_> = spared.iter().map(|(request, _)| day_of(*request)).collect();
        let mut swept = Swept::default();
        for folder in self.0.folders()? {
            match folder.parse::<Date>() {
                Ok(day) if day < first_kept => {}
                Ok(_) => continue,
                Err(_) => {
                    if let Objects::Directory(tree) = &self.0 {
                        tree.remove_parts(&folder, horizon)?;
                    }
                    continue;
                }
            }
            if spared_days.contains(&folder) {
                swept.images +=
                    self.remove_on(&folder, |name| !spared.contains(&(name.request, name.index)))?;
                continue;
            }
            match self.0.remove_folder(&folder) {
                Ok(Some(images)) => {
                    swept.days += 1;
                    swept.images += images;
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, day = folder, "a day cannot be swept"),
            }
        }
        Ok(swept)
    }
}

/// The path of an image's object: one folder a day, so that a sweep takes whole days.
fn path(name: ImageName) -> String {
    format!("{}/{name}", day_of(name.request))
}

fn day_of(request: RequestId) -> String {
    TimeZone::UTC.to_datetime(request.created_at()).date().to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_disk_that_is_fuller_than_it_may_be_takes_no_image() {
        let data = tempfile::tempdir().expect("a directory");
        let store = ImageStore::open(data.path().to_owned(), u64::MAX).expect("a store");
        assert!(matches!(store.check_room(), Err(StoreError::Full { .. })));
        assert!(matches!(store.objects().put("a", b"x"), Err(StoreError::Full { .. })));
        assert!(store.lacks_room().expect("asked").is_some());
    }

    #[test]
    fn nodes_recognise_their_images_and_refuse_what_is_under_a_mount_that_is_gone() {
        let mounted = tempfile::tempdir().expect("a directory");
        let directory = mounted.path().join("images");
        let open = || ImageStore::open(directory.clone(), 0).expect("a store");
        let (one, other) = (open(), open());
        let drawn = one.share([1; 16]).expect("drawn");
        assert_eq!(other.share([2; 16]).expect("read"), drawn);
        one.objects().put("a", b"x").expect("kept");
        assert_eq!(one.objects().get("b").expect("it is not there"), None);
        one.look().expect("it is there");
        fs::rename(&directory, mounted.path().join("away")).expect("moved");
        fs::create_dir(&directory).expect("made");
        let is_refused = |error: StoreError| matches!(error, StoreError::Unmounted { .. });
        assert!(is_refused(one.look().expect_err("another directory")));
        assert!(is_refused(one.check_room().expect_err("another directory")));
        assert!(is_refused(one.objects().put("c", b"x").expect_err("nobody would find it")));
        assert!(is_refused(one.objects().get("a").expect_err("it is only away")));
        assert_ne!(open().share([3; 16]).expect("drawn"), drawn);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn after_a_write_that_failed_room_is_what_a_file_can_be_written_to() {
        let (place, sound) =
            (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("another"));
        let link = place.path().join("images");
        // Nobody writes there, not even root.
        std::os::unix::fs::symlink("/proc", &link).expect("a link");
        let store = ImageStore::open(link.clone(), 0).expect("a store");
        store.check_room().expect("nothing was tried");
        // Not asked whether there is room: /proc has none.
        store.objects().put_new("a", b"x").expect_err("it is read-only");
        store.check_room().expect_err("it still is");
        fs::remove_file(&link).expect("removed");
        std::os::unix::fs::symlink(sound.path(), &link).expect("a link");
        store.check_room().expect("it was mended");
        assert_eq!(fs::read_dir(sound.path()).expect("read").count(), 0, "nothing is left of the trial");
    }

    #[test]
    fn what_was_half_written_is_no_object_and_goes_with_the_sweep() {
        let data = tempfile::tempdir().expect("a directory");
        let store = ImageStore::open(data.path().to_owned(), 0).expect("a store");
        store.objects().put("sources/whole", b"x").expect("kept");
        let part = data.path().join("sources/.tmp.tintype-part");
        fs::write(&part, "hal").expect("written");
        let listed = store.objects().list("").expect("listed");
        assert_eq!(listed.iter().map(|object| object.path.as_str()).collect::<Vec<_>>(), ["sources/whole"]);
        store.sweep(Timestamp::UNIX_EPOCH, &BTreeSet::new()).expect("swept");
        assert!(part.exists(), "another node may be writing it");
        store.sweep(Timestamp::MAX, &BTreeSet::new()).expect("swept");
        assert!(!part.exists() && data.path().join("sources/whole").exists());
    }
}
