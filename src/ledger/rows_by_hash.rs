//! Texts that many rows have in common, in tables of their own: a row for each text that was ever used.

use sha2::{Digest, Sha256};

use super::{
    LedgerError,
    store::{Conn, params},
};

/// The number of the row of `table` whose `column` has `text`. It is written if there is none.
pub(super) fn keep(
    conn: &Conn<'_>,
    table: &'static str,
    column: &'static str,
    text: &str,
) -> Result<i64, LedgerError> {
    let sha256: [u8; 32] = Sha256::digest(text).into();
    let sql = format!("SELECT id FROM {table} WHERE sha256 = ?1");
    if let Some(id) = conn.query_first(&sql, params![sha256], |row| row.get(0))? {
        return Ok(id);
    }
    let sql = format!("INSERT INTO {table} (sha256, {column}) VALUES (?1, ?2) RETURNING id");
    conn.query_one(&sql, params![sha256, text], |row| row.get(0))
}
