use std::sync::Arc;

use super::prompts::PromptCache;
use crate::{
    domain::{RenderSpec, Seed},
    engine::job::{Job, Partial, StopReason, WorkFailure},
    pipeline::{Denoising, Item, Pipeline, Pixels, Prepared, RenderError, Sides},
};

/// One image of a batch, on the device.
pub(super) struct BatchItem {
    pub(super) job: Arc<Job>,
    pub(super) index: u32,
    pub(super) seed: Seed,
    pub(super) steps_done: u32,
    /// None until it ends; if the whole batch fails, until then.
    pub(super) end: Option<Result<Pixels, WorkFailure>>,
}

impl BatchItem {
    /// Image `index` of `job`, of which nothing is done yet.
    pub(super) fn new(job: Arc<Job>, index: u32) -> Self {
        let seed = job.order.job.seed.for_image(index);
        Self { job, index, seed, steps_done: 0, end: None }
    }

    /// The work done so far.
    pub(super) fn work(&self, spec: &RenderSpec) -> u64 {
        self.job.work / u64::from(spec.steps_run().max(1)) * u64::from(self.steps_done)
    }

    fn stop(&mut self, reason: StopReason) {
        self.end = Some(Err(reason.into()));
    }
}

/// Generates the images of a batch; each gets its own result. `on_denoised` is called when only decoding is left. An
/// error is the whole batch's.
pub(super) fn generate_batch(
    pipeline: &Pipeline,
    prompts: &mut PromptCache<Prepared>,
    (spec, sides): (&RenderSpec, &Arc<Sides>),
    batch: &mut [BatchItem],
    on_denoised: impl FnOnce(),
) -> Result<(), RenderError> {
    let prepare = |item: &BatchItem| {
        let tokens = &item.job.order.tokens;
        prompts.encoded(tokens, sides.key(), || pipeline.prepare_tokens(tokens, sides))
    };
    let prepared: Vec<Arc<Prepared>> = batch.iter().map(prepare).collect::<Result<_, RenderError>>()?;
    // Edits of one batch are one job's, so that it is encoded once.
    let edit = pipeline.prepare_edit(spec)?;
    let inputs: Vec<_> = prepared
        .iter()
        .zip(&*batch)
        .map(|(prepared, item)| Item { prepared, edit: edit.as_ref(), seed: item.seed })
        .collect();
    let mut denoising = pipeline.begin(spec, &inputs)?;
    let mut alive: Vec<usize> = (0..batch.len()).collect();
    while !denoising.is_finished() {
        denoising.step()?;
        for &i in &alive {
            let item = &mut batch[i];
            item.steps_done += 1;
            item.job.note_steps(item.index, item.steps_done);
        }
        leave_stopped(&mut denoising, &mut alive, batch)?;
        if alive.is_empty() {
            return Ok(());
        }
        for (row, &i) in alive.iter().enumerate() {
            show_partial(pipeline, spec, &denoising, row, &batch[i])?;
        }
    }
    on_denoised();
    for (row, &i) in alive.iter().enumerate() {
        let item = &mut batch[i];
        match item.job.stop_reason() {
            Some(reason) => item.stop(reason),
            None => match pipeline.image(&denoising.item(row)?, spec) {
                Ok(pixels) => item.end = Some(Ok(pixels)),
                // This image's own fault; the others may be sound.
                Err(error @ RenderError::NotFinite { .. }) => {
                    item.end = Some(Err(WorkFailure::Failed(error)));
                }
                Err(error) => return Err(error),
            },
        }
    }
    Ok(())
}

/// Takes images whose jobs must stop out of the batch; the others go on.
fn leave_stopped(
    denoising: &mut Denoising<'_>,
    alive: &mut Vec<usize>,
    batch: &mut [BatchItem],
) -> Result<(), RenderError> {
    let mut staying = Vec::with_capacity(alive.len());
    for (row, &i) in alive.iter().enumerate() {
        match batch[i].job.stop_reason() {
            Some(reason) => batch[i].stop(reason),
            None => staying.push(row),
        }
    }
    if staying.len() == alive.len() || staying.is_empty() {
        if staying.is_empty() {
            alive.clear();
        }
        return Ok(());
    }
    denoising.keep(&staying)?;
    *alive = staying.into_iter().map(|row| alive[row]).collect();
    Ok(())
}

/// Sends a preview of the image after the steps for which its job asked.
fn show_partial(
    pipeline: &Pipeline,
    spec: &RenderSpec,
    denoising: &Denoising<'_>,
    row: usize,
    item: &BatchItem,
) -> Result<(), RenderError> {
    let shown = partial_steps(spec.steps_run(), item.job.order.partials);
    if let Some(index) = (0..).zip(shown).find_map(|(index, step)| (step == item.steps_done).then_some(index))
    {
        let pixels = pipeline.image(&denoising.foresee(row)?, spec)?;
        item.job.show(Partial { image: item.index, index, pixels });
    }
    Ok(())
}

/// The steps after which an image of `steps` steps is shown `partials` times: evenly, never after the last one, and
/// fewer times if there are not as many steps.
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
    fn partial_images_are_spread_evenly_over_the_steps() {
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
