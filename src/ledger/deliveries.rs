//! That answers were handed over: append-only rows, since a keyed repeat may fetch an answer days later.

use jiff::Timestamp;

use super::{
    Ledger, LedgerError,
    store::{Conn, Flush, params},
};
use crate::domain::RequestId;

impl Ledger {
    /// Notes at `now` that a settled request's answer was handed over. Until then its images count as undelivered. What
    /// is delivered again stays delivered when it was. A delivery after the closing of the request's month belongs to the
    /// open month, and none is before its request: the clock may have been set back meanwhile.
    ///
    /// # Errors
    /// [`LedgerError::State`] if the request is not settled.
    pub fn note_delivery(&self, id: RequestId, now: Timestamp) -> Result<(), LedgerError> {
        let request = "SELECT delivered, created_at_ms,
                              (SELECT max(closed_at_ms) FROM month_closings
                               WHERE ended_at_ms >= start_ms AND ended_at_ms < end_ms)
                       FROM requests WHERE id = ?1 AND state = 'settled'";
        let insert = "INSERT INTO deliveries (request_id, delivered_at_ms) VALUES (?1, ?2)";
        // Without waiting for the disk: a power cut just after an answer has always been able to take its note.
        self.store.write_with(Flush::WithTheNext, |conn| {
            let found = conn.query_first(request, params![id.to_text()], |row| {
                Ok((row.get::<Option<bool>>(0)?, row.get::<i64>(1)?, row.get::<Option<i64>>(2)?))
            })?;
            match found {
                None => Err(LedgerError::State { id, expected: "settled" }),
                Some((Some(true), ..)) => Ok(()),
                Some((_, created_at, closed_at)) => {
                    let earliest = closed_at.map_or(created_at, |closed| created_at.max(closed + 1));
                    let at = now.as_millisecond().max(earliest);
                    conn.execute(insert, params![id.to_text(), at])?;
                    Ok(())
                }
            }
        })
    }
}

/// Images of closed months whose answers were handed over from `start` up to, not including, `end`, after the closing:
/// their statements count them as undelivered.
pub(super) fn delivered_late(conn: &Conn<'_>, start: Timestamp, end: Timestamp) -> Result<i64, LedgerError> {
    let sql = "SELECT CAST(coalesce(sum(entries.images), 0) AS BIGINT)
               FROM deliveries
               JOIN requests ON requests.id = deliveries.request_id
               JOIN month_closings ON ended_at_ms >= start_ms AND ended_at_ms < end_ms
               JOIN month_statements ON month_statements.month = month_closings.month
               JOIN entries ON entries.request_id = requests.id AND entered_at_ms < end_ms
               WHERE delivered_at_ms >= ?1 AND delivered_at_ms < ?2 AND delivered_at_ms > closed_at_ms";
    conn.query_one(sql, params![start, end], |row| row.get(0))
}
