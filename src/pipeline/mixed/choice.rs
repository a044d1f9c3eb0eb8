use std::{fmt, str::FromStr};

use candle_core::{DType, Device};

use super::super::config::TransformerConfig;

/// Whose kernels compute the transformer's blocks where the weights have 16 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KernelChoice {
    /// Ours where they were measured: on a CPU. Candle's on a card.
    #[default]
    Auto,
    /// Ours: products in mixed precision, and what is between them in one pass each.
    Own,
    /// Candle's, an operation at a time.
    Candle,
}

/// How the transformer's blocks compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pipeline) enum Arithmetic {
    /// Each operation by itself, products in the weights' format.
    Plain,
    /// In mixed precision, what belongs together in one kernel.
    Mixed,
}

impl KernelChoice {
    const ALL: [Self; 3] = [Self::Auto, Self::Own, Self::Candle];

    /// As it is configured, for example `own`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Own => "own",
            Self::Candle => "candle",
        }
    }

    /// What it means for a transformer in `dtype` on `device`.
    pub(in crate::pipeline) fn arithmetic(
        self,
        config: &TransformerConfig,
        dtype: DType,
        device: &Device,
    ) -> Arithmetic {
        let is_half = matches!(dtype, DType::F16 | DType::BF16);
        match self {
            Self::Auto | Self::Own if is_half && device.is_cpu() => Arithmetic::Mixed,
            Self::Own if is_half && serves_on_card(config) => Arithmetic::Mixed,
            Self::Own if is_half => {
                let head_dim = config.head_dim();
                tracing::warn!(head_dim, "our kernels do not serve this model on a card: candle's are used");
                Arithmetic::Plain
            }
            _ => Arithmetic::Plain,
        }
    }
}

impl Arithmetic {
    /// `plain` or `mixed`.
    pub(in crate::pipeline) const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Mixed => "mixed",
        }
    }
}

/// `Launch::attention` has kernels for these widths of a head, Z-Image's 128 among them; queries and keys must be normalised.
fn serves_on_card(config: &TransformerConfig) -> bool {
    config.qk_norm && matches!(config.head_dim(), 64 | 128)
}

impl fmt::Display for KernelChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KernelChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|choice| choice.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is not a choice of kernels; write auto, own or candle"))
    }
}

crate::units::deserialize_from_str!(KernelChoice);
