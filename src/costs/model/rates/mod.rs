use std::sync::Arc;

use jiff::{
    SignedDuration, ToSpan,
    civil::{Date, DateTime},
};

use super::CostModel;
use crate::{
    costs::{
        Asset, Breakdown, CostError, CostSettings, DaySpan, EarlierRates, ElectricityRate, Life, LineRate,
        ListRate, PartRate, PricedWork, RateCard, Share, TariffError, TariffRow,
    },
    domain::Usage,
    units::{Energy, Millis, Money, RangeError},
};

/// Hours of a week: a tariff goes by hours and days of the week.
pub(super) const HOURS_A_WEEK: u32 = 7 * 24;

impl CostModel {
    /// What work within one day and tariff is priced with that is settled at `at`, by the clock on the wall, after `images_before` further
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
            carbon: self.terms.carbon(at).cloned(),
            before: Vec::new(),
        })
    }

    /// The price of a kilowatt-hour at the plug at `at`, by the clock on the wall.
    ///
    /// # Errors
    /// [`TariffError`] for a tariff without a price then.
    pub(super) fn price_per_kwh(&self, at: DateTime) -> Result<Money, TariffError> {
        if let Some(spot) = self.terms.spot(at) {
            return Ok(spot.price_per_kwh);
        }
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
        let tariff = match self.terms.spot(at) {
            Some(spot) => Some(spot.from.strftime("%Y-%m-%d %H:%M").to_string()),
            // A price that has always held has no row of a tariff.
            None => {
                self.tariff_row(at)?.filter(|row| row.effective_from != Date::MIN).map(ToString::to_string)
            }
        };
        Ok(ElectricityRate {
            price_per_kwh: self.price_per_kwh(at)?,
            tariff,
            host_watts: host_watts.unwrap_or(settings.host_watts),
            wall_factor_percent: wall_factor.unwrap_or(settings.wall_factor_percent),
        })
    }

    /// What goes by time, for the pieces before the last edge of work that took `duration` until `ended` and is settled at `at`:
    /// each has the prices of its own time. Pieces with the same prices are one.
    pub(super) fn earlier_rates(
        &self,
        duration: Millis,
        ended: DateTime,
        at: DateTime,
    ) -> Result<Vec<EarlierRates>, CostError> {
        let Ok(begun) = ended.checked_sub(span(duration)) else { return Ok(Vec::new()) };
        let mut edges = self.terms.edges(begun, at);
        if edges.is_empty() {
            return Ok(Vec::new());
        }
        edges.retain(|edge| *edge < ended);
        edges.push(ended);
        let mut pieces = Vec::<EarlierRates>::new();
        let mut begin = begun;
        for end in edges {
            let duration_ms = u64::try_from(end.duration_since(begin).as_millis()).unwrap_or_default();
            let piece = self.rates_by_time(begin, duration_ms)?;
            match pieces.last_mut().filter(|last| last.has_prices_of(&piece)) {
                Some(last) => last.duration_ms += duration_ms,
                None => pieces.push(piece),
            }
            begin = end;
        }
        // What has the prices of the settlement is what remains.
        let remains = self.rates_by_time(at, 0)?;
        pieces.pop_if(|last| last.has_prices_of(&remains));
        Ok(pieces)
    }

    fn rates_by_time(&self, at: DateTime, duration_ms: u64) -> Result<EarlierRates, CostError> {
        let goes_by_time = |(part, service): &(&Asset, DaySpan)| {
            matches!(part.life, Life::Time { .. }) && service.contains(at.date())
        };
        let parts = self.parts().filter(goes_by_time).map(|(part, _)| PartRate::new(part, 0));
        let lines = self.lines_on(at.date()).filter(|line| !line.upkeep.is_by_image());
        Ok(EarlierRates {
            duration_ms,
            electricity: self.electricity_rate(at)?,
            parts: parts.collect::<Result<_, RangeError>>()?,
            lines: lines.map(LineRate::from).collect(),
        })
    }

    /// The settings as they are at `at`, by the recorded terms. Of prices of electricity by the hour, the mean of the week from
    /// then on; never below 0.
    pub fn settings_at(&self, at: DateTime) -> CostSettings {
        let settings = self.settings().clone();
        let (host_watts, wall_factor) = self.terms.machine(at);
        CostSettings {
            price_per_kwh: self.mean_price_per_kwh(at).unwrap_or(settings.price_per_kwh).max(Money::ZERO),
            compare_with: self.compare_with().to_owned(),
            host_watts: host_watts.unwrap_or(settings.host_watts),
            wall_factor_percent: wall_factor.unwrap_or(settings.wall_factor_percent),
            ..settings
        }
    }

    /// The mean price of a kilowatt-hour over the hours of the week from `at` on.
    fn mean_price_per_kwh(&self, at: DateTime) -> Option<Money> {
        let hours = (0..HOURS_A_WEEK).map(|hour| at.checked_add(i64::from(hour).hours()).ok());
        let prices = hours.map(|hour| self.price_per_kwh(hour?).ok());
        let sum = prices.reduce(|sum, price| sum?.plus(price?).ok())??;
        sum.share_ceil(1, HOURS_A_WEEK.into()).ok()
    }

    /// Energy at the plug, and its price, of work that ended at `at` and went into no request.
    ///
    /// # Errors
    /// [`CostError`] if an amount is out of range.
    pub fn wasted(&self, usage: Usage, at: DateTime) -> Result<PricedWork, CostError> {
        self.energy_alone(usage.duration, at, |rates| rates.generating(usage))
    }

    /// Electricity of a device that waits, until `at`: of the device alone. `host_watts` is what the machine around it
    /// takes while it generates images.
    ///
    /// # Errors
    /// [`CostError`] if an amount is out of range.
    pub fn idle(&self, usage: Usage, at: DateTime) -> Result<PricedWork, CostError> {
        self.energy_alone(usage.duration, at, |rates| rates.waiting(usage))
    }

    fn energy_alone(
        &self,
        duration: Millis,
        at: DateTime,
        price: impl Fn(&RateCard) -> Result<(Energy, Money), RangeError>,
    ) -> Result<PricedWork, CostError> {
        let electricity = self.electricity_rate(at)?;
        let alone = |earlier| EarlierRates { parts: Vec::new(), lines: Vec::new(), ..earlier };
        let before = self.earlier_rates(duration, at, at)?.into_iter().map(alone).collect();
        let rates = RateCard {
            electricity,
            parts: Vec::new(),
            lines: Vec::new(),
            comparison: None,
            carbon: self.terms.carbon(at).cloned(),
            before,
        };
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
        let before = self.earlier_rates(usage.duration, at, at)?;
        let rates = RateCard { before, ..self.rate_card(at, None, 0)? };
        let (wall_energy, cost) = rates.cost_of(usage, share)?;
        Ok(PricedWork { wall_energy, cost, rates: Some(Arc::new(rates)) })
    }
}

/// A span of the clock on the wall.
pub(super) fn span(duration: Millis) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(duration.get()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
