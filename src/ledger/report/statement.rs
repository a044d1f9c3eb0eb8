//! The statement that a closing closed: every figure of the month's report.

use std::collections::HashMap;

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{GroupBy, Groups, MonthReport, MonthSums, WholeMonth};
use crate::ledger::{
    LedgerError, Month,
    store::{Conn, params},
};

/// Version of the statement's form.
pub(super) const VERSION: u32 = 1;

/// A month's statement, as it was closed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Statement {
    pub(super) version: u32,
    /// In whose days it is counted.
    #[serde(with = "jiff::fmt::serde::tz::required")]
    pub(super) zone: TimeZone,
    pub(super) start: Timestamp,
    /// The first moment after it.
    pub(super) end: Timestamp,
    pub(super) closed_at: Timestamp,
    /// Who ran the server.
    pub(super) operator: String,
    pub(super) report: MonthReport,
    /// The report in groups of each kind; tags by their labels' numbers, keys without their names.
    pub(super) groups: Vec<Groups>,
    /// What the report's figures are made from, so that a year can add them up.
    pub(super) sums: MonthSums,
}

impl Statement {
    /// The statement of `month`; none if it is open, or was closed before statements were kept.
    pub(super) fn of(conn: &Conn<'_>, month: Month) -> Result<Option<Self>, LedgerError> {
        let sql = "SELECT statement FROM month_statements WHERE month = ?1";
        let text = conn.query_first(sql, params![month.to_string()], |row| row.get::<String>(0))?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// What the month cost as it was closed; none if its report says nothing of it.
    pub(super) fn whole(&self) -> Option<&WholeMonth> {
        self.report.whole.as_ref()
    }

    /// The report as it was closed, in groups of each of `kinds`, with the names that tags and keys have now.
    pub(super) fn into_report(self, conn: &Conn<'_>, kinds: &[GroupBy]) -> Result<MonthReport, LedgerError> {
        let mut groups: Vec<_> = self.groups;
        groups.retain(|groups| kinds.contains(&groups.by));
        groups.sort_by_key(|groups| kinds.iter().position(|kind| *kind == groups.by));
        with_names(conn, &mut groups)?;
        Ok(MonthReport { groups, ..self.report })
    }
}

/// The way back: the texts that the numbers stand for now.
fn with_names(conn: &Conn<'_>, groups: &mut [Groups]) -> Result<(), LedgerError> {
    let texts = |sql| -> Result<HashMap<String, String>, LedgerError> {
        let rows = conn.query(sql, params![], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.into_iter().collect())
    };
    for kind in groups {
        match kind.by {
            GroupBy::Key => {
                let names = texts("SELECT public_id, name FROM keys")?;
                for group in &mut kind.groups {
                    group.title = group.group.as_ref().and_then(|key| names.get(key)).cloned();
                }
            }
            GroupBy::Tag => {
                let labels = texts("SELECT CAST(id AS TEXT), text FROM labels")?;
                for group in &mut kind.groups {
                    group.group = group.group.as_ref().and_then(|label| labels.get(label)).cloned();
                }
            }
            _ => {}
        }
    }
    Ok(())
}
