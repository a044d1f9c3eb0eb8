use candle_core::{DType, Device};
use candle_nn::Activation;
use candle_transformers::models::z_image::TextEncoderConfig;

#[cfg(feature = "cuda")]
use super::super::card;
use super::super::source::TransformerConfig;

/// Which kernels compute the transformer's blocks and the text encoder's layers if the weights have 16 bits.
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
pub enum Arithmetic {
    /// Each operation by itself, products in the weights' format.
    Plain,
    /// In mixed precision, what belongs together in one kernel.
    Mixed,
}

crate::domain::words!(KernelChoice, "a choice of kernels": Auto = "auto", Own = "own", Candle = "candle");

impl KernelChoice {
    /// What it means for a transformer in `dtype` on `device`.
    pub(in crate::pipeline) fn arithmetic(
        self,
        config: &TransformerConfig,
        dtype: DType,
        device: &Device,
    ) -> Arithmetic {
        let is_asked = self.asks_for_ours(dtype, device);
        if is_asked && is_served(config, device) {
            return Arithmetic::Mixed;
        }
        if is_asked && self == Self::Own {
            tracing::warn!("the fused kernels do not support this model on this device; using candle's");
        }
        Arithmetic::Plain
    }
}

impl KernelChoice {
    /// Whether our kernels norm and convolve the maps of the autoencoder on `device`: where they are asked for, until they were
    /// measured.
    #[cfg(feature = "cuda")]
    pub(in crate::pipeline) fn serves_maps(self, device: &Device) -> bool {
        matches!((self, device), (Self::Own, Device::Cuda(cuda)) if card::runs_fused_kernels(cuda))
    }
}

impl KernelChoice {
    /// What it means for a text encoder in `dtype` on `device`: for one whose layers ours do not compute, candle's.
    pub(in crate::pipeline) fn encoder_arithmetic(
        self,
        config: &TextEncoderConfig,
        dtype: DType,
        device: &Device,
    ) -> Arithmetic {
        if !self.asks_for_ours(dtype, device) {
            return Arithmetic::Plain;
        }
        let is_known = !config.attention_bias
            && config.hidden_act == Activation::Silu
            && config.head_dim.is_multiple_of(2)
            && config.num_attention_heads.is_multiple_of(config.num_key_value_heads.max(1));
        if is_known && has_heads(config.head_dim, device) {
            return Arithmetic::Mixed;
        }
        if self == Self::Own {
            tracing::warn!(
                "the fused kernels do not support this text encoder on this device; using candle's"
            );
        }
        Arithmetic::Plain
    }

    fn asks_for_ours(self, dtype: DType, device: &Device) -> bool {
        matches!(dtype, DType::F16 | DType::BF16)
            && match self {
                Self::Auto => device.is_cpu(),
                Self::Own => true,
                Self::Candle => false,
            }
    }
}

crate::domain::words!(Arithmetic, "an arithmetic": Plain = "plain", Mixed = "mixed");

/// Whether queries and keys are normalised, without which 16 bits may not hold them, and [`has_heads`].
fn is_served(config: &TransformerConfig, device: &Device) -> bool {
    config.qk_norm && has_heads(config.head_dim(), device)
}

/// On a card, whether `Launch::attention` has a kernel for heads of `head_dim` numbers, Z-Image's of 128 among them, and the card what
/// the kernels are made of.
#[cfg_attr(not(feature = "cuda"), expect(unused_variables, reason = "only a card minds"))]
fn has_heads(head_dim: usize, device: &Device) -> bool {
    match device {
        Device::Cpu => true,
        #[cfg(feature = "cuda")]
        Device::Cuda(cuda) => matches!(head_dim, 64 | 128) && card::runs_fused_kernels(cuda),
        _ => false,
    }
}

crate::units::deserialize_from_str!(KernelChoice);
