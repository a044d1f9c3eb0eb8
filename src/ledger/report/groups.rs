use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    GroupBy, MonthTotals,
    entry_sums::{self, Fact},
    span::EntrySpan,
};
use crate::domain::Calendar;
use crate::ledger::{
    Ledger, LedgerError,
    store::{Conn, params},
};

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
        calendar: &Calendar,
    ) -> Result<(MonthTotals, Vec<GroupTotals>), LedgerError> {
        self.store.read(|conn| {
            let facts = entry_sums::read(conn, EntrySpan { start, end, calendar }, &[by])?;
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
