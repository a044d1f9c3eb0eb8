//! A job from its place in the queue to its end.

mod order;
mod outcome;

use std::sync::OnceLock;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

pub(super) use self::order::Group;
pub use self::{
    order::{Order, Priority},
    outcome::{FailedAttempt, Generated, GeneratedImage, StopReason, WorkError, WorkFailure},
};
use super::{shape::Shape, slot::Slot};
use crate::{domain::Usage, pipeline::Pixels};

/// A partial image: what an image looks like on its way.
#[derive(Debug)]
pub struct Partial {
    /// Which of the job's images.
    pub image: u32,
    /// Which look at it, from 0.
    pub index: u32,
    /// What it is heading for.
    pub pixels: Pixels,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Denoising steps done, of all its images.
    pub steps_done: u32,
    /// Denoising steps to be done, of all its images.
    pub steps: u32,
    /// Whether the device has begun with it.
    pub is_begun: bool,
    /// Whether it was asked to stop.
    pub is_stopping: bool,
}

/// A job from its place in the queue to its end. Its images may be generated in different batches.
pub(super) struct Job {
    pub(super) order: Order,
    /// Work of one image, as [`crate::pipeline::SizeLimits::work`] counts it.
    pub(super) work: u64,
    /// What its images must have in common with those of their batch.
    pub(super) group: Group,
    /// Set once: the first reason holds.
    stop: OnceLock<StopReason>,
    state: Mutex<JobState>,
}

struct JobState {
    /// The place in the queue, given back when the device begins.
    slot: Option<Slot>,
    on_start: Option<oneshot::Sender<()>>,
    on_partial: mpsc::UnboundedSender<Partial>,
    on_finish: Option<oneshot::Sender<Result<Generated, WorkError>>>,
    images: Vec<ImageState>,
    failure: Option<WorkFailure>,
}

impl JobState {
    fn is_over(&self) -> bool {
        self.failure.is_some() || self.on_finish.is_none()
    }
}

/// How far one image is.
#[derive(Default)]
struct ImageState {
    in_hand: bool,
    steps_done: u32,
    was_shown: bool,
    finished: Option<Pixels>,
    spent: Option<Usage>,
    /// Spent on a device that failed at it.
    failed_attempt: Option<FailedAttempt>,
    batch: usize,
}

impl ImageState {
    /// What was spent on it on the present device, if that gave nothing.
    fn attempt(&self) -> Option<FailedAttempt> {
        Some(FailedAttempt { usage: self.spent?, steps_done: u64::from(self.steps_done), images_shown: 0 })
    }

    /// All that was spent on it, as work that gave nothing. An image that was shown counts as one, with all its `steps`.
    fn attempts(&self, steps: u32) -> Vec<FailedAttempt> {
        let mut attempts: Vec<_> = [self.failed_attempt, self.attempt()].into_iter().flatten().collect();
        if let Some(last) = attempts.last_mut().filter(|_| self.was_shown) {
            last.images_shown = 1;
            last.steps_done = u64::from(steps);
        }
        attempts
    }
}

/// Where a job's news goes.
pub(super) struct Listeners {
    pub(super) on_start: oneshot::Sender<()>,
    pub(super) on_partial: mpsc::UnboundedSender<Partial>,
    pub(super) on_finish: oneshot::Sender<Result<Generated, WorkError>>,
}

impl Job {
    pub(super) fn new(order: Order, (work, shape): (u64, Shape), slot: Slot, listeners: Listeners) -> Self {
        let images = (0..order.job.images).map(|_| ImageState::default()).collect();
        let Listeners { on_start, on_partial, on_finish } = listeners;
        let state = JobState {
            slot: Some(slot),
            on_start: Some(on_start),
            on_partial,
            on_finish: Some(on_finish),
            images,
            failure: None,
        };
        let group = order.group(shape);
        Self { order, work, group, stop: OnceLock::new(), state: Mutex::new(state) }
    }

    /// Asks it to stop: at the next step, if it is in hand.
    pub(super) fn ask_to_stop(&self, reason: StopReason) {
        self.stop.set(reason).ok();
    }

    /// Whether and why it is to stop.
    pub(super) fn stop_reason(&self) -> Option<StopReason> {
        self.stop.get().copied()
    }

    /// Takes an image in hand; the first one ends the wait. False if the job is over and the image is not wanted.
    pub(super) fn take_in_hand(&self, index: u32) -> bool {
        let mut state = self.state.lock();
        if state.is_over() {
            return false;
        }
        state.slot = None;
        if let Some(on_start) = state.on_start.take() {
            // If the service has gone, nobody awaits the start; the job is worked on all the same.
            on_start.send(()).ok();
        }
        if let Some(image) = state.images.get_mut(index as usize) {
            image.in_hand = true;
        }
        true
    }

    /// Hands out a partial image. From here on its image counts as seen, whether or not anybody looks.
    pub(super) fn show(&self, partial: Partial) {
        let mut state = self.state.lock();
        if let Some(image) = state.images.get_mut(partial.image as usize) {
            image.was_shown = true;
        }
        state.on_partial.send(partial).ok();
    }

    /// Notes how far an image is. One that is tried again starts over.
    pub(super) fn note_steps(&self, index: u32, steps_done: u32) {
        if let Some(image) = self.state.lock().images.get_mut(index as usize) {
            image.steps_done = steps_done;
        }
    }

    /// How far it is.
    pub(super) fn progress(&self) -> Progress {
        let is_stopping = self.stop_reason().is_some();
        let state = self.state.lock();
        let steps_done = state.images.iter().map(|image| image.steps_done).fold(0, u32::saturating_add);
        let steps = self.order.job.spec.steps_run().saturating_mul(self.order.job.images);
        Progress { steps_done, steps, is_begun: state.on_start.is_none(), is_stopping }
    }

    /// Books what an image took in a batch of `batch`, whether or not it came out.
    pub(super) fn spend(&self, index: u32, usage: Usage, batch: usize) {
        if let Some(image) = self.state.lock().images.get_mut(index as usize) {
            image.batch = batch;
            image.spent = Some(image.spent.map_or(usage, |before| before.plus(usage)));
        }
    }

    /// Takes an image out of hand again, for another device: what was spent on it gave nothing. False for one that was
    /// put back before.
    pub(super) fn put_back(&self, index: u32) -> bool {
        let mut state = self.state.lock();
        let image = state.images.get_mut(index as usize);
        let Some(image) = image.filter(|image| image.failed_attempt.is_none()) else { return false };
        let failed_attempt = image.attempt();
        *image = ImageState { failed_attempt, was_shown: image.was_shown, ..ImageState::default() };
        true
    }

    /// Lays an image down: finished, or not. The job ends with its last image; or, if one failed, as soon as none is in
    /// hand any more.
    pub(super) fn lay_down(&self, index: u32, result: Result<Pixels, WorkFailure>) {
        let mut state = self.state.lock();
        if let Some(image) = state.images.get_mut(index as usize) {
            image.in_hand = false;
        }
        match result {
            Ok(pixels) => {
                if let Some(image) = state.images.get_mut(index as usize) {
                    image.finished = Some(pixels);
                }
            }
            Err(failure) => {
                state.failure.get_or_insert(failure);
                // Another device may be at a sister image of it, for nothing.
                self.ask_to_stop(StopReason::Cancelled);
            }
        }
        self.finish_if_over(&mut state);
    }

    /// Ends it with `failure`, unless an image is in hand: then that image's end is the job's.
    pub(super) fn give_up(&self, failure: WorkFailure) {
        let mut state = self.state.lock();
        state.failure.get_or_insert(failure);
        self.finish_if_over(&mut state);
    }

    /// Whether it has failed or ended, so that its other images are not wanted.
    pub(super) fn is_over(&self) -> bool {
        self.state.lock().is_over()
    }

    fn finish_if_over(&self, state: &mut JobState) {
        if state.images.iter().any(|image| image.in_hand) {
            return;
        }
        let result = match state.failure.take() {
            Some(cause) => Err(self.error(cause, &state.images)),
            None if state.images.iter().any(|image| image.finished.is_none()) => return,
            None => self.gather(&mut state.images),
        };
        if let Some(on_finish) = state.on_finish.take() {
            state.slot = None;
            if on_finish.send(result).is_err() {
                tracing::error!("a job ended and nobody took its result");
            }
        }
    }

    fn error(&self, cause: WorkFailure, images: &[ImageState]) -> WorkError {
        let steps = self.order.job.spec.steps_run();
        let attempts = images.iter().flat_map(|image| image.attempts(steps));
        WorkError { cause, spent: FailedAttempt::sums_by_epoch(attempts) }
    }

    /// All images, or an error: an answer is never shorter than what was asked for.
    fn gather(&self, images: &mut [ImageState]) -> Result<Generated, WorkError> {
        let first_seed = self.order.job.seed;
        let gathered = (0..).zip(images.iter_mut()).map(|(index, image)| {
            Some(GeneratedImage {
                seed: first_seed.for_image(index),
                usage: image.spent?,
                pixels: image.finished.take()?,
                was_shown: image.was_shown,
                failed_attempt: image.failed_attempt,
                batch: image.batch,
            })
        });
        match gathered.collect::<Option<Vec<_>>>() {
            Some(images) => Ok(Generated { images, prompt_tokens: self.order.tokens.positive.ids().len() }),
            None => Err(self.error(WorkFailure::Incomplete, images)),
        }
    }
}

#[cfg(test)]
mod tests;
