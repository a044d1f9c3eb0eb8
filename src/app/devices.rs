use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;

use super::{AppError, Progress};
use crate::{
    config::Config,
    domain::{ImageSize, Overhead, RenderSpec, Usage},
    engine::{Engine, Facts, ProfileStore, WarmUp, WorkerParts, Workers},
    meter::{EnergyCounter, Meter},
    pipeline::{DeviceChoice, ModelFiles, ModelSource, Pipeline, Placement},
    service::OverheadBook,
};

/// What a device is given instead of what is configured.
#[derive(Default)]
pub struct Fitting {
    /// Meters it, instead of the card's own counter.
    pub counter: Option<Box<dyn EnergyCounter>>,
    /// Its copy of the model.
    pub files: Option<ModelFiles>,
}

/// Starts a worker for each configured device. The model is loaded onto one after another, so that the second finds its
/// files in memory.
pub(super) fn start_engine<P: Progress + 'static>(
    config: &Config,
    book: &OverheadBook,
    overheads: UnboundedSender<(Overhead, Usage)>,
    files: &ModelFiles,
    progress: P,
    fittings: Vec<Fitting>,
    profiles: ProfileStore,
) -> Result<(Engine, Workers), AppError> {
    let progress = Arc::new(Mutex::new(progress));
    let mut fittings = fittings.into_iter();
    let held = Placement { merged: config.merged_loras()?, ..config.model.placement() };
    let names = config.model.device.names();
    let parts = config.model.device.iter().zip(names).map(|(choice, name)| {
        let Fitting { counter, files: own } = fittings.next().unwrap_or_default();
        let (files, progress) = (own.unwrap_or_else(|| files.clone()), Arc::clone(&progress));
        let placement = Placement { device: choice, ..held.clone() };
        let load = move || {
            let progress = progress.lock();
            Pipeline::load(&files, &placement, progress.on_load())
        };
        let meter = meter(config, book, counter);
        WorkerParts {
            device: (choice != DeviceChoice::Auto).then_some(name),
            load: Box::new(load),
            meter: Box::new(meter),
        }
    });
    // Nobody takes it once the process ends.
    let on_overhead = Arc::new(move |kind, usage| {
        overheads.send((kind, usage)).ok();
    });
    let (warm_up, settings) = (warm_up(config, config.model.source()), config.engine_settings(profiles));
    Ok(Engine::start(parts.collect(), warm_up, on_overhead, &settings)?)
}

/// Makes the meter of a device once its model is loaded.
fn meter(
    config: &Config,
    book: &OverheadBook,
    counter: Option<Box<dyn EnergyCounter>>,
) -> impl FnOnce(&Facts) -> Meter + Send + 'static {
    let (energy, book) = (config.energy.clone(), book.clone());
    move |facts| {
        let powers = energy.powers(facts.is_cpu());
        let clock = Arc::clone(&book.clock);
        match counter {
            Some(counter) => Meter::counting(counter, book.epochs(), powers, clock),
            None => Meter::of_device(facts.card, book.epochs(), powers, clock),
        }
    }
}

/// The usual image, in two steps: it loads every kernel, lays out the memory and times a step, in a quarter of the
/// time. A default size that cannot be generated is refused by `offer`, which names it.
fn warm_up(config: &Config, source: ModelSource) -> WarmUp {
    let model = config.model.clone();
    Arc::new(move |facts| RenderSpec {
        guidance_scale: model.usual(facts.is_published_shape).guidance_scale,
        ..RenderSpec::new(
            "a warm-up",
            source.default_size(facts.limits).unwrap_or(ImageSize::square(facts.limits.factor)),
            2,
        )
    })
}
