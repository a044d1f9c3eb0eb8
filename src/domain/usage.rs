use std::fmt;

use crate::units::{Energy, Millis};

/// How an energy figure was obtained, best first. Stored on every row of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EnergySource {
    /// NVML's total-energy counter.
    Metered,
    /// NVML power samples, summed over time.
    Integrated,
    /// Configured watts × measured time.
    Estimated,
}

impl EnergySource {
    /// The word that the ledger and the API use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Metered => "metered",
            Self::Integrated => "integrated",
            Self::Estimated => "estimated",
        }
    }
}

impl fmt::Display for EnergySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one picture, or one failed attempt, took from the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Time on the device.
    pub duration: Millis,
    /// Energy of the device in that time, without the rest of the machine.
    pub energy: Energy,
    /// How `energy` was obtained.
    pub source: EnergySource,
}
