use std::{fmt, num::ParseIntError, str::FromStr};

use jiff::Timestamp;
use uuid::Uuid;

/// One accepted request in the ledger. A UUID version 7 (RFC 9562), so ids sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(Uuid);

impl RequestId {
    /// The id of a request that came at `now`, kept apart from its neighbours by `random`.
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// The id as its 36-character text.
    pub fn to_text(self) -> String {
        self.0.hyphenated().to_string()
    }

    /// The id as 32 hexadecimal digits, for names of files.
    pub fn to_digits(self) -> String {
        self.0.simple().to_string()
    }

    /// The id that [`RequestId::to_digits`] or [`RequestId::to_text`] wrote; none for any other text.
    pub fn from_digits(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().filter(|id| id.get_version_num() == 7).map(Self)
    }

    /// When the request came, to the millisecond.
    pub fn created_at(self) -> Timestamp {
        let (seconds, nanos) = self.0.get_timestamp().map_or((0, 0), |stamp| stamp.to_unix());
        let seconds = i64::try_from(seconds).unwrap_or(0);
        Timestamp::new(seconds, i32::try_from(nanos).unwrap_or(0)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Declares ids that clients see: OpenAI's prefix, and a UUID version 7 in 32 hexadecimal digits, so that they sort by time.
macro_rules! client_ids {
    ($($(#[doc = $doc:literal])* $name:ident = $prefix:literal;)*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub struct $name(Uuid);

            impl $name {
                /// The id of what was made at `now`, kept apart from its neighbours by `random`.
                pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
                    Self(RequestId::new(now, random).0)
                }

                /// When it was made, to the millisecond.
                pub fn created_at(self) -> Timestamp {
                    RequestId(self.0).created_at()
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, concat!($prefix, "{}"), self.0.simple())
                }
            }

            impl FromStr for $name {
                type Err = ClientIdError;

                fn from_str(text: &str) -> Result<Self, ClientIdError> {
                    let digits = text.strip_prefix($prefix).filter(|digits| digits.len() == 32);
                    let id = digits.and_then(RequestId::from_digits).map(|id| Self(id.0));
                    // One text for each id: capitals are not ours.
                    id.filter(|id| id.to_string() == text).ok_or(ClientIdError)
                }
            }
        )*
    };
}

client_ids! {
    /// A file that a client uploaded, or that a batch wrote: `file-` and 32 digits.
    FileId = "file-";
    /// A batch: `batch_` and 32 digits.
    BatchId = "batch_";
    /// An endpoint of webhooks: `we_` and 32 digits.
    EndpointId = "we_";
    /// A process of a cluster, from its joining to its end: `node_` and 32 digits.
    NodeId = "node_";
}

/// What a worker of a cluster holds a request by. Drawn for each, so that whoever comes late has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claim(u64);

impl Claim {
    /// The claim with these digits. Of the 64 bits, 63 are used: a database's integers are signed.
    pub const fn new(random: u64) -> Self {
        Self(random & (u64::MAX >> 1))
    }

    /// The number that it is.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// 16 digits.
impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Claim {
    type Err = ClientIdError;

    fn from_str(text: &str) -> Result<Self, ClientIdError> {
        let claim = u64::from_str_radix(text, 16).map(Self::new).map_err(|_| ClientIdError)?;
        // One text for each.
        if claim.to_string() == text { Ok(claim) } else { Err(ClientIdError) }
    }
}

/// A text that this server has never given out as an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this server")]
pub struct ClientIdError;

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

/// The ledger's row number of an asset, by which people name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssetId(i64);

impl AssetId {
    /// The asset in row `row`.
    pub const fn new(row: i64) -> Self {
        Self(row)
    }

    /// The row number.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for AssetId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_when_it_was_made_and_is_read_back() {
        let now = Timestamp::from_millisecond(1_790_000_000_123).expect("a time");
        let id = RequestId::new(now, [1; 10]);
        assert_eq!(id.created_at(), now);
        assert_eq!(RequestId::from_digits(&id.to_digits()), Some(id));
        assert_eq!(RequestId::from_digits(&id.to_text()), Some(id));
        assert_eq!(RequestId::from_digits("67e55044-10b1-426f-9247-bb680e5fe0c8"), None, "version 4");
    }

    #[test]
    fn an_id_that_clients_see_has_one_text() {
        let now = Timestamp::from_millisecond(1_790_000_000_123).expect("a time");
        let id = FileId::new(now, [0xab; 10]);
        let text = id.to_string();
        assert!(text.starts_with("file-01") && text.len() == 37, "{text}");
        assert_eq!(text.parse(), Ok(id));
        let others =
            [text.to_uppercase(), format!("{text}0"), text[5..].to_owned(), text.replace("file-", "batch_")];
        for other in others {
            assert_eq!(other.parse::<FileId>(), Err(ClientIdError), "{other}");
        }
        assert!(
            FileId::new(now + jiff::SignedDuration::from_secs(1), [0; 10]).to_string() > text,
            "they sort by time"
        );
    }
}
