//! What work was priced with: a row for each card that was ever used.

use sha2::{Digest, Sha256};

use super::{
    LedgerError,
    exact_json::exact_json,
    store::{Conn, params},
};
use crate::costs::RateCard;

/// The number of `card`'s row, which is written if there is none.
pub(super) fn keep(conn: &Conn<'_>, card: &RateCard) -> Result<i64, LedgerError> {
    let json = exact_json(card)?;
    let sha256: [u8; 32] = Sha256::digest(&json).into();
    let sql = "SELECT id FROM rate_cards WHERE sha256 = ?1";
    if let Some(id) = conn.query_first(sql, params![sha256], |row| row.get(0))? {
        return Ok(id);
    }
    let sql = "INSERT INTO rate_cards (sha256, card) VALUES (?1, ?2) RETURNING id";
    conn.query_one(sql, params![sha256, json], |row| row.get(0))
}

/// A card as it is stored.
pub(super) fn read(card: &str) -> Result<RateCard, LedgerError> {
    Ok(serde_json::from_str(card)?)
}
