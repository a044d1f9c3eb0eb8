use std::{fmt, time::Duration};

use rust_decimal::Decimal;

/// A span of time in whole milliseconds.
///
/// ```
/// use std::time::Duration;
///
/// use tintype::units::Millis;
///
/// assert_eq!(Millis::parse_seconds("7.5"), Ok(Millis::new(7_500)));
/// assert_eq!(Millis::new(1_250).to_string(), "1.250 s");
/// assert_eq!(Millis::from_duration_ceil(Duration::from_micros(1)), Millis::new(1), "no work is free");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(u64);

/// A text that is not a span of seconds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time; write seconds with at most 3 decimals, such as 15 or 7.5")]
pub struct SecondsError(String);

impl Millis {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `millis` milliseconds.
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// The span as milliseconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Reads seconds as people write them: `15`, `7.5`.
    ///
    /// # Errors
    /// [`SecondsError`] for anything but a decimal number from 0 on with at most three decimals.
    pub fn parse_seconds(text: &str) -> Result<Self, SecondsError> {
        let decimal = text.trim().parse::<Decimal>().ok().map(|decimal| decimal.normalize());
        let millis = decimal
            .filter(|decimal| decimal.scale() <= 3)
            .and_then(|decimal| decimal.checked_mul(Decimal::ONE_THOUSAND))
            .and_then(|millis| u64::try_from(millis).ok());
        millis.map(Self).ok_or_else(|| SecondsError(text.to_owned()))
    }

    /// The seconds that [`Millis::parse_seconds`] reads: `15`, `7.5`.
    pub fn to_seconds_string(self) -> String {
        super::money::trim_decimal(format!("{}.{:03}", self.0 / 1000, self.0 % 1000), 0)
    }

    /// Whole milliseconds of a [`Duration`], rounded up: work that was done is never free.
    pub fn from_duration_ceil(duration: Duration) -> Self {
        let millis = duration.as_nanos().div_ceil(1_000_000);
        Self(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// This span times `factor_percent` / 100, rounded up.
    pub fn scale_percent_ceil(self, factor_percent: u32) -> Self {
        let scaled = (u128::from(self.0) * u128::from(factor_percent)).div_ceil(100);
        Self(u64::try_from(scaled).unwrap_or(u64::MAX))
    }

    /// The sum, or the longest span where it would not fit.
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The span as whole seconds, rounded up.
    pub const fn as_secs_ceil(self) -> u64 {
        self.0.div_ceil(1000)
    }
}

impl From<Millis> for Duration {
    fn from(span: Millis) -> Self {
        Self::from_millis(span.0)
    }
}

/// Seconds with millisecond digits: `1.250 s`.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0 / 1000, self.0 % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_started_millisecond_counts() {
        assert_eq!(Millis::from_duration_ceil(Duration::from_micros(1)), Millis::new(1));
        assert_eq!(Millis::from_duration_ceil(Duration::from_millis(7)), Millis::new(7));
    }

    #[test]
    fn seconds_are_read_exactly_or_refused() {
        for (text, millis) in [("15", 15_000), ("7.5", 7_500), ("0.001", 1), ("0", 0)] {
            assert_eq!(Millis::parse_seconds(text), Ok(Millis::new(millis)));
            assert_eq!(Millis::new(millis).to_seconds_string(), text);
        }
        for bad in ["", "-1", "0.0001", "15 s", "99999999999999999999"] {
            assert!(Millis::parse_seconds(bad).is_err(), "{bad}");
        }
    }
}
