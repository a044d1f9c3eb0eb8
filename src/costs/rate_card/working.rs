//! How each figure of a piece of work comes about, line by line.

use std::fmt::Display;

use super::{CarbonRate, RateCard, Share, pieces::Piece};
use crate::{
    costs::{CostError, CostLine, Life, LineRate, ListPrice, ListRate, PartRate, Upkeep},
    domain::{ImageSize, Quality, Usage},
    units::{Carbon, Energy, EnergyBalance, Money, RangeError},
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

/// A word in a working, so that a page can say it in its visitor's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkingWord {
    /// Energy at the plug.
    EnergyAtThePlug,
    /// Electricity.
    Electricity,
    /// The configured upkeep.
    Upkeep,
    /// The standard cost.
    StandardCost,
    /// What stands before the name of a service.
    At,
    /// What stands behind the price of a kilowatt-hour.
    AKilowattHour,
    /// What stands before the row of a tariff.
    Tariff,
    /// What stands behind a number of images.
    Images,
    /// What stands behind the amount of one image.
    AnImage,
    /// What stands before what was left of a part.
    OfWhichLeft,
    /// What stands behind a number of steps.
    Steps,
    /// What stands between the steps that were done and those of an image.
    Of,
    /// What stands behind the amount of an hour.
    AnHour,
    /// What stands behind the amount of a month.
    AMonth,
    /// What stands behind the amount of a year.
    AYear,
    /// What stands behind the amount of a megapixel.
    AMegapixel,
    /// What stands behind a number of pixels.
    Pixels,
    /// What stands before the day on which a price was read.
    ReadOn,
}

/// Says the words of a working.
pub type WorkingWords<'a> = &'a dyn Fn(WorkingWord) -> String;

impl WorkingWord {
    /// The word in English, as the command line has it.
    pub fn english(self) -> String {
        let word = match self {
            Self::EnergyAtThePlug => "energy at the plug",
            Self::Electricity => "electricity",
            Self::Upkeep => "upkeep",
            Self::StandardCost => "standard cost",
            Self::At => "at",
            Self::AKilowattHour => "a kWh",
            Self::Tariff => "tariff",
            Self::Images => "images",
            Self::AnImage => "an image",
            Self::OfWhichLeft => "of which was left",
            Self::Steps => "steps",
            Self::Of => "of",
            Self::AnHour => "an hour",
            Self::AMonth => "a month",
            Self::AYear => "a year",
            Self::AMegapixel => "a megapixel",
            Self::Pixels => "pixels",
            Self::ReadOn => "read on",
        };
        word.to_owned()
    }
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
    pub fn working(
        &self,
        usage: Usage,
        share: Share,
        say: WorkingWords<'_>,
    ) -> Result<Vec<WorkingLine>, RangeError> {
        let (wall_energy, cost) = self.cost_of(usage, share)?;
        let mut lines = Vec::new();
        for piece in self.pieces(usage) {
            lines.extend(piece.working(say)?);
            for part in piece.parts {
                lines.push(part.working(piece.usage, share, say)?);
            }
            for line in piece.lines {
                lines.push(line.working(piece.usage, share, say)?);
            }
        }
        if let Some(carbon) = &self.carbon {
            lines.push(carbon.working(wall_energy, say)?);
        }
        let sum = format!("{} + {} + {}", cost.electricity, cost.depreciation, cost.upkeep);
        lines.push(WorkingLine::new(say(WorkingWord::StandardCost), sum, &cost.total()?));
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
        say: WorkingWords<'_>,
    ) -> Result<Option<WorkingLine>, CostError> {
        let (Some(rate), Some(there)) = (&self.comparison, self.elsewhere(size, quality)?) else {
            return Ok(None);
        };
        let name = format!("{} {}", say(WorkingWord::At), rate.entry.name());
        Ok(Some(WorkingLine::new(name, rate.formula(size, quality, say)?, &there)))
    }
}

impl Piece<'_> {
    /// Its energy at the plug, and what that costs.
    fn working(&self, say: WorkingWords<'_>) -> Result<[WorkingLine; 2], RangeError> {
        let (energy, millis) = (self.usage.energy.as_millijoules(), self.usage.duration.get());
        let rate = self.electricity;
        let (wall_energy, price) = rate.at_the_plug(self.energy_with_host()?)?;
        let (host, wall) = (rate.host_watts.as_watts(), wall_energy.as_millijoules());
        let at_the_plug = format!("({energy} mJ + {host} W · {millis} ms) · {} %", rate.wall_factor_percent);
        let tariff = rate.tariff.as_ref();
        let tariff = tariff.map_or_else(String::new, |row| format!(", {} {row}", say(WorkingWord::Tariff)));
        let a_kwh = say(WorkingWord::AKilowattHour);
        let electricity = format!("{wall} mJ / 3600000000 · {} {a_kwh}{tariff}", rate.price_per_kwh);
        Ok([
            WorkingLine::new(say(WorkingWord::EnergyAtThePlug), at_the_plug, &format!("{wall} mJ")),
            WorkingLine::new(say(WorkingWord::Electricity), electricity, &price),
        ])
    }
}

impl CarbonRate {
    fn working(&self, wall_energy: Energy, say: WorkingWords<'_>) -> Result<WorkingLine, RangeError> {
        let millijoules = wall_energy.as_millijoules();
        let (grams, a_kwh) = (self.grams_per_kwh, say(WorkingWord::AKilowattHour));
        let formula = format!("{millijoules} mJ / 3600000000 · {grams} g {a_kwh}, {}", self.source);
        let energy = i64::try_from(millijoules).map_err(|_| RangeError::Energy)?;
        let carbon = Carbon::of(EnergyBalance::from_millijoules(energy), grams)?;
        Ok(WorkingLine::new("CO2e", formula, &format!("{} g", carbon.to_grams_string())))
    }
}

impl PartRate {
    fn working(&self, usage: Usage, share: Share, say: WorkingWords<'_>) -> Result<WorkingLine, RangeError> {
        let part = &self.part;
        let worn = format!("({} − {}) · {} %", part.price, part.residual, part.share_percent);
        let formula = match part.life {
            Life::Units { lifetime_images, .. } => {
                let left = |left| format!(", {} {left}", say(WorkingWord::OfWhichLeft));
                let left = self.at_most.map_or_else(String::new, left);
                let images = say(WorkingWord::Images);
                format!("{worn} / {lifetime_images} {images}{left}{}", share.factor(say))
            }
            Life::Time { years, normal_utilisation_percent: percent } => {
                format!("{worn} / ({years} · 8760 h) / {percent} % · {} ms", usage.duration.get())
            }
        };
        Ok(WorkingLine::new(&part.name, formula, &self.charge(usage.duration, share)?))
    }
}

impl LineRate {
    fn working(&self, usage: Usage, share: Share, say: WorkingWords<'_>) -> Result<WorkingLine, RangeError> {
        let by_time = |amount: String, percent: u32| {
            format!("{amount} / 8760 h / {percent} % · {} ms", usage.duration.get())
        };
        let formula = match self.upkeep {
            Upkeep::PerImage(amount) => {
                format!("{amount} {}{}", say(WorkingWord::AnImage), share.factor(say))
            }
            Upkeep::Once(amount) => format!("{amount} · 0"),
            Upkeep::PerHour { amount, hours_a_day, minimum_hours, normal_utilisation_percent } => {
                let hours = format!("max({hours_a_day} · 365, 12 · {minimum_hours})");
                by_time(
                    format!("{hours} · {amount} {}", say(WorkingWord::AnHour)),
                    normal_utilisation_percent,
                )
            }
            Upkeep::PerMonth { amount, normal_utilisation_percent } => {
                by_time(format!("12 · {amount} {}", say(WorkingWord::AMonth)), normal_utilisation_percent)
            }
            Upkeep::PerYear { amount, normal_utilisation_percent } => {
                by_time(format!("{amount} {}", say(WorkingWord::AYear)), normal_utilisation_percent)
            }
        };
        // The configured line has no name of its owner's.
        let name =
            if self.name == CostLine::CONFIGURED { say(WorkingWord::Upkeep) } else { self.name.clone() };
        Ok(WorkingLine::new(name, formula, &self.charge(usage.duration, share)?))
    }
}

impl ListRate {
    /// `0.005 USD a megapixel · 1048576 pixels · 7.00, read on 2026-11-01 at …`
    fn formula(
        &self,
        size: ImageSize,
        quality: Quality,
        say: WorkingWords<'_>,
    ) -> Result<String, RangeError> {
        let entry = &self.entry;
        let currency = entry.currency.code();
        let list_price = match &entry.price {
            ListPrice::Image(amount) => format!("{amount} {currency} {}", say(WorkingWord::AnImage)),
            ListPrice::Megapixel(amount) => {
                let (megapixel, pixels) = (say(WorkingWord::AMegapixel), say(WorkingWord::Pixels));
                format!("{amount} {currency} {megapixel} · {} {pixels}", size.pixels())
            }
            ListPrice::Table(_) => {
                let amount = entry.price.of_image(size, quality)?;
                format!("{amount} {currency} ({size}, {})", quality.as_str())
            }
            ListPrice::Plan { a_month, included_images } => {
                let (month, images) = (say(WorkingWord::AMonth), say(WorkingWord::Images));
                format!("{a_month} {currency} {month} / {included_images} {images}")
            }
        };
        let is_one = self.exchange_rate == Money::from_nano(1_000_000_000);
        let rate = if is_one { String::new() } else { format!(" · {}", self.exchange_rate) };
        let left = 100_u32.saturating_sub(self.discount_percent);
        let rate = if left == 100 { rate } else { format!("{rate} · {left} %") };
        let read_on = say(WorkingWord::ReadOn);
        Ok(format!("{list_price}{rate}, {read_on} {}: {}", entry.read_on, entry.source))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::{
        costs::{Asset, CostModel, CostSettings, EarlierRates, ElectricityRate, PriceBook},
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
        let rest =
            Asset { name: "rest".into(), life: Life::Units { lifetime_images: 30_000, years: None }, ..part };
        let prices = PriceBook::built_in().expect("a book");
        let model = CostModel::new(settings, prices, vec![]).expect("a model").with_assets(vec![part, rest]);
        model.rate_card(date(2026, 11, 23).at(12, 0, 0, 0), None, 0).expect("a card")
    }

    fn texts(share: Share) -> Vec<String> {
        let lines = card().working(USAGE, share, &WorkingWord::english).expect("in range");
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
    fn work_over_an_edge_is_worked_out_piece_by_piece() {
        let card = card();
        let RateCard { electricity, lines, .. } = card.clone();
        let electricity = ElectricityRate { price_per_kwh: "0.6".parse().expect("an amount"), ..electricity };
        let earlier = EarlierRates { duration_ms: 5_000, electricity, parts: Vec::new(), lines };
        let card = RateCard { before: vec![earlier], ..card };
        let lines = card.working(USAGE, Share::WHOLE, &WorkingWord::english).expect("in range");
        let named = |name: &str| lines.iter().filter(|line| line.name == name).collect::<Vec<_>>();
        let [first, second] = named("electricity")[..] else { panic!("{lines:?}") };
        assert_eq!(first.formula, "2750000 mJ / 3600000000 · 0.60 a kWh");
        assert_eq!(second.formula, "5500000 mJ / 3600000000 · 1.20 a kWh");
        assert_eq!((named("RTX 4090").len(), named("rest").len(), named("upkeep").len()), (1, 1, 2));
        // 0.000458334 + 0.001833334 of electricity.
        assert!(lines.last().expect("a sum").formula.starts_with("0.002291668 + "), "{lines:?}");
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
