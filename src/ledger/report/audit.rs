//! Figures of reports that an audit compares.

use jiff::{Timestamp, civil::Date};

use super::{MonthSums, bought, entry_sums, read::Source, statement::Statement};
use crate::{
    costs::{CostModel, DaySpan},
    domain::Calendar,
    ledger::{
        AdjustmentKind, BoughtReport, LedgerError, Month, meter, purchases,
        recorded::first_day,
        store::{Conn, params},
    },
    units::Money,
};

/// The sums that each closed month's statement was made from, and the same of its entries and overheads as they are: images,
/// standard cost, electricity of overheads, as a text.
pub(in crate::ledger) fn stated_and_counted(
    conn: &Conn<'_>,
    costs: &CostModel,
    (calendar, now): (&Calendar, Timestamp),
) -> Result<Vec<(Month, String, String)>, LedgerError> {
    let sql = "SELECT month FROM month_statements ORDER BY month";
    let months = conn.query(sql, params![], |row| month_of(&row.get::<String>(0)?))?;
    let mut pairs = Vec::new();
    for month in months {
        let Some(statement) = Statement::of(conn, month)? else { continue };
        let source = Source::read(conn, costs, month.days(), &[], calendar, now)?;
        let totals = entry_sums::sum(source.facts_on(month.days()))?;
        let overheads = meter::overheads(conn, statement.start, statement.end)?;
        let counted = MonthSums { totals, overheads, ..statement.sums };
        let rows = purchases::rows::of_span(conn, statement.start, statement.end)?;
        let bought = bought::report(&rows, None)?;
        let stated_bought = statement.report.overflow.as_ref();
        pairs.push((month, text(&statement.sums, stated_bought), text(&counted, bought.as_ref())));
    }
    Ok(pairs)
}

fn month_of(text: &str) -> Result<Month, LedgerError> {
    text.parse().map_err(|_| LedgerError::OutOfRange { what: "month_statements.month" })
}

fn text(sums: &MonthSums, bought: Option<&BoughtReport>) -> String {
    let MonthSums { totals, overheads, .. } = sums;
    let bought = bought.map_or_else(String::new, |bought| format!(", bought images for {}", bought.paid()));
    format!(
        "{} images for {}, failed work for {} and idle energy for {}{bought}",
        totals.images, totals.standard, totals.failed_electricity, overheads.electricity
    )
}

/// What all months say that the parts have lost, adjustments included, and what the register of parts says.
pub(in crate::ledger) fn depreciation_of_all_months(
    conn: &Conn<'_>,
    costs: &CostModel,
    (calendar, now): (&Calendar, Timestamp),
) -> Result<(Money, Money), LedgerError> {
    let today = calendar.to_datetime(now).date();
    let Some(first) = first_day(conn, calendar, now)? else { return Ok((Money::ZERO, Money::ZERO)) };
    let days = DaySpan { first, end: today.tomorrow().unwrap_or(Date::MAX) };
    let source = Source::read(conn, costs, days, &[], calendar, now)?;
    let (mut month, mut sum) = (Month::of(calendar.start_of(first), calendar), Money::ZERO);
    while month.days().first < days.end {
        let (report, sums) = source.stated_or_read(month)?;
        let mut late = report.adjustments.iter().filter(|one| one.kind == AdjustmentKind::Depreciation);
        let late = late.try_fold(Money::ZERO, |sum, one| sum.plus(one.amount));
        let of_month = late.and_then(|late| sums.cost.depreciation.plus(late))?;
        sum = sum.plus(of_month)?;
        month = month.next();
    }
    Ok((sum, source.cost(days, &Default::default())?.depreciation))
}
