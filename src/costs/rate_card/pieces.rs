//! Work over the edge of a tariff or of a day, in pieces: what goes by time has the price of its own time.

use serde::{Deserialize, Serialize};

use super::{ElectricityRate, LineRate, PartRate, RateCard};
use crate::{
    domain::Usage,
    units::{Energy, RangeError},
};

/// What a piece of work before an edge was priced with. What goes by images is priced once, by the card itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierRates {
    /// Milliseconds that the work spent in it.
    pub duration_ms: u64,
    /// The price of energy.
    pub electricity: ElectricityRate,
    /// The parts in service that go by time.
    pub parts: Vec<PartRate>,
    /// The lines of upkeep that go by time.
    pub lines: Vec<LineRate>,
}

impl EarlierRates {
    /// Whether both have the same prices, however long each holds.
    pub(in crate::costs) fn has_prices_of(&self, other: &Self) -> bool {
        (&self.electricity, &self.parts, &self.lines) == (&other.electricity, &other.parts, &other.lines)
    }
}

/// Work between two edges.
pub(super) struct Piece<'a> {
    pub(super) usage: Usage,
    pub(super) electricity: &'a ElectricityRate,
    pub(super) parts: &'a [PartRate],
    pub(super) lines: &'a [LineRate],
}

impl RateCard {
    /// The work in pieces, in order. Energy is shared by time.
    pub(super) fn pieces(&self, usage: Usage) -> Vec<Piece<'_>> {
        let mut durations: Vec<_> = self.before.iter().map(|rates| rates.duration_ms).collect();
        let earlier = durations.iter().copied().fold(0, u64::saturating_add);
        durations.push(usage.duration.get().saturating_sub(earlier));
        let shares = usage.share(&durations);
        let before = self.before.iter().map(|rates| (&rates.electricity, &*rates.parts, &*rates.lines));
        let rates = before.chain([(&self.electricity, &*self.parts, &*self.lines)]);
        let piece = |(usage, (electricity, parts, lines))| Piece { usage, electricity, parts, lines };
        shares.into_iter().zip(rates).map(piece).collect()
    }
}

impl Piece<'_> {
    /// Energy of the device, and of the machine around it.
    pub(super) fn energy_with_host(&self) -> Result<Energy, RangeError> {
        self.usage.energy.plus(self.electricity.host_watts.over(self.usage.duration))
    }
}
