use std::sync::Arc;

use super::{Breakdown, Comparison, RateCard, Share};
use crate::{
    domain::{EnergySource, Usage},
    units::{Carbon, Energy, EnergyBalance, Millis, Money, RangeError},
};

/// What one image cost, and what it would have cost elsewhere. All amounts in the ledger's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Time and energy of the device, and how the energy was obtained.
    pub usage: Usage,
    /// Energy at the plug: the device, the machine around it, and the power supply's loss.
    pub wall_energy: Energy,
    /// Price of that energy, and the image's shares of the hardware and of everything else; each rounded up.
    pub cost: Breakdown,
    /// The service compared with; none if it had no price.
    pub comparison: Option<Comparison>,
    /// What all this was priced with; none if it was read back, or is of several images.
    pub rates: Option<Arc<RateCard>>,
}

impl Receipt {
    /// The receipt of an image that took `usage` and is priced with `rates`.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub(super) fn priced(
        usage: Usage,
        comparison: Option<Comparison>,
        rates: RateCard,
    ) -> Result<Self, RangeError> {
        let (wall_energy, cost) = rates.cost_of(usage, Share::WHOLE)?;
        Ok(Self { usage, wall_energy, cost, comparison, rates: Some(Arc::new(rates)) })
    }

    /// The receipt of what was not done here.
    pub fn of_nothing() -> Self {
        let energy = Energy::from_millijoules(0);
        Self {
            usage: Usage { duration: Millis::ZERO, energy, source: EnergySource::Estimated, epoch: None },
            wall_energy: energy,
            cost: Breakdown::default(),
            comparison: None,
            rates: None,
        }
    }

    /// Electricity, depreciation and upkeep: the standard cost.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn standard(&self) -> Result<Money, RangeError> {
        self.cost.total()
    }

    /// What its energy at the plug emitted; none if nothing was recorded of that.
    pub fn carbon(&self) -> Option<Carbon> {
        let rate = self.rates.as_ref()?.carbon.as_ref()?;
        let energy = i64::try_from(self.wall_energy.as_millijoules()).ok()?;
        Carbon::of(EnergyBalance::from_millijoules(energy), rate.grams_per_kwh).ok()
    }

    /// The compared price less the standard cost: negative if the image was dearer here, none if there is no price.
    pub fn saving(&self) -> Option<Money> {
        self.comparison.as_ref()?.price.minus(self.standard().ok()?).ok()
    }

    /// The receipt of `images` images that cost this each.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn times(&self, images: u32) -> Result<Self, RangeError> {
        let energy =
            |energy: Energy| Energy::from_millijoules(energy.as_millijoules().saturating_mul(images.into()));
        let usage = Usage {
            duration: Millis::new(self.usage.duration.get().saturating_mul(images.into())),
            energy: energy(self.usage.energy),
            ..self.usage
        };
        Ok(Self {
            usage,
            wall_energy: energy(self.wall_energy),
            cost: self.cost.times(images)?,
            comparison: self.comparison.as_ref().and_then(|comparison| comparison.times(images)),
            rates: None,
        })
    }
}
