use std::collections::HashMap;

use super::{
    GroupBy, MonthTotals,
    entry_sums::{self, Fact},
};
use crate::ledger::{
    LedgerError,
    store::{Conn, params},
};

/// The entries of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ledger) struct GroupTotals {
    /// What they have in common: a key's public id, a tag, `1024x1024`, `2026-11-23`. None: nothing was noted.
    pub(in crate::ledger) group: Option<String>,
    /// What the owner calls the key; none for other groups.
    pub(in crate::ledger) title: Option<String>,
    pub(in crate::ledger) totals: MonthTotals,
}

/// `facts` in groups, which add up to them. Days come in order, other groups with the dearest first.
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

#[cfg(test)]
impl crate::ledger::Ledger {
    /// The sums from `start` up to, not including, `end`, and the same in groups.
    pub(in crate::ledger) fn grouped_totals(
        &self,
        by: GroupBy,
        start: jiff::Timestamp,
        end: jiff::Timestamp,
        calendar: &crate::domain::Calendar,
    ) -> Result<(MonthTotals, Vec<GroupTotals>), LedgerError> {
        self.store.read(|conn| {
            let facts = entry_sums::read(conn, super::span::EntrySpan { start, end, calendar }, &[by])?;
            Ok((entry_sums::sum(&facts)?, groups(conn, by, &facts)?))
        })
    }
}

/// What their owners call the keys, by public id.
fn key_names(conn: &Conn<'_>) -> Result<HashMap<String, String>, LedgerError> {
    let names =
        conn.query("SELECT public_id, name FROM keys", params![], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(names.into_iter().collect())
}
