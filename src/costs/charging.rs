//! Charging on: how much of what no image was charged each user of the machine bears.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::units::Money;

/// In proportion to what idle and unused cost is shared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShareRule {
    /// The time on the devices.
    #[default]
    DeviceTime,
    /// The standard cost of the images.
    StandardCost,
    /// The images.
    Images,
    /// Nothing: each cost centre that used the machine bears the same.
    Equally,
    /// It stays with the operator.
    Nobody,
}

/// The `[costs.charging]` part of the configuration: how costs are charged on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChargingSettings {
    /// How idle and unused cost is shared.
    pub shared_by: ShareRule,
    /// What is added to a cost centre's costs.
    pub mark_up_percent: u32,
}

/// What one user of the machine used of it in a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MachineUse {
    /// Whether it is a cost centre, and not what belongs to none.
    pub is_centre: bool,
    /// Images, less those that were taken back.
    pub images: i64,
    /// Milliseconds on the devices.
    pub device_ms: i64,
    /// Standard cost of the images.
    pub standard: Money,
}

/// A word that is no [`ShareRule`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` shares nothing; write device-time, standard-cost, images, equally or nobody")]
pub struct ShareRuleError(String);

impl ShareRule {
    const ALL: [Self; 5] = [Self::DeviceTime, Self::StandardCost, Self::Images, Self::Equally, Self::Nobody];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeviceTime => "device-time",
            Self::StandardCost => "standard-cost",
            Self::Images => "images",
            Self::Equally => "equally",
            Self::Nobody => "nobody",
        }
    }

    /// What stands for `used` in the proportion. What was taken back counts for nothing.
    fn weight(self, used: &MachineUse) -> u64 {
        let weight = match self {
            Self::DeviceTime => used.device_ms,
            Self::StandardCost => used.standard.as_nano(),
            Self::Images => used.images,
            Self::Equally => i64::from(used.is_centre && (used.images != 0 || used.device_ms != 0)),
            Self::Nobody => 0,
        };
        u64::try_from(weight).unwrap_or(0)
    }

    /// The parts of `total` that each of `users` bears; the last one bears all of it if nobody has a share. Each part is
    /// the difference of two running sums that are rounded down, so the parts add up.
    pub fn share(self, total: Money, users: &[MachineUse]) -> Vec<Money> {
        let weights: Vec<u128> = users.iter().map(|used| self.weight(used).into()).collect();
        let all: u128 = weights.iter().sum();
        let last = users.len().saturating_sub(1);
        if all == 0 {
            return (0..users.len()).map(|at| if at == last { total } else { Money::ZERO }).collect();
        }
        let (mut sum, mut before) = (0, 0);
        let part = |weight: &u128| {
            sum += *weight;
            let until = running(total, sum, all);
            let part = until - before;
            before = until;
            Money::from_nano(part)
        };
        weights.iter().map(part).collect()
    }
}

/// `total` · `sum` / `all` in billionths, rounded down, where `sum` is at most `all`.
fn running(total: Money, sum: u128, all: u128) -> i64 {
    let (total, sum, all) = (i128::from(total.as_nano()), i128::try_from(sum), i128::try_from(all));
    let exact = sum.ok().zip(all.ok()).and_then(|(sum, all)| Some(total.checked_mul(sum)?.div_euclid(all)));
    // Beyond any ledger: weights are sums of what the ledger can hold.
    exact.and_then(|exact| i64::try_from(exact).ok()).unwrap_or_default()
}

impl fmt::Display for ShareRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ShareRule {
    type Err = ShareRuleError;

    fn from_str(text: &str) -> Result<Self, ShareRuleError> {
        Self::ALL
            .into_iter()
            .find(|rule| rule.as_str() == text)
            .ok_or_else(|| ShareRuleError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn used(images: i64, device_ms: i64, nano: i64) -> MachineUse {
        MachineUse { is_centre: true, images, device_ms, standard: Money::from_nano(nano) }
    }

    #[test]
    fn what_is_shared_goes_by_the_rule() {
        let users = [used(1, 3000, 10), used(3, 1000, 10), MachineUse { is_centre: false, ..used(0, 0, 0) }];
        let parts = |rule: ShareRule| rule.share(Money::from_nano(100), &users).map_nano();
        assert_eq!(parts(ShareRule::DeviceTime), [75, 25, 0]);
        assert_eq!(parts(ShareRule::Images), [25, 75, 0]);
        assert_eq!(parts(ShareRule::StandardCost), [50, 50, 0]);
        assert_eq!(parts(ShareRule::Equally), [50, 50, 0]);
        assert_eq!(parts(ShareRule::Nobody), [0, 0, 100], "the last one is the operator");
        assert_eq!(ShareRule::Images.share(Money::from_nano(100), &[used(-1, 0, 0)]).map_nano(), [100]);
    }

    trait Nanos {
        fn map_nano(self) -> Vec<i64>;
    }

    impl Nanos for Vec<Money> {
        fn map_nano(self) -> Vec<i64> {
            self.into_iter().map(Money::as_nano).collect()
        }
    }

    proptest! {
        #[test]
        fn parts_add_up(total in -1_000_000_i64..1_000_000, times in prop::collection::vec(0_i64..1000, 1..6)) {
            let users: Vec<_> = times.iter().map(|ms| used(1, *ms, 1)).collect();
            let parts = ShareRule::DeviceTime.share(Money::from_nano(total), &users).map_nano();
            prop_assert_eq!(parts.iter().sum::<i64>(), total);
            let all: i64 = times.iter().sum();
            for (part, ms) in parts.iter().zip(&times) {
                prop_assert!(all == 0 || (part * all - total * ms).abs() <= all, "to a billionth");
            }
        }
    }
}
