use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use nvml_wrapper::{Nvml, error::NvmlError};

use super::counter::{EnergyCounter, Integral};
use crate::{clock::Clock, domain::EnergySource, units::Energy};

/// Time between samples of power, where the card has no counter of energy.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(100);

/// The counter of card `index`: NVML's own where the card has one (Volta and newer), else the sum of samples of its power.
/// NVML is loaded at run time; none where there is no driver, or the card tells neither.
pub(super) fn counter(index: u32, clock: &Arc<dyn Clock>) -> Option<Box<dyn EnergyCounter>> {
    let nvml =
        Nvml::init().inspect_err(|error| tracing::info!(%error, "no NVML: energy is estimated")).ok()?;
    let card = nvml.device_by_index(index);
    let device = card.and_then(|card| card.uuid());
    let device = device.inspect_err(|error| tracing::warn!(%error, index, "NVML has no such card")).ok()?;
    if read_total(&nvml, index).is_ok() {
        return Some(Box::new(Total { nvml, index, device }));
    }
    match read_power(&nvml, index) {
        Ok(_) => Some(Box::new(Samples::start(nvml, index, device, Arc::clone(clock))?)),
        Err(error) => {
            tracing::warn!(%error, device, "the card tells neither energy nor power: energy is estimated");
            None
        }
    }
}

/// Millijoules since the driver was loaded.
fn read_total(nvml: &Nvml, index: u32) -> Result<u64, NvmlError> {
    nvml.device_by_index(index)?.total_energy_consumption()
}

/// Milliwatts now.
fn read_power(nvml: &Nvml, index: u32) -> Result<u32, NvmlError> {
    nvml.device_by_index(index)?.power_usage()
}

/// NVML's total-energy counter.
struct Total {
    nvml: Nvml,
    index: u32,
    device: String,
}

impl EnergyCounter for Total {
    fn total(&mut self) -> Option<Energy> {
        let total = read_total(&self.nvml, self.index);
        total.inspect_err(|error| tracing::warn!(%error, "NVML")).ok().map(Energy::from_millijoules)
    }

    fn source(&self) -> EnergySource {
        EnergySource::Metered
    }

    fn device(&self) -> &str {
        &self.device
    }
}

/// Samples of power, taken by a thread of its own: the one that paints is busy when it matters.
struct Samples {
    device: String,
    integral: Arc<Mutex<Integral>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Samples {
    fn start(nvml: Nvml, index: u32, device: String, clock: Arc<dyn Clock>) -> Option<Self> {
        let integral = Arc::new(Mutex::new(Integral::default()));
        let ended = Arc::new(AtomicBool::new(false));
        let (shared, stop) = (Arc::clone(&integral), Arc::clone(&ended));
        let sampler = move || {
            while !stop.load(Ordering::Acquire) {
                if let Ok(milliwatts) = read_power(&nvml, index) {
                    let mut integral = shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
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
        Some(self.integral.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).total())
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
