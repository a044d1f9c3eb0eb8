//! What decided the pixels of a request's images.

use super::{
    Ledger, LedgerError, rows_by_hash,
    store::{Conn, Row, params},
};
use crate::domain::{Computation, LoraUse, RequestId};

/// Notes what decided the pixels of the images of `request`.
pub(super) fn note(
    conn: &Conn<'_>,
    request: RequestId,
    computation: &Computation,
) -> Result<(), LedgerError> {
    let id = rows_by_hash::keep(conn, "computations", "computation", &serde_json::to_string(computation)?)?;
    let update = "UPDATE requests SET computation = ?2 WHERE id = ?1";
    conn.send(update, params![request.to_text(), id])
}

/// What a row says whose column `computation` is that of the table; none if it was not noted.
pub(super) fn from_row(row: &Row<'_>) -> Result<Option<Computation>, LedgerError> {
    let json = row.get::<Option<String>>("computation")?;
    Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
}

impl Ledger {
    /// What decided the pixels of the images of request `id`, if that was noted, and the LoRAs that were applied.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn computation(&self, id: RequestId) -> Result<(Option<Computation>, Vec<LoraUse>), LedgerError> {
        let sql = "SELECT computations.computation AS computation, loras FROM requests
                   LEFT JOIN computations ON computations.id = requests.computation WHERE requests.id = ?1";
        let found = self.store.read(|conn| {
            conn.query_first(sql, params![id.to_text()], |row| {
                Ok::<_, LedgerError>((from_row(row)?, super::loras::from_row(row)?))
            })
        })?;
        Ok(found.unwrap_or_default())
    }
}
