use jiff::Timestamp;

use crate::{
    ledger::{Ledger, LedgerError, store::params, unsigned},
    units::{Energy, Millis},
};

/// What all entries of a span took, images and failed work alike.
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
    /// The energy of every piece of work from `start` up to, not including, `end`.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a sum is out of range.
    pub fn plug_totals(&self, start: Timestamp, end: Timestamp) -> Result<PlugTotals, LedgerError> {
        let sql = "SELECT CAST(coalesce(sum(duration_ms), 0) AS BIGINT), CAST(coalesce(sum(energy_mj), 0) AS BIGINT),
                          CAST(coalesce(sum(wall_energy_mj), 0) AS BIGINT)
                   FROM entries WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2 AND reverses IS NULL AND corrects IS NULL";
        let (duration, energy, wall_energy): (i64, i64, i64) = self.store.read(|conn| {
            conn.query_one(sql, params![start, end], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        })?;
        Ok(PlugTotals {
            duration: Millis::new(unsigned(duration, "duration_ms")?),
            energy: Energy::from_millijoules(unsigned(energy, "energy_mj")?),
            wall_energy: Energy::from_millijoules(unsigned(wall_energy, "wall_energy_mj")?),
        })
    }
}
