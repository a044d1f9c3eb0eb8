use candle_core::{DType, Device, Result, Tensor};
use candle_transformers::models::z_image::{TextEncoderConfig, ZImageTextEncoder};

use super::weights::{LoadProgress, Weights};

/// Qwen3 up to its last but one layer. The layers are candle-transformers' own, which equal the reference.
pub(super) struct TextEncoder {
    encoder: ZImageTextEncoder,
    device: Device,
}

impl TextEncoder {
    /// Files of Qwen3ForCausalLM call their tensors `model.…`, files of Qwen3Model do not; both are read.
    pub(super) fn load(
        config: &TextEncoderConfig,
        weights: &Weights,
        dtype: DType,
        device: &Device,
        progress: &LoadProgress<'_>,
    ) -> Result<Self> {
        const PREFIX: &str = "model.";
        let drop_prefix = match weights.contains("model.embed_tokens.weight") {
            true => "",
            false => PREFIX,
        };
        let vb = weights.builder(dtype_for(dtype, device), device, drop_prefix, progress);
        Ok(Self { encoder: ZImageTextEncoder::new(config, vb)?, device: device.clone() })
    }

    /// Hidden states of the last but one layer, without the final norm: [1, tokens, hidden] f32.
    pub(super) fn encode(&self, ids: &[u32]) -> Result<Tensor> {
        let ids = Tensor::new(ids, &self.device)?.unsqueeze(0)?;
        self.encoder.forward(&ids)?.to_dtype(DType::F32)
    }
}

/// The library's layers do not scale what overflows f16, so they never run in it: bf16 on a card, f32 on a CPU.
fn dtype_for(dtype: DType, device: &Device) -> DType {
    match dtype {
        DType::F16 if device.is_cpu() => DType::F32,
        DType::F16 => DType::BF16,
        other => other,
    }
}
