//! The one way of a request's states, and its ends.

use jiff::Timestamp;

use super::{
    LedgerError,
    closed_days::bookable_at,
    store::{Conn, params},
    webhooks::{self, ImageData},
};
use crate::domain::{EventKind, FailureReason, RequestId};

/// Writes a request's entries and its end.
pub(super) fn end(
    conn: &Conn<'_>,
    id: RequestId,
    state: &str,
    now: Timestamp,
    write: impl FnOnce(&Conn<'_>, Timestamp) -> Result<(), LedgerError>,
) -> Result<(), LedgerError> {
    // If the start could not be noted, it is noted now, without its moment.
    conn.send(BEGIN, params![id.to_text(), None::<Timestamp>])?;
    let now = bookable_at(conn, now)?;
    write(conn, now)?;
    conn.send_one(
        "UPDATE requests SET state = ?2, ended_at_ms = ?3, delivered = CASE ?2 WHEN 'settled' THEN 0 END
         WHERE id = ?1 AND state = 'running'",
        params![id.to_text(), state, now],
        LedgerError::State { id, expected: "open" },
    )
}

/// Notes why a request gave no image, and announces it.
pub(super) fn note_failure(
    conn: &Conn<'_>,
    id: RequestId,
    reason: FailureReason,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let note = "INSERT INTO request_failures (request_id, reason) VALUES (?1, ?2)";
    conn.send(note, params![id.to_text(), reason.as_str()])?;
    let data = ImageData::failed(id, reason.as_str());
    webhooks::announce_image(conn, id, EventKind::ImageFailed, &data, now)
}

/// Ends a request on which no work was done.
pub(super) fn fail_unworked(
    conn: &Conn<'_>,
    id: RequestId,
    reason: FailureReason,
    now: Timestamp,
) -> Result<(), LedgerError> {
    end(conn, id, "failed", now, |conn, now| note_failure(conn, id, reason, now))
}

/// Abandons what is open and in no queue, of a cluster that lost it. Returns how many.
pub(super) fn abandon_lost(conn: &Conn<'_>, now: Timestamp) -> Result<usize, LedgerError> {
    let lost = "UPDATE requests SET state = 'abandoned', ended_at_ms = ?1
                WHERE state IN ('reserved', 'running')
                AND NOT EXISTS (SELECT 1 FROM queue WHERE request_id = requests.id) RETURNING id";
    let lost: Vec<String> = conn.query(lost, params![now], |row| row.get(0))?;
    for id in lost.iter().filter_map(|id| RequestId::from_digits(id)) {
        let data = ImageData::failed(id, "abandoned");
        webhooks::announce_image(conn, id, EventKind::ImageFailed, &data, now)?;
    }
    Ok(lost.len())
}

/// Request ?1: reserved → running, at ?2.
const BEGIN: &str =
    "UPDATE requests SET state = 'running', started_at_ms = ?2 WHERE id = ?1 AND state = 'reserved'";

/// reserved → running, `at` that moment.
pub(super) fn begin(conn: &Conn<'_>, id: RequestId, at: Timestamp) -> Result<(), LedgerError> {
    conn.send_one(BEGIN, params![id.to_text(), at], LedgerError::State { id, expected: "reserved" })
}
