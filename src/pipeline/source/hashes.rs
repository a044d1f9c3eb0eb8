//! SHA-256 of a model's weights, for receipts.
//!
//! 20 GB take 15 to 60 seconds of one core. So they are hashed beside the loading, by a thread that reads the files in the order
//! in which they are loaded, and what was found is kept in a file: a start never waits for it, only the first image's receipt.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::UNIX_EPOCH,
};

use serde::{Deserialize, Serialize};

use super::{
    super::error::LoadError,
    Component, Part,
    files::ModelFiles,
    folder::Blob,
    pin::{ModelDigest, sha256, sha256_of},
};
use crate::domain::WeightHashes;

/// What a file is known by: another one in its place has another length, time or number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity {
    length: u64,
    /// Nanoseconds since 1970; none if the system does not say when it was changed.
    modified_ns: Option<u64>,
    inode: u64,
}

impl FileIdentity {
    /// That of `file`.
    ///
    /// # Errors
    /// Whatever the system says of a file that is not there.
    pub fn of(file: &Path) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Ok(Self {
            length: metadata.len(),
            modified_ns: modified.and_then(|since| u64::try_from(since.as_nanos()).ok()),
            inode,
        })
    }
}

/// The hashes of a model's weights, as soon as they are known.
#[derive(Debug)]
pub struct HashedWeights {
    parts: Vec<(Component, Vec<WeightFile>)>,
    kept: Option<PathBuf>,
    hashes: OnceLock<WeightHashes>,
}

#[derive(Debug, Clone)]
enum WeightFile {
    /// Compiled in.
    Static(&'static [u8]),
    OnDisk(PathBuf),
}

/// What is kept of files that were hashed.
type Kept = HashMap<PathBuf, (FileIdentity, String)>;

impl HashedWeights {
    /// Begins to hash the weights in `files`. The file `kept` has the hashes of earlier starts, and gets those of this one.
    ///
    /// # Errors
    /// [`LoadError`] if a file of weights is missing or is none.
    pub fn begin(files: &ModelFiles, kept: Option<PathBuf>) -> Result<Arc<Self>, LoadError> {
        // In the order in which they are loaded.
        let parts = [Component::TextEncoder, Component::Transformer, Component::Vae].map(|component| {
            let part = Part::open(files, component)?;
            let files = part.weights.files().map(|(path, blob)| match blob {
                Blob::Static(bytes) => WeightFile::Static(bytes),
                Blob::Mapped { .. } => WeightFile::OnDisk(PathBuf::from(path)),
            });
            Ok((component, files.collect()))
        });
        let parts = parts.into_iter().collect::<Result<_, LoadError>>()?;
        let hashed = Arc::new(Self { parts, kept, hashes: OnceLock::new() });
        let in_thread = Arc::clone(&hashed);
        let thread = std::thread::Builder::new().name("weight hashes".into()).spawn(move || {
            in_thread.get();
        });
        if let Err(error) = thread {
            tracing::warn!(%error, "the weights are hashed when the first receipt needs it");
        }
        Ok(hashed)
    }

    /// The hashes. Waits until they are known.
    pub fn get(&self) -> &WeightHashes {
        self.hashes.get_or_init(|| {
            let mut kept = self.kept.as_deref().map(read_kept).unwrap_or_default();
            let before = kept.clone();
            let mut hashes = WeightHashes::default();
            for (component, files) in &self.parts {
                let hash = hash_of_part(files, &mut kept);
                if let Err(error) = &hash {
                    tracing::warn!(%error, "the {} cannot be hashed; receipts do not name it", component.folder());
                }
                let place = match component {
                    Component::Transformer => &mut hashes.transformer,
                    Component::TextEncoder => &mut hashes.text_encoder,
                    Component::Vae => &mut hashes.vae,
                };
                *place = hash.ok();
            }
            if let Some(file) = self.kept.as_deref().filter(|_| kept != before)
                && let Err(error) = write_kept(file, &kept)
            {
                tracing::warn!(%error, "{}: hashes of weights cannot be kept", file.display());
            }
            hashes
        })
    }
}

fn hash_of_part(files: &[WeightFile], kept: &mut Kept) -> io::Result<String> {
    let mut named = Vec::with_capacity(files.len());
    for file in files {
        named.push(match file {
            WeightFile::Static(bytes) => (String::new(), sha256(bytes)),
            WeightFile::OnDisk(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                (name, hash_of_file(path, kept)?)
            }
        });
    }
    Ok(match named.as_slice() {
        [(_, only)] => only.clone(),
        _ => ModelDigest::of_list(named.iter().map(|(name, hash)| (&**name, &**hash))).to_string(),
    })
}

fn hash_of_file(path: &Path, kept: &mut Kept) -> io::Result<String> {
    // The file that a link of a hub's cache leads to.
    let path = path.canonicalize()?;
    // Before it is read: if it changes meanwhile, it is read again the next time.
    let identity = FileIdentity::of(&path)?;
    if let Some((_, hash)) = kept.get(&path).filter(|(known, _)| *known == identity) {
        return Ok(hash.clone());
    }
    // Read, not mapped: pages of a map would count as the process's memory.
    let hash = sha256_of(&mut File::open(&path)?, &mut |_| {})?;
    kept.insert(path, (identity, hash.clone()));
    Ok(hash)
}

/// Nothing, if the file is missing or damaged: the weights are hashed again.
fn read_kept(file: &Path) -> Kept {
    // A pipe that somebody planted would be waited for without end.
    let is_file = fs::metadata(file).is_ok_and(|found| found.is_file());
    let text = is_file.then(|| fs::read(file).ok()).flatten();
    text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// Written aside and renamed, so that a process that dies leaves the file of before. A new file is never a link that somebody
/// planted.
fn write_kept(file: &Path, kept: &Kept) -> io::Result<()> {
    let aside = file.with_extension(format!("{}.part", std::process::id()));
    // What a process of this number left half done.
    fs::remove_file(&aside).ok();
    let mut options = File::options();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&aside)?.write_all(&serde_json::to_vec_pretty(kept)?)?;
    fs::rename(&aside, file)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use tempfile::TempDir;

    use super::*;

    fn hash(folder: &Path, names: &[&str], kept: &mut Kept) -> String {
        let files: Vec<_> = names.iter().map(|name| WeightFile::OnDisk(folder.join(name))).collect();
        hash_of_part(&files, kept).expect("read")
    }

    #[test]
    fn a_part_is_known_by_its_file_or_by_the_list_of_its_files() {
        let place = TempDir::new().expect("a directory");
        fs::write(place.path().join("a.safetensors"), "abc").expect("written");
        fs::write(place.path().join("b.safetensors"), "").expect("written");
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let kept = &mut Kept::new();
        assert_eq!(hash(place.path(), &["a.safetensors"], kept), abc);
        let list = format!("{abc}  a.safetensors\n{empty}  b.safetensors\n");
        assert_eq!(hash(place.path(), &["b.safetensors", "a.safetensors"], kept), sha256(list.as_bytes()));
        assert_eq!(hash_of_part(&[WeightFile::Static(b"abc")], kept).expect("read"), abc);
    }

    #[test]
    fn a_file_is_read_again_only_if_it_has_changed() {
        let place = TempDir::new().expect("a directory");
        let (file, book) = (place.path().join("a.gguf"), place.path().join("weights.json"));
        fs::write(&file, "abc").expect("written");
        let mut kept = Kept::new();
        let first = hash(place.path(), &["a.gguf"], &mut kept);
        write_kept(&book, &kept).expect("written");
        let mut again = read_kept(&book);
        assert_eq!(again, kept);
        again.values_mut().for_each(|(_, hash)| *hash = "kept".into());
        assert_eq!(hash(place.path(), &["a.gguf"], &mut again), "kept", "it was not read");

        fs::write(&file, "abd").expect("written");
        let later = SystemTime::now() + Duration::from_secs(5);
        File::options().write(true).open(&file).and_then(|file| file.set_modified(later)).expect("set");
        let second = hash(place.path(), &["a.gguf"], &mut again);
        assert!(second != first && second != "kept", "{second}");
        fs::write(&book, "{").expect("written");
        assert_eq!(read_kept(&book), Kept::new());
        assert!(hash_of_part(&[WeightFile::OnDisk(place.path().join("gone"))], &mut kept).is_err());
    }
}
