use std::{collections::HashMap, sync::Arc};

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::ClusterSecret;
use crate::{
    domain::{EnergySource, RenderJob, RequestId, Usage},
    engine::{
        DeviceCounts, Facts, Foreseen, ModelOutline, OverloadReason, Overloaded, Priority, QueueEstimate,
    },
    ledger::{NodeFigures, NodeRow, QueuePlace, RequestStand},
    units::{Millis, Power},
};

/// What all devices together take for [`NodeFigures::PACE_WORK`] before any was measured: the engine's own first guess.
const FIRST_GUESS: Millis = Millis::new(1_800_000);
/// One of this many places in the queue is kept for keys that hold none.
const SHARE_KEPT_FREE: usize = 8;

/// Where a gateway has its images made: the queue in the ledger, and the workers that take from it.
pub struct Gate {
    outline: ModelOutline,
    facts: Facts,
    queue_depth_max: usize,
    secret: ClusterSecret,
    view: RwLock<GateView>,
    followed: Mutex<HashMap<RequestId, watch::Sender<RequestStand>>>,
    draining: CancellationToken,
}

/// What a gateway has read last.
#[derive(Debug, Clone, Default)]
pub struct GateView {
    /// The workers that are alive.
    pub workers: Workforce,
    /// Live requests that wait.
    pub waiting: usize,
    /// Pixel-steps of the live requests in the queue.
    pub work: u64,
    /// Whether the ledger answered.
    pub is_in_touch: bool,
}

/// All workers together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workforce {
    figures: Vec<NodeFigures>,
}

impl Workforce {
    /// Those of `nodes` that are alive and generate images.
    pub fn of(nodes: &[NodeRow]) -> Self {
        let workers = nodes.iter().filter(|node| node.is_alive && node.role.is_worker());
        Self { figures: workers.map(|node| node.figures).collect() }
    }

    /// Their devices.
    pub fn devices(&self) -> DeviceCounts {
        let sum = |of: fn(&NodeFigures) -> u64| {
            usize::try_from(self.figures.iter().map(of).fold(0, u64::saturating_add)).unwrap_or(usize::MAX)
        };
        let (all, generating, lost) = (sum(|n| n.devices), sum(|n| n.generating), sum(|n| n.lost));
        DeviceCounts { all, generating, lost, starting: all.saturating_sub(generating).saturating_sub(lost) }
    }

    /// The highest of their watts.
    pub fn power(&self) -> Power {
        let watts = self.figures.iter().map(|node| node.watts).max().unwrap_or_default();
        Power::from_watts(u32::try_from(watts).unwrap_or(u32::MAX))
    }

    /// The time in which all of them do `work`, in pixel-steps.
    pub fn time_for(&self, work: u64) -> Millis {
        let paces = self.figures.iter().filter_map(|node| node.pace);
        let speeds: u128 = paces.map(|pace| SPEED / u128::from(pace.get().max(1))).sum();
        let pace = SPEED.checked_div(speeds).unwrap_or(u128::from(FIRST_GUESS.get())).max(1);
        time(work, pace)
    }

    /// The time for so many images of `work` each on the slowest of them: a request is one worker's.
    pub fn time_for_images(&self, work: u64, images: u32) -> Millis {
        let each = self.figures.iter().filter_map(|node| {
            let (pace, devices) = (u128::from(node.pace?.get()), node.devices.max(1));
            let rounds = u64::from(images).div_ceil(devices);
            Some(time(work.saturating_mul(rounds), pace.saturating_mul(u128::from(devices))))
        });
        let guess = || time(work.saturating_mul(u64::from(images)), u128::from(FIRST_GUESS.get()));
        each.max().unwrap_or_else(guess)
    }
}

/// One over a pace is a speed in this unit.
const SPEED: u128 = 1_000_000_000_000_000_000_000_000;

fn time(work: u64, pace: u128) -> Millis {
    let millis = u128::from(work).saturating_mul(pace).div_ceil(u128::from(NodeFigures::PACE_WORK));
    Millis::new(u64::try_from(millis).unwrap_or(u64::MAX))
}

impl Gate {
    /// A gate to the workers of the model that `outline` describes, with at most `queue_depth_max` requests that wait.
    pub fn new(outline: ModelOutline, queue_depth_max: usize, secret: ClusterSecret) -> Self {
        let facts = Facts::of_outline(&outline);
        Self {
            outline,
            facts,
            queue_depth_max: queue_depth_max.max(1),
            secret,
            view: RwLock::default(),
            followed: Mutex::default(),
            draining: CancellationToken::new(),
        }
    }

    /// What is known of the model.
    pub fn facts(&self) -> Facts {
        self.facts
    }

    /// The model.
    pub fn outline(&self) -> &ModelOutline {
        &self.outline
    }

    /// What seals requests.
    pub fn secret(&self) -> &ClusterSecret {
        &self.secret
    }

    /// Takes nothing more; what is followed is answered.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Whether it takes nothing more.
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Resolves once it takes nothing more.
    pub async fn drained(&self) {
        self.draining.cancelled().await;
    }

    /// What was read last.
    pub fn view(&self) -> GateView {
        self.view.read().clone()
    }

    /// Notes what was read.
    pub fn note(&self, view: GateView) {
        *self.view.write() = view;
    }

    /// Notes that the ledger did not answer.
    pub fn note_silence(&self) {
        self.view.write().is_in_touch = false;
    }

    /// What an image of `work` pixel-steps is expected to take, by the pace and power of the slowest worker.
    pub fn foresee(&self, work: u64) -> Foreseen {
        let workers = self.view.read().workers.clone();
        let duration = workers.time_for_images(work, 1);
        let energy = workers.power().over(duration);
        let usage = Usage { duration, energy, source: EnergySource::Estimated, epoch: None };
        Foreseen { usage, is_measured: false }
    }

    /// What `work` takes of all devices together: the time until it is done, and the time and energy of the devices.
    pub fn foresee_work(&self, work: u64) -> (Millis, Usage) {
        let workers = self.view.read().workers.clone();
        let (time, devices) = (workers.time_for(work), workers.devices().all.max(1) as u64);
        let duration = Millis::new(time.get().saturating_mul(devices));
        let energy = workers.power().over(duration);
        (time, Usage { duration, energy, source: EnergySource::Estimated, epoch: None })
    }

    /// Whether `job` may have `place`, and what it has ahead of it: as a device's own queue decides. Its answer is not awaited
    /// longer than `patience`. For what can wait there is always room.
    ///
    /// # Errors
    /// [`Overloaded`], with the time to try again.
    pub fn judge(
        &self,
        job: &RenderJob,
        place: &QueuePlace,
        (priority, patience): (Priority, Option<Millis>),
    ) -> Result<QueueEstimate, Overloaded> {
        let workers = self.view.read().workers.clone();
        let work = self.facts.limits.work(&job.spec);
        let (eta, own) = (workers.time_for(place.work_ahead), workers.time_for_images(work, job.images));
        let wait = Overloaded::wait_within(patience, eta, own)?;
        let left = self.queue_depth_max.saturating_sub(place.waiting);
        let is_for_others = place.waiting_of_key > 0 && left <= self.queue_depth_max / SHARE_KEPT_FREE;
        if priority == Priority::Live && (left == 0 || is_for_others) {
            let retry_after = workers.time_for(place.work_ahead / (self.queue_depth_max as u64 + 1));
            return Err(Overloaded { retry_after, wait, reason: OverloadReason::Full });
        }
        Ok(QueueEstimate { position: place.waiting, eta })
    }

    /// Follows request `id`, from now until the answer is dropped.
    pub fn follow(self: &Arc<Self>, id: RequestId) -> watch::Receiver<RequestStand> {
        let mut followed = self.followed.lock();
        let sender = followed.entry(id).or_insert_with(|| watch::Sender::new(RequestStand::Waiting));
        sender.subscribe()
    }

    /// The requests that somebody follows.
    pub fn followed(&self) -> Vec<RequestId> {
        let mut followed = self.followed.lock();
        followed.retain(|_, sender| sender.receiver_count() > 0);
        followed.keys().copied().collect()
    }

    /// Says how requests stand to those who follow them.
    pub fn tell(&self, stands: &HashMap<RequestId, RequestStand>) {
        let followed = self.followed.lock();
        for (id, stand) in stands {
            if let Some(sender) = followed.get(id) {
                sender.send_if_modified(|last| std::mem::replace(last, *stand) != *stand);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workers(paces: &[(u64, u64)]) -> Workforce {
        let figures = paces.iter().map(|(pace, devices)| NodeFigures {
            devices: *devices,
            generating: *devices,
            pace: Some(Millis::new(*pace)),
            watts: 100,
            ..NodeFigures::default()
        });
        Workforce { figures: figures.collect() }
    }

    #[test]
    fn the_time_is_shared_by_the_workers_that_are_alive() {
        let work = NodeFigures::PACE_WORK;
        assert_eq!(Workforce::default().time_for(work), FIRST_GUESS);
        assert_eq!(workers(&[(1000, 1)]).time_for(work), Millis::new(1000));
        assert_eq!(workers(&[(1000, 1), (1000, 1)]).time_for(work), Millis::new(500));
        // A request is one worker's: the slowest decides, and its devices share the images.
        assert_eq!(workers(&[(1000, 1), (3000, 1)]).time_for_images(work, 2), Millis::new(6000));
        assert_eq!(workers(&[(1000, 2)]).time_for_images(work, 1), Millis::new(2000));
        assert_eq!(workers(&[(1000, 2)]).time_for_images(work, 2), Millis::new(2000));
    }

    #[test]
    fn devices_and_watts_are_those_of_all_workers() {
        let mut all = workers(&[(1000, 2), (1000, 1)]);
        all.figures[0].generating = 1;
        all.figures[1].watts = 300;
        assert_eq!(all.devices(), DeviceCounts { all: 3, starting: 1, generating: 2, lost: 0 });
        assert_eq!(all.power(), Power::from_watts(300));
    }
}
