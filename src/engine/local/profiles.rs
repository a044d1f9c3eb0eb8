use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::memory::PeakProfile;
use crate::{engine::history::KindProfile, os, pipeline::Pipeline};

/// What the file's form is called. A file of another form is not read.
const VERSION: u32 = 1;

/// What was measured of each shape of image, on each device and for each way of holding a model, kept in a file, so
/// that a restarted server still knows what to expect.
///
/// It holds nothing that cannot be measured again. A file that cannot be read is replaced.
#[derive(Debug)]
pub struct ProfileStore {
    path: PathBuf,
    model: String,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    version: u32,
    profiles: Vec<ProfileRow>,
    /// The disk did not take it.
    #[serde(skip)]
    is_unsaved: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct ProfileRow {
    #[serde(flatten)]
    of: ProfileKey,
    #[serde(flatten)]
    profile: Profile,
}

/// Whose figures they are: others hold for another model, device or way to hold the one on the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProfileKey {
    /// Tintype's version: another may take more, or less.
    pub(super) version: String,
    /// Threads of the pool, on a CPU.
    pub(super) threads: Option<usize>,
    /// The model's id.
    pub(super) model: String,
    /// Bytes of its weights: another model under the same id is another one.
    pub(super) weight_bytes: u64,
    /// The device as the log calls it, for example `cuda:1`.
    pub(super) device: String,
    /// The number format.
    pub(super) dtype: String,
    /// The memory tier.
    pub(super) memory: String,
    /// How the transformer's blocks compute.
    #[serde(default)]
    pub(super) arithmetic: String,
}

/// What was measured on one device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Profile {
    /// Microseconds a megapixel-step.
    pub(super) pace_micros: Option<u64>,
    /// What the last images of each kind took.
    pub(super) kinds: Vec<KindProfile>,
    /// What batches took of the memory.
    pub(super) peaks: Vec<PeakProfile>,
}

impl ProfileStore {
    /// Reads the file at `path`, if there is one, to look for what is known of the model with id `model`.
    pub fn open(path: &Path, model: String) -> Self {
        let kept = match read(path) {
            Ok(kept) => kept,
            Err(error) => {
                let path = path.display();
                tracing::warn!(%error, "{path}: measured shapes cannot be read; they will be measured again");
                Kept::default()
            }
        };
        Self { path: path.to_owned(), model, kept: Mutex::new(kept) }
    }

    /// Whose figures those of `pipeline` on `device` are.
    pub(super) fn key(&self, pipeline: &Pipeline, device: &str) -> ProfileKey {
        ProfileKey {
            version: env!("CARGO_PKG_VERSION").into(),
            threads: pipeline.threads(),
            model: self.model.clone(),
            weight_bytes: pipeline.weight_bytes(),
            device: device.to_owned(),
            dtype: pipeline.precision().as_str().into(),
            memory: pipeline.memory_tier().as_str().into(),
            arithmetic: pipeline.arithmetic().as_str().into(),
        }
    }

    /// What is known; nothing if nothing was measured.
    pub(super) fn get(&self, key: &ProfileKey) -> Profile {
        let kept = self.kept.lock();
        kept.profiles.iter().find(|row| row.of == *key).map(|row| row.profile.clone()).unwrap_or_default()
    }

    /// Keeps `profile` in the place of what was known. Where the disk fails, the log says so once, what is in memory
    /// holds, and the next call tries again.
    pub(super) fn put(&self, key: &ProfileKey, profile: Profile) {
        let mut kept = self.kept.lock();
        kept.version = VERSION;
        let is_unsaved = kept.is_unsaved;
        match kept.profiles.iter_mut().find(|row| row.of == *key) {
            Some(row) if row.profile == profile && !is_unsaved => return,
            Some(row) => row.profile = profile,
            None => kept.profiles.push(ProfileRow { of: key.clone(), profile }),
        }
        let written = write(&self.path, &kept);
        kept.is_unsaved = written.is_err();
        // Tried each time, and said once.
        if let (Err(error), false) = (written, is_unsaved) {
            tracing::warn!(%error, "{}: measured shapes cannot be kept", self.path.display());
        }
    }
}

fn read(path: &Path) -> io::Result<Kept> {
    let mut text = Vec::new();
    match os::open_to_read(path) {
        Ok(mut file) => file.read_to_end(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
        Err(error) => return Err(error),
    };
    let kept: Kept = serde_json::from_slice(&text)?;
    match kept.version {
        VERSION => Ok(kept),
        other => Err(io::Error::other(format!("version {other}, not {VERSION}"))),
    }
}

/// Written aside and renamed, so that a process that dies leaves the file of before. Not flushed: workers would wait
/// for the disk, and what a power cut takes is measured again.
fn write(path: &Path, kept: &Kept) -> io::Result<()> {
    let aside = path.with_extension("part");
    os::open_to_write(&aside)?.write_all(&serde_json::to_vec_pretty(kept)?)?;
    fs::rename(&aside, path)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn key(device: &str) -> ProfileKey {
        let [version, model, dtype, memory] = ["1.0.0", "z-image", "f16", "8bit"].map(String::from);
        ProfileKey {
            version,
            threads: None,
            model,
            weight_bytes: 5,
            device: device.into(),
            dtype,
            memory,
            arithmetic: "plain".into(),
        }
    }

    fn profile(pace_micros: u64) -> Profile {
        Profile { pace_micros: Some(pace_micros), ..Profile::default() }
    }

    #[test]
    fn what_was_measured_is_known_after_a_restart_and_of_each_device_by_itself() {
        let place = TempDir::new().expect("a directory");
        let path = place.path().join("shapes.json");
        let store = ProfileStore::open(&path, "m".into());
        assert_eq!(store.get(&key("cpu")), Profile::default());
        store.put(&key("cpu"), profile(1));
        store.put(&key("cuda:0"), profile(2));
        store.put(&key("cpu"), profile(3));
        let again = ProfileStore::open(&path, "m".into());
        assert_eq!((again.get(&key("cpu")), again.get(&key("cuda:0"))), (profile(3), profile(2)));
        let other = ProfileKey { weight_bytes: 6, ..key("cpu") };
        assert_eq!(again.get(&other), Profile::default(), "another model of this name");
        assert_eq!(fs::read_dir(place.path()).expect("a directory").count(), 1, "nothing is left aside");
    }

    #[test]
    fn a_file_that_is_damaged_or_of_another_form_is_replaced() {
        let place = TempDir::new().expect("a directory");
        let path = place.path().join("shapes.json");
        for text in ["{", "", r#"{"version": 2, "profiles": []}"#, r#"{"version": 1, "profiles": [{}]}"#] {
            fs::write(&path, text).expect("a file");
            let store = ProfileStore::open(&path, "m".into());
            assert_eq!(store.get(&key("cpu")), Profile::default(), "{text}");
            store.put(&key("cpu"), profile(4));
            assert_eq!(ProfileStore::open(&path, "m".into()).get(&key("cpu")), profile(4), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_not_waited_for() {
        let place = TempDir::new().expect("a directory");
        let path = place.path().join("shapes.json");
        os::make_pipe(&path);
        let store = ProfileStore::open(&path, "m".into());
        store.put(&key("cpu"), profile(4));
        assert_eq!(ProfileStore::open(&path, "m".into()).get(&key("cpu")), profile(4), "it is replaced");
    }

    #[test]
    fn a_disk_that_takes_nothing_stops_nobody_and_is_tried_again() {
        let place = TempDir::new().expect("a directory");
        let path = place.path().join("data").join("shapes.json");
        let store = ProfileStore::open(&path, "m".into());
        store.put(&key("cpu"), profile(4));
        assert_eq!(store.get(&key("cpu")), profile(4));
        fs::create_dir(place.path().join("data")).expect("a directory");
        store.put(&key("cpu"), profile(4));
        assert_eq!(ProfileStore::open(&path, "m".into()).get(&key("cpu")), profile(4));
    }
}
