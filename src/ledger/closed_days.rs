//! Which days and moments are closed, for whoever records something.

use jiff::{Timestamp, civil::Date};

use super::{
    LedgerError, Month,
    store::{Conn, params},
    timestamp,
};
use crate::costs::DaySpan;

/// `now`, or the first moment after all closings if the clock was set back: what is recorded now is not part of them.
pub(super) fn after_closings(conn: &Conn<'_>, now: Timestamp) -> Result<Timestamp, LedgerError> {
    let sql = "SELECT max(closed_at_ms) FROM month_closings";
    let last: Option<i64> = conn.query_one(sql, params![], |row| row.get(0))?;
    timestamp(now.as_millisecond().max(last.map_or(i64::MIN, |last| last + 1)))
}

/// The days of the months that were closed with a statement; none if there is no such month.
pub(super) fn stated_days(conn: &Conn<'_>) -> Result<Option<DaySpan>, LedgerError> {
    let sql = "SELECT min(month), max(month) FROM month_statements";
    let months = conn.query_one(sql, params![], |row| {
        Ok((row.get::<Option<String>>(0)?, row.get::<Option<String>>(1)?))
    })?;
    let (Some(first), Some(last)) = months else { return Ok(None) };
    Ok(Some(DaySpan { first: days_of(&first)?.first, end: days_of(&last)?.end }))
}

/// The first day after all closed months.
pub(super) fn first_open_day(conn: &Conn<'_>) -> Result<Option<Date>, LedgerError> {
    let sql = "SELECT max(month) FROM month_closings";
    let last = conn.query_one(sql, params![], |row| row.get::<Option<String>>(0))?;
    last.map(|last| Ok(days_of(&last)?.end)).transpose()
}

fn days_of(month: &str) -> Result<DaySpan, LedgerError> {
    let month: Month = month.parse().map_err(|_| LedgerError::OutOfRange { what: "month_closings.month" })?;
    Ok(month.days())
}

/// The moment at which something that ends `now` is booked. By a clock that was set back into a closed month, it is the
/// first one after all closed months: an image that was made is booked, and its month stays closed.
pub(super) fn bookable_at(conn: &Conn<'_>, now: Timestamp) -> Result<Timestamp, LedgerError> {
    let sql = "SELECT max(end_ms) FROM month_closings
               WHERE EXISTS (SELECT 1 FROM month_closings WHERE start_ms <= ?1 AND end_ms > ?1)";
    let open_from: Option<Timestamp> = conn.query_one(sql, params![now], |row| row.get(0))?;
    if let Some(at) = open_from {
        tracing::warn!(%now, booked_at = %at, "the clock stands in a closed month; set it right");
    }
    Ok(open_from.unwrap_or(now))
}
