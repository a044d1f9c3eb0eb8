use std::{fmt, str::FromStr};

use crate::units::{deserialize_from_str, serialize_as_text};

/// By what a month's entries are sorted into groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// The key that asked.
    Key,
    /// The tag that the client sent.
    Tag,
    /// The model.
    Model,
    /// The LoRAs that were applied, by their names.
    Lora,
    /// Width and height.
    Size,
    /// The quality that was asked for.
    Quality,
    /// The calendar day of the entry.
    Day,
}

deserialize_from_str!(GroupBy);
serialize_as_text!(GroupBy);

/// A word that is not a [`GroupBy`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot group by `{0}`; write key, tag, model, lora, size, quality or day")]
pub struct GroupByError(String);

impl GroupBy {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Key, Self::Tag, Self::Model, Self::Lora, Self::Size, Self::Quality, Self::Day];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Tag => "tag",
            Self::Model => "model",
            Self::Lora => "lora",
            Self::Size => "size",
            Self::Quality => "quality",
            Self::Day => "day",
        }
    }
}

impl FromStr for GroupBy {
    type Err = GroupByError;

    fn from_str(text: &str) -> Result<Self, GroupByError> {
        Self::ALL.into_iter().find(|by| by.as_str() == text).ok_or_else(|| GroupByError(text.to_owned()))
    }
}

impl fmt::Display for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
