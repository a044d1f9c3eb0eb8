//! How a job ends.

use std::collections::BTreeMap;

use crate::{
    domain::{FailureReason, ImageSize, Seed, Usage},
    pipeline::{Pixels, RenderError},
};

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
    pub(super) fn sums_by_epoch(attempts: impl IntoIterator<Item = Self>) -> Vec<Self> {
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
    #[error("no device is left to generate images")]
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
    /// A worker of the cluster ended the request for this reason; what is known of it is in that machine's log.
    #[error("a worker could not do it: {0}")]
    Elsewhere(FailureReason),
    /// An image of a finished job is missing: a defect.
    #[error("an image of the finished job is missing")]
    Incomplete,
}

impl WorkFailure {
    /// What is kept of it.
    pub const fn reason(&self) -> FailureReason {
        match self {
            Self::Stopping => FailureReason::ServerStopping,
            Self::Cancelled => FailureReason::ClientGone,
            Self::CancelledByOperator => FailureReason::CancelledByOperator,
            Self::DeadlinePassed => FailureReason::DeadlinePassed,
            Self::NoDevice => FailureReason::NoDevice,
            Self::OutOfMemory { .. } => FailureReason::OutOfMemory,
            Self::Elsewhere(reason) => *reason,
            Self::Failed(_) | Self::Panicked | Self::Incomplete => FailureReason::GenerationFailed,
        }
    }

    /// The end of a job on which nothing was spent.
    pub const fn unspent(self) -> WorkError {
        WorkError { cause: self, spent: Vec::new() }
    }

    /// Whether another device might have generated it.
    pub(in crate::engine) fn blames_device(&self) -> bool {
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
    /// This machine was taken for dead, and others do it.
    TakenOver,
}

impl From<StopReason> for WorkFailure {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Cancelled => Self::Cancelled,
            StopReason::CancelledByOperator => Self::CancelledByOperator,
            StopReason::DeadlinePassed => Self::DeadlinePassed,
            StopReason::TakenOver => Self::Stopping,
        }
    }
}
