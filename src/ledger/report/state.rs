//! A month's statement as a closing stores it: every figure of the report, and what it was made from.

use std::collections::HashMap;

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use super::{
    GroupBy, Groups,
    read::read_month,
    statement::{Statement, VERSION},
};
use crate::{
    costs::{CostBasis, CostModel},
    ledger::{
        LedgerError, Month, recorded,
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
    (zone, now): (&TimeZone, Timestamp),
) -> Result<String, LedgerError> {
    let (mut report, sums) = read_month(conn, costs, month, &GroupBy::ALL, (zone, now))?;
    let mut groups = std::mem::take(&mut report.groups);
    without_names(conn, &mut groups)?;
    let statement = Statement {
        version: VERSION,
        zone: zone.clone(),
        start: month.start(zone),
        end: month.end(zone),
        closed_at: now,
        operator: operator.to_owned(),
        report,
        groups,
        sums,
    };
    let basis = recorded::with_assets(conn, costs)?.basis();
    Ok(quote_decimals(&serde_json::to_string(&WithBasis { statement, basis })?))
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

/// `json` with each number that has a decimal point as a text, so that no reader takes it for a float.
fn quote_decimals(json: &str) -> String {
    let mut quoted = String::with_capacity(json.len() + json.len() / 8);
    let (mut is_text, mut is_escaped) = (false, false);
    let mut rest = json;
    while let Some(c) = rest.chars().next() {
        let is_number = !is_text && (c.is_ascii_digit() || c == '-');
        let taken = match is_number {
            true => rest.find([',', '}', ']']).unwrap_or(rest.len()),
            false => c.len_utf8(),
        };
        let token = &rest[..taken];
        match is_number && token.contains('.') {
            true => quoted.extend(["\"", token, "\""]),
            false => quoted.push_str(token),
        }
        if c == '"' && !is_escaped {
            is_text = !is_text;
        }
        is_escaped = is_text && c == '\\' && !is_escaped;
        rest = &rest[taken..];
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_texts_and_nothing_else_changes() {
        let json = r#"{"a":1.50,"b":[-0.000000001,3,null],"c":"1.5, \"2.5\" \\","d":{"e":12}}"#;
        let quoted = r#"{"a":"1.50","b":["-0.000000001",3,null],"c":"1.5, \"2.5\" \\","d":{"e":12}}"#;
        assert_eq!(quote_decimals(json), quoted);
    }
}
