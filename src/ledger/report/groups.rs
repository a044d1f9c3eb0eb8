use std::{collections::HashMap, fmt, str::FromStr};

use jiff::{Timestamp, tz::TimeZone};

use super::{
    MonthTotals,
    entry_sums::{self, Fact, Span},
};
use crate::ledger::{
    Ledger, LedgerError,
    store::{Conn, params},
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
    /// [`LedgerError`] if the database refuses or a sum is out of range.
    pub fn grouped_totals(
        &self,
        by: GroupBy,
        start: Timestamp,
        end: Timestamp,
        zone: &TimeZone,
    ) -> Result<(MonthTotals, Vec<GroupTotals>), LedgerError> {
        self.store.read(|conn| {
            let facts = entry_sums::read(conn, Span { start, end, zone }, &[by])?;
            Ok((entry_sums::sum(&facts)?, groups(conn, by, &facts)?))
        })
    }
}

/// `facts` in groups.
pub(super) fn groups(conn: &Conn<'_>, by: GroupBy, facts: &[Fact]) -> Result<Vec<GroupTotals>, LedgerError> {
    let titles = if by == GroupBy::Key { key_names(conn)? } else { HashMap::new() };
    let sums = entry_sums::sums_by(facts, |fact| fact.group(by))?;
    let title = |group: &Option<String>| group.as_ref().and_then(|group| titles.get(group).cloned());
    let mut groups: Vec<_> =
        sums.into_iter().map(|(group, totals)| GroupTotals { title: title(&group), group, totals }).collect();
    if by != GroupBy::Day {
        // A stable sort: those that cost the same stay in the order of their names.
        groups.sort_by_key(|group| std::cmp::Reverse(group.totals.standard));
    }
    Ok(groups)
}

/// What their owners call the keys, by public id.
fn key_names(conn: &Conn<'_>) -> Result<HashMap<String, String>, LedgerError> {
    let names =
        conn.query("SELECT public_id, name FROM keys", params![], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(names.into_iter().collect())
}
