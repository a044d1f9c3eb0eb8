use jiff::Timestamp;
use rusqlite::params;

use super::{Ledger, LedgerError, unsigned};
use crate::units::{Energy, Millis};

/// What all entries of a span took, pictures and failed work alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlugTotals {
    /// Time of the device.
    pub duration: Millis,
    /// Energy of the device.
    pub energy: Energy,
    /// Energy at the plug, by the factor that held when each was booked.
    pub wall_energy: Energy,
}

impl Ledger {
    /// The energy of every entry from `start` up to, not including, `end`.
    ///
    /// # Errors
    /// [`LedgerError`] where SQLite refuses or a sum is out of range.
    pub fn plug_totals(&self, start: Timestamp, end: Timestamp) -> Result<PlugTotals, LedgerError> {
        let (duration, energy, wall_energy) = self.reader().query_row(
            "SELECT coalesce(sum(duration_ms), 0), coalesce(sum(energy_mj), 0), coalesce(sum(wall_energy_mj), 0)
             FROM entries WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2",
            params![start.as_millisecond(), end.as_millisecond()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        Ok(PlugTotals {
            duration: Millis::new(unsigned(duration, "duration_ms")?),
            energy: Energy::from_millijoules(unsigned(energy, "energy_mj")?),
            wall_energy: Energy::from_millijoules(unsigned(wall_energy, "wall_energy_mj")?),
        })
    }
}
