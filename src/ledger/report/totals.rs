use jiff::{SignedDuration, Timestamp};

use super::EnergySources;
use crate::{
    domain::EnergySource,
    ledger::{
        Ledger, LedgerError,
        entries::energy_source,
        store::{Row, params},
    },
    units::{EnergyBalance, Money, MoneyError},
};

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

/// The columns of [`Sums`] and [`MonthTotals`], for `entries JOIN requests`.
const SUMS: &str = "
    coalesce(sum(entries.images), 0),
    coalesce(sum(duration_ms)       FILTER (WHERE kind <> 'failed'), 0),
    coalesce(sum(energy_mj)         FILTER (WHERE kind <> 'failed'), 0),
    coalesce(sum(wall_energy_mj)    FILTER (WHERE kind <> 'failed'), 0),
    coalesce(sum(electricity_nano)  FILTER (WHERE kind <> 'failed'), 0),
    coalesce(sum(depreciation_nano) FILTER (WHERE kind <> 'failed'), 0),
    coalesce(sum(upkeep_nano)       FILTER (WHERE kind <> 'failed'), 0),
    coalesce(sum(compared_nano), 0),
    coalesce(sum(entries.images)    FILTER (WHERE delivered = 0), 0),
    coalesce(sum(wall_energy_mj)    FILTER (WHERE kind = 'failed'), 0),
    coalesce(sum(electricity_nano)  FILTER (WHERE kind = 'failed'), 0)";

/// What [`MonthTotals`] is made of, as the columns are: nano-units, millijoules, milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    images: i64,
    duration: i64,
    energy: i64,
    wall_energy: i64,
    electricity: i64,
    depreciation: i64,
    upkeep: i64,
    compared: i64,
    undelivered: i64,
    failed_energy: i64,
    failed_electricity: i64,
    metered: i64,
    integrated: i64,
    estimated: i64,
}

impl Sums {
    /// Adds an entry whose images, duration, energy, energy at the plug, electricity, depreciation, upkeep, compared price
    /// request's delivery and source of the energy are the columns 1 to 10 of `row`.
    pub(super) fn add(&mut self, row: &Row<'_>) -> Result<(), LedgerError> {
        let images: i64 = row.get(1)?;
        let add = |sum: &mut i64, column: usize| -> Result<(), LedgerError> {
            *sum = sum.checked_add(row.get(column)?).ok_or(LedgerError::OutOfRange { what: "a sum" })?;
            Ok(())
        };
        // Failed work is what has no picture, taken back or not.
        if images == 0 {
            add(&mut self.failed_energy, 4)?;
            return add(&mut self.failed_electricity, 5);
        }
        self.images += images;
        add(&mut self.duration, 2)?;
        add(&mut self.energy, 3)?;
        add(&mut self.wall_energy, 4)?;
        add(&mut self.electricity, 5)?;
        add(&mut self.depreciation, 6)?;
        add(&mut self.upkeep, 7)?;
        add(&mut self.compared, 8)?;
        if row.get::<Option<i64>>(9)? == Some(0) {
            self.undelivered += images;
        }
        let of_source = match energy_source(row, 10)? {
            EnergySource::Metered => &mut self.metered,
            EnergySource::Integrated => &mut self.integrated,
            EnergySource::Estimated => &mut self.estimated,
        };
        add(of_source, 3)
    }

    /// The energy by how it became known.
    pub(super) fn sources(&self) -> EnergySources {
        EnergySources {
            metered_kwh: EnergyBalance::from_millijoules(self.metered),
            integrated_kwh: EnergyBalance::from_millijoules(self.integrated),
            estimated_kwh: EnergyBalance::from_millijoules(self.estimated),
        }
    }

    pub(super) fn totals(&self) -> Result<MonthTotals, LedgerError> {
        let money = Money::from_nano;
        let standard = money(self.electricity).plus(money(self.depreciation));
        let standard = standard.and_then(|sum| sum.plus(money(self.upkeep)));
        let saving = standard.clone().and_then(|standard| money(self.compared).minus(standard));
        Ok(MonthTotals {
            images: self.images,
            duration: SignedDuration::from_millis(self.duration),
            energy: EnergyBalance::from_millijoules(self.energy),
            wall_energy: EnergyBalance::from_millijoules(self.wall_energy),
            electricity: money(self.electricity),
            depreciation: money(self.depreciation),
            upkeep: money(self.upkeep),
            standard: standard.map_err(out_of_range)?,
            compared: money(self.compared),
            saving: saving.map_err(out_of_range)?,
            undelivered: self.undelivered,
            failed_energy: EnergyBalance::from_millijoules(self.failed_energy),
            failed_electricity: money(self.failed_electricity),
        })
    }
}

impl MonthTotals {
    /// The sums of both.
    ///
    /// # Errors
    /// [`LedgerError::OutOfRange`] where one of them is.
    pub fn plus(&self, other: &Self) -> Result<Self, LedgerError> {
        let money = |a: Money, b: Money| a.plus(b).map_err(out_of_range);
        let energy = |a: EnergyBalance, b| a.checked_add(b).ok_or(LedgerError::OutOfRange { what: "a sum" });
        Ok(Self {
            images: self.images + other.images,
            duration: self.duration.saturating_add(other.duration),
            energy: energy(self.energy, other.energy)?,
            wall_energy: energy(self.wall_energy, other.wall_energy)?,
            electricity: money(self.electricity, other.electricity)?,
            depreciation: money(self.depreciation, other.depreciation)?,
            upkeep: money(self.upkeep, other.upkeep)?,
            standard: money(self.standard, other.standard)?,
            compared: money(self.compared, other.compared)?,
            saving: money(self.saving, other.saving)?,
            undelivered: self.undelivered + other.undelivered,
            failed_energy: energy(self.failed_energy, other.failed_energy)?,
            failed_electricity: money(self.failed_electricity, other.failed_electricity)?,
        })
    }
}

pub(super) fn out_of_range(_: MoneyError) -> LedgerError {
    LedgerError::OutOfRange { what: "a sum" }
}

impl Ledger {
    /// The sums from `start` up to, not including, `end`.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a sum is out of range.
    pub fn totals(&self, start: Timestamp, end: Timestamp) -> Result<MonthTotals, LedgerError> {
        let sql = format!(
            "SELECT {SUMS} FROM entries JOIN requests ON requests.id = request_id
             WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2"
        );
        let sums = self.store.read(|conn| {
            conn.query_one(&sql, params![start, end], |row| {
                Ok(Sums {
                    images: row.get(0)?,
                    duration: row.get(1)?,
                    energy: row.get(2)?,
                    wall_energy: row.get(3)?,
                    electricity: row.get(4)?,
                    depreciation: row.get(5)?,
                    upkeep: row.get(6)?,
                    compared: row.get(7)?,
                    undelivered: row.get(8)?,
                    failed_energy: row.get(9)?,
                    failed_electricity: row.get(10)?,
                    ..Sums::default()
                })
            })
        })?;
        sums.totals()
    }
}
