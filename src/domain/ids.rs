use std::fmt;

use jiff::Timestamp;
use uuid::Uuid;

/// One accepted request in the ledger. A UUID version 7 (RFC 9562), so ids sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(Uuid);

impl RequestId {
    /// The id of a request that came at `now`, told from its neighbours by `random`.
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// The id as its 36-character text.
    pub fn to_text(self) -> String {
        self.0.hyphenated().to_string()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// The ledger's row number of an API key. Never shown; people see the key's public id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(i64);

impl KeyId {
    /// The key in row `row`.
    pub const fn new(row: i64) -> Self {
        Self(row)
    }

    /// The row number.
    pub const fn get(self) -> i64 {
        self.0
    }
}
