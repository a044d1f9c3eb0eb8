use std::{fmt, str::FromStr};

use candle_core::{DType, Device};

#[cfg(feature = "cuda")]
use super::super::card;
use super::super::source::TransformerConfig;

/// Which kernels compute the transformer's blocks if the weights have 16 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KernelChoice {
    /// The fused kernels where they were measured, on a CPU; candle's on a CUDA device.
    #[default]
    Auto,
    /// The fused kernels: products in mixed precision, and the passes between them in one kernel each.
    Own,
    /// candle's, one operation at a time.
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
            tracing::warn!("the fused kernels do not support this model on this device; using candle's");
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
            Device::Cuda(cuda) => matches!(config.head_dim(), 64 | 128) && card::runs_fused_kernels(cuda),
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
