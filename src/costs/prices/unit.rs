use serde::{Deserialize, Serialize};

/// What a list price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PriceUnit {
    /// One image of any size.
    Image,
    /// A million pixels, charged by the pixel.
    Megapixel,
    /// An image of a size and a quality.
    Table,
    /// A month, with images included.
    Plan,
}

crate::domain::words!(PriceUnit, "a unit": Image = "image", Megapixel = "megapixel", Table = "table", Plan = "plan");
