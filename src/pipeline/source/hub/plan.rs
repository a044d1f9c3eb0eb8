use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{
    Fetched, OnFetch,
    download::{Download, Verified},
    fault::Fault,
    huggingface,
    listing::{Listing, RemoteFile, Wanted},
    modelscope,
    names::{Hub, Repository},
    parallel::in_parallel,
    settings::Settings,
    store::{RepositoryCache, Store, is_complete_directory},
    web::Web,
};
use crate::pipeline::{LoadError, ModelDigest};

/// Where a model is fetched from and to, if not as the hub's own tools do it.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The address of a mirror that speaks the hub's protocol.
    pub endpoint: Option<String>,
    /// A directory for plain files, instead of the hub's cache.
    pub into: Option<PathBuf>,
}

/// What is to be fetched of a repository, and where it comes to.
pub struct Plan {
    repository: Repository,
    settings: Settings,
    store: Store,
    listing: Listing,
}

/// A file of a plan.
#[derive(Debug, Serialize)]
pub struct PlannedFile<'a> {
    /// Its place in the model's directory.
    pub path: &'a str,
    /// Its length.
    pub bytes: u64,
    /// Bytes of it that are here already.
    pub bytes_here: u64,
}

/// A file that is here.
#[derive(Debug, Serialize)]
pub struct FetchedFile {
    /// Its place in the model's directory.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

/// A model that is here, complete.
#[derive(Debug, Serialize)]
pub struct FetchedModel {
    /// Its directory, in the diffusers layout.
    pub directory: PathBuf,
    /// Its files.
    pub files: Vec<FetchedFile>,
    /// What `model.sha256` pins it by.
    pub digest: ModelDigest,
}

impl Plan {
    /// Asks the hub what `repository` has.
    ///
    /// # Errors
    /// [`LoadError::Hub`], with the remedy.
    pub fn make(repository: &Repository, place: &Place) -> Result<Self, LoadError> {
        Self::ask(repository, Wanted::Model, place).map_err(|fault| error(repository, &fault))
    }

    /// The same of one .safetensors file, for example a LoRA: the one that is called `file`, or the only one.
    ///
    /// # Errors
    /// [`LoadError::Hub`], with the remedy.
    pub fn of_file(repository: &Repository, file: Option<&str>, place: &Place) -> Result<Self, LoadError> {
        Self::ask(repository, Wanted::File(file), place).map_err(|fault| error(repository, &fault))
    }

    fn ask(repository: &Repository, wanted: Wanted<'_>, place: &Place) -> Result<Self, Fault> {
        let settings = Settings::from_env(repository.hub);
        let settings = match &place.endpoint {
            Some(endpoint) => settings.at(endpoint),
            None => settings,
        };
        if let Some(variable) = settings.offline {
            return Err(Fault::Final(format!(
                "{variable} forbids the network, and the caches have no complete copy of it; unset {variable}, or copy \
                 the model here and pass its directory with --model"
            )));
        }
        tracing::info!(
            %repository,
            hub = settings.endpoint,
            seconds_at_most = settings.answer_max.as_secs(),
            "asking the hub which files the model has"
        );
        let web = Web::new(&settings)?;
        let listing = match repository.hub {
            Hub::HuggingFace => huggingface::list(&web, repository, wanted)?,
            Hub::ModelScope => modelscope::list(&web, repository, wanted)?,
        };
        let in_modelscope = || settings.modelscope_directories(repository).into_iter().next();
        let store = match (&place.into, &listing.commit) {
            (Some(directory), _) => Store::Directory(directory.clone()),
            (None, Some(commit)) => {
                Store::Cache(RepositoryCache::new(&settings.cache, &repository.name), commit.clone())
            }
            (None, None) => Store::Directory(in_modelscope().unwrap_or_default()),
        };
        Ok(Self { repository: repository.clone(), settings, store, listing })
    }

    /// The files that are to be here, the index last.
    pub fn files(&self) -> impl Iterator<Item = PlannedFile<'_>> {
        self.listing.files.iter().map(|file| {
            let length = |path: PathBuf| std::fs::metadata(path).map_or(0, |found| found.len());
            let kept = length(self.store.kept(file));
            let bytes_here = if kept == file.bytes { kept } else { length(self.store.partial(file)) };
            PlannedFile { path: &file.path, bytes: file.bytes, bytes_here: bytes_here.min(file.bytes) }
        })
    }

    /// Where the model comes to.
    pub fn directory(&self) -> PathBuf {
        self.store.directory()
    }

    /// The hub's address.
    pub fn endpoint(&self) -> &str {
        &self.settings.endpoint
    }

    /// The commit of the whole, if the hub names one.
    pub fn commit(&self) -> Option<&str> {
        Some(self.listing.commit.as_ref()?.as_str())
    }

    /// Checks that the disk has room for what is missing.
    ///
    /// # Errors
    /// [`LoadError::Hub`] if it does not.
    pub fn check_disk(&self) -> Result<(), LoadError> {
        self.has_room().map_err(|fault| error(&self.repository, &fault))
    }

    fn has_room(&self) -> Result<(), Fault> {
        let missing = self.files().fold(0_u64, |sum, file| sum.saturating_add(file.bytes - file.bytes_here));
        let directory = self.store.directory();
        let Some(place) = directory.ancestors().find(|place| place.is_dir()).or(Some(Path::new("."))) else {
            return Ok(());
        };
        let free = fs4::available_space(place).map_err(|error| Fault::disk(&error, place))?;
        if missing <= free {
            Ok(())
        } else {
            Err(Fault::Final(format!(
                "{} needs {} MB and has {} MB free; free disk space, or choose another place with --into, HF_HUB_CACHE or \
             MODELSCOPE_CACHE",
                directory.display(),
                missing.div_ceil(1_000_000),
                free / 1_000_000
            )))
        }
    }

    /// Fetches what is missing, several files at a time. With `pin` the files get their names only if they have that digest.
    ///
    /// # Errors
    /// [`LoadError::Hub`] with the remedy, [`LoadError::Pinned`] if the files are others.
    pub fn run(&self, pin: Option<&ModelDigest>, on_fetch: OnFetch<'_>) -> Result<FetchedModel, LoadError> {
        let fault = |fault| error(&self.repository, &fault);
        let (files, digest) =
            self.fetch(pin, |files| ModelDigest::of_list(files.iter().copied()), on_fetch)?;
        let directory = self.store.directory();
        if !is_complete_directory(&directory, None) {
            return Err(fault(Fault::Final(
                "the repository lacks files of the diffusers layout; tintype model inspect says which".into(),
            )));
        }
        self.store.finish(self.repository.revision()).map_err(fault)?;
        Ok(FetchedModel { directory, files, digest })
    }

    /// Fetches the one file of [`Plan::of_file`], whose SHA-256 the hub must give, and which must be `pin` if there is one.
    /// Returns where it is.
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub fn run_file(
        &self,
        pin: Option<&ModelDigest>,
        on_fetch: OnFetch<'_>,
    ) -> Result<(PathBuf, FetchedFile), LoadError> {
        let fault = |fault| error(&self.repository, &fault);
        let remote = self.listing.files.first().ok_or_else(|| fault(Fault::hostile("it lists no file")))?;
        if remote.id.sha256().is_none() {
            return Err(fault(Fault::hostile(format!("it gives no SHA-256 for {}", remote.path))));
        }
        let (files, _) = self.fetch(pin, ModelDigest::of_file, on_fetch)?;
        let fetched = files.into_iter().next().ok_or_else(|| fault(Fault::hostile("it lists no file")))?;
        Ok((self.store.kept(remote), fetched))
    }

    /// Fetches and verifies every file, gives it its name, and returns the digest that `digest_of` makes of all of them.
    fn fetch(
        &self,
        pin: Option<&ModelDigest>,
        digest_of: impl Fn(&[(&str, &str)]) -> ModelDigest,
        on_fetch: OnFetch<'_>,
    ) -> Result<(Vec<FetchedFile>, ModelDigest), LoadError> {
        let fault = |fault| error(&self.repository, &fault);
        self.has_room().map_err(fault)?;
        let outcomes = self.download_all(pin.is_none(), on_fetch).map_err(fault)?;
        let found = self.listing.files.iter().zip(&outcomes);
        let found: Vec<_> = found.map(|(file, outcome)| (&*file.path, outcome.sha256())).collect();
        let digest = digest_of(&found);
        if let Some(pinned) = pin.filter(|pinned| **pinned != digest) {
            outcomes.into_iter().for_each(Outcome::discard);
            let path = self.repository.to_string();
            return Err(LoadError::Pinned { path, pinned: pinned.to_string(), found: digest.to_string() });
        }
        let mut kept = Vec::with_capacity(outcomes.len());
        for (file, outcome) in self.listing.files.iter().zip(outcomes) {
            let sha256 = outcome.keep(&self.store, file).map_err(fault)?;
            kept.push(FetchedFile { path: file.path.clone(), bytes: file.bytes, sha256 });
        }
        Ok((kept, digest))
    }

    /// Brings every file here and verifies it. With `keep_at_once` each gets its name as soon as it is verified.
    fn download_all(&self, keep_at_once: bool, on_fetch: OnFetch<'_>) -> Result<Vec<Outcome>, Fault> {
        let web = Web::new(&self.settings)?;
        let Some((index, files)) = self.listing.files.split_last() else {
            return Err(Fault::hostile("it lists no file"));
        };
        let mut progress = FetchProgress::new(&self.listing.files, on_fetch);
        let download = |file: &RemoteFile, report: &mut dyn FnMut(u64) -> Result<(), Fault>| {
            let verified = Download { web: &web, store: &self.store, file }.run(report)?;
            Ok(if keep_at_once {
                Outcome::Kept(verified.keep(&self.store, file)?)
            } else {
                Outcome::Waiting(verified)
            })
        };
        let places: Vec<usize> = (0..files.len()).collect();
        let mut outcomes =
            in_parallel(&places, &mut |(place, bytes)| progress.set(place, bytes), |place, reporter| {
                download(&files[*place], &mut |bytes| reporter.report((*place, bytes)))
            })?;
        outcomes.push(download(index, &mut |bytes| {
            progress.set(files.len(), bytes);
            Ok(())
        })?);
        Ok(outcomes)
    }
}

/// A file that is verified.
enum Outcome {
    /// It has its name.
    Kept(String),
    /// It gets its name with all the others.
    Waiting(Verified),
}

impl Outcome {
    fn sha256(&self) -> &str {
        match self {
            Self::Kept(sha256) => sha256,
            Self::Waiting(verified) => &verified.sha256,
        }
    }

    fn keep(self, store: &Store, file: &RemoteFile) -> Result<String, Fault> {
        match self {
            Self::Kept(sha256) => Ok(sha256),
            Self::Waiting(verified) => verified.keep(store, file),
        }
    }

    fn discard(self) {
        if let Self::Waiting(verified) = self {
            verified.discard();
        }
    }
}

/// Bytes of all files, from the bytes of each.
struct FetchProgress<'a> {
    files: &'a [RemoteFile],
    here: Vec<u64>,
    total: u64,
    on_fetch: OnFetch<'a>,
}

impl<'a> FetchProgress<'a> {
    fn new(files: &'a [RemoteFile], on_fetch: OnFetch<'a>) -> Self {
        let total = files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.bytes));
        Self { files, here: vec![0; files.len()], total, on_fetch }
    }

    fn set(&mut self, place: usize, bytes: u64) {
        self.here[place] = bytes;
        let here = self.here.iter().sum();
        (self.on_fetch)(Fetched { file: &self.files[place].path, bytes: here, total: self.total });
    }
}

fn error(repository: &Repository, fault: &Fault) -> LoadError {
    LoadError::Hub { repository: repository.to_string(), reason: fault.to_string() }
}
