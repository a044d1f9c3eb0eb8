use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::civil::{Date, DateTime, Time, Weekday, date};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::units::{Money, deserialize_from_str, serialize_as_text};

const MINUTES_A_DAY: u16 = 24 * 60;

/// One `[[costs.tariff]]` of the configuration: a price of electricity, and when it holds. All rows of one
/// `effective_from` are one price sheet, which holds until the next sheet begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TariffRow {
    /// First day of its sheet.
    pub effective_from: Date,
    /// Price of a kilowatt-hour at the plug; below 0 in hours in which the grid pays for what is used.
    pub price_per_kwh: Money,
    /// Hours of the day; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// Months, from 1 to 12; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub months: Option<Vec<i8>>,
    /// Days of the week; none: all.
    #[serde(
        default,
        deserialize_with = "weekdays",
        serialize_with = "weekdays_in_words",
        skip_serializing_if = "Option::is_none"
    )]
    pub weekdays: Option<Vec<Weekday>>,
}

/// Hours of the clock on the wall, `22:00-06:00`: from the first minute up to, not including, the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    from: u16,
    to: u16,
}

/// What is wrong with a tariff.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TariffError {
    /// A row that cannot be.
    #[error("costs.tariff, row {row}: {reason}")]
    Row {
        /// Its place in the configuration, from 1.
        row: usize,
        /// What is wrong and what to write instead.
        reason: &'static str,
    },
    /// Two prices at one time.
    #[error(
        "costs.tariff, rows {first} and {second} both hold on {moment}; give one of them one condition more than the other"
    )]
    Overlap {
        /// The place of one in the configuration, from 1.
        first: usize,
        /// The place of the other.
        second: usize,
        /// A time at which both hold.
        moment: Moment,
    },
    /// A time without a price.
    #[error(
        "costs.tariff from {from} has no price on {moment}; add a row without hours, months and weekdays for all other times"
    )]
    Gap {
        /// First day of the sheet.
        from: Date,
        /// A time at which no row holds.
        moment: Moment,
    },
}

/// What a tariff looks at in a time: `a Monday in January at 22:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    month: i8,
    weekday: Weekday,
    minute: u16,
}

/// Prices of electricity that hold together: at any moment, the row that names the most conditions counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PriceSheet(Vec<TariffRow>);

impl PriceSheet {
    /// One price for all hours, from `effective_from` on.
    pub fn flat(price_per_kwh: Money, effective_from: Date) -> Self {
        let row = TariffRow { effective_from, price_per_kwh, hours: None, months: None, weekdays: None };
        Self(vec![row])
    }

    /// The sheets of a configuration's rows, by their first days. Every sheet is held against every minute of every kind of
    /// day.
    ///
    /// # Errors
    /// [`TariffError`], which names the row, the overlap or the gap.
    pub fn of_rows(rows: &[TariffRow]) -> Result<Vec<(Date, Self)>, TariffError> {
        let mut sheets: BTreeMap<Date, Vec<(usize, &TariffRow)>> = BTreeMap::new();
        for (row, place) in rows.iter().zip(1..) {
            row.check().map_err(|reason| TariffError::Row { row: place, reason })?;
            sheets.entry(row.effective_from).or_default().push((place, row));
        }
        let checked = |(from, sheet): (Date, Vec<(usize, &TariffRow)>)| {
            check_sheet(from, &sheet)?;
            Ok((from, Self(sheet.into_iter().map(|(_, row)| row.clone()).collect())))
        };
        sheets.into_iter().map(checked).collect()
    }

    /// The row that holds at `at`.
    ///
    /// # Errors
    /// None for a sheet that [`PriceSheet::of_rows`] has checked.
    pub(crate) fn row_at(&self, at: DateTime) -> Result<&TariffRow, TariffError> {
        let from = self.0.first().map_or(Date::MIN, |row| row.effective_from);
        row_at(from, &(1..).zip(&self.0), Moment::of(at))
    }

    /// The times of a day, beside midnight, at which its price may change.
    pub(super) fn edges(&self) -> impl Iterator<Item = Time> {
        let minutes = self.0.iter().filter_map(|row| row.hours).flat_map(|hours| [hours.from, hours.to]);
        minutes.filter_map(|minute| {
            let [hour, minute] = [minute / 60, minute % 60].map(i8::try_from);
            Time::new(hour.ok()?, minute.ok()?, 0, 0).ok()
        })
    }

    /// Its rows.
    pub fn rows(&self) -> &[TariffRow] {
        &self.0
    }
}

/// The row of `sheet`, with the rows' places, that holds at `moment` and names most conditions.
fn row_at<'a>(
    from: Date,
    sheet: &(impl Iterator<Item = (usize, &'a TariffRow)> + Clone),
    moment: Moment,
) -> Result<&'a TariffRow, TariffError> {
    let holding = || sheet.clone().filter(|(_, row)| row.holds_at(moment));
    let most = holding().map(|(_, row)| row.conditions()).max();
    let mut best = holding().filter(|(_, row)| Some(row.conditions()) == most);
    match (best.next(), best.next()) {
        (None, _) => Err(TariffError::Gap { from, moment }),
        (Some((_, row)), None) => Ok(row),
        (Some((first, _)), Some((second, _))) => Err(TariffError::Overlap { first, second, moment }),
    }
}

/// Prices only change where hours begin or end, so these minutes stand for all.
fn check_sheet(from: Date, sheet: &[(usize, &TariffRow)]) -> Result<(), TariffError> {
    let hours = || sheet.iter().filter_map(|(_, row)| row.hours);
    let minutes: Vec<_> =
        std::iter::once(0).chain(hours().flat_map(|hours| [hours.from, hours.to])).collect();
    for month in 1..=12 {
        for weekday in Weekday::Monday.cycle_forward().take(7) {
            for minute in &minutes {
                let moment = Moment { month, weekday, minute: minute % MINUTES_A_DAY };
                row_at(from, &sheet.iter().copied(), moment)?;
            }
        }
    }
    Ok(())
}

/// When it holds: `from 2026-10-01, 22:00-06:00, in months 6 7 8, on Saturday Sunday`.
impl fmt::Display for TariffRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {}", self.effective_from)?;
        self.conditions_in_words().map_or(Ok(()), |conditions| write!(f, ", {conditions}"))
    }
}

impl TariffRow {
    fn check(&self) -> Result<(), &'static str> {
        let is_empty = self.months.as_ref().is_some_and(Vec::is_empty)
            || self.weekdays.as_ref().is_some_and(Vec::is_empty);
        let months = self.months.as_deref().unwrap_or_default();
        if is_empty {
            return Err("an empty list never holds; leave it out to hold always");
        }
        if !months.iter().all(|month| (1..=12).contains(month)) {
            return Err("months are numbers from 1 to 12");
        }
        Ok(())
    }

    /// `22:00-06:00, in months 6 7 8, on Saturday Sunday`; none if it always holds.
    pub fn conditions_in_words(&self) -> Option<String> {
        let list = |items: Vec<String>| items.join(" ");
        let hours = self.hours.map(|hours| hours.to_string());
        let months = self.months.as_ref();
        let months =
            months.map(|months| format!("in months {}", list(months.iter().map(i8::to_string).collect())));
        let days = self.weekdays.as_ref();
        let days =
            days.map(|days| format!("on {}", list(days.iter().map(|day| format!("{day:?}")).collect())));
        let all: Vec<_> = [hours, months, days].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    fn conditions(&self) -> usize {
        [self.hours.is_some(), self.months.is_some(), self.weekdays.is_some()]
            .into_iter()
            .filter(|is| *is)
            .count()
    }

    fn holds_at(&self, moment: Moment) -> bool {
        self.hours.is_none_or(|hours| hours.contains(moment.minute))
            && self.months.as_ref().is_none_or(|months| months.contains(&moment.month))
            && self.weekdays.as_ref().is_none_or(|weekdays| weekdays.contains(&moment.weekday))
    }
}

impl Hours {
    /// Hours whose end is before their start go on after midnight.
    fn contains(self, minute: u16) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

/// `22:00-06:00`
impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

impl FromStr for Hours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let minute = |clock: &str| -> Option<u16> {
            let (hour, minute) = clock.trim().split_once(':')?;
            let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_digit());
            let parts = (two_digits(hour) && two_digits(minute)).then_some((hour, minute))?;
            let (hour, minute): (u16, u16) = (parts.0.parse().ok()?, parts.1.parse().ok()?);
            (minute < 60).then_some(hour * 60 + minute).filter(|minute| *minute <= MINUTES_A_DAY)
        };
        let read = || {
            let (from, to) = text.split_once('-')?;
            Some(Self { from: minute(from)?, to: minute(to)? })
        };
        read().filter(|hours| hours.from != hours.to && hours.from < MINUTES_A_DAY).ok_or_else(|| {
            format!("`{text}` is not a time range; write 08:00-22:00, or 22:00-06:00 over midnight")
        })
    }
}

deserialize_from_str!(Hours);
serialize_as_text!(Hours);

/// The way back of [`weekdays`].
fn weekdays_in_words<S: Serializer>(days: &Option<Vec<Weekday>>, serializer: S) -> Result<S::Ok, S::Error> {
    let word = |day: &Weekday| format!("{day:?}").to_lowercase().chars().take(3).collect::<String>();
    days.as_ref().map(|days| days.iter().map(word).collect::<Vec<_>>()).serialize(serializer)
}

/// Days of the week as the configuration writes them, `mon` to `sun`.
fn weekdays<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Weekday>>, D::Error> {
    let names = Option::<Vec<String>>::deserialize(deserializer)?;
    let weekday = |name: &String| {
        let named = |day: &Weekday| format!("{day:?}").to_lowercase().starts_with(name) && name.len() == 3;
        let day = Weekday::Monday.cycle_forward().take(7).find(named);
        day.ok_or_else(|| D::Error::custom(format!("`{name}` is not a day of the week; write mon to sun")))
    };
    names.map(|names| names.iter().map(weekday).collect()).transpose()
}

impl Moment {
    fn of(at: DateTime) -> Self {
        let minute = i16::from(at.hour()) * 60 + i16::from(at.minute());
        Self { month: at.month(), weekday: at.weekday(), minute: minute.unsigned_abs() }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Any year has such a day.
        let day = date(2026, self.month, 1).nth_weekday_of_month(1, self.weekday).map_err(|_| fmt::Error)?;
        let (hour, minute) = (self.minute / 60, self.minute % 60);
        write!(f, "a {} at {hour:02}:{minute:02}", day.strftime("%A in %B"))
    }
}

#[cfg(test)]
mod tests;
