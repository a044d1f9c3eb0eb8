//! A node of a cluster: a gateway that answers clients, a worker that generates images, or both in one process. They share the
//! ledger, the images and a secret with other nodes, and nothing else.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_web::dev::Server;
use tokio::{
    runtime::Handle,
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{
    AppError, DataDir, PROFILES_FILE, PageSecrets, Progress, WEIGHTS_FILE,
    books::{first_secrets, ledger_place, overhead_book, record_configuration, store_secrets},
    cluster_secret::cluster_secret,
    connection_limits, costs_and_settings, devices,
    images::{images_place, open_images, unshared},
    listen, offer, state, storage, sweep_for_ever,
};
use crate::{
    admit::Door,
    clock::Clock,
    cluster::{ClusterSecret, Gate, Lease, LeaseSettings, News, SecretUse, SharedClock},
    config::Config,
    costs::CostModel,
    domain::{ApiKey, Calendar, NodeId, SignInSecret, WeightHashes},
    encode,
    engine::{Facts, ModelOutline, ProfileStore, Workers},
    http::{self, Offer, Routes, State},
    image_store::ImageStore,
    ledger::{Ledger, LedgerError, NodeRole},
    pipeline::{HashedWeights, ModelFiles, ModelSource},
    service::{
        ClusterParts, Identity, Service, ServiceParts, ServiceSettings, Storage, Studio,
        run_webhooks_in_turn, warn_of_clock,
    },
    telemetry::Metrics,
};

/// A node that is ready to run.
pub struct NodeApp {
    role: NodeRole,
    server: Option<Server>,
    state: Option<Arc<State>>,
    address: Option<SocketAddr>,
    offer: Offer,
    gateway: Option<Arc<Service>>,
    worker: Option<Worker>,
    ledger: Arc<Ledger>,
    clock: Arc<dyn Clock>,
    cluster: ClusterParts,
    identity: Identity,
    first_key: Option<ApiKey>,
    sign_in_link: Option<SignInSecret>,
    _data_dir: DataDir,
}

/// The part of a node that generates images.
struct Worker {
    service: Arc<Service>,
    workers: Workers,
    bookkeeping: JoinHandle<()>,
    facts: Facts,
    weights: Arc<HashedWeights>,
}

/// What the parts of a node are made of.
struct Ground<'a> {
    config: &'a Config,
    data_dir: DataDir,
    costs: CostModel,
    settings: ServiceSettings,
    calendar: Calendar,
    ledger: Arc<Ledger>,
    images: Arc<ImageStore>,
    source: ModelSource,
    files: ModelFiles,
    weights: Arc<HashedWeights>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    runtime: Handle,
    cluster: ClusterParts,
}

impl NodeApp {
    /// Puts a node together: takes its data directory, opens the shared ledger and images, loads the model or its tokenizer alone,
    /// binds the address, and joins. Blocks while it loads. A worker listens only if `listens`.
    ///
    /// # Errors
    /// [`AppError`], one line with the remedy.
    pub fn build(
        config: &Config,
        (role, listens): (NodeRole, bool),
        clock: &Arc<dyn Clock>,
        runtime: Handle,
        mut progress: impl Progress + 'static,
    ) -> Result<Self, AppError> {
        let data_dir = DataDir::open(&config.data_dir)?;
        let listener = (role.is_gateway() || listens).then(|| listen(&config.listen)).transpose()?;
        let source = config.model.source();
        let files = source.files(&mut |fetched| progress.fetched(fetched))?;
        let ground = Ground::lay(config, data_dir, (role, source, files), clock, runtime)?;
        let worker = role.is_worker().then(|| ground.worker(progress)).transpose()?;
        let gateway = role.is_gateway().then(|| ground.gateway()).transpose()?;
        let front = gateway.as_ref().or(worker.as_ref().map(|worker| &worker.service));
        let front = Arc::clone(front.expect("a node is a gateway or a worker"));
        let facts = worker.as_ref().map_or_else(|| front.studio().facts(), |worker| worker.facts);
        let clock = Arc::clone(&ground.clock);
        let offer = offer(config, &ground.source, facts, clock.now().as_second())?;
        let identity = ground.identity(role, worker.as_ref())?;
        let lease = &ground.cluster.lease;
        identity.join(&ground.ledger, (lease.node(), None), lease.settings(), clock.now())?;
        lease.note_join(lease.node(), clock.monotonic());
        let (server, state, address) = match listener {
            None => (None, None, None),
            Some((listener, address)) => {
                ground.data_dir.note_address(address)?;
                let secrets = PageSecrets {
                    sessions: ground.cluster.secret.key(SecretUse::Sessions),
                    links: ground.cluster.secret.key(SecretUse::Links),
                };
                let state = Arc::new(state(config, secrets, &ground.data_dir, front, offer.clone())?);
                let routes = if role.is_gateway() { Routes::All } else { Routes::Health };
                let limits = connection_limits(&config.limits);
                let server = http::server(listener, limits, Arc::clone(&state), routes);
                (Some(server.map_err(AppError::Server)?), Some(state), Some(address))
            }
        };
        let (first_key, sign_in_link) =
            if role.is_gateway() { first_secrets(&ground.ledger)? } else { (None, None) };
        let Ground { data_dir, ledger, cluster, .. } = ground;
        Ok(Self {
            role,
            server,
            state,
            address,
            offer,
            gateway,
            worker,
            ledger,
            clock,
            cluster,
            identity,
            first_key,
            sign_in_link,
            _data_dir: data_dir,
        })
    }

    /// What it does.
    pub fn role(&self) -> NodeRole {
        self.role
    }

    /// Its id.
    pub fn id(&self) -> NodeId {
        self.cluster.lease.node()
    }

    /// The address it listens on, if it does.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// What it offers.
    pub fn offer(&self) -> &Offer {
        &self.offer
    }

    /// The first key, if the ledger has none: see [`NodeApp::introduce`].
    pub fn first_key(&self) -> Option<&ApiKey> {
        self.first_key.as_ref()
    }

    /// A link that signs the operator in once, if no password is set.
    pub fn sign_in_link(&self) -> Option<&SignInSecret> {
        self.sign_in_link.as_ref()
    }

    /// Shows the first key and the sign-in link by `show`, and stores them then.
    ///
    /// # Errors
    /// What `show` says, and [`AppError::Ledger`]; then neither can be used.
    pub fn introduce<E: From<AppError>>(&self, show: impl FnOnce(&Self) -> Result<(), E>) -> Result<(), E> {
        show(self)?;
        let stored = store_secrets(
            &self.ledger,
            self.first_key.as_ref(),
            self.sign_in_link.as_ref(),
            self.clock.now(),
        );
        Ok(stored.map_err(AppError::from)?)
    }

    /// Serves until `stop` resolves or all devices are lost. Then a gateway answers the clients that wait, a worker finishes
    /// what it holds, and the node leaves.
    ///
    /// # Errors
    /// [`AppError::NoDevice`] if the last device was lost after it had worked; [`AppError::Server`] if the server ends
    /// by itself.
    pub async fn run_until_stopped(mut self, stop: impl Future<Output = ()>) -> Result<(), AppError> {
        let mut standing = JoinSet::new();
        let keeper = self.worker.as_ref().map(|worker| &worker.service).or(self.gateway.as_ref());
        let keeper = Arc::clone(keeper.expect("a node is a gateway or a worker"));
        standing.spawn(Arc::clone(&keeper).keep_lease(self.cluster.clone(), self.identity.clone()));
        let (news, ledger) = (Arc::clone(&self.cluster.news), Arc::clone(&self.ledger));
        standing.spawn(async move { news.run(ledger).await });
        if let Some(gateway) = &self.gateway {
            standing.spawn(Arc::clone(gateway).watch_cluster(self.cluster.clone()));
            standing.spawn(sweep_for_ever(Arc::clone(gateway)));
            if let Some(state) = &self.state {
                let sender = state.elsewhere.webhooks.clone();
                standing.spawn(run_webhooks_in_turn(Arc::clone(gateway), sender));
                standing.spawn(http::run_batches_in_turn(Arc::clone(state)));
            }
        }
        let stopping = CancellationToken::new();
        let working = self.worker.as_ref().map(|worker| {
            tokio::spawn(Arc::clone(&worker.service).work(self.cluster.clone(), stopping.clone()))
        });
        let ended = self.serve(&keeper, stop).await;
        stopping.cancel();
        if let Some(working) = working {
            working.await.ok();
        }
        // The last of them may be why the node stops. One that was announced has the same id.
        let node = (self.cluster.lease.node(), self.identity.machine.as_str());
        keeper.announce_lost_devices(&mut 0, Some(node)).await;
        drop(keeper);
        if let Some(worker) = self.worker.take() {
            worker.end().await;
        }
        standing.shutdown().await;
        let (ledger, node) = (Arc::clone(&self.ledger), self.cluster.lease.node());
        let left = tokio::task::spawn_blocking(move || ledger.leave(node)).await;
        if let Ok(Err(error)) = left {
            tracing::warn!(%error, "this node could not leave; its lease runs out");
        }
        ended
    }

    /// Answers until `stop`, or until no device of this node is left.
    async fn serve(&mut self, keeper: &Service, stop: impl Future<Output = ()>) -> Result<(), AppError> {
        let Some(server) = self.server.take() else {
            return tokio::select! {
                () = stop => Ok(()),
                () = keeper.studio().broken_down() => Err(AppError::NoDevice),
            };
        };
        let handle = server.handle();
        let mut server = std::pin::pin!(server);
        let reason = tokio::select! {
            ended = &mut server => return ended.map_err(AppError::Server),
            () = stop => Ok(()),
            () = keeper.studio().broken_down() => Err(AppError::NoDevice),
        };
        // Batches go on at another gateway.
        if let Some(state) = &self.state {
            state.batches.stop();
        }
        // The answers first, however long the workers take; then the connections, which may be idle or stuck.
        let answered = async {
            if let Some(gateway) = &self.gateway {
                gateway.drain().await;
            }
        };
        let ended = tokio::select! {
            ended = &mut server => ended,
            () = answered => tokio::join!(server, handle.stop(true)).0,
        };
        drop(self.state.take());
        ended.map_err(AppError::Server).and(reason)
    }
}

impl Worker {
    /// Ends the devices' threads, and books the last idle minute.
    async fn end(self) {
        self.service.studio().drain();
        drop(self.service);
        tokio::task::spawn_blocking(|| self.workers.join()).await.ok();
        self.bookkeeping.await.ok();
    }
}

impl<'a> Ground<'a> {
    fn lay(
        config: &'a Config,
        data_dir: DataDir,
        (role, source, files): (NodeRole, ModelSource, ModelFiles),
        clock: &Arc<dyn Clock>,
        runtime: Handle,
    ) -> Result<Self, AppError> {
        let ledger = Ledger::open_at(&ledger_place(config))?;
        ledger.share()?;
        let clock = Arc::new(shared_clock(&ledger, clock)?);
        let now = clock.now();
        let (costs, settings) = costs_and_settings(config, now)?;
        // What all keys are charged with is the gateways' configuration.
        let calendar = if role.is_gateway() {
            record_configuration(config, &costs, &ledger, now)?
        } else {
            ledger.check_currency(costs.currency())?;
            ledger.calendar(&config.zone()?)?
        };
        let images = Arc::new(open_images(config).map_err(unshared)?);
        let secret = cluster_secret(&config.cluster, &images_place(config), images.objects())?;
        let weights = HashedWeights::begin(&files, Some(data_dir.path(WEIGHTS_FILE)))?;
        let cluster = cluster_parts(config, secret, Arc::clone(&clock));
        Ok(Self {
            config,
            data_dir,
            costs,
            settings,
            calendar,
            ledger: Arc::new(ledger),
            images,
            source,
            files,
            weights,
            metrics: Arc::new(Metrics::default()),
            clock,
            runtime,
            cluster,
        })
    }

    /// A service that has its images made by `studio`.
    fn service(&self, studio: Studio) -> Result<Arc<Service>, AppError> {
        Ok(Arc::new(Service::new(ServiceParts {
            studio,
            ledger: Arc::clone(&self.ledger),
            costs: self.costs.clone(),
            door: Door::shared(self.config.limits.of_keys(), Arc::clone(&self.ledger))
                .with_quotes(self.config.limits.playground_quotes_per_minute),
            storage: self.storage()?,
            metrics: Arc::clone(&self.metrics),
            clock: Arc::clone(&self.clock),
            calendar: self.calendar.clone(),
            model: self.source.id.clone(),
            weights: Arc::clone(&self.weights),
            runtime: self.runtime.clone(),
            settings: self.settings.clone(),
            encode: encode::encode,
            cluster: Some(self.cluster.clone()),
        })))
    }

    /// What all nodes have in common beside the ledger: images, and files with them.
    fn storage(&self) -> Result<Storage, AppError> {
        let images = Arc::clone(&self.images);
        let Storage { images, files, .. } = storage(self.config, &self.data_dir, images)?;
        let loras = Arc::new(self.config.lora_library().shared_with(Arc::clone(&images)));
        Ok(Storage { files: files.shared_with(Arc::clone(&images)), images, loras })
    }

    /// The part that answers clients: without a device, and without the model's weights.
    fn gateway(&self) -> Result<Arc<Service>, AppError> {
        let outline = ModelOutline::read(&self.files)?;
        let secret = self.cluster.secret.clone();
        let gate = Gate::new(outline, self.config.limits.queue_depth_max, secret);
        self.service(Studio::Cluster(Arc::new(gate)))
    }

    /// The part that generates images.
    fn worker(&self, progress: impl Progress + 'static) -> Result<Worker, AppError> {
        let book = overhead_book(&self.ledger, &self.costs, &self.clock, &self.calendar);
        let (overheads, booked) = mpsc::unbounded_channel();
        let bookkeeping = self.runtime.spawn(book.clone().keep(booked));
        let profiles = ProfileStore::open(&self.data_dir.path(PROFILES_FILE), self.source.id.clone());
        let (engine, workers) = devices::start_engine(
            self.config,
            &book,
            overheads,
            &self.files,
            progress,
            Vec::new(),
            profiles,
        )?;
        let (facts, weights) = (engine.facts(), Arc::clone(&self.weights));
        Ok(Worker { service: self.service(Studio::Here(engine))?, workers, bookkeeping, facts, weights })
    }

    /// Who this node is to the others. What decides the pixels of a worker's images must be as theirs.
    fn identity(&self, role: NodeRole, worker: Option<&Worker>) -> Result<Identity, AppError> {
        let computation = worker.map(|worker| {
            let made = worker.facts.computation(worker.weights.get().clone());
            let hash = |hash: Option<String>| hash.unwrap_or_else(|| "unknown weights".into());
            let WeightHashes { transformer, text_encoder, vae } = made.weights;
            let weights = [transformer, text_encoder, vae].map(hash).join(", ");
            format!("{} in {}, {}, {}", weights, made.precision, made.schedule, made.rng)
        });
        Ok(Identity {
            role,
            machine: machine_name(),
            secret_check: self.cluster.secret.key(SecretUse::Check),
            images: self.images.share(rand::random()).map_err(unshared)?,
            model: self.source.id.clone(),
            computation,
            keeping: role.is_gateway().then(|| self.settings.keeping()),
        })
    }
}

fn cluster_parts(config: &Config, secret: ClusterSecret, clock: Arc<SharedClock>) -> ClusterParts {
    let settings = LeaseSettings { lease: Duration::from_secs(config.cluster.lease_seconds.into()) };
    let node = NodeId::new(clock.now(), rand::random());
    ClusterParts {
        lease: Arc::new(Lease::new(node, settings, clock.monotonic())),
        secret,
        news: Arc::new(News::default()),
        clock,
    }
}

/// The clock that all nodes book by, from the first entry on.
fn shared_clock(ledger: &Ledger, own: &Arc<dyn Clock>) -> Result<SharedClock, LedgerError> {
    let clock = SharedClock::new(Arc::clone(own));
    let (before, theirs, after) = (clock.own_now(), ledger.clock()?, clock.own_now());
    if let Some(ahead) = clock.compare(before, theirs, after) {
        warn_of_clock(ahead);
    }
    Ok(clock)
}

/// The machine as its operator calls it.
fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::env::var("HOSTNAME"));
    name.map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unnamed".into())
}
