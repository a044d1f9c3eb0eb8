//! Which keys the file or a variable has, to distinguish a default from a value.

use std::collections::BTreeSet;

use figment::Figment;

use crate::costs::Term;

/// Keys that have dated values.
const KEYS: [&str; 15] = [
    "listen",
    "costs.price_per_kwh",
    "costs.tariff",
    "costs.host_watts",
    "costs.wall_factor_percent",
    "costs.compare_with",
    "costs.mix",
    "energy.device_watts",
    "energy.idle_watts",
    "exchange_rate",
    "costs.charging.shared_by",
    "costs.charging.mark_up_percent",
    "costs.upkeep_per_image",
    "costs.upkeep_per_year",
    "costs.normal_utilisation_percent",
];

/// Those of the keys that the file or a variable has, and that are so no defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatedKeys(BTreeSet<&'static str>);

impl StatedKeys {
    pub(super) fn of(figment: &Figment) -> Self {
        Self(KEYS.into_iter().filter(|key| figment.contains(key)).collect())
    }

    /// The first of the keys of `term` that is stated.
    pub fn key_of(&self, term: &Term) -> Option<&'static str> {
        let keys: &[&'static str] = match term {
            Term::Electricity(_) => &["costs.price_per_kwh", "costs.tariff"],
            Term::Spot(_) | Term::Carbon(_) => &[],
            Term::ExchangeRate { .. } => &["exchange_rate"],
            Term::HostWatts(_) => &["costs.host_watts"],
            Term::WallFactorPercent(_) => &["costs.wall_factor_percent"],
            Term::DeviceWatts(_) => &["energy.device_watts"],
            Term::IdleWatts(_) => &["energy.idle_watts"],
            Term::CompareWith(_) => &["costs.compare_with"],
            Term::CompareMix(_) => &["costs.mix"],
            Term::TimeZone(_) => &["time_zone"],
            Term::SharedBy(_) => &["costs.charging.shared_by"],
            Term::MarkUpPercent(_) => &["costs.charging.mark_up_percent"],
        };
        keys.iter().copied().find(|key| self.0.contains(key))
    }

    /// Whether it says where to listen.
    pub fn has_listen(&self) -> bool {
        self.0.contains("listen")
    }

    /// Whether it is stated what the machine costs beside its parts and its electricity.
    pub fn has_upkeep(&self) -> bool {
        let keys = ["costs.upkeep_per_image", "costs.upkeep_per_year", "costs.normal_utilisation_percent"];
        keys.iter().any(|key| self.0.contains(key))
    }
}
