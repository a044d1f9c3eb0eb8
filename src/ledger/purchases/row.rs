use std::collections::HashMap;

use super::{Purchase, PurchaseState};
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
    conn.query_first("SELECT * FROM purchases WHERE request_id = ?1", params![request.to_text()], purchase)
}

/// The purchases of requests from `first` to `last`, by their requests.
pub(in crate::ledger) fn of_requests(
    conn: &Conn<'_>,
    first: RequestId,
    last: RequestId,
) -> Result<HashMap<RequestId, Purchase>, LedgerError> {
    let sql = "SELECT * FROM purchases WHERE request_id >= ?1 AND request_id <= ?2";
    let rows = conn.query(sql, params![first.to_text(), last.to_text()], |row| {
        let id = RequestId::from_digits(&row.get::<String>("request_id")?);
        Ok::<_, LedgerError>((id.ok_or(LedgerError::OutOfRange { what: "request_id" })?, purchase(row)?))
    })?;
    Ok(rows.into_iter().collect())
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
