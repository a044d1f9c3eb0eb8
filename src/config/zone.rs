use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{Config, ConfigError};

impl Config {
    /// The zone in which days and months are counted.
    ///
    /// # Errors
    /// [`ConfigError::TimeZone`] for a name that is not known.
    pub fn zone(&self) -> Result<TimeZone, ConfigError> {
        match &self.time_zone {
            // The machine may name a zone that its own database lacks, as containers do.
            None => Ok(TimeZone::try_system()
                .or_else(|error| std::env::var("TZ").ok().and_then(|name| zone_named(&name)).ok_or(error))
                .unwrap_or(TimeZone::UTC)),
            Some(name) => zone_named(name).ok_or_else(|| ConfigError::TimeZone(name.clone())),
        }
    }
}

/// A zone of the machine's database, or of the one that was compiled in: containers often have none of their own.
fn zone_named(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).or_else(|_| TimeZoneDatabase::bundled().get(name)).ok()
}
