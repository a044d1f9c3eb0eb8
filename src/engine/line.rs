use std::{sync::Arc, time::Duration};

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::Notify;

use super::{
    history::{Foreseen, History, Kind},
    job::{Group, Job, WorkFailure},
    pace::Pace,
    queue::{QueuedImage, Waiting},
    queues::Queues,
    slot::Held,
};
use crate::{
    domain::{EnergySource, LostDevice, Usage},
    units::{Millis, Power},
};

/// What the queue and the workers all look at. A worker is known by its number, from 0.
pub(super) struct Shared {
    line: Mutex<Line>,
    /// Something has changed in the line.
    news: Condvar,
    /// The last device was lost, after one had worked.
    pub(super) broke_down: Notify,
    /// Of each device.
    figures: Vec<Figures>,
    /// Places that each key holds.
    pub(super) held: Arc<Held>,
}

/// How fast a device generates, and what its last images took.
#[derive(Default)]
pub(super) struct Figures {
    pub(super) pace: Pace,
    pub(super) history: History,
}

/// Jobs that wait, and who is at work.
pub(super) struct Line {
    pub(super) queue: Queues<Arc<Job>, Group>,
    workers: Vec<WorkerState>,
    /// A stop was asked for, or the engine is gone: nothing more is taken on.
    pub(super) is_draining: bool,
    /// A device has generated an image since the start.
    has_generated: bool,
    /// Devices that are lost, in the order in which they were.
    losses: Vec<LostDevice>,
}

/// What the queue knows of a worker.
#[derive(Default)]
struct WorkerState {
    device: DeviceState,
    /// Pixel-steps in hand.
    in_hand: u64,
    is_waiting: bool,
}

/// What becomes of a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum DeviceState {
    /// It has not generated an image yet.
    #[default]
    Starting,
    Generating,
    /// It failed, and its warm-up image too.
    Lost,
    /// Its worker has ended, since nothing will come any more.
    Ended,
}

impl DeviceState {
    /// Whether it takes images, or will soon.
    fn serves(self) -> bool {
        matches!(self, Self::Starting | Self::Generating)
    }
}

/// How many devices there are, by what becomes of them. While the server stops, those that have ended are in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceCounts {
    /// In all.
    pub all: usize,
    /// Loaded, but no image generated yet.
    pub starting: usize,
    /// Generating, or ready to.
    pub generating: usize,
    /// Failed for good.
    pub lost: usize,
}

pub(super) type Batch = Vec<QueuedImage<Arc<Job>>>;

/// What there is to do.
pub(super) enum Next {
    Batch(Batch),
    /// Nothing came in time.
    Nothing,
    /// Nothing will come any more.
    End,
}

impl Line {
    fn serves(&self, worker: usize) -> bool {
        self.workers.get(worker).is_some_and(|state| state.device.serves())
    }

    fn others_serve(&self, worker: usize) -> bool {
        (0..self.workers.len()).any(|other| other != worker && self.serves(other))
    }

    /// Whether every device has failed, and nobody asked for a stop.
    pub(super) fn is_lost(&self) -> bool {
        !self.is_draining && !self.workers.iter().any(|state| state.device.serves())
    }

    /// Pixel-steps in hand, of all devices.
    pub(super) fn in_hand(&self) -> u64 {
        self.workers.iter().map(|state| state.in_hand).fold(0, u64::saturating_add)
    }

    fn take(&mut self, worker: usize, limit: impl Fn(&Group) -> usize) -> Batch {
        // Where no other is left, a device has its second try too.
        let is_alone = !self.others_serve(worker);
        let others_idle = self.workers.iter().filter(|state| state.is_waiting).count();
        let may = |waiting: &Waiting<_, _>| is_alone || waiting.failed_on != Some(worker);
        self.queue.take(may, limit, 1 + others_idle)
    }

    fn update(&mut self, worker: usize, change: impl FnOnce(&mut WorkerState)) {
        if let Some(state) = self.workers.get_mut(worker) {
            change(state);
        }
    }
}

impl Shared {
    /// A line before so many devices.
    pub(super) fn new(devices: usize) -> Self {
        let workers = std::iter::repeat_with(WorkerState::default).take(devices).collect();
        Self {
            line: Mutex::new(Line {
                queue: Queues::default(),
                workers,
                is_draining: false,
                has_generated: false,
                losses: Vec::new(),
            }),
            news: Condvar::new(),
            broke_down: Notify::new(),
            figures: std::iter::repeat_with(Figures::default).take(devices).collect(),
            held: Arc::default(),
        }
    }

    pub(super) fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock()
    }

    /// Tells all workers that something has changed.
    pub(super) fn tell(&self) {
        self.news.notify_all();
    }

    /// Waits for the next batch of `worker`, as large as `limit` says for its shape, at most for `patience`.
    pub(super) fn next_batch(
        &self,
        worker: usize,
        limit: impl Fn(&Group) -> usize,
        patience: Duration,
    ) -> Next {
        let mut line = self.line();
        loop {
            let batch = line.take(worker, &limit);
            if !batch.is_empty() {
                let work = batch.iter().map(|image| image.job.work).fold(0, u64::saturating_add);
                line.update(worker, |state| state.in_hand = work);
                return Next::Batch(batch);
            }
            // What another device is to try once more may come to this one, where that one is lost.
            if line.is_draining && line.queue.is_empty() {
                line.update(worker, |state| state.device = DeviceState::Ended);
                return Next::End;
            }
            line.update(worker, |state| state.is_waiting = true);
            let timeout = self.news.wait_for(&mut line, patience);
            line.update(worker, |state| state.is_waiting = false);
            if timeout.timed_out() {
                return Next::Nothing;
            }
        }
    }

    pub(super) fn batch_ended(&self, worker: usize) {
        self.line().update(worker, |state| state.in_hand = 0);
    }

    /// Takes a job's remaining images out of the queue; false if none waited.
    pub(super) fn remove(&self, job: &Arc<Job>) -> bool {
        self.line().queue.remove(|waiting| Arc::ptr_eq(waiting, job))
    }

    /// Puts an image that `worker` has in hand back into the queue, for another device. False if there is no other, if
    /// the image was put back before, or if its job must stop.
    pub(super) fn hand_back(&self, worker: usize, job: &Arc<Job>, index: u32) -> bool {
        let mut line = self.line();
        // Under the lock: a stop that comes after this look finds the image in the queue.
        if !line.others_serve(worker) || job.stop_reason().is_some() || !job.put_back(index) {
            return false;
        }
        let waiting = Waiting {
            job: Arc::clone(job),
            group: job.group.clone(),
            cost: job.work,
            images: index..index.saturating_add(1),
            failed_on: Some(worker),
        };
        line.queue.put_back(job.order.priority, job.order.key, waiting);
        drop(line);
        self.tell();
        true
    }

    /// Notes that the device of `worker` has generated an image.
    pub(super) fn note_generated(&self, worker: usize) {
        let mut line = self.line();
        line.has_generated = true;
        line.update(worker, |state| state.device = DeviceState::Generating);
    }

    /// Notes that the device of `worker` is lost, for `reason`. With the last one, all that waits is given up.
    pub(super) fn lose(&self, worker: usize, name: &str, reason: &str) {
        let given_up = {
            let mut line = self.line();
            line.losses.push(LostDevice { index: worker, name: name.to_owned(), reason: reason.to_owned() });
            line.update(worker, |state| state.device = DeviceState::Lost);
            if line.is_lost() && line.has_generated {
                self.broke_down.notify_one();
            }
            if line.others_serve(worker) { Vec::new() } else { line.queue.remove_all() }
        };
        self.tell();
        for job in given_up {
            job.give_up(WorkFailure::NoDevice);
        }
    }

    /// Whether an image has been generated, a device is left, and nobody has asked for a stop.
    pub(super) fn is_ready(&self) -> bool {
        let line = self.line();
        !line.is_draining && line.workers.iter().any(|state| state.device == DeviceState::Generating)
    }

    pub(super) fn losses(&self) -> Vec<LostDevice> {
        self.line().losses.clone()
    }

    pub(super) fn counts(&self) -> DeviceCounts {
        let line = self.line();
        let count = |device| line.workers.iter().filter(|state| state.device == device).count();
        DeviceCounts {
            all: line.workers.len(),
            starting: count(DeviceState::Starting),
            generating: count(DeviceState::Generating),
            lost: count(DeviceState::Lost),
        }
    }

    /// Of the device of `worker`.
    pub(super) fn figures(&self, worker: usize) -> Option<&Figures> {
        self.figures.get(worker)
    }

    /// Of the devices that serve; of all, where none does.
    fn serving(&self) -> Vec<(usize, &Figures)> {
        let line = self.line();
        let (serving, rest): (Vec<_>, Vec<_>) =
            self.figures.iter().enumerate().partition(|(worker, _)| line.serves(*worker));
        if serving.is_empty() { rest } else { serving }
    }

    /// Time in which all devices together do `work`, in pixel-steps, by the pace measured so far.
    pub(super) fn time_for(&self, work: u64) -> Millis {
        Pace::together(self.serving().into_iter().map(|(_, figures)| &figures.pace)).time_for(work)
    }

    /// Time for so many images of `work` each, side by side on all devices, the slowest with as many as any.
    pub(super) fn time_for_images(&self, work: u64, images: u32) -> Millis {
        let serving = self.serving();
        let rounds = u64::from(images).div_ceil(serving.len().max(1) as u64);
        let each = serving.into_iter().map(|(_, figures)| figures.pace.time_for(work.saturating_mul(rounds)));
        each.max().unwrap_or_default()
    }

    /// What an image of `kind` and `work` is expected to take, on the slowest device: nobody knows which one it will
    /// be.
    pub(super) fn foresee(&self, kind: Kind, work: u64, powers: &[Power]) -> Foreseen {
        let serving = self.serving();
        let measured = serving.iter().filter_map(|(_, figures)| figures.history.mean_of(kind));
        if let Some(usage) = measured.reduce(the_most) {
            return Foreseen { usage, is_measured: true };
        }
        let estimated = serving.iter().map(|(worker, figures)| {
            let duration = figures.pace.time_for(work);
            let energy = powers.get(*worker).copied().unwrap_or_default().over(duration);
            Usage { duration, energy, source: EnergySource::Estimated, epoch: None }
        });
        Foreseen { usage: estimated.reduce(the_most).unwrap_or(Usage::NONE), is_measured: false }
    }
}

fn the_most(one: Usage, other: Usage) -> Usage {
    Usage {
        duration: one.duration.max(other.duration),
        energy: one.energy.max(other.energy),
        source: one.source.max(other.source),
        epoch: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Energy;

    #[test]
    fn the_wait_is_shared_by_the_devices_that_are_left() {
        let (line, work) = (Shared::new(2), 1_000_000);
        assert_eq!(
            (line.time_for(work), line.time_for_images(work, 1)),
            (Millis::new(900), Millis::new(1_800))
        );
        assert_eq!([2, 3].map(|images| line.time_for_images(work, images).get()), [1_800, 3_600]);
        line.lose(1, "cuda:1", "it failed");
        assert_eq!(
            (line.time_for(work), line.time_for_images(work, 2)),
            (Millis::new(1_800), Millis::new(3_600))
        );
    }

    #[test]
    fn an_estimate_is_the_highest_of_all_devices() {
        let line = Shared::new(2);
        let spec = crate::domain::RenderSpec::new("x", crate::domain::ImageSize::square(64), 8);
        let limits = crate::pipeline::SizeLimits { factor: 16, side_max: 2048, native: None };
        let powers = [Power::from_watts(100), Power::from_watts(300)];
        let foresee = || line.foresee(Kind::of(&spec, 0, limits), 1_000_000, &powers);
        assert_eq!((foresee().usage.energy.as_millijoules(), foresee().is_measured), (540_000, false));
        let took = |millis, energy| Usage {
            duration: Millis::new(millis),
            energy: Energy::from_millijoules(energy),
            source: EnergySource::Metered,
            epoch: Some(1),
        };
        line.figures[0].history.observe(Kind::of(&spec, 0, limits), took(500, 9_000), 1);
        line.figures[1].history.observe(Kind::of(&spec, 0, limits), took(300, 12_000), 1);
        assert_eq!(foresee().usage, Usage { epoch: None, ..took(500, 12_000) });
        line.lose(1, "cuda:1", "it failed");
        assert_eq!(foresee().usage, Usage { epoch: None, ..took(500, 9_000) });
    }

    #[test]
    fn the_line_tells_how_many_are_left() {
        let line = Shared::new(3);
        assert!(!line.is_ready());
        line.note_generated(0);
        line.lose(2, "cuda:2", "it failed");
        assert_eq!(line.counts(), DeviceCounts { all: 3, starting: 1, generating: 1, lost: 1 });
        assert!(line.is_ready() && !line.line().is_lost());
        line.lose(0, "cuda:0", "it failed");
        line.lose(1, "cuda:1", "it failed");
        assert!(!line.is_ready() && line.line().is_lost());
        let losses = line.losses();
        assert_eq!(losses.iter().map(|lost| lost.index).collect::<Vec<_>>(), [2, 0, 1]);
        assert_eq!((losses[0].name.as_str(), losses[0].reason.as_str()), ("cuda:2", "it failed"));
    }
}
