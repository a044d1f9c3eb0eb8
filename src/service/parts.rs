use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::block_in_place,
};

use super::{Answer, AnsweredImage, ImageFile, Service, ServiceError, ServiceSettings, Studio};
use crate::{
    admit::Door,
    batches::FileStore,
    clock::{Clock, Sleep},
    cluster::{ClusterSecret, Lease, News, SharedClock},
    costs::CostModel,
    domain::{ApiKey, Calendar, Caller, Encoding, Pixels},
    encode::{self, EncodeError, Provenance},
    engine::HashedWeights,
    image_store::{ImageName, ImageStore, ObjectReader},
    ledger::{KeyRefusal, Ledger, LedgerError, Month, Recognised},
    lora_library::LoraLibrary,
    telemetry::Metrics,
    units::Millis,
};

/// What is kept beside the ledger.
pub struct Storage {
    /// Images.
    pub images: Arc<ImageStore>,
    /// Files that clients upload and batches write.
    pub files: FileStore,
    /// LoRAs by name.
    pub loras: Arc<LoraLibrary>,
}

/// What a service is made of.
pub struct ServiceParts {
    /// Where images are made.
    pub studio: Studio,
    /// Keys, reservations, receipts.
    pub ledger: Arc<Ledger>,
    /// The price of things.
    pub costs: CostModel,
    /// Scopes, models and rates.
    pub door: Door,
    /// What is kept on the disk beside the ledger.
    pub storage: Storage,
    /// What an operator watches.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The ledger's days and months.
    pub calendar: Calendar,
    /// The model's id.
    pub model: String,
    /// The hashes of its weights.
    pub weights: Arc<HashedWeights>,
    /// Outlives any connection.
    pub runtime: Handle,
    /// What the operator decided.
    pub settings: ServiceSettings,
    /// Makes files of images: [`encode::encode`].
    pub encode: Encode,
    /// What makes it a node of a cluster; none: one machine.
    pub cluster: Option<ClusterParts>,
}

/// What makes a service a node of a cluster.
#[derive(Clone)]
pub struct ClusterParts {
    /// Its standing with the others.
    pub lease: Arc<Lease>,
    /// What all nodes share.
    pub secret: ClusterSecret,
    /// Hints to the others, and from them.
    pub news: Arc<News>,
    /// The clock that all nodes book by.
    pub clock: Arc<SharedClock>,
}

/// Files that no settlement names are looked for among requests of this time,
const UNNAMED_SINCE: SignedDuration = SignedDuration::from_hours(48);
/// and only if they are older than any request that is open.
const UNNAMED_UNTIL: SignedDuration = SignedDuration::from_hours(2);

/// Makes a file of an image.
pub type Encode = fn(&Pixels, Encoding, Option<&Provenance>) -> Result<Vec<u8>, EncodeError>;

/// What a service does beside generating images.
impl Service {
    /// The price of things, with the assets that the ledger had at the start.
    pub fn costs(&self) -> &CostModel {
        &self.parts.costs
    }

    /// Scopes, models and rates.
    pub fn door(&self) -> &Door {
        &self.parts.door
    }

    /// What an operator watches.
    pub fn metrics(&self) -> &Metrics {
        &self.parts.metrics
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// A moment by the clock on the wall.
    pub fn civil(&self, moment: Timestamp) -> DateTime {
        self.parts.calendar.to_datetime(moment)
    }

    /// Time since some fixed moment.
    pub fn monotonic(&self) -> Millis {
        self.parts.clock.monotonic()
    }

    /// Resolves once the clock has gone on by `span`.
    pub fn sleep(&self, span: Millis) -> Sleep {
        self.parts.clock.sleep(span)
    }

    /// The ledger's days and months.
    pub fn calendar(&self) -> &Calendar {
        &self.parts.calendar
    }

    /// The zone in which days and months are counted now.
    pub fn zone(&self) -> &TimeZone {
        self.parts.calendar.zone_at(self.now())
    }

    /// The month that is running.
    pub fn current_month(&self) -> Month {
        Month::of(self.now(), &self.parts.calendar)
    }

    /// The day that is running.
    pub fn today(&self) -> Date {
        self.parts.calendar.to_datetime(self.now()).date()
    }

    /// Asks the ledger something, off the caller's thread: it waits for the disk.
    ///
    /// # Errors
    /// What the question says; [`ServiceError::Lost`] if the process is stopping.
    pub async fn ask_ledger<T, E>(
        &self,
        question: impl FnOnce(&Ledger) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ServiceError>
    where
        T: Send + 'static,
        E: Send + 'static,
        ServiceError: From<E>,
    {
        let ledger = Arc::clone(&self.parts.ledger);
        self.blocking(move || question(&ledger)).await
    }

    /// The same for a step of a request's own task that takes a millisecond or so: on this very thread, if the ledger is a file and the
    /// thread one of several that run tasks. They go on without it, and the client does not wait for a way to a thread and back.
    ///
    /// # Errors
    /// As [`Service::ask_ledger`].
    pub(super) async fn ask_ledger_here<T, E>(
        &self,
        question: impl FnOnce(&Ledger) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ServiceError>
    where
        T: Send + 'static,
        E: Send + 'static,
        ServiceError: From<E>,
    {
        if self.parts.ledger.is_database() || Handle::current().runtime_flavor() != RuntimeFlavor::MultiThread
        {
            return self.ask_ledger(question).await;
        }
        let answered = AssertUnwindSafe(|| block_in_place(|| question(&self.parts.ledger)));
        Ok(catch_unwind(answered).map_err(|_| ServiceError::Lost)??)
    }

    /// [`Service::ask_ledger`] for what takes long: some at a time, so that whoever asks for little finds a thread.
    ///
    /// # Errors
    /// As [`Service::ask_ledger`].
    pub async fn ask_report<T, E>(
        &self,
        question: impl FnOnce(&Ledger) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ServiceError>
    where
        T: Send + 'static,
        E: Send + 'static,
        ServiceError: From<E>,
    {
        let slots = Arc::clone(&self.report_slots);
        let slot = slots.acquire_owned().await.map_err(|_| ServiceError::Lost)?;
        self.ask_ledger(move |ledger| {
            let answer = question(ledger);
            drop(slot);
            answer
        })
        .await
    }

    /// The caller behind `key`, if it opens anything now.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] if the ledger fails.
    pub async fn recognise(&self, key: ApiKey) -> Result<Result<Caller, KeyRefusal>, ServiceError> {
        self.find_caller(move |ledger, now| ledger.recognise(&key, now)).await
    }

    /// The caller whose key has `public_id`, if it opens anything now, whatever its secret.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] if the ledger fails.
    pub async fn recognise_named(
        &self,
        public_id: String,
    ) -> Result<Result<Caller, KeyRefusal>, ServiceError> {
        self.find_caller(move |ledger, now| ledger.recognise_named(&public_id, now)).await
    }

    /// Whom `find` finds. A ledger in a file answers from memory, on the caller's own thread: reports that keep every other thread busy
    /// keep nobody out. A database is asked whether anything has changed; it may be slow or away, and this thread has other clients.
    async fn find_caller(
        &self,
        find: impl FnOnce(&Ledger, Timestamp) -> Result<Result<Recognised, KeyRefusal>, LedgerError>
        + Send
        + 'static,
    ) -> Result<Result<Caller, KeyRefusal>, ServiceError> {
        let now = self.now();
        let found = if self.parts.ledger.is_database() {
            self.ask_ledger(move |ledger| find(ledger, now)).await?
        } else {
            find(&self.parts.ledger, now)?
        };
        Ok(found.map(|recognised| self.note_use(recognised)))
    }

    /// Notes the use of a key where it is to be, without waiting for the disk.
    fn note_use(&self, Recognised { caller, use_to_note }: Recognised) -> Caller {
        if let Some(of_key) = use_to_note {
            let (ledger, caller) = (Arc::clone(&self.parts.ledger), caller.clone());
            self.parts.runtime.spawn_blocking(move || ledger.note_use(&caller, of_key));
        }
        caller
    }

    pub(super) async fn blocking<T, E>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, ServiceError>
    where
        T: Send + 'static,
        E: Send + 'static,
        ServiceError: From<E>,
    {
        Ok(self.parts.runtime.spawn_blocking(work).await.map_err(|_| ServiceError::Lost)??)
    }

    /// A kept image's file; none if it is not kept any more.
    ///
    /// # Errors
    /// [`ServiceError::Store`] if the store fails.
    pub async fn image_file(&self, name: ImageName) -> Result<Option<Vec<u8>>, ServiceError> {
        let store = Arc::clone(&self.parts.storage.images);
        self.blocking(move || store.get(name)).await
    }

    /// A kept image's file, open; none if it is not kept any more.
    ///
    /// # Errors
    /// [`ServiceError::Store`] if the store fails.
    pub async fn open_image(&self, name: ImageName) -> Result<Option<ObjectReader>, ServiceError> {
        let store = Arc::clone(&self.parts.storage.images);
        self.blocking(move || store.open_file(name)).await
    }

    /// Whether the images' bucket answers now; a directory does.
    ///
    /// # Errors
    /// [`ServiceError::Store`] if it does not.
    pub async fn look_at_images(&self) -> Result<(), ServiceError> {
        let store = Arc::clone(&self.parts.storage.images);
        self.blocking(move || store.look()).await
    }

    /// URLs of the bucket for images that hold for `lifetime`, in their order; none if images are not in a bucket.
    ///
    /// # Errors
    /// [`ServiceError::Store`] if there are no credentials to sign them with.
    pub async fn presigned(
        &self,
        names: Vec<ImageName>,
        lifetime: Millis,
    ) -> Result<Vec<Option<String>>, ServiceError> {
        let store = Arc::clone(&self.parts.storage.images);
        self.blocking(move || names.into_iter().map(|name| store.presigned(name, lifetime)).collect()).await
    }

    /// Looks for the files of `answer` that are kept. A request that joined another may come to its answer after they
    /// were removed, and must hear so before the head of its answer is sent.
    ///
    /// # Errors
    /// [`ServiceError::NoLongerKept`] if one is gone, [`ServiceError::Store`] if the store fails.
    pub async fn check_kept(&self, answer: &Answer) -> Result<(), ServiceError> {
        let name = |image: &AnsweredImage| match &image.file {
            ImageFile::Kept { name, .. } => Some(*name),
            ImageFile::InMemory(_) => None,
        };
        let names: Vec<_> = answer.images.iter().filter_map(name).collect();
        if names.is_empty() {
            return Ok(());
        }
        let (id, store) = (answer.id, Arc::clone(&self.parts.storage.images));
        self.blocking(move || {
            for name in names {
                store.length(name)?.ok_or(ServiceError::NoLongerKept(id))?;
            }
            Ok::<_, ServiceError>(())
        })
        .await
    }

    /// A small JPEG of a kept image; none if it is no longer kept.
    ///
    /// # Errors
    /// [`ServiceError::Store`] if the store fails, [`ServiceError::Encode`] if the file is not an image.
    pub async fn thumbnail(&self, name: ImageName) -> Result<Option<Vec<u8>>, ServiceError> {
        let store = Arc::clone(&self.parts.storage.images);
        let thumbnail = move || {
            let Some(file) = store.get(name)? else { return Ok::<_, ServiceError>(None) };
            Ok(Some(encode::thumbnail(&file, name.format)?))
        };
        self.blocking(thumbnail).await
    }

    /// Deletes what workers made and no settlement names: they came too late, or died. Returns how many files.
    ///
    /// # Errors
    /// [`ServiceError`] if the disk or the ledger fails.
    pub async fn sweep_unnamed(&self) -> Result<usize, ServiceError> {
        let ago = |span| self.now().checked_sub(span).unwrap_or(Timestamp::MIN);
        let (since, until) = (ago(UNNAMED_SINCE), ago(UNNAMED_UNTIL));
        let store = Arc::clone(&self.parts.storage.images);
        let names = self.blocking(move || store.claimed(since, until)).await?;
        let ids: Vec<_> = names.iter().map(|name| name.request).collect();
        let claims = self.ask_ledger(move |ledger| ledger.claims_of(&ids)).await?;
        let store = Arc::clone(&self.parts.storage.images);
        self.blocking(move || {
            let unnamed = names.into_iter().filter(|name| claims.get(&name.request).copied() != name.claim);
            let removed = unnamed.map(|name| store.remove(name)).collect::<Result<Vec<_>, _>>()?;
            Ok::<_, ServiceError>(removed.into_iter().filter(|was_there| *was_there).count())
        })
        .await
    }
}
