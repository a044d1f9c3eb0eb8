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

/// Time between samples of power, where the card has no counter of energy.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(100);

/// The counter of the card that the driver knows by `uuid`: NVML's own where the card has one (Volta and newer), else the
/// sum of samples of its power. NVML is loaded at run time; none where there is no driver, or the card tells neither.
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
            tracing::warn!(%error, device, "the card tells neither energy nor power: energy is estimated");
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

/// Samples of power, taken by a thread of its own: the one that paints is busy when it matters.
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
