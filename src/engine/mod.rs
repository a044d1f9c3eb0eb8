//! The queue in front of a device, and the one thread that owns the model.
//!
//! Architecture invariant: only the worker thread touches a device. Everyone else holds a [`Permit`], hands in an
//! [`Order`], and awaits a [`Ticket`].

mod history;
mod job;
mod memory;
mod pace;
mod prompts;
mod queue;
mod slot;
mod worker;

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use tokio::sync::{Semaphore, mpsc, oneshot};

pub use self::{
    history::Foreseen,
    job::{
        Order, Painted, PaintedImage, Partial, Progress, PromptTokens, StopReason, WorkError, WorkFailure,
    },
    memory::{DeviceMemory, Watch},
};
use self::{
    history::{History, Kind},
    job::{Group, Job, Listeners},
    memory::{MemoryTable, Shape},
    pace::Pace,
    prompts::Prompts,
    queue::{FairQueue, Picture, Waiting},
    slot::{Held, Slot},
    worker::Painter,
};
use crate::{
    domain::{EnergySource, KeyId, Overhead, RenderJob, RenderSpec, Usage},
    meter::Meter,
    pipeline::{
        LoadError, MemoryTier, PROMPT_TOKENS_MAX, Pipeline, PromptTokenizer, RenderError, SizeLimits,
    },
    units::{Millis, Power},
};

/// The handle on a device's queue.
pub struct Engine {
    shared: Arc<Shared>,
    slots: Arc<Semaphore>,
    queue_depth_max: usize,
    facts: Facts,
    tokenizer: Arc<PromptTokenizer>,
    power: Power,
}

/// How an engine is to work.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// Jobs that wait for the device.
    pub queue_depth_max: usize,
    /// Pictures of one batch; none: 4 on a card, 1 on a CPU, which gains nothing by batches.
    pub batch_max: Option<usize>,
    /// Bytes of the device's memory that work may take, beyond the model; none: what is free.
    pub memory_max: Option<u64>,
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
    /// How much of it stays on the device.
    pub memory: MemoryTier,
}

impl Facts {
    fn is_cpu(&self) -> bool {
        self.device == "cpu"
    }
}

/// Pictures of a batch on a card, where nothing else is configured: beyond it, others have measured little gain.
const BATCH_MAX_CARD: usize = 4;

/// What the queue and the worker both look at.
#[derive(Default)]
struct Shared {
    pace: Pace,
    history: History,
    line: Mutex<Line>,
    /// Something has changed in the line.
    news: Condvar,
    is_ready: AtomicBool,
    /// Places that each key holds.
    held: Arc<Held>,
}

#[derive(Default)]
struct Line {
    queue: FairQueue<Arc<Job>, Group>,
    /// Pixel-steps in hand.
    in_hand: u64,
    /// A stop was asked for, or the engine is gone: nothing more is taken on.
    draining: bool,
}

type Batch = Vec<Picture<Arc<Job>>>;

/// Told of energy that went into no request.
pub type OnOverhead = Box<dyn Fn(Overhead, Usage) + Send>;

/// What there is to do.
enum Next {
    Batch(Batch),
    /// Nothing came in time.
    Nothing,
    /// Nothing will come any more.
    End,
}

/// The worker thread, to be joined after [`Engine::drain`].
#[derive(Debug)]
pub struct Worker {
    thread: JoinHandle<()>,
}

/// The queue is full, or too long for the one who asks. No work has been taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overloaded {
    /// When the queue will have moved on, by the pace measured so far.
    pub retry_after: Millis,
    /// How long the answer would have taken.
    pub wait: Millis,
    /// Why it was refused.
    pub reason: OverloadReason,
}

/// Why no work was taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverloadReason {
    /// There is no place.
    Full,
    /// The answer would come later than the one who asks will wait.
    TooLong,
    /// The work alone takes longer than that.
    Hopeless,
}

/// A place in the queue, taken before any money is reserved.
pub struct Permit {
    slot: Slot,
    /// Of one picture.
    work: u64,
    shared: Arc<Shared>,
    outlook: Outlook,
}

/// What a new job has ahead of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// Jobs that wait before it, at most.
    pub position: usize,
    /// Time until the device begins with it, by the pace measured so far, at most.
    pub eta: Millis,
}

/// A job's future: its start, what it looks like on the way, its end.
pub struct Ticket {
    /// Resolves when the device begins, or errs where it never will.
    pub started: oneshot::Receiver<()>,
    /// Pictures on their way.
    pub partials: mpsc::UnboundedReceiver<Partial>,
    /// Resolves with the pictures, or with what went wrong.
    pub finished: oneshot::Receiver<Result<Painted, WorkError>>,
    /// Stops it, and tells how far it is.
    pub handle: JobHandle,
}

/// A hold on a job: stops it, and tells how far it is.
#[derive(Clone)]
pub struct JobHandle {
    job: Arc<Job>,
    shared: Arc<Shared>,
}

impl Engine {
    /// Starts the worker thread, which loads the model by `load`, paints a warm-up picture by `warm_up`, and then what
    /// comes through the queue. Returns once the model is loaded.
    ///
    /// # Errors
    /// What `load` says; [`LoadError::Device`] where it panics or no thread can be had.
    pub fn start(
        load: impl FnOnce() -> Result<Pipeline, LoadError> + Send + 'static,
        meter_for: impl FnOnce(&Facts) -> Meter + Send + 'static,
        warm_up: impl FnOnce(&Facts) -> RenderSpec + Send + 'static,
        on_overhead: OnOverhead,
        settings: &EngineSettings,
    ) -> Result<(Self, Worker), LoadError> {
        let failure = |reason: String| LoadError::Device { device: "worker".into(), reason };
        let (loaded, on_loaded) = std::sync::mpsc::sync_channel(1);
        let shared = Arc::new(Shared::default());
        let (worker_shared, worker_settings) = (Arc::clone(&shared), settings.clone());
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
                    memory: pipeline.memory_tier(),
                };
                let meter = meter_for(&facts);
                if loaded.send(Ok((facts, pipeline.tokenizer(), meter.power()))).is_ok() {
                    let usual_batch = if facts.is_cpu() { 1 } else { BATCH_MAX_CARD };
                    let mut painter = Painter {
                        pipeline: &pipeline,
                        meter,
                        on_overhead,
                        memory: DeviceMemory::new(facts.is_cpu(), worker_settings.memory_max),
                        table: MemoryTable::default(),
                        batch_max: worker_settings.batch_max.unwrap_or(usual_batch),
                        shared: &worker_shared,
                        prompts: Prompts::default(),
                    };
                    painter.warm_up(&warm_up(&facts));
                    painter.run();
                }
            })
            .map_err(|error| failure(error.to_string()))?;
        let answer = on_loaded.recv();
        let (facts, tokenizer, power) =
            answer.map_err(|_| failure("loading the model panicked".into()))??;
        let queue_depth_max = settings.queue_depth_max.clamp(1, Semaphore::MAX_PERMITS);
        let slots = Arc::new(Semaphore::new(queue_depth_max));
        Ok((Self { shared, slots, queue_depth_max, facts, tokenizer, power }, Worker { thread }))
    }

    /// What is known of the model.
    pub fn facts(&self) -> Facts {
        self.facts
    }

    /// The power by which a job's energy is foreseen.
    pub fn power(&self) -> Power {
        self.power
    }

    /// Whether work is taken on: a picture has been painted, the warm-up or a client's, and no stop was asked for.
    pub fn is_ready(&self) -> bool {
        self.shared.is_ready.load(Ordering::Acquire) && !self.shared.line().draining
    }

    /// Jobs that wait.
    pub fn queue_depth(&self) -> usize {
        self.queue_depth_max - self.slots.available_permits()
    }

    /// What a picture of `spec` will take that is shown on its way `partials` times at most: the mean of the last ones of
    /// its kind, where there are any since the start; else the time that the pace of others gives, at the configured power.
    pub fn foresee(&self, spec: &RenderSpec, partials: u32) -> Foreseen {
        if let Some(usage) = self.shared.history.mean_of(Kind::of(spec, partials)) {
            return Foreseen { usage, is_measured: true };
        }
        let duration = self.shared.pace.time_for(self.facts.limits.work(spec));
        let energy = self.power.over(duration);
        let usage = Usage { duration, energy, source: EnergySource::Estimated, epoch: None };
        Foreseen { usage, is_measured: false }
    }

    /// Tokens of `prompt`, chat template included, however many they are.
    ///
    /// # Errors
    /// [`RenderError::Tokenise`] where the tokenizer fails.
    pub fn count_tokens(&self, prompt: &str) -> Result<usize, RenderError> {
        self.tokenizer.count(prompt)
    }

    /// Tokens of a prompt that the model reads; the rest is cut off.
    pub const PROMPT_TOKENS_MAX: usize = PROMPT_TOKENS_MAX;

    /// Takes a place in the queue for `job` of `key`, whose answer is not awaited longer than `patience`.
    ///
    /// # Errors
    /// [`Overloaded`], with the time to try again.
    pub fn permit(
        &self,
        job: &RenderJob,
        key: KeyId,
        patience: Option<Millis>,
    ) -> Result<Permit, Overloaded> {
        let work = self.facts.limits.work(&job.spec);
        let work_of_job = work.saturating_mul(u64::from(job.images));
        let (position, ahead) = {
            let line = self.shared.line();
            let ahead = line.queue.work_before(key, work_of_job).saturating_add(line.in_hand);
            (line.queue.jobs(), ahead)
        };
        let time_for = |work| self.shared.pace.time_for(work);
        let (eta, own) = (time_for(ahead), time_for(work_of_job));
        let wait = eta.saturating_add(own);
        if let Some(patience) = patience.filter(|patience| wait > *patience) {
            let retry_after = Millis::new(wait.get() - patience.get());
            let reason = if own > patience { OverloadReason::Hopeless } else { OverloadReason::TooLong };
            return Err(Overloaded { retry_after, wait, reason });
        }
        let full = || {
            let one_of_them = time_for(ahead / (self.queue_depth_max as u64 + 1));
            Overloaded { retry_after: one_of_them, wait, reason: OverloadReason::Full }
        };
        let slot = Slot::take(&self.slots, &self.shared.held, key, self.queue_depth_max).ok_or_else(full)?;
        Ok(Permit { slot, work, shared: Arc::clone(&self.shared), outlook: Outlook { position, eta } })
    }

    /// Jobs that wait, in the order in which the device will begin with them if nothing else comes, and the time until
    /// then by the pace measured so far, at most.
    pub fn waiting(&self) -> Vec<(JobHandle, Millis)> {
        let (forecast, in_hand) = {
            let line = self.shared.line();
            (line.queue.forecast(), line.in_hand)
        };
        let waiting = forecast.into_iter().filter(|(job, _)| !job.progress().is_begun);
        let time_for = |before: u64| self.shared.pace.time_for(in_hand.saturating_add(before));
        let handle = |job| JobHandle { job, shared: Arc::clone(&self.shared) };
        waiting.map(|(job, before)| (handle(job), time_for(before))).collect()
    }

    /// Lets the jobs that have begun finish; those that wait, and any that come, are answered with
    /// [`WorkFailure::Stopping`].
    pub fn drain(&self) {
        let waiting = {
            let mut line = self.shared.line();
            line.draining = true;
            line.queue.remove_unbegun()
        };
        self.shared.news.notify_all();
        for job in waiting {
            job.give_up(WorkFailure::Stopping);
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shared.line().draining = true;
        self.shared.news.notify_all();
    }
}

impl Permit {
    /// What the job has ahead of it.
    pub fn outlook(&self) -> Outlook {
        self.outlook
    }

    /// Hands in the job.
    pub fn submit(self, order: Order) -> Ticket {
        let (on_start, started) = oneshot::channel();
        let (on_partial, partials) = mpsc::unbounded_channel();
        let (on_finish, finished) = oneshot::channel();
        let (key, group) = (order.key, order.group());
        let (cost, pictures) = (self.work, 0..order.job.images);
        let job =
            Arc::new(Job::new(order, self.work, self.slot, Listeners { on_start, on_partial, on_finish }));
        let handle = JobHandle { job: Arc::clone(&job), shared: Arc::clone(&self.shared) };
        let refused = {
            let mut line = self.shared.line();
            match line.draining {
                true => Some(job),
                false => {
                    line.queue.push(key, Waiting { job, group, cost, pictures });
                    None
                }
            }
        };
        match refused {
            Some(job) => job.give_up(WorkFailure::Stopping),
            None => self.shared.news.notify_all(),
        }
        Ticket { started, partials, finished, handle }
    }
}

impl JobHandle {
    /// How far the job is.
    pub fn progress(&self) -> Progress {
        self.job.progress()
    }

    /// Whether both hold one job.
    pub fn is_of_same_job(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.job, &other.job)
    }

    /// Stops the job for `reason`: it leaves the queue, or where the device is at it, ends at the next step. Its end comes through [`Ticket::finished`], with what was spent on it.
    pub fn stop(&self, reason: StopReason) {
        self.job.ask_to_stop(reason);
        if self.shared.remove(&self.job) {
            self.job.give_up(reason.into());
        }
    }
}

impl Shared {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Waits for the next batch, as large as `limit` says for its shape, at most for `patience`.
    fn next_batch(&self, limit: impl Fn(Shape) -> usize, patience: Duration) -> Next {
        let mut line = self.line();
        loop {
            let batch = line.queue.take(|group| limit(group.shape));
            if !batch.is_empty() {
                let work = batch.iter().map(|picture| picture.job.work);
                line.in_hand = work.fold(0, u64::saturating_add);
                return Next::Batch(batch);
            }
            if line.draining {
                return Next::End;
            }
            let waited = self.news.wait_timeout(line, patience);
            let (woken, timeout) = waited.unwrap_or_else(|poisoned| poisoned.into_inner());
            if timeout.timed_out() {
                return Next::Nothing;
            }
            line = woken;
        }
    }

    fn batch_ended(&self) {
        self.line().in_hand = 0;
    }

    /// Takes a job's remaining pictures out of the queue; false where none waited.
    fn remove(&self, job: &Arc<Job>) -> bool {
        self.line().queue.remove(|waiting| Arc::ptr_eq(waiting, job))
    }

    fn note_ready(&self) {
        self.is_ready.store(true, Ordering::Release);
    }
}

impl Worker {
    /// Waits for the worker to end. It ends after [`Engine::drain`], or when the [`Engine`] is gone and its queue is empty.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("the painter thread panicked");
        }
    }
}
