//! The application: its parts put together, apart from its running.

mod books;
mod cluster_secret;
mod data_dir;
mod devices;
mod images;
mod node;

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use actix_web::dev::Server;
use jiff::{SignedDuration, Timestamp};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

pub(crate) use self::books::ledger_place;
use self::books::{first_secrets, open_ledger, overhead_book, store_secrets};
pub(crate) use self::data_dir::{DataDir, LOCK_FILE, noted_address, prepare_data_dir};
use self::images::links;
pub(crate) use self::images::{images_place, open_images};
pub use self::{devices::Fitting, node::NodeApp};
use crate::{
    admit::Door,
    batches::FileStore,
    clock::Clock,
    config::{Config, ConfigError, Limits, ListenAddress},
    costs::CostModel,
    domain::{ApiKey, SignInSecret},
    encode,
    engine::{Facts, ProfileStore, Workers},
    http::{
        self, AnswerMemory, Attempts, BatchDesk, ConnectionLimits, Elsewhere, FileTerms, HeaderNotes,
        LoraTerms, NewSecrets, Offer, PublicAddress, Routes, SessionSecret, SourceMemory, State,
    },
    image_store::{ImageStore, StoreError},
    ledger::{JoinError, Ledger, LedgerError},
    notify::NewsSender,
    outbound::Outbound,
    overflow::Buyer,
    pipeline::{HashedWeights, LoadError, ModelSource, OnLoad, hub},
    service::{Service, ServiceParts, ServiceSettings, Storage, Studio, run_webhooks},
    source_image::ImageFetcher,
    telemetry::Metrics,
};

/// The ledger's file in the data directory.
pub const LEDGER_FILE: &str = "ledger.sqlite3";
/// Measurements of each shape of image, in the data directory.
const PROFILES_FILE: &str = "shapes.json";
/// What a proxy wrote into requests last, in the data directory.
pub(crate) const PROXY_HEADERS_FILE: &str = "proxy-headers.json";
/// Hashes of weights that were computed before, in the data directory.
pub(crate) const WEIGHTS_FILE: &str = "weights.json";
/// The directory of kept images, in the data directory.
pub(crate) const IMAGES_DIRECTORY: &str = "pictures";
/// The directory of files that clients upload and batches write, in the data directory.
pub(crate) const FILES_DIRECTORY: &str = "files";
/// The name of the key that batches without a server are booked on.
pub(crate) const BATCH_KEY_NAME: &str = "tintype batch";
/// How often old images and files are deleted.
const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);

/// A server that is ready to run.
pub struct App {
    server: Server,
    state: Arc<State>,
    service: Arc<Service>,
    ledger: Arc<Ledger>,
    workers: Workers,
    bookkeeping: JoinHandle<()>,
    address: SocketAddr,
    offer: Offer,
    first_key: Option<ApiKey>,
    sign_in_link: Option<SignInSecret>,
    _data_dir: DataDir,
}

/// Why a server does not start: one line, with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The model cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The ledger cannot be opened.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The data directory cannot be used.
    #[error("data directory {path}: {reason}")]
    DataDir {
        /// The directory or a file in it.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The directory of kept images cannot be used.
    #[error(transparent)]
    Images(#[from] StoreError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; pass another with --listen")]
    Listen {
        /// The address.
        address: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// All devices were lost after at least one of them had worked.
    #[error("no device is left; a new start tries them again")]
    NoDevice,
    /// The node may not join its cluster.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The server ended by itself.
    #[error("the server ended: {0}")]
    Server(std::io::Error),
}

/// Told how a fetch and a load go on.
pub trait Progress: Send {
    /// Bytes of a file have arrived from the hub.
    fn fetched(&mut self, fetched: hub::Fetched<'_>);
    /// Told bytes of weights read, and bytes in all.
    fn on_load(&self) -> OnLoad<'_>;
}

impl App {
    /// Puts a server together: takes the data directory, loads the model, opens the ledger, binds the address. Blocks
    /// while it loads.
    ///
    /// # Errors
    /// [`AppError`], one line with the remedy.
    pub fn build(
        config: &Config,
        clock: &Arc<dyn Clock>,
        runtime: Handle,
        progress: impl Progress + 'static,
    ) -> Result<Self, AppError> {
        Self::build_with(config, clock, runtime, progress, Vec::new())
    }

    /// The same with `fittings` for the devices, in their order.
    ///
    /// # Errors
    /// As [`App::build`].
    pub fn build_with(
        config: &Config,
        clock: &Arc<dyn Clock>,
        runtime: Handle,
        mut progress: impl Progress + 'static,
        fittings: Vec<Fitting>,
    ) -> Result<Self, AppError> {
        let (costs, settings) = costs_and_settings(config, clock.now())?;
        let data_dir = DataDir::open(&config.data_dir)?;
        let images = Arc::new(open_images(config)?);
        // Bound before the model is loaded: a port that is taken should not cost a minute. Early clients wait.
        let (listener, address) = listen(&config.listen)?;
        let (ledger, calendar) = open_ledger(config, &costs, clock.now())?;
        let book = overhead_book(&ledger, &costs, clock, &calendar);
        let (overheads, booked) = mpsc::unbounded_channel();
        let bookkeeping = runtime.spawn(book.clone().keep(booked));
        let source = config.model.source();
        let files = source.files(&mut |fetched| progress.fetched(fetched))?;
        let weights = HashedWeights::begin(&files, Some(data_dir.path(WEIGHTS_FILE)))?;
        let profiles = ProfileStore::open(&data_dir.path(PROFILES_FILE), source.id.clone());
        let (engine, workers) =
            devices::start_engine(config, &book, overheads, &files, progress, fittings, profiles)?;
        let offer = offer(config, &source, engine.facts(), clock.now().as_second())?;
        let service = Arc::new(Service::new(ServiceParts {
            studio: Studio::Here(engine),
            ledger: Arc::clone(&ledger),
            costs,
            door: Door::new(config.limits.of_keys()).with_quotes(config.limits.playground_quotes_per_minute),
            storage: storage(config, &data_dir, images)?,
            metrics: Arc::new(Metrics::default()),
            clock: Arc::clone(clock),
            calendar,
            model: source.id,
            weights,
            runtime,
            settings,
            encode: encode::encode,
            cluster: None,
        }));
        data_dir.note_address(address)?;
        let secrets = PageSecrets::kept_in(&data_dir)?;
        let state = Arc::new(state(config, secrets, &data_dir, Arc::clone(&service), offer.clone())?);
        let limits = connection_limits(&config.limits);
        let server = http::server(listener, limits, Arc::clone(&state), Routes::All);
        let server = server.map_err(AppError::Server)?;
        let (first_key, sign_in_link) = first_secrets(&ledger)?;
        Ok(Self {
            server,
            state,
            service,
            ledger,
            workers,
            bookkeeping,
            address,
            offer,
            first_key,
            sign_in_link,
            _data_dir: data_dir,
        })
    }

    /// The address it listens on; with port 0 asked for, the one it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it offers.
    pub fn offer(&self) -> &Offer {
        &self.offer
    }

    /// The way of its requests.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Shows the first key and the sign-in link by `show`, and stores them then: one that could not be shown would be
    /// the only one, and nobody's.
    ///
    /// # Errors
    /// What `show` says, and [`AppError::Ledger`]; then neither can be used.
    pub fn introduce<E: From<AppError>>(&self, show: impl FnOnce(&Self) -> Result<(), E>) -> Result<(), E> {
        show(self)?;
        let (key, link) = (self.first_key.as_ref(), self.sign_in_link.as_ref());
        Ok(store_secrets(&self.ledger, key, link, self.service.now()).map_err(AppError::from)?)
    }

    /// The first key, if the ledger has none: see [`App::introduce`].
    pub fn first_key(&self) -> Option<&ApiKey> {
        self.first_key.as_ref()
    }

    /// A link that signs the operator in once, if no password is set: see [`App::introduce`].
    pub fn sign_in_link(&self) -> Option<&SignInSecret> {
        self.sign_in_link.as_ref()
    }

    /// Serves until `stop` resolves or all devices are lost, then finishes the images in hand and settles them. A CUDA
    /// context that was lost comes back only with a new process, so the supervisor restarts it.
    ///
    /// # Errors
    /// [`AppError::NoDevice`] if the last device was lost after it had worked; [`AppError::Server`] if the server ends
    /// by itself.
    pub async fn run_until_stopped(self, stop: impl Future<Output = ()>) -> Result<(), AppError> {
        let sweeper = tokio::spawn(sweep_for_ever(Arc::clone(&self.service)));
        let ended = self.serve(stop).await;
        sweeper.abort();
        ended
    }

    async fn serve(self, stop: impl Future<Output = ()>) -> Result<(), AppError> {
        let handle = self.server.handle();
        let mut server = std::pin::pin!(self.server);
        let batches = tokio::spawn(http::run_batches(Arc::clone(&self.state)));
        let (last_news, on_last_news) = oneshot::channel();
        let sender = self.state.elsewhere.webhooks.clone();
        let webhooks = tokio::spawn(run_webhooks(Arc::clone(&self.service), sender, on_last_news));
        let reason = tokio::select! {
            ended = &mut server => return ended.map_err(AppError::Server),
            () = stop => Ok(()),
            () = self.service.studio().broken_down() => Err(AppError::NoDevice),
        };
        self.state.batches.stop();
        // The answers first, however long the images in hand take; then the connections, which may be idle or stuck.
        let ended = tokio::select! {
            ended = &mut server => ended,
            () = self.service.drain() => tokio::join!(server, handle.stop(true)).0,
        };
        // What the last lines of batches gave is written down.
        batches.await.ok();
        last_news.send(()).ok();
        webhooks.await.ok();
        drop((self.service, self.state));
        tokio::task::spawn_blocking(|| self.workers.join()).await.ok();
        // The last idle minute.
        self.bookkeeping.await.ok();
        ended.map_err(AppError::Server).and(reason)
    }
}

/// Bytes of the disk that images and files leave free.
fn free_disk_min(config: &Config) -> u64 {
    config.pictures.free_disk_min_mib.saturating_mul(1 << 20)
}

/// What is kept beside the ledger, with `images` tried out.
fn storage(config: &Config, data_dir: &DataDir, images: Arc<ImageStore>) -> Result<Storage, AppError> {
    images.try_out()?;
    Ok(Storage { files: open_files(config, data_dir)?, images, loras: Arc::new(config.lora_library()) })
}

fn open_files(config: &Config, data_dir: &DataDir) -> Result<FileStore, AppError> {
    let path = data_dir.path(FILES_DIRECTORY);
    FileStore::open(path.clone(), free_disk_min(config)).map_err(|cause| AppError::DataDir {
        path,
        reason: format!("{cause}; let the server's user write to the directory of files"),
    })
}

/// What signs sessions and links.
#[derive(Clone, Copy)]
struct PageSecrets {
    sessions: [u8; 32],
    links: [u8; 32],
}

impl PageSecrets {
    /// Those of one machine: made at its first start.
    fn kept_in(data_dir: &DataDir) -> Result<Self, AppError> {
        let (sessions, links) =
            (data_dir.secret(data_dir::SESSION_KEY)?, data_dir.secret(data_dir::LINKS_KEY)?);
        Ok(Self { sessions, links })
    }
}

/// What the server's handlers share.
fn state(
    config: &Config,
    secrets: PageSecrets,
    data_dir: &DataDir,
    service: Arc<Service>,
    offer: Offer,
) -> Result<State, AppError> {
    Ok(State {
        service,
        offer,
        session_secret: SessionSecret::new(secrets.sessions),
        attempts: Attempts::default(),
        new_secrets: NewSecrets::default(),
        address: PublicAddress::new(
            config.public_url.clone(),
            config.trusted_proxies.clone(),
            config.hsts_seconds,
        ),
        header_notes: HeaderNotes::new(data_dir.path(PROXY_HEADERS_FILE)),
        links: links(config, secrets.links)?,
        bodies: config.data_dir.clone(),
        file_terms: FileTerms {
            bytes_max_of_key: u64::from(config.batches.files_mib_max) << 20,
            keep: SignedDuration::from_hours(24 * i64::from(config.batches.keep_days)),
        },
        batches: BatchDesk::default(),
        source_memory: SourceMemory::default(),
        elsewhere: elsewhere(config)?,
        answer_memory: AnswerMemory::new(config.limits.answers_mib_max.saturating_mul(1 << 20)),
    })
}

/// Deletes old images and files, now and every hour.
async fn sweep_for_ever(service: Arc<Service>) {
    let mut hours = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        hours.tick().await;
        match service.sweep().await {
            Ok(swept) if swept.days > 0 => {
                tracing::info!(days = swept.days, images = swept.images, "old images are swept");
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "old images cannot be swept"),
        }
        match service.sweep_unnamed().await {
            Ok(files) if files > 0 => tracing::info!(files, "files that no settlement names are swept"),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "files that no settlement names cannot be swept"),
        }
        match service.sweep_transit().await {
            Ok(objects) if objects > 0 => tracing::info!(objects, "what ended requests left is swept"),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "what ended requests left cannot be swept"),
        }
        match service.sweep_files().await {
            Ok(files) if files > 0 => tracing::info!(files, "old files of batches are swept"),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "old files of batches cannot be swept"),
        }
        match service.sweep_loras().await {
            Ok(files) if files > 0 => tracing::info!(files, "LoRAs that were removed are swept"),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "LoRAs that were removed cannot be swept"),
        }
        if let Err(error) = service.sweep_webhooks().await {
            tracing::error!(%error, "old messages of webhooks cannot be swept");
        }
    }
}

/// The price of things, and what the operator decided about requests. Sellers' certificates must be signed by Mozilla's authorities.
fn costs_and_settings(config: &Config, now: Timestamp) -> Result<(CostModel, ServiceSettings), ConfigError> {
    let today = config.zone()?.to_datetime(now).date();
    let costs = config.cost_model(today)?;
    let buyer = Buyer::new(config.sellers(&costs, today)?, Outbound::default());
    Ok((costs, ServiceSettings { buyer, ..config.service_settings() }))
}

/// What reaches other servers: by whose certificates, and where.
fn elsewhere(config: &Config) -> Result<Elsewhere, ConfigError> {
    let outbound = |authorities: Option<&[u8]>| {
        Outbound::new(authorities).map_err(|reason| {
            let file =
                config.edits.image_authorities.as_deref().unwrap_or(Path::new("edits.image_authorities"));
            ConfigError::File { path: file.display().to_string(), reason: reason.into() }
        })
    };
    let authorities = config.image_authorities()?;
    Ok(Elsewhere {
        images: ImageFetcher::new(config.edits.image_hosts.clone(), outbound(authorities.as_deref())?),
        webhooks: NewsSender::new(config.webhooks.private_hosts.clone(), outbound(None)?)
            .with_mailer(config.mailer()?),
    })
}

fn offer(
    config: &Config,
    source: &ModelSource,
    Facts { limits, can_edit, is_published_shape, .. }: Facts,
    loaded_at: i64,
) -> Result<Offer, ConfigError> {
    Ok(Offer {
        model: source.id.clone(),
        repository: source.repository.clone(),
        aliases: config.model.aliases.clone(),
        loaded_at,
        limits,
        default_size: config.model.default_size(limits)?,
        usual: config.model.usual(is_published_shape),
        pixels_max: config.limits.pixels_max,
        prompt_chars_max: config.limits.prompt_chars_max,
        body_bytes_max: config.limits.body_bytes_max,
        can_edit,
        loras: LoraTerms { max: config.model.loras_max, in_prompt: config.model.loras_in_prompt },
        user_is_tag: config.user_is_tag,
    })
}

fn connection_limits(limits: &Limits) -> ConnectionLimits {
    ConnectionLimits {
        max: limits.connections_max,
        per_address_max: limits.connections_per_address_max,
        keep_alive: Duration::from_secs(u64::from(limits.keep_alive_seconds)),
    }
}

/// A listener, and the address that it got.
fn listen(address: &ListenAddress) -> Result<(TcpListener, SocketAddr), AppError> {
    let bound = address.bind().and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.map_err(|source| AppError::Listen { address: address.to_string(), source })
}
