//! What the configuration says of values that change from time to time. The ledger records it, with its date.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{Config, ConfigError};
use crate::{
    costs::{ConfiguredTerms, DatedTerm, Term},
    service::StatedSettings,
};

impl Config {
    /// What it says of values that change from time to time, by their names. The time zone is not among them: see
    /// [`Config::zone`].
    ///
    /// # Errors
    /// [`ConfigError`] for a tariff that cannot be.
    pub fn terms(&self) -> Result<Vec<ConfiguredTerms>, ConfigError> {
        let terms = self.costs.terms(self.exchange_rate.clone())?;
        let always = |term| DatedTerm::from_day(Date::MIN, term);
        let alone = [
            Term::DeviceWatts(self.energy.device_watts),
            Term::IdleWatts(self.energy.idle_watts),
            Term::CompareWith(self.costs.compare_with.clone()),
            Term::CompareMix(self.costs.mix.clone()),
        ];
        let mut by_name: BTreeMap<String, Vec<DatedTerm>> = BTreeMap::new();
        for dated in terms.all().iter().cloned().chain(alone.map(always)) {
            by_name.entry(dated.term.name()).or_default().push(dated);
        }
        let of_name = |terms: Vec<DatedTerm>| {
            let is_stated = terms.iter().any(|dated| self.stated.key_of(&dated.term).is_some());
            ConfiguredTerms { terms, is_stated }
        };
        Ok(by_name.into_values().map(of_name).collect())
    }

    /// What the file and the variables state of what /admin/settings shows.
    pub(super) fn stated_settings(&self) -> StatedSettings {
        // A tariff that cannot be has stopped the start before.
        let terms = self.stated_terms().unwrap_or_default();
        let first = |of_name: ConfiguredTerms| of_name.terms.into_iter().next().map(|dated| dated.term);
        let keyed = |term: Term| Some((term.name(), self.stated.key_of(&term)?));
        StatedSettings {
            keys: self.stated.all().collect(),
            terms: terms.into_iter().filter_map(first).filter_map(keyed).collect(),
            public_url: self.public_url.clone(),
        }
    }

    /// What [`Config::terms`] says without defaults: what a command records that may run without the server's configuration.
    ///
    /// # Errors
    /// As [`Config::terms`].
    pub fn stated_terms(&self) -> Result<Vec<ConfiguredTerms>, ConfigError> {
        Ok(self.terms()?.into_iter().filter(|of_name| of_name.is_stated).collect())
    }
}
