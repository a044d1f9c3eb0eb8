//! What work was priced with at one moment. It is stored with the work, so that every figure can be worked out again.

mod pieces;
mod working;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::pieces::Piece;
pub use self::{
    pieces::EarlierRates,
    working::{WorkingLine, WorkingWord, WorkingWords},
};
use super::{Asset, Breakdown, CostError, CostLine, Life, ListRate, Upkeep};
use crate::{
    domain::{ImageSize, Product, Quality, Usage},
    units::{CarbonIntensity, Energy, Millis, Money, Power, RangeError},
};

/// All that the price of one piece of work depends on beside the work itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateCard {
    /// The price of energy.
    pub electricity: ElectricityRate,
    /// The parts in service.
    pub parts: Vec<PartRate>,
    /// The lines of upkeep that hold.
    pub lines: Vec<LineRate>,
    /// The price elsewhere; none if there is none.
    pub comparison: Option<ListRate>,
    /// What energy at the plug emits; none if nothing was recorded of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carbon: Option<CarbonRate>,
    /// What the beginning of the work was priced with, if it ran over the edge of a tariff or of a day: piece by piece, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<EarlierRates>,
}

/// What the electricity of the machine's place emits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarbonRate {
    /// Grams of CO₂ equivalent for a kilowatt-hour at the plug.
    pub grams_per_kwh: CarbonIntensity,
    /// Who says so.
    pub source: String,
}

/// The price of energy at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElectricityRate {
    /// Price of a kilowatt-hour at the plug.
    pub price_per_kwh: Money,
    /// The row of the tariff that has it; none if one price has always held.
    pub tariff: Option<String>,
    /// Power of the machine around the device while it generates images.
    pub host_watts: Power,
    /// What the plug delivers for 100 W that the machine uses.
    pub wall_factor_percent: u32,
}

/// A part in service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRate {
    /// The part.
    #[serde(flatten)]
    pub part: Asset,
    /// What was left to charge of a part by units; none if that was an image's share or more.
    pub at_most: Option<Money>,
}

/// A line of upkeep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRate {
    /// What its owner calls it.
    pub name: String,
    /// What it costs, and by what.
    pub upkeep: Upkeep,
}

/// How much of an image some work was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The denoising steps that were done.
    pub steps_done: u64,
    /// The steps of an image.
    pub steps: u32,
}

/// Work that was priced: an image, work that gave none, or energy that went into no request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedWork {
    /// Energy at the plug.
    pub wall_energy: Energy,
    /// What it cost.
    pub cost: Breakdown,
    /// What it was priced with; none if that is not kept.
    pub rates: Option<Arc<RateCard>>,
}

impl PricedWork {
    /// Work at a price that nobody can work out again.
    pub const fn unexplained(wall_energy: Energy, cost: Breakdown) -> Self {
        Self { wall_energy, cost, rates: None }
    }
}

impl RateCard {
    /// Energy at the plug and cost of work that took `usage` and was `share` of an image. What goes by time is charged
    /// for the time on the device, what goes by images for that share.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn cost_of(&self, usage: Usage, share: Share) -> Result<(Energy, Breakdown), RangeError> {
        let (wall_energy, electricity) = self.generating(usage)?;
        let mut cost = Breakdown { electricity, ..Breakdown::default() };
        for piece in self.pieces(usage) {
            let parts = piece.parts.iter().map(|part| part.charge(piece.usage.duration, share));
            let lines = piece.lines.iter().map(|line| line.charge(piece.usage.duration, share));
            cost.depreciation = cost.depreciation.plus(sum(parts)?)?;
            cost.upkeep = cost.upkeep.plus(sum(lines)?)?;
        }
        Ok((wall_energy, cost))
    }

    /// Energy at the plug, and its price, of a device that generates: (E_device + P_host · t) · wall factor.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn generating(&self, usage: Usage) -> Result<(Energy, Money), RangeError> {
        self.at_the_plug(usage, |piece| piece.energy_with_host())
    }

    /// The same of a device that waits: of the device alone.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn waiting(&self, usage: Usage) -> Result<(Energy, Money), RangeError> {
        self.at_the_plug(usage, |piece| Ok(piece.usage.energy))
    }

    /// The price of an image elsewhere, rounded down; none if there is none.
    ///
    /// # Errors
    /// [`CostError`] past the ledger's range.
    pub fn elsewhere(&self, size: ImageSize, quality: Quality) -> Result<Option<Money>, CostError> {
        let price = |rate: &ListRate| {
            let operation = rate.entry.operation;
            rate.price_of(Product { operation, size, quality })
        };
        self.comparison.as_ref().map(price).transpose()
    }

    fn at_the_plug(
        &self,
        usage: Usage,
        used: impl Fn(&Piece<'_>) -> Result<Energy, RangeError>,
    ) -> Result<(Energy, Money), RangeError> {
        let nothing = (Energy::from_millijoules(0), Money::ZERO);
        self.pieces(usage).iter().try_fold(nothing, |(energy, price), piece| {
            let of_piece = piece.electricity.at_the_plug(used(piece)?)?;
            Ok((energy.plus(of_piece.0)?, price.plus(of_piece.1)?))
        })
    }
}

impl ElectricityRate {
    /// Energy at the plug of what was used, and its price.
    fn at_the_plug(&self, used: Energy) -> Result<(Energy, Money), RangeError> {
        let wall_energy = used.scale_percent_ceil(self.wall_factor_percent);
        let kwh = Energy::KILOWATT_HOUR.as_millijoules();
        let price = self.price_per_kwh.share_ceil(wall_energy.as_millijoules(), kwh)?;
        Ok((wall_energy, price))
    }
}

impl PartRate {
    /// A part, for the image after `images_before` of its service.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub(super) fn new(part: &Asset, images_before: u64) -> Result<Self, RangeError> {
        let at_most = match part.life {
            Life::Time { .. } => None,
            Life::Units { .. } => {
                let charge = part.depreciation_of_image(Millis::ZERO)?;
                Some(part.charge_of_image(Millis::ZERO, images_before)?).filter(|left| *left < charge)
            }
        };
        Ok(Self { part: part.clone(), at_most })
    }

    /// What work of `duration` that was `share` of an image is charged of it.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn charge(&self, duration: Millis, share: Share) -> Result<Money, RangeError> {
        let of_image = self.part.depreciation_of_image(duration)?;
        let of_image = self.at_most.map_or(of_image, |at_most| of_image.min(at_most));
        match self.part.life {
            Life::Units { .. } => share.of(of_image),
            Life::Time { .. } => Ok(of_image),
        }
    }
}

impl LineRate {
    /// What work of `duration` that was `share` of an image is charged of it.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn charge(&self, duration: Millis, share: Share) -> Result<Money, RangeError> {
        match self.upkeep {
            Upkeep::PerImage(of_image) => share.of(of_image),
            by_time => by_time.of_image(duration),
        }
    }
}

impl Share {
    /// A whole image.
    pub const WHOLE: Self = Self { steps_done: 1, steps: 1 };

    fn of(self, of_image: Money) -> Result<Money, RangeError> {
        of_image.share_ceil(self.steps_done, u64::from(self.steps.max(1)))
    }

    /// ` · 3 of 8 steps`; nothing for a whole image.
    fn factor(self, say: WorkingWords<'_>) -> String {
        match self {
            Self::WHOLE => String::new(),
            Self { steps_done, steps } => {
                let (of, word) = (say(WorkingWord::Of), say(WorkingWord::Steps));
                format!(" · {steps_done} {of} {steps} {word}")
            }
        }
    }
}

impl From<&CostLine> for LineRate {
    fn from(line: &CostLine) -> Self {
        Self { name: line.name.clone(), upkeep: line.upkeep }
    }
}

fn sum(amounts: impl Iterator<Item = Result<Money, RangeError>>) -> Result<Money, RangeError> {
    amounts.into_iter().try_fold(Money::ZERO, |sum, amount| sum.plus(amount?))
}
