use std::{fmt, str::FromStr};

use jiff::{Timestamp, tz::TimeZone};
use rusqlite::{Connection, params};

use super::{
    Ledger, LedgerError, MonthTotals,
    totals::{self, SUMS, read_sums},
};

/// By what a month's entries are sorted into groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// The key that asked.
    Key,
    /// The tag that the client sent.
    Tag,
    /// The model that painted.
    Model,
    /// Width and height.
    Size,
    /// The quality that was asked for.
    Quality,
    /// The calendar day of the entry.
    Day,
}

/// A word that is no [`GroupBy`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` makes no groups; write key, tag, model, size, quality or day")]
pub struct GroupByError(String);

/// The entries of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupTotals {
    /// What they have in common: a key's public id, a tag, `1024x1024`, `2026-11-23`. None: nothing was noted.
    pub group: Option<String>,
    /// What the owner calls the key; none for other groups.
    pub title: Option<String>,
    /// Their sums.
    pub totals: MonthTotals,
}

impl GroupBy {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Key, Self::Tag, Self::Model, Self::Size, Self::Quality, Self::Day];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Tag => "tag",
            Self::Model => "model",
            Self::Size => "size",
            Self::Quality => "quality",
            Self::Day => "day",
        }
    }

    /// The column that tells groups apart; none for days, which depend on a zone.
    const fn column(self) -> Option<&'static str> {
        match self {
            Self::Key => Some("keys.public_id"),
            Self::Tag => Some("requests.tag"),
            Self::Model => Some("requests.model"),
            Self::Size => Some("entries.width || 'x' || entries.height"),
            Self::Quality => Some("requests.quality"),
            Self::Day => None,
        }
    }
}

impl FromStr for GroupBy {
    type Err = GroupByError;

    fn from_str(text: &str) -> Result<Self, GroupByError> {
        Self::ALL.into_iter().find(|by| by.as_str() == text).ok_or_else(|| GroupByError(text.to_owned()))
    }
}

impl fmt::Display for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Ledger {
    /// The sums from `start` up to, not including, `end`, and the same in groups, which add up to them. Days come in
    /// order, other groups with the dearest first.
    ///
    /// # Errors
    /// [`LedgerError`] where SQLite refuses or a sum is out of range.
    pub fn grouped_totals(
        &self,
        by: GroupBy,
        start: Timestamp,
        end: Timestamp,
        zone: &TimeZone,
    ) -> Result<(MonthTotals, Vec<GroupTotals>), LedgerError> {
        let mut reader = self.reader();
        // One view of the ledger for both, so that a picture settled meanwhile is in both or in neither.
        let view = reader.transaction()?;
        let totals = totals::between(&view, start, end)?;
        let groups = match by.column() {
            Some(column) => by_column(&view, by, column, start, end)?,
            None => by_day(&view, start, end, zone)?,
        };
        Ok((totals, groups))
    }
}

fn by_column(
    connection: &Connection,
    by: GroupBy,
    column: &str,
    start: Timestamp,
    end: Timestamp,
) -> Result<Vec<GroupTotals>, LedgerError> {
    let title = if by == GroupBy::Key { "keys.name" } else { "NULL" };
    let sql = format!(
        "SELECT {SUMS}, {column} AS common, {title} AS title
         FROM entries JOIN requests ON requests.id = request_id JOIN keys ON keys.id = key_id
         WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2
         GROUP BY common ORDER BY sum(standard_nano) DESC, common"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![start.as_millisecond(), end.as_millisecond()], |row| {
        Ok(GroupTotals { group: row.get("common")?, title: row.get("title")?, totals: read_sums(row)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Days on which there is anything to tell.
fn by_day(
    connection: &Connection,
    start: Timestamp,
    end: Timestamp,
    zone: &TimeZone,
) -> Result<Vec<GroupTotals>, LedgerError> {
    let mut days = Vec::new();
    let mut begin = start;
    while begin < end {
        let day = zone.to_datetime(begin).date();
        let next = day.tomorrow().and_then(|tomorrow| zone.to_zoned(tomorrow.into()));
        let next = next.map_or(end, |next| next.timestamp().min(end));
        let totals = totals::between(connection, begin, next)?;
        if totals != MonthTotals::default() {
            days.push(GroupTotals { group: Some(day.to_string()), title: None, totals });
        }
        begin = next;
    }
    Ok(days)
}
