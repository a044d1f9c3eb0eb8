//! What every node of a cluster does beside its work: it renews its lease, hears what is to stop, and looks for nodes that are
//! gone. A gateway reads how its requests stand, too.

use std::{collections::HashSet, pin::pin, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout},
};

use super::{ClusterParts, Service, ServiceError, Studio};
use crate::{
    cluster::{Gate, GateView, LeaseSettings, Workforce},
    domain::{FailureReason, NodeId, RequestId},
    engine::StopReason,
    ledger::{Agreement, JoinError, Keeping, Ledger, NewNode, NodeFigures, NodeRole, Reaped, Renewal, Topic},
};

/// Between two questions how followed requests stand, if no hint comes.
const LOOK: Duration = Duration::from_millis(500);
/// Between two looks at the nodes and the queue.
const OVERVIEW: Duration = Duration::from_secs(1);

/// Who a node is to the others, however often it joins.
#[derive(Debug, Clone)]
pub struct Identity {
    /// What it does.
    pub role: NodeRole,
    /// The machine's name.
    pub machine: String,
    /// A fingerprint of the secret.
    pub secret_check: [u8; 32],
    /// Which images it keeps.
    pub images: String,
    /// The model's id.
    pub model: String,
    /// What decides the pixels of its images; none: it generates none.
    pub computation: Option<String>,
    /// Of a gateway: what it keeps.
    pub keeping: Option<Keeping>,
}

impl Identity {
    /// Joins the cluster as `id`, for the first time, or again after it was `before`.
    ///
    /// # Errors
    /// [`JoinError`], one line with the remedy.
    pub fn join(
        &self,
        ledger: &Ledger,
        (id, before): (NodeId, Option<NodeId>),
        lease: LeaseSettings,
        now: Timestamp,
    ) -> Result<(), JoinError> {
        let node = NewNode {
            id,
            role: self.role,
            machine: &self.machine,
            version: env!("CARGO_PKG_VERSION"),
            agreement: Agreement {
                secret_check: self.secret_check,
                images: &self.images,
                model: &self.model,
                computation: self.computation.as_deref(),
            },
            lease: lease.lease,
            before,
            keeping: self.keeping,
        };
        ledger.join(&node, now)
    }
}

impl Service {
    /// Renews the node's lease and looks for nodes that are gone, for ever. What writes waits until nobody else does: a lease that
    /// waited behind it would run out while a month is closed.
    pub async fn keep_lease(self: Arc<Self>, cluster: ClusterParts, identity: Identity) {
        tokio::join!(self.keep_renewing(&cluster, &identity), self.keep_looking(&cluster, &identity.machine));
    }

    async fn keep_renewing(&self, cluster: &ClusterParts, identity: &Identity) {
        let mut renewals = every(cluster.lease.settings().renewal());
        let mut unknown = HashSet::new();
        loop {
            renewals.tick().await;
            self.renew(cluster, identity, &mut unknown).await;
        }
    }

    /// Looks for nodes that are gone, and for devices of `machine` that are.
    async fn keep_looking(&self, cluster: &ClusterParts, machine: &str) {
        let mut looks = every(cluster.lease.settings().look());
        let mut announced = 0;
        loop {
            looks.tick().await;
            self.reap(cluster).await;
            self.announce_lost_devices(&mut announced, Some((cluster.lease.node(), machine))).await;
        }
    }

    /// `unknown` is what it held at the last renewal without knowing of it.
    async fn renew(&self, cluster: &ClusterParts, identity: &Identity, unknown: &mut HashSet<RequestId>) {
        let (node, lease) = (cluster.lease.node(), cluster.lease.settings().lease);
        let (figures, steps) = (self.node_figures(cluster), self.steps_done());
        let clock = Arc::clone(&cluster.clock);
        let renewed = self.ask_ledger(move |ledger| {
            ledger.share()?;
            let before = clock.own_now();
            let renewal = ledger.renew(node, lease, &figures, &steps)?;
            Ok::<_, ServiceError>((before, renewal, clock.own_now()))
        });
        match renewed.await {
            Ok((_, Renewal { is_fenced: true, .. }, _)) => self.join_again(cluster, identity).await,
            Ok((before, Renewal { is_draining, holds, stops, clock, .. }, after)) => {
                self.note_clock(cluster, before, clock, after);
                cluster.lease.note_renewal(self.monotonic(), is_draining);
                for (id, reason) in stops {
                    self.stop_job(id, stop_reason(reason));
                }
                let open: HashSet<_> = self.open_jobs().into_iter().map(|job| job.id).collect();
                let before = std::mem::take(unknown);
                *unknown = holds.into_iter().filter(|id| !open.contains(id)).collect();
                for id in unknown.intersection(&before).copied() {
                    tracing::warn!(request = %id, "a claim of this node was lost; the request is put back");
                    if let Err(error) = self.ask_ledger(move |ledger| ledger.disown(node, id)).await {
                        tracing::warn!(request = %id, %error, "it could not be put back");
                    }
                }
            }
            Err(error) => {
                cluster.lease.note_silence();
                tracing::warn!(%error, "the node's lease could not be renewed");
            }
        }
    }

    /// Notes what the database's clock said between two looks at the machine's own.
    fn note_clock(&self, cluster: &ClusterParts, before: Timestamp, theirs: Timestamp, after: Timestamp) {
        if let Some(ahead) = cluster.clock.compare(before, theirs, after) {
            warn_of_clock(ahead);
        }
        if let Some(ahead) = cluster.clock.ahead_ms() {
            self.metrics().note_clock(ahead);
        }
    }

    /// What it holds is others': it drops that, and starts over under another id. Nobody may have taken it yet; then it goes back
    /// into the queue, since its client waits.
    async fn join_again(&self, cluster: &ClusterParts, identity: &Identity) {
        let before = cluster.lease.node();
        tracing::warn!(node = %before, "this node was taken for dead; it joins again");
        for job in self.open_jobs() {
            self.stop_job(job.id, StopReason::TakenOver);
        }
        let (identity, settings, now) = (identity.clone(), cluster.lease.settings(), self.now());
        let id = NodeId::new(now, rand::random());
        let joined = self.ask_ledger(move |ledger| {
            identity.join(ledger, (id, Some(before)), settings, now).map_err(|error| match error {
                JoinError::Ledger(error) => ServiceError::from(error),
                refused => ServiceError::Prompt(refused.to_string()),
            })
        });
        match joined.await {
            Ok(()) => cluster.lease.note_join(id, self.monotonic()),
            Err(error) => tracing::error!(%error, "this node could not join again"),
        }
    }

    async fn reap(&self, cluster: &ClusterParts) {
        if !cluster.lease.may_reap(self.monotonic()) {
            return;
        }
        let (now, every) = (self.now(), cluster.lease.settings().look());
        let reaped = self.ask_ledger(move |ledger| {
            if !ledger.take_look(every)? {
                return Ok(Reaped::default());
            }
            let reaped = ledger.reap(now)?;
            ledger.reap_purchases(now)?;
            Ok::<_, ServiceError>(reaped)
        });
        match reaped.await {
            Ok(reaped) if reaped == Reaped::default() => {}
            Ok(Reaped { nodes, put_back, ended }) => {
                tracing::warn!(nodes, put_back, ended, "nodes are gone; what they held is taken over");
                if ended > 0
                    && let Err(error) = self.sweep_transit().await
                {
                    tracing::warn!(%error, "what ended requests left in the store waits for the next sweep");
                }
                cluster.news.work_waits();
                cluster.news.request_ended();
            }
            Err(error) => tracing::warn!(%error, "nodes that are gone could not be looked for"),
        }
    }

    /// What the node reports of its devices.
    fn node_figures(&self, cluster: &ClusterParts) -> NodeFigures {
        let clock_ahead_ms = cluster.clock.ahead_ms();
        let Some(engine) = self.studio().engine() else {
            return NodeFigures { clock_ahead_ms, ..NodeFigures::default() };
        };
        let devices = engine.devices();
        let (images, energy) = self.settled.sums();
        NodeFigures {
            devices: devices.all as u64,
            generating: devices.generating as u64,
            lost: devices.lost as u64,
            pace: engine.is_ready().then(|| engine.foresee_work(NodeFigures::PACE_WORK).0),
            watts: u64::from(engine.power().as_watts()),
            images,
            energy,
            clock_ahead_ms,
        }
    }

    /// How far the requests are that this node holds.
    fn steps_done(&self) -> Vec<(RequestId, u32)> {
        self.open_jobs().into_iter().map(|job| (job.id, job.steps_done)).collect()
    }

    /// Reads how the requests stand that this gateway's clients wait for, and how the workers are, for ever.
    pub async fn watch_cluster(self: Arc<Self>, cluster: ClusterParts) {
        let Studio::Cluster(gate) = self.studio() else { return };
        let mut hints = cluster.news.about(Topic::Ends);
        let mut overview_at = Instant::now();
        loop {
            if Instant::now() >= overview_at {
                overview_at = Instant::now() + OVERVIEW;
                answered(self.read_overview(gate), gate, &cluster).await;
            }
            let followed = gate.followed();
            if !followed.is_empty() {
                let stands = self.ask_ledger(move |ledger| ledger.stands(&followed));
                match answered(stands, gate, &cluster).await {
                    Ok(stands) => gate.tell(&stands),
                    Err(error) => {
                        gate.note_silence();
                        tracing::warn!(%error, "how requests stand could not be read");
                    }
                }
            }
            next_look(&mut hints, overview_at).await;
        }
    }

    async fn read_overview(&self, gate: &Gate) {
        let read = self.ask_ledger(|ledger| {
            let (waiting, work) = ledger.queue_size()?;
            Ok::<_, ServiceError>((ledger.nodes()?, waiting, work))
        });
        match read.await {
            Ok((nodes, waiting, work)) => {
                let workers = Workforce::of(&nodes);
                gate.note(GateView { workers, waiting, work, is_in_touch: true });
            }
            Err(error) => {
                gate.note_silence();
                tracing::warn!(%error, "the nodes could not be read");
            }
        }
    }
}

/// Ticks `span` apart; one that came late puts off those after it.
fn every(span: Duration) -> Interval {
    let mut ticks = interval(span);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Says that the clock of this machine is wrong: what it books is corrected, and its log and its files' times are not.
pub fn warn_of_clock(ahead: SignedDuration) {
    let (seconds, way) = (ahead.abs().as_secs_f64(), if ahead.is_negative() { "behind" } else { "ahead of" });
    tracing::warn!(
        "this machine's clock is {seconds:.1} s {way} the database's; what is booked is corrected by that; set the clock (NTP)"
    );
}

/// The answer of the ledger. A database that is frozen says nothing at all: after a lease without an answer the gateway counts as out of
/// touch, until there is one.
async fn answered<T>(asked: impl Future<Output = T>, gate: &Gate, cluster: &ClusterParts) -> T {
    let mut asked = pin!(asked);
    let lease = cluster.lease.settings().lease;
    if let Ok(answer) = timeout(lease, &mut asked).await {
        return answer;
    }
    gate.note_silence();
    tracing::warn!("the ledger's database has not answered for {} s", lease.as_secs());
    asked.await
}

/// Resolves with the next hint, or once it is time to look without one.
async fn next_look(hints: &mut watch::Receiver<u64>, overview_at: Instant) {
    let latest = overview_at.min(Instant::now() + LOOK);
    tokio::select! {
        _ = hints.changed() => {}
        () = sleep_until(latest) => {}
    }
}

const fn stop_reason(reason: FailureReason) -> StopReason {
    match reason {
        FailureReason::CancelledByOperator => StopReason::CancelledByOperator,
        FailureReason::DeadlinePassed => StopReason::DeadlinePassed,
        _ => StopReason::Cancelled,
    }
}
