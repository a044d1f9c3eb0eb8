use std::collections::HashMap;

use super::{Purchase, PurchaseRow, PurchaseState, Resolution};
use crate::{
    costs::BoughtPrice,
    domain::{ImageSize, RequestId},
    ledger::{
        LedgerError,
        store::{Conn, Row, params},
    },
    units::{Currency, Money},
};

/// The purchase of `request`; none if nothing was bought for it.
pub(in crate::ledger) fn of_request(
    conn: &Conn<'_>,
    request: RequestId,
) -> Result<Option<Purchase>, LedgerError> {
    conn.query_first(&format!("{ALL} WHERE request_id = ?1"), params![request.to_text()], purchase)
}

/// The purchases of requests from `first` to `last`, by their requests.
pub(in crate::ledger) fn of_requests(
    conn: &Conn<'_>,
    first: RequestId,
    last: RequestId,
) -> Result<HashMap<RequestId, Purchase>, LedgerError> {
    let sql = format!("{ALL} WHERE request_id >= ?1 AND request_id <= ?2");
    let rows = conn.query(&sql, params![first.to_text(), last.to_text()], |row| {
        let id = RequestId::from_digits(&row.get::<String>("request_id")?);
        Ok::<_, LedgerError>((id.ok_or(LedgerError::OutOfRange { what: "request_id" })?, purchase(row)?))
    })?;
    Ok(rows.into_iter().collect())
}

/// Every purchase with what was found out about it.
pub(super) const ALL: &str = "
    SELECT purchases.*, recorded_at_ms, purchase_resolutions.list_nano AS found_list_nano, paid_nano, note, actor
    FROM purchases LEFT JOIN purchase_resolutions ON purchase_id = purchases.id";

/// A row of [`ALL`].
pub(super) fn whole(row: &Row<'_>) -> Result<PurchaseRow, LedgerError> {
    let out_of_range = |what| LedgerError::OutOfRange { what };
    let (id, code): (String, String) = (row.get("request_id")?, row.get("currency")?);
    Ok(PurchaseRow {
        request: RequestId::from_digits(&id).ok_or(out_of_range("purchases.request_id"))?,
        purchase: purchase(row)?,
        currency: Currency::meant_by(&code).ok_or(out_of_range("purchases.currency"))?,
        begun_at: row.get("begun_at_ms")?,
    })
}

fn resolution(row: &Row<'_>) -> Result<Option<Resolution>, LedgerError> {
    let Some(recorded_at) = row.get("recorded_at_ms")? else { return Ok(None) };
    Ok(Some(Resolution {
        recorded_at,
        list: Money::from_nano(row.get("found_list_nano")?),
        paid: Money::from_nano(row.get("paid_nano")?),
        note: row.get("note")?,
        actor: row.get("actor")?,
    }))
}

/// The ledger's currency, as the purchase of `request` has it.
pub(super) fn currency(conn: &Conn<'_>, request: RequestId) -> Result<Currency, LedgerError> {
    let sql = "SELECT currency FROM purchases WHERE request_id = ?1";
    let code: String = conn.query_one(sql, params![request.to_text()], |row| row.get(0))?;
    Currency::meant_by(&code).ok_or(LedgerError::OutOfRange { what: "purchases.currency" })
}

fn purchase(row: &Row<'_>) -> Result<Purchase, LedgerError> {
    let out_of_range = |what| LedgerError::OutOfRange { what };
    let size = ImageSize::new(row.get("width")?, row.get("height")?);
    let state = row.get::<String>("state")?.parse::<PurchaseState>();
    Ok(Purchase {
        seller: row.get("seller")?,
        images: row.get("images")?,
        size: size.map_err(|_| out_of_range("purchases.width"))?,
        price: price(row)?,
        here: Money::from_nano(row.get("here_nano")?),
        why: row.get("why")?,
        state: state.map_err(|_| out_of_range("purchases.state"))?,
        outcome: row.get("outcome")?,
        resolution: resolution(row)?,
    })
}

fn price(row: &Row<'_>) -> Result<BoughtPrice, LedgerError> {
    let code: String = row.get("list_currency")?;
    Ok(BoughtPrice {
        sku: row.get("sku")?,
        list: Money::from_nano(row.get("list_nano")?),
        list_currency: Currency::meant_by(&code)
            .ok_or(LedgerError::OutOfRange { what: "purchases.list_currency" })?,
        exchange_rate: Money::from_nano(row.get("exchange_rate_nano")?),
        price: Money::from_nano(row.get("price_nano")?),
    })
}
