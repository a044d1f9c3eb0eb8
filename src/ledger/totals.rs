use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Row, params};

use super::{Ledger, LedgerError};
use crate::units::{EnergyBalance, Money};

/// Sums over the entries of a month, or of a part of it. Any of them may be negative: a reversal takes an entry of an
/// earlier month back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MonthTotals {
    /// Pictures, less those that were taken back.
    pub images: i64,
    /// Time of the device on pictures.
    pub duration: SignedDuration,
    /// Energy of the device on pictures.
    pub energy: EnergyBalance,
    /// Energy at the plug for pictures.
    pub wall_energy: EnergyBalance,
    /// Price of that energy.
    pub electricity: Money,
    /// Wear of the hardware.
    pub depreciation: Money,
    /// Everything else.
    pub upkeep: Money,
    /// Electricity, depreciation and upkeep.
    pub standard: Money,
    /// What the pictures would have cost at the compared service.
    pub compared: Money,
    /// That less the standard cost; negative for a loss.
    pub saving: Money,
    /// Pictures that were painted and paid for, but whose client had gone.
    pub undelivered: i64,
    /// Energy at the plug of work that gave no picture.
    pub failed_energy: EnergyBalance,
    /// Price of that energy.
    pub failed_electricity: Money,
}

/// The columns of [`MonthTotals`], for `entries JOIN requests`.
pub(super) const SUMS: &str = "
    coalesce(sum(entries.images), 0),
    coalesce(sum(duration_ms)       FILTER (WHERE kind <> 'failed'), 0),
    coalesce(sum(energy_mj)         FILTER (WHERE kind <> 'failed'), 0),
    coalesce(sum(wall_energy_mj)    FILTER (WHERE kind <> 'failed'), 0),
    coalesce(sum(electricity_nano)  FILTER (WHERE kind <> 'failed'), 0),
    coalesce(sum(depreciation_nano) FILTER (WHERE kind <> 'failed'), 0),
    coalesce(sum(upkeep_nano)       FILTER (WHERE kind <> 'failed'), 0),
    coalesce(sum(standard_nano)     FILTER (WHERE kind <> 'failed'), 0),
    coalesce(sum(compared_nano), 0),
    coalesce(sum(saving_nano), 0),
    coalesce(sum(entries.images)    FILTER (WHERE delivered = 0), 0),
    coalesce(sum(wall_energy_mj)    FILTER (WHERE kind = 'failed'), 0),
    coalesce(sum(electricity_nano)  FILTER (WHERE kind = 'failed'), 0)";

/// Reads [`SUMS`] from the first columns of `row`.
pub(super) fn read_sums(row: &Row<'_>) -> rusqlite::Result<MonthTotals> {
    let energy =
        |column: usize| -> rusqlite::Result<_> { Ok(EnergyBalance::from_millijoules(row.get(column)?)) };
    let money = |column: usize| -> rusqlite::Result<_> { Ok(Money::from_nano(row.get(column)?)) };
    Ok(MonthTotals {
        images: row.get(0)?,
        duration: SignedDuration::from_millis(row.get(1)?),
        energy: energy(2)?,
        wall_energy: energy(3)?,
        electricity: money(4)?,
        depreciation: money(5)?,
        upkeep: money(6)?,
        standard: money(7)?,
        compared: money(8)?,
        saving: money(9)?,
        undelivered: row.get(10)?,
        failed_energy: energy(11)?,
        failed_electricity: money(12)?,
    })
}

/// The sums from `start` up to, not including, `end`.
pub(super) fn between(
    connection: &Connection,
    start: Timestamp,
    end: Timestamp,
) -> Result<MonthTotals, LedgerError> {
    let sql = format!(
        "SELECT {SUMS} FROM entries JOIN requests ON requests.id = request_id
         WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row(params![start.as_millisecond(), end.as_millisecond()], read_sums)?)
}

impl Ledger {
    /// The sums from `start` up to, not including, `end`.
    ///
    /// # Errors
    /// [`LedgerError`] where SQLite refuses or a sum is out of range.
    pub fn totals(&self, start: Timestamp, end: Timestamp) -> Result<MonthTotals, LedgerError> {
        between(&self.reader(), start, end)
    }
}
