use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU8, Ordering},
};

use tokio::sync::{mpsc, oneshot};

use super::{memory::Shape, slot::Slot};
use crate::{
    domain::{ImageSize, KeyId, RenderJob, Seed, Usage},
    pipeline::{Pixels, RenderError, padded_tokens},
};

/// A job and whose it is.
#[derive(Debug, Clone)]
pub struct Order {
    /// What is to be painted.
    pub job: RenderJob,
    /// Whose turn it takes.
    pub key: KeyId,
    /// Tokens of the prompts.
    pub tokens: PromptTokens,
    /// Pictures to show on the way, at most; 0 for none.
    pub partials: u32,
}

/// How long a job's prompts are, chat template included, cut to what the model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromptTokens {
    /// The prompt.
    pub positive: usize,
    /// The negative prompt, where guidance is on.
    pub negative: Option<usize>,
}

/// What pictures must have in common to share a batch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    size: ImageSize,
    steps: u32,
    guidance_scale: f64,
    padded: PromptTokens,
    /// What decides the memory of its pictures.
    pub(super) shape: Shape,
}

impl Order {
    pub(super) fn group(&self) -> Group {
        let spec = &self.job.spec;
        let padded = PromptTokens {
            positive: padded_tokens(self.tokens.positive),
            negative: self.tokens.negative.map(padded_tokens),
        };
        let (size, steps, guidance_scale) = (spec.size, spec.steps, spec.guidance_scale);
        Group { size, steps, guidance_scale, padded, shape: Shape::of(spec) }
    }
}

/// A finished job.
#[derive(Debug)]
pub struct Painted {
    /// Its pictures, in the order of their seeds.
    pub images: Vec<PaintedImage>,
    /// Tokens of the prompt that the model read, chat template included.
    pub prompt_tokens: usize,
}

impl Painted {
    /// What was spent on it, for each epoch.
    pub fn spent(&self) -> Vec<Usage> {
        let spent = self.images.iter().flat_map(|image| [Some(image.usage), image.wasted]);
        Usage::sums_by_epoch(spent.flatten())
    }
}

/// One picture of a finished job.
#[derive(Debug)]
pub struct PaintedImage {
    /// Its noise.
    pub seed: Seed,
    /// The picture.
    pub pixels: Pixels,
    /// What it took of the device that painted it.
    pub usage: Usage,
    /// What it took of another device, which failed at it.
    pub wasted: Option<Usage>,
    /// Pictures that were painted together with it, itself included.
    pub batch: usize,
}

/// A picture on its way.
#[derive(Debug)]
pub struct Partial {
    /// Which of the job's pictures.
    pub image: u32,
    /// Which look at it, from 0.
    pub index: u32,
    /// What it is heading for.
    pub pixels: Pixels,
}

/// A job that gave no pictures.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct WorkError {
    /// Why.
    pub cause: WorkFailure,
    /// What was spent on it, for each epoch; empty where no device ever began.
    pub spent: Vec<Usage>,
}

/// Why a job gave no pictures.
#[derive(Debug, thiserror::Error)]
pub enum WorkFailure {
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// Nobody wants it any more.
    #[error("the client has gone")]
    Cancelled,
    /// The operator does not want it.
    #[error("the operator cancelled the request")]
    CancelledByOperator,
    /// Its time was up.
    #[error("the request's time was up")]
    DeadlinePassed,
    /// Every device is lost.
    #[error("no device paints any more")]
    NoDevice,
    /// It does not fit into the device's memory.
    #[error("{size} does not fit into the device's memory")]
    OutOfMemory {
        /// What was asked for.
        size: ImageSize,
        /// The largest square that is known to fit.
        largest: Option<ImageSize>,
    },
    /// The model or the device failed.
    #[error("{0}")]
    Failed(RenderError),
    /// The painter panicked: a defect. The next job is served.
    #[error("the painter panicked")]
    Panicked,
}

impl WorkFailure {
    /// Whether another device might have painted it.
    pub(super) fn blames_device(&self) -> bool {
        match self {
            Self::Failed(error) => error.blames_device(),
            Self::Panicked => true,
            _ => false,
        }
    }
}

const RUNNING: u8 = 0;
const CANCELLED: u8 = 1;
const DEADLINE_PASSED: u8 = 2;
const CANCELLED_BY_OPERATOR: u8 = 3;

/// Why a job is stopped from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Nobody wants it any more.
    Cancelled,
    /// The operator does not want it.
    CancelledByOperator,
    /// Its time was up.
    DeadlinePassed,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Denoising steps done, of all its pictures.
    pub steps_done: u32,
    /// Denoising steps to be done, of all its pictures.
    pub steps: u32,
    /// Whether the device has begun with it.
    pub is_begun: bool,
    /// Whether it was asked to stop.
    pub is_stopping: bool,
}

impl From<StopReason> for WorkFailure {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Cancelled => Self::Cancelled,
            StopReason::CancelledByOperator => Self::CancelledByOperator,
            StopReason::DeadlinePassed => Self::DeadlinePassed,
        }
    }
}

/// A job from its place in the queue to its end. Its pictures may be painted in different batches.
pub(super) struct Job {
    pub(super) order: Order,
    /// Of one picture, as [`crate::pipeline::SizeLimits::work`] has it.
    pub(super) work: u64,
    stop: AtomicU8,
    state: Mutex<State>,
}

struct State {
    /// The place in the queue, given back when the device begins.
    slot: Option<Slot>,
    on_start: Option<oneshot::Sender<()>>,
    on_partial: mpsc::UnboundedSender<Partial>,
    on_finish: Option<oneshot::Sender<Result<Painted, WorkError>>>,
    pictures: Vec<PictureState>,
    failure: Option<WorkFailure>,
}

impl State {
    fn is_over(&self) -> bool {
        self.failure.is_some() || self.on_finish.is_none()
    }
}

#[derive(Default)]
struct PictureState {
    in_hand: bool,
    steps_done: u32,
    pixels: Option<Pixels>,
    spent: Option<Usage>,
    /// Spent on a device that failed at it.
    wasted: Option<Usage>,
    batch: usize,
}

/// Where a job's news goes.
pub(super) struct Listeners {
    pub(super) on_start: oneshot::Sender<()>,
    pub(super) on_partial: mpsc::UnboundedSender<Partial>,
    pub(super) on_finish: oneshot::Sender<Result<Painted, WorkError>>,
}

impl Job {
    pub(super) fn new(order: Order, work: u64, slot: Slot, listeners: Listeners) -> Self {
        let pictures = (0..order.job.images).map(|_| PictureState::default()).collect();
        let Listeners { on_start, on_partial, on_finish } = listeners;
        let state = State {
            slot: Some(slot),
            on_start: Some(on_start),
            on_partial,
            on_finish: Some(on_finish),
            pictures,
            failure: None,
        };
        Self { order, work, stop: AtomicU8::new(RUNNING), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Asks it to stop: at the next step, where it is in hand.
    pub(super) fn ask_to_stop(&self, reason: StopReason) {
        let code = match reason {
            StopReason::Cancelled => CANCELLED,
            StopReason::CancelledByOperator => CANCELLED_BY_OPERATOR,
            StopReason::DeadlinePassed => DEADLINE_PASSED,
        };
        // The first reason holds.
        self.stop.compare_exchange(RUNNING, code, Ordering::AcqRel, Ordering::Acquire).ok();
    }

    /// Whether and why it is to stop.
    pub(super) fn stop_reason(&self) -> Option<StopReason> {
        match self.stop.load(Ordering::Acquire) {
            RUNNING => None,
            CANCELLED => Some(StopReason::Cancelled),
            CANCELLED_BY_OPERATOR => Some(StopReason::CancelledByOperator),
            _ => Some(StopReason::DeadlinePassed),
        }
    }

    /// Takes a picture in hand; the first one ends the wait. False where the job is over, and the picture not wanted.
    pub(super) fn take_in_hand(&self, index: u32) -> bool {
        let mut state = self.state();
        if state.is_over() {
            return false;
        }
        state.slot = None;
        if let Some(on_start) = state.on_start.take() {
            // Nobody awaits the start where the service has gone; the job is painted all the same.
            on_start.send(()).ok();
        }
        if let Some(picture) = state.pictures.get_mut(index as usize) {
            picture.in_hand = true;
        }
        true
    }

    pub(super) fn show(&self, partial: Partial) {
        // Nobody may be looking.
        self.state().on_partial.send(partial).ok();
    }

    /// Notes how far a picture is. One that is painted once more begins anew.
    pub(super) fn note_steps(&self, index: u32, steps_done: u32) {
        if let Some(picture) = self.state().pictures.get_mut(index as usize) {
            picture.steps_done = steps_done;
        }
    }

    /// How far it is.
    pub(super) fn progress(&self) -> Progress {
        let is_stopping = self.stop_reason().is_some();
        let state = self.state();
        let steps_done = state.pictures.iter().map(|picture| picture.steps_done).fold(0, u32::saturating_add);
        let steps = self.order.job.spec.steps.saturating_mul(self.order.job.images);
        Progress { steps_done, steps, is_begun: state.on_start.is_none(), is_stopping }
    }

    /// Books what a picture took in a batch of `batch`, whether or not it came out.
    pub(super) fn spend(&self, index: u32, usage: Usage, batch: usize) {
        if let Some(picture) = self.state().pictures.get_mut(index as usize) {
            picture.batch = batch;
            picture.spent = Some(picture.spent.map_or(usage, |before| before.plus(usage)));
        }
    }

    /// Takes a picture out of hand again, for another device: what was spent on it gave nothing. False for one that was
    /// put back before.
    pub(super) fn put_back(&self, index: u32) -> bool {
        let mut state = self.state();
        let picture = state.pictures.get_mut(index as usize);
        let Some(picture) = picture.filter(|picture| picture.wasted.is_none()) else { return false };
        *picture = PictureState { wasted: picture.spent.take(), ..PictureState::default() };
        true
    }

    /// Lays a picture down: finished, or not. The job ends with its last picture, or where one failed, as soon as none is
    /// in hand any more.
    pub(super) fn lay_down(&self, index: u32, result: Result<Pixels, WorkFailure>) {
        let mut state = self.state();
        if let Some(picture) = state.pictures.get_mut(index as usize) {
            picture.in_hand = false;
        }
        match result {
            Ok(pixels) => {
                if let Some(picture) = state.pictures.get_mut(index as usize) {
                    picture.pixels = Some(pixels);
                }
            }
            Err(failure) => {
                state.failure.get_or_insert(failure);
                // Another device may be at a sister of it, for nothing.
                self.ask_to_stop(StopReason::Cancelled);
            }
        }
        self.finish_if_over(&mut state);
    }

    /// Ends it with `failure`, unless a picture is in hand: then that picture's end is the job's.
    pub(super) fn give_up(&self, failure: WorkFailure) {
        let mut state = self.state();
        state.failure.get_or_insert(failure);
        self.finish_if_over(&mut state);
    }

    /// Whether it has failed or ended, so that its other pictures are not wanted.
    pub(super) fn is_over(&self) -> bool {
        self.state().is_over()
    }

    fn finish_if_over(&self, state: &mut State) {
        if state.pictures.iter().any(|picture| picture.in_hand) {
            return;
        }
        let result = match state.failure.take() {
            Some(cause) => {
                let spent =
                    state.pictures.iter().flat_map(|picture| [picture.spent, picture.wasted]).flatten();
                Err(WorkError { cause, spent: Usage::sums_by_epoch(spent) })
            }
            None if state.pictures.iter().any(|picture| picture.pixels.is_none()) => return,
            None => Ok(self.gather(state)),
        };
        if let Some(on_finish) = state.on_finish.take() {
            state.slot = None;
            if on_finish.send(result).is_err() {
                tracing::error!("a job ended and nobody took its result");
            }
        }
    }

    fn gather(&self, state: &mut State) -> Painted {
        let first = self.order.job.seed;
        let images = (0..)
            .zip(&mut state.pictures)
            .filter_map(|(index, picture)| {
                let (pixels, usage) = (picture.pixels.take()?, picture.spent?);
                Some(PaintedImage {
                    seed: first.for_image(index),
                    pixels,
                    usage,
                    wasted: picture.wasted,
                    batch: picture.batch,
                })
            })
            .collect();
        Painted { images, prompt_tokens: self.order.tokens.positive }
    }
}
