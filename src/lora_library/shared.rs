use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::image_store::{ImageStore, Objects, StoreError};

/// Where LoRAs are among the objects of the images' store: files by their hashes, names, each a folder with its hash in it, and since when
/// a file has no name any more.
const FILES: &str = "loras";
const NAMES: &str = "lora-names";
const REMOVED: &str = "loras-removed";
/// Bytes that are read at a time.
const PIECE: usize = 1 << 20;

/// The LoRAs that the nodes of a cluster share. What a node has used is in a folder of its own.
#[derive(Debug)]
pub(super) struct SharedLoras {
    images: Arc<ImageStore>,
    cache: PathBuf,
}

impl SharedLoras {
    /// The LoRAs beside `images`, of which those that were used are in the folder `cache`.
    pub(super) const fn new(images: Arc<ImageStore>, cache: PathBuf) -> Self {
        Self { images, cache }
    }

    fn objects(&self) -> &Objects {
        self.images.objects()
    }

    /// Names, and where their files are or will be once they were used.
    pub(super) fn all(&self) -> Result<Vec<(String, PathBuf)>, StoreError> {
        Ok(self.named("")?.into_iter().map(|(name, sha256)| (name, self.cached(&sha256))).collect())
    }

    /// The file of the LoRA `name`, fetched if this node has not used it yet; none if there is none of this name.
    pub(super) fn file(&self, name: &str) -> io::Result<Option<PathBuf>> {
        self.named(name)?.pop().map(|(_, sha256)| self.of_hash(&sha256)).transpose()
    }

    /// The file whose SHA-256 is `sha256`, fetched if this node has not used it yet. It may have lost its name.
    pub(super) fn of_hash(&self, sha256: &str) -> io::Result<PathBuf> {
        let file = self.cached(sha256);
        self.fetch(&file)?;
        Ok(file)
    }

    /// Fetches `file` if it is one of the cache that is not there.
    pub(super) fn fetch(&self, file: &Path) -> io::Result<()> {
        let sha256 = file.strip_prefix(&self.cache).ok().and_then(|name| name.file_stem()?.to_str());
        let Some(sha256) = sha256.filter(|_| !file.exists()) else { return Ok(()) };
        let lost = || io::Error::new(io::ErrorKind::NotFound, "its file is gone from the images' store");
        let (mut reader, _) = self.objects().open(&stored(sha256))?.ok_or_else(lost)?;
        fs::create_dir_all(&self.cache)?;
        let mut draft = tempfile::NamedTempFile::new_in(&self.cache)?;
        let (mut hash, mut piece) = (Sha256::new(), vec![0; PIECE]);
        loop {
            let read = reader.read(&mut piece)?;
            if read == 0 {
                break;
            }
            hash.update(&piece[..read]);
            draft.write_all(&piece[..read])?;
        }
        let found = base16ct::lower::encode_string(&hash.finalize());
        if found != sha256 {
            let reason = format!("the file in the images' store has the SHA-256 {found}; add it again");
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        draft.as_file().sync_all()?;
        draft.persist(file)?;
        Ok(())
    }

    /// Puts `file`, whose SHA-256 is `sha256`, under `name`. False if another file has the name.
    pub(super) fn add(&self, file: &Path, name: &str, sha256: &str) -> Result<bool, StoreError> {
        if self.named(name)?.iter().any(|(_, of)| of != sha256) {
            return Ok(false);
        }
        self.objects().remove(&format!("{REMOVED}/{sha256}"))?;
        if self.objects().length(&stored(sha256))?.is_none() {
            let opened = File::open(file);
            let mut opened = opened.map_err(|cause| StoreError::Io { path: file.to_owned(), cause })?;
            self.objects().put_file(&stored(sha256), &mut opened)?;
        }
        self.objects().put(&format!("{NAMES}/{name}/{sha256}"), b"")?;
        Ok(true)
    }

    /// Takes `name` away; its file stays for requests that were accepted with it, until [`SharedLoras::sweep`] finds that it has no other
    /// name. False if there is none.
    pub(super) fn remove(&self, name: &str) -> Result<bool, StoreError> {
        let removed = self.named(name)?;
        for (_, sha256) in &removed {
            self.objects().put(&format!("{REMOVED}/{sha256}"), b"")?;
            self.objects().remove(&format!("{NAMES}/{name}/{sha256}"))?;
        }
        Ok(!removed.is_empty())
    }

    /// Takes the files away that lost their names before `horizon` and have none. Returns how many.
    pub(super) fn sweep(&self, horizon: Timestamp) -> Result<usize, StoreError> {
        let mut removed = self.objects().list(REMOVED)?;
        removed.retain(|object| object.modified < horizon);
        if removed.is_empty() {
            return Ok(0);
        }
        let named = self.named("")?;
        let mut swept = 0;
        for object in removed {
            let sha256 = object.path.rsplit('/').next().unwrap_or_default();
            if named.iter().all(|(_, of)| of != sha256) {
                swept += usize::from(self.objects().remove(&stored(sha256))?);
            }
            self.objects().remove(&object.path)?;
        }
        Ok(swept)
    }

    /// Names and hashes, of `name` or of all if it is empty.
    fn named(&self, name: &str) -> Result<Vec<(String, String)>, StoreError> {
        let folder = if name.is_empty() { NAMES.to_owned() } else { format!("{NAMES}/{name}") };
        let named = |path: &str| {
            let (name, sha256) = path.strip_prefix(NAMES)?.strip_prefix('/')?.split_once('/')?;
            Some((name.to_owned(), sha256.to_owned()))
        };
        Ok(self.objects().list(&folder)?.iter().filter_map(|object| named(&object.path)).collect())
    }

    fn cached(&self, sha256: &str) -> PathBuf {
        self.cache.join(format!("{sha256}.safetensors"))
    }
}

fn stored(sha256: &str) -> String {
    format!("{FILES}/{sha256}.safetensors")
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_node_fetches_what_another_added_and_looks_at_its_hash() {
        let place = tempfile::tempdir().expect("a directory");
        let images = Arc::new(ImageStore::open(place.path().join("images"), 0).expect("a store"));
        let [one, other] =
            ["one", "other"].map(|node| SharedLoras::new(Arc::clone(&images), place.path().join(node)));
        let file = place.path().join("warm.safetensors");
        fs::write(&file, "weights").expect("written");
        let sha256 = base16ct::lower::encode_string(&Sha256::digest("weights"));
        assert!(one.add(&file, "warm light", &sha256).expect("added"));
        assert!(one.add(&file, "same", &sha256).expect("a file may have two names"));
        let another = "0".repeat(64);
        assert!(!one.add(&file, "same", &another).expect("asked"), "another file has the name");
        let fetched = other.file("warm light").expect("fetched").expect("there");
        assert_eq!(fs::read_to_string(&fetched).expect("read"), "weights");
        assert_eq!(other.file("none").expect("asked"), None);
        let mut all = other.all().expect("listed");
        all.sort();
        assert_eq!(all, ["same", "warm light"].map(|name| (name.to_owned(), fetched.clone())));
        assert!(one.remove("warm light").expect("removed") && !one.remove("warm light").expect("gone"));
        assert!(images.objects().length(&stored(&sha256)).expect("asked").is_some(), "it has another name");
        images.objects().put(&stored(&sha256), b"changed").expect("put");
        let error = one.file("same").expect_err("another file").to_string();
        assert!(error.contains("add it again"), "{error}");
        assert!(other.file("same").expect("it was used before").is_some());
        images.objects().put(&stored(&sha256), b"weights").expect("put back");
        assert!(one.remove("same").expect("removed"));
        let third = SharedLoras::new(Arc::clone(&images), place.path().join("third"));
        assert!(third.of_hash(&sha256).expect("for what was accepted with it").exists());
        let late = Timestamp::now() + SignedDuration::from_secs(60);
        assert!(one.add(&file, "again", &sha256).expect("added"));
        assert_eq!(one.sweep(late).expect("swept"), 0, "it has a name again");
        assert!(one.remove("again").expect("removed"));
        assert_eq!(one.sweep(Timestamp::UNIX_EPOCH).expect("swept"), 0, "it has just lost it");
        assert_eq!(one.sweep(late).expect("swept"), 1);
        assert_eq!(images.objects().list("").expect("listed"), []);
    }
}
