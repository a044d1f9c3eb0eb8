use std::collections::BTreeMap;

use crate::units::{Energy, Millis};

/// How an energy figure was obtained, best first. Stored on every row of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EnergySource {
    /// NVML's total-energy counter.
    Metered,
    /// NVML power samples, summed over time.
    Integrated,
    /// Configured watts × measured time.
    Estimated,
}

crate::domain::words!(EnergySource, "a source of energy": Metered = "metered", Integrated = "integrated", Estimated = "estimated");

/// Energy that goes into no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overhead {
    /// The device waits.
    Idle,
    /// An image that nobody asked for, at the start, or to check a device that failed.
    WarmUp,
    /// Counted while nobody looked: the server was not running, or died over it. And what a node of a cluster made after it was
    /// taken for dead, or could not finish.
    Gap,
}

crate::domain::words!(Overhead, "an overhead": Idle = "idle", WarmUp = "warm-up", Gap = "gap");

/// What one image, or one failed attempt, took from the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Time on the device.
    pub duration: Millis,
    /// Energy of the device in that time, without the rest of the machine.
    pub energy: Energy,
    /// How `energy` was obtained.
    pub source: EnergySource,
    /// The run of the meter's counter in whose sum it is; none if it is in none.
    pub epoch: Option<u32>,
}

impl Usage {
    /// Nothing was taken.
    pub const NONE: Self = Self {
        duration: Millis::ZERO,
        energy: Energy::from_millijoules(0),
        source: EnergySource::Estimated,
        epoch: None,
    };

    /// Both together; an energy past the range stays at its end. The less certain source is the whole's, and so is the later epoch.
    pub fn plus(self, other: Self) -> Self {
        Self {
            duration: self.duration.saturating_add(other.duration),
            energy: self.energy.plus(other.energy).unwrap_or(Energy::MAX),
            source: self.source.max(other.source),
            epoch: self.epoch.max(other.epoch),
        }
    }

    /// The sum of each epoch: an epoch's rows must add up to what its counter counted, so that a row is in one alone.
    pub fn sums_by_epoch(usages: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut sums = BTreeMap::<Option<u32>, Self>::new();
        for usage in usages {
            sums.entry(usage.epoch).and_modify(|sum| *sum = sum.plus(usage)).or_insert(usage);
        }
        sums.into_values().collect()
    }

    /// `factor_percent` / 100 of this time and energy, rounded up.
    pub fn scale_percent_ceil(self, factor_percent: u32) -> Self {
        Self {
            duration: self.duration.scale_percent_ceil(factor_percent),
            energy: self.energy.scale_percent_ceil(factor_percent),
            ..self
        }
    }

    /// This usage shared among images by the work done on each, in pixel-steps; evenly, where none was done. The
    /// shares' sum is the whole, to the millijoule and the millisecond.
    pub fn share(self, work: &[u64]) -> Vec<Self> {
        let even: Vec<u64> = vec![1; work.len()];
        let weights = if work.iter().all(|part| *part == 0) { &even } else { work };
        let durations = shares(self.duration.get(), weights);
        let energies = shares(self.energy.as_millijoules(), weights);
        let parts = durations.into_iter().zip(energies);
        parts
            .map(|(duration, energy)| Self {
                duration: Millis::new(duration),
                energy: Energy::from_millijoules(energy),
                source: self.source,
                epoch: self.epoch,
            })
            .collect()
    }
}

/// `total` in proportion to `weights`. Each share ends where the running sum of the weights ends, rounded down, so that
/// nothing is lost to rounding.
fn shares(total: u64, weights: &[u64]) -> Vec<u64> {
    let whole: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let mut upto = 0;
    let mut given = 0;
    weights
        .iter()
        .map(|weight| {
            upto += u128::from(*weight);
            // At most `total`, since `upto` is at most `whole`.
            let end = u64::try_from(u128::from(total) * upto / whole.max(1)).unwrap_or(total);
            std::mem::replace(&mut given, end).abs_diff(end)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usage(millis: u64, millijoules: u64) -> Usage {
        Usage {
            duration: Millis::new(millis),
            energy: Energy::from_millijoules(millijoules),
            source: EnergySource::Estimated,
            epoch: None,
        }
    }

    proptest! {
        #[test]
        fn shares_add_up_to_the_whole(
            millis in 0..u64::MAX / 2,
            millijoules in 0..u64::MAX / 2,
            work in prop::collection::vec(0..u64::MAX / 16, 1..12),
        ) {
            let parts = usage(millis, millijoules).share(&work);
            prop_assert_eq!(parts.len(), work.len());
            let sum = parts.into_iter().reduce(Usage::plus);
            prop_assert_eq!(sum, Some(usage(millis, millijoules)));
        }
    }

    #[test]
    fn who_did_half_the_steps_pays_half_as_much() {
        let parts = usage(30, 300).share(&[8, 4, 8]);
        let energy: Vec<u64> = parts.iter().map(|part| part.energy.as_millijoules()).collect();
        assert_eq!(energy, [120, 60, 120]);
        assert_eq!(usage(10, 100).share(&[0, 0]), [usage(5, 50), usage(5, 50)]);
    }

    #[test]
    fn what_two_devices_took_is_summed_for_each() {
        let of = |epoch, millis| Usage { epoch, ..usage(millis, 10 * millis) };
        let sums = Usage::sums_by_epoch([of(Some(2), 1), of(None, 2), of(Some(1), 3), of(Some(2), 4)]);
        assert_eq!(sums, [of(None, 2), of(Some(1), 3), of(Some(2), 5)]);
        assert_eq!(Usage::sums_by_epoch([]), []);
    }

    #[test]
    fn a_sum_is_as_certain_as_its_least_certain_part() {
        let metered = Usage { source: EnergySource::Metered, ..usage(1, 2) };
        assert_eq!(metered.plus(usage(3, 4)), usage(4, 6));
    }
}
