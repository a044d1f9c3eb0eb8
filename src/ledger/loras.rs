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
    use tempfile::TempDir;

    use crate::{
        domain::KeyId,
        ledger::{Ledger, store::testing},
    };

    /// Migrations before that of LoRAs.
    const EARLIER: usize = 18;

    #[test]
    fn a_settled_request_from_before_loras_is_kept_and_has_none() {
        let directory = TempDir::new().expect("a directory");
        let file = directory.path().join("ledger.sqlite3");
        let id = testing::make_earlier_request(&file, EARLIER);
        let ledger = Ledger::open(&file).expect("brought up to date");
        let stored = ledger.stored_request(id, KeyId::new(1)).expect("no error").expect("the request");
        assert_eq!((stored.loras, stored.images.len()), (vec![], 1));
        let settled = ledger.settled(id).expect("no error").expect("the request");
        assert_eq!((settled.loras, settled.images.len()), (vec![], 1));
    }
}
