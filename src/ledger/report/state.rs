//! A month's statement as a closing stores it: every figure of the report, and what it was made from.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    GroupBy, Groups,
    read::read_month,
    statement::{Statement, VERSION},
};
use crate::{
    costs::{CostBasis, CostModel},
    domain::Calendar,
    ledger::{
        LedgerError, Month,
        exact_json::exact_json,
        recorded,
        store::{Conn, params},
    },
};

#[derive(Serialize)]
struct WithBasis {
    #[serde(flatten)]
    statement: Statement,
    basis: CostBasis,
}

/// The statement of `month` as it is at `now`, as the text that is stored. The settings, rates, parts and lines of cost that
/// it was made from follow under `basis`.
pub(in crate::ledger) fn state(
    conn: &Conn<'_>,
    costs: &CostModel,
    month: Month,
    operator: &str,
    (calendar, now): (&Calendar, Timestamp),
) -> Result<String, LedgerError> {
    let (mut report, sums) = read_month(conn, costs, month, &GroupBy::ALL, (calendar, now))?;
    let mut groups = std::mem::take(&mut report.groups);
    without_names(conn, &mut groups)?;
    let statement = Statement {
        version: VERSION,
        zone: calendar.zone_at(month.start(calendar)).clone(),
        start: month.start(calendar),
        end: month.end(calendar),
        closed_at: now,
        operator: operator.to_owned(),
        report,
        groups,
        sums,
    };
    let basis = recorded::with_assets(conn, costs)?.basis();
    Ok(exact_json(&WithBasis { statement, basis })?)
}

/// Puts numbers of labels in the place of tags, and takes keys' names out.
fn without_names(conn: &Conn<'_>, groups: &mut [Groups]) -> Result<(), LedgerError> {
    let labels: HashMap<String, i64> = conn
        .query("SELECT text, id FROM labels", params![], |row| Ok((row.get(0)?, row.get(1)?)))?
        .into_iter()
        .collect();
    for kind in groups {
        for group in &mut kind.groups {
            group.title = None;
            if kind.by == GroupBy::Tag {
                group.group = group.group.as_ref().and_then(|tag| labels.get(tag)).map(i64::to_string);
            }
        }
    }
    Ok(())
}
