//! How each figure of a piece of work comes about, line by line.

use std::fmt::Display;

use super::{RateCard, Share};
use crate::{
    costs::{CostError, Life, LineRate, ListPrice, ListRate, PartRate, Upkeep},
    domain::{ImageSize, Quality, Usage},
    units::{Money, RangeError},
};

/// A figure, and how it comes about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingLine {
    /// What it is: `electricity`, or the name of a part.
    pub name: String,
    /// `8250000 mJ / 3600000000 · 1.20 a kWh`.
    pub formula: String,
    /// What comes of it: an amount of the ledger's currency, or an energy with its unit.
    pub result: String,
}

impl WorkingLine {
    fn new(name: impl Into<String>, formula: String, result: &dyn Display) -> Self {
        Self { name: name.into(), formula, result: result.to_string() }
    }
}

impl RateCard {
    /// How the cost of work comes about that took `usage` and was `share` of an image. Each line is rounded up.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn working(&self, usage: Usage, share: Share) -> Result<Vec<WorkingLine>, RangeError> {
        let (wall_energy, cost) = self.cost_of(usage, share)?;
        let (energy, wall) = (usage.energy.as_millijoules(), wall_energy.as_millijoules());
        let rate = &self.electricity;
        let (host, millis) = (rate.host_watts.as_watts(), usage.duration.get());
        let at_the_plug = format!("({energy} mJ + {host} W · {millis} ms) · {} %", rate.wall_factor_percent);
        let tariff = rate.tariff.as_ref().map_or_else(String::new, |row| format!(", tariff {row}"));
        let electricity = format!("{wall} mJ / 3600000000 · {} a kWh{tariff}", rate.price_per_kwh);
        let mut lines = vec![
            WorkingLine::new("energy at the plug", at_the_plug, &format!("{wall} mJ")),
            WorkingLine::new("electricity", electricity, &cost.electricity),
        ];
        for part in &self.parts {
            lines.push(part.working(usage, share)?);
        }
        for line in &self.lines {
            lines.push(line.working(usage, share)?);
        }
        let sum = format!("{} + {} + {}", cost.electricity, cost.depreciation, cost.upkeep);
        lines.push(WorkingLine::new("standard cost", sum, &cost.total()?));
        Ok(lines)
    }

    /// How the price elsewhere of an image comes about, rounded down; none if there is none.
    ///
    /// # Errors
    /// [`CostError`] past the ledger's range.
    pub fn working_elsewhere(
        &self,
        size: ImageSize,
        quality: Quality,
    ) -> Result<Option<WorkingLine>, CostError> {
        let (Some(rate), Some(there)) = (&self.comparison, self.elsewhere(size, quality)?) else {
            return Ok(None);
        };
        Ok(Some(WorkingLine::new(format!("at {}", rate.entry.name()), rate.formula(size, quality)?, &there)))
    }
}

impl PartRate {
    fn working(&self, usage: Usage, share: Share) -> Result<WorkingLine, RangeError> {
        let part = &self.part;
        let worn = format!("({} − {}) · {} %", part.price, part.residual, part.share_percent);
        let formula = match part.life {
            Life::Units { lifetime_images } => {
                let left =
                    self.at_most.map_or_else(String::new, |left| format!(", of which {left} was left"));
                format!("{worn} / {lifetime_images} images{left}{}", share.factor())
            }
            Life::Time { years, normal_utilisation_percent: percent } => {
                format!("{worn} / ({years} · 8760 h) / {percent} % · {} ms", usage.duration.get())
            }
        };
        Ok(WorkingLine::new(&part.name, formula, &self.charge(usage.duration, share)?))
    }
}

impl LineRate {
    fn working(&self, usage: Usage, share: Share) -> Result<WorkingLine, RangeError> {
        let by_time = |amount: String, percent: u32| {
            format!("{amount} / 8760 h / {percent} % · {} ms", usage.duration.get())
        };
        let formula = match self.upkeep {
            Upkeep::PerImage(amount) => format!("{amount} an image{}", share.factor()),
            Upkeep::PerMonth { amount, normal_utilisation_percent } => {
                by_time(format!("12 · {amount} a month"), normal_utilisation_percent)
            }
            Upkeep::PerYear { amount, normal_utilisation_percent } => {
                by_time(format!("{amount} a year"), normal_utilisation_percent)
            }
        };
        Ok(WorkingLine::new(&self.name, formula, &self.charge(usage.duration, share)?))
    }
}

impl ListRate {
    /// `0.005 USD a megapixel · 1048576 pixels · 7.00, read on 2026-11-01 at …`
    fn formula(&self, size: ImageSize, quality: Quality) -> Result<String, RangeError> {
        let entry = &self.entry;
        let currency = entry.currency.code();
        let list_price = match &entry.price {
            ListPrice::Image(amount) => format!("{amount} {currency} an image"),
            ListPrice::Megapixel(amount) => {
                format!("{amount} {currency} a megapixel · {} pixels", size.pixels())
            }
            ListPrice::Table(_) => {
                let amount = entry.price.of_image(size, quality)?;
                format!("{amount} {currency} for {size} in {}", quality.as_str())
            }
            ListPrice::Plan { a_month, included_images } => {
                format!("{a_month} {currency} a month / {included_images} images")
            }
        };
        let is_one = self.exchange_rate == Money::from_nano(1_000_000_000);
        let rate = if is_one { String::new() } else { format!(" · {}", self.exchange_rate) };
        Ok(format!("{list_price}{rate}, read on {} at {}", entry.read_on, entry.source))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::{
        costs::{Asset, CostModel, CostSettings, PriceBook},
        domain::EnergySource,
        units::{Energy, Millis, Power},
    };

    /// 450 W for 15 s, as in the article of January 2026.
    const USAGE: Usage = Usage {
        duration: Millis::new(15_000),
        energy: Energy::from_millijoules(6_750_000),
        source: EnergySource::Estimated,
        epoch: None,
    };

    fn card() -> RateCard {
        let settings = CostSettings {
            host_watts: Power::from_watts(50),
            wall_factor_percent: 110,
            upkeep_per_year: Some("300".parse().expect("an amount")),
            ..CostSettings::default()
        };
        let part = Asset {
            name: "RTX 4090".into(),
            price: "13000".parse().expect("an amount"),
            residual: "5000".parse().expect("an amount"),
            share_percent: 100,
            purchased_on: date(2026, 1, 1),
            life: Life::Time { years: 3, normal_utilisation_percent: 20 },
            retirement: None,
        };
        let rest = Asset { name: "rest".into(), life: Life::Units { lifetime_images: 30_000 }, ..part };
        let prices = PriceBook::built_in().expect("a book");
        let model = CostModel::new(settings, prices, vec![]).expect("a model").with_assets(vec![part, rest]);
        model.rate_card(date(2026, 11, 23).at(12, 0, 0, 0), None, 0).expect("a card")
    }

    fn texts(share: Share) -> Vec<String> {
        let lines = card().working(USAGE, share).expect("in range");
        lines.into_iter().map(|line| format!("{}: {} = {}", line.name, line.formula, line.result)).collect()
    }

    #[test]
    fn each_figure_of_an_image_is_worked_out_in_a_line() {
        assert_eq!(
            texts(Share::WHOLE),
            [
                "energy at the plug: (6750000 mJ + 50 W · 15000 ms) · 110 % = 8250000 mJ",
                "electricity: 8250000 mJ / 3600000000 · 1.20 a kWh = 0.00275",
                "RTX 4090: (13000.00 − 5000.00) · 100 % / (3 · 8760 h) / 20 % · 15000 ms = 0.006341959",
                "rest: (13000.00 − 5000.00) · 100 % / 30000 images = 0.266666667",
                "upkeep: 300.00 a year / 8760 h / 20 % · 15000 ms = 0.000713471",
                "standard cost: 0.00275 + 0.273008626 + 0.000713471 = 0.276472097",
            ]
        );
    }

    #[test]
    fn failed_work_carries_its_steps_of_what_goes_by_images() {
        let failed = texts(Share { steps_done: 3, steps: 8 });
        assert_eq!(
            failed[3],
            "rest: (13000.00 − 5000.00) · 100 % / 30000 images · 3 of 8 steps = 0.100000001"
        );
        assert_eq!(failed[2], texts(Share::WHOLE)[2], "time is charged as it passed");
    }

    #[test]
    fn a_card_is_read_back_from_what_is_stored_of_it() {
        let card = card();
        let stored = serde_json::to_string(&card).expect("JSON");
        assert_eq!(serde_json::from_str::<RateCard>(&stored).expect("a card"), card);
    }
}
