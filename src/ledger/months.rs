use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rusqlite::params;

use super::{Ledger, LedgerError, unsigned};
use crate::units::{Energy, Millis, Money};

/// A calendar month, `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    first: Date,
}

/// A text that is no month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a month; write YYYY-MM, such as 2026-11")]
pub struct MonthError(String);

impl Month {
    /// The month of `now` in `zone`.
    pub fn of(now: Timestamp, zone: &TimeZone) -> Self {
        Self { first: zone.to_datetime(now).date().first_of_month() }
    }

    /// The month before.
    pub fn previous(self) -> Self {
        Self { first: self.first.yesterday().unwrap_or(self.first).first_of_month() }
    }

    /// The month after.
    pub fn next(self) -> Self {
        Self { first: self.first.last_of_month().tomorrow().unwrap_or(self.first) }
    }

    /// The month's first moment in `zone`.
    pub fn start(self, zone: &TimeZone) -> Timestamp {
        zone.to_zoned(self.first.into()).map_or(Timestamp::MIN, |zoned| zoned.timestamp())
    }

    /// The first moment after the month in `zone`.
    pub fn end(self, zone: &TimeZone) -> Timestamp {
        self.next().start(zone)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), self.first.month())
    }
}

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let error = || MonthError(text.to_owned());
        let (year, month) = text.split_once('-').ok_or_else(error)?;
        let digits = |part: &str, len: usize| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return Err(error());
        }
        let (year, month) = (year.parse().map_err(|_| error())?, month.parse().map_err(|_| error())?);
        Date::new(year, month, 1).map(|first| Self { first }).map_err(|_| error())
    }
}

/// A month's sums over the entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MonthTotals {
    /// Pictures.
    pub images: u64,
    /// Time of the device on pictures.
    pub duration: Millis,
    /// Energy of the device on pictures.
    pub energy: Energy,
    /// Energy at the plug for pictures.
    pub wall_energy: Energy,
    /// Price of that energy.
    pub electricity: Money,
    /// Wear of the hardware.
    pub depreciation: Money,
    /// Everything else.
    pub upkeep: Money,
    /// Electricity, depreciation and upkeep.
    pub standard: Money,
    /// What the pictures would have cost at the compared service.
    pub compared: Money,
    /// That less the standard cost; negative for a loss.
    pub saving: Money,
    /// Pictures that were painted and paid for, but whose client had gone.
    pub undelivered: u64,
    /// Energy at the plug of work that gave no picture.
    pub failed_energy: Energy,
    /// Price of that energy.
    pub failed_electricity: Money,
}

impl Ledger {
    /// The sums from `start` up to, not including, `end`.
    ///
    /// # Errors
    /// [`LedgerError`] where SQLite refuses or a sum is out of range.
    pub fn totals(&self, start: Timestamp, end: Timestamp) -> Result<MonthTotals, LedgerError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT coalesce(sum(entries.images), 0),
                    coalesce(sum(duration_ms)       FILTER (WHERE kind <> 'failed'), 0),
                    coalesce(sum(energy_mj)         FILTER (WHERE kind <> 'failed'), 0),
                    coalesce(sum(wall_energy_mj)    FILTER (WHERE kind <> 'failed'), 0),
                    coalesce(sum(electricity_nano)  FILTER (WHERE kind <> 'failed'), 0),
                    coalesce(sum(depreciation_nano) FILTER (WHERE kind <> 'failed'), 0),
                    coalesce(sum(upkeep_nano)       FILTER (WHERE kind <> 'failed'), 0),
                    coalesce(sum(standard_nano)     FILTER (WHERE kind <> 'failed'), 0),
                    coalesce(sum(compared_nano), 0),
                    coalesce(sum(saving_nano), 0),
                    coalesce(sum(entries.images)    FILTER (WHERE delivered = 0), 0),
                    coalesce(sum(wall_energy_mj)    FILTER (WHERE kind = 'failed'), 0),
                    coalesce(sum(electricity_nano)  FILTER (WHERE kind = 'failed'), 0)
             FROM entries JOIN requests ON requests.id = request_id
             WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2",
        )?;
        let columns: Vec<i64> = statement
            .query_row(params![start.as_millisecond(), end.as_millisecond()], |row| {
                (0..13).map(|column| row.get(column)).collect()
            })?;
        let &[
            images,
            duration,
            energy,
            wall_energy,
            electricity,
            depreciation,
            upkeep,
            standard,
            compared,
            saving,
            undelivered,
            failed_energy,
            failed_electricity,
        ] = columns.as_slice()
        else {
            return Err(LedgerError::OutOfRange { what: "the month's columns" });
        };
        Ok(MonthTotals {
            images: unsigned(images, "images")?,
            duration: Millis::new(unsigned(duration, "duration_ms")?),
            energy: Energy::from_millijoules(unsigned(energy, "energy_mj")?),
            wall_energy: Energy::from_millijoules(unsigned(wall_energy, "wall_energy_mj")?),
            electricity: Money::from_nano(electricity),
            depreciation: Money::from_nano(depreciation),
            upkeep: Money::from_nano(upkeep),
            standard: Money::from_nano(standard),
            compared: Money::from_nano(compared),
            saving: Money::from_nano(saving),
            undelivered: unsigned(undelivered, "undelivered images")?,
            failed_energy: Energy::from_millijoules(unsigned(failed_energy, "failed energy")?),
            failed_electricity: Money::from_nano(failed_electricity),
        })
    }
}

#[cfg(test)]
mod month_tests {
    use super::*;

    #[test]
    fn a_month_is_a_half_open_span_in_its_zone() {
        let month: Month = "2026-12".parse().expect("a month");
        assert_eq!(month.start(&TimeZone::UTC).to_string(), "2026-12-01T00:00:00Z");
        assert_eq!(month.end(&TimeZone::UTC).to_string(), "2027-01-01T00:00:00Z");
        let shanghai = TimeZone::fixed(jiff::tz::offset(8));
        assert_eq!(month.start(&shanghai).to_string(), "2026-11-30T16:00:00Z");
        assert_eq!(Month::of("2026-11-30T16:00:00Z".parse().expect("a time"), &shanghai), month);
        assert_eq!(
            (month.previous().to_string(), month.next().to_string()),
            ("2026-11".into(), "2027-01".into())
        );
    }

    #[test]
    fn what_is_no_month_is_refused() {
        for text in ["", "2026", "2026-13", "2026-00", "26-11", "2026-1", "2026-11-01", "+026-11"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
