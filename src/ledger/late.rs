//! What comes to light late. A fact that is recorded now may concern days that are closed: a part that was bought then, a
//! retirement, a rent that rose. What it costs on those days is booked beside it, as an adjustment of the open month.

use jiff::{Timestamp, civil::Date};

use super::{
    AdjustmentKind, Evidence, LedgerError, calendar,
    closed_days::{after_closings, stated_days},
    recorded::{first_day, images_on, part_uses, with_assets},
    store::{Conn, params},
};
use crate::{
    costs::{Allocated, CostModel, DaySpan, MonthCost, UpkeepCost, month_cost},
    units::{Currency, Money, RangeError},
};

/// Runs `record`, which writes a fact, and books what this fact costs on days that are closed. The moment that `record` is
/// given is `now`, or the first one after all closings if the clock was set back.
pub(super) fn record<T>(
    conn: &Conn<'_>,
    costs: &CostModel,
    (reason, evidence): (&str, &Evidence<'_>),
    now: Timestamp,
    record: impl FnOnce(Timestamp) -> Result<T, LedgerError>,
) -> Result<T, LedgerError> {
    let now = after_closings(conn, now)?;
    let Some(days) = stated_days(conn)? else { return record(now) };
    let before = cost_of(conn, costs, days, now)?;
    let done = record(now)?;
    let after = cost_of(conn, costs, days, now)?;
    for kind in AdjustmentKind::ALL {
        let amount = amount_of(kind, &after)?.minus(amount_of(kind, &before)?)?;
        if amount != Money::ZERO {
            insert(conn, (kind, amount), (days, costs.currency()), (reason, evidence), now)?;
        }
    }
    Ok(done)
}

/// What parts and lines cost on `days`, by all that is recorded.
fn cost_of(
    conn: &Conn<'_>,
    costs: &CostModel,
    days: DaySpan,
    now: Timestamp,
) -> Result<MonthCost, LedgerError> {
    let (costs, calendar) = (with_assets(conn, costs)?, calendar::kept(conn)?);
    let first = first_day(conn, &calendar, now)?.unwrap_or(Date::MAX);
    let days = days.and(DaySpan { first, end: Date::MAX });
    // Below 0 if more was taken back than made: then nothing was lost.
    let images = |span| Ok(u64::try_from(images_on(conn, span, &calendar)?).unwrap_or(0));
    let uses = part_uses(&costs, days, images)?;
    // Of every line all that it says: what images were charged then is not asked, since a difference is what counts.
    let mut upkeep = UpkeepCost::default();
    for line in costs.lines() {
        let images = images_on(conn, line.days.and(days), &calendar)?;
        upkeep = line.cost_on(days, images).and_then(|cost| upkeep.plus(&cost))?;
    }
    Ok(month_cost(&uses, upkeep, days, Allocated::default())?)
}

/// The amount of a kind in a span's cost.
fn amount_of(kind: AdjustmentKind, cost: &MonthCost) -> Result<Money, RangeError> {
    match kind {
        AdjustmentKind::Depreciation => Ok(cost.depreciation),
        AdjustmentKind::Upkeep => Ok(cost.upkeep),
        AdjustmentKind::Disposal => Money::ZERO.minus(cost.disposal_gain),
    }
}

fn insert(
    conn: &Conn<'_>,
    (kind, amount): (AdjustmentKind, Money),
    (days, currency): (DaySpan, Currency),
    (reason, evidence): (&str, &Evidence<'_>),
    now: Timestamp,
) -> Result<(), LedgerError> {
    conn.execute(
        "INSERT INTO adjustments (recorded_at_ms, kind, currency, amount_nano, first_day, end_day, reason, actor, document)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            now,
            kind.as_str(),
            currency.code(),
            amount.as_nano(),
            days.first.to_string(),
            days.end.to_string(),
            reason,
            evidence.actor,
            evidence.document,
        ],
    )?;
    Ok(())
}
