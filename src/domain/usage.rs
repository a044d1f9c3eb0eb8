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

impl Usage {
    /// This usage shared among `parts` equal pictures. The parts' sum is the whole, to the millijoule: what does not
    /// divide goes to the first ones.
    pub fn split(self, parts: u32) -> impl Iterator<Item = Self> {
        let parts = u64::from(parts);
        let share = move |total: u64, i: u64| total / parts + u64::from(i < total % parts);
        (0..parts).map(move |i| Self {
            duration: Millis::new(share(self.duration.get(), i)),
            energy: Energy::from_millijoules(share(self.energy.as_millijoules(), i)),
            source: self.source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_the_whole() {
        let whole = Usage {
            duration: Millis::new(10),
            energy: Energy::from_millijoules(101),
            source: EnergySource::Estimated,
        };
        let parts: Vec<_> = whole.split(3).collect();
        let energy: u64 = parts.iter().map(|part| part.energy.as_millijoules()).sum();
        let duration: u64 = parts.iter().map(|part| part.duration.get()).sum();
        assert_eq!((parts.len(), energy, duration), (3, 101, 10));
        assert_eq!(whole.split(1).next(), Some(whole));
    }
}
