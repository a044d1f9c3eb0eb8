use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};

/// Whether every moment of `day` is one, whatever the zone: of the last year that dates have, not every day is.
pub fn has_moments(day: Date) -> bool {
    day.year() < Date::MAX.year()
}

/// Which moments are which days: those of one time zone, or of several, one after the other, each from the first day of
/// a month on.
///
/// ```
/// use jiff::{Timestamp, civil::date, tz::TimeZone};
/// use tintype::domain::Calendar;
///
/// let (berlin, tokyo) = (TimeZone::fixed(jiff::tz::offset(1)), TimeZone::fixed(jiff::tz::offset(9)));
/// let moved = Calendar::from(berlin).then(date(2026, 12, 1), tokyo);
/// // November ends in Berlin, and December begins there and then.
/// assert_eq!(moved.start_of(date(2026, 12, 1)).to_string(), "2026-11-30T23:00:00Z");
/// assert_eq!(moved.start_of(date(2026, 12, 2)).to_string(), "2026-12-01T15:00:00Z");
/// let moment: Timestamp = "2026-11-30T22:59:59Z".parse().unwrap();
/// assert_eq!(moved.to_datetime(moment).date(), date(2026, 11, 30));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    first: TimeZone,
    later: Vec<Move>,
}

/// A change of the zone.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Move {
    /// The first day in the new zone.
    day: Date,
    /// Its first moment, which is that of the zone before: no moment is in two days or in none.
    at: Timestamp,
    zone: TimeZone,
}

impl Calendar {
    /// Days of UTC.
    pub const UTC: Self = Self { first: TimeZone::UTC, later: Vec::new() };

    /// The same until `day`, and in `zone` from then on. Moves to that day or later ones are forgotten.
    #[must_use]
    pub fn then(mut self, day: Date, zone: TimeZone) -> Self {
        self.later.retain(|change| change.day < day);
        if *self.last_zone() != zone {
            let at = self.start_of(day);
            self.later.push(Move { day, at, zone });
        }
        self
    }

    /// The zone at `moment`.
    pub fn zone_at(&self, moment: Timestamp) -> &TimeZone {
        self.moved_by(|change| change.at <= moment).map_or(&self.first, |change| &change.zone)
    }

    /// The last zone.
    pub fn last_zone(&self) -> &TimeZone {
        self.later.last().map_or(&self.first, |change| &change.zone)
    }

    /// `moment` by the clock on the wall.
    pub fn to_datetime(&self, moment: Timestamp) -> DateTime {
        match self.moved_by(|change| change.at <= moment) {
            None => self.first.to_datetime(moment),
            // The new zone may be a day behind at first.
            Some(change) => change.zone.to_datetime(moment).max(change.day.into()),
        }
    }

    /// The first moment of `day`; the first or last that there is if the day is beyond all moments.
    pub fn start_of(&self, day: Date) -> Timestamp {
        let beyond = if day.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
        let in_zone = |zone: &TimeZone| zone.to_zoned(day.into()).map_or(beyond, |zoned| zoned.timestamp());
        match self.moved_by(|change| change.day <= day) {
            None => in_zone(&self.first),
            Some(change) if change.day == day => change.at,
            // The new zone may be a day ahead at first.
            Some(change) => in_zone(&change.zone).max(change.at),
        }
    }

    fn moved_by(&self, is_by_then: impl Fn(&Move) -> bool) -> Option<&Move> {
        self.later.iter().rev().find(|change| is_by_then(change))
    }
}

impl From<TimeZone> for Calendar {
    fn from(zone: TimeZone) -> Self {
        Self { first: zone, later: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{
        civil::date,
        tz::{TimeZone, offset},
    };

    use super::*;

    fn fixed(hours: i8) -> TimeZone {
        TimeZone::fixed(offset(hours))
    }

    #[test]
    fn every_moment_has_one_day_wherever_the_zone_moves() {
        let first = date(2026, 12, 1);
        for (from, to) in [(14, -12), (-12, 14), (8, 1), (1, 8), (0, 0)] {
            let moved = Calendar::from(fixed(from)).then(first, fixed(to));
            let at = moved.start_of(first);
            assert_eq!(at, Calendar::from(fixed(from)).start_of(first), "from {from} to {to}");
            let mut before = moved.to_datetime(at - jiff::SignedDuration::from_hours(60));
            for minute in -60 * 60..=60 * 60 {
                let moment = at + jiff::SignedDuration::from_mins(minute);
                let day = moved.to_datetime(moment).date();
                assert!(moved.start_of(day) <= moment, "from {from} to {to}, {moment}");
                assert!(
                    moment < moved.start_of(day.tomorrow().expect("a day")),
                    "from {from} to {to}, {moment}"
                );
                assert!(before.date() <= day, "days do not run back");
                assert_eq!(day < first, moment < at);
                before = moved.to_datetime(moment);
            }
        }
    }

    #[test]
    fn a_later_word_replaces_the_moves_after_it() {
        let moved = Calendar::from(fixed(1))
            .then(date(2026, 12, 1), fixed(8))
            .then(date(2027, 1, 1), fixed(9))
            .then(date(2026, 12, 1), fixed(1));
        assert_eq!(moved, Calendar::from(fixed(1)), "back to where it was, before it was left");
    }
}
