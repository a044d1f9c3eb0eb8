use jiff::civil::Date;

/// Days from the first one up to, not including, the end. Empty if the end is not after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaySpan {
    /// The first day.
    pub first: Date,
    /// The first day that is no longer in it.
    pub end: Date,
}

impl DaySpan {
    /// All days.
    pub const ALWAYS: Self = Self { first: Date::MIN, end: Date::MAX };

    /// Whether `day` is one of them.
    pub fn contains(self, day: Date) -> bool {
        self.first <= day && day < self.end
    }

    /// How many they are.
    pub fn days(self) -> u64 {
        u64::try_from(self.first.duration_until(self.end).as_hours() / 24).unwrap_or(0)
    }

    /// The days that are in both.
    pub fn and(self, other: Self) -> Self {
        Self { first: self.first.max(other.first), ..self }.before(other.end)
    }

    /// Those before `day`.
    pub fn before(self, day: Date) -> Self {
        Self { end: self.end.min(day).max(self.first), ..self }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_end_is_not_in_the_span() {
        let november = DaySpan { first: date(2026, 11, 1), end: date(2026, 12, 1) };
        assert_eq!(november.days(), 30);
        assert!(november.contains(date(2026, 11, 30)) && !november.contains(date(2026, 12, 1)));
        assert_eq!(november.before(date(2026, 11, 11)).days(), 10);
        assert_eq!(november.before(date(2026, 1, 1)).days(), 0);
        assert_eq!(november.and(DaySpan::ALWAYS), november);
        let july = DaySpan { first: date(2026, 7, 1), end: date(2026, 8, 1) };
        assert_eq!((november.and(july).days(), july.and(november).days()), (0, 0));
        assert_eq!(DaySpan { first: date(2028, 2, 1), end: date(2028, 3, 1) }.days(), 29);
    }
}
