use std::{
    fmt::Display,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread::JoinHandle,
};

use tokio::sync::Semaphore;

use super::{
    caches::Caches,
    memory::{DeviceMemory, MemoryTable},
    worker::{Health, KeptProfiles, WarmUp, Worker},
};
use crate::{
    engine::{Background, Engine, EngineSettings, Facts, OnOverhead, line::Shared},
    meter::Meter,
    pipeline::{LoadError, ModelLayers, Pipeline, PromptTokenizer},
    units::Power,
};

/// Images of a batch on a GPU by default. Others have measured little gain beyond it.
const BATCH_MAX_CARD: usize = 4;

/// What a worker is made of.
pub struct WorkerParts {
    /// The device as the log calls it; none: `cpu` or `cuda`, whatever it turns out to be.
    pub device: Option<String>,
    /// Loads the model onto the device.
    pub load: Box<dyn FnOnce() -> Result<Pipeline, LoadError> + Send>,
    /// Measures the device.
    pub meter: Box<dyn FnOnce(&Facts) -> Meter + Send>,
}

/// The worker threads, to be joined after [`Engine::drain`].
#[derive(Debug)]
pub struct Workers {
    threads: Vec<JoinHandle<()>>,
}

/// What all workers share.
#[derive(Clone)]
struct Common {
    shared: Arc<Shared>,
    warm_up: WarmUp,
    on_overhead: OnOverhead,
    settings: EngineSettings,
    devices: usize,
}

/// What a worker reports once its model is loaded.
struct Loaded {
    device: String,
    facts: Facts,
    tokenizer: Arc<PromptTokenizer>,
    layers: Arc<ModelLayers>,
    power: Power,
}

/// A worker that has loaded its model and waits for the others.
struct Started {
    loaded: Loaded,
    go: Sender<()>,
    thread: JoinHandle<()>,
}

impl Engine {
    /// Starts a worker thread for each of `devices`. They load their models one after another, and once all are loaded
    /// each generates a warm-up image by `warm_up`, and then what comes through the queue. Returns once all are loaded.
    ///
    /// # Errors
    /// The load's own error, or [`LoadError::Device`] if it panics, if no thread can be started, or if devices would
    /// generate different numbers. Then no worker is left.
    pub fn start(
        devices: Vec<WorkerParts>,
        warm_up: WarmUp,
        on_overhead: OnOverhead,
        settings: &EngineSettings,
    ) -> Result<(Self, Workers), LoadError> {
        let shared = Arc::new(Shared::new(devices.len()));
        let common = Common {
            shared: Arc::clone(&shared),
            warm_up,
            on_overhead,
            settings: settings.clone(),
            devices: devices.len(),
        };
        let mut started = Vec::new();
        for (number, parts) in devices.into_iter().enumerate() {
            // Where one fails, `started` is dropped, and with it what the others wait for: they end.
            started.push(Started::spawn(number, parts, common.clone())?);
        }
        let Some(Loaded { facts, tokenizer, layers, .. }) = started.first().map(|worker| &worker.loaded)
        else {
            let reason = "none is configured; name one in model.device".into();
            return Err(LoadError::Device { device: "model.device".into(), reason });
        };
        let (facts, tokenizer, layers) = (*facts, Arc::clone(tokenizer), Arc::clone(layers));
        for Started { loaded, .. } in &started {
            loaded.facts.check_against(&facts, &loaded.device)?;
        }
        let powers = started.iter().map(|worker| worker.loaded.power).collect();
        let threads = started.into_iter().map(Started::go).collect();
        let queue_depth_max = settings.queue_depth_max.clamp(1, Semaphore::MAX_PERMITS);
        let slots = Arc::new(Semaphore::new(queue_depth_max));
        Ok((
            Self {
                shared,
                slots,
                queue_depth_max,
                background: Background::default(),
                facts,
                tokenizer,
                layers,
                powers,
                batch_max: u32::try_from(settings.batch_max_on(facts)).unwrap_or(u32::MAX),
            },
            Workers { threads },
        ))
    }
}

impl EngineSettings {
    /// Images of one batch on such a device.
    fn batch_max_on(&self, facts: Facts) -> usize {
        self.batch_max.unwrap_or(if facts.is_cpu() { 1 } else { BATCH_MAX_CARD })
    }
}

impl Facts {
    /// Checks that a seed gives the same image on all devices.
    ///
    /// # Errors
    /// [`LoadError::Device`] if `device` would compute other numbers than the first.
    fn check_against(&self, first: &Self, device: &str) -> Result<(), LoadError> {
        let refuse = |own: &dyn Display, other: &dyn Display, key| {
            let reason = format!("it would hold the model in {own} and the first in {other}; set {key}");
            Err(LoadError::Device { device: device.to_owned(), reason })
        };
        if self.dtype != first.dtype {
            return refuse(&self.dtype, &first.dtype, "model.dtype");
        }
        if !self.memory.generates_as(first.memory) {
            return refuse(&self.memory, &first.memory, "model.memory");
        }
        if self.arithmetic != first.arithmetic {
            let reason =
                "our kernels support only one of this GPU and the first; set model.kernels = \"candle\""
                    .into();
            return Err(LoadError::Device { device: device.to_owned(), reason });
        }
        Ok(())
    }
}

impl Started {
    /// Starts the thread and waits until the model is loaded.
    fn spawn(number: usize, parts: WorkerParts, common: Common) -> Result<Self, LoadError> {
        let device = parts.device.clone().unwrap_or_else(|| "worker".into());
        let failure = |reason: String| LoadError::Device { device: device.clone(), reason };
        let (loaded, on_loaded) = sync_channel(1);
        let (go, on_go) = channel();
        let thread = std::thread::Builder::new()
            .name(format!("worker {number}"))
            .spawn(move || work(number, parts, common, &loaded, &on_go))
            .map_err(|error| failure(error.to_string()))?;
        let answer = on_loaded.recv().map_err(|_| failure("loading the model panicked".into()))?;
        Ok(Self { loaded: answer?, go, thread })
    }

    fn go(self) -> JoinHandle<()> {
        if self.go.send(()).is_err() {
            tracing::error!("a worker thread ended before its first image");
        }
        self.thread
    }
}

/// A worker's life.
fn work(
    number: usize,
    parts: WorkerParts,
    common: Common,
    loaded: &SyncSender<Result<Loaded, LoadError>>,
    on_go: &Receiver<()>,
) {
    let pipeline = match (parts.load)() {
        Ok(pipeline) => pipeline,
        // Nobody hears it where the start was given up.
        Err(error) => return drop(loaded.send(Err(error))),
    };
    let facts = Facts::of(&pipeline);
    let meter = (parts.meter)(&facts);
    let device = parts.device.unwrap_or_else(|| facts.device.to_string());
    let answer = Loaded {
        device: device.clone(),
        facts,
        tokenizer: pipeline.tokenizer(),
        layers: pipeline.layers(),
        power: meter.power(),
    };
    if loaded.send(Ok(answer)).is_err() || on_go.recv().is_err() {
        return;
    }
    let profiles = common.settings.profiles.clone();
    let profiles = profiles.map(|store| (Arc::clone(&store), store.key(&pipeline, &device)));
    let Common { shared, warm_up, on_overhead, settings, devices } = common;
    let memory = DeviceMemory::new(facts.is_cpu(), settings.memory_max);
    let mut worker = Worker {
        number,
        device,
        pipeline: &pipeline,
        meter,
        on_overhead,
        facts,
        warm_up,
        // The system reports one peak for the whole process, including the pages of mapped files.
        memory: if devices > 1 || facts.memory.streams() { memory.unwatched() } else { memory },
        table: MemoryTable::default(),
        batch_max: settings.batch_max_on(facts),
        shared: &shared,
        caches: Caches::default(),
        kept: KeptProfiles::new(profiles),
        health: Health::default(),
    };
    let _guard = LoseOnPanic { shared: &shared, number, device: worker.device.clone() };
    worker.run();
}

/// A thread that panics outside of any image must not leave its device in the line, as if it still worked.
struct LoseOnPanic<'a> {
    shared: &'a Shared,
    number: usize,
    device: String,
}

impl Drop for LoseOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.lose(self.number, &self.device, "its thread panicked: a defect");
        }
    }
}

impl Workers {
    /// Waits for the workers to end. They end after [`Engine::drain`], or when the [`Engine`] is gone and its queue is
    /// empty; one whose device is lost has ended before.
    pub fn join(self) {
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a worker thread panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{Arithmetic, DeviceKind, MemoryTier, Precision, Schedule, Shift, SizeLimits};

    #[test]
    fn a_device_that_would_generate_other_numbers_is_named() {
        let limits = SizeLimits { factor: 16, side_max: 2048, native: None };
        let first = Facts {
            limits,
            device: DeviceKind::Cuda,
            dtype: Precision::F16,
            memory: MemoryTier::Resident,
            arithmetic: Arithmetic::Plain,
            card: None,
            schedule: Schedule { shift: Shift::Static(3.0), train_timesteps: 1000.0 },
            can_edit: false,
            is_published_shape: false,
        };
        let check = |facts: Facts| facts.check_against(&first, "cuda:1").map_err(|e| e.to_string());
        assert_eq!(check(Facts { memory: MemoryTier::Low, ..first }), Ok(()));
        let error = check(Facts { memory: MemoryTier::EightBit, ..first }).expect_err("other numbers");
        assert_eq!(
            error,
            "device cuda:1: it would hold the model in 8bit and the first in resident; set model.memory"
        );
        let error = check(Facts { arithmetic: Arithmetic::Mixed, ..first }).expect_err("other numbers");
        assert!(error.contains("set model.kernels"), "{error}");
        let error = check(Facts { dtype: Precision::Bf16, ..first }).expect_err("other numbers");
        assert!(error.contains("bf16") && error.contains("model.dtype"), "{error}");
    }
}
