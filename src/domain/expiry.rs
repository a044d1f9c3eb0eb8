use std::str::FromStr;

use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};

/// When something ends, as people write it: a day, or a span from now.
///
/// ```
/// use jiff::{Timestamp, tz::TimeZone};
/// use tintype::domain::{Expiry, ExpiryError};
///
/// let now: Timestamp = "2026-11-29T12:00:00Z".parse().expect("a moment");
/// let end = |text: &str| text.parse::<Expiry>().and_then(|expiry| expiry.moment(&TimeZone::UTC, now));
/// assert_eq!(end("30d").expect("in the future").to_string(), "2026-12-29T12:00:00Z");
/// assert_eq!(end("2026-11-01"), Err(ExpiryError::Past));
/// ```
#[derive(Debug, Clone, Copy)]
pub enum Expiry {
    /// At this day's first moment.
    On(Date),
    /// So long after now.
    After(Span),
}

/// An expiry that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpiryError {
    /// Neither a day nor a span.
    #[error("neither a day nor a span of time; write 2027-01-01, 90d or none")]
    Text,
    /// Not after now.
    #[error("not in the future")]
    Past,
    /// Beyond the calendar.
    #[error("further than dates go; write less")]
    Far,
}

impl Expiry {
    /// Its moment, as seen from `now` in `zone`. A day after now is a day of `zone`, whatever its hours.
    ///
    /// # Errors
    /// [`ExpiryError`] if it is not in the future, or further than dates go.
    pub fn moment(self, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, ExpiryError> {
        let at = match self {
            Self::On(date) => zone.to_timestamp(date.into()),
            Self::After(span) => now.to_zoned(zone.clone()).checked_add(span).map(|at| at.timestamp()),
        };
        match at {
            Ok(at) if at > now => Ok(at),
            Ok(_) => Err(ExpiryError::Past),
            Err(_) => Err(ExpiryError::Far),
        }
    }
}

impl FromStr for Expiry {
    type Err = ExpiryError;

    fn from_str(text: &str) -> Result<Self, ExpiryError> {
        // Not the lenient reading, which passes over a time and an offset.
        let date = Date::strptime("%Y-%m-%d", text).map(Self::On);
        date.or_else(|_| text.parse().map(Self::After)).map_err(|_| ExpiryError::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

    #[test]
    fn an_expiry_is_a_day_of_the_zone_or_a_span_from_now() {
        let shanghai = TimeZone::fixed(jiff::tz::offset(8));
        let moment = |text: &str| text.parse::<Expiry>().expect("an expiry").moment(&shanghai, NOW);
        assert_eq!(moment("2027-01-01").expect("a moment").to_string(), "2026-12-31T16:00:00Z");
        assert_eq!(moment("90d").expect("a moment"), NOW + jiff::SignedDuration::from_hours(90 * 24));
        for text in ["2020-01-01", "0s", "5d ago"] {
            assert_eq!(moment(text), Err(ExpiryError::Past), "{text}");
        }
        assert_eq!(moment("9000y"), Err(ExpiryError::Far));
        for text in ["", "soon", "2027-13-01", "2027-01-01T12:00+08:00", "01.01.2027"] {
            assert!(text.parse::<Expiry>().is_err(), "{text}");
        }
    }
}
