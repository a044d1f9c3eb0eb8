use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::{shape::Shape, slot::Slot};
use crate::{
    domain::{Edit, ImageSize, KeyId, RenderJob, Seed, Usage},
    pipeline::{Pixels, PromptTokens, RenderError, TextTokens, padded_tokens},
};

/// A job and the key whose turn it takes.
#[derive(Debug, Clone)]
pub struct Order {
    /// What is asked for.
    pub job: Arc<RenderJob>,
    /// Whose turn it takes.
    pub key: KeyId,
    /// The prompts as the model reads them.
    pub tokens: Arc<PromptTokens>,
    /// Partial images to show of each image, at most; 0 for none.
    pub partials: u32,
}

/// What images must have in common to share a batch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    size: ImageSize,
    steps: u32,
    guidance_scale: f64,
    edit: SameEdit,
    /// Tokens of the prompt and of the negative prompt, as they are padded.
    padded: (usize, Option<usize>),
    /// What decides the memory of its images.
    pub(super) shape: Shape,
}

/// The edit of a job, equal to itself alone: images of other edits share no batch with it.
#[derive(Debug, Clone)]
struct SameEdit(Option<Arc<Edit>>);

impl PartialEq for SameEdit {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(edit), Some(other)) => Arc::ptr_eq(edit, other),
            _ => false,
        }
    }
}

impl Order {
    pub(super) fn group(&self) -> Group {
        let spec = &self.job.spec;
        let padded = |tokens: &TextTokens| padded_tokens(tokens.ids().len());
        let padded = (padded(&self.tokens.positive), self.tokens.negative.as_ref().map(padded));
        let (size, steps, guidance_scale) = (spec.size, spec.steps, spec.guidance_scale);
        let edit = SameEdit(spec.edit.clone());
        Group { size, steps, guidance_scale, edit, padded, shape: Shape::of(spec) }
    }
}

/// A finished job.
#[derive(Debug)]
pub struct Generated {
    /// Its images, in the order of their seeds.
    pub images: Vec<GeneratedImage>,
    /// Tokens of the prompt that the model read, chat template included.
    pub prompt_tokens: usize,
}

impl Generated {
    /// What was spent on it, as work that gave nothing: for when its images cannot be handed over.
    pub fn as_failed(&self, steps: u32) -> Vec<FailedAttempt> {
        let whole = |image: &GeneratedImage| FailedAttempt {
            usage: image.usage,
            steps_done: u64::from(steps),
            images_shown: u32::from(image.was_shown),
        };
        let attempts = self.images.iter().flat_map(|image| [Some(whole(image)), image.failed_attempt]);
        FailedAttempt::sums_by_epoch(attempts.flatten())
    }
}

/// One image of a finished job.
#[derive(Debug)]
pub struct GeneratedImage {
    /// Its noise.
    pub seed: Seed,
    /// The image.
    pub pixels: Pixels,
    /// What it took of the device that finished it.
    pub usage: Usage,
    /// Whether a partial image of it was shown.
    pub was_shown: bool,
    /// What it took of another device, which failed at it.
    pub failed_attempt: Option<FailedAttempt>,
    /// Images that were generated together with it, itself included.
    pub batch: usize,
}

/// Work on images that gave none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedAttempt {
    /// Time and energy of the device.
    pub usage: Usage,
    /// Denoising steps that were done. An image that was shown counts with all of its steps.
    pub steps_done: u64,
    /// Images of which a partial image was shown.
    pub images_shown: u32,
}

impl FailedAttempt {
    /// The sum of each epoch of the meter, since a row of the ledger has energy of one epoch.
    fn sums_by_epoch(attempts: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut sums = BTreeMap::<Option<u32>, Self>::new();
        for attempt in attempts {
            sums.entry(attempt.usage.epoch).and_modify(|sum| *sum = sum.plus(attempt)).or_insert(attempt);
        }
        sums.into_values().collect()
    }

    fn plus(self, other: Self) -> Self {
        Self {
            usage: self.usage.plus(other.usage),
            steps_done: self.steps_done.saturating_add(other.steps_done),
            images_shown: self.images_shown.saturating_add(other.images_shown),
        }
    }
}

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

/// A job that gave no images.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct WorkError {
    /// Why.
    pub cause: WorkFailure,
    /// What was spent on it, for each epoch; empty if no device ever began.
    pub spent: Vec<FailedAttempt>,
}

/// Why a job gave no images.
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
    /// The worker panicked: a defect. The next job is served.
    #[error("the worker panicked")]
    Panicked,
    /// An image of a finished job is missing: a defect.
    #[error("an image of the finished job is missing")]
    Incomplete,
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

/// A job from its place in the queue to its end. Its images may be generated in different batches.
pub(super) struct Job {
    pub(super) order: Order,
    /// Work of one image, as [`crate::pipeline::SizeLimits::work`] counts it.
    pub(super) work: u64,
    /// Set once: the first reason holds.
    stop: OnceLock<StopReason>,
    state: Mutex<State>,
}

struct State {
    /// The place in the queue, given back when the device begins.
    slot: Option<Slot>,
    on_start: Option<oneshot::Sender<()>>,
    on_partial: mpsc::UnboundedSender<Partial>,
    on_finish: Option<oneshot::Sender<Result<Generated, WorkError>>>,
    images: Vec<ImageState>,
    failure: Option<WorkFailure>,
}

impl State {
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
    pub(super) fn new(order: Order, work: u64, slot: Slot, listeners: Listeners) -> Self {
        let images = (0..order.job.images).map(|_| ImageState::default()).collect();
        let Listeners { on_start, on_partial, on_finish } = listeners;
        let state = State {
            slot: Some(slot),
            on_start: Some(on_start),
            on_partial,
            on_finish: Some(on_finish),
            images,
            failure: None,
        };
        Self { order, work, stop: OnceLock::new(), state: Mutex::new(state) }
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

    fn finish_if_over(&self, state: &mut State) {
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
        let steps = self.order.job.spec.steps;
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
mod tests {
    use proptest::prelude::*;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{
        domain::{EnergySource, Quality, RenderSpec},
        engine::slot::Held,
        pipeline::{EMBEDDED_MODEL, PromptTokenizer},
        units::{Energy, Millis},
    };

    const STEPS: u32 = 8;

    type OnFinish = oneshot::Receiver<Result<Generated, WorkError>>;

    fn job(images: u32) -> (Job, mpsc::UnboundedReceiver<Partial>, OnFinish) {
        let spec = RenderSpec {
            prompt: "x".into(),
            negative_prompt: None,
            size: ImageSize::square(16),
            steps: STEPS,
            guidance_scale: 0.0,
            edit: None,
        };
        let tokenizer = PromptTokenizer::load(&EMBEDDED_MODEL, usize::MAX).expect("a tokenizer");
        let tokens = Arc::new(tokenizer.encode_prompts(&spec).expect("tokens"));
        let job = Arc::new(RenderJob { spec, images, seed: Seed::new(7), quality: Quality::default() });
        let (key, held) = (KeyId::new(1), Arc::new(Held::default()));
        let slot = Slot::take(&Arc::new(Semaphore::new(1)), &held, key, 1).expect("a place");
        let (on_start, _) = oneshot::channel();
        let (on_partial, partials) = mpsc::unbounded_channel();
        let (on_finish, finished) = oneshot::channel();
        let order = Order { job, key, tokens, partials: 3 };
        (Job::new(order, 100, slot, Listeners { on_start, on_partial, on_finish }), partials, finished)
    }

    fn pixels() -> Pixels {
        Pixels { size: ImageSize::square(16), rgb: vec![0; 16 * 16 * 3] }
    }

    fn usage(millis: u64, epoch: Option<u32>) -> Usage {
        let energy = Energy::from_millijoules(millis);
        Usage { duration: Millis::new(millis), energy, source: EnergySource::Metered, epoch }
    }

    proptest! {
        /// Whatever the moment at which a client hangs up, the images of which it has seen something are counted.
        #[test]
        fn what_was_shown_is_counted_whenever_the_client_hangs_up(
            progress in prop::collection::vec((0..=STEPS, any::<bool>(), any::<bool>()), 1..10),
        ) {
            let (job, mut partials, mut finished) = job(u32::try_from(progress.len()).expect("few"));
            for (index, &(steps, shows, is_put_back)) in (0..).zip(&progress) {
                job.take_in_hand(index);
                job.note_steps(index, steps);
                if shows && steps > 0 {
                    job.show(Partial { image: index, index: 0, pixels: pixels() });
                }
                job.spend(index, usage(u64::from(steps) + 1, Some(1)), 1);
                if is_put_back {
                    job.put_back(index);
                    job.take_in_hand(index);
                    job.note_steps(index, 1);
                    job.spend(index, usage(1, Some(2)), 1);
                }
            }
            for index in (0..).take(progress.len()) {
                job.lay_down(index, Err(WorkFailure::Cancelled));
            }
            let error = finished.try_recv().expect("an end").expect_err("cancelled");
            let mut seen = 0;
            while partials.try_recv().is_ok() {
                seen += 1;
            }
            prop_assert_eq!(error.spent.iter().map(|attempt| attempt.images_shown).sum::<u32>(), seen);
            let steps: u64 = error.spent.iter().map(|attempt| attempt.steps_done).sum();
            let least: u64 = progress
                .iter()
                .map(|&(steps, shows, _)| u64::from(if shows && steps > 0 { STEPS } else { steps }))
                .sum();
            prop_assert!(steps >= least, "{steps} of {least}");
            let spent: u64 = error.spent.iter().map(|attempt| attempt.usage.duration.get()).sum();
            let took: u64 = progress.iter().map(|&(steps, _, twice)| u64::from(steps) + 1 + u64::from(twice)).sum();
            prop_assert_eq!(spent, took, "nothing is lost and nothing is booked twice");
        }
    }

    #[test]
    fn an_image_that_another_device_finished_is_not_counted_as_shown_besides() {
        let (job, _partials, mut finished) = job(1);
        job.take_in_hand(0);
        job.note_steps(0, 3);
        job.show(Partial { image: 0, index: 0, pixels: pixels() });
        job.spend(0, usage(3, Some(1)), 1);
        assert!(job.put_back(0) && !job.put_back(0));
        job.take_in_hand(0);
        job.note_steps(0, STEPS);
        job.spend(0, usage(8, Some(2)), 1);
        job.lay_down(0, Ok(pixels()));
        let generated = finished.try_recv().expect("an end").expect("images");
        let attempt = generated.images[0].failed_attempt.expect("the first device's");
        assert_eq!((attempt.steps_done, attempt.images_shown), (3, 0));
        let failed = generated.as_failed(STEPS);
        assert_eq!(
            failed.iter().map(|attempt| attempt.images_shown).sum::<u32>(),
            1,
            "if it cannot be handed over"
        );
    }

    #[test]
    fn a_job_never_ends_with_fewer_images_than_were_asked_for() {
        let (job, _partials, mut finished) = job(2);
        job.take_in_hand(0);
        job.take_in_hand(1);
        job.spend(0, usage(8, None), 1);
        job.lay_down(0, Ok(pixels()));
        // The second is laid down without what it took: a defect, which must not be a shorter answer.
        job.lay_down(1, Ok(pixels()));
        let error = finished.try_recv().expect("an end").expect_err("an image is missing");
        assert!(matches!(error.cause, WorkFailure::Incomplete));
    }

    #[test]
    fn the_first_reason_to_stop_holds() {
        let (job, ..) = job(1);
        assert_eq!(job.stop_reason(), None);
        job.ask_to_stop(StopReason::DeadlinePassed);
        job.ask_to_stop(StopReason::Cancelled);
        assert_eq!(job.stop_reason(), Some(StopReason::DeadlinePassed));
    }
}
