use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use super::{
    Batch, Next, OnOverhead, Shared,
    history::Kind,
    job::{Job, Partial, StopReason, WorkFailure},
    memory::{DeviceMemory, MemoryTable, Shape},
    prompts::Prompts,
};
use crate::{
    domain::{Overhead, RenderSpec, Seed},
    meter::Meter,
    pipeline::{Denoising, Pipeline, Pixels, Prepared, RenderError, Step},
    units::Millis,
};

/// How often the meter is read while nothing is painted.
const METER_INTERVAL: Duration = Duration::from_secs(5);
/// Idleness that makes a row of the ledger: half a million rows a year, and a minute that a crash leaves to the gap.
const IDLE_ROW: Millis = Millis::new(60_000);

/// The thread that owns a device and its model.
pub(super) struct Painter<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) meter: Meter,
    /// Told of energy that went into no request.
    pub(super) on_overhead: OnOverhead,
    pub(super) memory: DeviceMemory,
    pub(super) table: MemoryTable,
    pub(super) batch_max: usize,
    pub(super) shared: &'a Shared,
    pub(super) prompts: Prompts<Prepared>,
}

/// One picture of a batch, on the device.
struct Canvas {
    job: Arc<Job>,
    index: u32,
    seed: Seed,
    steps_done: u32,
    /// None until it ends; where the whole batch fails, until then.
    end: Option<Result<Pixels, WorkFailure>>,
}

impl Painter<'_> {
    /// Paints `spec` once, so that kernels are loaded, memory is laid out and the pace is known before the first client.
    pub(super) fn warm_up(&mut self, spec: &RenderSpec) {
        let window = self.meter.open();
        let watch = self.memory.watch();
        let painted = catch_unwind(AssertUnwindSafe(|| {
            let prepared = self.pipeline.prepare(spec)?;
            let mut steps = Vec::new();
            let mut on_step = |_: Step<'_>| {
                steps.push(self.meter.now());
                ControlFlow::Continue(())
            };
            self.pipeline.paint(spec, &prepared, Seed::new(0), &mut on_step)?;
            Ok::<_, RenderError>(steps)
        }));
        let usage = self.meter.close(window);
        (self.on_overhead)(Overhead::WarmUp, usage);
        match painted {
            Ok(Ok(steps)) => {
                if let Some(peak) = watch.and_then(|watch| watch.peak()) {
                    self.table.observe(Shape::of(spec), 1, peak);
                }
                // The first step loads kernels; the last one is like all that will come.
                if let [.., before, last] = steps.as_slice() {
                    let step = Millis::new(last.get().saturating_sub(before.get()));
                    let work = self.pipeline.limits().work(spec);
                    self.shared.pace.observe(work / u64::from(spec.steps), step);
                }
                self.shared.note_ready();
                tracing::info!(time = %usage.duration, energy = %usage.energy, "the warm-up picture is painted");
            }
            Ok(Err(error)) => tracing::error!(%error, "the warm-up picture failed"),
            Err(_) => tracing::error!("the warm-up picture panicked"),
        }
    }

    /// Paints what comes until the engine is gone. While nothing comes, the meter is read.
    pub(super) fn run(&mut self) {
        loop {
            match self.shared.next_batch(|shape| self.batch_limit(shape), METER_INTERVAL) {
                Next::Batch(batch) => {
                    self.paint(batch);
                    self.shared.batch_ended();
                }
                Next::Nothing => self.meter.rest(),
                Next::End => break,
            }
            if self.meter.idle_for() >= IDLE_ROW {
                self.tell_idleness();
            }
        }
        self.meter.rest();
        self.tell_idleness();
    }

    /// Pictures of a shape that may share a batch now. A device that tells nothing of its memory is trusted with the
    /// configured batch, until one does not fit.
    fn batch_limit(&self, shape: Shape) -> usize {
        match self.batch_max {
            // Nothing to weigh: the memory need not be asked.
            0 | 1 => 1,
            most if self.memory.is_told() => self.table.batch_max(shape, self.memory.free()).min(most),
            most => self.table.allowed(shape).min(most),
        }
    }

    fn tell_idleness(&mut self) {
        for idle in self.meter.take_idle() {
            (self.on_overhead)(Overhead::Idle, idle);
        }
    }

    fn paint(&mut self, batch: Batch) {
        let canvases: Vec<_> = batch
            .into_iter()
            .filter(|picture| picture.job.take_in_hand(picture.index))
            .map(|picture| {
                let seed = picture.job.order.job.seed.for_image(picture.index);
                Canvas { job: picture.job, index: picture.index, seed, steps_done: 0, end: None }
            })
            .collect();
        let Some(first) = canvases.first() else { return };
        let spec = first.job.order.job.spec.clone();
        // Before any work: whether one such picture is known not to fit.
        if !self.table.is_too_large(Shape::of(&spec), self.memory.free()) {
            return self.attempt(&spec, canvases);
        }
        for canvas in canvases {
            self.give_up(canvas, self.out_of_memory(&spec));
        }
    }

    /// Paints a batch. Where it fails as a whole, each of its pictures is tried alone, so that none fails for a
    /// neighbour's sake or for memory that only one would have had.
    fn attempt(&mut self, spec: &RenderSpec, mut canvases: Vec<Canvas>) {
        let window = self.meter.open();
        let watch = self.memory.watch();
        // A panic in the library must cost one picture, not the server.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            paint_together(self.pipeline, &mut self.prompts, spec, &mut canvases)
        }));
        let usage = self.meter.close(window);
        let work: Vec<u64> = canvases.iter().map(|canvas| canvas.work(spec)).collect();
        let together = canvases.len();
        for (canvas, share) in canvases.iter().zip(usage.share(&work)) {
            canvas.job.spend(canvas.index, share, together);
        }
        if canvases.iter().all(|canvas| matches!(canvas.end, Some(Ok(_)))) {
            self.shared.pace.observe(work.iter().sum(), usage.duration);
            let mut kinds = canvases.iter().map(|canvas| Kind::of(spec, canvas.job.order.partials));
            if let Some(kind) = kinds.next().filter(|first| kinds.all(|kind| kind == *first)) {
                self.shared.history.observe(kind, usage, together);
            }
            self.shared.note_ready();
            if let Some(peak) = watch.and_then(|watch| watch.peak()) {
                self.table.observe(Shape::of(spec), together, peak);
            }
        }
        let failure = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(self.failure(spec, error)),
            Err(_) => Some(WorkFailure::Panicked),
        };
        let (ended, mut unfinished): (Vec<_>, Vec<_>) =
            canvases.into_iter().partition(|canvas| canvas.end.is_some());
        for canvas in ended {
            self.lay_down(canvas);
        }
        let Some(failure) = failure else { return };
        if matches!(failure, WorkFailure::OutOfMemory { .. }) {
            self.prompts.clear();
        }
        if together == 1 {
            if let Some(canvas) = unfinished.pop() {
                self.give_up(canvas, failure);
            }
            return;
        }
        tracing::warn!(pictures = together, %failure, "a batch failed; its pictures are painted alone");
        if matches!(failure, WorkFailure::OutOfMemory { .. }) {
            self.table.forbid(Shape::of(spec), together);
        }
        for canvas in unfinished {
            match canvas.job.stop_reason() {
                Some(reason) => self.give_up(canvas, reason.into()),
                // A sister picture has failed the job.
                None if canvas.job.is_over() => self.give_up(canvas, WorkFailure::Cancelled),
                None => self.attempt(spec, vec![Canvas { steps_done: 0, ..canvas }]),
            }
        }
    }

    fn give_up(&self, canvas: Canvas, failure: WorkFailure) {
        self.lay_down(Canvas { end: Some(Err(failure)), ..canvas });
    }

    fn lay_down(&self, Canvas { job, index, end, .. }: Canvas) {
        let result = end.unwrap_or(Err(WorkFailure::Panicked));
        if result.is_err() {
            self.shared.remove(&job);
        }
        job.lay_down(index, result);
    }

    fn failure(&self, spec: &RenderSpec, error: RenderError) -> WorkFailure {
        match error.is_out_of_memory() {
            true => self.out_of_memory(spec),
            false => WorkFailure::Failed(error),
        }
    }

    fn out_of_memory(&self, spec: &RenderSpec) -> WorkFailure {
        let factor = self.pipeline.limits().factor;
        let largest = self.table.largest_square(spec.passes(), factor, self.memory.free());
        WorkFailure::OutOfMemory { size: spec.size, largest }
    }
}

impl Canvas {
    /// The work done so far.
    fn work(&self, spec: &RenderSpec) -> u64 {
        self.job.work / u64::from(spec.steps.max(1)) * u64::from(self.steps_done)
    }

    fn stop(&mut self, reason: StopReason) {
        self.end = Some(Err(reason.into()));
    }
}

/// Paints the pictures of a batch; each gets its own end. An error is the whole batch's.
fn paint_together(
    pipeline: &Pipeline,
    prompts: &mut Prompts<Prepared>,
    spec: &RenderSpec,
    canvases: &mut [Canvas],
) -> Result<(), RenderError> {
    let prepare = |canvas: &Canvas| canvas.job.prepare(pipeline, prompts);
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
