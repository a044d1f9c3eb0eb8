//! The days that an export's lines are of, in the ways in which people and programs write them.

use jiff::{
    Span, Timestamp, ToSpan,
    civil::{Date, Time, date},
    tz::TimeZone,
};

use crate::costs::DaySpan;

/// What stands between the first and the last day in one cell.
const RANGES: [&str; 7] = [" to ", " - ", " – ", "–", "~", "～", "至"];
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The first year of two digits in which anybody sold images.
const FIRST_YEAR: i16 = 20;

/// Which number comes first in dates such as `10/05/2026` and `26/10/05`, as far as a file shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Order {
    day_first: bool,
    month_first: bool,
    year_first: bool,
    year_last: bool,
}

/// What a cell says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// One day, or a moment in it.
    Day(Date, Option<Time>),
    /// Whole days: a month, a year, or from one day to another.
    Span(DaySpan),
    /// `10/05/2026`, with nothing in the file that shows whether October or May is meant.
    Ambiguous,
}

impl Order {
    /// What the cells of a column give away: a number above 12 is a day.
    pub(super) fn of<'a>(cells: impl Iterator<Item = &'a str>) -> Self {
        let mut order = Self::default();
        for cell in cells {
            if let Some((first, last)) = ends_of_two_digits(cell) {
                order.year_first |= last < FIRST_YEAR && first >= FIRST_YEAR;
                order.year_last |= first < FIRST_YEAR && last >= FIRST_YEAR;
            }
            if let Some((first, second, _)) = numbers_before_a_year(cell) {
                order.day_first |= first > 12;
                order.month_first |= second > 12;
            }
        }
        order
    }

    /// The date that `text` is; none if it is not one.
    pub(super) fn read(self, text: &str) -> Option<Written> {
        let text = text.trim();
        self.read_one(text).or_else(|| self.read_range(text))
    }

    fn read_range(self, text: &str) -> Option<Written> {
        let (first, last) = RANGES.iter().find_map(|mark| text.split_once(mark))?;
        let span = |written| match written {
            Written::Day(day, _) => Some(days(day, day)),
            Written::Span(span) => Some(span),
            Written::Ambiguous => None,
        };
        let (first, last) = (span(self.read_one(first)?)?, span(self.read_one(last)?)?);
        Some(Written::Span(DaySpan { first: first.first, end: last.end })).filter(|_| first.first < last.end)
    }

    fn read_one(self, text: &str) -> Option<Written> {
        let text = text.trim();
        by_number(text).or_else(|| chinese(text)).or_else(|| english(text)).or_else(|| self.parted(text))
    }

    /// `2026-10-31`, `2026/10/5 08:00`, `31.10.2026`, `10/31/2026`, `2026-10`.
    fn parted(self, text: &str) -> Option<Written> {
        let (day, time) = match text.find([' ', 'T', '\t']) {
            Some(at) => (&text[..at], Some(text[at + 1..].trim())),
            None => (text, None),
        };
        let time = match time {
            Some(time) => Some(time_of_day(time)?),
            None => None,
        };
        if let (Some((FIRST_YEAR.., _)), Some(read)) = (ends_of_two_digits(day), year_first(day, time)) {
            match (self.year_first, self.year_last) {
                (true, false) => return Some(read),
                (false, true) => {}
                _ => return Some(Written::Ambiguous),
            }
        }
        if let Some((first, second, year)) = numbers_before_a_year(day) {
            let is_day_first = match (day.contains('.'), first == second, self.day_first, self.month_first) {
                (true, ..) | (_, _, true, false) => true,
                (_, true, ..) | (_, _, false, true) => false,
                _ => return Some(Written::Ambiguous),
            };
            let (month, day) = if is_day_first { (second, first) } else { (first, second) };
            return Some(Written::Day(Date::new(year, month, day).ok()?, time));
        }
        let parts: Vec<&str> = day.split(['-', '/', '.']).collect();
        match parts[..] {
            [year, month, day] if year.len() == 4 => {
                Some(Written::Day(Date::new(number(year)?, number(month)?, number(day)?).ok()?, time))
            }
            [year, month] if year.len() == 4 && time.is_none() => month_of(number(year)?, number(month)?),
            _ => None,
        }
    }
}

/// From `first` to `last`, both counted.
pub(super) fn days(first: Date, last: Date) -> DaySpan {
    DaySpan { first, end: last.tomorrow().unwrap_or(last) }
}

/// The calendar month of `day`.
pub(super) fn month_around(day: Date) -> DaySpan {
    days(day.first_of_month(), day.last_of_month())
}

/// Unix time, `20261031`, `202610`, `2026`, and the day number that a spreadsheet shows without a format.
fn by_number(text: &str) -> Option<Written> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: i64 = text.parse().ok()?;
    let moment = |moment: Timestamp| {
        let moment = TimeZone::UTC.to_datetime(moment);
        Written::Day(moment.date(), Some(moment.time()))
    };
    match text.len() {
        13 => Timestamp::from_millisecond(value).ok().map(moment),
        10 => Timestamp::from_second(value).ok().map(moment),
        8 => Some(Written::Day(
            Date::new(number(&text[..4])?, number(&text[4..6])?, number(&text[6..])?).ok()?,
            None,
        )),
        6 => month_of(number(&text[..4])?, number(&text[4..])?),
        5 => date(1899, 12, 30)
            .checked_add(Span::new().try_days(value).ok()?)
            .ok()
            .map(|day| Written::Day(day, None)),
        4 => {
            let year: i16 = i16::try_from(value).ok().filter(|year| (2000..2100).contains(year))?;
            Some(Written::Span(days(Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?)))
        }
        _ => None,
    }
}

/// `2026年10月5日`, `2026年10月`, `2026年`, with a time behind it or without.
fn chinese(text: &str) -> Option<Written> {
    let (year, rest) = text.split_once('年')?;
    let year: i16 = number(year)?;
    if rest.trim().is_empty() {
        return Some(Written::Span(days(Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?)));
    }
    let (month, rest) = rest.split_once('月')?;
    if rest.trim().is_empty() {
        return month_of(year, number(month)?);
    }
    let (day, time) = rest.split_once(['日', '号'])?;
    let time = match time.trim() {
        "" => None,
        time => Some(time_of_day(time)?),
    };
    Some(Written::Day(Date::new(year, number(month)?, number(day)?).ok()?, time))
}

/// `Oct 1, 2026`, `1 October 2026`, `1-Oct-26`, `Oct 2026`.
fn english(text: &str) -> Option<Written> {
    let words: Vec<&str> = text.split([' ', ',', '-', '.']).filter(|word| !word.is_empty()).collect();
    let month = |word: &str| {
        let short: String = word.to_lowercase().chars().take(3).collect();
        let is_word = word.len() >= 3 && word.chars().all(char::is_alphabetic);
        let place = MONTHS.iter().position(|month| *month == short)?;
        i8::try_from(place + 1).ok().filter(|_| is_word)
    };
    match words[..] {
        [first, second, last] if month(first).is_some() => {
            Some(Written::Day(Date::new(year(last)?, month(first)?, ordinal(second)?).ok()?, None))
        }
        [first, second, last] => {
            Some(Written::Day(Date::new(year(last)?, month(second)?, ordinal(first)?).ok()?, None))
        }
        [first, last] => month_of(year(last)?, month(first)?),
        _ => None,
    }
}

/// Two numbers and a year behind them: `31.10.2026`, `10/31/26`.
fn numbers_before_a_year(text: &str) -> Option<(i8, i8, i16)> {
    let text = text.trim().split([' ', 'T']).next()?;
    let mark = text.chars().find(|c| matches!(c, '.' | '/' | '-'))?;
    let parts: Vec<&str> = text.split(mark).collect();
    match parts[..] {
        [first, second, last] if first.len() <= 2 && matches!(last.len(), 2 | 4) => {
            Some((number(first)?, number(second)?, year(last)?))
        }
        _ => None,
    }
}

/// The first and the last number of `26/10/05`, either of which may be a year. Points are German.
fn ends_of_two_digits(text: &str) -> Option<(i16, i16)> {
    let text = text.trim().split([' ', 'T']).next()?;
    let parts: Vec<&str> = text.split(['/', '-']).collect();
    match parts[..] {
        [first, _, last] if first.len() == 2 && last.len() == 2 => Some((number(first)?, number(last)?)),
        _ => None,
    }
}

/// `26/10/05` as 5 October 2026.
fn year_first(text: &str, time: Option<Time>) -> Option<Written> {
    let parts: Vec<&str> = text.split(['/', '-']).collect();
    let [first, month, day] = parts[..] else { return None };
    Some(Written::Day(Date::new(year(first)?, number(month)?, number(day)?).ok()?, time))
}

fn month_of(year: i16, month: i8) -> Option<Written> {
    Some(Written::Span(month_around(Date::new(year, month, 1).ok()?)))
}

/// Two digits are of this century.
fn year(text: &str) -> Option<i16> {
    let year: i16 = number(text)?;
    match text.len() {
        2 => Some(2000 + year),
        4 => Some(year),
        _ => None,
    }
}

/// `1`, `1st`, `02nd`.
fn ordinal(text: &str) -> Option<i8> {
    number(text.trim_end_matches(|c: char| c.is_ascii_alphabetic()))
}

fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let text = text.trim();
    text.parse().ok().filter(|_| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A time of day; whatever zone stands behind it, days are counted as the file writes them.
fn time_of_day(text: &str) -> Option<Time> {
    let digits = text.split(|c: char| !c.is_ascii_digit() && c != ':').next()?;
    let mut parts = digits.split(':');
    let hour = number(parts.next()?)?;
    let minute = number(parts.next()?)?;
    let second = parts.next().map_or(Some(0), number)?;
    Time::new(hour, minute, second, 0).ok()
}

/// Months in `span`: each day is a part of its month. In parts of [`MONTH`], so that they add up exactly.
pub(super) fn month_parts(span: DaySpan) -> u64 {
    let mut parts = 0;
    let mut first = span.first;
    while first < span.end {
        let next = first.first_of_month().checked_add(1.month()).unwrap_or(span.end);
        let of_month = DaySpan { first, end: next.min(span.end) };
        let days_in_month = u64::from(first.days_in_month().unsigned_abs());
        parts += of_month.days() * (MONTH / days_in_month);
        first = of_month.end;
    }
    parts
}

/// Divisible by 28, 29, 30 and 31.
pub(super) const MONTH: u64 = 377_580;

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Option<Date> {
        match Order::default().read(text)? {
            Written::Day(day, _) => Some(day),
            _ => None,
        }
    }

    #[test]
    fn days_are_read_as_people_and_programs_write_them() {
        let expected = date(2026, 10, 5);
        for text in [
            "2026-10-05",
            "2026/10/5",
            "2026.10.05",
            "20261005",
            "2026年10月5日",
            "2026年10月5日 08:30",
            "2026-10-05T08:00:00Z",
            "2026-10-05T00:00:00-05:00",
            "2026/10/5 8:00",
            "2026-10-05 00:00:00 UTC",
            "05.10.2026",
            "5.10.26",
            "Oct 5, 2026",
            "October 5th, 2026",
            "5 Oct 2026",
            "5-Oct-26",
            "1791158400",
            "1791158400000",
            "46300",
        ] {
            assert_eq!(day(text), Some(expected), "{text}");
        }
        for text in ["Total", "", "2026-13-01", "31.02.2026", "yesterday", "12", "2026-10-05x", "99999999999"]
        {
            assert_eq!(Order::default().read(text), None, "{text}");
        }
    }

    #[test]
    fn months_years_and_ranges_are_spans() {
        let october = Some(Written::Span(days(date(2026, 10, 1), date(2026, 10, 31))));
        for text in [
            "2026-10",
            "2026/10",
            "202610",
            "2026年10月",
            "Oct 2026",
            "2026-10-01 - 2026-10-31",
            "2026.10.01-2026.10.31".replace('-', " - ").as_str(),
            "2026-10-01~2026-10-31",
            "2026-10-01 to 2026-10-31",
            "2026年10月1日至2026年10月31日",
        ] {
            assert_eq!(Order::default().read(text), october, "{text}");
        }
        let year = Some(Written::Span(days(date(2026, 1, 1), date(2026, 12, 31))));
        assert_eq!((Order::default().read("2026"), Order::default().read("2026年")), (year, year));
    }

    #[test]
    fn a_day_above_12_tells_which_number_is_the_month() {
        let read = |cells: &[&str]| Order::of(cells.iter().copied()).read(cells[0]);
        assert_eq!(read(&["10/05/2026"]), Some(Written::Ambiguous));
        assert_eq!(read(&["10/05/2026", "10/31/2026"]), Some(Written::Day(date(2026, 10, 5), None)));
        assert_eq!(read(&["10/05/2026", "31/10/2026"]), Some(Written::Day(date(2026, 5, 10), None)));
        assert_eq!(read(&["10/10/2026"]), Some(Written::Day(date(2026, 10, 10), None)));
        assert_eq!(read(&["10.05.2026"]), Some(Written::Day(date(2026, 5, 10), None)), "points are German");
    }

    #[test]
    fn a_year_of_two_digits_stands_first_or_last_as_the_file_shows() {
        let read = |cells: &[&str]| Order::of(cells.iter().copied()).read(cells[0]);
        let day = |year, month, day| Some(Written::Day(date(year, month, day), None));
        assert_eq!(read(&["26/10/05"]), day(2026, 10, 5), "nobody sold images in 2005");
        assert_eq!(read(&["26-10-31", "26-10-05"]), day(2026, 10, 31));
        assert_eq!(read(&["31/10/26", "05/10/26"]), day(2026, 10, 31));
        assert_eq!(read(&["10/31/26"]), day(2026, 10, 31));
        assert_eq!(read(&["31/10/26"]), Some(Written::Ambiguous), "26 October 2031?");
        assert_eq!(read(&["31.10.26"]), day(2026, 10, 31));
    }

    #[test]
    fn days_are_parts_of_their_months() {
        let parts = |first, last| month_parts(days(first, last));
        assert_eq!(parts(date(2026, 10, 1), date(2026, 10, 31)), MONTH);
        assert_eq!(parts(date(2026, 1, 1), date(2026, 12, 31)), 12 * MONTH);
        assert_eq!(parts(date(2026, 10, 17), date(2026, 11, 15)), 15 * MONTH / 31 + 15 * MONTH / 30);
    }
}
