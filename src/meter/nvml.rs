use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use nvml_wrapper::{Nvml, error::NvmlError};
use parking_lot::Mutex;
use uuid::Uuid;

use super::counter::{EnergyCounter, Integral};
use crate::{clock::Clock, domain::EnergySource, units::Energy};

/// Time between samples of power, if the card has no counter of energy.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(100);

/// What NVIDIA's driver says of this machine.
#[derive(Debug, Clone)]
pub struct Driver {
    /// Its version, for example `580.65.06`.
    pub version: String,
    /// The newest CUDA that it runs, for example `13.0`.
    pub cuda: String,
    /// Its cards.
    pub cards: Vec<Card>,
}

/// A card.
#[derive(Debug, Clone)]
pub struct Card {
    /// For example `NVIDIA GeForce RTX 4090`.
    pub name: String,
    /// Bytes of its memory.
    pub total_bytes: u64,
    /// Those of them that are free.
    pub free_bytes: u64,
    /// Whether it counts energy, or at least measures its power.
    pub is_metered: bool,
}

impl Driver {
    /// Asks the driver.
    ///
    /// # Errors
    /// Why there is none, in NVML's words.
    pub fn read() -> Result<Self, String> {
        let read = || -> Result<Self, NvmlError> {
            let nvml = Nvml::init()?;
            let cuda = nvml.sys_cuda_driver_version()?;
            let cards = (0..nvml.device_count()?).map(|index| {
                let device = nvml.device_by_index(index)?;
                let memory = device.memory_info()?;
                let is_metered = device.total_energy_consumption().is_ok() || device.power_usage().is_ok();
                Ok(Card {
                    name: device.name()?,
                    total_bytes: memory.total,
                    free_bytes: memory.free,
                    is_metered,
                })
            });
            Ok(Self {
                version: nvml.sys_driver_version()?,
                cuda: format!("{}.{}", cuda / 1000, cuda % 1000 / 10),
                cards: cards.collect::<Result<_, NvmlError>>()?,
            })
        };
        read().map_err(|error| error.to_string())
    }
}

/// The counter of the card that the driver knows by `uuid`: NVML's own if the card has one (Volta and newer), else the
/// sum of samples of its power. NVML is loaded at run time; none if there is no driver, or the card reports neither.
pub(super) fn counter(uuid: Uuid, clock: &Arc<dyn Clock>) -> Option<Box<dyn EnergyCounter>> {
    let nvml =
        Nvml::init().inspect_err(|error| tracing::info!(%error, "no NVML: energy is estimated")).ok()?;
    // As nvidia-smi -L writes it.
    let device = format!("GPU-{uuid}");
    let card = nvml.device_by_uuid(device.as_str());
    card.inspect_err(|error| tracing::warn!(%error, device, "NVML has no such card")).ok()?;
    if read_total(&nvml, &device).is_ok() {
        return Some(Box::new(Total { nvml, device }));
    }
    match read_power(&nvml, &device) {
        Ok(_) => Some(Box::new(Samples::start(nvml, device, Arc::clone(clock))?)),
        Err(error) => {
            tracing::warn!(%error, device, "the card reports neither energy nor power: energy is estimated");
            None
        }
    }
}

/// Millijoules since the driver was loaded.
fn read_total(nvml: &Nvml, device: &str) -> Result<u64, NvmlError> {
    nvml.device_by_uuid(device)?.total_energy_consumption()
}

/// Milliwatts now.
fn read_power(nvml: &Nvml, device: &str) -> Result<u32, NvmlError> {
    nvml.device_by_uuid(device)?.power_usage()
}

/// NVML's total-energy counter.
struct Total {
    nvml: Nvml,
    device: String,
}

impl EnergyCounter for Total {
    fn total(&mut self) -> Option<Energy> {
        let total = read_total(&self.nvml, &self.device);
        total.inspect_err(|error| tracing::warn!(%error, "NVML")).ok().map(Energy::from_millijoules)
    }

    fn source(&self) -> EnergySource {
        EnergySource::Metered
    }

    fn device(&self) -> &str {
        &self.device
    }
}

/// Samples of power, taken by a thread of its own: the one that generates is busy when it matters.
struct Samples {
    device: String,
    integral: Arc<Mutex<Integral>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Samples {
    fn start(nvml: Nvml, device: String, clock: Arc<dyn Clock>) -> Option<Self> {
        let integral = Arc::new(Mutex::new(Integral::default()));
        let ended = Arc::new(AtomicBool::new(false));
        let (shared, stop, sampled) = (Arc::clone(&integral), Arc::clone(&ended), device.clone());
        let sampler = move || {
            while !stop.load(Ordering::Acquire) {
                if let Ok(milliwatts) = read_power(&nvml, &sampled) {
                    let mut integral = shared.lock();
                    integral.sample(clock.monotonic(), milliwatts);
                }
                std::thread::park_timeout(SAMPLE_INTERVAL);
            }
        };
        let thread = std::thread::Builder::new().name("meter".into()).spawn(sampler).ok()?;
        Some(Self { device, integral, ended, thread: Some(thread) })
    }
}

impl EnergyCounter for Samples {
    fn total(&mut self) -> Option<Energy> {
        Some(self.integral.lock().total())
    }

    fn source(&self) -> EnergySource {
        EnergySource::Integrated
    }

    fn device(&self) -> &str {
        &self.device
    }
}

impl Drop for Samples {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It ends by itself; a panic of it has been printed.
            thread.join().ok();
        }
    }
}
