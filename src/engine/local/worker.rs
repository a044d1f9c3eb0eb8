use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use super::{
    batch::{BatchItem, generate_batch},
    caches::Caches,
    memory::{DeviceMemory, MemoryTable, Watch},
    profiles::{Profile, ProfileKey, ProfileStore},
};
use crate::{
    domain::{ImageSize, Overhead, RenderSpec, Seed, Usage},
    engine::{
        Facts, OnOverhead,
        history::Kind,
        job::{Group, WorkFailure},
        line::{Batch, Next, Shared},
        shape::Shape,
    },
    meter::Meter,
    pipeline::{LoraKey, Pipeline, RenderError, Sides, Step, usable_bytes},
    units::Millis,
};

/// How often the meter is read while the device is idle.
const METER_INTERVAL: Duration = Duration::from_secs(5);
/// Idleness that makes a row of the ledger: half a million rows a year, and a minute that a crash leaves to the gap.
const IDLE_ROW: Millis = Millis::new(60_000);

/// How often measurements are saved while images come; while none come, they are saved at once.
const KEEP_INTERVAL: Millis = Millis::new(60_000);

/// Which image warms a device up, and checks it after a failure.
pub type WarmUp = Arc<dyn Fn(&Facts) -> RenderSpec + Send + Sync>;

/// Where what is measured is kept.
pub(super) struct KeptProfiles {
    /// The store, and under what.
    store: Option<(Arc<ProfileStore>, ProfileKey)>,
    /// When it was kept last.
    at: Millis,
}

impl KeptProfiles {
    pub(super) fn new(store: Option<(Arc<ProfileStore>, ProfileKey)>) -> Self {
        Self { store, at: Millis::ZERO }
    }
}

/// Whether the device is fit to generate.
#[derive(Default)]
pub(super) struct Health {
    /// A warm-up image has been generated.
    was_warm: bool,
    /// Something failed for which the device may be at fault, and it has not been checked since.
    is_suspect: bool,
}

/// The thread that owns a device and its model.
pub(super) struct Worker<'a> {
    /// Its place among the workers, from 0.
    pub(super) number: usize,
    /// The device as the log calls it.
    pub(super) device: String,
    pub(super) pipeline: &'a Pipeline,
    pub(super) meter: Meter,
    /// Told of energy that went into no request.
    pub(super) on_overhead: OnOverhead,
    pub(super) facts: Facts,
    pub(super) warm_up: WarmUp,
    pub(super) memory: DeviceMemory,
    pub(super) table: MemoryTable,
    pub(super) batch_max: usize,
    pub(super) shared: &'a Shared,
    pub(super) caches: Caches,
    pub(super) kept: KeptProfiles,
    pub(super) health: Health,
}

/// What a batch came to as a whole.
struct BatchOutcome {
    /// Why images may be without an end.
    failure: Option<WorkFailure>,
    usage: Usage,
    /// The peak of memory in its steps, in bytes; none if it was not watched.
    peak: Option<u64>,
}

impl Worker<'_> {
    /// Generates a warm-up image, then whatever comes, until the engine is gone or the device is lost. While nothing
    /// comes, the meter is read.
    pub(super) fn run(&mut self) {
        self.resume();
        let mut is_sound = self.check();
        while is_sound {
            match self.shared.next_batch(self.number, |group| self.batch_limit(group), METER_INTERVAL) {
                Next::Batch(batch) => {
                    tracing::trace!("device begins");
                    self.work_on(batch);
                    self.shared.batch_ended(self.number);
                    is_sound = !std::mem::take(&mut self.health.is_suspect) || self.check();
                }
                Next::Nothing => {
                    self.meter.rest();
                    self.keep();
                }
                Next::End => break,
            }
            if self.meter.now().get() >= self.kept.at.get().saturating_add(KEEP_INTERVAL.get()) {
                self.keep();
            }
            if self.meter.idle_for() >= IDLE_ROW {
                self.tell_idleness();
            }
        }
        self.keep();
        self.meter.rest();
        self.tell_idleness();
    }

    /// Goes on from what was measured before the start.
    fn resume(&mut self) {
        let Some(Profile { pace_micros, kinds, peaks }) =
            self.kept.store.as_ref().map(|(store, key)| store.get(key))
        else {
            return;
        };
        self.table.resume(peaks);
        if let Some(figures) = self.shared.figures(self.number) {
            figures.history.resume(kinds, self.meter.power());
            if let Some(micros) = pace_micros {
                figures.pace.resume(micros);
            }
        }
    }

    /// Keeps what was measured for the next start.
    fn keep(&mut self) {
        self.kept.at = self.meter.now();
        if let (Some((store, key)), Some(figures)) = (&self.kept.store, self.shared.figures(self.number)) {
            let (kinds, peaks) = (figures.history.profile(), self.table.profile());
            store.put(key, Profile { pace_micros: Some(figures.pace.micros()), kinds, peaks });
        }
    }

    /// Generates the warm-up image: at the start, so that kernels are loaded, memory is laid out and the pace is known
    /// before the first client; and after a failure, to find out whether the device still works. False if it does not:
    /// then it is lost.
    fn check(&mut self) -> bool {
        let failure = match self.generate_warm_up() {
            Ok(usage) => {
                self.shared.note_generated(self.number);
                let Self { device, .. } = self;
                tracing::info!(%device, time = %usage.duration, energy = %usage.energy, "warm-up image generated");
                return true;
            }
            Err(failure) => failure,
        };
        let device = &self.device;
        if !failure.blames_device() {
            // Out of memory, for example: smaller images may still work.
            tracing::error!(%device, %failure, "warm-up image failed");
            return true;
        }
        self.shared.lose(self.number, device, &failure.to_string());
        match self.shared.counts() {
            counts if counts.lost < counts.all => {
                let left = counts.all - counts.lost;
                tracing::error!(%device, %failure, left, "a device is lost; restart the server to have it back");
            }
            _ => {
                tracing::error!(%device, %failure, "no device is left: no image can be generated before a restart");
            }
        }
        false
    }

    fn generate_warm_up(&mut self) -> Result<Usage, WorkFailure> {
        let window = self.meter.open();
        let watch = self.memory.watch();
        let spec = &(self.warm_up)(&self.facts);
        let generated = catch_unwind(AssertUnwindSafe(|| {
            let prepared = self.pipeline.prepare(spec)?;
            let (mut steps, mut peak) = (Vec::new(), None);
            let mut on_step = |_: Step<'_>| {
                steps.push(self.meter.now());
                peak = watch.as_ref().and_then(Watch::peak);
                ControlFlow::Continue(())
            };
            self.pipeline.generate(spec, &prepared, Seed::new(0), &mut on_step)?;
            Ok::<_, RenderError>((steps, peak))
        }));
        let usage = self.meter.close(window);
        (self.on_overhead)(Overhead::WarmUp, usage);
        let (steps, peak) = generated.map_err(|_| WorkFailure::Panicked)?.map_err(WorkFailure::Failed)?;
        if let Some(peak) = peak {
            self.table.observe(self.shape(spec), 1, peak);
        }
        // The first step loads kernels; the last one is like all that will come.
        if let ([.., before, last], Some(figures)) = (steps.as_slice(), self.shared.figures(self.number)) {
            let step = Millis::new(last.get().saturating_sub(before.get()));
            let work = self.pipeline.limits().work(spec);
            let work = work / u64::from(spec.steps_run().max(1));
            if std::mem::replace(&mut self.health.was_warm, true) {
                figures.pace.observe(work, step);
            } else {
                figures.pace.observe_first(work, step);
            }
        }
        Ok(usage)
    }

    fn shape(&self, spec: &RenderSpec) -> Shape {
        Shape::of(spec, self.facts.limits)
    }

    /// Bytes that work may take now.
    fn free(&self) -> u64 {
        self.memory.free(self.pipeline.free_bytes())
    }

    /// Images of a shape that may share a batch now. A device that does not report its memory is trusted
    /// with the configured batch, until one does not fit.
    fn batch_limit(&self, group: &Group) -> usize {
        let (shape, room) = (group.shape, || self.room_beside(&group.loras, group.lora_bytes));
        match self.batch_max {
            // Nothing to weigh: the memory need not be asked.
            0 | 1 => 1,
            most if self.memory.is_known() => self.table.batch_max(shape, room()).min(most),
            most => self.table.allowed(shape).min(most),
        }
    }

    /// Bytes that work may take now beside `loras`, which take `bytes` once they are on the device.
    fn room_beside(&self, loras: &LoraKey, bytes: u64) -> u64 {
        self.free().saturating_sub(self.caches.sides.missing_bytes(loras, bytes))
    }

    fn tell_idleness(&mut self) {
        for idle in self.meter.take_idle() {
            (self.on_overhead)(Overhead::Idle, idle);
        }
    }

    fn work_on(&mut self, batch: Batch) {
        let items: Vec<_> = batch
            .into_iter()
            .filter(|image| image.job.take_in_hand(image.index))
            .map(|image| BatchItem::new(image.job, image.index))
            .collect();
        let Some(first) = items.first() else { return };
        let job = Arc::clone(&first.job.order.job);
        let spec = &job.spec;
        // Before any work: whether one such image is known not to fit.
        let loras = &first.job.order.loras;
        let free = self.room_beside(&loras.key(), loras.bytes());
        if !self.table.is_too_large(self.shape(spec), free) && self.has_room_for_vae(spec, free) {
            return self.attempt(spec, items);
        }
        for item in items {
            let failure = self.out_of_memory(spec);
            self.give_up(item, failure);
        }
    }

    /// Generates a batch. If it fails as a whole, each of its images is tried alone, so that none fails because of a
    /// neighbour, or for want of memory that it alone would have had.
    fn attempt(&mut self, spec: &RenderSpec, mut items: Vec<BatchItem>) {
        let done = self.generate(spec, &mut items);
        self.book(spec, &items, &done);
        let batch = items.len();
        let (ended, unfinished): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| item.end.is_some());
        for item in ended {
            self.lay_down(item);
        }
        if let Some(failure) = done.failure {
            self.retry(spec, batch, unfinished, failure);
        }
    }

    /// Generates the images of a batch within one window of the meter; each that ends has its end.
    fn generate(&mut self, spec: &RenderSpec, items: &mut [BatchItem]) -> BatchOutcome {
        let window = self.meter.open();
        // Before the watch begins: what LoRAs take does not count among what images take.
        let sides = match self.copy_loras(items) {
            Ok(sides) => sides,
            Err(failure) => {
                return BatchOutcome { failure: Some(failure), usage: self.meter.close(window), peak: None };
            }
        };
        let watch = self.memory.watch();
        let mut peak = None;
        // A panic in a library must cost one image, not the server.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let on_denoised = || peak = watch.as_ref().and_then(Watch::peak);
            generate_batch(self.pipeline, &mut self.caches.prompts, (spec, &sides), items, on_denoised)
        }));
        let usage = self.meter.close(window);
        tracing::trace!("device done");
        let failure = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(self.failure(spec, error)),
            Err(_) => Some(WorkFailure::Panicked),
        };
        BatchOutcome { failure, usage, peak }
    }

    /// Brings the LoRAs that a batch has in common to the device.
    fn copy_loras(&mut self, items: &[BatchItem]) -> Result<Arc<Sides>, WorkFailure> {
        let Some(job) = items.first().map(|item| &item.job) else { return Ok(Arc::default()) };
        let Self { caches, pipeline, .. } = self;
        let copied = catch_unwind(AssertUnwindSafe(|| caches.sides(pipeline, &job.order.loras)));
        copied.map_err(|_| WorkFailure::Panicked)?.map_err(|error| self.failure(&job.order.job.spec, error))
    }

    /// Books what a batch took, each image by the work done on it, and learns from a batch whose images all came out.
    fn book(&mut self, spec: &RenderSpec, items: &[BatchItem], done: &BatchOutcome) {
        let work: Vec<u64> = items.iter().map(|item| item.work(spec)).collect();
        for (item, share) in items.iter().zip(done.usage.share(&work)) {
            item.job.spend(item.index, share, items.len());
        }
        if !items.iter().all(|item| matches!(item.end, Some(Ok(_)))) {
            return;
        }
        self.note_generated(spec, items, &work, done.usage);
        // An image with partial images was decoded on its way, so its peak is not that of its steps.
        let is_plain = items.iter().all(|item| item.job.order.partials == 0);
        if let Some(peak) = done.peak.filter(|_| is_plain) {
            self.table.observe(self.shape(spec), items.len(), peak);
        }
    }

    /// What becomes of the images that a failed batch of `batch` left without an end. If the device may be at fault,
    /// another device tries them; otherwise each is tried alone, once it is alone there is nothing left to try.
    fn retry(&mut self, spec: &RenderSpec, batch: usize, mut items: Vec<BatchItem>, failure: WorkFailure) {
        let blames_device = failure.blames_device();
        let is_out_of_memory = matches!(failure, WorkFailure::OutOfMemory { .. });
        self.health.is_suspect |= blames_device;
        if blames_device || is_out_of_memory {
            self.caches.clear();
        }
        if batch == 1 {
            if let Some(item) = items.pop() {
                self.give_up(item, failure);
            }
            return;
        }
        tracing::warn!(images = batch, %failure, "a batch failed; its images are tried one by one");
        if is_out_of_memory {
            self.table.forbid(self.shape(spec), batch);
        }
        for item in items {
            match item.job.stop_reason() {
                Some(reason) => self.give_up(item, reason.into()),
                // A sister image has failed the job.
                None if item.job.is_over() => self.give_up(item, WorkFailure::Cancelled),
                None if blames_device && self.hand_back(&item) => {}
                None => self.attempt(spec, vec![BatchItem::new(item.job, item.index)]),
            }
        }
    }

    /// Learns from a batch how fast those to come will be.
    fn note_generated(&self, spec: &RenderSpec, items: &[BatchItem], work: &[u64], usage: Usage) {
        self.shared.note_generated(self.number);
        let Some(figures) = self.shared.figures(self.number) else { return };
        figures.pace.observe(work.iter().sum(), usage.duration);
        let mut kinds = items.iter().map(|item| Kind::of(spec, item.job.order.partials, self.facts.limits));
        if let Some(kind) = kinds.next().filter(|first| kinds.all(|kind| kind == *first)) {
            figures.history.observe(kind, usage, items.len());
        }
    }

    fn give_up(&mut self, item: BatchItem, failure: WorkFailure) {
        self.lay_down(BatchItem { end: Some(Err(failure)), ..item });
    }

    fn lay_down(&mut self, mut item: BatchItem) {
        let result = item.end.take().unwrap_or(Err(WorkFailure::Panicked));
        if let Err(failure) = &result {
            if failure.blames_device() {
                self.health.is_suspect = true;
                if self.hand_back(&item) {
                    return;
                }
            }
            self.shared.remove(&item.job);
        }
        item.job.lay_down(item.index, result);
    }

    /// Leaves an image to another device; false if none may take it.
    fn hand_back(&self, BatchItem { job, index, .. }: &BatchItem) -> bool {
        let is_handed = self.shared.hand_back(self.number, job, *index);
        if is_handed {
            tracing::warn!(device = %self.device, "an image failed; another device will try it");
        }
        is_handed
    }

    fn failure(&self, spec: &RenderSpec, error: RenderError) -> WorkFailure {
        if error.is_out_of_memory() { self.out_of_memory(spec) } else { WorkFailure::Failed(error) }
    }

    /// Whether there is room for the VAE's part in an image of `spec`, at its slowest.
    fn has_room_for_vae(&self, spec: &RenderSpec, free: u64) -> bool {
        self.pipeline.least_vae_bytes(spec) <= usable_bytes(free)
    }

    /// Whether there is room for decoding an image of `size`, at its slowest.
    fn can_decode(&self, size: ImageSize, free: u64) -> bool {
        self.pipeline.least_decoding_bytes(size) <= usable_bytes(free)
    }

    fn out_of_memory(&self, spec: &RenderSpec) -> WorkFailure {
        let (factor, free) = (self.pipeline.limits().factor, self.free());
        let denoised = self.table.largest_square(self.shape(spec), factor, free);
        let largest = match denoised {
            // As far as we know, only decoding does not fit.
            None if !self.table.is_too_large(self.shape(spec), free) => {
                spec.size.width().min(spec.size.height())
            }
            known => known.map_or(0, |most| most.width()),
        };
        let sides = (1..=largest / factor).rev().map(|places| places * factor);
        let mut sizes = sides.filter_map(|side| ImageSize::new(side, side).ok());
        WorkFailure::OutOfMemory { size: spec.size, largest: sizes.find(|size| self.can_decode(*size, free)) }
    }
}
