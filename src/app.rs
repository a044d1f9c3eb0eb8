//! The application: its parts put together, apart from its running.

mod devices;

use std::{
    fs::{File, TryLockError},
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use actix_web::dev::Server;
use jiff::Timestamp;
use tokio::{runtime::Handle, sync::mpsc, task::JoinHandle};

pub use self::devices::Fitting;
use crate::{
    admit::Door,
    clock::Clock,
    config::{Config, ConfigError, Limits},
    domain::{ApiKey, Scopes, SignInSecret},
    engine::{ProfileStore, Workers},
    http::{
        self, AnswerMemory, Attempts, ConnectionLimits, Links, NewSecrets, Offer, PublicAddress,
        SessionSecret, State,
    },
    ledger::{KeyRules, Ledger, LedgerError, NewKey},
    pictures::{PictureStore, StoreError},
    pipeline::{LoadError, ModelSource, OnLoad, SizeLimits, hub},
    service::{OverheadBook, Service, ServiceParts},
    telemetry::Metrics,
};

/// The ledger's file in the data directory.
pub const LEDGER_FILE: &str = "ledger.sqlite3";
/// What was measured of shapes of pictures, in the data directory.
const PROFILES_FILE: &str = "shapes.json";
/// The pictures' directory in the data directory.
pub(crate) const PICTURES_DIRECTORY: &str = "pictures";
/// How often old pictures are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);
/// A server that is ready to run.
pub struct App {
    server: Server,
    service: Arc<Service>,
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
    /// The pictures' directory cannot be used.
    #[error(transparent)]
    Pictures(#[from] StoreError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; pass another with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Devices painted, and then all were lost.
    #[error("no device is left; a new start tries them again")]
    NoDevice,
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
        let zone = config.zone()?;
        let costs = config.cost_model(zone.to_datetime(clock.now()).date())?;
        let data_dir = DataDir::open(&config.data_dir)?;
        // Bound before the model is loaded: a port that is taken should not cost a minute. Early clients wait.
        let listener = listen(config.listen)?;
        let address =
            listener.local_addr().map_err(|source| AppError::Listen { address: config.listen, source })?;
        let ledger = Arc::new(Ledger::open(&data_dir.path(LEDGER_FILE))?);
        ledger.inspect()?;
        ledger.check_currency(costs.currency())?;
        ledger.keep_zone(&zone, clock.now())?;
        warn_of_the_future(&ledger, clock.now())?;
        for notice in costs.price_notices(zone.to_datetime(clock.now()).date()) {
            tracing::warn!("{notice}");
        }
        let abandoned = ledger.abandon_open(clock.now())?;
        if abandoned > 0 {
            tracing::warn!(requests = abandoned, "an earlier process died over requests; they are abandoned");
        }
        let source = config.model.source();
        let pictures = PictureStore::open(
            data_dir.path(PICTURES_DIRECTORY),
            config.pictures.free_disk_min_mib.saturating_mul(1 << 20),
        )?;
        let book = OverheadBook {
            ledger: Arc::clone(&ledger),
            costs: costs.clone(),
            clock: Arc::clone(clock),
            zone: zone.clone(),
        };
        let (overheads, told) = mpsc::unbounded_channel();
        let bookkeeping = runtime.spawn(book.clone().keep(told));
        let files = source.files(&mut |fetched| progress.fetched(fetched))?;
        let profiles = ProfileStore::open(&data_dir.path(PROFILES_FILE), source.id.clone());
        let (engine, workers) =
            devices::start_engine(config, &book, overheads, &files, progress, fittings, profiles)?;
        let offer = offer(config, &source, engine.facts().limits, clock.now().as_second())?;
        let service = Arc::new(Service::new(ServiceParts {
            engine,
            ledger: Arc::clone(&ledger),
            costs,
            door: Door::new(config.limits.of_keys()),
            pictures: Arc::new(pictures),
            metrics: Arc::new(Metrics::default()),
            clock: Arc::clone(clock),
            zone,
            model: source.id,
            runtime,
            settings: config.service_settings(),
        }));
        let state = State {
            service: Arc::clone(&service),
            offer: offer.clone(),
            session_secret: SessionSecret::new(data_dir.secret("session.key")?),
            attempts: Attempts::default(),
            new_secrets: NewSecrets::default(),
            address: PublicAddress::new(
                config.public_url.clone(),
                config.trusted_proxies.clone(),
                config.hsts_seconds,
            ),
            links: Links::new(data_dir.secret("links.key")?, config.pictures.link_lifetime()),
            answer_memory: AnswerMemory::new(config.limits.answers_mib_max.saturating_mul(1 << 20)),
        };
        let server =
            http::server(listener, connection_limits(&config.limits), state).map_err(AppError::Server)?;
        // Last: a key that was made and never shown would be the only one.
        let first_key = first_key(&ledger, &**clock)?;
        let sign_in_link = sign_in_link(&ledger, &**clock)?;
        Ok(Self {
            server,
            service,
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

    /// The first key, where this start made one. It cannot be shown again.
    pub fn first_key(&self) -> Option<&ApiKey> {
        self.first_key.as_ref()
    }

    /// A link that signs the operator in once, where no password is set.
    pub fn sign_in_link(&self) -> Option<&SignInSecret> {
        self.sign_in_link.as_ref()
    }

    /// Serves until `stop` resolves, then finishes the pictures in hand and settles them. So it does where devices break
    /// down, for whoever watches over the process to start it anew: a context that CUDA lost comes back with a new process.
    ///
    /// # Errors
    /// [`AppError::NoDevice`] where the last device was lost after it had painted; [`AppError::Server`] where the server ends
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
        let reason = tokio::select! {
            ended = &mut server => return ended.map_err(AppError::Server),
            () = stop => Ok(()),
            () = self.service.engine().broken_down() => Err(AppError::NoDevice),
        };
        // The answers first, however long the pictures in hand take; then the connections, which may be idle or stuck.
        let ended = tokio::select! {
            ended = &mut server => ended,
            () = self.service.drain() => tokio::join!(server, handle.stop(true)).0,
        };
        drop(self.service);
        tokio::task::spawn_blocking(|| self.workers.join()).await.ok();
        // The last idle minute.
        self.bookkeeping.await.ok();
        ended.map_err(AppError::Server).and(reason)
    }
}

/// Rows that are later than now were written by a clock that was ahead, or this one is behind.
fn warn_of_the_future(ledger: &Ledger, now: Timestamp) -> Result<(), AppError> {
    if let Some(latest) = ledger.latest_moment()?.filter(|latest| *latest > now) {
        tracing::warn!(
            %latest, %now,
            "the ledger has rows from the future: the clock was wrong then, or is now; check it (timedatectl)"
        );
    }
    Ok(())
}

/// Takes away old pictures, now and every hour.
async fn sweep_for_ever(service: Arc<Service>) {
    let mut hours = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        hours.tick().await;
        match service.sweep().await {
            Ok(swept) if swept.days > 0 => {
                tracing::info!(days = swept.days, pictures = swept.pictures, "old pictures are swept");
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "old pictures cannot be swept"),
        }
    }
}

fn offer(
    config: &Config,
    source: &ModelSource,
    limits: SizeLimits,
    loaded_at: i64,
) -> Result<Offer, ConfigError> {
    Ok(Offer {
        model: source.id.clone(),
        repository: source.repository.clone(),
        aliases: config.model.aliases.clone(),
        loaded_at,
        limits,
        default_size: config.model.default_size(limits)?,
        steps: config.model.steps,
        guidance_scale: config.model.guidance_scale,
        pixels_max: config.limits.pixels_max,
        prompt_chars_max: config.limits.prompt_chars_max,
        body_bytes_max: config.limits.body_bytes_max,
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

/// A first key with both scopes, where the ledger has none.
fn first_key(ledger: &Ledger, clock: &dyn Clock) -> Result<Option<ApiKey>, LedgerError> {
    if !ledger.keys()?.is_empty() {
        return Ok(None);
    }
    let key = ApiKey::generate(&mut rand::rng());
    let rules = KeyRules { scopes: Scopes::ALL, ..KeyRules::default() };
    ledger.create_key(&NewKey { key: &key, name: "first key", rules }, "first start", clock.now())?;
    Ok(Some(key))
}

/// A link that signs in once, as long as there is no password.
fn sign_in_link(ledger: &Ledger, clock: &dyn Clock) -> Result<Option<SignInSecret>, LedgerError> {
    if ledger.operator_password()?.is_some() {
        return Ok(None);
    }
    let (secret, now) = (SignInSecret::generate(&mut rand::rng()), clock.now());
    ledger.create_sign_in_link(secret.hash(), SignInSecret::expiry(now), now)?;
    Ok(Some(secret))
}

fn listen(address: SocketAddr) -> Result<TcpListener, AppError> {
    TcpListener::bind(address).map_err(|source| AppError::Listen { address, source })
}

/// The data directory, held by one server or restore at a time.
#[derive(Debug)]
pub(crate) struct DataDir {
    root: PathBuf,
    _lock: File,
}

impl DataDir {
    pub(crate) fn open(root: &Path) -> Result<Self, AppError> {
        let error = |reason: String| AppError::DataDir { path: root.to_owned(), reason };
        // Secrets, receipts and pictures are their owner's.
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(root).map_err(|cause| error(cause.to_string()))?;
        let lock = File::create(root.join("server.lock"));
        let lock =
            lock.map_err(|cause| error(format!("{cause}; let the server's user write to its files")))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root: root.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(error(
                "another Tintype server is using it; stop that one or pass another --data-dir".into(),
            )),
            Err(TryLockError::Error(cause)) => Err(error(cause.to_string())),
        }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// The secret in `file`: made at the first start, readable by its owner only.
    fn secret(&self, file: &str) -> Result<[u8; 32], AppError> {
        let path = self.path(file);
        let read_or_make = || -> std::io::Result<[u8; 32]> {
            let mut secret = [0; 32];
            match File::open(&path) {
                Ok(mut file) => file.read_exact(&mut secret)?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    secret = rand::random();
                    private_file(&path)?.write_all(&secret)?;
                }
                Err(error) => return Err(error),
            }
            Ok(secret)
        };
        read_or_make().map_err(|cause| AppError::DataDir {
            reason: format!("{cause}; remove the file to have a new one made"),
            path,
        })
    }
}

fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
