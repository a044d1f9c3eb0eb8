//! The queue in front of a device, and the one thread that owns the model.
//!
//! Architecture invariant: only the worker thread touches a device. Everyone else holds a [`Permit`], hands in a job, and
//! awaits a [`Ticket`].

mod pace;
mod worker;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use tokio::sync::{mpsc, oneshot};

pub use self::worker::{Painted, WorkError};
use self::{pace::Pace, worker::Work};
use crate::{
    domain::RenderJob,
    meter::Meter,
    pipeline::{LoadError, Pipeline, SizeLimits},
    units::{Millis, Power},
};

/// The handle on a device's queue.
pub struct Engine {
    queue: mpsc::Sender<Work>,
    shared: Arc<Shared>,
    facts: Facts,
    power: Power,
}

/// What the queue and the worker both look at.
#[derive(Debug, Default)]
struct Shared {
    pace: Pace,
    /// Pixel-steps that wait or are being painted.
    pending: AtomicU64,
    draining: AtomicBool,
}

/// What was found out about the model when it was loaded.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The sizes it can paint.
    pub limits: SizeLimits,
    /// `cpu` or `cuda`.
    pub device: &'static str,
    /// The format of its weights.
    pub dtype: &'static str,
}

/// The worker thread, to be joined after [`Engine::drain`].
#[derive(Debug)]
pub struct Worker {
    thread: JoinHandle<()>,
}

/// The queue is full. No work has been taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFull {
    /// When the queue will have moved on, by the pace measured so far.
    pub retry_after: Millis,
}

/// A place in the queue, taken before any money is reserved.
pub struct Permit {
    slot: mpsc::OwnedPermit<Work>,
    shared: Arc<Shared>,
}

/// A job's future: its start and its end.
pub struct Ticket {
    /// Resolves when the device begins, or errs where it never will.
    pub started: oneshot::Receiver<()>,
    /// Resolves with the pictures, or with what went wrong.
    pub finished: oneshot::Receiver<Result<Painted, WorkError>>,
}

impl Engine {
    /// Starts the worker thread, which loads the model by `load` and then paints what comes through the queue, one job
    /// after the other. Returns once the model is loaded.
    ///
    /// # Errors
    /// What `load` says; [`LoadError::Device`] where it panics or no thread can be had.
    pub fn start(
        load: impl FnOnce() -> Result<Pipeline, LoadError> + Send + 'static,
        meter_for: impl FnOnce(&Facts) -> Meter + Send + 'static,
        queue_depth_max: usize,
    ) -> Result<(Self, Worker), LoadError> {
        let failure = |reason: String| LoadError::Device { device: "worker".into(), reason };
        let (queue, incoming) = mpsc::channel(queue_depth_max.max(1));
        let (loaded, on_loaded) = std::sync::mpsc::sync_channel(1);
        let shared = Arc::new(Shared::default());
        let worker_shared = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("painter".into())
            .spawn(move || {
                let pipeline = match load() {
                    Ok(pipeline) => pipeline,
                    Err(error) => return drop(loaded.send(Err(error))),
                };
                let facts = Facts {
                    limits: pipeline.limits(),
                    device: pipeline.device_name(),
                    dtype: pipeline.dtype_name(),
                };
                let meter = meter_for(&facts);
                if loaded.send(Ok((facts, meter.power()))).is_ok() {
                    worker::run(&pipeline, &meter, incoming, &worker_shared);
                }
            })
            .map_err(|error| failure(error.to_string()))?;
        let answer = on_loaded.recv();
        let (facts, power) = answer.map_err(|_| failure("loading the model panicked".into()))??;
        Ok((Self { queue, shared, facts, power }, Worker { thread }))
    }

    /// What is known of the model.
    pub fn facts(&self) -> Facts {
        self.facts
    }

    /// The power by which a job's energy is foreseen.
    pub fn power(&self) -> Power {
        self.power
    }

    /// How long the device will need for `job`, by the pace measured so far.
    pub fn estimate(&self, job: &RenderJob) -> Millis {
        self.shared.pace.time_for(job.pixel_steps())
    }

    /// Takes a place in the queue.
    ///
    /// # Errors
    /// [`QueueFull`], with the time to try again.
    pub fn permit(&self) -> Result<Permit, QueueFull> {
        let slot = self.queue.clone().try_reserve_owned().map_err(|_| {
            let pending = self.shared.pending.load(Ordering::Relaxed);
            let waiting = self.queue.max_capacity() as u64 + 1;
            QueueFull { retry_after: self.shared.pace.time_for(pending / waiting) }
        })?;
        Ok(Permit { slot, shared: Arc::clone(&self.shared) })
    }

    /// Lets the job in hand finish; the ones that wait, and any that come, are answered with [`WorkError::Stopping`].
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Release);
    }
}

impl Permit {
    /// Hands in the job.
    pub fn submit(self, job: RenderJob) -> Ticket {
        let (on_start, started) = oneshot::channel();
        let (on_finish, finished) = oneshot::channel();
        self.shared.pending.fetch_add(job.pixel_steps(), Ordering::Relaxed);
        self.slot.send(Work { job, on_start, on_finish });
        Ticket { started, finished }
    }
}

impl Worker {
    /// Waits for the worker to end. It ends when the last [`Engine`] handle is gone and its queue is empty.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("the painter thread panicked");
        }
    }
}
