use serde::Deserialize;

use crate::units::Money;

/// Depreciation by units: (price − residual) · share / lifetime images.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hardware {
    /// What it was.
    pub name: String,
    /// What was paid for it.
    pub price: Money,
    /// What it will be sold for.
    pub residual: Money,
    /// How much of it works for Tintype, in percent.
    pub share_percent: u32,
    /// Images it is expected to generate in its life.
    pub lifetime_images: u64,
}

impl Default for Hardware {
    fn default() -> Self {
        Self {
            name: "example: RTX 4090 workstation".into(),
            price: Money::from_nano(17_300_000_000_000),
            residual: Money::from_nano(7_000_000_000_000),
            share_percent: 100,
            lifetime_images: 30_000,
        }
    }
}
