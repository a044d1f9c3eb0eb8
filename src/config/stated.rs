//! Which keys the file or a variable has, to distinguish a default from a value.

use std::collections::BTreeSet;

use figment::Figment;

use crate::costs::Term;

/// Keys that have dated values, or that /admin/settings shows.
const KEYS: [&str; 19] = [
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
    "costs.hardware",
    "costs.currency",
    "public_url",
    "time_zone",
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
        term.configuration_keys().iter().copied().find(|key| self.0.contains(key))
    }

    /// Whether `key` is stated.
    pub fn has(&self, key: &str) -> bool {
        self.0.contains(key)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied()
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
