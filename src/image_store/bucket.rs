use std::{
    fmt,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use object_store::{
    Attribute, Attributes, ClientConfigKey, Error, GetOptions, ObjectStore, PutMode, PutMultipartOptions,
    PutOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
    path::Path,
    signer::Signer,
};
use reqwest::Method;
use tokio::runtime::{Builder, Runtime};

use super::{
    error::{BucketFault, StoreError},
    object_meta::ObjectMeta,
    place::BucketPlace,
};
use crate::units::Millis;

/// Tries of a request after the first, and the time after which there is none: whoever waits for an image waits for them.
const RETRIES: usize = 3;
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);
/// The whole time of one request; for the look whether the bucket is there at all, a shorter one.
const TIMEOUT: &str = "20 seconds";
const LOOK_TIMEOUT: &str = "3 seconds";
const CONNECT_TIMEOUT: &str = "3 seconds";
/// Questions at once to one bucket.
const AT_ONCE: usize = 16;
/// A file that is larger goes in parts of this size.
const PART_BYTES: usize = 8 << 20;
/// S3 refuses links that hold for longer: seven days.
pub(super) const LINK_MAX: Millis = Millis::new(7 * 86_400_000);
/// What is written and removed again to see whether that is allowed.
const TRIAL: &str = "trial";

/// Objects in a bucket of S3, or of a server that speaks its protocol. Its calls block: never call them on a thread that runs
/// others' tasks.
#[derive(Clone)]
pub struct Bucket(Arc<Inner>);

struct Inner {
    place: BucketPlace,
    store: AmazonS3,
    /// The same without patience.
    look: AmazonS3,
    /// Whether the last question was not answered.
    is_away: AtomicBool,
    /// Drives the requests, whoever waits for them; none only while it is dropped.
    runtime: Option<Runtime>,
}

impl Bucket {
    /// The objects at `place`. Credentials and the server's address come from `variables` named AWS_…, as
    /// [`AmazonS3Builder::from_env`] reads them.
    pub(super) fn new(
        place: &BucketPlace,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, StoreError> {
        // reqwest asks for the process's own; another part may have set it.
        rustls::crypto::ring::default_provider().install_default().ok();
        let settings = |reason: String| StoreError::Bucket {
            bucket: place.bucket().to_owned(),
            fault: BucketFault::Settings(reason),
        };
        let mut builder = AmazonS3Builder::new().with_bucket_name(place.bucket());
        for (name, value) in variables {
            if !name.starts_with("AWS_") {
                continue;
            }
            // Others' variables have the same beginning.
            if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>()
                && key != AmazonS3ConfigKey::Bucket
            {
                builder = builder.with_config(key, value);
            }
        }
        let client = AmazonS3ConfigKey::Client;
        let builder = builder.with_config(client(ClientConfigKey::ConnectTimeout), CONNECT_TIMEOUT);
        let build = |timeout: &str, retries: usize| {
            let retry =
                RetryConfig { max_retries: retries, retry_timeout: RETRY_TIMEOUT, ..Default::default() };
            let builder =
                builder.clone().with_config(client(ClientConfigKey::Timeout), timeout).with_retry(retry);
            builder.build().map_err(|error| settings(reason_of(&error)))
        };
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("bucket").enable_all().build();
        Ok(Self(Arc::new(Inner {
            place: place.clone(),
            store: build(TIMEOUT, RETRIES)?,
            look: build(LOOK_TIMEOUT, 0)?,
            is_away: AtomicBool::new(false),
            runtime: Some(runtime.map_err(|error| settings(error.to_string()))?),
        })))
    }

    /// Whether the bucket answers, without patience.
    pub(super) fn look(&self) -> Result<(), StoreError> {
        let (store, path) = (self.0.look.clone(), self.path(TRIAL)?);
        self.run(async move { store.list(Some(&path)).next().await.transpose() }).map(|_| ())
    }

    /// Whether the last question was not answered. One that was makes up for it.
    pub(super) fn was_away(&self) -> bool {
        self.0.is_away.load(Ordering::Relaxed)
    }

    /// Whether objects may be written and removed.
    pub(super) fn try_out(&self) -> Result<(), StoreError> {
        self.put(TRIAL, b"Tintype may write here.\n")?;
        self.remove_those(vec![TRIAL.to_owned()]).map(|_| ())
    }

    pub(super) fn put(&self, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let options = PutOptions { attributes: attributes(path), ..PutOptions::default() };
        self.put_with(path, bytes, options).map(|_| ())
    }

    /// Puts an object that is not there yet; false if it is.
    pub(super) fn put_new(&self, path: &str, bytes: &[u8]) -> Result<bool, StoreError> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        self.put_with(path, bytes, options)
    }

    fn put_with(&self, path: &str, bytes: &[u8], options: PutOptions) -> Result<bool, StoreError> {
        let (store, path, bytes) = (self.0.store.clone(), self.path(path)?, bytes.to_vec());
        self.run(async move {
            match store.put_opts(&path, bytes.into(), options).await {
                Err(Error::AlreadyExists { .. }) => Ok(false),
                put => put.map(|_| true),
            }
        })
    }

    /// Puts `file` from its beginning to its end. A large one goes in parts, which are nobody's until the last has arrived.
    pub(super) fn put_file(&self, path: &str, file: &mut File) -> Result<(), StoreError> {
        let local = |cause: io::Error| self.local(path, cause);
        let mut piece = first_piece(file).map_err(local)?;
        if piece.len() < PART_BYTES {
            return self.put(path, &piece);
        }
        let (store, place) = (self.0.store.clone(), self.path(path)?);
        let options = PutMultipartOptions { attributes: attributes(path), ..PutMultipartOptions::default() };
        let mut upload = self.run(async move { store.put_multipart_opts(&place, options).await })?;
        while !piece.is_empty() {
            let (sent, rest) = self.run(async move {
                let sent = upload.put_part(piece.into()).await;
                Ok((sent, upload))
            })?;
            upload = rest;
            let next =
                sent.map_err(|error| self.fault(&error)).and_then(|()| next_piece(file).map_err(local));
            piece = match next {
                Ok(next) => next,
                Err(error) => {
                    // The server forgets the parts by its own rule if it cannot be asked to.
                    self.run(async move { upload.abort().await }).ok();
                    return Err(error);
                }
            };
        }
        self.run(async move { upload.complete().await }).map(|_| ())
    }

    pub(super) fn get(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.get_with(path, GetOptions::default()).map(|bytes| bytes.map(Vec::from))
    }

    /// Bytes of an object; none if it is not there.
    pub(super) fn get_range(&self, path: &str, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        self.get_with(path, GetOptions::new().with_range(Some(range)))
    }

    fn get_with(&self, path: &str, options: GetOptions) -> Result<Option<Bytes>, StoreError> {
        let (store, path) = (self.0.store.clone(), self.path(path)?);
        self.run(async move {
            let got = async { store.get_opts(&path, options).await?.bytes().await };
            if_there(got.await)
        })
    }

    pub(super) fn length(&self, path: &str) -> Result<Option<u64>, StoreError> {
        Ok(self.lengths(std::slice::from_ref(&path))?.pop().flatten())
    }

    /// The lengths of several objects, in their order; none of those that are not there.
    pub(super) fn lengths(&self, paths: &[impl AsRef<str>]) -> Result<Vec<Option<u64>>, StoreError> {
        let paths = paths.iter().map(|path| self.path(path.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let store = self.0.store.clone();
        self.run(async move {
            let length = |path: Path| {
                let store = store.clone();
                async move {
                    let head = store.get_opts(&path, GetOptions::new().with_head(true)).await;
                    Ok::<_, Error>(if_there(head)?.map(|found| found.meta.size))
                }
            };
            stream::iter(paths).map(length).buffered(AT_ONCE).try_collect().await
        })
    }

    pub(super) fn remove(&self, path: &str) -> Result<bool, StoreError> {
        // The protocol does not say whether something was removed.
        if self.length(path)?.is_none() {
            return Ok(false);
        }
        self.remove_those(vec![path.to_owned()]).map(|_| true)
    }

    /// Takes several objects away, there or not. Returns how many they are.
    pub(super) fn remove_those(&self, paths: Vec<String>) -> Result<usize, StoreError> {
        let paths = paths.into_iter().map(|path| self.path(&path)).collect::<Result<Vec<_>, _>>()?;
        let store = self.0.store.clone();
        self.run(async move {
            let paths = stream::iter(paths.into_iter().map(Ok::<_, Error>));
            let removed: Vec<_> = store.delete_stream(Box::pin(paths)).try_collect().await?;
            Ok(removed.len())
        })
    }

    pub(super) fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        let (store, prefix) = (self.0.store.clone(), self.path(prefix)?);
        let found: Vec<_> = self.run(async move { store.list(Some(&prefix)).try_collect().await })?;
        let described = |found: object_store::ObjectMeta| {
            let path = self.own(found.location.as_ref())?.to_owned();
            let nanosecond = i32::try_from(found.last_modified.timestamp_subsec_nanos()).unwrap_or(0);
            let modified = Timestamp::new(found.last_modified.timestamp(), nanosecond).ok()?;
            Some(ObjectMeta { path, bytes: found.size, modified })
        };
        Ok(found.into_iter().filter_map(described).collect())
    }

    /// The names directly below the prefix that are folders.
    pub(super) fn folders(&self) -> Result<Vec<String>, StoreError> {
        let (store, root) = (self.0.store.clone(), self.path("")?);
        let found = self.run(async move { store.list_with_delimiter(Some(&root)).await })?;
        let names = found.common_prefixes.iter().filter_map(|path| self.own(path.as_ref()));
        Ok(names.map(str::to_owned).collect())
    }

    /// A URL by which whoever has it may read the object for `lifetime`, seven days at most.
    pub(super) fn link(&self, path: &str, lifetime: Millis) -> Result<String, StoreError> {
        let (store, path) = (self.0.store.clone(), self.path(path)?);
        let lifetime = Duration::from_millis(lifetime.min(LINK_MAX).get());
        self.run(async move { store.signed_url(Method::GET, &path, lifetime).await }).map(String::from)
    }

    fn path(&self, path: &str) -> Result<Path, StoreError> {
        let prefix = self.0.place.prefix();
        let whole =
            [prefix, path].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
        Path::parse(whole)
            .map_err(|error| self.local(path, io::Error::new(io::ErrorKind::InvalidInput, error)))
    }

    /// The path of an object without the prefix.
    fn own<'a>(&self, path: &'a str) -> Option<&'a str> {
        match self.0.place.prefix() {
            "" => Some(path),
            prefix => path.strip_prefix(prefix)?.strip_prefix('/'),
        }
    }

    /// A request, driven by the bucket's own runtime, so that the caller's may have one thread or none.
    fn run<T: Send + 'static>(
        &self,
        request: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let ended = || self.error(BucketFault::Away("its thread has ended".into()));
        let (sender, receiver) = mpsc::sync_channel(1);
        let runtime = self.0.runtime.as_ref().ok_or_else(ended)?;
        runtime.spawn(async move { sender.send(request.await).ok() });
        let answer = receiver.recv().map_err(|_| ended())?;
        let answer = answer.map_err(|error| self.fault(&error));
        let is_away = answer.is_err();
        if self.0.is_away.swap(is_away, Ordering::Relaxed) && !is_away {
            tracing::info!(bucket = %self.0.place, "the bucket answers again");
        }
        answer
    }

    fn fault(&self, error: &Error) -> StoreError {
        self.error(BucketFault::of(error))
    }

    fn error(&self, fault: BucketFault) -> StoreError {
        StoreError::Bucket { bucket: self.0.place.bucket().to_owned(), fault }
    }

    fn local(&self, path: &str, cause: io::Error) -> StoreError {
        StoreError::Io { path: format!("{}/{path}", self.0.place).into(), cause }
    }
}

impl fmt::Debug for Bucket {
    /// Without the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bucket").field(&self.0.place).finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Whoever drops it may be a task of another runtime, which must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// None if the object is not there. If the bucket is not, that is an error.
fn if_there<T>(got: Result<T, Error>) -> Result<Option<T>, Error> {
    match got {
        Err(error @ Error::NotFound { .. }) if matches!(BucketFault::of(&error), BucketFault::Missing) => {
            Err(error)
        }
        Err(Error::NotFound { .. }) => Ok(None),
        got => got.map(Some),
    }
}

/// The media type of an object, by its ending.
fn attributes(path: &str) -> Attributes {
    let kind = match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("png") => "image/png",
        Some("jpg") => "image/jpeg",
        Some("webp") => "image/webp",
        _ => "application/octet-stream",
    };
    [(Attribute::ContentType, kind)].into_iter().collect()
}

/// Why a client cannot be made, in one line.
fn reason_of(error: &Error) -> String {
    match error {
        Error::Generic { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

fn first_piece(file: &mut File) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(0))?;
    next_piece(file)
}

fn next_piece(file: &mut File) -> io::Result<Vec<u8>> {
    let mut piece = Vec::new();
    file.take(PART_BYTES as u64).read_to_end(&mut piece)?;
    Ok(piece)
}
