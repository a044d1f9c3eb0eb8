//! The LoRAs that there are, by name: files of the data directory's `loras`, files that are configured, and those that the nodes of a
//! cluster share.
//!
//! The folder is looked at whenever a name is asked for, so that what is added or removed counts at once. What was read is
//! kept, up to a number of bytes, for as long as the file stays as it was.

mod kept;
mod shared;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use parking_lot::Mutex;

use self::{kept::Kept, shared::SharedLoras};
use crate::{
    domain::is_lora_name,
    image_store::{ImageStore, StoreError},
    pipeline::{LoadError, Lora, LoraInspection, ModelDigest, ModelLayers},
};

/// The folder of LoRAs in the data directory.
pub const LORAS_DIRECTORY: &str = "loras";

const ENDING: &str = "safetensors";
/// The folder of those that other nodes have too, in the folder of LoRAs.
const SHARED: &str = ".shared";

/// LoRAs by name.
pub struct LoraLibrary {
    /// Whose files are LoRAs, called by their names without the ending.
    folder: PathBuf,
    /// Files and folders beside it.
    configured: Vec<PathBuf>,
    /// Those of a cluster, behind both.
    shared: Option<SharedLoras>,
    /// Bytes of memory that LoRAs may take: one alone, and those that are kept together.
    bytes_max: u64,
    read: Mutex<Kept<Lora>>,
    inspected: Mutex<Kept<LoraInspection>>,
}

/// Inspections that are kept: each takes some hundred bytes.
const INSPECTIONS_MAX: u64 = 1000;

/// Why a LoRA cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LoraError {
    /// There is none of this name.
    #[error("there is no LoRA `{name}`")]
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// Its file cannot be read, or is not a LoRA of the model.
    #[error("the LoRA `{name}` cannot be applied: {error}")]
    Unfit {
        /// The name.
        name: String,
        /// What was recognised of the file.
        error: LoadError,
    },
    /// It cannot be fetched from the store that the nodes share.
    #[error("the LoRA `{name}` cannot be fetched: {cause}")]
    Unfetched {
        /// The name.
        name: String,
        /// Why.
        cause: io::Error,
    },
}

/// Why the library was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// A name that no LoRA can have.
    #[error("`{0}` cannot be a LoRA's name; use letters, digits, spaces, dots, dashes and underscores")]
    Name(String),
    /// There is one of this name.
    #[error("{0} is in the library; remove it first, or pass --name")]
    Taken(String),
    /// The file is not a LoRA.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The store that the nodes share refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl LoraLibrary {
    /// The LoRAs of `data_dir` and of the files and folders `configured`. They may take `bytes_max` bytes of memory.
    pub fn new(data_dir: &Path, configured: Vec<PathBuf>, bytes_max: u64) -> Self {
        Self {
            folder: data_dir.join(LORAS_DIRECTORY),
            configured,
            shared: None,
            bytes_max,
            read: Mutex::new(Kept::new(bytes_max)),
            inspected: Mutex::new(Kept::new(INSPECTIONS_MAX)),
        }
    }

    /// With the LoRAs beside `images`, which the nodes of a cluster share. Their files are fetched when they are used first.
    #[must_use]
    pub fn shared_with(self, images: Arc<ImageStore>) -> Self {
        let shared = SharedLoras::new(images, self.folder.join(SHARED));
        Self { shared: Some(shared), ..self }
    }

    /// Names and files, in the order of the names. Of two files with one name the data directory's counts, and then the one
    /// that is configured first.
    pub fn all(&self) -> Vec<(String, PathBuf)> {
        let configured = self
            .configured
            .iter()
            .flat_map(|path| if path.is_dir() { files_in(path) } else { vec![path.clone()] });
        let files = files_in(&self.folder).into_iter().chain(configured);
        let shared = self.shared.as_ref().map_or(Ok(Vec::new()), SharedLoras::all).unwrap_or_else(|error| {
            tracing::warn!(%error, "the LoRAs that all nodes have cannot be listed");
            Vec::new()
        });
        let mut named: Vec<(String, PathBuf)> = files
            .filter_map(|file| Some((file.file_stem()?.to_str()?.to_owned(), file)))
            .chain(shared)
            .filter(|(name, _)| is_lora_name(name))
            .collect();
        named.sort_by(|(one, _), (other, _)| one.cmp(other));
        named.dedup_by(|(one, _), (other, _)| one == other);
        named
    }

    /// The file of the LoRA `name`: the one that [`LoraLibrary::all`] lists, but no folder is listed for it.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        if !is_lora_name(name) {
            return None;
        }
        let named =
            |folder: &Path| Some(folder.join(format!("{name}.{ENDING}"))).filter(|file| file.is_file());
        named(&self.folder).or_else(|| {
            self.configured.iter().find_map(|path| {
                let is_named = path.file_stem().is_some_and(|stem| stem == name) && path.is_file();
                if is_named { Some(path.clone()) } else { named(path) }
            })
        })
    }

    /// The LoRA `name`, matched against the model's `layers`. Reads its file unless that was done before.
    ///
    /// # Errors
    /// [`LoraError`], with the names that there are, or what was recognised of the file.
    pub fn read(&self, name: &str, layers: &ModelLayers) -> Result<Arc<Lora>, LoraError> {
        let file = match self.file(name) {
            Some(file) => Some(file),
            None => self.shared_file(name)?,
        };
        let file = file.ok_or_else(|| LoraError::Unknown {
            name: name.to_owned(),
            known: self.all().into_iter().map(|(name, _)| name).collect(),
        })?;
        self.read_file(&file, name, layers)
    }

    /// The LoRA `name` whose file has the SHA-256 `sha256`: a request that was accepted with it has its images though it lost the name
    /// since, or the name is another one's here.
    ///
    /// # Errors
    /// [`LoraError`], as if there were none of the name, or of the one that has it now.
    pub fn read_of_hash(
        &self,
        name: &str,
        sha256: &str,
        layers: &ModelLayers,
    ) -> Result<Arc<Lora>, LoraError> {
        let by_name = self.read(name, layers);
        match (&by_name, &self.shared) {
            (Ok(lora), _) if lora.sha256() == sha256 => by_name,
            (_, Some(shared)) => match shared.of_hash(sha256) {
                Ok(file) => self.read_file(&file, name, layers),
                Err(_) => by_name,
            },
            _ => by_name,
        }
    }

    /// One is read at a time: two requests for the same LoRA read it once.
    fn read_file(&self, file: &Path, name: &str, layers: &ModelLayers) -> Result<Arc<Lora>, LoraError> {
        let lora = self.read.lock().get_or_read(file, Lora::bytes, || layers.read(file, self.bytes_max));
        lora.map_err(|error| LoraError::Unfit { name: name.to_owned(), error })
    }

    /// Takes the files away that the nodes of a cluster shared, that lost their names before `horizon` and have none. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`] if the store refuses.
    pub fn sweep(&self, horizon: Timestamp) -> Result<usize, StoreError> {
        self.shared.as_ref().map_or(Ok(0), |shared| shared.sweep(horizon))
    }

    /// The file of the LoRA `name` that the nodes of a cluster share, fetched if it is not here yet; none if there is none.
    ///
    /// # Errors
    /// [`LoraError::Unfetched`] if the store refuses, or has another file than it says.
    pub fn shared_file(&self, name: &str) -> Result<Option<PathBuf>, LoraError> {
        let shared = self.shared.as_ref().filter(|_| is_lora_name(name));
        let file = shared.map_or(Ok(None), |shared| shared.file(name));
        file.map_err(|cause| LoraError::Unfetched { name: name.to_owned(), cause })
    }

    /// What `file` is. Reads it unless that was done before.
    ///
    /// # Errors
    /// [`LoadError`] if it is not a LoRA.
    pub fn inspect(&self, file: &Path) -> Result<Arc<LoraInspection>, LoadError> {
        if let Some(shared) = &self.shared {
            let path = || file.display().to_string();
            shared.fetch(file).map_err(|source| LoadError::Unreadable { path: path(), source })?;
        }
        self.inspected.lock().get_or_read(file, |_| 1, || LoraInspection::of(file, None))
    }

    /// Copies `file`, which must have the SHA-256 `pin` if there is one, into the data directory as `name`, or to where the nodes of
    /// a cluster share it. Returns its SHA-256 in hexadecimal digits.
    ///
    /// # Errors
    /// [`ChangeError`]; then nothing is changed.
    pub fn add(&self, file: &Path, name: &str, pin: Option<&ModelDigest>) -> Result<String, ChangeError> {
        let target = self.file_to_be(name)?;
        let LoraInspection { sha256, .. } = LoraInspection::of(file, None)?;
        if let Some(pin) = pin.filter(|pin| pin.to_string() != sha256) {
            let path = file.display().to_string();
            return Err(LoadError::Pinned { path, pinned: pin.to_string(), found: sha256 }.into());
        }
        if let Some(shared) = &self.shared {
            let is_added = shared.add(file, name, &sha256)?;
            return if is_added { Ok(sha256) } else { Err(ChangeError::Taken(name.to_owned())) };
        }
        let failed = |source: io::Error| ChangeError::Io { path: target.clone(), source };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        // Whoever lists the library meanwhile sees all of it or nothing, and what could not be written leaves nothing.
        let mut draft = tempfile::NamedTempFile::new_in(&self.folder).map_err(failed)?;
        let copied = fs::File::open(file).and_then(|mut file| io::copy(&mut file, draft.as_file_mut()));
        copied.and_then(|_| draft.as_file().sync_all()).map_err(failed)?;
        match draft.persist_noclobber(&target) {
            Ok(_) => {}
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(ChangeError::Taken(name.to_owned()));
            }
            Err(error) => return Err(failed(error.error)),
        }
        Ok(sha256)
    }

    /// Removes `name` from the data directory, or from where the nodes of a cluster share it.
    ///
    /// # Errors
    /// [`ChangeError`] if it is not there.
    pub fn remove(&self, name: &str) -> Result<(), ChangeError> {
        let path = self.file_to_be(name)?;
        if let Some(shared) = &self.shared {
            let source = io::Error::from(io::ErrorKind::NotFound);
            return if shared.remove(name)? { Ok(()) } else { Err(ChangeError::Io { path, source }) };
        }
        fs::remove_file(&path).map_err(|source| ChangeError::Io { path, source })
    }

    fn file_to_be(&self, name: &str) -> Result<PathBuf, ChangeError> {
        if !is_lora_name(name) {
            return Err(ChangeError::Name(name.to_owned()));
        }
        Ok(self.folder.join(format!("{name}.{ENDING}")))
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let files = entries.map(|entry| entry.path());
    files
        .filter(|file| file.extension().is_some_and(|extension| extension == ENDING) && file.is_file())
        .collect()
}
