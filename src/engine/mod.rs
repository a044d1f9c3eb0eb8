//! The queue in front of the devices, and for each of them the one thread that owns its copy of the model.
//!
//! Architecture invariant: only a worker thread touches its device. Everyone else holds a [`Permit`], hands in an
//! [`Order`], and awaits a [`Ticket`].

mod history;
mod job;
mod line;
mod local;
mod pace;
mod queue;
mod queues;
mod shape;
mod slot;
mod ticket;

use std::sync::Arc;

use tokio::sync::Semaphore;
use uuid::Uuid;

pub use self::{
    history::Foreseen,
    job::{
        FailedAttempt, Generated, GeneratedImage, Order, Partial, Priority, Progress, StopReason, WorkError,
        WorkFailure,
    },
    line::DeviceCounts,
    local::{DeviceMemory, ProfileStore, WarmUp, Watch, WorkerParts, Workers},
    ticket::{JobHandle, Permit, QueueEstimate, Ticket},
};
use self::{
    history::Kind,
    line::Shared,
    shape::Shape,
    slot::{Held, Slot},
};
/// A job's prompts as tokens: counted once, and handed in with its [`Order`].
pub use crate::pipeline::{HashedWeights, LoraGap, LoraSet, ModelLayers, ModelOutline, PromptTokens};
use crate::{
    domain::{
        Computation, EditRecord, EnergySource, KeyId, LostDevice, Overhead, RenderJob, RenderSpec, Usage,
        WeightHashes,
    },
    pipeline::{
        Arithmetic, DeviceKind, MemoryTier, PROMPT_TOKENS_MAX, Pipeline, Precision, PromptTokenizer,
        RenderError, SEED_NOISE, Schedule, SizeLimits,
    },
    units::{Millis, Power},
};

/// The handle on the devices' queue.
pub struct Engine {
    shared: Arc<Shared>,
    slots: Arc<Semaphore>,
    queue_depth_max: usize,
    background: Background,
    facts: Facts,
    tokenizer: Arc<PromptTokenizer>,
    layers: Arc<ModelLayers>,
    /// Of each device.
    powers: Vec<Power>,
    batch_max: u32,
}

/// Places of jobs that can wait. They take none from live ones; whoever hands them in holds back what is too much.
struct Background {
    slots: Arc<Semaphore>,
    held: Arc<Held>,
}

impl Default for Background {
    fn default() -> Self {
        Self { slots: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)), held: Arc::default() }
    }
}

/// How an engine is to work.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// Jobs that wait for a device.
    pub queue_depth_max: usize,
    /// Images of one batch; none: 4 on a GPU, 1 on a CPU, which gains nothing from batches.
    pub batch_max: Option<usize>,
    /// Bytes of a device's memory that work may take, beyond the model; none: what is free.
    pub memory_max: Option<u64>,
    /// Where what is measured is kept across restarts.
    pub profiles: Option<Arc<ProfileStore>>,
}

/// What was found out about the model when it was loaded.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The sizes it can generate.
    pub limits: SizeLimits,
    /// What kind of device it runs on.
    pub device: DeviceKind,
    /// The format of its weights; never `auto`.
    pub dtype: Precision,
    /// How much of it stays on the device.
    pub memory: MemoryTier,
    /// How the transformer's blocks compute.
    pub arithmetic: Arithmetic,
    /// By which the driver knows its card; none on a CPU.
    pub card: Option<Uuid>,
    /// Its noise schedule.
    pub schedule: Schedule,
    /// Whether it edits: its VAE has an encoder.
    pub can_edit: bool,
    /// Whether its transformer is as large as Z-Image's.
    pub is_published_shape: bool,
}

impl Facts {
    /// Those of a loaded model.
    pub fn of(pipeline: &Pipeline) -> Self {
        Self {
            limits: pipeline.limits(),
            device: pipeline.device_kind(),
            dtype: pipeline.precision(),
            memory: pipeline.memory_tier(),
            arithmetic: pipeline.arithmetic(),
            card: pipeline.card(),
            schedule: pipeline.schedule(),
            can_edit: pipeline.can_edit(),
            is_published_shape: pipeline.is_published_shape(),
        }
    }

    /// Those of a model that other machines generate with: what is a device's own is no device's.
    pub fn of_outline(outline: &ModelOutline) -> Self {
        Self {
            limits: outline.limits,
            device: DeviceKind::Cpu,
            dtype: Precision::Auto,
            memory: MemoryTier::Auto,
            arithmetic: Arithmetic::Plain,
            card: None,
            schedule: outline.schedule,
            can_edit: outline.can_edit,
            is_published_shape: outline.is_published_shape,
        }
    }

    /// How an edit of `spec` will run; none for a specification without one.
    pub fn expected_edit(&self, spec: &RenderSpec) -> Option<EditRecord> {
        EditRecord::expected(spec, self.schedule.first_sigma(spec, self.limits))
    }

    /// What decides the pixels of images that it makes of `weights`.
    pub fn computation(&self, weights: WeightHashes) -> Computation {
        let held = match self.memory.layer_bits() {
            None => String::new(),
            Some(bits) => format!(", layers in {bits} bits"),
        };
        let arithmetic = match self.arithmetic {
            Arithmetic::Plain => "",
            Arithmetic::Mixed => ", mixed",
        };
        Computation {
            weights,
            rng: SEED_NOISE.into(),
            schedule: self.schedule.to_string(),
            precision: format!("{}{held}{arithmetic}", self.dtype),
            device: self.device.to_string(),
        }
    }

    /// Whether it runs on a CPU.
    pub fn is_cpu(&self) -> bool {
        self.device == DeviceKind::Cpu
    }
}

/// Told of energy that went into no request, by every worker.
pub type OnOverhead = Arc<dyn Fn(Overhead, Usage) + Send + Sync>;

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
    /// The queue is full.
    Full,
    /// The answer would come later than the one who asks will wait.
    TooLong,
    /// The work alone takes longer than that.
    Hopeless,
    /// Every device is lost.
    NoDevice,
}

impl Overloaded {
    /// Every device is lost: there is no time to wait for.
    pub const NO_DEVICE: Self =
        Self { retry_after: Millis::ZERO, wait: Millis::ZERO, reason: OverloadReason::NoDevice };

    /// The time until the answer of a job that begins in `eta` and takes `own`.
    ///
    /// # Errors
    /// [`Overloaded`] if that is longer than the `patience` of the one who asks.
    pub fn wait_within(patience: Option<Millis>, eta: Millis, own: Millis) -> Result<Millis, Self> {
        let wait = eta.saturating_add(own);
        match patience {
            Some(patience) if wait > patience => {
                let retry_after = Millis::new(wait.get() - patience.get());
                let reason = if own > patience { OverloadReason::Hopeless } else { OverloadReason::TooLong };
                Err(Self { retry_after, wait, reason })
            }
            _ => Ok(wait),
        }
    }
}

impl Engine {
    /// What is known of the model.
    pub fn facts(&self) -> Facts {
        self.facts
    }

    /// The power by which a job's energy is foreseen; if devices differ, the highest.
    pub fn power(&self) -> Power {
        self.powers.iter().copied().max().unwrap_or_default()
    }

    /// Whether requests are accepted: an image has been generated, by a client or as warm-up, a device is left, and
    /// nobody has asked for a stop.
    pub fn is_ready(&self) -> bool {
        self.shared.is_ready()
    }

    /// Whether somebody has asked for a stop.
    pub fn is_draining(&self) -> bool {
        self.shared.line().is_draining
    }

    /// Resolves once every device that has ever generated an image is lost. Devices that never did don't count: a
    /// restart would not revive them.
    pub async fn broken_down(&self) {
        self.shared.broke_down.notified().await;
    }

    /// How many devices there are, and how they are.
    pub fn devices(&self) -> DeviceCounts {
        self.shared.counts()
    }

    /// Those that are lost, in the order in which they were.
    pub fn lost_devices(&self) -> Vec<LostDevice> {
        self.shared.losses()
    }

    /// Live jobs that wait.
    pub fn queue_depth(&self) -> usize {
        self.queue_depth_max - self.slots.available_permits()
    }

    /// What an image of `spec` with at most `partials` previews is expected to take: the mean of the last ones of its
    /// kind if any are remembered, else the time by the pace of others, at the configured power. If devices disagree,
    /// returns the highest estimate.
    pub fn foresee(&self, spec: &RenderSpec, partials: u32) -> Foreseen {
        let limits = self.facts.limits;
        self.shared.foresee(Kind::of(spec, partials, limits), limits.work(spec), &self.powers)
    }

    /// What `work`, in pixel-steps, takes of all devices together by the pace measured so far: the time until it is done, and the
    /// time and energy of the devices.
    pub fn foresee_work(&self, work: u64) -> (Millis, Usage) {
        let time = self.shared.time_for(work);
        let watts = self.powers.iter().map(|power| power.as_watts()).fold(0, u32::saturating_add);
        let energy = Power::from_watts(watts).over(time);
        let duration = Millis::new(time.get().saturating_mul(self.powers.len() as u64));
        (time, Usage { duration, energy, source: EnergySource::Estimated, epoch: None })
    }

    /// Images of one batch, at most.
    pub fn batch_max(&self) -> u32 {
        self.batch_max
    }

    /// Work of live jobs that wait, in pixel-steps.
    pub fn live_work(&self) -> u64 {
        self.shared.line().queue.live_work()
    }

    /// The layers that LoRAs can change.
    pub fn layers(&self) -> &ModelLayers {
        &self.layers
    }

    /// The prompts of `spec` as the model reads them.
    ///
    /// # Errors
    /// [`RenderError::Tokenise`] if the tokenizer fails.
    pub fn tokenise(&self, spec: &RenderSpec) -> Result<PromptTokens, RenderError> {
        self.tokenizer.encode_prompts(spec)
    }

    /// Tokens of a prompt that the model reads; the rest is cut off.
    pub const PROMPT_TOKENS_MAX: usize = PROMPT_TOKENS_MAX;

    /// Takes a place in the queue for `job` of `key`, whose answer is not awaited longer than `patience`. A job in the background
    /// always gets one.
    ///
    /// # Errors
    /// [`Overloaded`], with the time to try again.
    pub fn permit(
        &self,
        job: &RenderJob,
        key: KeyId,
        priority: Priority,
        patience: Option<Millis>,
    ) -> Result<Permit, Overloaded> {
        let work = self.facts.limits.work(&job.spec);
        let work_of_job = work.saturating_mul(u64::from(job.images));
        let (position, ahead, is_lost) = {
            let line = self.shared.line();
            let ahead = line.queue.work_before(priority, key, work_of_job).saturating_add(line.in_hand());
            (line.queue.jobs_before(priority), ahead, line.is_lost())
        };
        if is_lost {
            return Err(Overloaded::NO_DEVICE);
        }
        let time_for = |work| self.shared.time_for(work);
        let (eta, own) = (time_for(ahead), self.shared.time_for_images(work, job.images));
        let wait = Overloaded::wait_within(patience, eta, own)?;
        let full = || {
            let one_of_them = time_for(ahead / (self.queue_depth_max as u64 + 1));
            Overloaded { retry_after: one_of_them, wait, reason: OverloadReason::Full }
        };
        let (slots, held, depth) = match priority {
            Priority::Live => (&self.slots, &self.shared.held, self.queue_depth_max),
            Priority::Background => (&self.background.slots, &self.background.held, Semaphore::MAX_PERMITS),
        };
        let slot = Slot::take(slots, held, key, depth).ok_or_else(full)?;
        let shape = Shape::of(&job.spec, self.facts.limits);
        Ok(Permit {
            slot,
            work,
            shape,
            shared: Arc::clone(&self.shared),
            outlook: QueueEstimate { position, eta },
        })
    }

    /// Jobs that wait, in the order in which a device will begin with them if nothing else comes, and the time until
    /// then by the pace measured so far, at most.
    pub fn waiting(&self) -> Vec<(JobHandle, Millis)> {
        let (forecast, in_hand) = {
            let line = self.shared.line();
            (line.queue.forecast(), line.in_hand())
        };
        let waiting = forecast.into_iter().filter(|(job, _)| !job.progress().is_begun);
        let time_for = |before: u64| self.shared.time_for(in_hand.saturating_add(before));
        let handle = |job| JobHandle { job, shared: Arc::clone(&self.shared) };
        waiting.map(|(job, before)| (handle(job), time_for(before))).collect()
    }

    /// Lets the jobs that have begun finish; those that wait, and any that come, are answered with
    /// [`WorkFailure::Stopping`].
    pub fn drain(&self) {
        let waiting = {
            let mut line = self.shared.line();
            line.is_draining = true;
            line.queue.remove_unbegun()
        };
        self.shared.tell();
        for job in waiting {
            job.give_up(WorkFailure::Stopping);
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shared.line().is_draining = true;
        self.shared.tell();
    }
}
