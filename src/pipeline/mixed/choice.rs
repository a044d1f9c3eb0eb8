use std::{fmt, str::FromStr};

use candle_core::{DType, Device};

#[cfg(feature = "cuda")]
use super::super::card;
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
        let is_asked = matches!(dtype, DType::F16 | DType::BF16)
            && match self {
                Self::Auto => device.is_cpu(),
                Self::Own => true,
                Self::Candle => false,
            };
        if is_asked && is_served(config, device) {
            return Arithmetic::Mixed;
        }
        if is_asked && self == Self::Own {
            tracing::warn!("our kernels do not serve this model on this device: candle's are used");
        }
        Arithmetic::Plain
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

/// Whether queries and keys are normalised, without which 16 bits may not hold them; on a card, whether `Launch::attention` has
/// a kernel for its heads, Z-Image's of 128 among them, and the card what the kernels are made of.
fn is_served(config: &TransformerConfig, device: &Device) -> bool {
    config.qk_norm
        && match device {
            Device::Cpu => true,
            #[cfg(feature = "cuda")]
            Device::Cuda(cuda) => matches!(config.head_dim(), 64 | 128) && card::runs_our_kernels(cuda),
            _ => false,
        }
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
