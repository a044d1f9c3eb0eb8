use super::{LedgerError, store::Row};
use crate::domain::LoraUse;

const OUT_OF_RANGE: LedgerError = LedgerError::OutOfRange { what: "requests.loras" };

/// The column `loras` of a request with these; none without any.
pub(super) fn to_json(loras: &[LoraUse]) -> Result<Option<String>, LedgerError> {
    let json = (!loras.is_empty()).then(|| serde_json::to_string(loras)).transpose();
    json.map_err(|_| OUT_OF_RANGE)
}

/// The LoRAs in a row's column `loras`.
pub(super) fn from_row(row: &Row<'_>) -> Result<Vec<LoraUse>, LedgerError> {
    row.get::<Option<String>>("loras")?.map_or(Ok(Vec::new()), |json| from_json(&json))
}

/// The names of the LoRAs in a column `loras`, sorted, with commas between: a set of LoRAs is one group, in whatever
/// order and at whatever weights they were asked for.
pub(super) fn names(json: &str) -> Result<String, LedgerError> {
    let mut names: Vec<_> = from_json(json)?.into_iter().map(|lora| lora.name).collect();
    names.sort();
    Ok(names.join(", "))
}

fn from_json(json: &str) -> Result<Vec<LoraUse>, LedgerError> {
    serde_json::from_str(json).map_err(|_| OUT_OF_RANGE)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tempfile::TempDir;

    use crate::{
        domain::{KeyId, RequestId},
        ledger::{
            Ledger,
            store::{params, testing},
        },
    };

    /// Migrations before that of LoRAs.
    const EARLIER: usize = 18;

    #[test]
    fn a_settled_request_from_before_loras_is_kept_and_has_none() {
        let directory = TempDir::new().expect("a directory");
        let file = directory.path().join("ledger.sqlite3");
        let at = Timestamp::from_millisecond(1_790_000_000_000).expect("a time");
        let id = RequestId::new(at, [1; 10]);
        for sql in [
            "INSERT INTO keys (id, public_id, name, secret_sha256, scope_images, scope_admin, created_at_ms)
                 SELECT 1, 'abc', 'studio', zeroblob(32), 1, 0, 5 WHERE ?1 <> ''",
            "INSERT INTO requests (id, key_id, body_sha256, state, model, images, reserved_nano, created_at_ms)
                 VALUES (?1, 1, zeroblob(32), 'running', 'tiny', 1, 0, 1790000000000)",
            "INSERT INTO entries (request_id, kind, image_index, images, entered_at_ms, duration_ms, energy_mj,
                 wall_energy_mj, energy_source, currency, electricity_nano, depreciation_nano, upkeep_nano,
                 width, height, steps, seed)
             VALUES (?1, 'image', 0, 1, 1790000000000, 40, 2000, 2200, 'estimated', 'CNY', 1, 2, 3,
                 64, 64, 8, 1)",
            "UPDATE requests SET state = 'settled', ended_at_ms = 1790000000000 WHERE id = ?1",
        ] {
            testing::make_earlier(&file, EARLIER, sql, params![id.to_text()]);
        }
        let ledger = Ledger::open(&file).expect("brought up to date");
        let stored = ledger.stored_request(id, KeyId::new(1)).expect("no error").expect("the request");
        assert_eq!((stored.loras, stored.images.len()), (vec![], 1));
        let settled = ledger.settled(id).expect("no error").expect("the request");
        assert_eq!((settled.loras, settled.images.len()), (vec![], 1));
    }
}
