use jiff::Timestamp;
use rusqlite::params;
use serde::Serialize;

use super::{Ledger, LedgerError};
use crate::units::EnergyBalance;

/// How the energy of a span's pictures became known: counted by the device, added up from its power, or worked out from the
/// configured watts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct EnergySources {
    /// Energy of the device as its counter has it.
    pub metered_kwh: EnergyBalance,
    /// The same from samples of its power.
    pub integrated_kwh: EnergyBalance,
    /// The same as watts × time.
    pub estimated_kwh: EnergyBalance,
}

impl EnergySources {
    /// Counted or sampled, in tenths of a percent of all, rounded down; none without energy.
    pub fn measured_percent_tenths(&self) -> Option<i64> {
        let [metered, integrated, estimated] = [self.metered_kwh, self.integrated_kwh, self.estimated_kwh]
            .map(|energy| i128::from(energy.as_millijoules()));
        let measured = metered + integrated;
        let tenths = (measured * 1000).checked_div_euclid(measured + estimated)?;
        i64::try_from(tenths.clamp(0, 1000)).ok()
    }
}

impl Ledger {
    /// The energy of the pictures from `start` up to, not including, `end`, by how it became known.
    ///
    /// # Errors
    /// [`LedgerError`] where SQLite refuses.
    pub fn energy_sources(&self, start: Timestamp, end: Timestamp) -> Result<EnergySources, LedgerError> {
        let reader = self.reports();
        let mut statement = reader.prepare_cached(
            "SELECT coalesce(sum(energy_mj) FILTER (WHERE energy_source = 'metered'), 0),
                    coalesce(sum(energy_mj) FILTER (WHERE energy_source = 'integrated'), 0),
                    coalesce(sum(energy_mj) FILTER (WHERE energy_source = 'estimated'), 0)
             FROM entries WHERE kind = 'image' AND entered_at_ms >= ?1 AND entered_at_ms < ?2",
        )?;
        let sources = statement.query_row(params![start.as_millisecond(), end.as_millisecond()], |row| {
            let energy = |column: usize| row.get(column).map(EnergyBalance::from_millijoules);
            Ok(EnergySources {
                metered_kwh: energy(0)?,
                integrated_kwh: energy(1)?,
                estimated_kwh: energy(2)?,
            })
        })?;
        Ok(sources)
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
