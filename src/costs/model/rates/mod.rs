use std::sync::Arc;

use jiff::civil::{Date, DateTime};

use super::CostModel;
use crate::{
    costs::{
        Breakdown, CostError, CostSettings, ElectricityRate, LineRate, ListRate, PartRate, PriceSheet,
        PricedWork, RateCard, Share, TariffError, TariffRow,
    },
    domain::Usage,
    units::{Energy, Money, RangeError},
};

impl CostModel {
    /// What work is priced with that is settled at `at`, by the clock on the wall, after `images_before` further
    /// images, and compared with `elsewhere`.
    ///
    /// # Errors
    /// [`CostError`] if an amount is out of range.
    pub fn rate_card(
        &self,
        at: DateTime,
        elsewhere: Option<&ListRate>,
        images_before: u64,
    ) -> Result<RateCard, CostError> {
        let made = self.images_made.iter().copied().chain(std::iter::repeat(0));
        let in_service = self.parts().zip(made).filter(|((_, service), _)| service.contains(at.date()));
        let parts =
            in_service.map(|((part, _), made)| PartRate::new(part, made.saturating_add(images_before)));
        Ok(RateCard {
            electricity: self.electricity_rate(at)?,
            parts: parts.collect::<Result<_, RangeError>>()?,
            lines: self.lines_on(at.date()).map(LineRate::from).collect(),
            comparison: elsewhere.cloned(),
        })
    }

    /// The price of a kilowatt-hour at the plug at `at`, by the clock on the wall.
    ///
    /// # Errors
    /// [`TariffError`] for a tariff without a price then.
    pub(super) fn price_per_kwh(&self, at: DateTime) -> Result<Money, TariffError> {
        let row = self.tariff_row(at)?;
        Ok(row.map_or(self.settings().price_per_kwh, |row| row.price_per_kwh))
    }

    fn tariff_row(&self, at: DateTime) -> Result<Option<&TariffRow>, TariffError> {
        self.terms.electricity(at).map(|sheet| sheet.row_at(at)).transpose()
    }

    /// The price of energy at `at`, and the watts that it counts.
    ///
    /// # Errors
    /// [`TariffError`] for a tariff without a price then.
    pub fn electricity_rate(&self, at: DateTime) -> Result<ElectricityRate, TariffError> {
        let settings = self.settings();
        let (host_watts, wall_factor) = self.terms.machine(at);
        Ok(ElectricityRate {
            price_per_kwh: self.price_per_kwh(at)?,
            // A price that has always held has no row of a tariff.
            tariff: self
                .tariff_row(at)?
                .filter(|row| row.effective_from != Date::MIN)
                .map(ToString::to_string),
            host_watts: host_watts.unwrap_or(settings.host_watts),
            wall_factor_percent: wall_factor.unwrap_or(settings.wall_factor_percent),
        })
    }

    /// The settings as they are at `at`, by the recorded terms. A tariff by the hour has no one price: then the configured one
    /// stays.
    pub fn settings_at(&self, at: DateTime) -> CostSettings {
        let settings = self.settings().clone();
        let flat = self.terms.electricity(at).map(PriceSheet::rows).and_then(|rows| match rows {
            [row] => Some(row.price_per_kwh),
            _ => None,
        });
        let (host_watts, wall_factor) = self.terms.machine(at);
        CostSettings {
            price_per_kwh: flat.unwrap_or(settings.price_per_kwh),
            host_watts: host_watts.unwrap_or(settings.host_watts),
            wall_factor_percent: wall_factor.unwrap_or(settings.wall_factor_percent),
            ..settings
        }
    }

    /// Energy at the plug, and its price, of work that went into no request.
    ///
    /// # Errors
    /// [`CostError`] if an amount is out of range.
    pub fn wasted(&self, usage: Usage, at: DateTime) -> Result<PricedWork, CostError> {
        self.energy_alone(at, |rates| rates.generating(usage))
    }

    /// Electricity of a device that waits, until `at`: of the device alone. `host_watts` is what the machine around it
    /// takes while it generates images.
    ///
    /// # Errors
    /// [`CostError`] if an amount is out of range.
    pub fn idle(&self, usage: Usage, at: DateTime) -> Result<PricedWork, CostError> {
        self.energy_alone(at, |rates| rates.waiting(usage))
    }

    fn energy_alone(
        &self,
        at: DateTime,
        price: impl Fn(&RateCard) -> Result<(Energy, Money), RangeError>,
    ) -> Result<PricedWork, CostError> {
        let electricity = self.electricity_rate(at)?;
        let rates = RateCard { electricity, parts: Vec::new(), lines: Vec::new(), comparison: None };
        let (wall_energy, electricity) = price(&rates)?;
        let cost = Breakdown { electricity, ..Breakdown::default() };
        Ok(PricedWork { wall_energy, cost, rates: Some(Arc::new(rates)) })
    }

    /// Energy at the plug and cost of work that failed or was cancelled at `at`, and was `share` of an image: whatever
    /// goes by time is charged for the time on the device, like an image.
    ///
    /// # Errors
    /// [`CostError`] if an amount is out of range.
    pub fn failed_work(&self, usage: Usage, share: Share, at: DateTime) -> Result<PricedWork, CostError> {
        let rates = self.rate_card(at, None, 0)?;
        let (wall_energy, cost) = rates.cost_of(usage, share)?;
        Ok(PricedWork { wall_energy, cost, rates: Some(Arc::new(rates)) })
    }
}

#[cfg(test)]
mod tests;
