use serde::Deserialize;

use crate::{meter::Powers, units::Power};

/// The `[energy]` part.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnergyConfig {
    /// Power of the device while it generates images; none: 65 W for a CPU, 350 W for a GPU.
    pub device_watts: Option<Power>,
    /// Power of the device while it waits; none: 0 W, so that idle hours are not booked.
    pub idle_watts: Option<Power>,
}

impl EnergyConfig {
    /// The device's power, configured or usual for its kind.
    pub fn powers(&self, is_cpu: bool) -> Powers {
        let usual = Power::from_watts(if is_cpu { 65 } else { 350 });
        Powers { busy: self.device_watts.unwrap_or(usual), idle: self.idle_watts.unwrap_or_default() }
    }
}
