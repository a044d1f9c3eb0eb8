use jiff::{
    civil::date,
    tz::{Offset, TimeZone, TimeZoneDatabase},
};

use super::{Config, ConfigError};

impl Config {
    /// The zone in which days and months are counted. One without a name is the machine's, as TZ=CST-8 writes it.
    ///
    /// # Errors
    /// [`ConfigError::TimeZone`] for a name that is not known, [`ConfigError::MachineZone`] for such a name in TZ.
    pub fn zone(&self) -> Result<TimeZone, ConfigError> {
        match &self.time_zone {
            None => machine_zone(std::env::var("TZ").ok()),
            Some(name) => zone_named(name).ok_or_else(|| ConfigError::TimeZone(name.clone())),
        }
    }
}

/// The machine's zone; `variable` is TZ. A machine that names none, as containers do, counts in UTC.
fn machine_zone(variable: Option<String>) -> Result<TimeZone, ConfigError> {
    let zone = match (TimeZone::try_system(), variable) {
        (Ok(zone), _) => zone,
        // The machine may name a zone that its own database lacks.
        (Err(_), Some(name)) if !name.is_empty() => {
            zone_named(&name).ok_or(ConfigError::MachineZone(name))?
        }
        (Err(_), _) => return Ok(TimeZone::UTC),
    };
    Ok(if zone.iana_name().is_none() && is_utc(&zone) { TimeZone::UTC } else { zone })
}

/// Whether the clock of `zone` is UTC's, as far as anybody counts: at the beginning of each month from 1970 to 2100.
fn is_utc(zone: &TimeZone) -> bool {
    let months = (1970..2100).flat_map(|year| (1..=12).map(move |month| date(year, month, 1)));
    months
        .filter_map(|day| TimeZone::UTC.to_timestamp(day.into()).ok())
        .all(|moment| zone.to_offset(moment) == Offset::UTC)
}

/// A zone of the machine's database, or of the one that was compiled in: containers often have none of their own.
fn zone_named(name: &str) -> Option<TimeZone> {
    let zone = TimeZone::get(name).or_else(|_| TimeZoneDatabase::bundled().get(name)).ok();
    // Etc/Unknown is a name for none.
    zone.filter(|zone| !zone.is_unknown())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_utcs_only_if_it_always_is() {
        let named = |name: &str| zone_named(name).expect(name);
        for name in ["UTC", "Etc/UTC", "Etc/GMT", "Africa/Abidjan"] {
            assert!(is_utc(&named(name)), "{name}");
        }
        for name in ["Europe/London", "Atlantic/Reykjavik", "Asia/Shanghai", "Africa/Monrovia"] {
            assert_eq!(is_utc(&named(name)), name == "Atlantic/Reykjavik", "{name}");
        }
        assert!(is_utc(&TimeZone::posix("UTC0").expect("a zone")));
        assert!(!is_utc(&TimeZone::posix("CST-8").expect("a zone")));
        assert!(zone_named("Etc/Unknown").is_none() && zone_named("Asia/Shangai").is_none());
    }
}
