use std::sync::Arc;

use super::{
    job::{Job, Partial, StopReason, WorkFailure},
    prompts::Prompts,
};
use crate::{
    domain::{RenderSpec, Seed},
    pipeline::{Denoising, Pipeline, Pixels, Prepared, RenderError},
};

/// One picture of a batch, on the device.
pub(super) struct Canvas {
    pub(super) job: Arc<Job>,
    pub(super) index: u32,
    pub(super) seed: Seed,
    pub(super) steps_done: u32,
    /// None until it ends; where the whole batch fails, until then.
    pub(super) end: Option<Result<Pixels, WorkFailure>>,
}

impl Canvas {
    /// The work done so far.
    pub(super) fn work(&self, spec: &RenderSpec) -> u64 {
        self.job.work / u64::from(spec.steps.max(1)) * u64::from(self.steps_done)
    }

    fn stop(&mut self, reason: StopReason) {
        self.end = Some(Err(reason.into()));
    }
}

/// Paints the pictures of a batch; each gets its own end. `on_denoised` is called when only decoding is left. An error is
/// the whole batch's.
pub(super) fn paint_together(
    pipeline: &Pipeline,
    prompts: &mut Prompts<Prepared>,
    spec: &RenderSpec,
    canvases: &mut [Canvas],
    on_denoised: impl FnOnce(),
) -> Result<(), RenderError> {
    let prepare = |canvas: &Canvas| {
        let spec = &canvas.job.order.job.spec;
        prompts.encoded(spec, || pipeline.prepare(spec))
    };
    let prepared: Vec<Arc<Prepared>> = canvases.iter().map(prepare).collect::<Result<_, RenderError>>()?;
    let items: Vec<_> =
        prepared.iter().zip(&*canvases).map(|(prepared, canvas)| (&**prepared, canvas.seed)).collect();
    let mut denoising = pipeline.begin(spec, &items)?;
    let mut alive: Vec<usize> = (0..canvases.len()).collect();
    while !denoising.is_finished() {
        denoising.step()?;
        for &i in &alive {
            let canvas = &mut canvases[i];
            canvas.steps_done += 1;
            canvas.job.note_steps(canvas.index, canvas.steps_done);
        }
        leave_stopped(&mut denoising, &mut alive, canvases)?;
        if alive.is_empty() {
            return Ok(());
        }
        for (item, &i) in alive.iter().enumerate() {
            show_partial(pipeline, spec, &denoising, item, &canvases[i])?;
        }
    }
    on_denoised();
    for (item, &i) in alive.iter().enumerate() {
        let canvas = &mut canvases[i];
        match canvas.job.stop_reason() {
            Some(reason) => canvas.stop(reason),
            None => match pipeline.picture(&denoising.item(item)?, spec.size) {
                Ok(pixels) => canvas.end = Some(Ok(pixels)),
                // This picture's own fault; the others may be sound.
                Err(error @ RenderError::NotFinite { .. }) => {
                    canvas.end = Some(Err(WorkFailure::Failed(error)));
                }
                Err(error) => return Err(error),
            },
        }
    }
    Ok(())
}

/// Pictures whose jobs are to stop leave the batch; the others go on.
fn leave_stopped(
    denoising: &mut Denoising<'_>,
    alive: &mut Vec<usize>,
    canvases: &mut [Canvas],
) -> Result<(), RenderError> {
    let mut staying = Vec::with_capacity(alive.len());
    for (item, &i) in alive.iter().enumerate() {
        match canvases[i].job.stop_reason() {
            Some(reason) => canvases[i].stop(reason),
            None => staying.push(item),
        }
    }
    if staying.len() == alive.len() || staying.is_empty() {
        if staying.is_empty() {
            alive.clear();
        }
        return Ok(());
    }
    denoising.keep(&staying)?;
    *alive = staying.into_iter().map(|item| alive[item]).collect();
    Ok(())
}

/// Shows what the picture is heading for, after the steps at which its job wants to see it.
fn show_partial(
    pipeline: &Pipeline,
    spec: &RenderSpec,
    denoising: &Denoising<'_>,
    item: usize,
    canvas: &Canvas,
) -> Result<(), RenderError> {
    let shown = partial_steps(spec.steps, canvas.job.order.partials);
    if let Some(index) =
        (0..).zip(shown).find_map(|(index, step)| (step == canvas.steps_done).then_some(index))
    {
        let pixels = pipeline.picture(&denoising.foresee(item)?, spec.size)?;
        canvas.job.show(Partial { image: canvas.index, index, pixels });
    }
    Ok(())
}

/// The steps after which a picture of `steps` steps is shown `partials` times: evenly, never after the last one, and
/// fewer times where there are not as many steps.
fn partial_steps(steps: u32, partials: u32) -> impl Iterator<Item = u32> {
    let mut last = 0;
    (1..=partials)
        .map(move |k| (2 * k * steps + partials + 1) / (2 * (partials + 1)))
        .filter(move |&step| step < steps && std::mem::replace(&mut last, step) < step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_pictures_are_spread_evenly_over_the_steps() {
        let steps = |steps, partials| partial_steps(steps, partials).collect::<Vec<_>>();
        assert_eq!(steps(8, 3), [2, 4, 6]);
        assert_eq!(steps(8, 1), [4]);
        assert_eq!(steps(9, 2), [3, 6]);
        assert_eq!(steps(8, 0), [0; 0]);
        assert_eq!(steps(1, 3), [0; 0]);
        assert_eq!(steps(2, 3), [1]);
        assert_eq!(steps(3, 3), [1, 2]);
    }
}
