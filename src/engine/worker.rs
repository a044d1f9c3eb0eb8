use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::Ordering,
};

use tokio::sync::{mpsc, oneshot};

use super::Shared;
use crate::{
    domain::{RenderJob, Seed, Usage},
    meter::Meter,
    pipeline::{Pipeline, Pixels, RenderError},
};

/// A job on its way to the device.
pub(super) struct Work {
    pub(super) job: RenderJob,
    pub(super) on_start: oneshot::Sender<()>,
    pub(super) on_finish: oneshot::Sender<Result<Painted, WorkError>>,
}

/// A finished job.
#[derive(Debug)]
pub struct Painted {
    /// Its pictures, with their seeds, in the order of the seeds.
    pub images: Vec<(Seed, Pixels)>,
    /// What the whole job took.
    pub usage: Usage,
    /// Tokens of the prompt, chat template included.
    pub prompt_tokens: usize,
}

/// A job that gave no picture.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The server is stopping; the device never began.
    #[error("the server is stopping")]
    Stopping,
    /// The model or the device failed.
    #[error("{error}")]
    Failed {
        /// Why.
        error: RenderError,
        /// What was spent until then.
        usage: Usage,
    },
    /// The painter panicked: a defect. The next job is served.
    #[error("the painter panicked")]
    Panicked {
        /// What was spent until then.
        usage: Usage,
    },
}

impl WorkError {
    /// What the device spent on it.
    pub fn usage(&self) -> Option<Usage> {
        match self {
            Self::Stopping => None,
            Self::Failed { usage, .. } | Self::Panicked { usage } => Some(*usage),
        }
    }
}

/// Paints what comes, first in, first out, until every handle on the queue is gone.
pub(super) fn run(pipeline: &Pipeline, meter: &Meter, mut incoming: mpsc::Receiver<Work>, shared: &Shared) {
    while let Some(Work { job, on_start, on_finish }) = incoming.blocking_recv() {
        let result = match shared.draining.load(Ordering::Acquire) {
            true => Err(WorkError::Stopping),
            false => {
                // Nobody awaits the start where the service has gone; the job is painted all the same.
                on_start.send(()).ok();
                paint(pipeline, meter, &job)
            }
        };
        if let Ok(painted) = &result {
            shared.pace.observe(job.pixel_steps(), painted.usage.duration);
        }
        shared.pending.fetch_sub(job.pixel_steps(), Ordering::Relaxed);
        if on_finish.send(result).is_err() {
            tracing::error!("a job ended and nobody took its result");
        }
    }
}

fn paint(pipeline: &Pipeline, meter: &Meter, job: &RenderJob) -> Result<Painted, WorkError> {
    let window = meter.open();
    // A panic in the library must cost one picture, not the server.
    let painted = catch_unwind(AssertUnwindSafe(|| paint_all(pipeline, job)));
    let usage = meter.close(window);
    match painted {
        Ok(Ok((images, prompt_tokens))) => Ok(Painted { images, usage, prompt_tokens }),
        Ok(Err(error)) => Err(WorkError::Failed { error, usage }),
        Err(_) => Err(WorkError::Panicked { usage }),
    }
}

fn paint_all(pipeline: &Pipeline, job: &RenderJob) -> Result<(Vec<(Seed, Pixels)>, usize), RenderError> {
    let prepared = pipeline.prepare(&job.spec)?;
    let images = (0..job.images)
        .map(|index| {
            let seed = job.seed.for_image(index);
            let mut on_step = |_: crate::pipeline::Step<'_>| ControlFlow::Continue(());
            Ok((seed, pipeline.paint(&job.spec, &prepared, seed, &mut on_step)?))
        })
        .collect::<Result<_, RenderError>>()?;
    Ok((images, prepared.prompt_tokens()))
}
