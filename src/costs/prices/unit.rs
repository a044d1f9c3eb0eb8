use std::fmt;

use serde::Deserialize;

/// What a list price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PriceUnit {
    /// One picture of any size.
    Image,
    /// A million pixels, charged by the pixel.
    Megapixel,
    /// A picture of a size and a quality.
    Table,
    /// A month, with pictures included.
    Plan,
}

impl PriceUnit {
    /// The word in the price book.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Megapixel => "megapixel",
            Self::Table => "table",
            Self::Plan => "plan",
        }
    }
}

impl fmt::Display for PriceUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
