use std::sync::Arc;

use jiff::civil::DateTime;

use super::CostModel;
use crate::{
    costs::{
        Breakdown, CostError, ElectricityRate, LineRate, ListRate, PartRate, PricedWork, RateCard, Share,
        TariffError,
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
    /// None for a tariff that was checked.
    pub(super) fn price_per_kwh(&self, at: DateTime) -> Result<Money, TariffError> {
        let row = self.basis.tariff.row_at(at)?;
        Ok(row.map_or(self.settings().price_per_kwh, |row| row.price_per_kwh))
    }

    fn electricity_rate(&self, at: DateTime) -> Result<ElectricityRate, TariffError> {
        let row = self.basis.tariff.row_at(at)?;
        let settings = self.settings();
        Ok(ElectricityRate {
            price_per_kwh: self.price_per_kwh(at)?,
            tariff: row.map(ToString::to_string),
            host_watts: settings.host_watts,
            wall_factor_percent: settings.wall_factor_percent,
        })
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
