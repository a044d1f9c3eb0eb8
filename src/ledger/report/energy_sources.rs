use serde::{Deserialize, Serialize};

use crate::units::{EnergyBalance, RangeError};

/// How the energy of a span's images became known: counted by the device, added up from its power, or calculated from
/// the configured watts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnergySources {
    /// Energy of the device as its counter has it.
    pub metered_kwh: EnergyBalance,
    /// The same from samples of its power.
    pub integrated_kwh: EnergyBalance,
    /// The same as watts × time.
    pub estimated_kwh: EnergyBalance,
}

impl EnergySources {
    /// The sums of both.
    ///
    /// # Errors
    /// [`RangeError`] past 64 bits.
    pub fn plus(&self, other: &Self) -> Result<Self, RangeError> {
        Ok(Self {
            metered_kwh: self.metered_kwh.plus(other.metered_kwh)?,
            integrated_kwh: self.integrated_kwh.plus(other.integrated_kwh)?,
            estimated_kwh: self.estimated_kwh.plus(other.estimated_kwh)?,
        })
    }

    /// Counted or sampled, in tenths of a percent of all, rounded down; none without energy.
    pub fn measured_percent_tenths(&self) -> Option<i64> {
        let [metered, integrated, estimated] = [self.metered_kwh, self.integrated_kwh, self.estimated_kwh]
            .map(|energy| i128::from(energy.as_millijoules()));
        let measured = metered + integrated;
        let tenths = (measured * 1000).checked_div_euclid(measured + estimated)?;
        i64::try_from(tenths.clamp(0, 1000)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_is_a_part_of_all() {
        let energy = EnergyBalance::from_millijoules;
        let sources = |metered, integrated, estimated| EnergySources {
            metered_kwh: energy(metered),
            integrated_kwh: energy(integrated),
            estimated_kwh: energy(estimated),
        };
        assert_eq!(sources(1, 1, 1).measured_percent_tenths(), Some(666));
        assert_eq!(sources(5, 0, 0).measured_percent_tenths(), Some(1000));
        assert_eq!(sources(0, 0, 5).measured_percent_tenths(), Some(0));
        assert_eq!(sources(0, 0, 0).measured_percent_tenths(), None);
    }
}
