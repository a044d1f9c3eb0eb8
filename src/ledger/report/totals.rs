use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{Compared, EnergySources};
use crate::{
    costs::Breakdown,
    domain::EnergySource,
    ledger::{LedgerError, entries::energy_source, store::Row},
    units::{Carbon, CarbonIntensity, EnergyBalance, Money, RangeError},
};

/// Sums over the entries of a month, or of a part of it. Any of them may be negative: a reversal takes an entry of an
/// earlier month back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthTotals {
    /// Images, less those that were taken back.
    pub images: i64,
    /// Time of the device on images.
    pub duration: SignedDuration,
    /// Energy of the device on images.
    pub energy: EnergyBalance,
    /// Energy at the plug for images.
    pub wall_energy: EnergyBalance,
    /// What they cost.
    pub cost: Breakdown,
    /// Electricity, depreciation and upkeep.
    pub standard: Money,
    /// What those of the images that have a price elsewhere would have cost there.
    pub compared: Compared,
    /// Images that were generated and paid for, but whose client had gone.
    pub undelivered: i64,
    /// Energy at the plug of work that gave no image, and of images that were taken back.
    pub failed_energy: EnergyBalance,
    /// Price of that energy.
    pub failed_electricity: Money,
    /// What the energy at the plug for images emitted, of entries for which it is known; none if it is of no entry.
    #[serde(default)]
    pub carbon: Option<Carbon>,
    /// The same of the energy of failed work.
    #[serde(default)]
    pub failed_carbon: Option<Carbon>,
}

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
    compared: Compared,
    undelivered: i64,
    failed_energy: i64,
    failed_electricity: i64,
    /// Energy that was metered, integrated and estimated.
    by_source: [i64; 3],
    carbon: Option<Carbon>,
    failed_carbon: Option<Carbon>,
}

impl Sums {
    /// Adds an entry whose images, duration, energy, energy at the plug, electricity, depreciation, upkeep, compared
    /// price request's delivery and source of the energy are the columns 1 to 10 of `row`. An image that
    /// `is_taken_back`, with nothing in its place, leaves its electricity with the failed work: the meter has turned.
    pub(super) fn add(
        &mut self,
        row: &Row<'_>,
        is_taken_back: bool,
        intensity: Option<CarbonIntensity>,
    ) -> Result<(), LedgerError> {
        let images: i64 = row.get(1)?;
        if let Some(intensity) = intensity {
            self.add_carbon(row.get(4)?, images == 0, is_taken_back, intensity)?;
        }
        let add = |sum: &mut i64, column: usize| -> Result<(), LedgerError> {
            *sum = sum.checked_add(row.get(column)?).ok_or(LedgerError::OutOfRange { what: "a sum" })?;
            Ok(())
        };
        let take = |sum: &mut i64, column: usize| -> Result<(), LedgerError> {
            *sum = sum.checked_sub(row.get(column)?).ok_or(LedgerError::OutOfRange { what: "a sum" })?;
            Ok(())
        };
        // Failed work is what has no image, taken back or not.
        if images == 0 {
            add(&mut self.failed_energy, 4)?;
            return add(&mut self.failed_electricity, 5);
        }
        if is_taken_back {
            take(&mut self.failed_energy, 4)?;
            take(&mut self.failed_electricity, 5)?;
        }
        self.images += images;
        add(&mut self.duration, 2)?;
        add(&mut self.energy, 3)?;
        add(&mut self.wall_energy, 4)?;
        add(&mut self.electricity, 5)?;
        add(&mut self.depreciation, 6)?;
        add(&mut self.upkeep, 7)?;
        if let Some(price) = row.get::<Option<i64>>(8)? {
            let charged = |column: usize| row.get::<i64>(column);
            let standard = i128::from(charged(5)?) + i128::from(charged(6)?) + i128::from(charged(7)?);
            let standard = i64::try_from(standard).map_err(|_| LedgerError::OutOfRange { what: "a sum" })?;
            self.compared.add(images, Money::from_nano(standard), Money::from_nano(price))?;
        }
        if row.get::<Option<i64>>(9)? == Some(0) {
            self.undelivered += images;
        }
        let of_source = match energy_source(row, 10)? {
            EnergySource::Metered => &mut self.by_source[0],
            EnergySource::Integrated => &mut self.by_source[1],
            EnergySource::Estimated => &mut self.by_source[2],
        };
        add(of_source, 3)
    }

    /// Adds what an entry's `wall_energy` emitted, as its electricity is added.
    fn add_carbon(
        &mut self,
        wall_energy: i64,
        is_failed_work: bool,
        is_taken_back: bool,
        intensity: CarbonIntensity,
    ) -> Result<(), RangeError> {
        let carbon = Carbon::of(EnergyBalance::from_millijoules(wall_energy), intensity)?;
        let failed = self.failed_carbon.unwrap_or_default();
        if is_failed_work {
            self.failed_carbon = Some(failed.plus(carbon)?);
            return Ok(());
        }
        if is_taken_back {
            self.failed_carbon = Some(failed.minus(carbon)?);
        }
        self.carbon = Some(self.carbon.unwrap_or_default().plus(carbon)?);
        Ok(())
    }

    /// The energy by how it became known.
    pub(super) fn sources(&self) -> EnergySources {
        let [metered, integrated, estimated] = self.by_source;
        EnergySources {
            metered_kwh: EnergyBalance::from_millijoules(metered),
            integrated_kwh: EnergyBalance::from_millijoules(integrated),
            estimated_kwh: EnergyBalance::from_millijoules(estimated),
        }
    }

    pub(super) fn totals(&self) -> Result<MonthTotals, LedgerError> {
        let money = Money::from_nano;
        let cost = Breakdown {
            electricity: money(self.electricity),
            depreciation: money(self.depreciation),
            upkeep: money(self.upkeep),
        };
        Ok(MonthTotals {
            images: self.images,
            duration: SignedDuration::from_millis(self.duration),
            energy: EnergyBalance::from_millijoules(self.energy),
            wall_energy: EnergyBalance::from_millijoules(self.wall_energy),
            cost,
            standard: cost.total()?,
            compared: self.compared,
            undelivered: self.undelivered,
            failed_energy: EnergyBalance::from_millijoules(self.failed_energy),
            failed_electricity: money(self.failed_electricity),
            carbon: self.carbon,
            failed_carbon: self.failed_carbon,
        })
    }
}

impl MonthTotals {
    /// What the images would have cost elsewhere; none if none of them has a price there.
    pub fn compared_price(&self) -> Option<Money> {
        self.compared.price(self.images)
    }

    /// That less what the same images cost here; negative for a loss.
    pub fn saving(&self) -> Option<Money> {
        self.compared.saving(self.images)
    }

    /// The sums of both.
    ///
    /// # Errors
    /// [`RangeError`] past 64 bits.
    pub fn plus(&self, other: &Self) -> Result<Self, RangeError> {
        Ok(Self {
            images: self.images + other.images,
            duration: self.duration.saturating_add(other.duration),
            energy: self.energy.plus(other.energy)?,
            wall_energy: self.wall_energy.plus(other.wall_energy)?,
            cost: self.cost.plus(&other.cost)?,
            standard: self.standard.plus(other.standard)?,
            compared: self.compared.plus(&other.compared)?,
            undelivered: self.undelivered + other.undelivered,
            failed_energy: self.failed_energy.plus(other.failed_energy)?,
            failed_electricity: self.failed_electricity.plus(other.failed_electricity)?,
            carbon: Carbon::sum([self.carbon, other.carbon])?,
            failed_carbon: Carbon::sum([self.failed_carbon, other.failed_carbon])?,
        })
    }
}
