use jiff::Timestamp;

/// What a listing says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Its path.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// When it was written, by the clock of whoever keeps it.
    pub modified: Timestamp,
}
