use jiff::Timestamp;

use super::{NewPurchase, PurchaseState};
use crate::{
    domain::RequestId,
    ledger::{
        LedgerError,
        closed_days::bookable_at,
        store::{Conn, params},
    },
};

/// What is said of a purchase that was under way when the server died.
const STOPPED: &str = "the server stopped before an answer came";

pub(super) fn insert(conn: &Conn<'_>, new: &NewPurchase<'_>, now: Timestamp) -> Result<(), LedgerError> {
    conn.execute(
        "INSERT INTO purchases
             (request_id, seller, sku, images, width, height, list_currency, list_nano, exchange_rate_nano, currency,
              price_nano, here_nano, why, begun_at_ms, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 'open')",
        params![
            new.request.to_text(),
            new.seller,
            new.price.sku,
            new.images,
            new.size.width(),
            new.size.height(),
            new.price.list_currency.code(),
            new.price.list.as_nano(),
            new.price.exchange_rate.as_nano(),
            new.currency.code(),
            new.price.price.as_nano(),
            new.here.as_nano(),
            new.why,
            now,
        ],
    )?;
    Ok(())
}

/// Ends the open purchase of `request` as `state`, and books what was paid for it, perhaps.
pub(super) fn end(
    conn: &Conn<'_>,
    request: RequestId,
    state: PurchaseState,
    outcome: &str,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let now = bookable_at(conn, now)?;
    let id = request.to_text();
    let images: u32 = conn
        .query_first(
            "SELECT images FROM purchases WHERE request_id = ?1 AND state = 'open'",
            params![id],
            |row| row.get(0),
        )?
        .ok_or(LedgerError::State { id: request, expected: "an open purchase" })?;
    if matches!(state, PurchaseState::Bought | PurchaseState::Doubtful) {
        for index in 0..images {
            conn.execute(
                "INSERT INTO bought_images
                     (request_id, image_index, purchase_id, state, entered_at_ms, seller, sku, list_currency, list_nano,
                      exchange_rate_nano, currency, price_nano, here_nano, width, height)
                 SELECT request_id, CAST(?2 AS BIGINT), id, CAST(?3 AS TEXT), CAST(?4 AS BIGINT), seller, sku, list_currency,
                        list_nano, exchange_rate_nano, currency, price_nano, here_nano, width, height
                 FROM purchases WHERE request_id = ?1",
                params![id, index, state.as_str(), now],
            )?;
        }
    }
    conn.execute(
        "UPDATE purchases SET state = ?2, ended_at_ms = ?3, outcome = ?4 WHERE request_id = ?1",
        params![id, state.as_str(), now, outcome],
    )?;
    Ok(())
}

/// At a start: every purchase that a dead process left open may have been paid for.
pub(in crate::ledger) fn abandon(conn: &Conn<'_>, now: Timestamp) -> Result<(), LedgerError> {
    abandon_those(conn, "SELECT request_id FROM purchases WHERE state = 'open' ORDER BY id", now).map(|_| ())
}

/// In a cluster: the purchases that a dead gateway left open. A gateway that lives holds what it buys.
pub(super) const UNHELD: &str = "SELECT request_id FROM purchases WHERE state = 'open' AND NOT EXISTS (
    SELECT 1 FROM queue WHERE queue.request_id = purchases.request_id AND queue.state = 1 AND worker = gateway)
    ORDER BY id";

/// Books the open purchases that `sql` names as doubtful. Returns how many.
pub(super) fn abandon_those(conn: &Conn<'_>, sql: &str, now: Timestamp) -> Result<usize, LedgerError> {
    let open: Vec<String> = conn.query(sql, params![], |row| row.get(0))?;
    for id in &open {
        let request = RequestId::from_digits(id).ok_or(LedgerError::OutOfRange { what: "request_id" })?;
        tracing::warn!(%request, "a purchase was under way when the server stopped; it is booked as doubtful");
        end(conn, request, PurchaseState::Doubtful, STOPPED, now)?;
    }
    Ok(open.len())
}
