//! The driver, CUDA, the model, memory and energy.

use indicatif::DecimalBytes;

use super::report::Check;
use crate::{
    config::Config,
    meter::Driver,
    pipeline::{CpuVectors, DeviceChoice, Inspection, MemoryTier},
};

/// Whether a card is asked for by its name.
fn wants_card(config: &Config) -> bool {
    matches!(config.model.device.first(), DeviceChoice::Cuda(_))
}

pub(super) fn driver(config: &Config, driver: &Result<Driver, String>) -> Check {
    match driver {
        Ok(driver) if driver.cards.is_empty() => Check::warning(
            "driver",
            format!("NVIDIA driver {}, which finds no GPU", driver.version),
            "check that the GPU is given to this machine or container (nvidia-smi -L)",
        ),
        Ok(driver) => {
            let card = |card: &crate::meter::Card| {
                let (free, total) = (DecimalBytes(card.free_bytes), DecimalBytes(card.total_bytes));
                format!("{} with {free} of {total} free", card.name)
            };
            let cards: Vec<_> = driver.cards.iter().map(card).collect();
            Check::ok("driver", format!("NVIDIA driver {}: {}", driver.version, cards.join(", ")))
        }
        Err(error) if wants_card(config) => Check::failure(
            "driver",
            format!("no NVIDIA driver ({error}), and model.device is {}", config.model.device.first()),
            "install the driver, start the container with --gpus all, or set model.device to cpu",
        ),
        Err(_) => {
            Check::ok("driver", format!("no NVIDIA driver; the CPU generates ({})", CpuVectors::in_use()))
        }
    }
}

pub(super) fn cuda(config: &Config, driver: &Result<Driver, String>) -> Check {
    let is_built = cfg!(feature = "cuda");
    match driver {
        _ if !is_built && wants_card(config) => Check::failure(
            "cuda",
            format!(
                "this program is built without CUDA, and model.device is {}",
                config.model.device.first()
            ),
            "build it with --features cuda, or set model.device to cpu",
        ),
        Ok(driver) if !is_built && !driver.cards.is_empty() => Check::warning(
            "cuda",
            format!("the driver runs CUDA {}, but this program is built without it", driver.cuda),
            "build it with --features cuda, or the GPU stays unused",
        ),
        Ok(driver) if is_built => {
            Check::ok("cuda", format!("built in; the driver runs CUDA {}", driver.cuda))
        }
        _ if is_built => Check::ok("cuda", "built in; no driver to use it"),
        _ => Check::ok("cuda", "not built in and not needed"),
    }
}

/// The model's files, their hashes, and the memory that they need.
pub(super) fn model(config: &Config) -> Vec<Check> {
    let source = config.model.source();
    let inspected = source.files_here().and_then(|files| {
        files.map(|files| Inspection::of(&files, &config.model.placement(), false)).transpose()
    });
    let inspection = match inspected {
        Ok(Some(inspection)) => inspection,
        Ok(None) => {
            let name = config.model.path.as_deref().unwrap_or_default();
            return vec![Check::warning(
                "model",
                format!("{name} is in no cache; the next start fetches it"),
                format!("fetch it before: tintype pull {name}"),
            )];
        }
        Err(error) => {
            return vec![Check::failure("model", error.to_string(), "correct model.path or model.device")];
        }
    };
    let problems: Vec<_> = inspection.problems().collect();
    let files = inspection.parts.iter().flat_map(|part| &part.files);
    let bytes: u64 = files.map(|file| file.bytes).sum();
    let model = match problems.as_slice() {
        [] => Check::ok("model", format!("{} is complete, {}", source.id, DecimalBytes(bytes))),
        problems => Check::failure(
            "model",
            problems.join("; "),
            "fetch it again with tintype pull; after git clone run git lfs pull in its directory",
        ),
    };
    vec![model, hashes(config), memory(config, &inspection)]
}

fn hashes(config: &Config) -> Check {
    let source = config.model.source();
    match source.check_pin() {
        Ok(true) => Check::ok("hashes", "the files have the SHA-256 model.sha256"),
        Ok(false) if source.is_embedded() => {
            Check::ok("hashes", "the embedded model is part of this program")
        }
        Ok(false) => Check::warning(
            "hashes",
            "not compared: model.sha256 is not set",
            "set it to the digest that tintype pull prints, so that other weights are refused",
        ),
        Err(error) => Check::failure("hashes", error.to_string(), "fetch the model again with tintype pull"),
    }
}

fn memory(config: &Config, inspection: &Inspection) -> Check {
    let tiers: Vec<_> = inspection
        .tiers
        .iter()
        .map(|need| {
            let fits = need.fits.map_or("", |fits| if fits { " fits" } else { " does not fit" });
            format!("{} {}{fits}", need.tier, DecimalBytes(need.needed_bytes))
        })
        .collect();
    let Some(free) = inspection.free_bytes else {
        return Check::warning("memory", "how much is free is not known", "start it and watch the log");
    };
    let found = format!("{} free; {}", DecimalBytes(free), tiers.join(", "));
    let fits = |tier: &str| inspection.tiers.iter().any(|need| need.tier == tier && need.fits == Some(true));
    let chosen = config.model.memory;
    let smaller = "set model.memory to a tier that fits, or free memory (a running server has its own)";
    match chosen {
        _ if inspection.tiers.is_empty() => Check::warning("memory", found, "see the line `model`"),
        MemoryTier::Auto if fits("resident") => Check::ok("memory", found),
        MemoryTier::Auto if inspection.tiers.iter().any(|need| need.fits == Some(true)) => Check::warning(
            "memory",
            found,
            "a smaller tier is chosen, which is slower; free memory for the tier resident",
        ),
        MemoryTier::Auto => {
            Check::failure("memory", found, "no tier fits: free memory, or use a smaller device type")
        }
        chosen if fits(chosen.as_str()) => Check::ok("memory", found),
        chosen => Check::failure("memory", format!("model.memory is {chosen}: {found}"), smaller),
    }
}

pub(super) fn energy(config: &Config, driver: &Result<Driver, String>) -> Check {
    let is_on_card = cfg!(feature = "cuda") && config.model.device.first() != DeviceChoice::Cpu;
    match driver {
        Ok(driver) if is_on_card && !driver.cards.is_empty() => {
            if driver.cards.iter().all(|card| card.is_metered) {
                Check::ok("energy", "metered by the GPU")
            } else {
                Check::warning("energy", "a GPU measures neither energy nor power", WATTS)
            }
        }
        _ if config.energy.device_watts.is_some() => Check::ok(
            "energy",
            "estimated: energy.device_watts × time; compare it with a wall meter (tintype calibrate)",
        ),
        _ => Check::warning("energy", "estimated from the usual power of such a device", WATTS),
    }
}

const WATTS: &str = "set energy.device_watts to what the device draws, measured at the plug";
